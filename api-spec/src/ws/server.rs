//! What the server sends. `type` always stands first.

use hansard_events::{CommandId, ConversationId, Position, SessionId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::Problem;

/// A frame from the server.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame<'a> {
    Welcome(Welcome),
    Changes(Changes),
    Live(Live),
    Result(ResultFrame),
    Event(Event<'a>),
    Mark(Mark),
    Typing(TypingNote),
    Presence(Presence),
    Cursor(Cursor),
    Pong(Pong),
    Problem(ProblemFrame),
    Resync(Resync),
    Bye(Bye),
}

/// The first frame: who one is here, and what is allowed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "welcome")]
pub struct Welcome {
    #[schemars(with = "uuid::Uuid")]
    pub session: SessionId,
    /// As `GET /v1/me` answers.
    pub user: Value,
    /// As `GET /v1/limits` answers.
    pub limits: Value,
    /// The position that the server's views stand at, one for each partition with commas between.
    pub as_of: String,
    /// Whether the changes that follow go on from the cursor that was given.
    pub resumed: bool,
    /// Why they do not, when a cursor was given: what is kept must be dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_required: Option<String>,
}

/// A page of what happened since the cursor.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "changes")]
pub struct Changes {
    /// Those that moved.
    pub conversations: Vec<ConversationChanges>,
    /// Marks that moved: one's own, and those of others in one's conversations.
    pub marks: Vec<Mark>,
    /// The own profile, when it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub me: Option<Value>,
    /// To keep; the next connection goes on from here.
    pub cursor: String,
}

/// What happened in one conversation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConversationChanges {
    /// As `GET /v1/conversations/{id}` answers.
    pub conversation: Value,
    /// The newest events since the cursor, oldest first.
    pub events: Vec<Event<'static>>,
    /// There are more between the cursor and these: read them with `before`.
    pub limited: bool,
    /// The `seq` to read before.
    pub before: Option<u64>,
}

/// From here on, nothing is missed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "live")]
pub struct Live {
    pub cursor: String,
}

/// What became of a command.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "result")]
pub struct ResultFrame {
    #[schemars(with = "uuid::Uuid")]
    pub id: CommandId,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Done, or not.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Accepted(Accepted),
    Rejected(Problem),
}

/// Where the answer to a command stands.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Accepted {
    /// For `Hansard-After`.
    #[schemars(with = "String")]
    pub position: Position,
    /// The conversation that it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<uuid::Uuid>")]
    pub conversation: Option<ConversationId>,
    /// The number of its last event there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
}

/// Something that happened in a conversation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "event")]
pub struct Event<'a> {
    #[schemars(with = "uuid::Uuid")]
    pub conversation: ConversationId,
    /// 1, 2, 3 and so on in the conversation, without a hole.
    pub seq: u64,
    /// For example `message.sent`.
    pub event: std::borrow::Cow<'a, str>,
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    #[schemars(with = "uuid::Uuid")]
    pub actor: UserId,
    #[schemars(with = "uuid::Uuid")]
    pub command: CommandId,
    /// By event; private parts are `null` once erased.
    pub data: Value,
}

/// How far somebody has read and received, both up to and including.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "mark")]
pub struct Mark {
    #[schemars(with = "uuid::Uuid")]
    pub conversation: ConversationId,
    #[schemars(with = "uuid::Uuid")]
    pub user: UserId,
    pub read: u64,
    pub received: u64,
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
}

/// Somebody is writing.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "typing")]
pub struct TypingNote {
    #[schemars(with = "uuid::Uuid")]
    pub conversation: ConversationId,
    #[schemars(with = "uuid::Uuid")]
    pub user: UserId,
}

/// Whether somebody is there.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "presence")]
pub struct Presence {
    #[schemars(with = "uuid::Uuid")]
    pub user: UserId,
    pub presence: PresenceState,
}

/// See [`Presence`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PresenceState {
    Online,
    Offline,
}

/// A cursor to keep in the place of the one before: everything up to it has been sent.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "cursor")]
pub struct Cursor {
    pub cursor: String,
}

/// Answers `ping`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "pong")]
pub struct Pong {
    pub n: u64,
}

/// A frame could not be taken; the connection goes on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "problem")]
pub struct ProblemFrame {
    pub problem: Problem,
}

/// Reconnect from the last cursor. The socket is closed after it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "resync")]
pub struct Resync {
    /// Not before so many seconds.
    pub retry_after: f64,
    /// Why, for people.
    pub reason: String,
}

/// The end. The socket is closed after it, with the same code.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "bye")]
pub struct Bye {
    pub code: u16,
    pub problem: Problem,
}
