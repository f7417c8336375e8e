//! Reading what a writer needs.

use std::collections::BTreeMap;

use hansard_events::{CommandId, PartitionId, Sequence, StreamName};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::StoreError;
use super::convert::{
    self, command, conversation, digest, kind, malformed, number, role, stream_key, time, user,
};
use super::rows::{Checkpoint, Found, LoadedStream, Recent, Wanted};
use crate::aggregate::StreamState;
use crate::aggregate::conversation::{ConversationState, Members, Membership, MessageFact, MessageFacts};
use crate::aggregate::directory::DirectoryState;
use crate::aggregate::user::{Mark, UserState};

pub(super) fn checkpoint(
    connection: &Connection,
    partition: PartitionId,
) -> Result<Option<Checkpoint>, StoreError> {
    let read = |row: &Row<'_>| Ok(Checkpoint { sequence: Sequence(number(row, 0)?), hash: digest(row, 1)? });
    Ok(connection
        .prepare_cached("SELECT sequence, hash FROM checkpoints WHERE partition = ?1")?
        .query_row((partition.0,), read)
        .optional()?)
}

/// The newest `limit` outcomes of ids whose time is at most `until` (milliseconds since 1970).
pub(super) fn recent(
    connection: &Connection,
    partition: PartitionId,
    limit: usize,
    until: u64,
) -> Result<Recent, StoreError> {
    let mut bound = [0xff; 16];
    bound[..6].copy_from_slice(&until.to_be_bytes()[2..]);
    let mut statement = connection.prepare_cached(
        "SELECT id, actor, fingerprint, stream, sequence, version, at, changed FROM commands
         WHERE partition = ?1 AND id <= ?2 ORDER BY id DESC LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let outcomes = statement
        .query_map((partition.0, bound, limit), |row| convert::outcome(row, partition))?
        .collect::<Result<_, _>>()?;
    let mut statement =
        connection.prepare_cached("SELECT id FROM commands WHERE partition = ?1 AND id > ?2")?;
    let ahead =
        statement.query_map((partition.0, bound), |row| command(row, 0))?.collect::<Result<_, _>>()?;
    Ok(Recent { outcomes, ahead })
}

/// Everything that is wanted and there; of each conversation at most `messages` of the newest.
pub(super) fn find(
    connection: &Connection,
    partition: PartitionId,
    wanted: &Wanted,
    messages: usize,
) -> Result<Found, StoreError> {
    let mut found = Found::default();
    for id in &wanted.commands {
        found.commands.extend(outcome(connection, partition, *id)?.map(|outcome| (*id, outcome)));
    }
    for stream in &wanted.streams {
        found.streams.extend(load(connection, *stream, messages)?);
    }
    for (stream, seq) in &wanted.messages {
        let mut statement = connection.prepare_cached(
            "SELECT seq, author, sent_at, kind, recalled FROM messages WHERE stream = ?1 AND seq = ?2",
        )?;
        let fact = statement.query_row((stream_key(*stream), seq.cast_signed()), message).optional()?;
        found.messages.extend(fact.map(|(seq, fact)| (*stream, seq, fact)));
    }
    Ok(found)
}

fn outcome(
    connection: &Connection,
    partition: PartitionId,
    id: CommandId,
) -> rusqlite::Result<Option<super::rows::Outcome>> {
    connection
        .prepare_cached(
            "SELECT id, actor, fingerprint, stream, sequence, version, at, changed FROM commands
             WHERE partition = ?1 AND id = ?2",
        )?
        .query_row((partition.0, id.as_uuid().as_bytes()), |row| convert::outcome(row, partition))
        .optional()
}

fn load(
    connection: &Connection,
    stream: StreamName,
    messages: usize,
) -> Result<Option<LoadedStream>, StoreError> {
    let key = stream_key(stream);
    let read = |row: &Row<'_>| Ok((number(row, 0)?, row.get::<_, String>(1)?));
    let kept = connection
        .prepare_cached("SELECT version, head FROM streams WHERE stream = ?1")?
        .query_row((key,), read)
        .optional()?;
    let Some((version, head)) = kept else { return Ok(None) };
    let malformed = |error: serde_json::Error| StoreError::Failed(format!("the state of {stream}: {error}"));
    let state = match stream {
        StreamName::Directory => StreamState::Directory(DirectoryState {
            holders: connection
                .prepare_cached("SELECT name, person FROM usernames")?
                .query_map((), |row| Ok((digest(row, 0)?, user(row, 1)?)))?
                .collect::<Result<_, _>>()?,
        }),
        StreamName::User(_) => StreamState::User(UserState {
            head: serde_json::from_str(&head).map_err(malformed)?,
            marks: connection
                .prepare_cached("SELECT conversation, read, received FROM marks WHERE stream = ?1")?
                .query_map((key,), |row| {
                    Ok((conversation(row, 0)?, Mark { read: number(row, 1)?, received: number(row, 2)? }))
                })?
                .collect::<Result<_, _>>()?,
        }),
        StreamName::Conversation(_) => StreamState::Conversation(ConversationState {
            about: serde_json::from_str(&head).map_err(malformed)?,
            members: members(connection, key)?,
            messages: newest(connection, key, messages)?,
        }),
    };
    Ok(Some(LoadedStream { stream, version, state }))
}

fn members(connection: &Connection, key: [u8; 17]) -> rusqlite::Result<Members> {
    let mut statement =
        connection.prepare_cached("SELECT person, role, since, stays FROM members WHERE stream = ?1")?;
    let mut rows = statement.query((key,))?;
    let mut members = Members::default();
    while let Some(row) = rows.next()? {
        let stays = match row.get_ref(3)?.as_str_or_null()? {
            Some(text) => serde_json::from_str(text).map_err(|_| malformed(3))?,
            None => Vec::new(),
        };
        members.restore(user(row, 0)?, Membership { role: role(row, 1)?, since: number(row, 2)?, stays });
    }
    Ok(members)
}

fn newest(connection: &Connection, key: [u8; 17], limit: usize) -> rusqlite::Result<MessageFacts> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, author, sent_at, kind, recalled FROM messages
         WHERE stream = ?1 ORDER BY seq DESC LIMIT ?2",
    )?;
    let count = i64::try_from(limit).unwrap_or(i64::MAX);
    let known = statement
        .query_map((key, count), message)?
        .collect::<rusqlite::Result<BTreeMap<u64, MessageFact>>>()?;
    let floor = match known.first_key_value() {
        Some((oldest, _)) if known.len() == limit => oldest.saturating_sub(1),
        _ => 0,
    };
    Ok(MessageFacts::restore(floor, known))
}

fn message(row: &Row<'_>) -> rusqlite::Result<(u64, MessageFact)> {
    let recalled: Option<i64> = row.get(4)?;
    let fact = MessageFact {
        author: user(row, 1)?,
        sent_at: time(row, 2)?,
        kind: kind(row, 3)?,
        recalled: recalled.map(i64::cast_unsigned),
    };
    Ok((number(row, 0)?, fact))
}
