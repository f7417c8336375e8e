//! The contract of Hansard's edge: problems, and what goes over the WebSocket.

mod problem;
pub mod ws;

pub use problem::{FieldError, Problem};
