//! How much a writer holds, and how long.

use std::time::Duration;

/// Bounds of every partition's writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterLimits {
    /// Commands that wait in one mailbox; when it is full the answer is
    /// [`crate::CommandError::Busy`]. Bulk hand-overs take at most half of it.
    pub mailbox: usize,
    /// The most commands that are decided for one commit.
    pub batch_commands: usize,
    /// Outcomes kept in memory by all writers together, about 150 bytes each.
    pub recent_commands: usize,
    /// Streams that one writer keeps in memory.
    pub warm_streams: usize,
    /// Message facts kept in memory for each of them; older ones are looked up.
    pub recent_messages: usize,
    /// Commands after which the state is written behind; at four times as many the writer waits
    /// for the state store.
    pub flush_commands: usize,
    /// The longest time that a change waits to be written behind.
    pub flush_interval: Duration,
    /// What is said in `Busy`, and the pause before a full or absent log is tried again.
    pub retry_after: Duration,
}

impl Default for WriterLimits {
    fn default() -> Self {
        Self {
            mailbox: 4096,
            batch_commands: 1024,
            recent_commands: 200_000,
            warm_streams: 20_000,
            recent_messages: 256,
            flush_commands: 4096,
            flush_interval: Duration::from_secs(1),
            retry_after: Duration::from_millis(250),
        }
    }
}
