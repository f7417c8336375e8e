//! The hub as connections see it, fed with commits made by hand.

use std::sync::atomic::{AtomicU64, Ordering};

use hansard_events::{
    Body, CommandId, ConversationEvent, ConversationKind, Event, Fingerprint, HistoryAccess, Member,
    MemberRole, MessageKind, Posting, Private, Recorded, SessionEnd, StreamName, Timestamp, UserEvent,
};
use hansard_write_side::Committed;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

const ADA: u128 = 1;
const BOB: u128 = 2;
const CAT: u128 = 3;
const ROOM: u128 = 100;

fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number)).unwrap()
}

fn room(number: u128) -> ConversationId {
    ConversationId::new(Uuid::from_u128(number)).unwrap()
}

fn session(number: u128) -> SessionId {
    SessionId::new(Uuid::from_u128(number)).unwrap()
}

fn member(number: u128) -> Member {
    Member { user: user(number), role: MemberRole::Member }
}

fn positions(text: &str) -> Positions {
    text.parse().unwrap()
}

fn created(members: &[u128]) -> ConversationEvent {
    ConversationEvent::Created {
        kind: ConversationKind::Group,
        history: HistoryAccess::Joined,
        posting: Posting::Everyone,
        members: members.iter().map(|number| member(*number)).collect(),
        title: Some(Private::Open("Launch".to_owned())),
    }
}

fn sent(text: &str) -> ConversationEvent {
    let body: Body = json!({ "text": text });
    ConversationEvent::MessageSent { kind: MessageKind::Text, reply_to: None, body: Private::Open(body) }
}

struct House {
    hub: Hub,
    live: LiveFeed,
    heads: Arc<Mutex<Positions>>,
    stop: CancellationToken,
    tracker: TaskTracker,
    versions: AtomicU64,
}

impl House {
    fn new() -> Self {
        Self::with(HubOptions::default())
    }

    fn with(options: HubOptions) -> Self {
        let (live, heads) = (LiveFeed::new(), Arc::new(Mutex::new(Positions::default())));
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let told = Arc::clone(&heads);
        let source = HubSource {
            live: live.clone(),
            heads: Arc::new(move || told.lock().unwrap().clone()),
            cursor: Arc::new(|positions| format!("cursor {positions}")),
        };
        let hub = Hub::start(source, options, &tracker, stop.clone());
        Self { hub, live, heads, stop, tracker, versions: AtomicU64::new(0) }
    }

    fn recorded(&self, stream: StreamName, actor: u128, event: Event) -> Recorded {
        Recorded {
            stream,
            version: self.versions.fetch_add(1, Ordering::SeqCst) + 1,
            at: Timestamp::EPOCH,
            actor: user(actor),
            command: CommandId::derived(0, &[]),
            fingerprint: Fingerprint([0; 16]),
            event,
        }
    }

    fn publish(&self, position: &str, events: Vec<Recorded>) {
        self.live.publish(Committed { position: position.parse().unwrap(), events: events.into() });
    }

    /// Commits an event of the room.
    fn say(&self, position: &str, actor: u128, event: ConversationEvent) {
        let stream = StreamName::Conversation(room(ROOM));
        self.publish(position, vec![self.recorded(stream, actor, Event::Conversation(event))]);
    }

    /// Commits an event of a person.
    fn note(&self, position: &str, actor: u128, event: UserEvent) {
        let stream = StreamName::User(user(actor));
        self.publish(position, vec![self.recorded(stream, actor, Event::User(event))]);
    }

    async fn try_attach(
        &self,
        number: u128,
        conversations: &[u128],
        members_at: &str,
        reached: &str,
    ) -> Result<Attachment, NotAttached> {
        let attach = Attach {
            user: user(number),
            session: session(number),
            hidden: false,
            conversations: conversations.iter().map(|number| room(*number)).collect(),
            members_at: positions(members_at),
            reached: positions(reached),
        };
        self.hub.flush().await;
        self.hub.attach(attach).await
    }

    async fn attach(&self, number: u128, conversations: &[u128], at: &str) -> Attachment {
        self.try_attach(number, conversations, at, at).await.unwrap()
    }

    async fn frames(&self, attachment: &Attachment) -> Vec<Value> {
        self.hub.flush().await;
        let mut frames = Vec::new();
        attachment.queue().take(&mut frames, usize::MAX);
        frames.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect()
    }

    /// What was delivered, shortened: text, or the type of event or frame.
    async fn heard(&self, attachment: &Attachment) -> Vec<String> {
        let short = |frame: Value| {
            let of = |pointer| frame.pointer(pointer).and_then(Value::as_str);
            of("/data/body/text").or(of("/event")).or(of("/type")).unwrap().to_owned()
        };
        self.frames(attachment).await.into_iter().map(short).collect()
    }
}

#[tokio::test]
async fn a_member_hears_what_is_said_in_the_words_of_the_protocol() {
    let house = House::new();
    let ada = house.attach(ADA, &[ROOM], "").await;
    house.say("0-1", BOB, sent("hi"));
    let frame = &house.frames(&ada).await[0];
    assert_eq!(
        *frame,
        json!({
            "type": "event", "conversation": room(ROOM), "seq": 1, "event": "message.sent",
            "at": "1970-01-01T00:00:00.000Z", "actor": user(BOB), "command": CommandId::derived(0, &[]),
            "data": { "kind": "text", "body": { "text": "hi" }, "reply_to": null },
        })
    );
}

#[tokio::test]
async fn type_stands_first_and_private_parts_stand_under_their_names() {
    let house = House::new();
    let ada = house.attach(ADA, &[], "").await;
    house.say("0-1", BOB, created(&[ADA, BOB]));
    house.say("0-2", BOB, ConversationEvent::Renamed { title: Private::Erased });
    house.hub.flush().await;
    let mut frames = Vec::new();
    ada.queue().take(&mut frames, usize::MAX);
    assert!(frames.iter().all(|frame| frame.starts_with(r#"{"type":"event","#)), "{frames:?}");
    let data = |index: usize| serde_json::from_str::<Value>(&frames[index]).unwrap()["data"].clone();
    assert_eq!((&data(0)["title"], &data(0)["kind"]), (&json!("Launch"), &json!("group")));
    assert_eq!(data(1), json!({ "title": null }));
}

#[tokio::test]
async fn the_same_bytes_go_to_everyone() {
    let house = House::new();
    let (ada, bob) = (house.attach(ADA, &[ROOM], "").await, house.attach(BOB, &[ROOM], "").await);
    house.say("0-1", ADA, sent("hi"));
    house.hub.flush().await;
    let (mut one, mut other) = (Vec::new(), Vec::new());
    ada.queue().take(&mut one, usize::MAX);
    bob.queue().take(&mut other, usize::MAX);
    assert_eq!(one[0].as_str().as_ptr(), other[0].as_str().as_ptr());
}

#[tokio::test]
async fn nothing_is_missed_or_doubled_between_the_views_and_live() {
    let house = House::new();
    for sequence in 1..=5 {
        house.say(&format!("0-{sequence}"), BOB, sent(&format!("{sequence}")));
    }
    let ada = house.attach(ADA, &[ROOM], "0-3").await;
    house.say("0-6", BOB, sent("6"));
    assert_eq!(house.heard(&ada).await, ["4", "5", "6"]);
}

#[tokio::test]
async fn a_commit_that_is_told_twice_is_delivered_once() {
    let house = House::new();
    let ada = house.attach(ADA, &[ROOM], "").await;
    house.say("0-1", BOB, sent("one"));
    house.say("0-1", BOB, sent("one"));
    assert_eq!(house.heard(&ada).await, ["one"]);
}

#[tokio::test]
async fn who_enters_hears_from_there_and_who_leaves_hears_up_to_there() {
    let house = House::new();
    let ada = house.attach(ADA, &[ROOM], "").await;
    let bob = house.attach(BOB, &[ROOM], "").await;
    let cat = house.attach(CAT, &[], "").await;
    house.say("0-1", ADA, sent("one"));
    house.say("0-2", ADA, ConversationEvent::MembersAdded { members: vec![member(CAT)] });
    house.say("0-3", ADA, sent("two"));
    house.say("0-4", ADA, ConversationEvent::MemberRemoved { user: user(CAT) });
    house.say("0-5", BOB, ConversationEvent::MemberLeft {});
    house.say("0-6", ADA, sent("three"));
    house.say("0-7", CAT, ConversationEvent::MemberJoined {});
    house.say("0-8", ADA, sent("four"));
    let removed = "member.removed";
    assert_eq!(
        house.heard(&ada).await,
        ["one", "members.added", "two", removed, "member.left", "three", "member.joined", "four"]
    );
    assert_eq!(house.heard(&bob).await, ["one", "members.added", "two", removed, "member.left"]);
    assert_eq!(house.heard(&cat).await, ["members.added", "two", removed, "member.joined", "four"]);
}

#[tokio::test]
async fn membership_that_changes_between_the_views_and_live_is_followed() {
    let house = House::new();
    house.say("0-1", ADA, sent("one"));
    house.say("0-2", ADA, ConversationEvent::MembersAdded { members: vec![member(CAT)] });
    house.say("0-3", ADA, sent("two"));
    house.say("0-4", ADA, ConversationEvent::MemberRemoved { user: user(BOB) });
    house.say("0-5", ADA, sent("three"));
    // The members were read at 1, the views had come to 3 when the changes were read.
    let bob = house.try_attach(BOB, &[ROOM], "0-1", "0-3").await.unwrap();
    let cat = house.try_attach(CAT, &[], "0-1", "0-3").await.unwrap();
    house.say("0-6", ADA, sent("four"));
    assert_eq!(house.heard(&bob).await, ["member.removed"]);
    assert_eq!(house.heard(&cat).await, ["member.removed", "three", "four"]);
}

#[tokio::test]
async fn each_device_of_a_person_hears_and_membership_is_the_persons() {
    let house = House::new();
    let phone = house.attach(ADA, &[ROOM], "").await;
    house.say("0-1", BOB, ConversationEvent::MemberRemoved { user: user(ADA) });
    house.hub.flush().await;
    // The views that the second device has read are older.
    let laptop = house.attach(ADA, &[ROOM], "").await;
    house.say("0-2", BOB, sent("secret"));
    assert_eq!(house.heard(&phone).await, ["member.removed"]);
    assert_eq!(house.heard(&laptop).await, ["member.removed"]);
}

#[tokio::test]
async fn who_stands_before_the_ring_comes_from_the_views_again() {
    let house = House::with(HubOptions { ring_commits: 2, ..HubOptions::default() });
    for sequence in 1..=4 {
        house.say(&format!("0-{sequence}"), BOB, sent("."));
    }
    let behind = house.try_attach(ADA, &[ROOM], "0-1", "0-1").await;
    assert_eq!(behind.unwrap_err(), NotAttached::Behind(positions("0-4")));
    let ada = house.attach(ADA, &[ROOM], "0-2").await;
    assert_eq!(house.heard(&ada).await, [".", "."]);
}

#[tokio::test]
async fn what_was_committed_before_the_start_has_to_be_in_the_views() {
    let heads = Arc::new(Mutex::new(positions("0-7,1-3")));
    let told = Arc::clone(&heads);
    let source = HubSource {
        live: LiveFeed::new(),
        heads: Arc::new(move || told.lock().unwrap().clone()),
        cursor: Arc::new(ToString::to_string),
    };
    let tracker = TaskTracker::new();
    let hub = Hub::start(source, HubOptions::default(), &tracker, CancellationToken::new());
    let attach = |at: &str| Attach {
        user: user(ADA),
        session: session(ADA),
        hidden: false,
        conversations: HashSet::new(),
        members_at: positions(at),
        reached: positions(at),
    };
    assert!(matches!(hub.attach(attach("0-7,1-2")).await, Err(NotAttached::Behind(_))));
    assert!(hub.attach(attach("0-7,1-3")).await.is_ok());
}

#[tokio::test]
async fn one_who_is_too_slow_is_ended_and_the_others_are_not() {
    let house = House::with(HubOptions { queue_frames: 4, ..HubOptions::default() });
    let (slow, quick) = (house.attach(ADA, &[ROOM], "").await, house.attach(BOB, &[ROOM], "").await);
    for sequence in 1..=20 {
        house.say(&format!("0-{sequence}"), CAT, sent("."));
        assert_eq!(house.heard(&quick).await, ["."]);
    }
    assert_eq!(slow.queue().ended(), Some(End::TooSlow));
    assert_eq!(house.heard(&slow).await, [""; 0]);
}

#[tokio::test]
async fn a_replay_that_does_not_fit_the_queue_comes_from_the_views() {
    let house = House::with(HubOptions { queue_frames: 4, ..HubOptions::default() });
    for sequence in 1..=6 {
        house.say(&format!("0-{sequence}"), BOB, sent("."));
    }
    assert!(matches!(house.try_attach(ADA, &[ROOM], "0-1", "0-1").await, Err(NotAttached::Behind(_))));
    assert!(house.try_attach(ADA, &[ROOM], "0-2", "0-2").await.is_ok());
}

#[tokio::test]
async fn a_hole_in_the_feed_sends_everyone_back_to_the_views() {
    let house = House::new();
    let ada = house.attach(ADA, &[ROOM], "").await;
    house.say("0-1", BOB, sent("one"));
    *house.heads.lock().unwrap() = positions("0-3");
    house.say("0-3", BOB, sent("three"));
    assert_eq!(house.heard(&ada).await, [""; 0]);
    assert_eq!(ada.queue().ended(), Some(End::LostTrack));
    assert!(matches!(house.try_attach(ADA, &[ROOM], "0-2", "0-2").await, Err(NotAttached::Behind(_))));
    let again = house.attach(ADA, &[ROOM], "0-3").await;
    house.say("0-4", BOB, sent("four"));
    assert_eq!(house.heard(&again).await, ["four"]);
}

#[tokio::test]
async fn a_feed_that_was_faster_than_the_hub_sends_everyone_back_to_the_views() {
    let house = House::new();
    let ada = house.attach(ADA, &[ROOM], "").await;
    // All of it before the hub runs again: this test has one thread.
    let count = LiveFeed::CAPACITY as u64 + 10;
    for sequence in 1..=count {
        house.publish(&format!("0-{sequence}"), Vec::new());
    }
    *house.heads.lock().unwrap() = positions(&format!("0-{count}"));
    ada.queue().changed().await;
    assert_eq!(ada.queue().ended(), Some(End::LostTrack));
    let again = house.attach(ADA, &[ROOM], &format!("0-{count}")).await;
    house.say(&format!("0-{}", count + 1), BOB, sent("on"));
    assert_eq!(house.heard(&again).await, ["on"]);
}

#[tokio::test]
async fn marks_go_to_the_members_and_not_from_outsiders() {
    let house = House::new();
    let (ada, bob) = (house.attach(ADA, &[ROOM], "").await, house.attach(BOB, &[ROOM], "").await);
    let cat = house.attach(CAT, &[], "").await;
    let moved = || UserEvent::MarkMoved { conversation: room(ROOM), read: 3, received: 4 };
    house.note("0-1", BOB, moved());
    house.note("0-2", CAT, moved());
    let frames = house.frames(&ada).await;
    let mark = json!({
        "type": "mark", "conversation": room(ROOM), "user": user(BOB), "read": 3, "received": 4,
        "at": "1970-01-01T00:00:00.000Z",
    });
    assert_eq!(frames, [mark]);
    assert_eq!(house.heard(&bob).await, ["mark"]);
    assert_eq!(house.heard(&cat).await, [""; 0]);
}

#[tokio::test]
async fn typing_is_told_to_the_other_members_only() {
    let house = House::new();
    let (ada, bob) = (house.attach(ADA, &[ROOM], "").await, house.attach(BOB, &[ROOM], "").await);
    let cat = house.attach(CAT, &[], "").await;
    house.hub.typing(user(ADA), room(ROOM));
    house.hub.typing(user(CAT), room(ROOM));
    assert_eq!(
        house.frames(&bob).await,
        [json!({ "type": "typing", "conversation": room(ROOM), "user": user(ADA) })]
    );
    assert_eq!(house.heard(&ada).await, [""; 0]);
    assert_eq!(house.heard(&cat).await, [""; 0]);
}

#[tokio::test]
async fn a_closed_session_hears_no_more_and_does_not_come_back() {
    let house = House::new();
    let ada = house.attach(ADA, &[ROOM], "").await;
    let bob = house.attach(BOB, &[ROOM], "").await;
    house.say("0-1", BOB, sent("not read yet"));
    house.note("0-2", ADA, UserEvent::SessionClosed { session: session(ADA), reason: SessionEnd::Revoked });
    house.say("0-3", BOB, sent("secret"));
    assert_eq!(house.heard(&ada).await, [""; 0]);
    assert_eq!(ada.queue().ended(), Some(End::SessionClosed));
    assert_eq!(house.heard(&bob).await, ["not read yet", "secret"]);
    let again = house.try_attach(ADA, &[ROOM], "0-3", "0-3").await;
    assert_eq!(again.unwrap_err(), NotAttached::SessionClosed);
}

#[tokio::test]
async fn who_is_gone_costs_nothing() {
    let house = House::new();
    let ada = house.attach(ADA, &[ROOM], "").await;
    let queue = Arc::clone(&ada.queue);
    drop(ada);
    house.hub.flush().await;
    house.say("0-1", BOB, sent("one"));
    house.hub.flush().await;
    assert_eq!(queue.take(&mut Vec::new(), usize::MAX), None);
    assert_eq!(Arc::strong_count(&queue), 1, "the hub has let go of it");
}

#[tokio::test]
async fn presence_is_told_to_those_who_share_a_conversation() {
    let house = House::new();
    let (ada, cat) = (house.attach(ADA, &[ROOM], "").await, house.attach(CAT, &[], "").await);
    house.hub.watch(&ada, vec![user(BOB), user(CAT)]).await;
    house.hub.watch(&cat, vec![user(BOB)]).await;
    let told =
        |number, presence: &str| json!({ "type": "presence", "user": user(number), "presence": presence });
    assert_eq!(house.frames(&ada).await, [told(BOB, "offline"), told(CAT, "offline")]);
    assert_eq!(house.frames(&cat).await, [told(BOB, "offline")]);

    let phone = house.attach(BOB, &[ROOM], "").await;
    assert_eq!(house.frames(&ada).await, [told(BOB, "online")]);
    let laptop = house.attach(BOB, &[ROOM], "").await;
    drop(phone);
    assert_eq!(house.frames(&ada).await, [Value::Null; 0]);
    drop(laptop);
    assert_eq!(house.frames(&ada).await, [told(BOB, "offline")]);
    assert_eq!(house.frames(&cat).await, [Value::Null; 0], "no conversation is shared");

    house.hub.unwatch(&ada, vec![user(BOB)]).await;
    let _again = house.attach(BOB, &[ROOM], "").await;
    assert_eq!(house.frames(&ada).await, [Value::Null; 0]);
}

#[tokio::test]
async fn one_who_hides_appears_offline() {
    let house = House::new();
    let ada = house.attach(ADA, &[ROOM], "").await;
    let attach = Attach {
        user: user(BOB),
        session: session(BOB),
        hidden: true,
        conversations: HashSet::from([room(ROOM)]),
        members_at: Positions::default(),
        reached: Positions::default(),
    };
    let bob = house.hub.attach(attach).await.unwrap();
    house.hub.watch(&ada, vec![user(BOB)]).await;
    assert_eq!(house.frames(&ada).await[0]["presence"], "offline");
    house.say("0-1", ADA, sent("hi"));
    assert_eq!(house.heard(&bob).await, ["hi"]);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_comes_now_and_then_and_covers_what_was_sent() {
    let house = House::with(HubOptions { cursor_frames: 2, ..HubOptions::default() });
    let (ada, cat) = (house.attach(ADA, &[ROOM], "").await, house.attach(CAT, &[], "").await);
    house.say("0-1", BOB, sent("one"));
    house.say("1-1", BOB, sent("two"));
    house.hub.flush().await;
    // Two frames: within a second. Nothing of its own: within the period.
    let mut frames = house.frames(&ada).await;
    while frames.len() < 3 {
        ada.queue().changed().await;
        frames.extend(house.frames(&ada).await);
    }
    assert_eq!(frames[2], json!({ "type": "cursor", "cursor": "cursor 0-1,1-1" }));
    let mut other = house.frames(&cat).await;
    while other.is_empty() {
        cat.queue().changed().await;
        other.extend(house.frames(&cat).await);
    }
    assert_eq!(other, [json!({ "type": "cursor", "cursor": "cursor 0-1,1-1" })]);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(house.frames(&ada).await, [Value::Null; 0], "nothing new, no cursor");
}

#[tokio::test]
async fn when_the_hub_stops_everyone_is_told() {
    let house = House::new();
    let ada = house.attach(ADA, &[ROOM], "").await;
    house.stop.cancel();
    house.tracker.close();
    house.tracker.wait().await;
    assert_eq!(ada.queue().ended(), Some(End::Stopping));
    let again = house.hub.attach(Attach {
        user: user(ADA),
        session: session(ADA),
        hidden: false,
        conversations: HashSet::new(),
        members_at: Positions::default(),
        reached: Positions::default(),
    });
    assert_eq!(again.await.unwrap_err(), NotAttached::Stopped);
}
