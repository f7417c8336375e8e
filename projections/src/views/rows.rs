//! The rows of the views: one struct a table, in the order of the schema's columns.

use hansard_events::Digest;
use uuid::Uuid;

use super::table::{Cell, Column, Record, Table, take};
use crate::db::{Row, Value, ViewError};

macro_rules! column_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

/// Declares a row: the columns of the primary key, then the others. `field("column")` where the
/// column's name is a word of the language.
macro_rules! record {
    ($name:ident in $table:literal,
     key { $($key:ident: $key_type:ty),+ }
     rest { $($field:ident $(($column:literal))?: $type:ty),+ $(,)? }) => {
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct $name {
            $(pub(crate) $key: $key_type,)+
            $(pub(crate) $field: $type,)+
        }

        impl Record for $name {
            type Key = ($($key_type,)+);
            const TABLE: &'static Table = &Table {
                name: $table,
                columns: &[
                    $(Column { name: stringify!($key), kind: <$key_type as Cell>::KIND },)+
                    $(Column {
                        name: column_name!($field $($column)?),
                        kind: <$type as Cell>::KIND,
                    },)+
                ],
                key: [$(stringify!($key)),+].len(),
            };

            fn key(&self) -> Self::Key {
                ($(self.$key.clone(),)+)
            }

            fn key_values(key: &Self::Key) -> Vec<Value> {
                let ($($key,)+) = key.clone();
                vec![$($key.into_value()),+]
            }

            fn into_values(self) -> Vec<Value> {
                vec![$(self.$key.into_value(),)+ $(self.$field.into_value(),)+]
            }

            fn from_row(row: Row) -> Result<Self, ViewError> {
                let mut values = row.0.into_iter();
                Ok(Self {
                    $($key: take(&mut values, Self::TABLE, stringify!($key))?,)+
                    $($field: take(&mut values, Self::TABLE, stringify!($field))?,)+
                })
            }
        }
    };
}

record!(PositionRow in "positions", key { partition_id: i64 } rest { sequence: i64, hash: Digest });

record!(QuarantineRow in "quarantine",
    key { stream: String }
    rest { version: i64, partition_id: i64, sequence: i64, reason: String });

record!(UserRow in "users",
key { id: Uuid }
rest {
    username: Option<String>,
    username_fold: Option<String>,
    display_name: Option<String>,
    roles: String,
    registered_at: i64,
    version: i64,
});

record!(SessionRow in "sessions",
key { id: Uuid }
rest {
    user_id: Uuid,
    device: Uuid,
    device_name: Option<String>,
    platform: Option<String>,
    opened_at: i64,
    closed_at: Option<i64>,
    reason: Option<String>,
});

record!(ConversationRow in "conversations",
key { id: Uuid }
rest {
    kind: String,
    title: Option<String>,
    title_fold: Option<String>,
    history: String,
    posting: String,
    created_by: Uuid,
    created_at: i64,
    head: i64,
    head_partition: i64,
    head_sequence: i64,
    active_at: i64,
    last_message: Option<i64>,
    messages: i64,
    member_count: i64,
});

record!(MemberRow in "members",
    key { conversation: Uuid, user_id: Uuid }
    rest { role: String, since: i64, last_sent: i64 });

record!(IntervalRow in "intervals",
    key { user_id: Uuid, conversation: Uuid, since: i64 }
    rest { from_seq: i64, until_seq: Option<i64> });

record!(TimelineRow in "timeline",
key { conversation: Uuid, seq: i64 }
rest {
    sequence: i64,
    at: i64,
    actor: Uuid,
    command: Uuid,
    event_type("type"): String,
    kind: Option<String>,
    body: Option<String>,
    reply_to: Option<i64>,
    message_number: i64,
    target: Option<i64>,
    data: Option<String>,
    edited_at: Option<i64>,
    edits: i64,
    recalled_at: Option<i64>,
});

record!(EditRow in "edits",
    key { conversation: Uuid, message: i64, number: i64 }
    rest { at: i64, body: Option<String> });

record!(MarkRow in "marks",
    key { conversation: Uuid, user_id: Uuid }
    rest { read_seq: i64, received_seq: i64, at: i64, partition_id: i64, sequence: i64 });

record!(StreamEventRow in "stream_events",
    key { stream: String, version: i64 }
    rest { sequence: i64 });

/// Every table, in the order in which they are written and compared.
pub(crate) const TABLES: &[&Table] = &[
    PositionRow::TABLE,
    QuarantineRow::TABLE,
    UserRow::TABLE,
    SessionRow::TABLE,
    ConversationRow::TABLE,
    MemberRow::TABLE,
    IntervalRow::TABLE,
    TimelineRow::TABLE,
    EditRow::TABLE,
    MarkRow::TABLE,
    StreamEventRow::TABLE,
];
