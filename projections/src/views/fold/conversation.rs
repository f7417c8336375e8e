//! What the events of conversations do.

use hansard_events::{
    Body, ConversationEvent, HistoryAccess, Member, MemberRole, Position, Private, Recorded, fold,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Refusal, follows, int, text, word};
use crate::views::rows::{ConversationRow, EditRow, IntervalRow, MemberRow, TimelineRow};
use crate::views::working::Working;

/// The event type whose rows are messages.
const MESSAGE: &str = "message.sent";

pub(super) fn apply(
    working: &mut Working,
    id: Uuid,
    event: &ConversationEvent,
    recorded: &Recorded,
    position: Position,
) -> Result<(), Refusal> {
    let known = working.conversations.get(&(id,));
    let before = known.map_or(0, |conversation| conversation.messages);
    follows(known.map_or(0, |conversation| conversation.head), recorded.version)?;
    match (known, event) {
        (None, ConversationEvent::Created { .. }) | (Some(_), _) => {}
        (None, _) => return Err("the conversation is not created".into()),
    }
    let at = recorded.at.millis();
    let seq = int(recorded.version);
    let actor = recorded.actor.as_uuid();
    let mut row = TimelineRow {
        conversation: id,
        seq,
        sequence: int(position.sequence.0),
        at,
        actor,
        command: recorded.command.as_uuid(),
        event_type: recorded.event_type().to_owned(),
        kind: None,
        body: None,
        reply_to: None,
        message_number: before,
        target: None,
        data: None,
        edited_at: None,
        edits: 0,
        recalled_at: None,
    };
    if row.event_type != MESSAGE {
        row.data = Some(public(event));
    }
    match event {
        ConversationEvent::Created { kind, history, posting, members, title } => {
            if known.is_some() {
                return Err("the conversation is already created".into());
            }
            let title = title.as_ref().and_then(Private::open).map(|title| text(title));
            working.conversations.put(ConversationRow {
                id,
                kind: word(kind),
                title_fold: title.as_deref().map(fold),
                title,
                history: word(history),
                posting: word(posting),
                created_by: actor,
                created_at: at,
                head: 0,
                head_partition: 0,
                head_sequence: 0,
                active_at: at,
                last_message: None,
                messages: 0,
                member_count: 0,
            });
            members.iter().for_each(|member| admit(working, id, *member, seq));
        }
        ConversationEvent::MemberJoined {} => {
            admit(working, id, Member { user: recorded.actor, role: MemberRole::Member }, seq);
        }
        ConversationEvent::MembersAdded { members } => {
            members.iter().for_each(|member| admit(working, id, *member, seq));
        }
        ConversationEvent::MemberLeft {} => dismiss(working, id, actor, seq),
        ConversationEvent::MemberRemoved { user } => dismiss(working, id, user.as_uuid(), seq),
        ConversationEvent::MemberRoleChanged { user, role } => {
            if let Some(member) = working.members.change(&(id, user.as_uuid())) {
                member.role = word(role);
            }
        }
        ConversationEvent::Renamed { title } => {
            let title = title.open().map(|title| text(title));
            if let Some(conversation) = working.conversations.change(&(id,)) {
                conversation.title_fold = title.as_deref().map(fold);
                conversation.title = title;
            }
        }
        ConversationEvent::MessageSent { kind, reply_to, body } => {
            row.kind = Some(word(kind));
            row.body = written(body);
            row.reply_to = reply_to.map(int);
            row.message_number += 1;
            if let Some(member) = working.members.change(&(id, actor)) {
                member.last_sent = seq;
            }
        }
        ConversationEvent::MessageEdited { message, kind, body, .. } => {
            row.kind = Some(word(kind));
            row.body = written(body);
            row.target = Some(int(*message));
            edit(working, &mut row)?;
        }
        ConversationEvent::MessageRecalled { message, .. } => {
            row.target = Some(int(*message));
            recall(working, &row)?;
        }
    }
    if let Some(conversation) = working.conversations.change(&(id,)) {
        conversation.head = seq;
        conversation.head_partition = position.partition.0.into();
        conversation.head_sequence = row.sequence;
        conversation.active_at = at;
        conversation.messages = row.message_number;
        if row.event_type == MESSAGE {
            conversation.last_message = Some(seq);
        }
    }
    working.timeline.put(row);
    Ok(())
}

/// Makes somebody a member from `seq` on; who is one already stays as they are.
fn admit(working: &mut Working, id: Uuid, member: Member, seq: i64) {
    let user = member.user.as_uuid();
    if working.members.get(&(id, user)).is_some() {
        return;
    }
    let Some(conversation) = working.conversations.change(&(id,)) else { return };
    conversation.member_count += 1;
    let from_seq = first_visible(conversation, seq);
    let role = word(&member.role);
    working.members.put(MemberRow { conversation: id, user_id: user, role, since: seq, last_sent: 0 });
    working.intervals.put(IntervalRow {
        user_id: user,
        conversation: id,
        since: seq,
        from_seq,
        until_seq: None,
    });
}

/// Ends a membership: `seq` is the last that they see.
fn dismiss(working: &mut Working, id: Uuid, user: Uuid, seq: i64) {
    let Some(member) = working.members.remove(&(id, user)) else { return };
    let Some(conversation) = working.conversations.change(&(id,)) else { return };
    conversation.member_count -= 1;
    let from_seq = first_visible(conversation, member.since);
    working.intervals.overwrite(IntervalRow {
        user_id: user,
        conversation: id,
        since: member.since,
        from_seq,
        until_seq: Some(seq),
    });
}

fn first_visible(conversation: &ConversationRow, since: i64) -> i64 {
    if conversation.history == word(&HistoryAccess::All) { 1 } else { since }
}

/// Gives the target the new body and keeps the old one. What comes after a recall shows nothing.
fn edit(working: &mut Working, row: &mut TimelineRow) -> Result<(), Refusal> {
    let message = target(working, row)?;
    if message.recalled_at.is_some() {
        row.body = None;
        return Ok(());
    }
    let replaced = EditRow {
        conversation: message.conversation,
        message: message.seq,
        number: message.edits,
        at: message.edited_at.unwrap_or(message.at),
        body: message.body.take(),
    };
    message.body.clone_from(&row.body);
    message.edits += 1;
    message.edited_at = Some(row.at);
    working.edits.put(replaced);
    Ok(())
}

fn recall(working: &mut Working, row: &TimelineRow) -> Result<(), Refusal> {
    let message = target(working, row)?;
    message.body = None;
    message.recalled_at = message.recalled_at.or(Some(row.at));
    if message.edits > 0 {
        let key = (message.conversation, message.seq);
        working.recalls.insert(key);
    }
    Ok(())
}

/// The message that `row` is about.
fn target<'a>(working: &'a mut Working, row: &TimelineRow) -> Result<&'a mut TimelineRow, Refusal> {
    let seq = row.target.unwrap_or_default();
    let refusal = || format!("there is no message {seq} for {} to act on", row.event_type);
    let message = working.timeline.change(&(row.conversation, seq)).ok_or_else(refusal)?;
    if message.event_type == MESSAGE { Ok(message) } else { Err(refusal()) }
}

fn written(body: &Private<Body>) -> Option<String> {
    body.open().map(Value::to_string)
}

/// The public part of an event, and its title where it has one (`null` when erased).
fn public(event: &ConversationEvent) -> String {
    let mut data = serde_json::to_value(event).map_or(Value::Null, |mut event| event["data"].take());
    let title = match event {
        ConversationEvent::Created { title, .. } => title.as_ref(),
        ConversationEvent::Renamed { title } => Some(title),
        _ => None,
    };
    if let Some(title) = title {
        data["title"] = json!(title.open());
    }
    data.to_string()
}
