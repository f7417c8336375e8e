//! The thread that reads.

use std::path::Path;
use std::thread::JoinHandle;

use bytes::Bytes;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::schema;
use crate::log::{OpenError, ReadError};
use crate::{Damage, PartitionId, Position, Sequence, Stored};

/// Reads that wait; whoever comes then waits for room.
const QUEUE: usize = 64;

/// A chunk ends at this many bytes, or with the commit that goes beyond.
const CHUNK_BYTES: usize = 1024 * 1024;

enum Read {
    Chunk(PartitionId, Sequence, oneshot::Sender<Result<Vec<Stored>, ReadError>>),
    Head(PartitionId, oneshot::Sender<Result<Sequence, ReadError>>),
}

/// The way to the thread. Dropping it waits until the thread has ended.
#[derive(Debug)]
pub(super) struct Reader {
    sender: Option<mpsc::Sender<Read>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub(super) fn start(path: &Path) -> Result<Self, OpenError> {
        let connection = schema::open_existing(path)?;
        let (sender, mut receiver) = mpsc::channel(QUEUE);
        let run = move || {
            while let Some(read) = receiver.blocking_recv() {
                // Who asked may have gone away.
                match read {
                    Read::Chunk(partition, after, reply) => {
                        drop(reply.send(chunk(&connection, partition, after)));
                    }
                    Read::Head(partition, reply) => drop(reply.send(head(&connection, partition))),
                }
            }
        };
        let spawned = std::thread::Builder::new().name("log-read".to_owned()).spawn(run);
        let thread = spawned.map_err(|error| OpenError::Unusable {
            place: path.display().to_string(),
            reason: format!("its thread does not start: {error}"),
        })?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    pub(super) async fn chunk(
        &self,
        partition: PartitionId,
        after: Sequence,
    ) -> Result<Vec<Stored>, ReadError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Read::Chunk(partition, after, reply)).await?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) async fn head(&self, partition: PartitionId) -> Result<Sequence, ReadError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Read::Head(partition, reply)).await?;
        answer.await.map_err(|_| gone())?
    }

    async fn ask(&self, read: Read) -> Result<(), ReadError> {
        self.sender.as_ref().ok_or_else(gone)?.send(read).await.map_err(|_| gone())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to end.
            drop(thread.join());
        }
    }
}

fn gone() -> ReadError {
    ReadError::Unavailable("the log was closed".to_owned())
}

fn chunk(connection: &Connection, partition: PartitionId, after: Sequence) -> Result<Vec<Stored>, ReadError> {
    let mut commits: Vec<Stored> = Vec::new();
    let mut read = || -> rusqlite::Result<()> {
        let sql =
            "SELECT sequence, bytes FROM commits WHERE partition = ?1 AND sequence > ?2 ORDER BY sequence";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query((partition.0, i64::try_from(after.0).unwrap_or(i64::MAX)))?;
        let mut bytes = 0;
        while bytes < CHUNK_BYTES {
            let Some(row) = rows.next()? else { break };
            let commit =
                Stored { sequence: schema::sequence(row)?, bytes: Bytes::from(row.get::<_, Vec<u8>>(1)?) };
            bytes += commit.bytes.len();
            commits.push(commit);
        }
        Ok(())
    };
    match read() {
        Ok(()) => Ok(commits),
        // What could be read is given first; the next call fails at its exact place.
        Err(_) if !commits.is_empty() => Ok(commits),
        Err(error) => Err(classify(&error, Position { partition, sequence: after.next() })),
    }
}

fn head(connection: &Connection, partition: PartitionId) -> Result<Sequence, ReadError> {
    let read = || connection.prepare_cached(schema::HEAD)?.query_row([partition.0], schema::sequence);
    read().map_err(|error| classify(&error, Position { partition, sequence: Sequence::ZERO.next() }))
}

fn classify(error: &rusqlite::Error, position: Position) -> ReadError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Damage { position, reason: error.to_string() }.into()
        }
        // A column of the wrong type is no fault of SQLite's but of the file's content.
        None => Damage { position, reason: error.to_string() }.into(),
        Some(_) => ReadError::Unavailable(error.to_string()),
    }
}
