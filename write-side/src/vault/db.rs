//! The vault's database: one connection on a thread of its own. What waits is done in one
//! transaction and answered once that is durable, so that many small changes cost one fsync.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::VaultError;

/// How many calls may wait; whoever comes then waits for room.
const QUEUE: usize = 1024;

/// How many calls share one transaction at most.
const BATCH: usize = 1024;

/// What stands in `user_version`.
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
CREATE TABLE data_keys (
    id BLOB PRIMARY KEY,
    subject TEXT NOT NULL UNIQUE,
    wrapped BLOB NOT NULL
) STRICT;
CREATE TABLE credentials (
    number INTEGER PRIMARY KEY,
    user BLOB NOT NULL UNIQUE,
    name BLOB NOT NULL,
    profile BLOB NOT NULL,
    password TEXT
) STRICT;
CREATE INDEX credentials_by_name ON credentials (name, number);
CREATE TABLE sessions (
    session BLOB PRIMARY KEY,
    user BLOB NOT NULL,
    device BLOB NOT NULL,
    refresh_hash BLOB NOT NULL,
    refresh_until INTEGER NOT NULL,
    access_until INTEGER NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX sessions_by_end ON sessions (refresh_until);
CREATE INDEX sessions_by_user ON sessions (user);
PRAGMA user_version = 1;
";

/// Why a transaction was not committed; told to everyone who was part of it.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    full: bool,
    message: String,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
        Self { full, message: error.to_string() }
    }
}

impl From<Failure> for VaultError {
    fn from(Failure { full, message }: Failure) -> Self {
        if full { Self::Full(message) } else { Self::Database(message) }
    }
}

impl From<rusqlite::Error> for VaultError {
    fn from(error: rusqlite::Error) -> Self {
        Failure::from(error).into()
    }
}

/// Opens or makes `vault.db`, readable by its owner only.
pub(super) fn connect(directory: &Path) -> Result<Connection, VaultError> {
    let path = directory.join("vault.db");
    let unusable =
        |error: &dyn std::fmt::Display| VaultError::Unusable(format!("{}: {error}", path.display()));
    // SQLite gives its other files the mode of this one.
    OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(|error| unusable(&error))?;
    let prepare = || -> rusqlite::Result<(Connection, i64)> {
        let connection = Connection::open(&path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version == 0 {
            connection.execute_batch(SCHEMA)?;
        }
        connection.execute_batch("COMMIT")?;
        Ok((connection, version))
    };
    let (connection, version) = prepare().map_err(|error| unusable(&error))?;
    if version > SCHEMA_VERSION {
        let newer = format!("its version {version} is newer than the {SCHEMA_VERSION} known here");
        return Err(unusable(&newer));
    }
    Ok(connection)
}

trait Job: Send {
    /// Does the work, inside of the transaction.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Answers, once it is known what became of the transaction.
    fn finish(self: Box<Self>, outcome: Result<(), Failure>, connection: &Connection);
}

struct Call<W, T, A, R> {
    work: Option<W>,
    done: Option<T>,
    after: A,
    reply: oneshot::Sender<Result<R, VaultError>>,
}

impl<W, T, A, R> Job for Call<W, T, A, R>
where
    W: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
    A: FnOnce(T, &Connection) -> Result<R, VaultError> + Send,
    T: Send,
    R: Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.done = Some(work(connection)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), Failure>, connection: &Connection) {
        let Self { done, after, reply, .. } = *self;
        let answer = match (outcome, done) {
            (Ok(()), Some(done)) => after(done, connection),
            (Err(failure), _) => Err(failure.into()),
            (Ok(()), None) => Err(VaultError::Database("the work was not done".to_owned())),
        };
        // Who asked may have gone away; the work is done all the same.
        drop(reply.send(answer));
    }
}

/// The way to the thread. Dropping it waits until the thread has done what it was asked.
pub(super) struct Database {
    sender: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Database {
    /// Starts the thread. It ends when this is dropped; when it ends by a fault, every call from
    /// then on answers [`VaultError::Database`].
    pub(super) fn start(connection: Connection) -> Result<Self, VaultError> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("vault".to_owned())
            .spawn(move || serve(&connection, receiver))
            .map_err(|error| VaultError::Unusable(format!("the vault's thread does not start: {error}")))?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// Runs `work` in a transaction and, once that is durable, `after` with what it gave, still
    /// on the thread (and outside of any transaction): so effects on caches come in the order of
    /// the transactions. An error from
    /// `work` undoes all that shares the transaction; refusals that others need not share belong
    /// into `T`.
    pub(super) async fn call<W, T, A, R>(&self, work: W, after: A) -> Result<R, VaultError>
    where
        W: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        A: FnOnce(T, &Connection) -> Result<R, VaultError> + Send + 'static,
        T: Send + 'static,
        R: Send + 'static,
    {
        let gone = || VaultError::Database("the vault's thread has ended".to_owned());
        let (reply, answer) = oneshot::channel();
        let call = Call { work: Some(work), done: None, after, reply };
        let sender = self.sender.as_ref().ok_or_else(gone)?;
        sender.send(Box::new(call)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the vault's thread has ended by a fault");
        }
    }
}

fn serve(connection: &Connection, mut receiver: mpsc::Receiver<Box<dyn Job>>) {
    let mut batch: Vec<Box<dyn Job>> = Vec::new();
    while receiver.blocking_recv_many(&mut batch, BATCH) > 0 {
        metrics::counter!("hansard_vault_calls_total").increment(batch.len() as u64);
        let outcome = commit(connection, &mut batch).map_err(Failure::from);
        if let Err(failure) = &outcome {
            tracing::error!(reason = failure.message, "a transaction of the vault failed");
        }
        batch.drain(..).for_each(|job| job.finish(outcome.clone(), connection));
    }
}

fn commit(connection: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let done = batch.iter_mut().try_for_each(|job| job.run(connection));
    let done = done.and_then(|()| connection.prepare_cached("COMMIT")?.execute([]).map(drop));
    if done.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    metrics::counter!("hansard_vault_transactions_total").increment(1);
    done
}

/// Empties the write-ahead log, so that what was deleted does not stay there.
pub(super) fn empty_wal(connection: &Connection) -> Result<(), VaultError> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        let reason = "the write-ahead log is in use and was not emptied".to_owned();
        return Err(VaultError::Database(reason));
    }
    Ok(())
}
