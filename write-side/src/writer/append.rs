//! Appending: until it is known whether the commit is in the log, nothing else happens.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use hansard_events::{AppendError, Position, ReadError};
use tokio::time::Instant;

use super::batch::{Batch, Reply};
use super::{Writer, millis};
use crate::{CommandError, Committed};

/// The shortest and the longest pause before an unknown outcome is looked into again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// What stands in the log where our commit should.
enum ReadBack {
    Ours,
    Another,
    Nothing,
}

impl Writer {
    /// Makes a batch durable, then takes it over and answers; or undoes it and says so.
    pub(super) async fn settle(&mut self, batch: Batch) {
        let Batch { builder, events, mut outcomes, replies } = batch;
        let mut position = Position { partition: self.tools.partition, sequence: self.chain.sequence() };
        if builder.count() > 0 {
            position.sequence = position.sequence.next();
            let commit = builder.finish(position, self.chain.hash(), self.tools.clock.now());
            if let Err(error) = self.append(&commit).await {
                self.tools.health.report(format!("partition {}: {error}", self.tools.partition));
                for (answer, reply) in replies {
                    match reply {
                        Reply::Known(accepted) => self.reply(answer, Ok(accepted)),
                        Reply::Decided(_) | Reply::Refused(_) => self.reply(answer, Err(error.clone())),
                    }
                }
                return self.start_over(error).await;
            }
            self.chain.advance(position.sequence, &commit);
            self.publish_head();
            self.count_commit(&commit, events.len());
        }
        for outcome in outcomes.values_mut() {
            outcome.accepted.position = position;
        }
        for (answer, reply) in replies {
            match reply {
                Reply::Known(accepted) => {
                    self.metrics.repeated.increment(1);
                    drop(answer.send(Ok(accepted)));
                }
                Reply::Decided(id) => {
                    if let Some(outcome) = outcomes.get(&id) {
                        self.reply(answer, Ok(outcome.accepted));
                    }
                }
                Reply::Refused(error) => self.reply(answer, Err(error)),
            }
        }
        if self.unflushed.is_empty() {
            self.unflushed_since = Instant::now();
        }
        for event in &events {
            self.unflushed.note(event);
        }
        let now = millis(&*self.tools.clock);
        for (id, outcome) in outcomes {
            self.memory.insert(outcome, now);
            self.unflushed.commands.insert(id, outcome);
        }
        if !events.is_empty() {
            self.tools.live.publish(Committed { position, events: events.into() });
        }
    }

    fn count_commit(&self, commit: &Bytes, events: usize) {
        self.metrics.commits.increment(1);
        self.metrics.events.increment(events as u64);
        let float = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        self.metrics.commit_bytes.record(float(commit.len()));
        self.metrics.batch_events.record(float(events));
    }

    async fn append(&mut self, commit: &Bytes) -> Result<(), CommandError> {
        let started = Instant::now();
        let (partition, after) = (self.tools.partition, self.chain.sequence());
        let outcome = self.tools.log.append(partition, after, commit.clone()).await;
        let result = match outcome {
            Ok(()) => Ok(()),
            Err(AppendError::Unknown(reason)) => {
                tracing::warn!(%partition, %after, reason, "the outcome of an append is unknown: reading back");
                let report = format!("partition {partition}: the outcome of an append is unknown: {reason}");
                self.tools.health.report(report);
                let result = self.resolve(commit).await;
                self.tools.health.clear();
                result
            }
            Err(AppendError::Full(reason)) => {
                tracing::error!(%partition, %after, reason, "the log has no room");
                Err(CommandError::Full)
            }
            // Another writer: its commits are read before anything is decided again.
            Err(error @ (AppendError::Conflict { .. } | AppendError::Unavailable(_))) => {
                tracing::error!(%partition, %after, %error, "the append was refused");
                Err(CommandError::Unavailable(error.to_string()))
            }
        };
        self.metrics.append_seconds.record(started.elapsed().as_secs_f64());
        result
    }

    /// Finds out whether `commit` is in the log: reads back, and where nothing is, appends the
    /// same bytes again, which the expected sequence makes harmless.
    async fn resolve(&mut self, commit: &Bytes) -> Result<(), CommandError> {
        let (partition, after) = (self.tools.partition, self.chain.sequence());
        let not_known =
            |reason: &str| CommandError::Unavailable(format!("the outcome is not known: {reason}"));
        let mut pause = PAUSES.0;
        loop {
            match self.read_back(commit).await {
                Ok(ReadBack::Ours) => return Ok(()),
                Ok(ReadBack::Another) => return Err(not_known("another writer has appended")),
                Ok(ReadBack::Nothing) => {
                    match self.tools.log.append(partition, after, commit.clone()).await {
                        Ok(()) => return Ok(()),
                        Err(AppendError::Full(_)) => {
                            return match self.read_back(commit).await {
                                Ok(ReadBack::Ours) => Ok(()),
                                _ => Err(not_known("the log has no room")),
                            };
                        }
                        // Read back again.
                        Err(_) => {}
                    }
                }
                Err(ReadError::Damaged(damage)) => return Err(not_known(&damage.to_string())),
                Err(ReadError::Unavailable(_)) => {}
            }
            tokio::select! {
                () = self.tools.stop.cancelled() => return Err(not_known("the server stops")),
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSES.1),
            }
        }
    }

    async fn read_back(&self, commit: &Bytes) -> Result<ReadBack, ReadError> {
        let mut commits = self.tools.log.read(self.tools.partition, self.chain.sequence());
        match commits.next().await {
            None => Ok(ReadBack::Nothing),
            Some(stored) if stored.as_ref().is_ok_and(|stored| stored.bytes == commit) => Ok(ReadBack::Ours),
            Some(Ok(_)) => Ok(ReadBack::Another),
            Some(Err(error)) => Err(error),
        }
    }
}
