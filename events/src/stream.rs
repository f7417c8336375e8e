//! Streams: one aggregate's events, in order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ConversationId, PartitionId, UserId, digest::sha256};

/// The name of a stream: `conversation/<id>`, `user/<id>` or `directory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamName {
    /// What is said and done in one conversation.
    Conversation(ConversationId),
    /// One person's profile, roles, sessions and marks.
    User(UserId),
    /// Who holds which username; there is one.
    Directory,
}

impl StreamName {
    /// The partition of this stream in a log of `partitions` partitions (at least 1): the first
    /// eight bytes of SHA-256 over the name, big-endian, modulo `partitions`. It never changes,
    /// since the number of partitions is fixed when a log is made.
    #[must_use]
    pub fn partition(&self, partitions: u16) -> PartitionId {
        if partitions <= 1 {
            return PartitionId(0);
        }
        let digest = sha256(self.to_string().as_bytes());
        let first = digest.as_bytes()[..8].iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let index = first % u64::from(partitions);
        PartitionId(u16::try_from(index).unwrap_or_default())
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation(id) => write!(formatter, "conversation/{id}"),
            Self::User(id) => write!(formatter, "user/{id}"),
            Self::Directory => formatter.write_str("directory"),
        }
    }
}

/// Text that names no stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a stream: conversation/<id>, user/<id> or directory is wanted")]
pub struct InvalidStreamName;

impl FromStr for StreamName {
    type Err = InvalidStreamName;

    fn from_str(text: &str) -> Result<Self, InvalidStreamName> {
        match text.split_once('/') {
            Some(("conversation", id)) => id.parse().map(Self::Conversation).map_err(|_| InvalidStreamName),
            Some(("user", id)) => id.parse().map(Self::User).map_err(|_| InvalidStreamName),
            None if text == "directory" => Ok(Self::Directory),
            _ => Err(InvalidStreamName),
        }
    }
}

impl Serialize for StreamName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StreamName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_they_are_written() {
        for name in [
            "conversation/0190163d-8694-739b-aea5-966c26f8ad91",
            "user/0190163d-8694-739b-aea5-966c26f8ad91",
            "directory",
        ] {
            assert_eq!(name.parse::<StreamName>().unwrap().to_string(), name);
        }
        for wrong in ["", "directory/", "user/1", "group/0190163d-8694-739b-aea5-966c26f8ad91"] {
            assert!(wrong.parse::<StreamName>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_partition_of_a_name_is_fixed_for_ever() {
        // Golden: a change here would send the streams of existing logs to other writers.
        let name: StreamName = "user/0190163d-8694-739b-aea5-966c26f8ad91".parse().unwrap();
        let places = [1, 2, 16, 1024].map(|count| name.partition(count).0);
        assert_eq!(places, [0, PLACES.0, PLACES.1, PLACES.2]);
        assert_eq!(StreamName::Directory.partition(16).0, PLACES.3);
    }

    // (of 2, of 16, of 1024, the directory of 16), computed once with sha256sum.
    const PLACES: (u16, u16, u16, u16) = (0, 12, 172, 11);
}
