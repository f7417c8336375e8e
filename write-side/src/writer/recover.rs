//! Making the state again from the state store and the log: at start, and whenever an append has
//! failed after the state had evolved.

use std::time::Duration;

use futures::StreamExt as _;
use hansard_events::{
    Chain, Commit, Damage, DecodeError, Position, ReadError, Recorded, Sequence, Stored, StoredEvent, sha256,
};

use super::{Writer, millis};
use crate::aggregate::message_of_event;
use crate::store::StoreError;
use crate::store::rows::{Outcome, Wanted};
use crate::{Accepted, CommandError};

/// How many events are replayed for one request to the state store.
const TOGETHER: usize = 2048;

/// Why the writers can't start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Commits that the state store has seen are missing at the end of the log.
    #[error("the log ends at {head}, but state.db was made from {seen}: what follows {head} is lost")]
    LogTooShort {
        /// Where the log ends.
        head: Position,
        /// Where the state store stands.
        seen: Position,
    },
    /// The log was exchanged or changed. If that is wanted, remove `state.db`.
    #[error("the commit at {position} is not the one that state.db was made from")]
    OtherLog {
        /// Where the two differ.
        position: Position,
    },
    /// The log is not what was appended.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// An event in the log is not one that this release can read.
    #[error("an event at {position} can't be read: {reason}")]
    Unreadable {
        /// The commit that holds it.
        position: Position,
        /// What is wrong with it.
        reason: DecodeError,
    },
    /// The log can't be reached.
    #[error("the log is unavailable: {0}")]
    Log(String),
    /// The state store can't be used.
    #[error("{0}")]
    Store(String),
}

impl From<ReadError> for StartError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damaged(damage) => Self::Damaged(damage),
            ReadError::Unavailable(reason) => Self::Log(reason),
        }
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl StartError {
    /// Whether trying again may help.
    const fn is_passing(&self) -> bool {
        matches!(self, Self::Log(_) | Self::Store(_))
    }
}

impl Writer {
    /// Drops what is in memory and makes it again. Outcomes in memory stay: they are durable.
    pub(super) async fn recover(&mut self) -> Result<(), StartError> {
        // Whether it is kept or not: its answer is read before the checkpoint.
        if let Some(mut in_flight) = self.in_flight.take()
            && let Err(error) = in_flight.done().await
        {
            tracing::warn!(partition = %self.tools.partition, %error, "a flush was not kept");
        }
        self.streams.clear();
        self.unflushed = super::Unflushed::default();
        let partition = self.tools.partition;
        let checkpoint = self.tools.store.checkpoint(partition).await?;
        self.chain = Chain::start(partition);
        let mut after = Sequence::ZERO;
        if let Some(checkpoint) = checkpoint.filter(|checkpoint| checkpoint.sequence > Sequence::ZERO) {
            after = Sequence(checkpoint.sequence.0 - 1);
            self.chain = Chain::resume(partition, checkpoint.sequence, checkpoint.hash);
        }
        let mut commits = self.tools.log.read(partition, after);
        if after != self.chain.sequence() {
            self.compare(commits.next().await).await?;
        }
        let mut replay = Vec::new();
        while let Some(stored) = commits.next().await {
            let commit = self.chain.check(&stored?)?;
            let position = commit.position();
            let unreadable = |reason| StartError::Unreadable { position, reason };
            replay.extend(parse(&commit).map_err(unreadable)?.into_iter().map(|event| (position, event)));
            if replay.len() >= TOGETHER {
                self.replay(std::mem::take(&mut replay)).await?;
            }
        }
        self.replay(replay).await?;
        self.publish_head();
        Ok(())
    }

    /// Checks that the log still has the commit that the state store stands for.
    async fn compare(&self, stored: Option<Result<Stored, ReadError>>) -> Result<(), StartError> {
        let partition = self.tools.partition;
        let seen = Position { partition, sequence: self.chain.sequence() };
        match stored.transpose()? {
            Some(stored) if stored.sequence != seen.sequence => {
                let reason = format!("it is missing; the next that is there is {}", stored.sequence);
                Err(Damage { position: seen, reason }.into())
            }
            Some(stored) if sha256(&stored.bytes) == self.chain.hash() => Ok(()),
            Some(_) => Err(StartError::OtherLog { position: seen }),
            None => {
                let sequence = self.tools.log.head(partition).await?;
                Err(StartError::LogTooShort { head: Position { partition, sequence }, seen })
            }
        }
    }

    async fn replay(&mut self, events: Vec<(Position, Recorded)>) -> Result<(), StartError> {
        self.streams.next_round();
        let mut wanted = Wanted::default();
        for (_, event) in &events {
            let warm = self.streams.get(event.stream);
            if warm.is_none() {
                wanted.streams.push(event.stream);
            }
            if let Some(seq) = message_of_event(&event.event)
                && warm.is_none_or(|warm| warm.state.lacks(seq))
            {
                wanted.messages.push((event.stream, seq));
            }
        }
        wanted.streams.sort_unstable();
        wanted.streams.dedup();
        if !wanted.is_empty() {
            let keep = self.tools.limits.recent_messages;
            let mut found = self.tools.store.find(self.tools.partition, wanted, keep).await?;
            self.streams.absorb(&mut found);
        }
        let now = millis(&*self.tools.clock);
        for (position, event) in events {
            self.take_in(position, &event, now)?;
        }
        if self.unflushed.commands.len() >= self.tools.limits.flush_commands {
            self.settle_in_flight().await?;
            self.hand_over().await;
        }
        Ok(())
    }

    fn take_in(&mut self, position: Position, event: &Recorded, now: u64) -> Result<(), StartError> {
        let warm = self.streams.touch(event.stream);
        if event.version != warm.version + 1 {
            let (found, wanted) = (event.version, warm.version + 1);
            let reason = format!("{} has version {found} where {wanted} is due", event.stream);
            return Err(Damage { position, reason }.into());
        }
        warm.state.evolve(event);
        warm.version = event.version;
        self.unflushed.note(event);
        let &Recorded { stream, version, at, actor, command, fingerprint, .. } = event;
        let accepted = Accepted { command, stream, position, version, at, changed: true };
        let outcome = Outcome { actor, fingerprint, accepted };
        self.memory.insert(outcome, now);
        self.unflushed.commands.insert(command, outcome);
        Ok(())
    }

    /// Undoes what was decided and did not become durable. Until that is done, and for a while
    /// when the log is full, everyone is refused.
    pub(super) async fn start_over(&mut self, error: CommandError) {
        let pause = self.tools.limits.retry_after;
        let mut longer = pause;
        while let Err(failure) = self.recover().await {
            let reason = format!("partition {}: {failure}", self.tools.partition);
            self.tools.health.report(reason.clone());
            tracing::error!(partition = %self.tools.partition, error = %failure, "the state can't be made again");
            if !failure.is_passing() || self.tools.stop.is_cancelled() {
                self.failed = Some(reason);
                return;
            }
            self.refuse_for(longer, &CommandError::Unavailable(reason)).await;
            longer = (longer * 2).min(Duration::from_secs(5));
        }
        if error == CommandError::Full {
            let report = format!("partition {}: the log has no room", self.tools.partition);
            self.tools.health.report(report);
            self.refuse_for(pause, &error).await;
        }
        self.tools.health.clear();
    }
}

fn parse(commit: &Commit) -> Result<Vec<Recorded>, DecodeError> {
    commit.lines.iter().map(|line| Ok(StoredEvent::parse(line)?.recorded)).collect()
}
