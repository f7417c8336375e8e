//! The views: schema, writes, and a handle for whoever reads.

use std::time::Duration;

use hansard_events::Positions;
use tokio::sync::watch;

use crate::db::{Snapshot, ViewError};

/// The views of this server, as readers see them. Cheap to clone; stays valid when a rebuild
/// switches to a new generation.
#[derive(Debug, Clone)]
pub struct Views {}

impl Views {
    /// Starts a reading transaction.
    pub async fn snapshot(&self) -> Result<Box<dyn Snapshot>, ViewError> {
        todo!()
    }

    /// How far the views have come; changes after each transaction of the projector.
    pub fn progress(&self) -> watch::Receiver<Positions> {
        todo!()
    }

    /// Waits until the views hold all of `wanted`; `false` when that took longer than `patience`.
    pub async fn wait_for(&self, _wanted: &Positions, _patience: Duration) -> bool {
        todo!()
    }
}
