//! Names and passwords.

use std::sync::Arc;

use hansard_events::{Digest, KeySubject, Profile, UserId};
use rusqlite::Connection;
use uuid::Uuid;

use super::{Candidate, Vault, VaultError};

/// How many accounts that asked for one name are looked at, oldest first. The directory gives a
/// name once; the others are registrations that lost it and were not cleaned up.
const MAX_CANDIDATES: u32 = 4;

struct Row {
    user: Uuid,
    profile: Vec<u8>,
    password: String,
}

fn rows(connection: &Connection, name: Digest) -> rusqlite::Result<Vec<Row>> {
    let sql = "SELECT user, profile, password FROM credentials
               WHERE name = ?1 AND password IS NOT NULL ORDER BY number LIMIT ?2";
    connection
        .prepare_cached(sql)?
        .query_map((name.as_bytes(), MAX_CANDIDATES), |row| {
            let user = Uuid::from_bytes(row.get(0)?);
            Ok(Row { user, profile: row.get(1)?, password: row.get(2)? })
        })?
        .collect()
}

fn wrapped_name(user: UserId) -> String {
    format!("profile/{user}")
}

impl Vault {
    /// Keeps (or replaces) a person's name and password hash. `password` is `None` for people that
    /// are imported: nobody can sign in as them until a password is set; a password that was set
    /// before stays.
    ///
    /// # Errors
    /// [`VaultError::Busy`], [`VaultError::Full`], [`VaultError::Database`].
    pub async fn put_credentials(
        &self,
        user: UserId,
        name: Digest,
        profile: &Profile,
        password: Option<&str>,
    ) -> Result<(), VaultError> {
        let profile = serde_json::to_vec(profile)
            .map_err(|error| VaultError::Database(format!("a profile is not written: {error}")))?;
        let profile = self.wrapper.wrap(&wrapped_name(user), &profile)?;
        let password = match password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let sql = "INSERT INTO credentials (user, name, profile, password) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (user) DO UPDATE SET name = excluded.name, profile = excluded.profile,
                   password = coalesce(excluded.password, password)";
        let work = move |connection: &Connection| {
            let user = user.as_uuid().into_bytes();
            connection.prepare_cached(sql)?.execute((user, name.as_bytes(), profile, password))
        };
        self.database.call(work, |_, _| Ok(())).await
    }

    /// Forgets a person's name and password: of a registration that did not get its name.
    /// Idempotent.
    ///
    /// # Errors
    /// [`VaultError::Full`], [`VaultError::Database`].
    pub async fn remove_credentials(&self, user: UserId) -> Result<(), VaultError> {
        let work = move |connection: &Connection| remove(connection, user);
        self.database.call(work, |(), _| Ok(())).await
    }

    /// Which of those who asked for this name has this password. Takes the same time whether the
    /// name is known or not. More than one account can have asked for a name (the directory gave
    /// it to one of them): the caller confirms with the directory.
    ///
    /// # Errors
    /// [`VaultError::Busy`], [`VaultError::Database`].
    pub async fn candidates(&self, name: Digest, password: &str) -> Result<Vec<Candidate>, VaultError> {
        let mut rows =
            self.database.call(move |connection| rows(connection, name), |rows, _| Ok(rows)).await?;
        let hashes = rows.iter_mut().map(|row| std::mem::take(&mut row.password)).collect();
        let matching = self.passwords.matching(hashes, password).await?;
        let damaged = || VaultError::Database("a profile does not open".to_owned());
        let candidate = |row: &Row| {
            let user = UserId::new(row.user).map_err(|_| damaged())?;
            let profile = self.wrapper.unwrap(&wrapped_name(user), &row.profile).ok_or_else(damaged)?;
            let profile = serde_json::from_slice(&profile).map_err(|_| damaged())?;
            Ok(Candidate { user, profile })
        };
        matching.into_iter().map(|index| candidate(&rows[index])).collect()
    }

    /// Destroys the data key of `subject`: what it sealed can't be opened any more, by anyone. Of
    /// a person, name, password and sessions go too. Idempotent. Backups of the vault hold what
    /// was destroyed after they were made.
    ///
    /// # Errors
    /// [`VaultError::Full`], [`VaultError::Database`]: then nothing is destroyed, or, when only
    /// emptying the write-ahead log failed, asking again finishes it.
    pub async fn destroy(&self, subject: KeySubject) -> Result<(), VaultError> {
        let (keys, closed, now) = (self.keys.clone(), Arc::clone(&self.closed), self.now());
        let work = move |connection: &Connection| {
            let key = super::keys::remove(connection, subject)?;
            let mut ended = Vec::new();
            if let KeySubject::User(user) = subject {
                remove(connection, user)?;
                ended = super::sessions::end_all(connection, user)?;
            }
            Ok((key, ended))
        };
        let after = move |(key, ended): (Option<_>, Vec<_>), connection: &Connection| {
            keys.forget(subject, key);
            for (session, until) in ended {
                closed.insert(session, until, now);
            }
            super::db::empty_wal(connection)
        };
        self.database.call(work, after).await
    }
}

fn remove(connection: &Connection, user: UserId) -> rusqlite::Result<()> {
    let sql = "DELETE FROM credentials WHERE user = ?1";
    connection.prepare_cached(sql)?.execute([user.as_uuid().into_bytes()]).map(drop)
}
