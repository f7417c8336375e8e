//! What a connection reads from the views, and how it is told.

use async_trait::async_trait;
use hansard_api_spec::ws;
use hansard_events::{ConversationId, UserId};
use hansard_read_side::{
    AsOf, Changes, Content, Conversation, ConversationChanges, ConversationEventView, Mark, Message,
    QueryError, Reader, User,
};
use serde_json::{Value, json};

/// What bringing a connection up to date asks of the read side.
#[async_trait]
pub(crate) trait CatchUp: Send + Sync + 'static {
    async fn user(&self, user: UserId) -> Result<AsOf<User>, QueryError>;
    async fn memberships(&self, viewer: UserId) -> Result<AsOf<Vec<ConversationId>>, QueryError>;
    async fn sync(
        &self,
        viewer: UserId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<AsOf<Changes>, QueryError>;
}

#[async_trait]
impl CatchUp for Reader {
    async fn user(&self, user: UserId) -> Result<AsOf<User>, QueryError> {
        Self::user(self, user).await
    }

    async fn memberships(&self, viewer: UserId) -> Result<AsOf<Vec<ConversationId>>, QueryError> {
        Self::memberships(self, viewer).await
    }

    async fn sync(
        &self,
        viewer: UserId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<AsOf<Changes>, QueryError> {
        Self::sync(self, viewer, cursor, limit).await
    }
}

/// A person, as they see themselves.
pub(super) fn own_user(user: &User) -> Value {
    let User { id, username, display_name, registered_at, roles } = user;
    json!({
        "id": id,
        "username": username,
        "display_name": display_name,
        "registered_at": registered_at,
        "roles": roles,
    })
}

fn message(message: &Message) -> Value {
    let Message { conversation, seq, at, author, content, reply_to, edited_at, edits } = message;
    let (kind, body) = match content {
        Content::Written { kind, body } => (json!(kind), body.clone()),
        Content::Recalled { kind, .. } | Content::Erased { kind } => (json!(kind), Value::Null),
        Content::System { event, data } => {
            let mut body = json!({ "event": event });
            if let (Some(body), Some(data)) = (body.as_object_mut(), data.as_object()) {
                body.extend(data.clone());
            }
            (json!("system"), body)
        }
    };
    let recalled_at = match content {
        Content::Recalled { at, .. } => Some(at),
        _ => None,
    };
    json!({
        "conversation": conversation,
        "seq": seq,
        "at": at,
        "author": author,
        "kind": kind,
        "body": body,
        "reply_to": reply_to,
        "edited_at": edited_at,
        "edits": edits,
        "recalled_at": recalled_at,
        "erased": matches!(content, Content::Erased { .. }),
    })
}

fn conversation(conversation: &Conversation) -> Value {
    json!({
        "id": conversation.id,
        "kind": conversation.kind,
        "title": conversation.title,
        "history": conversation.history,
        "posting": conversation.posting,
        "created_at": conversation.created_at,
        "head": conversation.head,
        "member_count": conversation.member_count,
        "role": conversation.role,
        "read": conversation.read,
        "received": conversation.received,
        "unread": conversation.unread,
        "last_message": conversation.last_message.as_ref().map(message),
        "peer": conversation.peer,
        "active_at": conversation.active_at,
    })
}

fn event(event: ConversationEventView) -> ws::Event<'static> {
    let ConversationEventView { conversation, seq, event, at, actor, command, data } = event;
    ws::Event { conversation, seq, event: event.into(), at, actor, command, data }
}

fn mark(Mark { conversation, user, read, received, at }: Mark) -> ws::Mark {
    ws::Mark { conversation, user, read, received, at }
}

/// A page of changes as a frame; `None` when nothing has changed.
pub(super) fn changes(page: Changes) -> Option<ws::Changes> {
    let Changes { conversations, marks, me, cursor, more: _ } = page;
    let of_conversation = |changes: ConversationChanges| {
        let ConversationChanges { conversation: of, events, limited, before } = changes;
        let events = events.into_iter().map(event).collect();
        ws::ConversationChanges { conversation: conversation(&of), events, limited, before }
    };
    let something = !(conversations.is_empty() && marks.is_empty() && me.is_none());
    something.then(|| ws::Changes {
        conversations: conversations.into_iter().map(of_conversation).collect(),
        marks: marks.into_iter().map(mark).collect(),
        me: me.as_ref().map(own_user),
        cursor,
    })
}
