//! The edge of Hansard: REST, WebSocket, the live hub, authentication and limits.

mod app;

pub use app::{App, GatewayConfig, Health};
