//! Opening `state.db`, and dropping it when it is not what it should be.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _};

use super::StoreError;

/// Raised with every change of the tables below or of the meaning of a row: what was kept under
/// another number is dropped and made again from the log.
const SCHEMA: i64 = 1;

/// How long to wait for a process that is just letting go of the file.
const BUSY: Duration = Duration::from_secs(5);

const TABLES: &str = "
CREATE TABLE about (schema INTEGER NOT NULL, partitions INTEGER NOT NULL) STRICT;
CREATE TABLE checkpoints (
    partition INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE TABLE streams (
    stream BLOB PRIMARY KEY, version INTEGER NOT NULL, head TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE members (
    stream BLOB NOT NULL, person BLOB NOT NULL, role TEXT, since INTEGER NOT NULL, stays TEXT,
    PRIMARY KEY (stream, person)
) STRICT, WITHOUT ROWID;
CREATE TABLE messages (
    stream BLOB NOT NULL, seq INTEGER NOT NULL, author BLOB NOT NULL, sent_at INTEGER NOT NULL,
    kind TEXT NOT NULL, recalled INTEGER, PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE marks (
    stream BLOB NOT NULL, conversation BLOB NOT NULL, read INTEGER NOT NULL, received INTEGER NOT NULL,
    PRIMARY KEY (stream, conversation)
) STRICT, WITHOUT ROWID;
CREATE TABLE usernames (name BLOB PRIMARY KEY, person BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE commands (
    partition INTEGER NOT NULL, id BLOB NOT NULL, actor BLOB NOT NULL, fingerprint BLOB NOT NULL,
    stream BLOB NOT NULL, sequence INTEGER NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL,
    changed INTEGER NOT NULL, PRIMARY KEY (partition, id)
) STRICT, WITHOUT ROWID;
";

/// Opens the file for this process alone; makes it, or makes it anew when it was written by
/// another release, for another number of partitions, or can't be read.
pub(super) fn open(path: &Path, partitions: u16) -> Result<Connection, StoreError> {
    let readable =
        match connect(path).and_then(|connection| Ok((matches(&connection, partitions)?, connection))) {
            Ok((true, connection)) => return Ok(connection),
            Ok((false, _)) => true,
            Err(error) if is_unreadable(&error) => false,
            Err(error) => return Err(error.into()),
        };
    if path.metadata().is_ok_and(|file| file.len() > 0) {
        tracing::warn!(
            store.path = %path.display(), store.readable = readable,
            "the state store was written otherwise: it is made again from the log"
        );
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let file = PathBuf::from(name);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Failed(format!("{} can't be removed: {error}", file.display())));
            }
            _ => {}
        }
    }
    let connection = connect(path)?;
    connection.execute_batch(&format!("BEGIN; {TABLES} COMMIT;"))?;
    connection.execute("INSERT INTO about VALUES (?1, ?2)", (SCHEMA, partitions))?;
    Ok(connection)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -16 * 1024)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn matches(connection: &Connection, partitions: u16) -> rusqlite::Result<bool> {
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'about'";
    if connection.query_row(tables, (), |row| row.get::<_, i64>(0))? == 0 {
        return Ok(false);
    }
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, u16>(1)?));
    let about = connection.query_row("SELECT schema, partitions FROM about", (), read).optional()?;
    Ok(about == Some((SCHEMA, partitions)))
}

fn is_unreadable(error: &rusqlite::Error) -> bool {
    let broken = [ErrorCode::NotADatabase, ErrorCode::DatabaseCorrupt];
    error.sqlite_error_code().is_some_and(|code| broken.contains(&code))
        || matches!(error, rusqlite::Error::InvalidColumnType(..))
}
