//! Between columns and types. Numbers are stored signed, as SQLite has them.

use hansard_events::{
    CommandId, ConversationId, Digest, Fingerprint, MemberRole, MessageKind, PartitionId, Position, Sequence,
    StreamName, Timestamp, UserId,
};
use rusqlite::Row;
use rusqlite::types::Type;
use uuid::Uuid;

use super::rows::Outcome;
use crate::Accepted;

pub(super) fn malformed(column: usize) -> rusqlite::Error {
    let reason = format!("column {column} is not what it should be");
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, reason.into())
}

/// A stream's name in 17 bytes: a letter for its kind, and the id (zeros for the directory).
pub(super) fn stream_key(stream: StreamName) -> [u8; 17] {
    let (letter, id) = match stream {
        StreamName::Conversation(id) => (b'c', id.as_uuid()),
        StreamName::User(id) => (b'u', id.as_uuid()),
        StreamName::Directory => (b'd', Uuid::nil()),
    };
    let mut key = [letter; 17];
    key[1..].copy_from_slice(id.as_bytes());
    key
}

fn stream(row: &Row<'_>, column: usize) -> rusqlite::Result<StreamName> {
    let key: [u8; 17] = row.get(column)?;
    let id = Uuid::from_slice(&key[1..]).map_err(|_| malformed(column))?;
    match key[0] {
        b'c' => ConversationId::new(id).map(StreamName::Conversation).map_err(|_| malformed(column)),
        b'u' => UserId::new(id).map(StreamName::User).map_err(|_| malformed(column)),
        b'd' => Ok(StreamName::Directory),
        _ => Err(malformed(column)),
    }
}

fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    Ok(Uuid::from_bytes(row.get(column)?))
}

pub(super) fn user(row: &Row<'_>, column: usize) -> rusqlite::Result<UserId> {
    UserId::new(uuid(row, column)?).map_err(|_| malformed(column))
}

pub(super) fn conversation(row: &Row<'_>, column: usize) -> rusqlite::Result<ConversationId> {
    ConversationId::new(uuid(row, column)?).map_err(|_| malformed(column))
}

pub(super) fn command(row: &Row<'_>, column: usize) -> rusqlite::Result<CommandId> {
    CommandId::new(uuid(row, column)?).map_err(|_| malformed(column))
}

pub(super) fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    Ok(Digest::from_bytes(row.get(column)?))
}

pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millis(row.get(column)?).map_err(|_| malformed(column))
}

pub(super) const fn role_name(role: MemberRole) -> &'static str {
    match role {
        MemberRole::Member => "member",
        MemberRole::Admin => "admin",
        MemberRole::Owner => "owner",
    }
}

pub(super) fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<MemberRole>> {
    match row.get_ref(column)?.as_str_or_null()? {
        None => Ok(None),
        Some("member") => Ok(Some(MemberRole::Member)),
        Some("admin") => Ok(Some(MemberRole::Admin)),
        Some("owner") => Ok(Some(MemberRole::Owner)),
        Some(_) => Err(malformed(column)),
    }
}

pub(super) const fn kind_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Text => "text",
    }
}

pub(super) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<MessageKind> {
    match row.get_ref(column)?.as_str()? {
        "text" => Ok(MessageKind::Text),
        _ => Err(malformed(column)),
    }
}

/// Columns: id, actor, fingerprint, stream, sequence, version, at, changed.
pub(super) fn outcome(row: &Row<'_>, partition: PartitionId) -> rusqlite::Result<Outcome> {
    let accepted = Accepted {
        command: command(row, 0)?,
        stream: stream(row, 3)?,
        position: Position { partition, sequence: Sequence(number(row, 4)?) },
        version: number(row, 5)?,
        at: time(row, 6)?,
        changed: row.get(7)?,
    };
    Ok(Outcome { actor: user(row, 1)?, fingerprint: Fingerprint(row.get(2)?), accepted })
}
