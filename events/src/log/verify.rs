//! Walking a whole log: every commit follows from the one before, every event from the one before.

use std::collections::HashMap;

use futures::TryStreamExt as _;

use super::{AppendError, Log, ReadError};
use crate::{Chain, Damage, PartitionId, Position, Positions, Sequence, StoredEvent, StreamName};

/// What was found in a whole log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many commits.
    pub commits: u64,
    /// How many events.
    pub events: u64,
    /// How many bytes, headers included.
    pub bytes: u64,
    /// Where each partition ends.
    pub heads: Positions,
}

/// Reads every commit of every partition: the chain of hashes, the shape of each event, that each
/// stands in its stream's partition, and that each stream's versions run 1, 2, 3 … without a hole.
/// `progress` is told after each commit. Needs no keys: what is sealed stays sealed.
///
/// # Errors
/// The first damage, or that the log can't be read.
pub async fn verify_log(
    log: &dyn Log,
    mut progress: impl FnMut(Position) + Send,
) -> Result<Verified, ReadError> {
    let mut verified = Verified::default();
    for partition in (0..log.partitions()).map(PartitionId) {
        let mut chain = Chain::start(partition);
        let mut versions: HashMap<StreamName, u64> = HashMap::new();
        let mut commits = log.read(partition, Sequence::ZERO);
        while let Some(stored) = commits.try_next().await? {
            let commit = chain.check(&stored)?;
            let position = commit.position();
            for (number, line) in commit.lines.iter().enumerate() {
                let damage =
                    |reason: String| Damage { position, reason: format!("event {}: {reason}", number + 1) };
                let event = StoredEvent::parse(line).map_err(|error| damage(error.to_string()))?.recorded;
                if event.stream.partition(log.partitions()) != partition {
                    return Err(damage(format!("{} belongs to another partition", event.stream)).into());
                }
                let version = versions.entry(event.stream).or_default();
                if event.version != *version + 1 {
                    let (stream, found) = (event.stream, event.version);
                    return Err(damage(format!("{stream} goes from version {version} to {found}")).into());
                }
                *version = event.version;
                verified.events += 1;
            }
            verified.commits += 1;
            verified.bytes += u64::try_from(stored.bytes.len()).unwrap_or_default();
            verified.heads.advance(position);
            progress(position);
        }
    }
    Ok(verified)
}

/// Why a log was not copied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// The two do not have the same number of partitions, which the place of a stream depends on.
    #[error("the source has {from} partitions, the target {to}; they must be the same")]
    Partitions {
        /// Of the source.
        from: u16,
        /// Of the target.
        to: u16,
    },
    /// The target holds something that is not the beginning of the source.
    #[error("at {0} the target holds another commit than the source")]
    Differs(Position),
    /// The source, or what the target holds already, can't be read or is damaged.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The target does not take more.
    #[error("the target does not take the commit at {position}: {error}")]
    Append {
        /// Which commit.
        position: Position,
        /// Why.
        error: AppendError,
    },
}

/// Copies a log byte for byte, checking the chain. A target that holds the beginning of the source
/// already is compared and gone on with, so a copy that was cut off is simply started again.
/// `progress` is told after each commit. Gives how many commits were appended.
///
/// # Errors
/// [`CopyError`]; what was appended until then is whole and stays.
pub async fn copy_log(
    from: &dyn Log,
    to: &dyn Log,
    mut progress: impl FnMut(Position) + Send,
) -> Result<u64, CopyError> {
    if from.partitions() != to.partitions() {
        return Err(CopyError::Partitions { from: from.partitions(), to: to.partitions() });
    }
    let mut appended = 0;
    for partition in (0..from.partitions()).map(PartitionId) {
        let mut chain = Chain::start(partition);
        let mut source = from.read(partition, Sequence::ZERO);
        let mut target = to.read(partition, Sequence::ZERO);
        loop {
            let next = source.try_next().await?;
            let there = target.try_next().await?;
            let Some(stored) = next else {
                let Some(there) = there else { break };
                return Err(CopyError::Differs(Position { partition, sequence: there.sequence }));
            };
            let position = chain.check(&stored).map_err(ReadError::from)?.position();
            match there {
                Some(there) if there == stored => {}
                Some(_) => return Err(CopyError::Differs(position)),
                None => {
                    let after = Sequence(stored.sequence.0 - 1);
                    let outcome = to.append(partition, after, stored.bytes).await;
                    outcome.map_err(|error| CopyError::Append { position, error })?;
                    appended += 1;
                    // What this process appends is at the head: nothing more is there to compare.
                    target = Box::pin(futures::stream::empty());
                }
            }
            progress(position);
        }
    }
    Ok(appended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        CommandId, CommitBuilder, Digest, Event, Fault, Fingerprint, MemoryLog, Recorded, ServerRole,
        SqliteLog, SqliteOptions, Timestamp, UserEvent, UserId, sha256,
    };

    const P0: PartitionId = PartitionId(0);

    fn line(version: u64) -> Vec<u8> {
        let recorded = Recorded {
            stream: StreamName::User(UserId::SYSTEM),
            version,
            at: Timestamp::EPOCH,
            actor: UserId::SYSTEM,
            command: CommandId::derived(0, &[b"x"]),
            fingerprint: Fingerprint([0; 16]),
            event: Event::User(UserEvent::RoleGranted { role: ServerRole::Auditor }),
        };
        recorded.encode(None, [0; 12]).unwrap()
    }

    async fn log_of(versions: &[u64]) -> MemoryLog {
        let log = MemoryLog::new(1);
        let mut prev = Digest::ZERO;
        for (number, version) in (0..).zip(versions) {
            let mut builder = CommitBuilder::default();
            builder.push(&line(*version));
            let position = Position { partition: P0, sequence: Sequence(number + 1) };
            let bytes = builder.finish(position, prev, Timestamp::EPOCH);
            prev = sha256(&bytes);
            log.append(P0, Sequence(number), bytes).await.unwrap();
        }
        log
    }

    #[tokio::test]
    async fn a_whole_log_is_counted() {
        let verified = verify_log(&log_of(&[1, 2, 3]).await, |_| {}).await.unwrap();
        assert_eq!((verified.commits, verified.events), (3, 3));
        assert_eq!(verified.heads.get(P0), Sequence(3));
    }

    #[tokio::test]
    async fn a_hole_in_a_stream_is_damage_even_where_the_chain_holds() {
        let Err(ReadError::Damaged(damage)) = verify_log(&log_of(&[1, 2, 4]).await, |_| {}).await else {
            panic!("damage was expected");
        };
        assert_eq!(damage.position.sequence, Sequence(3));
        assert!(damage.reason.contains("from version 2 to 4"), "{}", damage.reason);
    }

    #[tokio::test]
    async fn a_copy_has_the_same_bytes_and_goes_on_where_it_was_cut_off() {
        let source = log_of(&[1, 2, 3, 4, 5]).await;
        let directory = tempfile::tempdir().unwrap();
        let target = SqliteLog::open(&directory.path().join("log.db"), SqliteOptions::default()).unwrap();
        assert_eq!(copy_log(&source, &target, |_| {}).await, Ok(5));
        assert_eq!(copy_log(&source, &target, |_| {}).await, Ok(0));
        let again: Vec<_> = target.read(P0, Sequence::ZERO).try_collect().await.unwrap();
        assert_eq!(again, source.commits(P0));

        let other = MemoryLog::new(1);
        for stored in &source.commits(P0)[..2] {
            other.append(P0, Sequence(stored.sequence.0 - 1), stored.bytes.clone()).await.unwrap();
        }
        other.inject(Fault::Full);
        assert!(matches!(copy_log(&source, &other, |_| {}).await, Err(CopyError::Append { .. })));
        assert_eq!(copy_log(&source, &other, |_| {}).await, Ok(3));
    }

    #[tokio::test]
    async fn a_target_that_holds_something_else_is_left_alone() {
        let (source, target) = (log_of(&[1, 2]).await, log_of(&[1, 2, 3]).await);
        let third = Position { partition: P0, sequence: Sequence(3) };
        assert_eq!(copy_log(&source, &target, |_| {}).await, Err(CopyError::Differs(third)));
        assert!(matches!(
            copy_log(&source, &MemoryLog::new(2), |_| {}).await,
            Err(CopyError::Partitions { .. })
        ));
        assert_eq!(target.commits(P0).len(), 3);
    }
}
