//! Columns of the views as the types that they are.

use hansard_events::{ConversationId, Timestamp, UserId};
use hansard_projections::db::{Row, Value, ViewError};
use serde::de::DeserializeOwned;

fn wrong(index: usize, wanted: &str) -> ViewError {
    ViewError::Malformed(format!("column {index} is not {wanted}"))
}

/// A `seq`, version or count.
pub(crate) fn seq(row: &Row, index: usize) -> Result<u64, ViewError> {
    u64::try_from(row.int(index)?).map_err(|_| wrong(index, "a count"))
}

/// A `seq`, version or count, or NULL.
pub(crate) fn opt_seq(row: &Row, index: usize) -> Result<Option<u64>, ViewError> {
    row.opt_int(index)?.map(|value| u64::try_from(value).map_err(|_| wrong(index, "a count"))).transpose()
}

/// A time.
pub(crate) fn time(row: &Row, index: usize) -> Result<Timestamp, ViewError> {
    Timestamp::from_millis(row.int(index)?).map_err(|_| wrong(index, "a time"))
}

/// A time or NULL.
pub(crate) fn opt_time(row: &Row, index: usize) -> Result<Option<Timestamp>, ViewError> {
    let millis = row.opt_int(index)?;
    millis.map(|millis| Timestamp::from_millis(millis).map_err(|_| wrong(index, "a time"))).transpose()
}

/// A person.
pub(crate) fn user_id(row: &Row, index: usize) -> Result<UserId, ViewError> {
    UserId::new(row.uuid(index)?).map_err(|_| wrong(index, "a user id"))
}

/// A conversation.
pub(crate) fn conversation_id(row: &Row, index: usize) -> Result<ConversationId, ViewError> {
    ConversationId::new(row.uuid(index)?).map_err(|_| wrong(index, "a conversation id"))
}

/// Any identifier.
pub(crate) fn id<T, E>(
    row: &Row,
    index: usize,
    make: impl Fn(uuid::Uuid) -> Result<T, E>,
) -> Result<T, ViewError> {
    make(row.uuid(index)?).map_err(|_| wrong(index, "an id of its kind"))
}

/// A word of an enum, as it is in JSON.
pub(crate) fn word<T: DeserializeOwned>(row: &Row, index: usize) -> Result<T, ViewError> {
    let text = serde_json::Value::String(row.text(index)?.to_owned());
    serde_json::from_value(text).map_err(|_| wrong(index, "a word that is known"))
}

/// JSON.
pub(crate) fn json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<T, ViewError> {
    serde_json::from_str(row.text(index)?).map_err(|_| wrong(index, "JSON of its shape"))
}

/// JSON or NULL.
pub(crate) fn opt_json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<Option<T>, ViewError> {
    let text = row.opt_text(index)?;
    text.map(|text| serde_json::from_str(text).map_err(|_| wrong(index, "JSON of its shape"))).transpose()
}

/// A person as a parameter.
pub(crate) fn user(id: UserId) -> Value {
    Value::Uuid(id.as_uuid())
}

/// A conversation as a parameter.
pub(crate) fn conversation(id: ConversationId) -> Value {
    Value::Uuid(id.as_uuid())
}

/// A `seq`, version, count or limit as a parameter. What is beyond the range stands at its end,
/// which is beyond every row as well.
pub(crate) fn int(value: u64) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A number of rows as a parameter.
pub(crate) fn count(value: usize) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}
