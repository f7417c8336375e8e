//! A server on a free port, over a log, views and writer that are made of lists.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::{SinkExt as _, StreamExt as _};
use hansard_events::{
    CommandId, ConversationEvent, ConversationId, ConversationKind, DeviceId, Event, Fingerprint,
    HistoryAccess, MemberRole, Position, Positions, Posting, Private, Recorded, SessionEnd, SessionId,
    StreamName, Timestamp, UserEvent, UserId,
};
use hansard_read_side::{
    AsOf, Changes, Conversation, ConversationChanges, ConversationEventView, QueryError, User,
};
use hansard_write_side::vault::{Tokens, Vault, VaultOptions};
use hansard_write_side::{
    Accepted, Command, CommandBody, CommandBus, CommandError, Committed, ConversationCommand, LiveFeed,
    Rejection, UserCommand,
};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::super::{CATCHING_UP, CatchUp, Shared, Sockets, Timing, router};
use crate::hub::{Hub, HubOptions, HubSource};
use crate::limits::RateLimits;

pub(super) const ADA: u128 = 1;
pub(super) const BOB: u128 = 2;
pub(super) const CAT: u128 = 3;

pub(super) fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number)).unwrap()
}

pub(super) fn room() -> ConversationId {
    ConversationId::new(Uuid::from_u128(100)).unwrap()
}

fn session(number: u128) -> SessionId {
    SessionId::new(Uuid::from_u128(number)).unwrap()
}

/// One room with its members, in partition 0; people are in partition 1.
pub(super) struct World {
    members: Mutex<BTreeSet<UserId>>,
    log: Mutex<Vec<(Position, Recorded)>>,
    heads: Mutex<Positions>,
    /// How far the views are; as far as the log when `None`.
    views: Mutex<Option<Positions>>,
    live: LiveFeed,
    /// Commands wait here while it has no permits.
    pub(super) gate: Semaphore,
    pub(super) waiting: AtomicUsize,
}

impl World {
    fn commit(&self, stream: StreamName, actor: UserId, command: CommandId, event: Event) -> (Position, u64) {
        let partition = u16::from(matches!(stream, StreamName::User(_)));
        let mut log = self.log.lock().unwrap();
        let mut heads = self.heads.lock().unwrap();
        let version = log.iter().filter(|(_, recorded)| recorded.stream == stream).count() as u64 + 1;
        let mut position: Position = format!("{partition}-1").parse().unwrap();
        position.sequence = heads.get(position.partition).next();
        heads.advance(position);
        let (at, fingerprint) = (Timestamp::EPOCH, Fingerprint([0; 16]));
        let recorded = Recorded { stream, version, at, actor, command, fingerprint, event };
        log.push((position, recorded.clone()));
        self.live.publish(Committed { position, events: [recorded].into() });
        (position, version)
    }

    /// Somebody says something, by another way than a socket.
    pub(super) fn say(&self, number: u128, text: &str) {
        let body = Private::Open(json!({ "text": text }));
        let kind = hansard_events::MessageKind::Text;
        let event = ConversationEvent::MessageSent { kind, reply_to: None, body };
        let command = CommandId::derived(0, &[]);
        self.commit(StreamName::Conversation(room()), user(number), command, Event::Conversation(event));
    }

    pub(super) fn remove(&self, number: u128) {
        self.members.lock().unwrap().remove(&user(number));
        let event = ConversationEvent::MemberRemoved { user: user(number) };
        let command = CommandId::derived(0, &[]);
        self.commit(StreamName::Conversation(room()), user(BOB), command, Event::Conversation(event));
    }

    /// The views stay where they are now.
    pub(super) fn hold_views(&self) {
        let heads = self.heads.lock().unwrap().clone();
        *self.views.lock().unwrap() = Some(heads);
    }

    pub(super) fn release_views(&self) {
        *self.views.lock().unwrap() = None;
    }

    pub(super) fn close_session(&self, number: u128) {
        let event = UserEvent::SessionClosed { session: session(number), reason: SessionEnd::SignedOut };
        let command = CommandId::derived(0, &[]);
        self.commit(StreamName::User(user(number)), user(number), command, Event::User(event));
    }

    fn as_of(&self) -> Positions {
        let held = self.views.lock().unwrap().clone();
        held.unwrap_or_else(|| self.heads.lock().unwrap().clone())
    }
}

#[async_trait]
impl CommandBus for World {
    async fn dispatch(&self, command: Command) -> Result<Accepted, CommandError> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _turn = self.gate.acquire().await.unwrap();
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let stream = command.stream();
        let event = match command.body {
            CommandBody::Conversation {
                conversation,
                command: ConversationCommand::Send { kind, body, reply_to },
            } if conversation == room() && self.members.lock().unwrap().contains(&command.actor) => {
                let body = Private::Open(body);
                Event::Conversation(ConversationEvent::MessageSent { kind, reply_to, body })
            }
            CommandBody::User { command: UserCommand::MoveMark { conversation, read, received }, .. } => {
                let (read, received) = (read.unwrap_or_default(), received.unwrap_or_default());
                Event::User(UserEvent::MarkMoved { conversation, read, received })
            }
            _ => return Err(Rejection::ConversationNotFound.into()),
        };
        let (position, version) = self.commit(stream, command.actor, command.id, event);
        let (command, at) = (command.id, Timestamp::EPOCH);
        Ok(Accepted { command, stream, position, version, at, changed: true })
    }

    async fn dispatch_all(&self, _commands: Vec<Command>) -> Vec<Result<Accepted, CommandError>> {
        Vec::new()
    }

    async fn outcome(&self, _actor: UserId, _id: CommandId) -> Result<Option<Accepted>, CommandError> {
        Ok(None)
    }
}

#[async_trait]
impl CatchUp for World {
    async fn user(&self, user: UserId) -> Result<AsOf<User>, QueryError> {
        let name = format!("user{}", user.as_uuid().as_u128());
        let value = User {
            id: user,
            username: Some(name.clone()),
            display_name: Some(name),
            registered_at: Timestamp::EPOCH,
            roles: vec![],
        };
        Ok(AsOf { value, as_of: self.as_of() })
    }

    async fn memberships(&self, viewer: UserId) -> Result<AsOf<Vec<ConversationId>>, QueryError> {
        let member = self.members.lock().unwrap().contains(&viewer);
        Ok(AsOf { value: if member { vec![room()] } else { vec![] }, as_of: self.as_of() })
    }

    async fn sync(
        &self,
        viewer: UserId,
        cursor: Option<&str>,
        _limit: usize,
    ) -> Result<AsOf<Changes>, QueryError> {
        let as_of = self.as_of();
        let since = match cursor.map(str::parse::<Positions>) {
            Some(Err(_)) => return Err(QueryError::BadCursor),
            Some(Ok(since)) if !self.heads.lock().unwrap().holds_all(&since) => {
                return Err(QueryError::ResetRequired { reason: "the cursor is ahead of the log" });
            }
            Some(Ok(since)) => since,
            None => Positions::default(),
        };
        let log = self.log.lock().unwrap();
        let new = |(position, recorded): &&(Position, Recorded)| {
            as_of.holds(*position)
                && !since.holds(*position)
                && matches!(recorded.event, Event::Conversation(_))
        };
        let view = |(_, recorded): &(Position, Recorded)| ConversationEventView {
            conversation: room(),
            seq: recorded.version,
            event: recorded.event_type().to_owned(),
            at: recorded.at,
            actor: recorded.actor,
            command: recorded.command,
            data: match &recorded.event {
                Event::Conversation(ConversationEvent::MessageSent { body, .. }) => {
                    json!({ "body": body.open() })
                }
                _ => json!({}),
            },
        };
        let events: Vec<_> = log.iter().filter(new).map(view).collect();
        let conversation = Conversation {
            id: room(),
            kind: ConversationKind::Group,
            title: Some("Launch".to_owned()),
            history: HistoryAccess::All,
            posting: Posting::Everyone,
            created_at: Timestamp::EPOCH,
            head: events.last().map_or(0, |event| event.seq),
            member_count: 2,
            role: Some(MemberRole::Member),
            read: 0,
            received: 0,
            unread: 0,
            last_message: None,
            peer: None,
            active_at: Timestamp::EPOCH,
        };
        let moved = self.members.lock().unwrap().contains(&viewer) && !events.is_empty();
        let changes = ConversationChanges { conversation, events, limited: false, before: None };
        let value = Changes {
            conversations: if moved { vec![changes] } else { vec![] },
            marks: vec![],
            me: None,
            cursor: as_of.to_string(),
            more: false,
        };
        Ok(AsOf { value, as_of })
    }
}

pub(super) struct Options {
    pub(super) timing: Timing,
    pub(super) rate_limits: bool,
    pub(super) access_lifetime: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { timing: Timing::default(), rate_limits: false, access_lifetime: Duration::from_mins(15) }
    }
}

/// The server.
pub(super) struct House {
    pub(super) world: Arc<World>,
    pub(super) vault: Arc<Vault>,
    pub(super) sockets: Sockets,
    pub(super) address: SocketAddr,
    pub(super) stop: CancellationToken,
    pub(super) tracker: TaskTracker,
    server: tokio::task::JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Drop for House {
    fn drop(&mut self) {
        self.server.abort();
        self.stop.cancel();
    }
}

impl House {
    pub(super) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(super) async fn with(options: Options) -> Self {
        let directory = tempfile::TempDir::new().unwrap();
        let lives = VaultOptions { access_lifetime: options.access_lifetime, ..VaultOptions::default() };
        let vault = Vault::open_with(directory.path(), lives).unwrap();
        let world = Arc::new(World {
            members: Mutex::new(BTreeSet::from([user(ADA), user(BOB)])),
            log: Mutex::default(),
            heads: Mutex::default(),
            views: Mutex::default(),
            live: LiveFeed::new(),
            gate: Semaphore::new(1000),
            waiting: AtomicUsize::new(0),
        });
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let heads = Arc::clone(&world);
        let source = HubSource {
            live: world.live.clone(),
            heads: Arc::new(move || heads.heads.lock().unwrap().clone()),
            cursor: Arc::new(ToString::to_string),
        };
        let hub = Hub::start(source, HubOptions::default(), &tracker, stop.clone());
        let sockets = Sockets(Arc::new(Shared {
            hub,
            bus: Arc::clone(&world) as Arc<dyn CommandBus>,
            vault: Arc::clone(&vault),
            views: Arc::clone(&world) as Arc<dyn CatchUp>,
            limits: Arc::new(RateLimits::new(options.rate_limits)),
            origins: vec!["https://chat.example".to_owned()],
            timing: options.timing,
            catching_up: Semaphore::new(CATCHING_UP),
            stop: stop.clone(),
            tracker: tracker.clone(),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = router(sockets.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { world, vault, sockets, address, stop, tracker, server, _directory: directory }
    }

    pub(super) async fn tokens(&self, number: u128) -> Tokens {
        let device = DeviceId::new(Uuid::from_u128(number)).unwrap();
        self.vault.open_session(user(number), session(number), device).await.unwrap()
    }

    pub(super) fn request(&self, headers: &[(&'static str, &str)]) -> Request {
        let url = format!("ws://{}/v1/connect", self.address);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        request
    }

    /// An open socket that has said nothing yet.
    pub(super) async fn open(&self) -> Client {
        let request = self.request(&[("sec-websocket-protocol", "hansard.v1")]);
        let (inner, response) = connect_async(request).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "hansard.v1");
        Client { inner }
    }

    /// A live connection, and what came before `live`.
    pub(super) async fn connect(&self, number: u128, cursor: Option<&str>) -> (Client, Vec<Value>) {
        let mut client = self.open().await;
        let token = self.tokens(number).await.access_token;
        client.send(&json!({ "type": "hello", "token": token, "cursor": cursor })).await;
        let before = client.until("live").await;
        (client, before)
    }
}

/// The other side.
pub(super) struct Client {
    pub(super) inner: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub(super) async fn send(&mut self, frame: &Value) {
        self.inner.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame, or `None` when the connection is over; then with the code of its close.
    pub(super) async fn next(&mut self) -> Result<Value, Option<u16>> {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(20), self.inner.next());
            match message.await.expect("nothing came") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(close))) => return Err(close.map(|close| close.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    pub(super) async fn frame(&mut self) -> Value {
        self.next().await.unwrap()
    }

    /// Frames up to and including the first of this type.
    pub(super) async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await;
            let found = frame["type"] == kind;
            frames.push(frame);
            if found {
                return frames;
            }
        }
    }

    /// The last frame, which must be this, and the code of the close after it.
    pub(super) async fn end(&mut self, kind: &str) -> (Value, u16) {
        let last = self.until(kind).await.pop().unwrap();
        let code = self.next().await.unwrap_err();
        (last, code.expect("a close with a code"))
    }

    pub(super) async fn command(&mut self, name: &str, data: Value) -> String {
        let id = Uuid::now_v7().to_string();
        self.send(&json!({ "type": "command", "id": id, "name": name, "data": data })).await;
        id
    }

    pub(super) async fn say(&mut self, text: &str) -> String {
        let data = json!({ "conversation": room(), "kind": "text", "body": { "text": text } });
        self.command("message.send", data).await
    }

    /// The results of these commands, by id; other frames are passed over.
    pub(super) async fn results(&mut self, count: usize) -> BTreeMap<String, Value> {
        let mut results = BTreeMap::new();
        while results.len() < count {
            let frame = self.frame().await;
            if frame["type"] == "result" {
                results.insert(frame["id"].as_str().unwrap().to_owned(), frame);
            }
        }
        results
    }
}
