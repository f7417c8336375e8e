//! A log, a data directory and people, over which buses come and go.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hansard_events::{
    Chain, CommandId, ConversationId, ConversationKind, HistoryAccess, Log as _, MemoryKeyRing, MemoryLog,
    MessageKind, PartitionId, Posting, Recorded, StoredEvent, StreamName, Timestamp, UserId,
};
use hansard_write_side::{
    Accepted, Command, CommandBody, CommandBus as _, ConversationCommand, LiveFeed, LocalBus, LocalBusConfig,
    ManualClock, StartError, WriterLimits,
};
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

/// When every test happens: milliseconds since 1970.
pub(crate) const NOW: u64 = 1_795_000_000_000;

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(millis).unwrap()).unwrap()
}

pub(crate) fn person(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number)).unwrap()
}

pub(crate) struct World {
    pub(crate) log: MemoryLog,
    pub(crate) keys: Arc<MemoryKeyRing>,
    pub(crate) directory: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) live: LiveFeed,
    pub(crate) limits: WriterLimits,
    next: AtomicU64,
}

impl World {
    pub(crate) fn new(partitions: u16) -> Self {
        Self {
            log: MemoryLog::new(partitions),
            keys: Arc::default(),
            directory: TempDir::new().unwrap(),
            clock: Arc::new(ManualClock::new(at(NOW))),
            live: LiveFeed::new(),
            limits: WriterLimits { retry_after: Duration::from_millis(1), ..WriterLimits::default() },
            next: AtomicU64::new(0),
        }
    }

    pub(crate) fn with_limits(partitions: u16, change: impl FnOnce(&mut WriterLimits)) -> Self {
        let mut world = Self::new(partitions);
        change(&mut world.limits);
        world
    }

    pub(crate) async fn try_start(&self) -> Result<Arc<LocalBus>, StartError> {
        LocalBus::start(LocalBusConfig {
            log: Arc::new(self.log.clone()),
            keys: self.keys.clone(),
            directory: self.directory.path().to_owned(),
            live: self.live.clone(),
            clock: self.clock.clone(),
            limits: self.limits,
        })
        .await
    }

    pub(crate) async fn start(&self) -> Arc<LocalBus> {
        self.try_start().await.unwrap()
    }

    /// What is left when a process dies: nothing is stopped in order. Waits until the file is
    /// let go, as the end of a process would see to.
    pub(crate) async fn crash(&self, bus: Arc<LocalBus>) {
        drop(Arc::into_inner(bus).expect("somebody still uses the bus"));
        let path = self.directory.path().join("state.db");
        let free = move || {
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.busy_timeout(Duration::from_secs(20)).unwrap();
            connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; ROLLBACK").unwrap();
        };
        tokio::task::spawn_blocking(free).await.unwrap();
    }

    /// Loses the cache. No bus may be running.
    pub(crate) fn delete_state(&self) {
        for file in std::fs::read_dir(self.directory.path()).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
    }

    /// A fresh id of about now.
    pub(crate) fn id(&self) -> CommandId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        CommandId::derived(NOW + number / 1000, &[&number.to_be_bytes()])
    }

    pub(crate) fn command(&self, actor: u128, body: CommandBody) -> Command {
        Command { id: self.id(), actor: person(actor), at: None, body }
    }

    pub(crate) fn say(&self, actor: u128, conversation: ConversationId, text: &str) -> Command {
        let (kind, body) = (MessageKind::Text, json!({ "text": text }));
        let command = ConversationCommand::Send { kind, body, reply_to: None };
        self.command(actor, CommandBody::Conversation { conversation, command })
    }

    /// Creates a group of person 1 (owner) and these.
    pub(crate) async fn group(&self, bus: &LocalBus, others: &[u128]) -> ConversationId {
        let create = self.create(others);
        let StreamName::Conversation(conversation) = create.stream() else { unreachable!() };
        assert_eq!(bus.dispatch(create).await.unwrap().version, 1);
        conversation
    }

    pub(crate) fn create(&self, others: &[u128]) -> Command {
        let id = self.id();
        let command = ConversationCommand::Create {
            kind: ConversationKind::Group,
            title: Some("Launch".to_owned()),
            history: HistoryAccess::All,
            posting: Posting::Everyone,
            members: others.iter().map(|number| person(*number)).collect(),
        };
        let conversation = ConversationId::of_creation(id);
        let body = CommandBody::Conversation { conversation, command };
        Command { id, actor: person(1), at: None, body }
    }

    /// Checks everything that must always hold of the log, and gives its events in order: the
    /// chain of every partition, versions without holes, every command in one commit and once.
    pub(crate) fn verify(&self) -> Vec<(CommandId, Accepted, Recorded)> {
        let mut all = Vec::new();
        let mut versions: HashMap<StreamName, u64> = HashMap::new();
        let mut accepted: HashMap<CommandId, Accepted> = HashMap::new();
        for partition in (0..self.log.partitions()).map(PartitionId) {
            let mut chain = Chain::start(partition);
            for stored in self.log.commits(partition) {
                let commit = chain.check(&stored).unwrap();
                for line in &commit.lines {
                    let event = StoredEvent::parse(line).unwrap().recorded;
                    let version = versions.entry(event.stream).or_default();
                    *version += 1;
                    assert_eq!(event.version, *version, "a hole in {}", event.stream);
                    assert_eq!(event.stream.partition(self.log.partitions()), partition);
                    let &Recorded { stream, version, at, command, .. } = &event;
                    let position = commit.position();
                    let now = Accepted { command, stream, position, version, at, changed: true };
                    if let Some(before) = accepted.insert(command, now) {
                        assert_eq!((before.position, before.stream), (position, stream), "doubled");
                        assert_eq!(before.version + 1, version, "torn apart");
                    }
                    all.push((command, now, event));
                }
            }
        }
        all
    }

    /// How many messages the log holds.
    pub(crate) fn messages(&self) -> usize {
        self.verify().iter().filter(|(_, _, event)| event.event_type() == "message.sent").count()
    }
}

/// Waits until `condition` holds; the other tasks go on meanwhile.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("the condition never held");
}
