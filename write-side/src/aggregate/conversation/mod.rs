//! A conversation: who is in it, as what, and what was said.

mod decide;
mod members;
mod messages;

use hansard_events::{ConversationEvent, ConversationKind, HistoryAccess, Posting, Timestamp, UserId};
use serde::{Deserialize, Serialize};

pub(crate) use members::{Members, Membership};
pub(crate) use messages::{MessageFact, MessageFacts};

use super::{Aggregate, Context};
use crate::{ConversationCommand, Rejection};

/// See the module.
///
/// - Direct: exactly two people, or one with themselves; its id follows from theirs; both are
///   `member`; nobody comes, goes or gets another role; no title; everyone may post.
/// - Group: by invitation of an admin or owner.
/// - Channel: as a group, and anyone may join, also who left or was removed before.
///
/// The server itself ([`UserId::SYSTEM`]) creates conversations, adds, removes, changes roles,
/// renames and recalls as an owner would, without being a member; it says nothing of its own. What
/// it creates belongs to the first person that it names.
#[derive(Debug)]
pub struct Conversation;

/// What decisions about a conversation rest on; its size follows the number of people, never the
/// number of messages.
#[derive(Debug, Default)]
pub struct ConversationState {
    pub(crate) about: Option<About>,
    pub(crate) members: Members,
    pub(crate) messages: MessageFacts,
}

/// What was said at creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) kind: ConversationKind,
    pub(crate) history: HistoryAccess,
    pub(crate) posting: Posting,
}

impl Aggregate for Conversation {
    type State = ConversationState;
    type Command = ConversationCommand;
    type Event = ConversationEvent;
    type Rejection = Rejection;

    fn decide(
        state: &ConversationState,
        command: &ConversationCommand,
        context: &Context,
    ) -> Result<Vec<ConversationEvent>, Rejection> {
        decide::decide(state, command, context)
    }

    fn evolve(
        state: &mut ConversationState,
        version: u64,
        actor: UserId,
        at: Timestamp,
        event: &ConversationEvent,
    ) {
        let members = &mut state.members;
        match event {
            ConversationEvent::Created { kind, history, posting, members: first, .. } => {
                state.about = Some(About { kind: *kind, history: *history, posting: *posting });
                for member in first {
                    members.enter(member.user, member.role, version);
                }
            }
            ConversationEvent::MemberJoined {} => {
                members.enter(actor, hansard_events::MemberRole::Member, version);
            }
            ConversationEvent::MembersAdded { members: more } => {
                for member in more {
                    members.enter(member.user, member.role, version);
                }
            }
            ConversationEvent::MemberLeft {} => members.exit(actor, version),
            ConversationEvent::MemberRemoved { user } => members.exit(*user, version),
            ConversationEvent::MemberRoleChanged { user, role } => members.change_role(*user, *role),
            ConversationEvent::Renamed { .. } | ConversationEvent::MessageEdited { .. } => {}
            ConversationEvent::MessageSent { kind, .. } => {
                let fact = MessageFact { author: actor, sent_at: at, kind: *kind, recalled: None };
                state.messages.sent(version, fact);
            }
            ConversationEvent::MessageRecalled { message, .. } => {
                state.messages.recalled(*message, version);
            }
        }
    }
}

#[cfg(test)]
mod tests;
