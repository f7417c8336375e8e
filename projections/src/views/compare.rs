//! Views read as a whole, in order of key: to tell whether two generations are the same, and where
//! they are not.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt;
use std::sync::LazyLock;

use hansard_events::{Digest, sha256};

use super::rows::TABLES;
use super::table::{Table, list, names};
use crate::db::{Row, Snapshot, Value, ViewError};

/// Rows read at a time.
const PAGE: i64 = 500;
/// Differences that are told one by one; the others are counted.
const TOLD: usize = 100;

/// A row that is not the same in two generations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The values of its primary key, with commas between.
    pub key: String,
    /// How it differs.
    pub how: Differs,
}

/// How a row differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differs {
    /// Only the generation that is served has it.
    OnlyLive,
    /// Only the rebuilt generation has it.
    OnlyRebuilt,
    /// Both have it, these columns are not the same. Their values are not told: people wrote them.
    Columns(Vec<&'static str>),
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}): ", self.table, self.key)?;
        match &self.how {
            Differs::OnlyLive => formatter.write_str("only in the live views"),
            Differs::OnlyRebuilt => formatter.write_str("only in the rebuilt views"),
            Differs::Columns(columns) => write!(formatter, "not the same: {}", columns.join(", ")),
        }
    }
}

/// What comparing two generations found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// The first differences.
    pub(crate) differences: Vec<Difference>,
    /// How many there are in all.
    pub(crate) count: u64,
    /// Rows of the rebuilt generation.
    pub(crate) rows: u64,
}

impl Comparison {
    fn note(&mut self, table: &'static Table, key: &[Value], how: Differs) {
        self.count += 1;
        if self.differences.len() < TOLD {
            let key: Vec<_> = key.iter().map(show).collect();
            self.differences.push(Difference { table: table.name, key: key.join(", "), how });
        }
    }
}

/// Compares two generations row by row.
pub(crate) async fn compare(
    live: &mut dyn Snapshot,
    rebuilt: &mut dyn Snapshot,
) -> Result<Comparison, ViewError> {
    let mut comparison = Comparison::default();
    for (index, &table) in TABLES.iter().enumerate() {
        let (mut left, mut right) = (Reader::new(index), Reader::new(index));
        let (mut one, mut other) = (left.next(live).await?, right.next(rebuilt).await?);
        loop {
            let order = match (&one, &other) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(one), Some(other)) => order(key(table, one), key(table, other)),
            };
            if order.is_le()
                && let Some(row) = &one
            {
                match (&other, order) {
                    (Some(other), Ordering::Equal) => {
                        let columns = unequal(table, row, other);
                        if !columns.is_empty() {
                            comparison.note(table, key(table, row), Differs::Columns(columns));
                        }
                    }
                    _ => comparison.note(table, key(table, row), Differs::OnlyLive),
                }
                one = left.next(live).await?;
            }
            if order.is_ge()
                && let Some(row) = &other
            {
                comparison.rows += 1;
                if order.is_gt() {
                    comparison.note(table, key(table, row), Differs::OnlyRebuilt);
                }
                other = right.next(rebuilt).await?;
            }
        }
    }
    Ok(comparison)
}

/// SHA-256 over every table in order of key. The same for both databases.
pub(crate) async fn digest(snapshot: &mut dyn Snapshot) -> Result<Digest, ViewError> {
    let mut digests = Vec::new();
    for (index, table) in TABLES.iter().enumerate() {
        let mut reader = Reader::new(index);
        let mut sum = sha256(table.name.as_bytes());
        while let Some(row) = reader.next(snapshot).await? {
            let mut bytes = sum.as_bytes().to_vec();
            row.0.iter().for_each(|value| write(value, &mut bytes));
            sum = sha256(&bytes);
        }
        digests.extend_from_slice(sum.as_bytes());
    }
    Ok(sha256(&digests))
}

/// A value, so that no two rows have the same bytes.
fn write(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Null => bytes.push(0),
        Value::Int(number) => {
            bytes.push(1);
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        Value::Text(text) => {
            bytes.push(2);
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        Value::Uuid(uuid) => {
            bytes.push(3);
            bytes.extend_from_slice(uuid.as_bytes());
        }
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Uuid(uuid) => uuid.to_string(),
    }
}

fn key<'a>(table: &Table, row: &'a Row) -> &'a [Value] {
    row.0.get(..table.key).unwrap_or(&row.0)
}

fn unequal(table: &Table, one: &Row, other: &Row) -> Vec<&'static str> {
    let pairs = one.0.iter().zip(&other.0).zip(table.columns);
    pairs.filter(|((one, other), _)| one != other).map(|(_, column)| column.name).collect()
}

/// The order that both databases return keys in.
fn order(one: &[Value], other: &[Value]) -> Ordering {
    let pairs = one.iter().zip(other).map(|pair| match pair {
        (Value::Int(one), Value::Int(other)) => one.cmp(other),
        (Value::Text(one), Value::Text(other)) => one.as_bytes().cmp(other.as_bytes()),
        (Value::Uuid(one), Value::Uuid(other)) => one.as_bytes().cmp(other.as_bytes()),
        // Columns of a key have one type and are never NULL.
        _ => Ordering::Equal,
    });
    pairs.fold(Ordering::Equal, Ordering::then)
}

/// For each table: its first page, and the page after a key.
static PAGES: LazyLock<Vec<[String; 2]>> = LazyLock::new(|| {
    let pages = TABLES.iter().map(|table| {
        let (columns, keys, name) = (names(table.columns), names(table.keys()), table.name);
        let places = list(table.keys(), ", ", |index, _| format!("${}", index + 1));
        let tail = format!("ORDER BY {keys} LIMIT {PAGE}");
        [
            format!("SELECT {columns} FROM {name} {tail}"),
            format!("SELECT {columns} FROM {name} WHERE ({keys}) > ({places}) {tail}"),
        ]
    });
    pages.collect()
});

/// Reads one table from its beginning to its end.
struct Reader {
    index: usize,
    page: VecDeque<Row>,
    last: Option<Vec<Value>>,
    done: bool,
}

impl Reader {
    const fn new(index: usize) -> Self {
        Self { index, page: VecDeque::new(), last: None, done: false }
    }

    async fn next(&mut self, snapshot: &mut dyn Snapshot) -> Result<Option<Row>, ViewError> {
        if self.page.is_empty() && !self.done {
            let [first, next] = &PAGES[self.index];
            let rows = match &self.last {
                None => snapshot.query(first, &[]).await?,
                Some(last) => snapshot.query(next, last).await?,
            };
            self.done = i64::try_from(rows.len()) != Ok(PAGE);
            self.last = rows.last().map(|row| key(TABLES[self.index], row).to_vec());
            self.page = rows.into();
        }
        Ok(self.page.pop_front())
    }
}
