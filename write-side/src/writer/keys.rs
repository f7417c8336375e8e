//! The data keys in use, so that a message does not ask the vault.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use hansard_events::{DataKey, KeyRing, KeySubject, SealError, UserId};
use tokio::time::Instant;

/// How long a key is used before the vault is asked again whether it is the current one.
const FRESH: Duration = Duration::from_mins(1);
/// How many keys are kept.
const CAPACITY: usize = 10_000;
/// How many keys are asked for at once.
const TOGETHER: usize = 16;

/// Current keys of one writer.
pub(super) struct KeyCache {
    ring: Arc<dyn KeyRing>,
    keys: HashMap<KeySubject, Arc<DataKey>>,
    since: Instant,
}

impl KeyCache {
    pub(super) fn new(ring: Arc<dyn KeyRing>) -> Self {
        Self { ring, keys: HashMap::new(), since: Instant::now() }
    }

    /// Fetches what is not there, several at once. What can't be had is told when it is needed.
    pub(super) async fn warm(&mut self, subjects: impl Iterator<Item = KeySubject>) {
        if self.since.elapsed() > FRESH || self.keys.len() > CAPACITY {
            self.keys.clear();
            self.since = Instant::now();
        }
        let missing: HashSet<_> = subjects.filter(|subject| !self.keys.contains_key(subject)).collect();
        if missing.is_empty() {
            return;
        }
        let ring = &self.ring;
        let fetched: Vec<_> = futures::stream::iter(missing)
            .map(|subject| async move { (subject, ring.current(subject).await) })
            .buffer_unordered(TOGETHER)
            .collect()
            .await;
        let had = fetched.into_iter().filter_map(|(subject, key)| Some((subject, key.ok()?)));
        self.keys.extend(had);
    }

    /// The current key of `subject`.
    pub(super) async fn get(&mut self, subject: KeySubject) -> Result<Arc<DataKey>, SealError> {
        if let Some(key) = self.keys.get(&subject) {
            return Ok(Arc::clone(key));
        }
        let key = self.ring.current(subject).await?;
        self.keys.insert(subject, Arc::clone(&key));
        Ok(key)
    }
}

/// Under whose key the fingerprints of an actor's commands are taken.
pub(super) fn fingerprint_subject(actor: UserId) -> KeySubject {
    if actor == UserId::SYSTEM { KeySubject::Directory } else { KeySubject::User(actor) }
}
