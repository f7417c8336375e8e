//! Reading transactions on a small pool of connections.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hansard_events::Positions;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::values;
use super::worker::Worker;
use crate::db::{Row, Snapshot, Value, ViewError};
use crate::views::read_positions;

/// Connections for readers. Each reads for microseconds to a few milliseconds at a time.
const READERS: usize = 4;
/// How long a reader waits for a connection before it is told that there are too many.
const PATIENCE: Duration = Duration::from_secs(5);

/// The connections that nobody uses.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Worker>>>,
    free: Arc<Semaphore>,
}

impl Readers {
    /// Opens the connections to `file`, which is there.
    pub(super) async fn open(file: &Path) -> Result<Self, ViewError> {
        let mut workers = Vec::with_capacity(READERS);
        for number in 1..=READERS {
            let name = format!("views-reader-{number}");
            workers.push(Worker::start(file, OpenFlags::SQLITE_OPEN_READ_ONLY, &name).await?);
        }
        Ok(Self { idle: Arc::new(Mutex::new(workers)), free: Arc::new(Semaphore::new(READERS)) })
    }

    /// Starts a reading transaction.
    pub(crate) async fn snapshot(&self) -> Result<Box<dyn Snapshot>, ViewError> {
        let busy = || ViewError::Unavailable("all connections for reading are in use".to_owned());
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.free).acquire_owned());
        let permit = permit.await.map_err(|_| busy())?.map_err(|_| busy())?;
        let worker = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().ok_or_else(busy)?;
        let lease = Lease { worker: Some(worker), idle: Arc::clone(&self.idle), permit: Some(permit) };
        let mut snapshot = SqliteSnapshot { lease, as_of: Positions::default() };
        snapshot.run(|connection| connection.execute_batch("BEGIN")).await?;
        snapshot.as_of = read_positions(&mut snapshot).await?;
        Ok(Box::new(snapshot))
    }
}

/// A connection in use; goes back to the others when dropped.
struct Lease {
    worker: Option<Worker>,
    idle: Arc<Mutex<Vec<Worker>>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(worker), permit) = (self.worker.take(), self.permit.take()) else { return };
        let (idle, back) = (Arc::clone(&self.idle), worker.clone());
        // The transaction ends on the connection's thread, after whatever still runs there; only
        // then may somebody else use the connection.
        worker.post(move |connection| {
            end(connection);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(back);
            drop(permit);
        });
    }
}

fn end(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::warn!("a reading transaction did not end: {error}");
    }
}

struct SqliteSnapshot {
    lease: Lease,
    as_of: Positions,
}

impl SqliteSnapshot {
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ViewError> {
        match &self.lease.worker {
            Some(worker) => worker.run(job).await,
            None => Err(ViewError::Unavailable("the transaction has ended".to_owned())),
        }
    }
}

#[async_trait]
impl Snapshot for SqliteSnapshot {
    fn as_of(&self) -> &Positions {
        &self.as_of
    }

    async fn query(&mut self, sql: &'static str, parameters: &[Value]) -> Result<Vec<Row>, ViewError> {
        let parameters = parameters.to_vec();
        self.run(move |connection| values::rows(&mut connection.prepare_cached(sql)?, &parameters)).await
    }

    async fn query_each(
        &mut self,
        sql: &'static str,
        parameters: &[Vec<Value>],
    ) -> Result<Vec<Vec<Row>>, ViewError> {
        let parameters = parameters.to_vec();
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            parameters.iter().map(|one| values::rows(&mut statement, one)).collect()
        })
        .await
    }
}
