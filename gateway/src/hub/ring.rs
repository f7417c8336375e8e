//! The newest commits, as far as connections have to do with them.

use std::collections::VecDeque;

use axum::extract::ws::Utf8Bytes;
use hansard_events::{ConversationId, Position, Positions, SessionId, UserId};

/// What an event does to the membership of its conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// These are members from this event on.
    Enter(Vec<UserId>),
    /// This one is a member up to and including this event.
    Leave(UserId),
}

/// One event, ready to be delivered.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// Of a conversation: for whoever is a member at this event.
    Event { conversation: ConversationId, change: Option<Change>, frame: Utf8Bytes },
    /// A mark: for the present members.
    Mark { conversation: ConversationId, user: UserId, frame: Utf8Bytes },
    /// Of a person: their session is closed.
    SessionClosed { user: UserId, session: SessionId },
}

impl Entry {
    fn bytes(&self) -> usize {
        match self {
            Self::Event { frame, .. } | Self::Mark { frame, .. } => frame.len() + 96,
            Self::SessionClosed { .. } => 96,
        }
    }
}

/// How much the ring keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct RingLimits {
    pub(super) commits: usize,
    pub(super) bytes: usize,
}

/// What a commit means to the order of things.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is the next of its partition.
    Next,
    /// It was here already.
    Known,
    /// Something before it is missing.
    Hole,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Ring {
    commits: VecDeque<(Position, Vec<Entry>, usize)>,
    bytes: usize,
    limits: RingLimits,
    /// Before the oldest commit that is kept: who stands here or later can be brought up to date.
    floor: Positions,
    /// The newest commit of each partition.
    head: Positions,
}

impl Ring {
    /// Empty, with the log standing at `head`.
    pub(super) fn new(limits: RingLimits, head: Positions) -> Self {
        Self { commits: VecDeque::new(), bytes: 0, limits, floor: head.clone(), head }
    }

    /// Forgets everything; the log stands at `head` (or later than this ring has seen).
    pub(super) fn reset(&mut self, head: &Positions) {
        self.commits.clear();
        self.bytes = 0;
        head.iter().for_each(|position| self.head.advance(position));
        self.floor = self.head.clone();
    }

    pub(super) fn head(&self) -> &Positions {
        &self.head
    }

    pub(super) fn arrival(&self, position: Position) -> Arrival {
        let known = self.head.get(position.partition);
        if position.sequence <= known {
            Arrival::Known
        } else if position.sequence == known.next() {
            Arrival::Next
        } else {
            Arrival::Hole
        }
    }

    /// Keeps the next commit and lets the oldest go.
    pub(super) fn push(&mut self, position: Position, entries: Vec<Entry>) {
        let bytes = 64 + entries.iter().map(Entry::bytes).sum::<usize>();
        self.head.advance(position);
        self.bytes += bytes;
        self.commits.push_back((position, entries, bytes));
        while self.commits.len() > self.limits.commits || self.bytes > self.limits.bytes {
            let Some((position, _, bytes)) = self.commits.pop_front() else { break };
            self.bytes -= bytes;
            self.floor.advance(position);
        }
    }

    /// The commits after `since`, oldest first; `None` when not all of them are here.
    pub(super) fn after<'a>(
        &'a self,
        since: &'a Positions,
    ) -> Option<impl Iterator<Item = (Position, &'a Entry)> + 'a> {
        let newer = self.commits.iter().filter(|(position, ..)| !since.holds(*position));
        since
            .holds_all(&self.floor)
            .then(|| newer.flat_map(|(position, entries, _)| entries.iter().map(|entry| (*position, entry))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Position {
        text.parse().unwrap()
    }

    fn closed(number: u128) -> Entry {
        let user = UserId::new(uuid::Uuid::from_u128(number)).unwrap();
        Entry::SessionClosed { user, session: SessionId::new(user.as_uuid()).unwrap() }
    }

    fn ring(commits: usize, bytes: usize) -> Ring {
        Ring::new(RingLimits { commits, bytes }, "0-10,1-5".parse().unwrap())
    }

    fn after(ring: &Ring, since: &str) -> Option<Vec<String>> {
        let since = since.parse().unwrap();
        let commits = ring.after(&since)?;
        Some(commits.map(|(position, _)| position.to_string()).collect())
    }

    #[test]
    fn whoever_stands_at_the_floor_or_later_gets_what_came_after() {
        let mut ring = ring(10, 1 << 20);
        assert_eq!(after(&ring, "0-10,1-5"), Some(vec![]));
        assert_eq!(after(&ring, "0-9,1-5"), None);
        ring.push(at("0-11"), vec![closed(1)]);
        ring.push(at("1-6"), vec![closed(1), closed(2)]);
        ring.push(at("2-1"), vec![closed(1)]);
        assert_eq!(after(&ring, "0-10,1-5").unwrap(), ["0-11", "1-6", "1-6", "2-1"]);
        assert_eq!(after(&ring, "0-10,1-6").unwrap(), ["0-11", "2-1"]);
        assert_eq!(ring.head().to_string(), "0-11,1-6,2-1");
    }

    #[test]
    fn what_no_longer_fits_is_let_go_and_known_to_be_gone() {
        for mut ring in [ring(2, 1 << 20), ring(10, 2 * 160 + 159)] {
            for sequence in ["0-11", "0-12", "0-13"] {
                ring.push(at(sequence), vec![closed(1)]);
            }
            assert_eq!(after(&ring, "0-10,1-5"), None);
            assert_eq!(after(&ring, "0-11,1-5").unwrap(), ["0-12", "0-13"]);
        }
    }

    #[test]
    fn a_hole_is_told_from_what_is_known() {
        let mut ring = ring(2, 1 << 20);
        assert_eq!(ring.arrival(at("0-10")), Arrival::Known);
        assert_eq!(ring.arrival(at("0-11")), Arrival::Next);
        assert_eq!(ring.arrival(at("0-12")), Arrival::Hole);
        assert_eq!(ring.arrival(at("7-1")), Arrival::Next);
        ring.reset(&"0-20".parse().unwrap());
        assert_eq!(after(&ring, "0-19,1-5"), None);
        assert_eq!(after(&ring, "0-20,1-5"), Some(vec![]));
    }
}
