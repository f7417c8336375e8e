//! The projections of Hansard: the runtime that follows the log, the views in SQLite or
//! PostgreSQL, and the search index.

pub mod db;
pub mod index;
pub mod runtime;
pub mod views;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
