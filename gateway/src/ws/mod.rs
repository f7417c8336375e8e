//! The WebSocket: `GET /v1/connect`, subprotocol `hansard.v1`.

mod catch_up;
mod connection;
mod handshake;
mod outcome;
mod socket;
#[cfg(test)]
mod tests;
mod upgrade;
mod views;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use hansard_write_side::CommandBus;
use hansard_write_side::vault::Vault;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::App;
use crate::hub::{Hub, HubOptions, HubSource};
use crate::limits::RateLimits;

pub(crate) use views::CatchUp;

/// How many connections may be brought up to date from the views at once; the others wait.
const CATCHING_UP: usize = 64;

/// Times of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long the first frame may take. 5 seconds.
    pub hello: Duration,
    /// With a token in the request: how long to wait for a `hello` with a cursor. 0.5 seconds.
    pub hello_after_token: Duration,
    /// How long catching up may take, waiting included. 30 seconds.
    pub catch_up: Duration,
    /// After how long a silence the server pings. 30 seconds.
    pub ping: Duration,
    /// After how long a silence the connection is over. 75 seconds.
    pub idle: Duration,
    /// How long the other side may take to accept what is sent. 10 seconds.
    pub write: Duration,
    /// Over how long a time reconnections are spread when the server stops. 5 seconds.
    pub spread: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(5),
            hello_after_token: Duration::from_millis(500),
            catch_up: Duration::from_secs(30),
            ping: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(10),
            spread: Duration::from_secs(5),
        }
    }
}

/// What all connections share. Cheap to clone.
#[derive(Clone)]
pub struct Sockets(Arc<Shared>);

struct Shared {
    hub: Hub,
    bus: Arc<dyn CommandBus>,
    vault: Arc<Vault>,
    views: Arc<dyn CatchUp>,
    limits: Arc<RateLimits>,
    origins: Vec<String>,
    timing: Timing,
    catching_up: Semaphore,
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Sockets {
    /// Starts the hub, on `tracker`. When `stop` is cancelled, every connection is told to come
    /// back and is closed; `tracker` is empty when all of them are.
    #[must_use]
    pub fn start(app: &App, limits: Arc<RateLimits>, tracker: &TaskTracker, stop: CancellationToken) -> Self {
        let (health, reader) = (Arc::clone(&app.health), app.reader.clone());
        let source = HubSource {
            live: app.live.clone(),
            heads: Arc::new(move || health.heads()),
            cursor: Arc::new(move |positions| reader.cursor(positions)),
        };
        let hub = Hub::start(source, HubOptions::default(), tracker, stop.clone());
        Self(Arc::new(Shared {
            hub,
            bus: Arc::clone(&app.bus),
            vault: Arc::clone(&app.vault),
            views: Arc::new(app.reader.clone()),
            limits,
            origins: app.config.origins.clone(),
            timing: Timing::default(),
            catching_up: Semaphore::new(CATCHING_UP),
            stop,
            tracker: tracker.clone(),
        }))
    }
}

/// `GET /v1/connect`, and `CONNECT` over HTTP/2 (RFC 8441).
pub fn router(sockets: Sockets) -> Router {
    Router::new().route("/v1/connect", any(upgrade::connect)).with_state(sockets)
}
