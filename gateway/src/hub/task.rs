//! The task that owns all that the hub knows.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use hansard_api_spec::ws;
use hansard_events::{ConversationId, SessionId, UserId};
use hansard_write_side::Committed;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::encode::{entry, frame};
use super::presence::{Watchers, presence_frame};
use super::queue::{End, Queue, QueueLimits};
use super::ring::{Arrival, Change, Entry, Ring};
use super::roster::{Connection, ConnectionId, Roster};
use super::{Attach, Attachment, Departed, HubOptions, HubSource, NotAttached, Request};

/// How many closed sessions are remembered, for those who attach just then.
const CLOSED_SESSIONS: usize = 4096;

pub(super) struct Task {
    source: HubSource,
    options: HubOptions,
    feed: broadcast::Receiver<Committed>,
    requests: mpsc::Receiver<Request>,
    departed: Arc<Departed>,
    ring: Ring,
    roster: Roster,
    watchers: Watchers,
    closed: VecDeque<SessionId>,
    next_connection: u64,
    /// How many commits were taken.
    commits: u64,
    ticks: u64,
}

impl Task {
    pub(super) fn new(
        source: HubSource,
        options: HubOptions,
        requests: mpsc::Receiver<Request>,
        departed: Arc<Departed>,
    ) -> Self {
        // In this order: what is committed in between is known from both.
        let feed = source.live.subscribe();
        let ring = Ring::new(options.ring(), (source.heads)());
        let roster = Roster::new(options.queue());
        Self {
            source,
            options,
            feed,
            requests,
            departed,
            ring,
            roster,
            watchers: Watchers::default(),
            closed: VecDeque::new(),
            next_connection: 0,
            commits: 0,
            ticks: 0,
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let departed = Arc::clone(&self.departed);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                received = self.feed.recv() => match received {
                    Ok(committed) => self.take(&committed),
                    Err(RecvError::Lagged(missed)) => {
                        self.lose_track(&format!("{missed} commits came faster than they were taken"));
                    }
                    Err(RecvError::Closed) => break,
                },
                Some(request) = self.requests.recv() => self.answer(request),
                () = departed.changed.notified() => {
                    self.departed.take().into_iter().for_each(|connection| self.depart(connection));
                }
                _ = tick.tick() => self.send_cursors(),
            }
        }
        self.roster.end_all(End::Stopping);
    }

    /// Takes a commit: delivers its events and keeps them for those who attach later.
    fn take(&mut self, committed: &Committed) {
        match self.ring.arrival(committed.position) {
            Arrival::Known => return,
            Arrival::Next => {}
            Arrival::Hole => {
                self.lose_track(&format!("something is missing before {}", committed.position));
                // Nobody is connected now. Whoever comes has to know this commit already.
                self.ring.reset(&[committed.position].into_iter().collect());
                return;
            }
        }
        let entries: Vec<Entry> = committed.events.iter().filter_map(entry).collect();
        self.commits += 1;
        for entry in &entries {
            if let Entry::SessionClosed { session, .. } = entry {
                self.closed.push_back(*session);
                if self.closed.len() > CLOSED_SESSIONS {
                    self.closed.pop_front();
                }
            }
            let ended = self.roster.deliver(entry);
            self.let_go(ended);
        }
        self.ring.push(committed.position, entries);
    }

    /// Nobody knows what the connections have missed: all of them must come back.
    fn lose_track(&mut self, reason: &str) {
        tracing::warn!(
            reason,
            connections = self.roster.connections.len(),
            "the hub has lost track of the log"
        );
        metrics::counter!("hansard_hub_lost_track_total").increment(1);
        self.roster.end_all(End::LostTrack);
        self.watchers.clear();
        self.ring.reset(&(self.source.heads)());
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Attach(attach, reply) => {
                // Who asked may be gone: then the attachment is dropped, and leaves.
                drop(reply.send(self.attach(*attach)));
            }
            Request::IsMember { user, conversation, reply } => {
                // Who asked may be gone.
                reply.send(self.roster.is_member(user, conversation)).unwrap_or_default();
            }
            Request::Typing { user, conversation } => {
                let note = ws::TypingNote { conversation, user };
                let frame = frame(&ws::ServerFrame::Typing(note));
                self.roster.offer_to_others(conversation, user, &frame);
            }
            Request::Watch { connection, users } => self.watch(connection, users),
            Request::Unwatch { connection, users } => {
                if let Some(own) = self.roster.connections.get_mut(&connection) {
                    own.watching.retain(|watched| !users.contains(watched));
                    users.into_iter().for_each(|watched| self.watchers.remove(watched, connection));
                }
            }
            #[cfg(test)]
            Request::Flush(reply) => {
                while let Ok(committed) = self.feed.try_recv() {
                    self.take(&committed);
                }
                self.departed.take().into_iter().for_each(|connection| self.depart(connection));
                reply.send(()).unwrap();
            }
        }
    }

    fn attach(&mut self, attach: Attach) -> Result<Attachment, NotAttached> {
        let Attach { user, session, hidden, mut conversations, members_at, reached } = attach;
        if self.closed.contains(&session) {
            return Err(NotAttached::SessionClosed);
        }
        let behind = || NotAttached::Behind(self.ring.head().clone());
        let newer = self.ring.after(&members_at).filter(|_| reached.holds_all(&members_at));
        let queue = Arc::new(Queue::default());
        let mut frames = 0;
        for (position, entry) in newer.ok_or_else(behind)? {
            let frame = replay(entry, user, &mut conversations).filter(|_| !reached.holds(position));
            if let Some(frame) = frame {
                frames += 1;
                if !queue.push(frame, self.options.queue()) {
                    return Err(behind());
                }
            }
        }
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let was_online = self.roster.appears_online(user);
        let connection = Connection {
            user,
            session,
            queue: Arc::clone(&queue),
            hidden,
            watching: Vec::new(),
            since_cursor: frames,
            cursor_at: self.commits,
        };
        self.roster.add(id, connection, conversations);
        if !was_online && !hidden {
            let sharing = self.watchers_who_share(user);
            self.tell_presence(user, true, sharing);
        }
        metrics::gauge!("hansard_hub_connections").set(count(self.roster.connections.len()));
        Ok(Attachment { connection: id, queue, departed: Arc::clone(&self.departed) })
    }

    fn let_go(&mut self, ended: Vec<ConnectionId>) {
        for id in ended {
            metrics::counter!("hansard_hub_ended_total").increment(1);
            self.depart(id);
        }
    }

    fn depart(&mut self, id: ConnectionId) {
        let Some(user) = self.roster.connections.get(&id).map(|connection| connection.user) else { return };
        let was_online = self.roster.appears_online(user);
        let sharing = if was_online { self.watchers_who_share(user) } else { Vec::new() };
        if let Some(connection) = self.roster.remove(id) {
            connection.watching.into_iter().for_each(|watched| self.watchers.remove(watched, id));
        }
        if was_online && !self.roster.appears_online(user) {
            self.tell_presence(user, false, sharing);
        }
        metrics::gauge!("hansard_hub_connections").set(count(self.roster.connections.len()));
    }

    fn watch(&mut self, id: ConnectionId, users: Vec<UserId>) {
        let Some(watcher) = self.roster.connections.get(&id).map(|connection| connection.user) else {
            return;
        };
        for watched in users {
            let Some(own) = self.roster.connections.get_mut(&id) else { return };
            if !own.watching.contains(&watched) {
                if own.watching.len() >= ws::MAX_WATCHED {
                    return;
                }
                own.watching.push(watched);
                self.watchers.add(watched, id);
            }
            let online = self.roster.appears_online(watched) && self.roster.share(watcher, watched);
            self.push(id, presence_frame(watched, online));
        }
    }

    fn watchers_who_share(&self, user: UserId) -> Vec<ConnectionId> {
        let shares = |id: &&ConnectionId| {
            let watcher = self.roster.connections.get(id);
            watcher.is_some_and(|watcher| self.roster.share(user, watcher.user))
        };
        self.watchers.of(user).iter().filter(shares).copied().collect()
    }

    fn tell_presence(&mut self, user: UserId, online: bool, to: Vec<ConnectionId>) {
        let frame = presence_frame(user, online);
        to.into_iter().for_each(|id| self.push(id, frame.clone()));
    }

    /// Cursors for those whose turn it is, and those who have received much since their last.
    fn send_cursors(&mut self) {
        self.ticks += 1;
        let period = self.options.cursor_period.as_secs().max(1);
        let due = |(id, connection): &(&ConnectionId, &Connection)| {
            let turn = id.0 % period == self.ticks % period;
            connection.cursor_at != self.commits
                && (turn || connection.since_cursor >= self.options.cursor_frames)
        };
        let due: Vec<ConnectionId> = self.roster.connections.iter().filter(due).map(|(id, _)| *id).collect();
        if due.is_empty() {
            return;
        }
        let cursor = (self.source.cursor)(self.ring.head());
        let frame = frame(&ws::ServerFrame::Cursor(ws::Cursor { cursor }));
        for id in due {
            if let Some(connection) = self.roster.connections.get_mut(&id) {
                connection.cursor_at = self.commits;
                connection.since_cursor = 0;
            }
            self.push(id, frame.clone());
        }
    }

    fn push(&mut self, id: ConnectionId, frame: Utf8Bytes) {
        let limits: QueueLimits = self.options.queue();
        let ended = self.roster.connections.get(&id).is_some_and(|one| !one.queue.push(frame, limits));
        if ended {
            self.let_go(vec![id]);
        }
    }
}

/// What of an entry is for `user`, whose conversations are brought up to date by it.
fn replay(entry: &Entry, user: UserId, conversations: &mut HashSet<ConversationId>) -> Option<Utf8Bytes> {
    match entry {
        Entry::Event { conversation, change, frame } => {
            if let Some(Change::Enter(users)) = change
                && users.contains(&user)
            {
                conversations.insert(*conversation);
            }
            let member = conversations.contains(conversation);
            if *change == Some(Change::Leave(user)) {
                conversations.remove(conversation);
            }
            member.then(|| frame.clone())
        }
        Entry::Mark { conversation, frame, .. } => {
            conversations.contains(conversation).then(|| frame.clone())
        }
        Entry::SessionClosed { .. } => None,
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).unwrap_or(u32::MAX).into()
}
