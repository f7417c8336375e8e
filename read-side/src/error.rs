//! Why a query has no answer.

use hansard_events::ReadError;
use hansard_projections::db::ViewError;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It does not exist, or the viewer may not see it: the same answer for both.
    #[error("not found")]
    NotFound,
    /// The search query can't be parsed; `at` is the character (from 0) at which.
    #[error("bad query at {at}: {detail}")]
    BadQuery { at: usize, detail: String },
    /// The cursor is not one of ours.
    #[error("bad cursor")]
    BadCursor,
    /// The cursor is from a log that is not this one, or ahead of it: start over without one.
    #[error("start over: {reason}")]
    ResetRequired { reason: &'static str },
    /// The stream is in quarantine: something in it can't be applied.
    #[error("stream {stream} is in quarantine since version {version}")]
    Quarantined { stream: String, version: u64 },
    /// Views, index or log do not answer.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

impl From<ViewError> for QueryError {
    fn from(error: ViewError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<ReadError> for QueryError {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
