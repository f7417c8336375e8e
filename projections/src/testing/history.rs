//! Histories: events made by hand, numbered and put into commits as a writer would.

use std::collections::BTreeMap;
use std::sync::Arc;

use hansard_events::{
    CommandId, CommitBuilder, Digest, Event, Fingerprint, KeyRing, Log, PartitionId, Position, Recorded,
    Sequence, StreamName, Timestamp, UserId, sha256,
};

use crate::runtime::{Applicable, Entry};

/// Collects events and commits them.
#[derive(Debug)]
pub struct History {
    partitions: u16,
    clock: i64,
    versions: BTreeMap<StreamName, u64>,
    heads: BTreeMap<PartitionId, Sequence>,
    pending: BTreeMap<PartitionId, Vec<Entry>>,
    commits: Vec<Applicable>,
}

impl History {
    /// The time of the first event, milliseconds since 1970; each is a second after the one before.
    pub const START: i64 = 1_700_000_000_000;

    /// An empty one, for a log of `partitions` partitions.
    pub fn new(partitions: u16) -> Self {
        Self {
            partitions,
            clock: Self::START,
            versions: BTreeMap::new(),
            heads: BTreeMap::new(),
            pending: BTreeMap::new(),
            commits: Vec::new(),
        }
    }

    /// Adds an event to the commit that is being collected; returns its version.
    pub fn add(&mut self, stream: StreamName, actor: UserId, event: Event) -> u64 {
        let version = self.versions.entry(stream).or_default();
        *version += 1;
        let version = *version;
        let millis = u64::try_from(self.clock).unwrap_or_default();
        let command = CommandId::derived(millis, &[stream.to_string().as_bytes(), &version.to_be_bytes()]);
        let at = Timestamp::from_millis(self.clock).unwrap_or(Timestamp::EPOCH);
        let fingerprint = Fingerprint([7; 16]);
        self.clock += 1_000;
        let recorded = Recorded { stream, version, at, actor, command, fingerprint, event };
        self.add_entry(stream.partition(self.partitions), Entry::Event(recorded));
        version
    }

    /// Adds an entry as it is, of a stream that lives in `partition`.
    pub fn add_entry(&mut self, partition: PartitionId, entry: Entry) {
        self.pending.entry(partition).or_default().push(entry);
    }

    /// Commits what was added: one commit a partition.
    pub fn commit(&mut self) {
        for (partition, entries) in std::mem::take(&mut self.pending) {
            let head = self.heads.entry(partition).or_default();
            *head = head.next();
            let position = Position { partition, sequence: *head };
            let hash = sha256(position.to_string().as_bytes());
            self.commits.push(Applicable { position, hash, entries });
        }
    }

    /// The commits so far.
    pub fn commits(&self) -> &[Applicable] {
        &self.commits
    }

    /// Takes the commits so far out.
    pub fn take(&mut self) -> Vec<Applicable> {
        self.commit();
        std::mem::take(&mut self.commits)
    }

    /// Appends all events of the history to an empty log, sealed with the keys of `keys`; lines
    /// that can't be read are appended as their reason stands.
    ///
    /// # Panics
    /// When the log refuses.
    #[expect(clippy::panic, reason = "only tests call this")]
    pub async fn append_to(&self, log: &Arc<dyn Log>, keys: &dyn KeyRing) {
        let mut hashes: BTreeMap<PartitionId, Digest> = BTreeMap::new();
        for commit in &self.commits {
            let Position { partition, sequence } = commit.position;
            let mut builder = CommitBuilder::default();
            for entry in &commit.entries {
                builder.push(&line(entry, keys).await);
            }
            let prev = hashes.get(&partition).copied().unwrap_or(Digest::ZERO);
            let bytes = builder.finish(commit.position, prev, Timestamp::now());
            hashes.insert(partition, sha256(&bytes));
            let after = Sequence(sequence.0 - 1);
            if let Err(error) = log.append(partition, after, bytes).await {
                panic!("the log refuses {}: {error}", commit.position);
            }
        }
    }
}

#[expect(clippy::panic, reason = "only tests call this")]
async fn line(entry: &Entry, keys: &dyn KeyRing) -> Vec<u8> {
    match entry {
        Entry::Unreadable { reason, .. } => reason.clone().into_bytes(),
        Entry::Event(recorded) => {
            let key = match recorded.key_subject() {
                None => None,
                Some(subject) => match keys.current(subject).await {
                    Ok(key) => Some(key),
                    Err(error) => panic!("there is no key: {error}"),
                },
            };
            let mut nonce = [0; 12];
            nonce[..8].copy_from_slice(&recorded.version.to_be_bytes());
            match recorded.encode(key.as_deref(), nonce) {
                Ok(line) => line,
                Err(error) => panic!("the event can't be written: {error}"),
            }
        }
    }
}
