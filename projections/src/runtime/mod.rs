//! What follows the log and keeps projections up to date.

use std::time::Duration;

use async_trait::async_trait;
use hansard_events::{Digest, PartitionId, Position, Positions, Recorded, StreamName};

/// One event of a commit, as far as it can be read.
#[derive(Debug, Clone)]
pub enum Entry {
    /// The event, its private part open or erased.
    Event(Recorded),
    /// An event that this release can't read. Everything of its stream from here on is left out
    /// (quarantine), and told.
    Unreadable {
        /// Its stream, `None` when not even that can be read.
        stream: Option<StreamName>,
        /// Its number in the stream, 0 when unknown.
        version: u64,
        /// Why.
        reason: String,
    },
}

/// One commit as projections take it.
#[derive(Debug, Clone)]
pub struct Applicable {
    /// Where it stands.
    pub position: Position,
    /// SHA-256 of its bytes.
    pub hash: Digest,
    /// Its events, in order of its lines.
    pub entries: Vec<Entry>,
}

/// Why a projection did not take a batch. It is tried again; nothing is skipped.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProjectionError {
    /// Where it writes can't be reached or failed; tried again with growing pauses.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// There is no room where it writes; tried again.
    #[error("no room: {0}")]
    Full(String),
    /// What it has written is not what it should be: the server stops.
    #[error("damaged: {0}")]
    Damaged(String),
}

/// A pure fold over the log that writes its position together with what it has made of it.
#[async_trait]
pub trait Projection: Send {
    /// For logs and metrics, for example `views`.
    fn name(&self) -> &'static str;

    /// How far it has come, as stored together with its content.
    fn positions(&self) -> Positions;

    /// The hash of the commit at its position in `partition`, when it is stored there: at start it
    /// tells that the log is still the one that was followed.
    fn hash(&self, _partition: PartitionId) -> Option<Digest> {
        None
    }

    /// Takes commits, in order within each partition, and stores content and positions in one
    /// step. What is at or before [`Projection::positions`] is skipped. On an error nothing of the
    /// batch is stored.
    ///
    /// # Errors
    /// See [`ProjectionError`].
    async fn apply(&mut self, batch: &[Applicable]) -> Result<(), ProjectionError>;

    /// How long the runtime gathers commits into one batch once the first has arrived, unless a
    /// full batch is there before: for projections whose [`Projection::apply`] costs the same for
    /// one commit as for hundreds. Zero: what is there is applied at once.
    fn gather(&self) -> Duration {
        Duration::ZERO
    }

    /// How many events make a full batch.
    fn full_batch(&self) -> usize {
        1_000
    }
}
