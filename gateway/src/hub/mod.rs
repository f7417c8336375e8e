//! The live hub: hears of each commit once, and brings its events to every connection that may
//! see them.
//!
//! A connection that was brought up to date from the views attaches with the positions it has
//! reached; the hub plays what is newer from a ring of recent commits and goes on live from there,
//! so that nothing is missed between the two. Who stands before the ring has to come from the
//! views again. Nobody waits for anybody: a connection whose queue is full is ended, and comes back
//! from its cursor.

mod encode;
mod presence;
mod queue;
mod ring;
mod roster;
mod task;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hansard_events::{ConversationId, Positions, SessionId, UserId};
use hansard_write_side::LiveFeed;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use encode::frame;
use queue::QueueLimits;
pub(crate) use queue::{End, Queue};
use ring::RingLimits;
use roster::ConnectionId;
use task::Task;

/// How many requests of connections may wait for the hub; who comes then waits for room.
const REQUESTS: usize = 1024;

/// Where the hub hears of the log, and what it needs to know of it.
#[derive(Clone)]
pub struct HubSource {
    /// What is committed.
    pub live: LiveFeed,
    /// Where the log stands: everything that was published before this is called is included.
    pub heads: Arc<dyn Fn() -> Positions + Send + Sync>,
    /// The cursor for positions: see `Reader::cursor`.
    pub cursor: Arc<dyn Fn(&Positions) -> String + Send + Sync>,
}

/// How much the hub keeps.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// How many frames may wait for one connection. 1024.
    pub queue_frames: usize,
    /// How many bytes of frames may wait for one connection. 1 MiB.
    pub queue_bytes: usize,
    /// How many commits are kept for those who attach. 4096.
    pub ring_commits: usize,
    /// How many bytes of frames are kept for those who attach. 32 MiB.
    pub ring_bytes: usize,
    /// After which time a connection gets a new cursor, if anything was committed, in whole
    /// seconds. 30 seconds.
    pub cursor_period: Duration,
    /// After how many frames a connection gets a new cursor, within a second. 256.
    pub cursor_frames: u32,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            queue_frames: 1024,
            queue_bytes: 1 << 20,
            ring_commits: 4096,
            ring_bytes: 32 << 20,
            cursor_period: Duration::from_secs(30),
            cursor_frames: 256,
        }
    }
}

impl HubOptions {
    const fn queue(&self) -> QueueLimits {
        QueueLimits { frames: self.queue_frames, bytes: self.queue_bytes }
    }

    const fn ring(&self) -> RingLimits {
        RingLimits { commits: self.ring_commits, bytes: self.ring_bytes }
    }
}

/// The way to the hub. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    requests: mpsc::Sender<Request>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hub").finish_non_exhaustive()
    }
}

/// Who wants to hear, and what they know already.
#[derive(Debug)]
pub(crate) struct Attach {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    /// Does not make its person appear online.
    pub(crate) hidden: bool,
    /// The conversations in which the person is a member, as of `members_at`.
    pub(crate) conversations: HashSet<ConversationId>,
    pub(crate) members_at: Positions,
    /// What the connection was brought up to date with; includes `members_at`.
    pub(crate) reached: Positions,
}

/// Why somebody was not attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotAttached {
    /// They stand before what the hub still has: come again when the views hold this.
    Behind(Positions),
    /// Their session is closed.
    SessionClosed,
    /// The hub has stopped.
    Stopped,
}

enum Request {
    Attach(Box<Attach>, oneshot::Sender<Result<Attachment, NotAttached>>),
    IsMember {
        user: UserId,
        conversation: ConversationId,
        reply: oneshot::Sender<bool>,
    },
    Typing {
        user: UserId,
        conversation: ConversationId,
    },
    Watch {
        connection: ConnectionId,
        users: Vec<UserId>,
    },
    Unwatch {
        connection: ConnectionId,
        users: Vec<UserId>,
    },
    #[cfg(test)]
    Flush(oneshot::Sender<()>),
}

/// Connections that are gone: a list that never is longer than there were connections.
#[derive(Debug, Default)]
struct Departed {
    connections: Mutex<Vec<ConnectionId>>,
    changed: Notify,
}

impl Departed {
    fn add(&self, connection: ConnectionId) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        self.changed.notify_one();
    }

    fn take(&self) -> Vec<ConnectionId> {
        std::mem::take(&mut self.connections.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Hub {
    /// Starts the hub on `tracker`. It ends when `stop` is cancelled or the feed ends; then, and
    /// when it should fail, every connection is told.
    pub fn start(
        source: HubSource,
        options: HubOptions,
        tracker: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let (requests, waiting) = mpsc::channel(REQUESTS);
        let departed = Arc::new(Departed::default());
        let task = Task::new(source, options, waiting, departed);
        tracker.spawn(task.run(stop));
        Self { requests }
    }

    /// Lets a connection hear what is new to it from here on.
    pub(crate) async fn attach(&self, attach: Attach) -> Result<Attachment, NotAttached> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Attach(Box::new(attach), reply);
        self.requests.send(request).await.map_err(|_| NotAttached::Stopped)?;
        answer.await.map_err(|_| NotAttached::Stopped)?
    }

    /// Whether somebody who is connected is a member now; `false` for everyone else.
    pub(crate) async fn is_member(&self, user: UserId, conversation: ConversationId) -> bool {
        let (reply, answer) = oneshot::channel();
        let request = Request::IsMember { user, conversation, reply };
        self.requests.send(request).await.is_ok() && answer.await.unwrap_or(false)
    }

    /// Tells the other members that somebody is writing, unless the hub is busy.
    pub(crate) fn typing(&self, user: UserId, conversation: ConversationId) {
        drop(self.requests.try_send(Request::Typing { user, conversation }));
    }

    /// Tells the connection of these people's presence, now and when it changes.
    pub(crate) async fn watch(&self, attachment: &Attachment, users: Vec<UserId>) {
        let request = Request::Watch { connection: attachment.connection, users };
        // When the hub has stopped, the connection learns it from its queue.
        drop(self.requests.send(request).await);
    }

    /// Tells the connection no more of these people's presence.
    pub(crate) async fn unwatch(&self, attachment: &Attachment, users: Vec<UserId>) {
        let request = Request::Unwatch { connection: attachment.connection, users };
        drop(self.requests.send(request).await);
    }

    /// Returns once everything that was published before is delivered.
    #[cfg(test)]
    async fn flush(&self) {
        let (reply, answer) = oneshot::channel();
        assert!(self.requests.send(Request::Flush(reply)).await.is_ok());
        answer.await.unwrap();
    }
}

/// A connection's place in the hub; dropping it leaves.
#[derive(Debug)]
pub(crate) struct Attachment {
    connection: ConnectionId,
    queue: Arc<Queue>,
    departed: Arc<Departed>,
}

impl Attachment {
    /// What is to be sent.
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.departed.add(self.connection);
    }
}
