//! What a writer tells about itself.

use hansard_events::PartitionId;
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
};
use metrics::{gauge, histogram};

use crate::{Accepted, CommandError};

/// Handles made once, so that counting is an addition.
pub(super) struct WriterMetrics {
    pub(super) changed: Counter,
    pub(super) unchanged: Counter,
    pub(super) repeated: Counter,
    rejected: Counter,
    reused: Counter,
    full: Counter,
    unavailable: Counter,
    pub(super) commits: Counter,
    pub(super) events: Counter,
    pub(super) commit_bytes: Histogram,
    pub(super) batch_events: Histogram,
    pub(super) append_seconds: Histogram,
    pub(super) lookups: Counter,
    pub(super) mailbox: Gauge,
}

/// Commands that found the mailbox full never reach the writer; the bus counts them.
pub(crate) fn busy_counter() -> Counter {
    counter!("hansard_commands_total", "outcome" => "busy")
}

/// Says what the numbers mean. Once, at start.
pub(crate) fn describe() {
    describe_counter!("hansard_commands_total", "Commands answered by the writers, by outcome");
    describe_counter!("hansard_commits_total", "Commits appended; far fewer than events under load");
    describe_counter!("hansard_events_total", "Events appended");
    describe_histogram!("hansard_commit_bytes", Unit::Bytes, "Size of commits");
    describe_histogram!("hansard_batch_events", Unit::Count, "Events in a commit");
    describe_histogram!("hansard_append_seconds", Unit::Seconds, "Time until a commit was durable");
    describe_counter!(
        "hansard_state_lookups_total",
        "Batches that needed the state store: a cold stream, an old id or an old message"
    );
    describe_gauge!("hansard_mailbox_commands", Unit::Count, "Commands that wait for a writer");
}

impl WriterMetrics {
    pub(super) fn new(partition: PartitionId) -> Self {
        let outcome = |outcome| counter!("hansard_commands_total", "outcome" => outcome);
        let partition = partition.to_string();
        Self {
            changed: outcome("changed"),
            unchanged: outcome("unchanged"),
            repeated: outcome("repeated"),
            rejected: outcome("rejected"),
            reused: outcome("reused"),
            full: outcome("full"),
            unavailable: outcome("unavailable"),
            commits: counter!("hansard_commits_total", "partition" => partition.clone()),
            events: counter!("hansard_events_total", "partition" => partition.clone()),
            commit_bytes: histogram!("hansard_commit_bytes"),
            batch_events: histogram!("hansard_batch_events"),
            append_seconds: histogram!("hansard_append_seconds"),
            lookups: counter!("hansard_state_lookups_total", "partition" => partition.clone()),
            mailbox: gauge!("hansard_mailbox_commands", "partition" => partition),
        }
    }

    pub(super) fn accepted(&self, accepted: &Accepted) {
        if accepted.changed { self.changed.increment(1) } else { self.unchanged.increment(1) }
    }

    pub(super) fn refused(&self, error: &CommandError) {
        match error {
            CommandError::Rejected(_) => &self.rejected,
            CommandError::IdReused => &self.reused,
            CommandError::Full => &self.full,
            CommandError::Busy { .. } | CommandError::Unavailable(_) => &self.unavailable,
        }
        .increment(1);
    }
}
