//! The thread that appends.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::{Heads, schema};
use crate::log::{AppendError, OpenError};
use crate::{PartitionId, Sequence};

/// Appends that wait: each partition has one under way at most, so this is never the limit.
const QUEUE: usize = 64;

/// What is answered after a failed write: what the system said it had written may be gone.
pub(super) const FAILED: &str =
    "writing to disk failed; nothing is answered any more until the server is started again";

struct Append {
    partition: PartitionId,
    after: Sequence,
    commit: Bytes,
    reply: oneshot::Sender<Result<(), AppendError>>,
}

/// What the thread shares with those who read.
pub(super) struct State {
    /// Free bytes on the disk below which nothing is appended.
    pub(super) low_water: u64,
    /// Set once a write has failed.
    pub(super) failed: Arc<AtomicBool>,
    /// Told of each append, also when whoever asked for it has gone away.
    pub(super) heads: Heads,
}

/// The way to the thread. Dropping it waits until the thread has ended.
#[derive(Debug)]
pub(super) struct Writer {
    sender: Option<mpsc::Sender<Append>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, path: &Path, state: State) -> Result<Self, OpenError> {
        let (sender, mut receiver) = mpsc::channel::<Append>(QUEUE);
        let directory = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let appender = Appender { connection, directory, state };
        let run = move || {
            while let Some(Append { partition, after, commit, reply }) = receiver.blocking_recv() {
                // Who asked may have gone away; the commit stands all the same.
                drop(reply.send(appender.append(partition, after, &commit)));
            }
        };
        let spawned = std::thread::Builder::new().name("log-append".to_owned()).spawn(run);
        let thread = spawned.map_err(|error| OpenError::Unusable {
            place: path.display().to_string(),
            reason: format!("its thread does not start: {error}"),
        })?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    pub(super) async fn append(
        &self,
        partition: PartitionId,
        after: Sequence,
        commit: Bytes,
    ) -> Result<(), AppendError> {
        let gone = || AppendError::Unavailable("the log was closed".to_owned());
        let (reply, answer) = oneshot::channel();
        let append = Append { partition, after, commit, reply };
        self.sender.as_ref().ok_or_else(gone)?.send(append).await.map_err(|_| gone())?;
        answer.await.map_err(|_| AppendError::Unknown("the log's thread ended".to_owned()))?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to end.
            drop(thread.join());
        }
    }
}

struct Appender {
    connection: Connection,
    directory: PathBuf,
    state: State,
}

impl Appender {
    fn append(&self, partition: PartitionId, after: Sequence, commit: &Bytes) -> Result<(), AppendError> {
        if self.state.failed.load(Ordering::SeqCst) {
            return Err(AppendError::Unavailable(FAILED.to_owned()));
        }
        self.has_room(commit.len())?;
        let outcome = self.transact(partition, after, commit);
        if !self.connection.is_autocommit() && self.connection.execute_batch("ROLLBACK").is_err() {
            self.state.failed.store(true, Ordering::SeqCst);
        }
        match outcome {
            Ok(None) => {
                if let Some(head) = self.state.heads.get(usize::from(partition.0)) {
                    head.send_replace(after.next());
                }
                Ok(())
            }
            Ok(Some(head)) => Err(AppendError::Conflict { head }),
            Err(error) => Err(self.classify(&error)),
        }
    }

    /// `Some(head)` when the log does not stand at `after`.
    fn transact(
        &self,
        partition: PartitionId,
        after: Sequence,
        commit: &Bytes,
    ) -> rusqlite::Result<Option<Sequence>> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut head = self.connection.prepare_cached(schema::HEAD)?;
        let head = head.query_row([partition.0], schema::sequence)?;
        if head != after {
            return Ok(Some(head));
        }
        let insert = "INSERT INTO commits (partition, sequence, bytes) VALUES (?1, ?2, ?3)";
        let sequence = i64::try_from(after.next().0).unwrap_or(i64::MAX);
        self.connection.prepare_cached(insert)?.execute((partition.0, sequence, commit.as_ref()))?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(None)
    }

    fn classify(&self, error: &rusqlite::Error) -> AppendError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => AppendError::Full(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::OutOfMemory) => {
                AppendError::Unavailable(error.to_string())
            }
            // A write or sync that failed may have dropped what was to be written, and a second
            // sync would then wrongly succeed. So nothing is tried again before a new start.
            _ => {
                self.state.failed.store(true, Ordering::SeqCst);
                AppendError::Unknown(error.to_string())
            }
        }
    }

    fn has_room(&self, length: usize) -> Result<(), AppendError> {
        let directory = if self.directory.as_os_str().is_empty() { Path::new(".") } else { &self.directory };
        let Ok(disk) = rustix::fs::statvfs(directory) else {
            // Whether there is room will show when it is written.
            return Ok(());
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let wanted = self.state.low_water.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if free < wanted {
            let low = self.state.low_water;
            return Err(AppendError::Full(format!("{free} bytes are free on the disk, {low} are kept free")));
        }
        Ok(())
    }
}
