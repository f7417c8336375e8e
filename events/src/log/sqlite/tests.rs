use std::path::PathBuf;

use futures::TryStreamExt as _;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::{Chain, CommitBuilder, Damage, Digest, Position, Timestamp};

const P0: PartitionId = PartitionId(0);

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    (directory, path)
}

async fn fill(log: &SqliteLog, count: u64) {
    let mut prev = Digest::ZERO;
    for number in 1..=count {
        let mut builder = CommitBuilder::default();
        builder.push(format!("{{\"number\":{number}}}").as_bytes());
        let position = Position { partition: P0, sequence: Sequence(number) };
        let bytes = builder.finish(position, prev, Timestamp::EPOCH);
        prev = crate::sha256(&bytes);
        log.append(P0, Sequence(number - 1), bytes).await.unwrap();
    }
}

async fn check(path: &Path) -> Result<Sequence, ReadError> {
    let log = SqliteLog::open_existing(path).unwrap();
    let mut chain = Chain::start(P0);
    let mut commits = log.read(P0, Sequence::ZERO);
    while let Some(stored) = commits.try_next().await? {
        chain.check(&stored)?;
    }
    Ok(chain.sequence())
}

fn damaged_at(outcome: Result<Sequence, ReadError>) -> u64 {
    match outcome {
        Err(ReadError::Damaged(Damage { position, .. })) => position.sequence.0,
        other => panic!("damage was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn the_number_of_partitions_stays_what_it_was_when_the_log_was_made() {
    let (_directory, path) = place();
    let options = SqliteOptions { partitions: 3, ..SqliteOptions::default() };
    drop(SqliteLog::open(&path, options).unwrap());
    assert_eq!(SqliteLog::open(&path, SqliteOptions::default()).unwrap().partitions(), 3);
    assert_eq!(SqliteLog::open_existing(&path).unwrap().partitions(), 3);
}

#[tokio::test]
async fn another_file_is_refused_and_left_as_it_is() {
    let (_directory, path) = place();
    assert!(matches!(SqliteLog::open_existing(&path), Err(OpenError::Missing(_))));
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE notes (text)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(SqliteLog::open(&path, SqliteOptions::default()), Err(OpenError::NotALog { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    std::fs::write(&path, b"not a database, but long enough to be looked at as one").unwrap();
    assert!(SqliteLog::open(&path, SqliteOptions::default()).is_err());
}

#[tokio::test]
async fn it_is_read_beside_the_process_that_appends() {
    let (_directory, path) = place();
    let log = SqliteLog::open(&path, SqliteOptions::default()).unwrap();
    fill(&log, 5).await;
    assert_eq!(check(&path).await.unwrap(), Sequence(5));
    let beside = SqliteLog::open_existing(&path).unwrap();
    let refused = beside.append(P0, Sequence(5), Bytes::from_static(b"x")).await;
    assert!(matches!(refused, Err(AppendError::Unavailable(_))));
}

#[tokio::test]
async fn what_was_changed_lost_or_swapped_is_found_at_its_place() {
    for (sql, place_of_damage) in [
        (
            "UPDATE commits SET bytes = CAST(replace(CAST(bytes AS TEXT), '\"number\":7', '\"number\":8') AS BLOB) WHERE sequence = 7",
            8,
        ),
        ("UPDATE commits SET bytes = substr(bytes, 1, length(bytes) - 1) WHERE sequence = 4", 4),
        ("DELETE FROM commits WHERE sequence = 6", 6),
        ("DELETE FROM commits WHERE sequence = 1", 1),
        (
            "UPDATE commits SET sequence = -sequence WHERE sequence IN (3, 4); UPDATE commits SET sequence = CASE sequence WHEN -3 THEN 4 WHEN -4 THEN 3 ELSE sequence END",
            3,
        ),
        ("INSERT INTO commits VALUES (0, 12, x'00')", 11),
    ] {
        let (_directory, path) = place();
        let log = SqliteLog::open(&path, SqliteOptions::default()).unwrap();
        fill(&log, 10).await;
        drop(log);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        assert_eq!(damaged_at(check(&path).await), place_of_damage, "{sql}");
    }
}

#[tokio::test]
async fn a_file_that_lost_pages_never_gives_less_in_silence() {
    let (_directory, path) = place();
    let log = SqliteLog::open(&path, SqliteOptions::default()).unwrap();
    fill(&log, 400).await;
    drop(log);
    let whole = std::fs::read(&path).unwrap();
    for kept in [whole.len() / 4, whole.len() / 2, whole.len() - 4096] {
        std::fs::write(&path, &whole[..kept / 4096 * 4096]).unwrap();
        let outcome = match SqliteLog::open_existing(&path) {
            Ok(log) => log.read(P0, Sequence::ZERO).try_collect::<Vec<_>>().await.map(|all| all.len()),
            Err(_) => continue,
        };
        assert!(matches!(outcome, Err(ReadError::Damaged(_))), "{kept}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_disk_without_room_refuses_appends_and_takes_them_again_later() {
    let (_directory, path) = place();
    let full = SqliteOptions { low_water: u64::MAX / 2, ..SqliteOptions::default() };
    let log = SqliteLog::open(&path, full).unwrap();
    let refused = log.append(P0, Sequence::ZERO, Bytes::from_static(b"x")).await;
    assert!(matches!(refused, Err(AppendError::Full(_))));
    drop(log);

    // A file that may not grow: SQLite itself says that it is full.
    let log = SqliteLog::open(&path, SqliteOptions::default()).unwrap();
    fill(&log, 3).await;
    drop(log);
    let connection = schema::open(&path, 1).unwrap();
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    connection.pragma_update(None, "max_page_count", pages).unwrap();
    let writer = Writer::start(
        connection,
        &path,
        State { low_water: 0, failed: Arc::default(), heads: Arc::default() },
    )
    .unwrap();
    let big = Bytes::from(vec![b'x'; 100_000]);
    assert!(matches!(writer.append(P0, Sequence(3), big.clone()).await, Err(AppendError::Full(_))));
    assert_eq!(check(&path).await.unwrap(), Sequence(3));
    drop(writer);
    let log = SqliteLog::open(&path, SqliteOptions::default()).unwrap();
    log.append(P0, Sequence(3), big).await.unwrap();
    assert_eq!(log.head(P0).await.unwrap(), Sequence(4));
}
