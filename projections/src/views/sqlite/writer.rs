//! The writing connection: one transaction a batch.

use std::path::Path;

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params_from_iter};

use super::values;
use super::worker::{Worker, failure};
use crate::db::{Row, Value, ViewError};
use crate::runtime::ProjectionError;
use crate::views::migrations::missing;
use crate::views::projection::Store;
use crate::views::rows::{PositionRow, QuarantineRow};
use crate::views::table::{Column, Record, Table, list, names};
use crate::views::working::{Changes, Rows};

/// Writes one generation's file.
#[derive(Debug)]
pub(crate) struct Writer {
    worker: Worker,
}

impl Writer {
    /// Opens `file`, making it and bringing its schema up to date where needed.
    pub(super) async fn open(file: &Path) -> Result<Self, ViewError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let worker = Worker::start(file, flags, "views-writer").await?;
        let version = |connection: &mut Connection| {
            connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
        };
        for migration in missing(worker.run(version).await?)? {
            let (version, sql) = (migration.version, dialect(migration.sql));
            let step = move |connection: &mut Connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                transaction.execute_batch(&sql)?;
                transaction.pragma_update(None, "user_version", version)?;
                transaction.commit()
            };
            worker.run(step).await?;
        }
        Ok(Self { worker })
    }
}

/// The schema's text as SQLite should have it: tables are trees by their primary key.
fn dialect(sql: &str) -> String {
    sql.replace("\n);", "\n) WITHOUT ROWID;")
}

#[async_trait]
impl Store for Writer {
    async fn checkpoint(&mut self) -> Result<[Vec<Row>; 2], ProjectionError> {
        let all = |connection: &Connection, table: &Table| {
            let sql = format!("SELECT {} FROM {}", names(table.columns), table.name);
            values::rows(&mut connection.prepare_cached(&sql)?, &[])
        };
        let read = move |connection: &mut Connection| {
            Ok([all(connection, PositionRow::TABLE)?, all(connection, QuarantineRow::TABLE)?])
        };
        Ok(self.worker.run(read).await?)
    }

    async fn load(&mut self, keys: Vec<Rows>) -> Result<Vec<Vec<Row>>, ProjectionError> {
        let look_up = |connection: &Connection, (table, keys): &Rows| {
            let (columns, key) = (names(table.columns), equals(table.keys()));
            let sql = format!("SELECT {columns} FROM {} WHERE {key}", table.name);
            let mut statement = connection.prepare_cached(&sql)?;
            let mut found = Vec::new();
            for key in keys {
                found.append(&mut values::rows(&mut statement, key)?);
            }
            Ok(found)
        };
        let read = move |connection: &mut Connection| {
            keys.iter().map(|table| look_up(connection, table)).collect::<rusqlite::Result<Vec<_>>>()
        };
        Ok(self.worker.run(read).await?)
    }

    async fn write(&mut self, changes: Changes) -> Result<(), ProjectionError> {
        let write = move |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            write(&transaction, &changes)?;
            transaction.commit()
        };
        Ok(self.worker.run(write).await?)
    }
}

fn write(transaction: &Transaction<'_>, changes: &Changes) -> rusqlite::Result<()> {
    for (table, keys) in &changes.deletes {
        let sql = format!("DELETE FROM {} WHERE {}", table.name, equals(table.keys()));
        each(transaction, &sql, keys)?;
    }
    for (table, rows) in &changes.inserts {
        each(transaction, &insert(table), rows)?;
    }
    for (table, rows) in &changes.upserts {
        let set = list(table.rest(), ", ", |_, column| format!("{0} = excluded.{0}", column.name));
        let sql = format!("{} ON CONFLICT ({}) DO UPDATE SET {set}", insert(table), names(table.keys()));
        each(transaction, &sql, rows)?;
    }
    for (conversation, message) in &changes.recalls {
        let key = [Value::Uuid(*conversation), Value::Int(*message)];
        for sql in [
            "UPDATE timeline SET body = NULL WHERE conversation = $1 AND target = $2",
            "UPDATE edits SET body = NULL WHERE conversation = $1 AND message = $2",
        ] {
            transaction.prepare_cached(sql)?.execute(params_from_iter(&key))?;
        }
    }
    Ok(())
}

fn each(transaction: &Transaction<'_>, sql: &str, rows: &[Vec<Value>]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(sql)?;
    for row in rows {
        statement.execute(params_from_iter(row))?;
    }
    Ok(())
}

fn insert(table: &Table) -> String {
    let places = list(table.columns, ", ", |index, _| format!("${}", index + 1));
    format!("INSERT INTO {} ({}) VALUES ({places})", table.name, names(table.columns))
}

fn equals(columns: &[Column]) -> String {
    list(columns, " AND ", |index, column| format!("{} = ${}", column.name, index + 1))
}

impl Writer {
    /// Moves everything from the write-ahead log into the file.
    pub(crate) async fn settle(&self) -> Result<(), ViewError> {
        let settle = |connection: &mut Connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        };
        self.worker.run(settle).await.map(|_| ())
    }
}

impl From<rusqlite::Error> for ViewError {
    fn from(error: rusqlite::Error) -> Self {
        failure(&error)
    }
}
