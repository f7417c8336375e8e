//! The edge of Hansard: REST, WebSocket, the live hub, authentication and limits.

mod app;
pub mod commands;
pub mod hub;
pub mod limits;
pub mod problem;
pub mod ws;

pub use app::{App, GatewayConfig, Health};
