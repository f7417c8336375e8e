//! The edge of Hansard: REST, WebSocket, the live hub, authentication and limits.

mod app;
pub mod hub;

pub use app::{App, GatewayConfig, Health};
