//! Events of the stream `conversation/<id>`: what is said and done there.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::private::Slot;
use crate::{Private, Timestamp, UserId};

/// What sort of conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Two people (or one, with themselves); the id follows from theirs; membership is fixed.
    Direct,
    /// By invitation.
    Group,
    /// Found and joined by oneself.
    Channel,
}

/// What a member may do in a conversation. The order is that of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Reads and, where everyone may post, writes.
    Member,
    /// Also adds and removes members, renames, recalls messages of others.
    Admin,
    /// Also changes roles.
    Owner,
}

/// From where a new member may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryAccess {
    /// From the event that made them a member.
    Joined,
    /// From the first event.
    All,
}

/// Who may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Posting {
    /// Every member.
    Everyone,
    /// Owners and admins.
    Admins,
}

/// A member and their role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: MemberRole,
}

/// What sort of message it is; the body's shape follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// `{"text": "..."}`.
    Text,
}

/// A message's body, a JSON object whose shape follows from the [`MessageKind`] and was checked
/// at the edge. Sealed under the author's key.
pub type Body = Value;

/// One event of a conversation. Its `version` in the stream is the `seq` that clients see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ConversationEvent {
    /// Always `seq` 1. The title is sealed under the conversation's key.
    #[serde(rename = "conversation.created")]
    Created {
        kind: ConversationKind,
        history: HistoryAccess,
        posting: Posting,
        members: Vec<Member>,
        #[serde(skip)]
        title: Option<Private<String>>,
    },
    /// The actor joined a channel.
    #[serde(rename = "member.joined")]
    MemberJoined {},
    /// The actor added these.
    #[serde(rename = "members.added")]
    MembersAdded { members: Vec<Member> },
    /// The actor left.
    #[serde(rename = "member.left")]
    MemberLeft {},
    /// The actor removed `user`.
    #[serde(rename = "member.removed")]
    MemberRemoved { user: UserId },
    /// The actor gave `user` another role.
    #[serde(rename = "member.role_changed")]
    MemberRoleChanged { user: UserId, role: MemberRole },
    /// The title is sealed under the conversation's key.
    #[serde(rename = "conversation.renamed")]
    Renamed {
        #[serde(skip)]
        title: Private<String>,
    },
    /// `reply_to` is the `seq` of an earlier message.
    #[serde(rename = "message.sent")]
    MessageSent {
        kind: MessageKind,
        reply_to: Option<u64>,
        #[serde(skip)]
        body: Private<Body>,
    },
    /// The whole new body of the message at `message`. Who wrote the message, when and of which
    /// kind is repeated, so that a projection needs nothing but this event.
    #[serde(rename = "message.edited")]
    MessageEdited {
        message: u64,
        author: UserId,
        sent_at: Timestamp,
        kind: MessageKind,
        #[serde(skip)]
        body: Private<Body>,
    },
    /// The message at `message` is no longer shown to anyone.
    #[serde(rename = "message.recalled")]
    MessageRecalled { message: u64, author: UserId },
}

impl ConversationEvent {
    pub(crate) fn slot(&self) -> Option<&dyn Slot> {
        match self {
            Self::Created { title, .. } => title.as_ref().map(|title| title as &dyn Slot),
            Self::Renamed { title } => Some(title),
            Self::MessageSent { body, .. } | Self::MessageEdited { body, .. } => Some(body),
            Self::MemberJoined {}
            | Self::MembersAdded { .. }
            | Self::MemberLeft {}
            | Self::MemberRemoved { .. }
            | Self::MemberRoleChanged { .. }
            | Self::MessageRecalled { .. } => None,
        }
    }

    /// The slot to fill, when the stored event has a private part.
    pub(crate) fn slot_mut(&mut self) -> Option<&mut dyn Slot> {
        match self {
            Self::Created { title, .. } => Some(title.get_or_insert_default()),
            Self::Renamed { title } => Some(title),
            Self::MessageSent { body, .. } | Self::MessageEdited { body, .. } => Some(body),
            Self::MemberJoined {}
            | Self::MembersAdded { .. }
            | Self::MemberLeft {}
            | Self::MemberRemoved { .. }
            | Self::MemberRoleChanged { .. }
            | Self::MessageRecalled { .. } => None,
        }
    }
}
