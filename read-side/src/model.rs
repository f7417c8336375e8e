//! What queries answer with. The edge turns these into the contract's types.

use hansard_events::{
    CommandId, ConversationId, ConversationKind, DeviceId, HistoryAccess, MemberRole, MessageKind, Positions,
    Posting, ServerRole, SessionId, Timestamp, UserId,
};
use serde_json::Value;

/// A person as everyone may see them. Names are `None` when erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub username: Option<String>,
    pub display_name: Option<String>,
    pub registered_at: Timestamp,
    /// Shown to the person and to admins only.
    pub roles: Vec<ServerRole>,
}

/// A sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub device: DeviceId,
    pub device_name: Option<String>,
    pub platform: Option<String>,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

/// A message as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub conversation: ConversationId,
    pub seq: u64,
    pub at: Timestamp,
    pub author: UserId,
    pub content: Content,
    pub reply_to: Option<u64>,
    pub edited_at: Option<Timestamp>,
    /// How often it was edited.
    pub edits: u64,
}

/// What stands in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Somebody wrote it; `body` is a JSON object by kind.
    Written { kind: MessageKind, body: Value },
    /// It was taken back.
    Recalled { kind: MessageKind, at: Timestamp },
    /// Its author's key is destroyed.
    Erased { kind: MessageKind },
    /// Kind `system`: a change of the conversation, told as `{"event": type, ...public data}`.
    System { event: String, data: Value },
}

/// One former or present body of a message, oldest first; number 0 is the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    pub number: u64,
    pub at: Timestamp,
    pub body: Option<Value>,
}

/// One event of a conversation, as live tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationEventView {
    pub conversation: ConversationId,
    pub seq: u64,
    /// For example `message.sent`.
    pub event: String,
    pub at: Timestamp,
    pub actor: UserId,
    pub command: CommandId,
    /// For `message.sent`: `{"kind", "body", "reply_to"}`, body `null` when recalled or erased.
    pub data: Value,
}

/// A conversation as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub id: ConversationId,
    pub kind: ConversationKind,
    pub title: Option<String>,
    pub history: HistoryAccess,
    pub posting: Posting,
    pub created_at: Timestamp,
    /// `seq` of the newest event that the viewer may see.
    pub head: u64,
    pub member_count: u64,
    /// The viewer's own role; `None` for a former member.
    pub role: Option<MemberRole>,
    /// The viewer's marks.
    pub read: u64,
    pub received: u64,
    /// Messages after the viewer's read mark (or own newest message, if later) that are not
    /// recalled, in the viewer's present membership.
    pub unread: u64,
    pub last_message: Option<Message>,
    /// For `direct`: the other person (or the viewer, with themselves).
    pub peer: Option<UserId>,
    pub active_at: Timestamp,
}

/// A member of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    pub user: User,
    pub role: MemberRole,
    pub since: u64,
}

/// How far somebody has read and received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub conversation: ConversationId,
    pub user: UserId,
    pub read: u64,
    pub received: u64,
    pub at: Timestamp,
}

/// From where to read history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The newest page.
    End,
    /// What stands before this `seq`, the nearest page.
    Before(u64),
    /// What stands after this `seq`, the nearest page.
    After(u64),
    /// Half before, this one, half after.
    Around(u64),
    /// Around the first message at or after this time.
    At(Timestamp),
}

/// A page of history, oldest first. `before` and `after` are the `seq`s to go on from, `None`
/// where nothing more can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub before: Option<u64>,
    pub after: Option<u64>,
}

/// A page of a list, with the opaque cursor to go on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    pub items: Vec<T>,
    pub after: Option<String>,
}

/// An answer, and the position that the views (or the index) stood at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf<T> {
    pub value: T,
    pub as_of: Positions,
}

/// What happened in a conversation since a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationChanges {
    pub conversation: Conversation,
    /// The newest events since the cursor, oldest first.
    pub events: Vec<ConversationEventView>,
    /// There are more between the cursor and these: read them with `before` this `seq`.
    pub limited: bool,
    pub before: Option<u64>,
}

/// A page of what happened since a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    pub conversations: Vec<ConversationChanges>,
    /// Marks that moved: one's own, and those of others in one's conversations.
    pub marks: Vec<Mark>,
    /// The own profile, when it changed.
    pub me: Option<User>,
    /// To go on from.
    pub cursor: String,
    /// Whether there are more pages.
    pub more: bool,
}

/// In which order hits come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sort {
    /// Best first.
    Relevance,
    /// Newest first.
    Newest,
    /// Oldest first.
    Oldest,
}

/// What to search for. Empty lists mean no restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRequest {
    pub query: String,
    pub conversations: Vec<ConversationId>,
    pub authors: Vec<UserId>,
    /// Included.
    pub from: Option<Timestamp>,
    /// Not included.
    pub to: Option<Timestamp>,
    pub kinds: Vec<MessageKind>,
    pub sort: Sort,
    pub limit: usize,
    pub after: Option<String>,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub message: Message,
    pub score: f32,
    /// Pieces of the text, HTML-escaped, with `<em>` around what matched.
    pub highlights: Vec<String>,
}

/// A page of hits.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchPage {
    pub hits: Vec<Hit>,
    /// How many messages match that the viewer may see; exact.
    pub total: u64,
    pub after: Option<String>,
}
