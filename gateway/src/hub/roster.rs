//! Who is connected, and of which conversations they are members now.
//!
//! One rule says who is delivered an event: who is a member at its `seq`. A member is one from the
//! event by which they enter to the event by which they leave, both included. It is the read side's
//! rule of membership intervals, for the present.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use hansard_events::{ConversationId, SessionId, UserId};

use super::queue::{End, Queue, QueueLimits};
use super::ring::{Change, Entry};

/// A connection, for as long as the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ConnectionId(pub(super) u64);

/// One socket.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) queue: Arc<Queue>,
    /// Does not make its person appear online.
    pub(super) hidden: bool,
    /// Whose presence it watches.
    pub(super) watching: Vec<UserId>,
    /// Frames since its last cursor.
    pub(super) since_cursor: u32,
    /// Which commit, by count, its last cursor covers.
    pub(super) cursor_at: u64,
}

/// Somebody who has at least one connection.
#[derive(Debug, Default)]
struct Person {
    conversations: HashSet<ConversationId>,
    connections: Vec<ConnectionId>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Roster {
    pub(super) connections: HashMap<ConnectionId, Connection>,
    people: HashMap<UserId, Person>,
    /// The connected members of each conversation.
    conversations: HashMap<ConversationId, HashSet<UserId>>,
    limits: QueueLimits,
}

impl Roster {
    pub(super) fn new(limits: QueueLimits) -> Self {
        let (connections, people, conversations) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { connections, people, conversations, limits }
    }

    /// Whether somebody who is connected is a member; `false` for everyone else.
    pub(super) fn is_member(&self, user: UserId, conversation: ConversationId) -> bool {
        self.people.get(&user).is_some_and(|person| person.conversations.contains(&conversation))
    }

    /// Adds a connection of somebody who is now a member of these conversations.
    pub(super) fn add(
        &mut self,
        id: ConnectionId,
        connection: Connection,
        conversations: HashSet<ConversationId>,
    ) {
        let user = connection.user;
        let person = self.people.entry(user).or_default();
        if person.connections.is_empty() {
            for conversation in &conversations {
                self.conversations.entry(*conversation).or_default().insert(user);
            }
            person.conversations = conversations;
        }
        person.connections.push(id);
        self.connections.insert(id, connection);
    }

    /// Lets go of a connection.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        let connection = self.connections.remove(&id)?;
        let person = self.people.get_mut(&connection.user)?;
        person.connections.retain(|other| *other != id);
        if person.connections.is_empty()
            && let Some(person) = self.people.remove(&connection.user)
        {
            for conversation in person.conversations {
                self.withdraw(conversation, connection.user);
            }
        }
        Some(connection)
    }

    /// Ends delivery to everyone and forgets them.
    pub(super) fn end_all(&mut self, end: End) {
        self.people.clear();
        self.conversations.clear();
        self.connections.drain().for_each(|(_, connection)| connection.queue.end(end));
    }

    /// Delivers an entry to whom it is for. Gives the connections to which delivery has ended.
    pub(super) fn deliver(&mut self, entry: &Entry) -> Vec<ConnectionId> {
        match entry {
            Entry::Event { conversation, change, frame } => {
                if let Some(Change::Enter(users)) = change {
                    users.iter().for_each(|user| self.enter(*conversation, *user));
                }
                let ended = self.deliver_to_members(*conversation, frame);
                if let Some(Change::Leave(user)) = change {
                    self.leave(*conversation, *user);
                }
                ended
            }
            Entry::Mark { conversation, user, frame } => {
                // Somebody who is here and no member has nothing to tell the members.
                let outsider = |person: &Person| !person.conversations.contains(conversation);
                if self.people.get(user).is_some_and(outsider) {
                    return Vec::new();
                }
                self.deliver_to_members(*conversation, frame)
            }
            Entry::SessionClosed { user, session } => {
                let own = self.people.get(user).map_or(&[][..], |person| &person.connections);
                let closed = |id: &&ConnectionId| {
                    self.connections.get(id).is_some_and(|connection| connection.session == *session)
                };
                let ended: Vec<ConnectionId> = own.iter().filter(closed).copied().collect();
                for id in &ended {
                    if let Some(connection) = self.connections.get(id) {
                        connection.queue.end(End::SessionClosed);
                    }
                }
                ended
            }
        }
    }

    /// Offers a frame that may be lost to the other members, when `from` is a member.
    pub(super) fn offer_to_others(&self, conversation: ConversationId, from: UserId, frame: &Utf8Bytes) {
        if !self.is_member(from, conversation) {
            return;
        }
        let others = self.conversations.get(&conversation).into_iter().flatten();
        let people = others.filter(|user| **user != from).filter_map(|user| self.people.get(user));
        for id in people.flat_map(|person| &person.connections) {
            if let Some(connection) = self.connections.get(id) {
                connection.queue.offer(frame.clone(), self.limits);
            }
        }
    }

    /// Whether two connected people share a conversation.
    pub(super) fn share(&self, one: UserId, other: UserId) -> bool {
        let (Some(one), Some(other)) = (self.people.get(&one), self.people.get(&other)) else { return false };
        let (few, many) = if one.conversations.len() < other.conversations.len() {
            (&one.conversations, &other.conversations)
        } else {
            (&other.conversations, &one.conversations)
        };
        few.iter().any(|conversation| many.contains(conversation))
    }

    /// Whether somebody appears online.
    pub(super) fn appears_online(&self, user: UserId) -> bool {
        let visible = |id: &ConnectionId| self.connections.get(id).is_some_and(|one| !one.hidden);
        self.people.get(&user).is_some_and(|person| person.connections.iter().any(visible))
    }

    fn deliver_to_members(&mut self, conversation: ConversationId, frame: &Utf8Bytes) -> Vec<ConnectionId> {
        let mut ended = Vec::new();
        let mut delivered = 0;
        for user in self.conversations.get(&conversation).into_iter().flatten() {
            for id in self.people.get(user).into_iter().flat_map(|person| &person.connections) {
                let Some(connection) = self.connections.get_mut(id) else { continue };
                if connection.queue.push(frame.clone(), self.limits) {
                    connection.since_cursor += 1;
                    delivered += 1;
                } else {
                    ended.push(*id);
                }
            }
        }
        metrics::counter!("hansard_hub_deliveries_total").increment(delivered);
        ended
    }

    fn enter(&mut self, conversation: ConversationId, user: UserId) {
        if let Some(person) = self.people.get_mut(&user) {
            person.conversations.insert(conversation);
            self.conversations.entry(conversation).or_default().insert(user);
        }
    }

    fn leave(&mut self, conversation: ConversationId, user: UserId) {
        if let Some(person) = self.people.get_mut(&user) {
            person.conversations.remove(&conversation);
        }
        self.withdraw(conversation, user);
    }

    fn withdraw(&mut self, conversation: ConversationId, user: UserId) {
        if let Some(members) = self.conversations.get_mut(&conversation) {
            members.remove(&user);
            if members.is_empty() {
                self.conversations.remove(&conversation);
            }
        }
    }
}

impl Drop for Roster {
    /// Whatever ends the hub, nobody waits for what does not come any more.
    fn drop(&mut self) {
        self.end_all(End::Stopping);
    }
}
