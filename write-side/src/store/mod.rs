//! The state store: what the writers know, kept in `state.db` of the data directory.
//!
//! It is a cache of the log. Each partition's rows change in one transaction with the checkpoint
//! that they stand for; whoever deletes the file loses nothing but the time to make it again (and
//! the memory of commands that were accepted without a change).
//!
//! One thread owns the file and does what it is asked in the order of asking, so a read that
//! follows a flush sees it.

mod convert;
mod read;
pub(crate) mod rows;
mod schema;
mod write;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use hansard_events::PartitionId;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use rows::{Checkpoint, Flush, Found, Recent, Wanted};

/// How many requests may wait for the thread; whoever asks then waits for room.
const QUEUE: usize = 64;

/// Why the state store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the state store has no room: {0}")]
    Full(String),
    #[error("the state store failed: {0}")]
    Failed(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

enum Request {
    Checkpoint(PartitionId, Answer<Option<Checkpoint>>),
    Recent { partition: PartitionId, limit: usize, until: u64, answer: Answer<Recent> },
    Find { partition: PartitionId, wanted: Wanted, messages: usize, answer: Answer<Found> },
    Write(Arc<Flush>, Answer<()>),
}

/// Asks the thread that owns `state.db`. The thread ends when the last handle is gone.
#[derive(Debug, Clone)]
pub(crate) struct StateStore {
    requests: mpsc::Sender<Request>,
}

impl StateStore {
    /// Opens the store in `directory` and starts its thread.
    pub(crate) fn open(directory: &Path, partitions: u16) -> Result<(Self, JoinHandle<()>), StoreError> {
        let connection = schema::open(&directory.join("state.db"), partitions)?;
        let (requests, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("state-store".to_owned())
            .spawn(move || serve(connection, queue))
            .map_err(|error| StoreError::Failed(format!("its thread does not start: {error}")))?;
        Ok((Self { requests }, thread))
    }

    /// The commit that the rows of `partition` stand for; `None` when there are none.
    pub(crate) async fn checkpoint(&self, partition: PartitionId) -> Result<Option<Checkpoint>, StoreError> {
        self.ask(|answer| Request::Checkpoint(partition, answer)).await
    }

    /// The newest `limit` outcomes of ids up to the time `until`, and the ids beyond it.
    pub(crate) async fn recent(
        &self,
        partition: PartitionId,
        limit: usize,
        until: u64,
    ) -> Result<Recent, StoreError> {
        self.ask(|answer| Request::Recent { partition, limit, until, answer }).await
    }

    /// What is there of what is wanted; of a conversation the newest `messages` facts.
    pub(crate) async fn find(
        &self,
        partition: PartitionId,
        wanted: Wanted,
        messages: usize,
    ) -> Result<Found, StoreError> {
        self.ask(|answer| Request::Find { partition, wanted, messages, answer }).await
    }

    /// Hands over a flush; the receiver tells when it is kept.
    pub(crate) async fn write(&self, flush: Arc<Flush>) -> oneshot::Receiver<Result<(), StoreError>> {
        let (answer, answered) = oneshot::channel();
        // When the thread is gone, the receiver says so.
        drop(self.requests.send(Request::Write(flush, answer)).await);
        answered
    }

    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        drop(self.requests.send(request(answer)).await);
        answered.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// What is said when the thread does not answer any more.
pub(crate) fn gone() -> StoreError {
    StoreError::Failed("its thread has ended".to_owned())
}

fn serve(mut connection: Connection, mut queue: mpsc::Receiver<Request>) {
    // Whoever asked may have gone away meanwhile: then nobody needs the answer.
    while let Some(request) = queue.blocking_recv() {
        match request {
            Request::Checkpoint(partition, answer) => {
                drop(answer.send(read::checkpoint(&connection, partition)));
            }
            Request::Recent { partition, limit, until, answer } => {
                drop(answer.send(read::recent(&connection, partition, limit, until)));
            }
            Request::Find { partition, wanted, messages, answer } => {
                drop(answer.send(read::find(&connection, partition, &wanted, messages)));
            }
            Request::Write(flush, answer) => {
                drop(answer.send(write::write(&mut connection, &flush)));
            }
        }
    }
}
