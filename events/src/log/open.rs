//! Why a log can't be opened.

/// Why a log can't be opened. Each message says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is none.
    #[error("there is no log at {0}")]
    Missing(String),
    /// It can't be read or written.
    #[error("the log at {place} can't be opened: {reason}")]
    Unusable {
        /// Which file or server.
        place: String,
        /// What stands in the way.
        reason: String,
    },
    /// It is something else, or of a later release.
    #[error("{place} is not a log that this release can read: {reason}")]
    NotALog {
        /// Which file or server.
        place: String,
        /// What was found instead.
        reason: String,
    },
    /// The number of partitions is fixed when a log is made.
    #[error("the log at {place} has {found} partitions, {wanted} were asked for; their number can't change")]
    Partitions {
        /// Which file or server.
        place: String,
        /// How many it has.
        found: u16,
        /// How many were wanted.
        wanted: u16,
    },
    /// The server answers before what it was given is on disk.
    #[error("{0}")]
    PowerLoss(String),
}
