//! Commands: what somebody wants done, and what became of it.

use std::time::Duration;

use hansard_events::{
    Body, CommandId, ConversationId, ConversationKind, DeviceId, DeviceLabel, Digest, HistoryAccess,
    MemberRole, MessageKind, Position, Posting, Profile, ServerRole, SessionEnd, SessionId, StreamName,
    Timestamp, UserId,
};
use serde::Serialize;

/// A wish, with its id, as it goes to the writer of a partition.
#[derive(Debug, Clone)]
pub struct Command {
    /// Made by the client; the same id makes at most one change.
    pub id: CommandId,
    /// Who wants it; already authenticated.
    pub actor: UserId,
    /// The original time of something imported; otherwise the writer's clock is taken.
    pub at: Option<Timestamp>,
    /// What is wanted, of which aggregate.
    pub body: CommandBody,
}

impl Command {
    /// The stream that decides.
    #[must_use]
    pub const fn stream(&self) -> StreamName {
        match &self.body {
            CommandBody::Directory(_) => StreamName::Directory,
            CommandBody::User { user, .. } => StreamName::User(*user),
            CommandBody::Conversation { conversation, .. } => StreamName::Conversation(*conversation),
        }
    }
}

/// What is wanted. Its JSON (field order as declared) is what fingerprints are taken of.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandBody {
    /// Of the directory.
    Directory(DirectoryCommand),
    /// Of a person.
    User { user: UserId, command: UserCommand },
    /// Of a conversation.
    Conversation { conversation: ConversationId, command: ConversationCommand },
}

/// Commands of the directory.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryCommand {
    /// Take a username; already holding it is accepted without a change.
    ClaimUsername { user: UserId, name: Digest, username: String },
}

/// Commands of a person. Everything but registration needs a registered person.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UserCommand {
    /// Being registered already is accepted without a change.
    Register { profile: Profile },
    /// The whole new profile.
    ChangeProfile { profile: Profile },
    /// Having the role already is accepted without a change.
    GrantRole { role: ServerRole },
    /// Not having the role is accepted without a change.
    RevokeRole { role: ServerRole },
    /// Note a sign-in.
    OpenSession { session: SessionId, device: DeviceId, label: DeviceLabel },
    /// Note an end; a session that is closed already is accepted without a change.
    CloseSession { session: SessionId, reason: SessionEnd },
    /// Move marks forward; not moving is accepted without a change.
    MoveMark { conversation: ConversationId, read: Option<u64>, received: Option<u64> },
}

/// Commands of a conversation. Everything but creation needs one that exists and, but for joining
/// a channel, an actor who is a member; who is not a member learns only "not found".
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationCommand {
    /// The actor becomes owner. For `direct`, creating what exists is accepted without a change.
    Create {
        kind: ConversationKind,
        title: Option<String>,
        history: HistoryAccess,
        posting: Posting,
        members: Vec<UserId>,
    },
    /// Join a channel.
    Join,
    /// Leave a group or channel.
    Leave,
    /// Add people; who is a member already is passed over.
    Add { users: Vec<UserId> },
    /// Remove somebody of lesser power.
    Remove { user: UserId },
    /// Give another role; owners only; the last owner stays owner.
    ChangeRole { user: UserId, role: MemberRole },
    /// A new title.
    Rename { title: String },
    /// Say something.
    Send { kind: MessageKind, body: Body, reply_to: Option<u64> },
    /// Replace the body of one's own message.
    Edit { message: u64, body: Body },
    /// Take back a message: one's own, or as admin or owner any.
    Recall { message: u64 },
}

/// The answer to a command that was accepted; the same for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Which command.
    pub command: CommandId,
    /// The stream that it changed (or would have).
    pub stream: StreamName,
    /// The commit that holds its events; when nothing was to change, the head at that time.
    pub position: Position,
    /// The version of its last event (`seq` in a conversation); when nothing was to change, the
    /// stream's version at that time.
    pub version: u64,
    /// The time of its events.
    pub at: Timestamp,
    /// Whether there are events: `false` when everything already was as wanted.
    pub changed: bool,
}

/// Why a rule refused a command. Each has a problem code that clients see.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("somebody else holds this username")]
    UsernameTaken,
    #[error("there is no such person")]
    UserNotFound,
    #[error("there is no such session")]
    SessionNotFound,
    /// Also for whoever is not a member.
    #[error("there is no such conversation")]
    ConversationNotFound,
    #[error("there already is a conversation with this id")]
    ConversationExists,
    #[error("there is no such message")]
    MessageNotFound,
    #[error("this person is not a member")]
    NotAMember,
    #[error("this needs the role {needs:?} or more")]
    NotAllowed { needs: MemberRole },
    #[error("only the author may do this")]
    NotTheAuthor,
    #[error("the message has been recalled")]
    MessageRecalled,
    #[error("a direct conversation has fixed members and no title")]
    DirectIsFixed,
    #[error("only a channel can be joined by oneself")]
    NotJoinable,
    #[error("a conversation needs an owner: make somebody else owner first")]
    LastOwner,
    #[error("{field} is over the limit of {limit}")]
    TooLarge { field: &'static str, limit: usize },
    #[error("{field}: {detail}")]
    Invalid { field: &'static str, detail: &'static str },
}

/// Why a command was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// A rule says no; nothing was changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The id was used before for something else.
    #[error("this command id was used before with other content")]
    IdReused,
    /// The mailbox is full; nothing was changed. Answer `503` with `Retry-After`.
    #[error("too much is waiting, try again")]
    Busy {
        /// After which time to try again.
        retry_after: Duration,
    },
    /// The log has no room; nothing was changed. Answer `507`.
    #[error("there is no room left to store anything")]
    Full,
    /// It can't be decided now, or the outcome is not known yet: the same id again will tell.
    #[error("the writer is unavailable: {0}")]
    Unavailable(String),
}
