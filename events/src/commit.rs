//! The commit: NDJSON, hashed as stored, each naming the hash of the one before.
//!
//! ```text
//! {"hansard":1,"partition":3,"sequence":1042,"prev":"<sha-256>","at":"...","count":2}
//! {"stream":"conversation/...","version":7,...}
//! {"stream":"user/...","version":3,...}
//! ```

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::digest::sha256;
use crate::{Digest, PartitionId, Position, Sequence, Timestamp};

/// The most bytes that a commit may have: half of what JetStream takes in one message by default.
pub const MAX_COMMIT_BYTES: usize = 512 * 1024;

/// Room kept for the header line in [`MAX_COMMIT_BYTES`].
const HEADER_ROOM: usize = 256;

/// The commit format that this release writes.
const FORMAT: u32 = 1;

/// The first line of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitHeader {
    /// The format, 1.
    pub hansard: u32,
    /// Which partition it belongs to.
    pub partition: PartitionId,
    /// Its place there.
    pub sequence: Sequence,
    /// SHA-256 of the bytes of the commit before; zeros before the first.
    pub prev: Digest,
    /// When it was made.
    pub at: Timestamp,
    /// How many event lines follow.
    pub count: u32,
}

/// A commit as the log gave it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The sequence that the log holds it under.
    pub sequence: Sequence,
    /// The bytes, as appended.
    pub bytes: Bytes,
}

/// Collects event lines and makes a commit of them.
#[derive(Debug, Default)]
pub struct CommitBuilder {
    lines: Vec<u8>,
    count: u32,
}

impl CommitBuilder {
    /// Whether lines of `length` bytes in all, `count` of them, can still be added.
    #[must_use]
    pub const fn fits(&self, length: usize, count: usize) -> bool {
        HEADER_ROOM + self.lines.len() + length + count <= MAX_COMMIT_BYTES
    }

    /// Adds the line of an event, without its line feed.
    pub fn push(&mut self, line: &[u8]) {
        self.lines.extend_from_slice(line);
        self.lines.push(b'\n');
        self.count += 1;
    }

    /// How many events are in it.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Puts the header before the lines.
    #[must_use]
    pub fn finish(self, position: Position, prev: Digest, at: Timestamp) -> Bytes {
        let Position { partition, sequence } = position;
        let header = CommitHeader { hansard: FORMAT, partition, sequence, prev, at, count: self.count };
        let mut bytes = Vec::with_capacity(HEADER_ROOM + self.lines.len());
        // A header of numbers and fixed strings always serialises into memory.
        serde_json::to_writer(&mut bytes, &header).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.lines);
        Bytes::from(bytes)
    }
}

/// A commit taken apart: header and event lines, which still are the stored bytes.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The first line.
    pub header: CommitHeader,
    /// The event lines, without line feeds.
    pub lines: Vec<Bytes>,
}

impl Commit {
    /// Where it stands.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position { partition: self.header.partition, sequence: self.header.sequence }
    }

    /// Takes stored bytes apart. The chain is not looked at: see [`Chain`].
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn parse(bytes: &Bytes) -> Result<Self, String> {
        if bytes.len() > MAX_COMMIT_BYTES {
            return Err(format!("a commit of {} bytes is over the limit of {MAX_COMMIT_BYTES}", bytes.len()));
        }
        if bytes.last() != Some(&b'\n') {
            return Err("the last line does not end: the commit is cut off".to_owned());
        }
        let mut lines = Vec::new();
        let mut start = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' {
                lines.push(bytes.slice(start..at));
                start = at + 1;
            }
        }
        let first = lines.remove(0);
        let header: CommitHeader =
            serde_json::from_slice(&first).map_err(|error| format!("the header is malformed: {error}"))?;
        if header.hansard != FORMAT {
            return Err(format!("format {} is not known here, only {FORMAT}", header.hansard));
        }
        if usize::try_from(header.count) != Ok(lines.len()) {
            return Err(format!("the header promises {} events, {} are there", header.count, lines.len()));
        }
        Ok(Self { header, lines })
    }
}

/// Stored bytes that are not what was appended, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log is damaged at {position}: {reason}")]
pub struct Damage {
    /// The first bad position.
    pub position: Position,
    /// What is wrong there.
    pub reason: String,
}

/// Follows a partition's chain of hashes from one commit to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    partition: PartitionId,
    sequence: Sequence,
    hash: Digest,
}

impl Chain {
    /// Before the first commit.
    #[must_use]
    pub const fn start(partition: PartitionId) -> Self {
        Self { partition, sequence: Sequence::ZERO, hash: Digest::ZERO }
    }

    /// After the commit at `sequence` whose bytes have this hash.
    #[must_use]
    pub const fn resume(partition: PartitionId, sequence: Sequence, hash: Digest) -> Self {
        Self { partition, sequence, hash }
    }

    /// The last commit that was checked.
    #[must_use]
    pub const fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The hash of the last commit that was checked.
    #[must_use]
    pub const fn hash(&self) -> Digest {
        self.hash
    }

    /// Checks that `stored` is the commit that follows, and moves on to it.
    ///
    /// # Errors
    /// [`Damage`] with the position at which the log is not what it should be.
    pub fn check(&mut self, stored: &Stored) -> Result<Commit, Damage> {
        let expected = Position { partition: self.partition, sequence: self.sequence.next() };
        let damage = |reason: String| Damage { position: expected, reason };
        if stored.sequence != expected.sequence {
            return Err(damage(format!("it is missing; the next that is there is {}", stored.sequence)));
        }
        let commit = Commit::parse(&stored.bytes).map_err(damage)?;
        if commit.position() != expected {
            return Err(damage(format!("its header says that it is {}", commit.position())));
        }
        if commit.header.prev != self.hash {
            return Err(damage(format!(
                "it follows a commit with hash {}, but the one before has {}",
                commit.header.prev, self.hash
            )));
        }
        self.advance(stored.sequence, &stored.bytes);
        Ok(commit)
    }

    /// Moves on to a commit that this process made itself.
    pub fn advance(&mut self, sequence: Sequence, bytes: &[u8]) {
        self.sequence = sequence;
        self.hash = sha256(bytes);
    }
}
