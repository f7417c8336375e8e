//! From recorded events to frames: each is encoded once, the same bytes for everyone.

use axum::extract::ws::Utf8Bytes;
use hansard_api_spec::ws;
use hansard_events::{ConversationEvent, ConversationId, Event, Private, Recorded, StreamName, UserEvent};
use serde_json::{Value, json};

use super::ring::{Change, Entry};

/// A frame as text.
pub(crate) fn frame(frame: &ws::ServerFrame<'_>) -> Utf8Bytes {
    // Frames are made of maps, strings and numbers, which always serialise.
    serde_json::to_string(frame).unwrap_or_default().into()
}

/// What connections have to do with an event; `None` for what concerns none.
pub(super) fn entry(recorded: &Recorded) -> Option<Entry> {
    match (&recorded.event, recorded.stream) {
        (Event::Conversation(event), StreamName::Conversation(conversation)) => {
            let frame = event_frame(recorded, conversation, event);
            Some(Entry::Event { conversation, change: change(recorded, event), frame })
        }
        (&Event::User(UserEvent::MarkMoved { conversation, read, received }), StreamName::User(user)) => {
            let mark = ws::Mark { conversation, user, read, received, at: recorded.at };
            Some(Entry::Mark { conversation, user, frame: frame(&ws::ServerFrame::Mark(mark)) })
        }
        (&Event::User(UserEvent::SessionClosed { session, .. }), StreamName::User(user)) => {
            Some(Entry::SessionClosed { user, session })
        }
        _ => None,
    }
}

fn change(recorded: &Recorded, event: &ConversationEvent) -> Option<Change> {
    match event {
        ConversationEvent::Created { members, .. } | ConversationEvent::MembersAdded { members } => {
            Some(Change::Enter(members.iter().map(|member| member.user).collect()))
        }
        ConversationEvent::MemberJoined {} => Some(Change::Enter(vec![recorded.actor])),
        ConversationEvent::MemberLeft {} => Some(Change::Leave(recorded.actor)),
        ConversationEvent::MemberRemoved { user } => Some(Change::Leave(*user)),
        ConversationEvent::MemberRoleChanged { .. }
        | ConversationEvent::Renamed { .. }
        | ConversationEvent::MessageSent { .. }
        | ConversationEvent::MessageEdited { .. }
        | ConversationEvent::MessageRecalled { .. } => None,
    }
}

fn event_frame(recorded: &Recorded, conversation: ConversationId, event: &ConversationEvent) -> Utf8Bytes {
    frame(&ws::ServerFrame::Event(ws::Event {
        conversation,
        seq: recorded.version,
        event: recorded.event_type().into(),
        at: recorded.at,
        actor: recorded.actor,
        command: recorded.command,
        data: data(event),
    }))
}

/// The public data of an event and, where it is open, the private part under its own name.
fn data(event: &ConversationEvent) -> Value {
    let mut data = match serde_json::to_value(event) {
        Ok(Value::Object(mut tagged)) => tagged.remove("data").unwrap_or_else(|| json!({})),
        _ => json!({}),
    };
    let private = match event {
        ConversationEvent::Created { title, .. } => {
            Some(("title", title.as_ref().and_then(Private::open).map(|title| json!(title))))
        }
        ConversationEvent::Renamed { title } => Some(("title", title.open().map(|title| json!(title)))),
        ConversationEvent::MessageSent { body, .. } | ConversationEvent::MessageEdited { body, .. } => {
            Some(("body", body.open().cloned()))
        }
        _ => None,
    };
    if let (Some((name, value)), Value::Object(data)) = (private, &mut data) {
        data.insert(name.to_owned(), value.unwrap_or_default());
    }
    data
}
