//! Where something stands: partition, sequence, position, and a position for every partition.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A partition of the log, 0 to P-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionId(pub u16);

/// The number of a commit in its partition: 1, 2, 3 … without a hole; 0 stands before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// Before the first commit.
    pub const ZERO: Self = Self(0);

    /// The sequence that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A place in the log, written `"<partition>-<sequence>"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Which partition.
    pub partition: PartitionId,
    /// Which commit of it.
    pub sequence: Sequence,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.partition, self.sequence)
    }
}

/// Text that is not a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a position: \"<partition>-<sequence>\" is wanted, for example \"0-1042\"")]
pub struct InvalidPosition;

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        fn number<T: FromStr>(digits: &str) -> Result<T, InvalidPosition> {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let canonical = digits.len() == 1 || !digits.starts_with('0');
            if plain && canonical {
                digits.parse().map_err(|_| InvalidPosition)
            } else {
                Err(InvalidPosition)
            }
        }
        let (partition, sequence) = text.split_once('-').ok_or(InvalidPosition)?;
        Ok(Self { partition: PartitionId(number(partition)?), sequence: Sequence(number(sequence)?) })
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How far something has come in every partition; what is not named stands at 0.
/// Written as positions in order of partition with commas between: `"0-12,1-7"`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<PartitionId, Sequence>);

impl Positions {
    /// How far `partition` has come.
    #[must_use]
    pub fn get(&self, partition: PartitionId) -> Sequence {
        self.0.get(&partition).copied().unwrap_or_default()
    }

    /// Notes that `position` is reached; never goes back.
    pub fn advance(&mut self, position: Position) {
        let reached = self.0.entry(position.partition).or_default();
        *reached = (*reached).max(position.sequence);
    }

    /// Whether `position` is included.
    #[must_use]
    pub fn holds(&self, position: Position) -> bool {
        self.get(position.partition) >= position.sequence
    }

    /// Whether everything in `other` is included.
    #[must_use]
    pub fn holds_all(&self, other: &Self) -> bool {
        other.iter().all(|position| self.holds(position))
    }

    /// Every partition that is named, in order.
    pub fn iter(&self) -> impl Iterator<Item = Position> + '_ {
        self.0.iter().map(|(&partition, &sequence)| Position { partition, sequence })
    }
}

impl FromIterator<Position> for Positions {
    fn from_iter<I: IntoIterator<Item = Position>>(positions: I) -> Self {
        let mut all = Self::default();
        for position in positions {
            all.0.entry(position.partition).or_default();
            all.advance(position);
        }
        all
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, position) in self.iter().enumerate() {
            if index > 0 {
                formatter.write_str(",")?;
            }
            position.fmt(formatter)?;
        }
        Ok(())
    }
}

impl FromStr for Positions {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(str::parse::<Position>).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_as_it_is_written_and_nothing_else() {
        let position: Position = "3-1042".parse().unwrap();
        assert_eq!((position.partition, position.sequence), (PartitionId(3), Sequence(1042)));
        assert_eq!(position.to_string(), "3-1042");
        for wrong in ["", "3", "3-", "-1", "3-+1", "03-1", "3-01", "65536-1", "3-1-2", " 3-1"] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn positions_never_go_back() {
        let mut all: Positions = "0-12,1-7".parse().unwrap();
        all.advance("0-3".parse().unwrap());
        all.advance("2-1".parse().unwrap());
        assert_eq!(all.to_string(), "0-12,1-7,2-1");
        assert!(all.holds("1-7".parse().unwrap()) && !all.holds("1-8".parse().unwrap()));
        assert!(all.holds_all(&"0-12,3-0".parse().unwrap()));
    }
}
