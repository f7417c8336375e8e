//! The partition writer: one task that decides, appends, and then answers.
//!
//! All commands that wait are decided one after another against the state in memory, their events
//! go into one commit, and when that is durable everyone is answered. While the append is under
//! way the next commands gather. State evolves as soon as something is decided; when the commit
//! then does not become durable, everything in memory is dropped and made again from the state
//! store and the log ([`recover`]), since the log alone says what has happened.

mod append;
mod batch;
mod clock;
mod flush;
mod keys;
mod limits;
mod memory;
pub(crate) mod metrics;
mod recover;
mod streams;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hansard_events::{Chain, CommandId, KeyRing, Log, PartitionId, UserId};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

pub use clock::{Clock, ManualClock, SystemClock};
pub use limits::WriterLimits;
pub use recover::StartError;

use crate::health::Health;
use crate::store::StateStore;
use crate::store::rows::{Found, Outcome, Recent, Wanted};
use crate::{Accepted, Command, CommandError, LiveFeed};
use flush::InFlight;
use keys::KeyCache;
use memory::Memory;
use metrics::WriterMetrics;
use streams::{Streams, Unflushed};

pub(crate) type Answer = oneshot::Sender<Result<Accepted, CommandError>>;

/// A command on its way to being decided.
pub(crate) struct Waiting {
    pub(crate) command: Command,
    pub(crate) answer: Answer,
    /// The place in the mailbox that a bulk hand-over takes; free once this is taken out.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

/// Somebody asks what became of a command.
pub(crate) struct Question {
    pub(crate) actor: UserId,
    pub(crate) id: CommandId,
    pub(crate) answer: oneshot::Sender<Result<Option<Accepted>, CommandError>>,
}

/// What lies in a writer's mailbox.
pub(crate) enum Message {
    Command(Box<Waiting>),
    Question(Question),
}

/// What a writer works with, and what it shares with the bus.
pub(crate) struct Tools {
    pub(crate) partition: PartitionId,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) keys: Arc<dyn KeyRing>,
    pub(crate) store: StateStore,
    pub(crate) live: LiveFeed,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: WriterLimits,
    /// This writer's share of [`WriterLimits::recent_commands`].
    pub(crate) recent_commands: usize,
    pub(crate) head: Arc<AtomicU64>,
    pub(crate) health: Arc<Health>,
    /// Take no more; finish what was taken.
    pub(crate) stop: CancellationToken,
}

/// See the module.
pub(crate) struct Writer {
    tools: Tools,
    mailbox: mpsc::Receiver<Message>,
    /// Taken out of the mailbox, not decided.
    backlog: VecDeque<Box<Waiting>>,
    questions: Vec<Question>,
    /// At the last durable commit.
    chain: Chain,
    streams: Streams,
    memory: Memory,
    unflushed: Unflushed,
    /// Since when something is unflushed.
    unflushed_since: Instant,
    in_flight: Option<InFlight>,
    /// A flush has failed: the next look at the store is not before this.
    not_before: Instant,
    keys: KeyCache,
    metrics: WriterMetrics,
    /// Why nothing can be decided any more.
    failed: Option<String>,
}

impl Writer {
    /// Loads what is kept of the partition and replays the rest of its log.
    pub(crate) async fn start(tools: Tools, mailbox: mpsc::Receiver<Message>) -> Result<Self, StartError> {
        let until = millis(&*tools.clock) + memory::AHEAD_MILLIS;
        let recent: Recent = tools.store.recent(tools.partition, tools.recent_commands, until).await?;
        let mut writer = Self {
            mailbox,
            backlog: VecDeque::new(),
            questions: Vec::new(),
            chain: Chain::start(tools.partition),
            streams: Streams::default(),
            memory: Memory::new(tools.recent_commands, recent),
            unflushed: Unflushed::default(),
            unflushed_since: Instant::now(),
            in_flight: None,
            not_before: Instant::now(),
            keys: KeyCache::new(Arc::clone(&tools.keys)),
            metrics: WriterMetrics::new(tools.partition),
            failed: None,
            tools,
        };
        writer.recover().await?;
        Ok(writer)
    }

    /// Works until the bus is gone or `stop` is cancelled and everything taken is answered.
    pub(crate) async fn run(mut self) {
        while self.wait().await {
            self.take();
            self.round().await;
            self.flush_if_due().await;
        }
        self.flush_finally().await;
    }

    /// Waits until there is something to decide; `false` when there never will be again.
    async fn wait(&mut self) -> bool {
        let most = self.tools.limits.batch_commands;
        let mut taken = Vec::new();
        while self.backlog.is_empty() && self.questions.is_empty() {
            let flush_at = self.next_flush();
            tokio::select! {
                biased;
                () = self.tools.stop.cancelled(), if !self.mailbox.is_closed() => self.mailbox.close(),
                count = self.mailbox.recv_many(&mut taken, most) => {
                    if count == 0 {
                        return false;
                    }
                    taken.drain(..).for_each(|message| self.put(message));
                }
                result = flush::done(&mut self.in_flight), if flush_at.is_none() => {
                    self.conclude_or_warn(result).await;
                }
                () = tokio::time::sleep_until(flush_at.unwrap_or_else(Instant::now)),
                    if flush_at.is_some() => self.flush_if_due().await,
            }
        }
        true
    }

    /// Takes what else waits, up to one batch.
    fn take(&mut self) {
        self.tools.stop.is_cancelled().then(|| self.mailbox.close());
        while self.backlog.len() < self.tools.limits.batch_commands {
            let Ok(message) = self.mailbox.try_recv() else { break };
            self.put(message);
        }
        self.metrics.mailbox.set(u32::try_from(self.mailbox.len()).unwrap_or(u32::MAX));
    }

    fn put(&mut self, message: Message) {
        match message {
            Message::Command(mut waiting) => {
                waiting.place = None;
                self.backlog.push_back(waiting);
            }
            Message::Question(question) => self.questions.push(question),
        }
    }

    /// Decides one commit's worth of what waits, appends, and answers.
    async fn round(&mut self) {
        if let Some(reason) = self.failed.clone() {
            return self.refuse_all(&CommandError::Unavailable(reason));
        }
        self.streams.next_round();
        let wanted = self.wanted();
        let mut found = Found::default();
        let looked_up: Vec<_> = wanted.messages.iter().map(|(stream, _)| *stream).collect();
        if !wanted.is_empty() {
            self.metrics.lookups.increment(1);
            let keep = self.tools.limits.recent_messages;
            match self.tools.store.find(self.tools.partition, wanted, keep).await {
                Ok(rows) => found = rows,
                Err(error) => {
                    tracing::error!(partition = %self.tools.partition, %error, "nothing can be looked up");
                    return self.refuse_all(&CommandError::Unavailable(error.to_string()));
                }
            }
        }
        self.streams.absorb(&mut found);
        self.answer_questions(&found);
        let actors = self.backlog.iter().map(|waiting| waiting.command.actor);
        self.keys.warm(actors.map(keys::fingerprint_subject)).await;
        let batch = self.decide(&found).await;
        self.settle(batch).await;
        let keep = self.tools.limits.recent_messages;
        for stream in looked_up {
            self.streams.forget_messages(stream, keep);
        }
        self.streams.evict(self.tools.limits.warm_streams);
    }

    /// What must be looked up before this round: nothing, for recent ids and warm streams.
    fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::default();
        for waiting in &self.backlog {
            let Command { id, ref body, .. } = waiting.command;
            let stream = waiting.command.stream();
            if self.must_look_up(id) {
                wanted.commands.push(id);
            }
            let warm = self.streams.get(stream);
            if warm.is_none() {
                wanted.streams.push(stream);
            }
            if let Some(seq) = crate::aggregate::message_of_command(body)
                && warm.is_none_or(|warm| warm.state.lacks(seq))
            {
                wanted.messages.push((stream, seq));
            }
        }
        wanted.streams.sort_unstable();
        wanted.streams.dedup();
        let asked = self.questions.iter().map(|question| question.id);
        wanted.commands.extend(asked.filter(|id| self.must_look_up(*id)));
        wanted
    }

    fn must_look_up(&self, id: CommandId) -> bool {
        self.recall(id).is_none() && !self.memory.is_complete_for(id)
    }

    /// What memory knows of a command.
    fn recall(&self, id: CommandId) -> Option<&Outcome> {
        let in_flight = || self.in_flight.as_ref().and_then(|in_flight| in_flight.flush.commands.get(&id));
        self.memory.get(id).or_else(|| self.unflushed.commands.get(&id)).or_else(in_flight)
    }

    fn answer_questions(&mut self, found: &Found) {
        for Question { actor, id, answer } in std::mem::take(&mut self.questions) {
            let outcome = self.recall(id).or_else(|| found.commands.get(&id));
            let accepted = outcome.filter(|outcome| outcome.actor == actor).map(|outcome| outcome.accepted);
            // Whoever asked may be gone.
            drop(answer.send(Ok(accepted)));
        }
    }

    /// Tells everyone who waits that it can't be done.
    fn refuse_all(&mut self, error: &CommandError) {
        for waiting in std::mem::take(&mut self.backlog) {
            self.reply(waiting.answer, Err(error.clone()));
        }
        for question in std::mem::take(&mut self.questions) {
            drop(question.answer.send(Err(error.clone())));
        }
    }

    /// Tells everyone who comes within `pause` that it can't be done now. Ends early at a stop.
    async fn refuse_for(&mut self, pause: Duration, error: &CommandError) {
        let until = Instant::now() + pause;
        loop {
            self.refuse_all(error);
            tokio::select! {
                biased;
                () = self.tools.stop.cancelled() => return,
                () = tokio::time::sleep_until(until) => return,
                message = self.mailbox.recv() => match message {
                    Some(message) => self.put(message),
                    None => return,
                },
            }
        }
    }

    fn reply(&self, answer: Answer, result: Result<Accepted, CommandError>) {
        match &result {
            Ok(accepted) => self.metrics.accepted(accepted),
            Err(error) => self.metrics.refused(error),
        }
        // Whoever asked may be gone; asking again with the same id will tell.
        drop(answer.send(result));
    }

    fn publish_head(&self) {
        self.tools.head.store(self.chain.sequence().0, Ordering::Release);
    }
}

fn millis(clock: &dyn Clock) -> u64 {
    u64::try_from(clock.now().millis()).unwrap_or_default()
}
