//! Passwords: argon2id on a bounded pool.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::VaultError;

/// After which time to try again when too many passwords wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Hashes and checks passwords, so many at a time.
pub(super) struct Passwords {
    /// One permit for each that is hashed or waits.
    admitted: Arc<Semaphore>,
    /// One permit for each that is hashed.
    working: Arc<Semaphore>,
    /// What is checked for names that nobody has.
    dummy: Arc<str>,
}

/// The parameters that OWASP's password storage cheat sheet names first for argon2id.
fn argon2() -> Result<Argon2<'static>, VaultError> {
    let params = Params::new(19_456, 2, 1, None)
        .map_err(|error| VaultError::Unusable(format!("argon2 refuses its parameters: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, VaultError> {
    let hashed = argon2()?.hash_password(password.as_bytes());
    hashed
        .map(|hash| hash.to_string())
        .map_err(|error| VaultError::Database(format!("hashing failed: {error}")))
}

impl Passwords {
    pub(super) fn new(workers: usize, queue: usize) -> Result<Self, VaultError> {
        let workers = workers.max(1);
        Ok(Self {
            admitted: Arc::new(Semaphore::new(workers + queue)),
            working: Arc::new(Semaphore::new(workers)),
            dummy: hash("nobody has this password")?.into(),
        })
    }

    /// The password's hash, with a salt of its own, as a PHC string.
    pub(super) async fn hash(&self, password: &str) -> Result<String, VaultError> {
        let password = Zeroizing::new(password.to_owned());
        self.run(move || hash(&password)).await?
    }

    /// Which of `hashes` the password opens, by index. Without any, the same work is done.
    pub(super) async fn matching(
        &self,
        hashes: Vec<String>,
        password: &str,
    ) -> Result<Vec<usize>, VaultError> {
        let password = Zeroizing::new(password.to_owned());
        let dummy = Arc::clone(&self.dummy);
        let check = move || {
            let argon2 = argon2()?;
            let opens = |hash: &str| {
                let hash = PasswordHash::new(hash);
                hash.is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok())
            };
            if hashes.is_empty() {
                opens(&dummy);
            }
            Ok((0..hashes.len()).filter(|&index| opens(&hashes[index])).collect())
        };
        self.run(check).await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, VaultError> {
        let busy = |_| VaultError::Busy { retry_after: RETRY_AFTER };
        let stopped = || VaultError::Database("hashing has stopped".to_owned());
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(busy)?;
        let working = Arc::clone(&self.working).acquire_owned().await.map_err(|_| stopped())?;
        // The permits go with the work: it is not ended by a caller who goes away.
        let work = move || {
            let done = work();
            drop((admitted, working));
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| stopped())
    }
}
