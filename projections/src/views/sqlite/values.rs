//! Values as SQLite has them: a UUID is a BLOB of 16 bytes.

use rusqlite::types::{FromSqlError, ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{CachedStatement, params_from_iter};
use uuid::Uuid;

use crate::db::{Row, Value};

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Uuid(uuid) => ValueRef::Blob(uuid.as_bytes()),
        }))
    }
}

fn value(column: usize, value: ValueRef<'_>) -> rusqlite::Result<Value> {
    let wrong = |kind: Type, reason: FromSqlError| {
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(reason))
    };
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Ok(Value::Text(text.to_owned())),
            Err(error) => Err(wrong(Type::Text, FromSqlError::Other(Box::new(error)))),
        },
        ValueRef::Blob(bytes) => match Uuid::from_slice(bytes) {
            Ok(uuid) => Ok(Value::Uuid(uuid)),
            Err(error) => Err(wrong(Type::Blob, FromSqlError::Other(Box::new(error)))),
        },
        ValueRef::Real(_) => Err(wrong(Type::Real, FromSqlError::InvalidType)),
    }
}

/// Every row of the answer.
pub(super) fn rows(statement: &mut CachedStatement<'_>, parameters: &[Value]) -> rusqlite::Result<Vec<Row>> {
    let columns = statement.column_count();
    let mut answer = statement.query(params_from_iter(parameters))?;
    let mut rows = Vec::new();
    while let Some(row) = answer.next()? {
        let values = (0..columns).map(|column| value(column, row.get_ref(column)?));
        rows.push(Row(values.collect::<rusqlite::Result<_>>()?));
    }
    Ok(rows)
}
