//! What every event does to the views: a pure fold over the rows that a batch touches. There are
//! no clocks, no databases and no other inputs here, so that the same log always gives the same
//! rows.

mod conversation;
mod needs;
mod user;

use hansard_events::{Event, Position, Recorded, StreamName};

use super::rows::{PositionRow, QuarantineRow, StreamEventRow};
use super::working::Working;
use crate::runtime::{Applicable, Entry};

pub(crate) use needs::Needs;

/// Why an event can't be applied: its stream goes into quarantine.
type Refusal = String;

/// Applies one commit: every entry, then the position.
pub(crate) fn apply(working: &mut Working, commit: &Applicable) {
    for (index, entry) in commit.entries.iter().enumerate() {
        match entry {
            Entry::Event(recorded) if working.left_out.contains(&recorded.stream) => {}
            Entry::Event(recorded) => {
                if let Err(reason) = apply_event(working, recorded, commit.position) {
                    quarantine(working, recorded.stream, recorded.version, commit.position, &reason);
                }
            }
            Entry::Unreadable { stream: Some(stream), .. } if working.left_out.contains(stream) => {}
            Entry::Unreadable { stream: Some(stream), version, reason } => {
                quarantine(working, *stream, *version, commit.position, reason);
            }
            Entry::Unreadable { stream: None, version, reason } => {
                let name = format!("unknown@{}:{}", commit.position, index + 1);
                put_quarantine(working, name, *version, commit.position, reason);
            }
        }
    }
    working.positions.overwrite(PositionRow {
        partition_id: commit.position.partition.0.into(),
        sequence: int(commit.position.sequence.0),
        hash: commit.hash,
    });
}

fn apply_event(working: &mut Working, recorded: &Recorded, position: Position) -> Result<(), Refusal> {
    match (&recorded.event, recorded.stream) {
        (Event::Conversation(event), StreamName::Conversation(id)) => {
            conversation::apply(working, id.as_uuid(), event, recorded, position)
        }
        (Event::User(event), StreamName::User(id)) => {
            user::apply(working, id.as_uuid(), event, recorded, position)
        }
        (Event::Directory(_), StreamName::Directory) => directory(working, recorded, position),
        _ => Err(format!("{} has no place in {}", recorded.event_type(), recorded.stream)),
    }
}

/// Usernames are kept with their people; of the directory only the places are kept.
fn directory(working: &mut Working, recorded: &Recorded, position: Position) -> Result<(), Refusal> {
    let version = int(recorded.version);
    let name = recorded.stream.to_string();
    let before = version == 1 || working.stream_events.get(&(name.clone(), version - 1)).is_some();
    if !before || version < 1 || working.stream_events.get(&(name, version)).is_some() {
        return Err(format!("version {version} does not follow the one before"));
    }
    note(working, recorded, position);
    Ok(())
}

/// Checks that `version` is the one after `head`.
fn follows(head: i64, version: u64) -> Result<(), Refusal> {
    if int(version) == head.saturating_add(1) {
        Ok(())
    } else {
        Err(format!("version {version} does not follow version {head}"))
    }
}

/// Notes where an event of a user or the directory stands.
fn note(working: &mut Working, recorded: &Recorded, position: Position) {
    working.stream_events.put(StreamEventRow {
        stream: recorded.stream.to_string(),
        version: int(recorded.version),
        sequence: int(position.sequence.0),
    });
}

fn quarantine(working: &mut Working, stream: StreamName, version: u64, position: Position, reason: &str) {
    tracing::error!(
        hansard.stream = %stream,
        hansard.version = version,
        hansard.position = %position,
        "an event can't be applied, the views leave out its stream from here on: {reason}"
    );
    working.left_out.insert(stream);
    put_quarantine(working, stream.to_string(), version, position, reason);
}

fn put_quarantine(working: &mut Working, stream: String, version: u64, position: Position, reason: &str) {
    working.quarantine.put(QuarantineRow {
        stream,
        version: int(version),
        partition_id: position.partition.0.into(),
        sequence: int(position.sequence.0),
        reason: text(reason),
    });
}

/// A number as databases have them. None of ours comes near the end of the range.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Text as PostgreSQL takes it: it has no U+0000.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The name of a unit variant, as it is in JSON.
fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Only enums of unit variants are passed here.
        _ => String::new(),
    }
}
