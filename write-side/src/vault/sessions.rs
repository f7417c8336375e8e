//! Sessions: a refresh token that is good for one use, and those that are closed.
//!
//! A refresh token is used up by the request that carries it, also when the answer is lost on the
//! way: the client that sends it again is taken for a thief and has to sign in anew. There is no
//! time of grace, since it would be the thief's as well.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hansard_events::{DeviceId, SessionId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;

use super::tokens::RefreshToken;
use super::{Tokens, Vault, VaultError};

/// How many sessions that nothing can be done with any more one sign-in sweeps away at most.
const SWEEP: u32 = 16;

/// Sessions that are closed while access tokens of theirs may still be good, and until when.
#[derive(Default)]
pub(super) struct ClosedSessions(RwLock<Closed>);

#[derive(Default)]
struct Closed {
    until: HashMap<SessionId, i64>,
    /// At how many entries those that are over are dropped next.
    sweep_at: usize,
}

impl ClosedSessions {
    pub(super) fn load(connection: &Connection, now: Timestamp) -> Result<Self, VaultError> {
        let sql = "SELECT session, access_until FROM sessions WHERE closed = 1 AND access_until > ?1";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([now.millis()])?;
        let closed = Self::default();
        while let Some(row) = rows.next()? {
            if let Some(session) = session_id(row.get(0)?) {
                closed.insert(session, row.get(1)?, now);
            }
        }
        Ok(closed)
    }

    /// Refuses the session's access tokens from now on; `until` is when the last of them ends.
    pub(super) fn insert(&self, session: SessionId, until: i64, now: Timestamp) {
        let mut closed = self.0.write().unwrap_or_else(PoisonError::into_inner);
        closed.until.insert(session, until);
        if closed.until.len() > closed.sweep_at {
            closed.until.retain(|_, until| *until > now.millis());
            closed.sweep_at = (closed.until.len() * 2).max(1024);
        }
    }

    pub(super) fn contains(&self, session: SessionId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).until.contains_key(&session)
    }
}

fn session_id(bytes: [u8; 16]) -> Option<SessionId> {
    SessionId::new(Uuid::from_bytes(bytes)).ok()
}

/// Closes every open session of a person; gives those whose access tokens may still be good.
pub(super) fn end_all(connection: &Connection, user: UserId) -> rusqlite::Result<Vec<(SessionId, i64)>> {
    let sql = "UPDATE sessions SET closed = 1 WHERE user = ?1 AND closed = 0 RETURNING session, access_until";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement
        .query_map([user.as_uuid().into_bytes()], |row| Ok((session_id(row.get(0)?), row.get(1)?)))?;
    rows.filter_map(|row| row.map(|(session, until)| Some((session?, until))).transpose()).collect()
}

/// What an open session's row says.
struct Row {
    user: UserId,
    device: DeviceId,
    hash: [u8; 32],
    refresh_until: i64,
    closed: bool,
}

fn row(connection: &Connection, session: SessionId) -> rusqlite::Result<Option<Row>> {
    let sql = "SELECT user, device, refresh_hash, refresh_until, closed FROM sessions WHERE session = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        let user = UserId::new(Uuid::from_bytes(row.get(0)?));
        let device = DeviceId::new(Uuid::from_bytes(row.get(1)?));
        let (Ok(user), Ok(device)) = (user, device) else { return Ok(None) };
        let (hash, refresh_until, closed) = (row.get(2)?, row.get(3)?, row.get(4)?);
        Ok(Some(Row { user, device, hash, refresh_until, closed }))
    };
    let found = connection.prepare_cached(sql)?.query_row([session.as_uuid().into_bytes()], read);
    found.optional().map(Option::flatten)
}

fn put(
    connection: &Connection,
    (user, device): (UserId, DeviceId),
    token: &RefreshToken,
    (refresh_until, access_until): (i64, i64),
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO sessions (session, user, device, refresh_hash, refresh_until, access_until)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (session) DO UPDATE SET refresh_hash = excluded.refresh_hash,
               refresh_until = excluded.refresh_until, access_until = excluded.access_until";
    let (session, user) = (token.session.as_uuid().into_bytes(), user.as_uuid().into_bytes());
    let device = device.as_uuid().into_bytes();
    let values = (session, user, device, token.hash, refresh_until, access_until);
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

fn sweep(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "DELETE FROM sessions WHERE rowid IN
               (SELECT rowid FROM sessions WHERE refresh_until <= ?1 AND access_until <= ?1 LIMIT ?2)";
    connection.prepare_cached(sql)?.execute((now.millis(), SWEEP)).map(drop)
}

fn close(connection: &Connection, session: SessionId) -> rusqlite::Result<Option<i64>> {
    let sql = "UPDATE sessions SET closed = 1 WHERE session = ?1 RETURNING access_until";
    let id = session.as_uuid().into_bytes();
    connection.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()
}

enum Rotation {
    Done { user: UserId, device: DeviceId },
    Refused,
    Reused { user: UserId, access_until: i64 },
}

impl Vault {
    /// Starts a session and gives its first tokens. Asked again for an open session of the same
    /// person on the same device, it gives new tokens, and the refresh token given before is used
    /// up.
    ///
    /// # Errors
    /// [`VaultError::SessionClosed`], [`VaultError::Full`], [`VaultError::Database`].
    pub async fn open_session(
        &self,
        user: UserId,
        session: SessionId,
        device: DeviceId,
    ) -> Result<Tokens, VaultError> {
        let now = self.now();
        let (refresh_token, stored) = self.refresh.make(session)?;
        let ends = self.ends(now);
        let work = move |connection: &Connection| {
            sweep(connection, now)?;
            let other = |row: &Row| row.closed || row.user != user || row.device != device;
            if row(connection, session)?.as_ref().is_some_and(other) {
                return Ok(false);
            }
            put(connection, (user, device), &stored, ends).map(|()| true)
        };
        let opened = self.database.call(work, |opened, _| Ok(opened)).await?;
        if !opened {
            return Err(VaultError::SessionClosed);
        }
        self.tokens((user, device), session, refresh_token, now)
    }

    /// Gives new tokens for a refresh token, which is used up by it.
    ///
    /// # Errors
    /// [`VaultError::InvalidRefreshToken`]; [`VaultError::TokenReused`], and the session is closed;
    /// [`VaultError::Full`], [`VaultError::Database`].
    pub async fn refresh(&self, refresh_token: &str) -> Result<Tokens, VaultError> {
        let now = self.now();
        let used = self.refresh.parse(refresh_token).ok_or(VaultError::InvalidRefreshToken)?;
        let session = used.session;
        let (refresh_token, next) = self.refresh.make(session)?;
        let ends = self.ends(now);
        let work = move |connection: &Connection| {
            let Some(Row { user, device, hash, refresh_until, closed }) = row(connection, session)? else {
                return Ok(Rotation::Refused);
            };
            if closed || refresh_until <= now.millis() {
                return Ok(Rotation::Refused);
            }
            if verify_slices_are_equal(&hash, &used.hash).is_err() {
                let access_until = close(connection, session)?.unwrap_or(ends.1);
                return Ok(Rotation::Reused { user, access_until });
            }
            put(connection, (user, device), &next, ends)?;
            Ok(Rotation::Done { user, device })
        };
        let sessions = Arc::clone(&self.closed);
        let after = move |rotation: Rotation, _: &Connection| match rotation {
            Rotation::Done { user, device } => Ok((user, device)),
            Rotation::Refused => Err(VaultError::InvalidRefreshToken),
            Rotation::Reused { user, access_until } => {
                sessions.insert(session, access_until, now);
                Err(VaultError::TokenReused { user, session })
            }
        };
        let owner = self.database.call(work, after).await?;
        self.tokens(owner, session, refresh_token, now)
    }

    /// Ends a session: its refresh token is dead at once, and its access tokens are refused by
    /// [`Vault::verify`] at once. Idempotent; a session that is not known is passed over.
    ///
    /// # Errors
    /// [`VaultError::Full`], [`VaultError::Database`]: access tokens are refused all the same, until
    /// the vault is opened anew; ask again.
    pub async fn close_session(&self, session: SessionId) -> Result<(), VaultError> {
        let now = self.now();
        self.closed.insert(session, self.ends(now).1, now);
        let work = move |connection: &Connection| close(connection, session).map(drop);
        self.database.call(work, |(), _| Ok(())).await
    }

    /// Until when tokens that are given now are good, refresh and access, in milliseconds.
    fn ends(&self, now: Timestamp) -> (i64, i64) {
        let refresh = i64::try_from(self.options.refresh_lifetime.as_millis()).unwrap_or(i64::MAX);
        (now.millis().saturating_add(refresh), self.access.good_until(now))
    }

    fn tokens(
        &self,
        (user, device): (UserId, DeviceId),
        session: SessionId,
        refresh_token: String,
        now: Timestamp,
    ) -> Result<Tokens, VaultError> {
        let access_token = self.access.sign(user, session, device, now)?;
        let expires_in = self.access.lifetime().unsigned_abs();
        Ok(Tokens { user, session, device, access_token, expires_in, refresh_token })
    }
}
