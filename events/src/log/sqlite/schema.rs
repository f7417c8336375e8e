//! The file: its marks, its tables, and how it is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::Sequence;
use crate::log::OpenError;

/// `HLOG`: tells this file from other SQLite files.
const APPLICATION_ID: i64 = 0x484C_4F47;
const VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
CREATE TABLE commits (
    partition INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (partition, sequence)
) STRICT;
";

fn unusable(path: &Path, reason: impl ToString) -> OpenError {
    OpenError::Unusable { place: path.display().to_string(), reason: reason.to_string() }
}

/// Opens or makes the file for appending.
pub(super) fn open(path: &Path, partitions: u16) -> Result<Connection, OpenError> {
    let fault = |error: rusqlite::Error| unusable(path, error);
    let connection = Connection::open(path).map_err(fault)?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(fault)?;
    let empty = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .map_err(fault)?
        == 0;
    if !empty {
        check(&connection, path)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(fault)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(fault)?;
    if empty {
        create(&connection, partitions).map_err(fault)?;
    }
    Ok(connection)
}

/// Opens the file for reading.
pub(super) fn open_existing(path: &Path) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing(path.display().to_string()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| unusable(path, error))?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(|error| unusable(path, error))?;
    check(&connection, path)?;
    Ok(connection)
}

fn create(connection: &Connection, partitions: u16) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.execute_batch(SCHEMA)?;
    connection.execute("INSERT INTO settings VALUES ('partitions', ?1)", [partitions])?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute_batch("COMMIT")
}

fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let not_ours = |reason: String| OpenError::NotALog { place: path.display().to_string(), reason };
    let pragma = |name: &str| {
        let read = connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        read.map_err(|error| not_ours(error.to_string()))
    };
    let id = pragma("application_id")?;
    if id != APPLICATION_ID {
        return Err(not_ours(format!("its application_id is {id:#x}")));
    }
    let version = pragma("user_version")?;
    if version != VERSION {
        return Err(not_ours(format!("its version is {version}, only {VERSION} is known here")));
    }
    Ok(())
}

/// The head of each partition.
pub(super) fn heads(connection: &Connection, path: &Path) -> Result<Vec<Sequence>, OpenError> {
    let read = || -> rusqlite::Result<Vec<Sequence>> {
        let sql = "SELECT value FROM settings WHERE name = 'partitions'";
        let partitions: u16 = connection.query_row(sql, [], |row| row.get(0))?;
        let mut statement = connection.prepare(HEAD)?;
        (0..partitions).map(|partition| statement.query_row([partition], sequence)).collect()
    };
    read().map_err(|error| unusable(path, error))
}

/// The head of partition `?1`.
pub(super) const HEAD: &str = "SELECT coalesce(max(sequence), 0) FROM commits WHERE partition = ?1";

/// Reads a sequence from the first column.
pub(super) fn sequence(row: &rusqlite::Row<'_>) -> rusqlite::Result<Sequence> {
    let number: i64 = row.get(0)?;
    Ok(Sequence(number.unsigned_abs()))
}
