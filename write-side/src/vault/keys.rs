//! Data keys: made on first use, wrapped in the database, a bounded number kept ready in memory.

use std::sync::Arc;

use async_trait::async_trait;
use hansard_events::{DataKey, KeyId, KeyRing, KeySubject, SealError};
use moka::sync::Cache;
use rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::master::{Wrapper, random};
use super::{Vault, VaultError};

/// Keys that are ready. Filled and emptied on the database's thread only, in the order of its
/// transactions: so no key comes back into memory after it was destroyed.
#[derive(Clone)]
pub(super) struct Keys {
    by_subject: Cache<KeySubject, Arc<DataKey>>,
    /// `None` for a key that is not in the vault: ids are never used again, so it stays away.
    by_id: Cache<KeyId, Option<Arc<DataKey>>>,
}

impl Keys {
    pub(super) fn new(capacity: u64) -> Self {
        Self { by_subject: Cache::new(capacity), by_id: Cache::new(capacity) }
    }

    /// Forgets a key that was destroyed.
    pub(super) fn forget(&self, subject: KeySubject, id: Option<KeyId>) {
        self.by_subject.invalidate(&subject);
        if let Some(id) = id {
            self.by_id.insert(id, None);
        }
    }
}

/// A key as it stands in the database.
struct Row {
    id: Uuid,
    subject: String,
    wrapped: Vec<u8>,
}

impl Row {
    fn name(id: Uuid, subject: &str) -> String {
        format!("data key/{subject}/{id}")
    }

    fn open(&self, wrapper: &Wrapper) -> Result<Arc<DataKey>, VaultError> {
        let damaged = || VaultError::Database(format!("the data key {} does not open", self.id));
        let id = KeyId::new(self.id).map_err(|_| damaged())?;
        let plain = wrapper.unwrap(&Self::name(self.id, &self.subject), &self.wrapped).ok_or_else(damaged)?;
        let secret: &[u8; 32] = plain.as_slice().try_into().map_err(|_| damaged())?;
        DataKey::new(id, secret).map(Arc::new).map_err(|_| damaged())
    }
}

fn of_subject(connection: &Connection, subject: &str) -> rusqlite::Result<Option<Row>> {
    let sql = "SELECT id, wrapped FROM data_keys WHERE subject = ?1";
    let row = |row: &rusqlite::Row<'_>| {
        let id = Uuid::from_bytes(row.get(0)?);
        Ok(Row { id, subject: subject.to_owned(), wrapped: row.get(1)? })
    };
    connection.prepare_cached(sql)?.query_row([subject], row).optional()
}

fn of_id(connection: &Connection, id: KeyId) -> rusqlite::Result<Option<Row>> {
    let sql = "SELECT subject, wrapped FROM data_keys WHERE id = ?1";
    let id = id.as_uuid();
    let row = |row: &rusqlite::Row<'_>| Ok(Row { id, subject: row.get(0)?, wrapped: row.get(1)? });
    connection.prepare_cached(sql)?.query_row([id.into_bytes()], row).optional()
}

/// A new key for a subject that has none. Refusals come back as a value: others share the
/// transaction.
fn make(
    connection: &Connection,
    wrapper: &Wrapper,
    subject: String,
) -> rusqlite::Result<Result<Row, VaultError>> {
    let id = Uuid::now_v7();
    let wrapped = random::<32>().map(Zeroizing::new);
    let wrapped = wrapped.and_then(|secret| wrapper.wrap(&Row::name(id, &subject), secret.as_ref()));
    let wrapped = match wrapped {
        Ok(wrapped) => wrapped,
        Err(error) => return Ok(Err(error)),
    };
    let sql = "INSERT INTO data_keys (id, subject, wrapped) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute((id.into_bytes(), &subject, &wrapped))?;
    Ok(Ok(Row { id, subject, wrapped }))
}

/// Deletes the subject's key and tells which it was.
pub(super) fn remove(connection: &Connection, subject: KeySubject) -> rusqlite::Result<Option<KeyId>> {
    let sql = "DELETE FROM data_keys WHERE subject = ?1 RETURNING id";
    let id = connection
        .prepare_cached(sql)?
        .query_row([subject.to_string()], |row| row.get(0).map(Uuid::from_bytes))
        .optional()?;
    Ok(id.and_then(|id| KeyId::new(id).ok()))
}

fn unavailable(error: &VaultError) -> SealError {
    SealError::Unavailable(error.to_string())
}

#[async_trait]
impl KeyRing for Vault {
    async fn current(&self, subject: KeySubject) -> Result<Arc<DataKey>, SealError> {
        if let Some(key) = self.keys.by_subject.get(&subject) {
            return Ok(key);
        }
        let (wrapper, opener) = (Arc::clone(&self.wrapper), Arc::clone(&self.wrapper));
        let keys = self.keys.clone();
        let work = move |connection: &Connection| {
            let name = subject.to_string();
            match of_subject(connection, &name)? {
                Some(row) => Ok(Ok(row)),
                None => make(connection, &wrapper, name),
            }
        };
        let after = move |row: Result<Row, VaultError>, _: &Connection| {
            if let Some(key) = keys.by_subject.get(&subject) {
                return Ok(key);
            }
            let key = row?.open(&opener)?;
            keys.by_subject.insert(subject, Arc::clone(&key));
            keys.by_id.insert(key.id(), Some(Arc::clone(&key)));
            Ok(key)
        };
        self.database.call(work, after).await.map_err(|error| unavailable(&error))
    }

    async fn find(&self, id: KeyId) -> Result<Option<Arc<DataKey>>, SealError> {
        if let Some(known) = self.keys.by_id.get(&id) {
            return Ok(known);
        }
        let (wrapper, keys) = (Arc::clone(&self.wrapper), self.keys.clone());
        let after = move |row: Option<Row>, _: &Connection| {
            if let Some(known) = keys.by_id.get(&id) {
                return Ok(known);
            }
            let key = row.map(|row| row.open(&wrapper)).transpose()?;
            keys.by_id.insert(id, key.clone());
            Ok(key)
        };
        self.database
            .call(move |connection| of_id(connection, id), after)
            .await
            .map_err(|error| unavailable(&error))
    }
}
