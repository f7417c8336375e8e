//! One way to read both databases: the same SQL text, a few value types.
//!
//! SQL is written for both: parameters are `$1`, `$2` … and first appear in this order; types are
//! UUID, BIGINT and TEXT; nothing is used that only one of them knows.

use async_trait::async_trait;
use hansard_events::Positions;
use uuid::Uuid;

/// A value that goes in or comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT.
    Text(String),
    /// UUID (16 bytes in SQLite).
    Uuid(Uuid),
}

/// A database that did not answer as it should.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ViewError {
    /// It can't be reached, is too busy, or failed.
    #[error("the views are unavailable: {0}")]
    Unavailable(String),
    /// There is no room on its disk.
    #[error("the views have no room: {0}")]
    Full(String),
    /// A row is not of the shape that the schema says.
    #[error("a view is malformed: {0}")]
    Malformed(String),
}

/// One row of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// Column `index` as a number.
    pub fn int(&self, index: usize) -> Result<i64, ViewError> {
        self.opt_int(index)?.ok_or_else(|| wrong(index, "a number"))
    }

    /// Column `index` as a number or NULL.
    pub fn opt_int(&self, index: usize) -> Result<Option<i64>, ViewError> {
        match self.0.get(index) {
            Some(Value::Int(value)) => Ok(Some(*value)),
            Some(Value::Null) => Ok(None),
            _ => Err(wrong(index, "a number")),
        }
    }

    /// Column `index` as text.
    pub fn text(&self, index: usize) -> Result<&str, ViewError> {
        self.opt_text(index)?.ok_or_else(|| wrong(index, "text"))
    }

    /// Column `index` as text or NULL.
    pub fn opt_text(&self, index: usize) -> Result<Option<&str>, ViewError> {
        match self.0.get(index) {
            Some(Value::Text(value)) => Ok(Some(value)),
            Some(Value::Null) => Ok(None),
            _ => Err(wrong(index, "text")),
        }
    }

    /// Column `index` as a UUID.
    pub fn uuid(&self, index: usize) -> Result<Uuid, ViewError> {
        match self.0.get(index) {
            Some(Value::Uuid(value)) => Ok(*value),
            _ => Err(wrong(index, "a UUID")),
        }
    }
}

fn wrong(index: usize, wanted: &str) -> ViewError {
    ViewError::Malformed(format!("column {index} is not {wanted}"))
}

/// A reading transaction: everything it answers is of one moment.
#[async_trait]
pub trait Snapshot: Send {
    /// How far the views had come at that moment.
    fn as_of(&self) -> &Positions;

    /// Runs a query.
    async fn query(&mut self, sql: &'static str, parameters: &[Value]) -> Result<Vec<Row>, ViewError>;

    /// Runs the same query for many sets of parameters; answers in their order. One round trip
    /// where the database is remote.
    async fn query_each(
        &mut self,
        sql: &'static str,
        parameters: &[Vec<Value>],
    ) -> Result<Vec<Vec<Row>>, ViewError>;
}
