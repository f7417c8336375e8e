//! The vault: credentials, sessions and data keys, the only truth outside of the log.
//!
//! One SQLite file, `vault.db`, in the data directory, and beside it `master.key` (mode 0600, made
//! on first start), under which data keys and the token signing key are wrapped.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hansard_events::{
    DataKey, DeviceId, Digest, KeyId, KeyRing, KeySubject, SealError, SessionId, Timestamp, UserId,
};

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
    /// The access token is not valid: `reason` is for the server's own log.
    #[error("the access token is not valid: {reason}")]
    InvalidAccessToken { reason: &'static str },
    /// The master key file or the vault's file can't be used, and why.
    #[error("{0}")]
    Unusable(String),
    /// The database failed.
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

/// Fresh tokens of a session.
#[derive(Debug)]
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

/// See the module.
#[derive(Debug)]
pub struct Vault {}

impl Vault {
    /// Opens or makes the vault in `directory`.
    ///
    /// # Errors
    /// [`VaultError::Unusable`]: a master key file that others may read, or that does not open
    /// what is in the vault, or that is missing while the vault is not empty.
    pub fn open(_directory: &Path) -> Result<Arc<Self>, VaultError> {
        todo!()
    }

    /// The name as the directory compares it: HMAC of the folded username.
    pub async fn name_digest(&self, _folded: &str) -> Result<Digest, VaultError> {
        todo!()
    }

    /// Keeps (or replaces) a person's name and password hash. `password` is `None` for people that
    /// are imported: nobody can sign in as them until a password is set.
    pub async fn put_credentials(
        &self,
        _user: UserId,
        _name: Digest,
        _profile: &hansard_events::Profile,
        _password: Option<&str>,
    ) -> Result<(), VaultError> {
        todo!()
    }

    /// Which of those who asked for this name has this password. Takes the same time whether the
    /// name is known or not. More than one account can have asked for a name (the directory gave
    /// it to one of them): the caller confirms with the directory.
    pub async fn candidates(&self, _name: Digest, _password: &str) -> Result<Vec<Candidate>, VaultError> {
        todo!()
    }

    /// Starts a session and gives its first tokens.
    pub async fn open_session(
        &self,
        _user: UserId,
        _session: SessionId,
        _device: DeviceId,
    ) -> Result<Tokens, VaultError> {
        todo!()
    }

    /// Gives new tokens for a refresh token, which is used up by it.
    pub async fn refresh(&self, _refresh_token: &str) -> Result<Tokens, VaultError> {
        todo!()
    }

    /// Ends a session: its refresh token is dead at once, and its access tokens are refused by
    /// [`Vault::verify`] at once. Idempotent.
    pub async fn close_session(&self, _session: SessionId) -> Result<(), VaultError> {
        todo!()
    }

    /// Checks an access token: signature, times, audience, issuer, and that its session is open.
    /// Never waits for the database.
    pub fn verify(&self, _access_token: &str) -> Result<Claims, VaultError> {
        todo!()
    }

    /// The public keys that verify access tokens, as a JWK set.
    pub fn jwks(&self) -> serde_json::Value {
        todo!()
    }
}

#[async_trait]
impl KeyRing for Vault {
    async fn current(&self, _subject: KeySubject) -> Result<Arc<DataKey>, SealError> {
        todo!()
    }

    async fn find(&self, _id: KeyId) -> Result<Option<Arc<DataKey>>, SealError> {
        todo!()
    }
}
