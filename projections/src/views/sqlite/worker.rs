//! A connection that lives on a thread of its own and does what it is sent, in order.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use crate::db::ViewError;

/// How long SQLite waits for another connection's lock before it says that it is busy.
const BUSY: Duration = Duration::from_secs(5);
/// Jobs that may wait; each connection has one user at a time, so hardly any do.
const WAITING: usize = 4;
/// Statements kept prepared on each connection.
const STATEMENTS: usize = 128;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Sends work to the thread, which ends when the last of these is dropped.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
}

impl Worker {
    /// Opens `file` and prepares the connection on a new thread.
    pub(super) async fn start(file: &Path, flags: OpenFlags, name: &str) -> Result<Self, ViewError> {
        let (jobs, mut work) = mpsc::channel::<Job>(WAITING);
        let (opened, outcome) = oneshot::channel();
        let file = file.to_owned();
        let run = move || match open(&file, flags) {
            Ok(mut connection) => {
                if opened.send(Ok(())).is_ok() {
                    while let Some(job) = work.blocking_recv() {
                        job(&mut connection);
                    }
                }
            }
            Err(error) => drop(opened.send(Err(failure(&error)))),
        };
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        spawned.map_err(|error| ViewError::Unavailable(error.to_string()))?;
        outcome.await.map_err(|_| ended())??;
        Ok(Self { jobs })
    }

    /// Runs `job` on the connection and waits for its answer.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, ViewError> {
        let (answer, outcome) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Whoever asked may have gone; then nobody misses the answer.
            drop(answer.send(job(connection).map_err(|error| failure(&error))));
        });
        self.jobs.send(job).await.map_err(|_| ended())?;
        outcome.await.map_err(|_| ended())?
    }

    /// Sends `job` without waiting; `false` when the thread is gone or the queue full.
    pub(super) fn post(&self, job: impl FnOnce(&mut Connection) + Send + 'static) -> bool {
        self.jobs.try_send(Box::new(job)).is_ok()
    }
}

fn open(file: &Path, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", -16 * 1024)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        connection.pragma_update(None, "journal_mode", "wal")?;
        // What a power loss takes from the end is applied again from the log.
        connection.pragma_update(None, "synchronous", "normal")?;
    }
    Ok(connection)
}

fn ended() -> ViewError {
    ViewError::Unavailable("the thread of the connection has ended".to_owned())
}

/// What an error of SQLite means.
pub(super) fn failure(error: &rusqlite::Error) -> ViewError {
    let reason = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ViewError::Full(reason),
        Some(
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch,
        ) => ViewError::Malformed(reason),
        _ => ViewError::Unavailable(reason),
    }
}
