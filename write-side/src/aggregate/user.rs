//! A person: profile, server roles, sessions, and marks of what was read and received.

use std::collections::{BTreeSet, HashMap, VecDeque};

use hansard_events::{
    ConversationId, DeviceLabel, Private, Profile, ServerRole, SessionEnd, SessionId, Timestamp, UserEvent,
    UserId, limits,
};
use serde::{Deserialize, Serialize};

use super::text::check_chars;
use super::{Aggregate, Context};
use crate::{Rejection, UserCommand};

/// How many closed sessions are remembered: closing one of them again is accepted without a
/// change. One that was closed before these is as unknown as one that never was.
const CLOSED_SESSIONS: usize = 100;

/// See the module.
#[derive(Debug)]
pub struct User;

/// What decisions about a person rest on. What people wrote is not in it.
#[derive(Debug, Default)]
pub struct UserState {
    pub(crate) head: UserHead,
    pub(crate) marks: HashMap<ConversationId, Mark>,
}

/// The part whose size is bounded.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserHead {
    registered: bool,
    roles: BTreeSet<ServerRole>,
    /// Oldest first.
    open: VecDeque<SessionId>,
    /// In the order of closing, the newest [`CLOSED_SESSIONS`].
    closed: VecDeque<SessionId>,
}

/// Up to which `seq` somebody has read and received a conversation.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) read: u64,
    pub(crate) received: u64,
}

impl Mark {
    /// The mark after a move: never backwards, and what is read is received too.
    fn moved(self, read: Option<u64>, received: Option<u64>) -> Self {
        let read = self.read.max(read.unwrap_or_default());
        Self { read, received: self.received.max(received.unwrap_or_default()).max(read) }
    }
}

impl Aggregate for User {
    type State = UserState;
    type Command = UserCommand;
    type Event = UserEvent;
    type Rejection = Rejection;

    fn decide(state: &UserState, command: &UserCommand, _: &Context) -> Result<Vec<UserEvent>, Rejection> {
        let head = &state.head;
        if let UserCommand::Register { profile } = command {
            check_profile(profile)?;
            let registered = UserEvent::Registered { profile: Private::Open(profile.clone()) };
            return Ok(if head.registered { vec![] } else { vec![registered] });
        }
        if !head.registered {
            return Err(Rejection::UserNotFound);
        }
        match command {
            UserCommand::ChangeProfile { profile } => {
                check_profile(profile)?;
                Ok(vec![UserEvent::ProfileChanged { profile: Private::Open(profile.clone()) }])
            }
            UserCommand::GrantRole { role } if head.roles.contains(role) => Ok(vec![]),
            UserCommand::GrantRole { role } => Ok(vec![UserEvent::RoleGranted { role: *role }]),
            UserCommand::RevokeRole { role } if head.roles.contains(role) => {
                Ok(vec![UserEvent::RoleRevoked { role: *role }])
            }
            UserCommand::Register { .. } | UserCommand::RevokeRole { .. } => Ok(vec![]),
            UserCommand::OpenSession { session, device, label } => {
                check_label(label)?;
                if head.open.contains(session) {
                    return Ok(vec![]);
                }
                if head.closed.contains(session) {
                    return Err(Rejection::Invalid { field: "session", detail: "it has been closed" });
                }
                let excess = (head.open.len() + 1).saturating_sub(limits::OPEN_SESSIONS);
                let close = |&session| UserEvent::SessionClosed { session, reason: SessionEnd::Revoked };
                let label = Private::Open(label.clone());
                let opened = UserEvent::SessionOpened { session: *session, device: *device, label };
                Ok(head.open.iter().take(excess).map(close).chain([opened]).collect())
            }
            UserCommand::CloseSession { session, reason } => {
                if head.open.contains(session) {
                    Ok(vec![UserEvent::SessionClosed { session: *session, reason: *reason }])
                } else if head.closed.contains(session) {
                    Ok(vec![])
                } else {
                    Err(Rejection::SessionNotFound)
                }
            }
            UserCommand::MoveMark { conversation, read, received } => {
                let before = state.marks.get(conversation).copied().unwrap_or_default();
                let after = before.moved(*read, *received);
                if after == before {
                    return Ok(vec![]);
                }
                let Mark { read, received } = after;
                Ok(vec![UserEvent::MarkMoved { conversation: *conversation, read, received }])
            }
        }
    }

    fn evolve(state: &mut UserState, _: u64, _: UserId, _: Timestamp, event: &UserEvent) {
        let head = &mut state.head;
        match event {
            UserEvent::Registered { .. } => head.registered = true,
            UserEvent::ProfileChanged { .. } => {}
            UserEvent::RoleGranted { role } => {
                head.roles.insert(*role);
            }
            UserEvent::RoleRevoked { role } => {
                head.roles.remove(role);
            }
            UserEvent::SessionOpened { session, .. } => head.open.push_back(*session),
            UserEvent::SessionClosed { session, .. } => {
                head.open.retain(|open| open != session);
                if head.closed.len() == CLOSED_SESSIONS {
                    head.closed.pop_front();
                }
                head.closed.push_back(*session);
            }
            UserEvent::MarkMoved { conversation, read, received } => {
                let mark = state.marks.entry(*conversation).or_default();
                *mark = mark.moved(Some(*read), Some(*received));
            }
        }
    }
}

fn check_profile(profile: &Profile) -> Result<(), Rejection> {
    check_chars("username", &profile.username, limits::USERNAME_CHARS)?;
    check_chars("display_name", &profile.display_name, limits::DISPLAY_NAME_CHARS)
}

fn check_label(label: &DeviceLabel) -> Result<(), Rejection> {
    check_chars("device.name", &label.name, limits::DEVICE_LABEL_CHARS)?;
    check_chars("device.platform", &label.platform, limits::DEVICE_LABEL_CHARS)
}

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
