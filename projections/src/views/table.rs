//! Tables as data: what both databases need to know to load, write and compare rows.

use std::fmt::Write as _;

use hansard_events::Digest;
use uuid::Uuid;

use crate::db::{Row, Value, ViewError};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Uuid,
    Int,
    Text,
}

impl Kind {
    /// The type's name in SQL.
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Int => "bigint",
            Self::Text => "text",
        }
    }
}

/// A column.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// A table; the first `key` columns are its primary key.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Column],
    pub(crate) key: usize,
}

impl Table {
    /// The columns of the primary key.
    pub(crate) fn keys(&self) -> &'static [Column] {
        self.columns.get(..self.key).unwrap_or_default()
    }

    /// The columns that are not in the primary key.
    pub(crate) fn rest(&self) -> &'static [Column] {
        self.columns.get(self.key..).unwrap_or_default()
    }
}

/// A row as the fold works with it.
pub(crate) trait Record: Sized {
    /// The primary key.
    type Key: Ord + Clone;
    /// Where it is kept.
    const TABLE: &'static Table;

    fn key(&self) -> Self::Key;
    fn key_values(key: &Self::Key) -> Vec<Value>;
    fn into_values(self) -> Vec<Value>;
    fn from_row(row: Row) -> Result<Self, ViewError>;
}

/// A Rust type that a column can have.
pub(crate) trait Cell: Sized {
    const KIND: Kind;
    fn into_value(self) -> Value;
    fn from_value(value: Value) -> Option<Self>;
}

impl Cell for Uuid {
    const KIND: Kind = Kind::Uuid;
    fn into_value(self) -> Value {
        Value::Uuid(self)
    }
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Uuid(value) = value { Some(value) } else { None }
    }
}

impl Cell for i64 {
    const KIND: Kind = Kind::Int;
    fn into_value(self) -> Value {
        Value::Int(self)
    }
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Int(value) = value { Some(value) } else { None }
    }
}

impl Cell for String {
    const KIND: Kind = Kind::Text;
    fn into_value(self) -> Value {
        Value::Text(self)
    }
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Text(value) = value { Some(value) } else { None }
    }
}

impl Cell for Digest {
    const KIND: Kind = Kind::Text;
    fn into_value(self) -> Value {
        Value::Text(self.to_string())
    }
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Text(value) = value { value.parse().ok() } else { None }
    }
}

impl<T: Cell> Cell for Option<T> {
    const KIND: Kind = T::KIND;
    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
    fn from_value(value: Value) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

/// Takes the next column of a row.
pub(crate) fn take<T: Cell>(
    values: &mut impl Iterator<Item = Value>,
    table: &Table,
    column: &str,
) -> Result<T, ViewError> {
    let wrong = || ViewError::Malformed(format!("{}.{column} is not what the schema says", table.name));
    values.next().and_then(T::from_value).ok_or_else(wrong)
}

/// `a, b, c` with each column written by `write`.
pub(crate) fn list(columns: &[Column], separator: &str, write: impl Fn(usize, &Column) -> String) -> String {
    let mut text = String::new();
    for (index, column) in columns.iter().enumerate() {
        let separator = if index == 0 { "" } else { separator };
        // Writing into a String does not fail.
        write!(text, "{separator}{}", write(index, column)).unwrap_or_default();
    }
    text
}

/// The names of `columns` with commas between.
pub(crate) fn names(columns: &[Column]) -> String {
    list(columns, ", ", |_, column| column.name.to_owned())
}
