//! A log in memory, for tests and simulation: it fails when told to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use super::stream::{self, Chunks};
use super::{AppendError, Commits, Log, ReadError};
use crate::{PartitionId, Position, Sequence, Stored};

/// How many commits are handed to a reader at once.
const CHUNK: usize = 64;

/// What an append does instead of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is appended; there is no room.
    Full,
    /// Nothing is appended; the log can't be reached.
    Unavailable,
    /// It is appended, but the answer is lost.
    UnknownAppended,
    /// It is not appended, and the answer is lost.
    UnknownLost,
}

/// Commits in memory. Clones share them, so dropping a clone and going on with another is what a
/// restart is to a log on disk.
#[derive(Debug, Clone)]
pub struct MemoryLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    partitions: Vec<Partition>,
    faults: Mutex<VecDeque<Fault>>,
    open: watch::Sender<bool>,
    appends: AtomicU64,
}

#[derive(Debug)]
struct Partition {
    commits: Mutex<Vec<Stored>>,
    head: watch::Sender<Sequence>,
}

impl Partition {
    fn commits(&self) -> MutexGuard<'_, Vec<Stored>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryLog {
    /// An empty log of that many partitions.
    #[must_use]
    pub fn new(partitions: u16) -> Self {
        let partition = |_| Partition { commits: Mutex::default(), head: watch::Sender::new(Sequence::ZERO) };
        Self(Arc::new(Inner {
            partitions: (0..partitions).map(partition).collect(),
            faults: Mutex::default(),
            open: watch::Sender::new(true),
            appends: AtomicU64::new(0),
        }))
    }

    /// Makes the next append that has no fault yet fail so.
    pub fn inject(&self, fault: Fault) {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    /// Holds every append until [`MemoryLog::release`].
    pub fn hold(&self) {
        self.0.open.send_replace(false);
    }

    /// Lets held appends go on.
    pub fn release(&self) {
        self.0.open.send_replace(true);
    }

    /// How many appends were begun, those that are held or failed included.
    #[must_use]
    pub fn appends(&self) -> u64 {
        self.0.appends.load(Ordering::SeqCst)
    }

    /// Everything in a partition.
    #[must_use]
    pub fn commits(&self, partition: PartitionId) -> Vec<Stored> {
        self.partition(partition).map(|found| found.commits().clone()).unwrap_or_default()
    }

    /// Damages the log: the commit at `position` is replaced, or lost.
    pub fn damage(&self, position: Position, bytes: Option<Bytes>) {
        let Some(partition) = self.partition(position.partition) else { return };
        let mut commits = partition.commits();
        match bytes {
            None => commits.retain(|stored| stored.sequence != position.sequence),
            Some(bytes) => {
                for stored in commits.iter_mut().filter(|stored| stored.sequence == position.sequence) {
                    stored.bytes = bytes.clone();
                }
            }
        }
    }

    /// Loses everything after `head`.
    pub fn truncate(&self, head: Position) {
        let Some(partition) = self.partition(head.partition) else { return };
        partition.commits().retain(|stored| stored.sequence <= head.sequence);
        partition.head.send_replace(head.sequence);
    }

    fn partition(&self, partition: PartitionId) -> Option<&Partition> {
        self.0.partitions.get(usize::from(partition.0))
    }
}

impl Inner {
    fn get(&self, partition: PartitionId) -> Result<&Partition, ReadError> {
        let missing = || ReadError::Unavailable(format!("there is no partition {partition}"));
        self.partitions.get(usize::from(partition.0)).ok_or_else(missing)
    }
}

#[async_trait]
impl Chunks for Inner {
    async fn chunk(&self, partition: PartitionId, after: Sequence) -> Result<Vec<Stored>, ReadError> {
        let commits = self.get(partition)?.commits();
        let start = commits.partition_point(|stored| stored.sequence <= after);
        Ok(commits[start..].iter().take(CHUNK).cloned().collect())
    }

    async fn head(&self, partition: PartitionId) -> Result<Sequence, ReadError> {
        let commits = self.get(partition)?.commits();
        Ok(commits.last().map_or(Sequence::ZERO, |stored| stored.sequence))
    }

    fn head_of(&self, partition: PartitionId) -> watch::Receiver<Sequence> {
        match self.get(partition) {
            Ok(found) => found.head.subscribe(),
            Err(_) => watch::Sender::new(Sequence::ZERO).subscribe(),
        }
    }
}

#[async_trait]
impl Log for MemoryLog {
    fn partitions(&self) -> u16 {
        u16::try_from(self.0.partitions.len()).unwrap_or(u16::MAX)
    }

    async fn append(
        &self,
        partition: PartitionId,
        after: Sequence,
        commit: Bytes,
    ) -> Result<(), AppendError> {
        self.0.appends.fetch_add(1, Ordering::SeqCst);
        // The sender lives in self: waiting can't fail.
        self.0.open.subscribe().wait_for(|open| *open).await.ok();
        let fault = self.0.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match fault {
            Some(Fault::Full) => return Err(AppendError::Full("told to be".to_owned())),
            Some(Fault::Unavailable) => return Err(AppendError::Unavailable("told to be".to_owned())),
            Some(Fault::UnknownLost) => return Err(AppendError::Unknown("told to be".to_owned())),
            Some(Fault::UnknownAppended) | None => {}
        }
        let partition = self.0.get(partition).map_err(|error| AppendError::Unavailable(error.to_string()))?;
        let sequence = after.next();
        {
            let mut commits = partition.commits();
            let head = commits.last().map_or(Sequence::ZERO, |stored| stored.sequence);
            if head != after {
                return Err(AppendError::Conflict { head });
            }
            commits.push(Stored { sequence, bytes: commit });
        }
        partition.head.send_replace(sequence);
        match fault {
            Some(_) => Err(AppendError::Unknown("told to be".to_owned())),
            None => Ok(()),
        }
    }

    fn read(&self, partition: PartitionId, after: Sequence) -> Commits {
        stream::read(Arc::clone(&self.0), partition, after)
    }

    fn follow(&self, partition: PartitionId, after: Sequence) -> Commits {
        stream::follow(Arc::clone(&self.0), partition, after)
    }

    async fn head(&self, partition: PartitionId) -> Result<Sequence, ReadError> {
        Chunks::head(&*self.0, partition).await
    }
}
