//! The views: schema, writes, and a handle for whoever reads.

mod compare;
mod fold;
mod generations;
mod migrations;
mod projection;
mod rows;
mod sqlite;
mod table;
#[cfg(test)]
mod tests;
mod working;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hansard_events::{PartitionId, Position, Positions, Sequence};
use tokio::sync::watch;

use crate::db::{Snapshot, ViewError};

pub(crate) use generations::Generations;
pub use projection::ViewsProjection;

/// Where the views are kept.
#[derive(Clone)]
pub enum ViewsConfig {
    /// In files in this directory, which is made when it is not there.
    Sqlite {
        /// The directory.
        directory: PathBuf,
    },
}

impl fmt::Debug for ViewsConfig {
    /// Without the URL, which may hold a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { directory } => write!(formatter, "Sqlite({})", directory.display()),
        }
    }
}

/// Who answers readers: the connections to one generation.
#[derive(Debug)]
pub(crate) enum Readers {
    Sqlite(sqlite::Readers),
}

impl Readers {
    pub(crate) async fn snapshot(&self) -> Result<Box<dyn Snapshot>, ViewError> {
        match self {
            Self::Sqlite(readers) => readers.snapshot().await,
        }
    }
}

/// The views of this server, as readers see them. Cheap to clone; stays valid when a rebuild
/// switches to a new generation.
#[derive(Debug, Clone)]
pub struct Views {
    readers: Arc<ArcSwap<Readers>>,
    progress: watch::Receiver<Positions>,
}

impl Views {
    pub(crate) fn new(readers: Readers, progress: watch::Receiver<Positions>) -> Self {
        Self { readers: Arc::new(ArcSwap::from_pointee(readers)), progress }
    }

    /// From here on these answer.
    pub(crate) fn switch(&self, readers: Readers) {
        self.readers.store(Arc::new(readers));
    }

    /// Starts a reading transaction.
    pub async fn snapshot(&self) -> Result<Box<dyn Snapshot>, ViewError> {
        let readers = self.readers.load_full();
        readers.snapshot().await
    }

    /// How far the views have come; changes after each transaction of the projector.
    pub fn progress(&self) -> watch::Receiver<Positions> {
        self.progress.clone()
    }

    /// Waits until the views hold all of `wanted`; `false` when that took longer than `patience`.
    pub async fn wait_for(&self, wanted: &Positions, patience: Duration) -> bool {
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|positions| positions.holds_all(wanted));
        matches!(tokio::time::timeout(patience, reached).await, Ok(Ok(_)))
    }
}

/// The positions that the transaction of `snapshot` sees.
pub(crate) async fn read_positions(snapshot: &mut dyn Snapshot) -> Result<Positions, ViewError> {
    let rows = snapshot.query("SELECT partition_id, sequence FROM positions", &[]).await?;
    let wrong = |_| ViewError::Malformed("a position is out of range".to_owned());
    rows.iter()
        .map(|row| {
            let partition = PartitionId(u16::try_from(row.int(0)?).map_err(wrong)?);
            let sequence = Sequence(u64::try_from(row.int(1)?).map_err(wrong)?);
            Ok(Position { partition, sequence })
        })
        .collect()
}
