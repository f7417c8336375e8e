//! The command bus inside of one process: a mailbox and a task for each partition.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};
use hansard_events::{CommandId, KeyRing, Log, PartitionId, Position, Positions, Sequence, UserId};
use metrics::Counter;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::health::Health;
use crate::store::StateStore;
use crate::writer::{
    Clock, Message, Question, StartError, Tools, Waiting, Writer, WriterLimits, metrics as told,
};
use crate::{Accepted, Command, CommandBus, CommandError, LiveFeed};

/// How many partitions are loaded at once.
const TOGETHER: usize = 8;

/// What the bus and its writers work with.
pub struct LocalBusConfig {
    /// Where events are.
    pub log: Arc<dyn Log>,
    /// Where data keys are.
    pub keys: Arc<dyn KeyRing>,
    /// Where `state.db` is; it must exist.
    pub directory: PathBuf,
    /// Who hears of commits.
    pub live: LiveFeed,
    /// The time of events.
    pub clock: Arc<dyn Clock>,
    /// How much is held.
    pub limits: WriterLimits,
}

/// The writers of all partitions, in this process.
///
/// An id counts for the partition of its command's stream: the same id with a stream of another
/// partition is not recognised as used, since writers share nothing. Commands that were accepted
/// without a change are remembered in the state store only; when that is dropped, sending one
/// again decides it again.
///
/// Dropping the bus ends its tasks at once, as a crash would; [`LocalBus::stop`] ends them in
/// order.
pub struct LocalBus {
    partitions: u16,
    lanes: Vec<Lane>,
    retry_after: std::time::Duration,
    busy: Counter,
    stop: CancellationToken,
    tasks: TaskTracker,
    thread: Mutex<Option<JoinHandle<()>>>,
    _kill: DropGuard,
}

/// The way to one writer.
struct Lane {
    mailbox: mpsc::Sender<Message>,
    /// Places in the mailbox that bulk hand-overs may take, so that clients find some too.
    bulk: Arc<Semaphore>,
    head: Arc<AtomicU64>,
    health: Arc<Health>,
}

impl std::fmt::Debug for LocalBus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LocalBus").field("partitions", &self.partitions).finish_non_exhaustive()
    }
}

impl LocalBus {
    /// Opens the state store, replays what the log has beyond it, and starts the writers.
    ///
    /// # Errors
    /// [`StartError`]: the log is damaged, shorter than what the state store has seen, or away.
    pub async fn start(config: LocalBusConfig) -> Result<Arc<Self>, StartError> {
        let LocalBusConfig { log, keys, directory, live, clock, limits } = config;
        told::describe();
        let partitions = log.partitions();
        let opened = tokio::task::spawn_blocking(move || StateStore::open(&directory, partitions)).await;
        let (store, thread) = opened.map_err(|error| StartError::Store(error.to_string()))??;
        let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
        let start = |partition| {
            let (sender, mailbox) = mpsc::channel(limits.mailbox.max(1));
            let lane = Lane {
                mailbox: sender,
                bulk: Arc::new(Semaphore::new((limits.mailbox / 2).max(1))),
                head: Arc::default(),
                health: Arc::default(),
            };
            let tools = Tools {
                partition: PartitionId(partition),
                log: Arc::clone(&log),
                keys: Arc::clone(&keys),
                store: store.clone(),
                live: live.clone(),
                clock: Arc::clone(&clock),
                limits,
                recent_commands: (limits.recent_commands / usize::from(partitions.max(1))).max(1),
                head: Arc::clone(&lane.head),
                health: Arc::clone(&lane.health),
                stop: stop.clone(),
            };
            async move { Ok::<_, StartError>((lane, Box::pin(Writer::start(tools, mailbox)).await?)) }
        };
        let started: Vec<(Lane, Writer)> =
            futures::stream::iter((0..partitions).map(start)).buffered(TOGETHER).try_collect().await?;
        let tasks = TaskTracker::new();
        let mut lanes = Vec::with_capacity(started.len());
        for (lane, writer) in started {
            let (kill, stop, health) = (kill.clone(), stop.clone(), Arc::clone(&lane.health));
            tasks.spawn(async move {
                let ended = Ended { health, stop };
                tokio::select! {
                    () = kill.cancelled() => {}
                    () = Box::pin(writer.run()) => {}
                }
                drop(ended);
            });
            lanes.push(lane);
        }
        tasks.close();
        Ok(Arc::new(Self {
            partitions,
            lanes,
            retry_after: limits.retry_after,
            busy: told::busy_counter(),
            stop,
            tasks,
            thread: Mutex::new(Some(thread)),
            _kill: kill.drop_guard(),
        }))
    }

    /// Takes no more commands, answers those that were taken, keeps the state, and returns when
    /// all of that is done.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        // The thread ends with the last handle, which the writers held.
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the thread of the state store has panicked");
        }
    }

    /// The last durable commit of every partition.
    pub fn heads(&self) -> Positions {
        let head = |(partition, lane): (u16, &Lane)| Position {
            partition: PartitionId(partition),
            sequence: Sequence(lane.head.load(Ordering::Acquire)),
        };
        (0..self.partitions).zip(&self.lanes).map(head).collect()
    }

    /// Whether every writer works.
    ///
    /// # Errors
    /// Why the first one that does not work does not.
    pub fn health(&self) -> Result<(), String> {
        self.lanes.iter().find_map(|lane| lane.health.reason()).map_or(Ok(()), Err)
    }

    fn lane(&self, command: &Command) -> &Lane {
        &self.lanes[usize::from(command.stream().partition(self.partitions).0)]
    }
}

#[async_trait]
impl CommandBus for LocalBus {
    async fn dispatch(&self, command: Command) -> Result<Accepted, CommandError> {
        let lane = self.lane(&command);
        let (answer, answered) = oneshot::channel();
        let waiting = Box::new(Waiting { command, answer, place: None });
        match lane.mailbox.try_send(Message::Command(waiting)) {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(gone())),
            Err(TrySendError::Full(_)) => {
                self.busy.increment(1);
                Err(CommandError::Busy { retry_after: self.retry_after })
            }
            Err(TrySendError::Closed(_)) => Err(gone()),
        }
    }

    async fn dispatch_all(&self, commands: Vec<Command>) -> Vec<Result<Accepted, CommandError>> {
        let mut expected = Vec::with_capacity(commands.len());
        for command in commands {
            let lane = self.lane(&command);
            let (answer, answered) = oneshot::channel();
            expected.push(answered);
            // What can't be handed over drops its answer, which says so below.
            let Ok(place) = Arc::clone(&lane.bulk).acquire_owned().await else { continue };
            let waiting = Box::new(Waiting { command, answer, place: Some(place) });
            drop(lane.mailbox.send(Message::Command(waiting)).await);
        }
        let mut answers = Vec::with_capacity(expected.len());
        for answered in expected {
            answers.push(answered.await.unwrap_or_else(|_| Err(gone())));
        }
        answers
    }

    async fn outcome(&self, actor: UserId, id: CommandId) -> Result<Option<Accepted>, CommandError> {
        // An id does not say which stream it was for: every writer is asked.
        for lane in &self.lanes {
            let (answer, answered) = oneshot::channel();
            let question = Question { actor, id, answer };
            match lane.mailbox.try_send(Message::Question(question)) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    return Err(CommandError::Busy { retry_after: self.retry_after });
                }
                Err(TrySendError::Closed(_)) => return Err(gone()),
            }
            if let Some(accepted) = answered.await.unwrap_or_else(|_| Err(gone()))? {
                return Ok(Some(accepted));
            }
        }
        Ok(None)
    }
}

fn gone() -> CommandError {
    CommandError::Unavailable("the writer has ended".to_owned())
}

/// Says that a writer has ended, however it did, unless that was asked for.
struct Ended {
    health: Arc<Health>,
    stop: CancellationToken,
}

impl Drop for Ended {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() {
            self.health.report("a writer has ended unexpectedly".to_owned());
        }
    }
}
