//! What tests of this crate and of those above it need: histories, and a PostgreSQL of their own.

mod history;

pub use history::History;
