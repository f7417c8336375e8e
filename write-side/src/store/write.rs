//! Writing a flush: every changed row and the checkpoint, in one transaction.

use rusqlite::{Connection, Transaction};

use super::StoreError;
use super::convert::{kind_name, role_name, stream_key};
use super::rows::{Flush, Outcome, StreamRows};

pub(super) fn write(connection: &mut Connection, flush: &Flush) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    for rows in &flush.streams {
        write_stream(&transaction, rows)?;
    }
    write_commands(&transaction, flush)?;
    transaction
        .prepare_cached(
            "INSERT INTO checkpoints VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash",
        )?
        .execute((
            flush.partition.0,
            flush.checkpoint.sequence.0.cast_signed(),
            flush.checkpoint.hash.as_bytes(),
        ))?;
    transaction.commit()?;
    Ok(())
}

fn write_stream(transaction: &Transaction<'_>, rows: &StreamRows) -> Result<(), StoreError> {
    let key = stream_key(rows.stream);
    transaction
        .prepare_cached(
            "INSERT INTO streams VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET version = excluded.version, head = excluded.head",
        )?
        .execute((key, rows.version.cast_signed(), &rows.head))?;
    let mut statement =
        transaction.prepare_cached("INSERT OR REPLACE INTO members VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (user, membership) in &rows.members {
        let stays = (!membership.stays.is_empty()).then(|| serde_json::to_string(&membership.stays));
        let stays = stays.transpose().map_err(|error| StoreError::Failed(error.to_string()))?;
        let role = membership.role.map(role_name);
        statement.execute((key, user.as_uuid().as_bytes(), role, membership.since.cast_signed(), stays))?;
    }
    let mut statement =
        transaction.prepare_cached("INSERT OR REPLACE INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for (seq, fact) in &rows.messages {
        statement.execute((
            key,
            seq.cast_signed(),
            fact.author.as_uuid().as_bytes(),
            fact.sent_at.millis(),
            kind_name(fact.kind),
            fact.recalled.map(u64::cast_signed),
        ))?;
    }
    let mut statement = transaction.prepare_cached("INSERT OR REPLACE INTO marks VALUES (?1, ?2, ?3, ?4)")?;
    for (conversation, mark) in &rows.marks {
        let conversation = conversation.as_uuid();
        let (read, received) = (mark.read.cast_signed(), mark.received.cast_signed());
        statement.execute((key, conversation.as_bytes(), read, received))?;
    }
    let mut statement = transaction.prepare_cached("INSERT OR REPLACE INTO usernames VALUES (?1, ?2)")?;
    for (name, user) in &rows.usernames {
        statement.execute((name.as_bytes(), user.as_uuid().as_bytes()))?;
    }
    Ok(())
}

fn write_commands(transaction: &Transaction<'_>, flush: &Flush) -> Result<(), StoreError> {
    let mut statement = transaction
        .prepare_cached("INSERT OR REPLACE INTO commands VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    for (id, Outcome { actor, fingerprint, accepted }) in &flush.commands {
        statement.execute((
            flush.partition.0,
            id.as_uuid().as_bytes(),
            actor.as_uuid().as_bytes(),
            fingerprint.0,
            stream_key(accepted.stream),
            accepted.position.sequence.0.cast_signed(),
            accepted.version.cast_signed(),
            accepted.at.millis(),
            accepted.changed,
        ))?;
    }
    Ok(())
}
