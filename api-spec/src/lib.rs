//! The contract of Hansard's edge: bodies, problems, and what goes over the WebSocket.

pub mod body;
pub mod parse;
mod problem;
pub mod ws;

pub use problem::{FieldError, Problem};
