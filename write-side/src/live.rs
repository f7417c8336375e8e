//! What was just committed, for whoever listens in this process. A hint: the log is the truth.

use std::sync::Arc;

use hansard_events::{Position, Recorded};
use tokio::sync::broadcast;

/// The events of one commit, private parts open.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Where the commit stands.
    pub position: Position,
    /// Its events, in order.
    pub events: Arc<[Recorded]>,
}

/// Carries commits from the writers to the hub. Who is too slow is told so by the channel
/// (`Lagged`) and must catch up from the views.
#[derive(Debug, Clone)]
pub struct LiveFeed {
    sender: broadcast::Sender<Committed>,
}

impl LiveFeed {
    /// How many commits a listener may be behind.
    pub const CAPACITY: usize = 4096;

    /// A feed without listeners.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: broadcast::Sender::new(Self::CAPACITY) }
    }

    /// Tells everyone who listens.
    pub fn publish(&self, committed: Committed) {
        // No listener is no fault.
        drop(self.sender.send(committed));
    }

    /// Listens from here on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Committed> {
        self.sender.subscribe()
    }
}

impl Default for LiveFeed {
    fn default() -> Self {
        Self::new()
    }
}
