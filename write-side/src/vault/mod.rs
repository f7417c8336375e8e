//! The vault: credentials, sessions and data keys, the only truth outside of the log.
//!
//! One SQLite file, `vault.db`, in the data directory, and beside it `master.key` (mode 0600, made
//! on first start), under which data keys, profiles and the token signing key are wrapped. Whoever
//! has only one of the two files has nothing. A backup of the data directory without the vault, or
//! of the vault without the master key, is a backup of sealed content only.

mod credentials;
mod db;
mod keys;
mod master;
mod passwords;
mod sessions;
#[cfg(test)]
mod tests;
mod tokens;

use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hansard_events::{DeviceId, Digest, KeyRing as _, KeySubject, SealError, SessionId, Timestamp, UserId};

use db::Database;
use keys::Keys;
use master::Wrapper;
use passwords::Passwords;
use sessions::ClosedSessions;
use tokens::{AccessTokens, RefreshTokens};

/// Why the vault did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Too many passwords wait to be checked: answer `503` with `Retry-After`.
    #[error("too many passwords are being checked, try again")]
    Busy {
        /// After which time to try again.
        retry_after: Duration,
    },
    /// The refresh token is unknown, malformed or expired.
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
    /// The refresh token was used before: somebody has a copy. The whole session is closed in the
    /// vault; the caller closes it in the log too.
    #[error("the refresh token was used before")]
    TokenReused { user: UserId, session: SessionId },
    /// The session was closed before: no tokens are given for it.
    #[error("the session is closed")]
    SessionClosed,
    /// The access token is not valid: `reason` is for the server's own log.
    #[error("the access token is not valid: {reason}")]
    InvalidAccessToken { reason: &'static str },
    /// The master key file or the vault's file can't be used, and why.
    #[error("{0}")]
    Unusable(String),
    /// There is no room to store anything; nothing was changed. Answer `507`.
    #[error("there is no room in the vault: {0}")]
    Full(String),
    /// The database failed; nothing was changed.
    #[error("the vault's database failed: {0}")]
    Database(String),
}

/// Who holds the account of a name: see [`Vault::candidates`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub user: UserId,
    /// The profile given at registration, kept so that signing in can finish a registration that
    /// was cut off: username and display name as JSON, wrapped in the database.
    pub profile: hansard_events::Profile,
}

/// What an access token says, once verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    pub user: UserId,
    pub session: SessionId,
    pub device: DeviceId,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// Fresh tokens of a session. Not printed by `Debug`.
pub struct Tokens {
    pub user: UserId,
    pub session: SessionId,
    pub device: DeviceId,
    /// EdDSA JWT.
    pub access_token: String,
    /// Seconds until the access token ends.
    pub expires_in: u64,
    /// Opaque; good for one use.
    pub refresh_token: String,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tokens")
            .field("user", &self.user)
            .field("session", &self.session)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// Tells the time. The vault asks nothing else for it, so that tests can let time pass.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How the vault behaves.
#[derive(Clone)]
pub struct VaultOptions {
    /// How long an access token is good, in whole seconds. 15 minutes.
    pub access_lifetime: Duration,
    /// How long a refresh token is good, counted from when it was given. 30 days.
    pub refresh_lifetime: Duration,
    /// How many passwords are hashed at once, each with 19 MiB of memory. One a core.
    pub hash_workers: usize,
    /// How many more passwords may wait to be hashed; beyond, [`VaultError::Busy`]. 64.
    pub hash_queue: usize,
    /// How many data keys are kept unwrapped in memory, about 2 KiB each. 20,000.
    pub key_cache: u64,
    /// What tells the time: the system's clock.
    pub clock: Clock,
}

impl Default for VaultOptions {
    fn default() -> Self {
        Self {
            access_lifetime: Duration::from_mins(15),
            refresh_lifetime: Duration::from_hours(30 * 24),
            hash_workers: std::thread::available_parallelism().map_or(1, usize::from),
            hash_queue: 64,
            key_cache: 20_000,
            clock: Arc::new(Timestamp::now),
        }
    }
}

impl fmt::Debug for VaultOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VaultOptions")
            .field("access_lifetime", &self.access_lifetime)
            .field("refresh_lifetime", &self.refresh_lifetime)
            .field("hash_workers", &self.hash_workers)
            .field("hash_queue", &self.hash_queue)
            .field("key_cache", &self.key_cache)
            .finish_non_exhaustive()
    }
}

/// See the module. Dropping it waits until what was asked of the database is done.
pub struct Vault {
    options: VaultOptions,
    wrapper: Arc<Wrapper>,
    database: Database,
    keys: Keys,
    passwords: Passwords,
    access: AccessTokens,
    refresh: RefreshTokens,
    closed: Arc<ClosedSessions>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vault").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Vault {
    /// Opens or makes the vault in `directory`, which is made (mode 0700) when it is not there.
    ///
    /// # Errors
    /// [`VaultError::Unusable`]: a master key file that others may read, or that does not open
    /// what is in the vault, or that is missing while the vault is not empty.
    pub fn open(directory: &Path) -> Result<Arc<Self>, VaultError> {
        Self::open_with(directory, VaultOptions::default())
    }

    /// Opens or makes the vault in `directory`, with these options.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn open_with(directory: &Path, options: VaultOptions) -> Result<Arc<Self>, VaultError> {
        let unusable =
            |error: std::io::Error| VaultError::Unusable(format!("{}: {error}", directory.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(unusable)?;
        let connection = db::connect(directory)?;
        let wrapper = Arc::new(master::open(directory, &connection)?);
        let access = AccessTokens::load(&connection, &wrapper, &options)?;
        let refresh = RefreshTokens::new(&wrapper);
        let closed = Arc::new(ClosedSessions::load(&connection, (options.clock)())?);
        let keys = Keys::new(options.key_cache);
        let passwords = Passwords::new(options.hash_workers, options.hash_queue)?;
        let database = Database::start(connection)?;
        Ok(Arc::new(Self { options, wrapper, database, keys, passwords, access, refresh, closed }))
    }

    /// The name as the directory compares it: HMAC of the folded username.
    ///
    /// # Errors
    /// [`VaultError::Database`] when the directory's key can't be had.
    pub async fn name_digest(&self, folded: &str) -> Result<Digest, VaultError> {
        let key = self.current(KeySubject::Directory).await;
        let key = key.map_err(|error: SealError| VaultError::Database(error.to_string()))?;
        Ok(key.print(folded.as_bytes()))
    }

    /// The public keys that verify access tokens, as a JWK set (RFC 7517, RFC 8037).
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        self.access.jwks()
    }

    /// Checks an access token: signature, times, audience, issuer, and that its session is open.
    /// Never waits for the database.
    ///
    /// # Errors
    /// [`VaultError::InvalidAccessToken`].
    pub fn verify(&self, access_token: &str) -> Result<Claims, VaultError> {
        let claims = self.access.verify(access_token, self.now())?;
        if self.closed.contains(claims.session) {
            return Err(VaultError::InvalidAccessToken { reason: "the session is closed" });
        }
        Ok(claims)
    }

    fn now(&self) -> Timestamp {
        (self.options.clock)()
    }
}
