//! The log: for each partition, commits in order, durable, refused to a second writer.

mod memory;
mod open;
mod sqlite;
mod stream;
mod verify;

pub use memory::{Fault, MemoryLog};
pub use open::OpenError;
pub use sqlite::{LOW_WATER_BYTES, SqliteLog, SqliteOptions};
pub use verify::{CopyError, Verified, copy_log, verify_log};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{Damage, PartitionId, Sequence, Stored};

/// Why an append did not return success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Somebody else has appended: the log's head is not what the caller expected.
    #[error("the log stands at {head}, not where the writer expected it")]
    Conflict {
        /// Where the log stands.
        head: Sequence,
    },
    /// The outcome is not known: read back and compare before doing anything else.
    #[error("the outcome of the append is unknown: {0}")]
    Unknown(String),
    /// There is no room; nothing was appended.
    #[error("the log has no room: {0}")]
    Full(String),
    /// The log can't be reached or takes no writes; nothing was appended.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
}

/// Why reading stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// What is stored is not what was appended.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The log can't be reached.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
}

/// Commits of one partition, in order.
pub type Commits = BoxStream<'static, Result<Stored, ReadError>>;

/// A log of a fixed number of partitions.
///
/// Every backend gives commits back in order without a hole, or [`ReadError::Damaged`] at the
/// first position at which it can't; it never cuts or skips. Whoever reads checks the chain of
/// hashes ([`crate::Chain`]): backends do not.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// How many partitions there are; fixed when the log is made.
    fn partitions(&self) -> u16;

    /// Appends `commit` as `after.next()`. Durable when it returns `Ok`.
    ///
    /// # Errors
    /// See [`AppendError`]; only [`AppendError::Unknown`] leaves open whether it was appended.
    async fn append(&self, partition: PartitionId, after: Sequence, commit: Bytes)
    -> Result<(), AppendError>;

    /// The commits after `after`, to the head as it is when it gets there; then ends. A log that
    /// ends before `after` has lost what somebody has seen: that is damage.
    fn read(&self, partition: PartitionId, after: Sequence) -> Commits;

    /// The commits after `after`, and then each as it is appended; never ends by itself. Where
    /// the log lies on a server that goes away for a while, it waits and goes on.
    fn follow(&self, partition: PartitionId, after: Sequence) -> Commits;

    /// The sequence of the last commit; 0 when there is none.
    ///
    /// # Errors
    /// [`ReadError`].
    async fn head(&self, partition: PartitionId) -> Result<Sequence, ReadError>;
}
