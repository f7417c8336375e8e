//! The log in one SQLite file: WAL, `synchronous=FULL`, one row a commit.
//!
//! Appends run on one thread with a connection of its own, reads on another, so that neither waits
//! for the other. The table can be read with the `sqlite3` tool:
//! `SELECT bytes FROM commits WHERE partition = 0 ORDER BY sequence`.

mod reader;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use super::stream::{self, Chunks};
use super::{AppendError, Commits, Log, OpenError, ReadError};
use crate::{PartitionId, Sequence, Stored};
use reader::Reader;
use writer::{State, Writer};

/// Free space on the disk, in bytes, below which appends are refused, when nothing else is said:
/// 64 MiB, so that views, index and SQLite's own files can still be written.
pub const LOW_WATER_BYTES: u64 = 64 * 1024 * 1024;

/// How a log in SQLite behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How many partitions a new log gets; one that exists keeps its number.
    pub partitions: u16,
    /// Free space in bytes below which appends answer [`AppendError::Full`].
    pub low_water: u64,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { partitions: 1, low_water: LOW_WATER_BYTES }
    }
}

/// See the module. Closes its files when dropped.
#[derive(Debug)]
pub struct SqliteLog {
    inner: Arc<Inner>,
    /// `None` when opened for reading.
    writer: Option<Writer>,
}

#[derive(Debug)]
struct Inner {
    reader: Reader,
    /// Set by the thread that appends, when what is on disk can't be trusted any more.
    failed: Arc<AtomicBool>,
    heads: Heads,
}

/// The head of each partition, as this process has seen it.
type Heads = Arc<[watch::Sender<Sequence>]>;

impl SqliteLog {
    /// Opens the log in the file `path`, or makes it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        let connection = schema::open(path, options.partitions)?;
        let heads = watched(schema::heads(&connection, path)?);
        let reader = Reader::start(path)?;
        let failed = Arc::new(AtomicBool::new(false));
        let state =
            State { low_water: options.low_water, failed: Arc::clone(&failed), heads: Arc::clone(&heads) };
        let writer = Writer::start(connection, path, state)?;
        Ok(Self { inner: Arc::new(Inner { reader, failed, heads }), writer: Some(writer) })
    }

    /// Opens the log in the file `path` for reading, also beside a process that appends to it.
    /// Appends answer [`AppendError::Unavailable`]; [`Log::follow`] does not hear of appends that
    /// the other process makes.
    ///
    /// # Errors
    /// [`OpenError`], [`OpenError::Missing`] when there is none.
    pub fn open_existing(path: &Path) -> Result<Self, OpenError> {
        let connection = schema::open_existing(path)?;
        let heads = watched(schema::heads(&connection, path)?);
        let inner = Inner { reader: Reader::start(path)?, failed: Arc::default(), heads };
        Ok(Self { inner: Arc::new(inner), writer: None })
    }
}

fn watched(heads: Vec<Sequence>) -> Heads {
    heads.into_iter().map(watch::Sender::new).collect()
}

impl Inner {
    fn check(&self) -> Result<(), ReadError> {
        if self.failed.load(Ordering::SeqCst) {
            return Err(ReadError::Unavailable(writer::FAILED.to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Chunks for Inner {
    async fn chunk(&self, partition: PartitionId, after: Sequence) -> Result<Vec<Stored>, ReadError> {
        self.check()?;
        self.reader.chunk(partition, after).await
    }

    async fn head(&self, partition: PartitionId) -> Result<Sequence, ReadError> {
        self.check()?;
        self.reader.head(partition).await
    }

    fn head_of(&self, partition: PartitionId) -> watch::Receiver<Sequence> {
        match self.heads.get(usize::from(partition.0)) {
            Some(head) => head.subscribe(),
            None => watch::Sender::new(Sequence::ZERO).subscribe(),
        }
    }
}

#[async_trait]
impl Log for SqliteLog {
    fn partitions(&self) -> u16 {
        u16::try_from(self.inner.heads.len()).unwrap_or(u16::MAX)
    }

    async fn append(
        &self,
        partition: PartitionId,
        after: Sequence,
        commit: Bytes,
    ) -> Result<(), AppendError> {
        if partition.0 >= self.partitions() {
            return Err(AppendError::Unavailable(format!("there is no partition {partition}")));
        }
        let Some(writer) = &self.writer else {
            return Err(AppendError::Unavailable("the log was opened for reading".to_owned()));
        };
        writer.append(partition, after, commit).await
    }

    fn read(&self, partition: PartitionId, after: Sequence) -> Commits {
        stream::read(Arc::clone(&self.inner), partition, after)
    }

    fn follow(&self, partition: PartitionId, after: Sequence) -> Commits {
        stream::follow(Arc::clone(&self.inner), partition, after)
    }

    async fn head(&self, partition: PartitionId) -> Result<Sequence, ReadError> {
        Chunks::head(&*self.inner, partition).await
    }
}
