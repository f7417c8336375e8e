//! What every request has at hand.

use std::sync::Arc;
use std::time::Duration;

use hansard_events::Positions;
use hansard_read_side::Reader;
use hansard_write_side::vault::Vault;
use hansard_write_side::{CommandBus, LiveFeed};

/// How the edge behaves. Limits on the size of content are in `hansard_events::limits`.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Rate limits by person and by address; off for load tests only.
    pub rate_limits: bool,
    /// The `Origin`s that browsers may come from, exactly as they send it, besides the server's own.
    pub origins: Vec<String>,
    /// How long a query with `Hansard-After` waits.
    pub patience: Duration,
}

/// Whether the server can do its work; the binary implements it.
pub trait Health: Send + Sync + 'static {
    /// For each part (`log`, `views`, `index`): `Ok` when ready, else why not.
    fn parts(&self) -> Vec<(&'static str, Result<(), String>)>;

    /// Where the log stands.
    fn heads(&self) -> Positions;

    /// Streams that could not be applied: name, version, reason.
    fn quarantined(&self) -> Vec<(String, u64, String)>;
}

/// Shared by all requests. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The one way to change something.
    pub bus: Arc<dyn CommandBus>,
    /// Credentials and tokens.
    pub vault: Arc<Vault>,
    /// Every query.
    pub reader: Reader,
    /// What was just committed.
    pub live: LiveFeed,
    /// For `/readyz` and the page at `/`.
    pub health: Arc<dyn Health>,
    /// Settings.
    pub config: Arc<GatewayConfig>,
}
