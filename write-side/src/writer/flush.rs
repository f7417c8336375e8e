//! Writing behind: what changed goes to the state store, one flush at a time.

use std::sync::Arc;

use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::time::Instant;

use super::Writer;
use crate::CommandError;
use crate::store::rows::{Checkpoint, Flush};
use crate::store::{StoreError, gone};

/// At how many times [`super::WriterLimits::flush_commands`] the writer waits for the store.
const MOST: usize = 4;

/// A flush that is handed over and not yet known to be kept.
pub(super) struct InFlight {
    pub(super) flush: Arc<Flush>,
    answer: oneshot::Receiver<Result<(), StoreError>>,
}

impl InFlight {
    /// Waits until the store has tried.
    pub(super) async fn done(&mut self) -> Result<(), StoreError> {
        (&mut self.answer).await.unwrap_or_else(|_| Err(gone()))
    }
}

/// Waits for the flush under way; for ever when there is none.
pub(super) async fn done(in_flight: &mut Option<InFlight>) -> Result<(), StoreError> {
    match in_flight {
        Some(in_flight) => in_flight.done().await,
        None => std::future::pending().await,
    }
}

impl Writer {
    /// When to look at the state store again; `None` when nothing is to be kept, or when the store
    /// is at work.
    pub(super) fn next_flush(&self) -> Option<Instant> {
        if self.in_flight.is_some() {
            return (Instant::now() < self.not_before).then_some(self.not_before);
        }
        (!self.unflushed.is_empty()).then(|| self.unflushed_since + self.tools.limits.flush_interval)
    }

    /// Starts a flush when enough has changed or waited, and takes note of one that is done.
    pub(super) async fn flush_if_due(&mut self) {
        self.collect().await;
        let limit = self.tools.limits.flush_commands;
        let waiting = self.unflushed.commands.len().max(self.unflushed.streams.len());
        let old = self.unflushed_since.elapsed() >= self.tools.limits.flush_interval;
        if self.in_flight.is_none() && !self.unflushed.is_empty() && (waiting >= limit || old) {
            self.hand_over().await;
        }
        if waiting >= limit.saturating_mul(MOST) {
            self.wait_for_store().await;
        }
    }

    /// Keeps everything before the end. What can't be kept is made again from the log.
    pub(super) async fn flush_finally(&mut self) {
        if self.settle_in_flight().await.is_ok() && !self.unflushed.is_empty() && self.failed.is_none() {
            self.hand_over().await;
            if let Err(error) = self.settle_in_flight().await {
                tracing::warn!(partition = %self.tools.partition, %error, "the last flush was not kept");
            }
        }
    }

    /// Waits for the flush that is under way, if there is one; a failed one stays to be repeated.
    pub(super) async fn settle_in_flight(&mut self) -> Result<(), StoreError> {
        let Some(in_flight) = &mut self.in_flight else { return Ok(()) };
        let result = in_flight.done().await;
        self.conclude(result).await
    }

    /// Hands over all that changed. Called between batches, so memory is what is durable.
    pub(super) async fn hand_over(&mut self) {
        let unflushed = std::mem::take(&mut self.unflushed);
        self.unflushed_since = Instant::now();
        let mut streams = Vec::with_capacity(unflushed.streams.len());
        for (stream, touched) in &unflushed.streams {
            let rows = self.streams.get(*stream).map(|warm| warm.rows(*stream, touched));
            match rows.transpose() {
                Ok(rows) => streams.extend(rows),
                Err(error) => {
                    // Kept state would be wrong without it: the log has it all.
                    tracing::error!(partition = %self.tools.partition, %stream, %error, "state can't be kept");
                    self.failed = Some(format!("the state of {stream} can't be written: {error}"));
                    self.tools.health.report(format!("the state of {stream} can't be written: {error}"));
                    return;
                }
            }
        }
        let checkpoint = Checkpoint { sequence: self.chain.sequence(), hash: self.chain.hash() };
        let partition = self.tools.partition;
        let flush = Arc::new(Flush { partition, checkpoint, streams, commands: unflushed.commands });
        let answer = self.tools.store.write(Arc::clone(&flush)).await;
        self.in_flight = Some(InFlight { flush, answer });
    }

    async fn collect(&mut self) {
        if Instant::now() < self.not_before {
            return;
        }
        let Some(in_flight) = &mut self.in_flight else { return };
        let result = match in_flight.answer.try_recv() {
            Ok(result) => result,
            Err(TryRecvError::Closed) => Err(gone()),
            Err(TryRecvError::Empty) => return,
        };
        self.conclude_or_warn(result).await;
    }

    pub(super) async fn conclude_or_warn(&mut self, result: Result<(), StoreError>) {
        if let Err(error) = self.conclude(result).await {
            tracing::warn!(partition = %self.tools.partition, %error, "a flush was not kept, trying again");
        }
    }

    /// Takes note of what became of the flush under way; a failed one is handed over again.
    async fn conclude(&mut self, result: Result<(), StoreError>) -> Result<(), StoreError> {
        let Some(InFlight { flush, .. }) = self.in_flight.take() else { return result };
        if let Err(error) = result {
            let answer = self.tools.store.write(Arc::clone(&flush)).await;
            self.in_flight = Some(InFlight { flush, answer });
            self.not_before = Instant::now() + self.tools.limits.retry_after;
            return Err(error);
        }
        for rows in &flush.streams {
            self.streams.flushed(rows.stream, rows.version);
            self.streams.forget_messages(rows.stream, self.tools.limits.recent_messages);
        }
        self.streams.evict(self.tools.limits.warm_streams);
        Ok(())
    }

    /// Too much is unflushed: nothing is taken before the store has kept something.
    async fn wait_for_store(&mut self) {
        while let Err(error) = self.settle_in_flight().await {
            let report = format!("partition {}: {error}", self.tools.partition);
            tracing::error!(partition = %self.tools.partition, %error, "the state can't be kept");
            self.tools.health.report(report);
            let answer = match error {
                StoreError::Full(_) => CommandError::Full,
                StoreError::Failed(reason) => CommandError::Unavailable(reason),
            };
            self.refuse_for(self.tools.limits.retry_after, &answer).await;
            if self.tools.stop.is_cancelled() {
                return;
            }
        }
        self.tools.health.clear();
    }
}
