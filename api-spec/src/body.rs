//! The bodies of commands: the same over REST and over the socket.

use hansard_events::{ConversationKind, HistoryAccess, MemberRole, MessageKind, Posting, UserId};
use schemars::JsonSchema;
use serde::Deserialize;
use utoipa::ToSchema;

/// What a text message says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextBody {
    /// At most 16 KiB of UTF-8, not empty.
    pub text: String,
}

/// Something to say.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    #[schemars(with = "String")]
    #[schema(value_type = String, example = "text")]
    pub kind: MessageKind,
    /// By kind.
    pub body: TextBody,
    /// The `seq` of an earlier message.
    #[serde(default)]
    pub reply_to: Option<u64>,
}

/// The whole new body of a message.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditMessage {
    pub body: TextBody,
}

/// A new conversation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateConversation {
    #[schemars(with = "String")]
    #[schema(value_type = String, example = "group")]
    pub kind: ConversationKind,
    /// 1 to 200 characters; not for `direct`.
    #[serde(default)]
    pub title: Option<String>,
    /// Who else is in it; for `direct`, the other person.
    #[serde(default)]
    #[schemars(with = "Vec<uuid::Uuid>")]
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub members: Vec<UserId>,
    /// From where new members may read: `joined` or `all`. `all` in a channel, else `joined`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    #[schema(value_type = Option<String>)]
    pub history: Option<HistoryAccess>,
    /// Who may write: `everyone` or `admins`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    #[schema(value_type = Option<String>)]
    pub posting: Option<Posting>,
}

/// A new title.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameConversation {
    /// 1 to 200 characters.
    pub title: String,
}

/// People to add.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMembers {
    #[schemars(with = "Vec<uuid::Uuid>")]
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub users: Vec<UserId>,
}

/// Another role for a member.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMemberRole {
    /// `member`, `admin` or `owner`.
    #[schemars(with = "String")]
    #[schema(value_type = String)]
    pub role: MemberRole,
}

/// How far one has read and received; at least one of them. Marks only move forward.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveMark {
    /// The `seq` up to and including which one has read.
    #[serde(default)]
    pub read: Option<u64>,
    /// The `seq` up to and including which one has received.
    #[serde(default)]
    pub received: Option<u64>,
}
