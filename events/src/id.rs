//! Identifiers as types: one macro, one way in (`FromStr`), text form outside.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::digest::sha256;

/// Text that is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: {reason}")]
pub struct InvalidId {
    /// The type that was asked for, as it is named in messages.
    pub kind: &'static str,
    /// What is wrong with the text.
    pub reason: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes a UUID that is known to be right for this type.
            ///
            /// # Errors
            /// [`InvalidId`] when the UUID is of a version this type does not take.
            pub fn new(uuid: Uuid) -> Result<Self, InvalidId> {
                let check: fn(&Uuid) -> Option<&'static str> = $check;
                match check(&uuid) {
                    None => Ok(Self(uuid)),
                    Some(reason) => Err(InvalidId { kind: $kind, reason }),
                }
            }

            /// The identifier as a plain UUID, for storage.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { kind: $kind, reason: "a UUID in text form is wanted" };
                if text.len() != 36 {
                    return Err(invalid);
                }
                Self::new(Uuid::try_parse(text).map_err(|_| invalid)?)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut buffer = Uuid::encode_buffer();
                serializer.serialize_str(self.0.hyphenated().encode_lower(&mut buffer))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A person, a bot or the server itself ([`UserId::SYSTEM`]).
    UserId, "user id", |_| None
);
id!(
    /// A conversation: direct, group or channel.
    ConversationId, "conversation id", |_| None
);
id!(
    /// A session: one sign-in on one device, from its start to its end.
    SessionId, "session id", |_| None
);
id!(
    /// A device, as a person names it; it outlives its sessions.
    DeviceId, "device id", |_| None
);
id!(
    /// A data key in the vault.
    KeyId, "key id", |_| None
);
id!(
    /// The id that a client gives to a command: a `UUIDv7`, so that it tells its own time.
    CommandId, "command id", |uuid| {
        (uuid.get_version_num() != 7).then_some("a UUID of version 7 is wanted")
    }
);

impl UserId {
    /// The server itself: the actor of what an operator does by command line.
    pub const SYSTEM: Self = Self(Uuid::nil());

    /// The user that a registration command makes. Derived, so that the same command sent again
    /// after a crash goes on with the same person.
    #[must_use]
    pub fn of_registration(command: CommandId) -> Self {
        Self(derived(b"hansard user", &[command.0.as_bytes()]))
    }
}

impl ConversationId {
    /// The one direct conversation of two people, in whichever order they are named.
    #[must_use]
    pub fn direct(one: UserId, other: UserId) -> Self {
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        Self(derived(b"hansard direct", &[low.0.as_bytes(), high.0.as_bytes()]))
    }

    /// The conversation that a `conversation.create` command makes.
    #[must_use]
    pub fn of_creation(command: CommandId) -> Self {
        Self(derived(b"hansard conversation", &[command.0.as_bytes()]))
    }
}

impl CommandId {
    /// The time inside the id, milliseconds since 1970 (RFC 9562, section 5.7).
    #[must_use]
    pub fn millis(&self) -> u64 {
        let bytes = self.0.as_bytes();
        bytes[..6].iter().fold(0, |millis, byte| (millis << 8) | u64::from(*byte))
    }

    /// The id for a step of a larger command or for an imported record: the time is given, the
    /// rest follows from `parts`, so that the same input always gives the same id.
    #[must_use]
    pub fn derived(millis: u64, parts: &[&[u8]]) -> Self {
        let hash = derived(b"hansard command", parts);
        let mut bytes = *hash.as_bytes();
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(Uuid::from_bytes(bytes))
    }
}

/// A `UUIDv8` from SHA-256 over a label and length-prefixed parts.
fn derived(label: &[u8], parts: &[&[u8]]) -> Uuid {
    let mut input = Vec::with_capacity(64);
    for part in std::iter::once(&label).chain(parts) {
        input.extend_from_slice(&(part.len() as u64).to_be_bytes());
        input.extend_from_slice(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha256(&input).as_bytes()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direct_conversation_is_the_same_from_both_sides() {
        let ada = UserId(Uuid::from_u128(1));
        let bob = UserId(Uuid::from_u128(2));
        assert_eq!(ConversationId::direct(ada, bob), ConversationId::direct(bob, ada));
        assert_ne!(ConversationId::direct(ada, bob), ConversationId::direct(ada, ada));
    }

    #[test]
    fn a_command_id_is_a_version_7_and_tells_its_time() {
        let id: CommandId = "0190163d-8694-739b-aea5-966c26f8ad91".parse().unwrap();
        assert_eq!(id.millis(), 0x0190_163d_8694);
        let other = "7d444840-9dc0-41d1-b245-5ffdce74fad2".parse::<CommandId>();
        assert_eq!(other.unwrap_err().reason, "a UUID of version 7 is wanted");
        assert!("{0190163d-8694-739b-aea5-966c26f8ad91}".parse::<CommandId>().is_err());
    }

    #[test]
    fn a_derived_command_id_repeats_and_keeps_the_time() {
        let id = CommandId::derived(1_700_000_000_123, &[b"a", b"bc"]);
        assert_eq!(id, CommandId::derived(1_700_000_000_123, &[b"a", b"bc"]));
        assert_ne!(id, CommandId::derived(1_700_000_000_123, &[b"ab", b"c"]));
        assert_eq!(id.millis(), 1_700_000_000_123);
        assert_eq!(id.to_string().parse::<CommandId>().unwrap(), id);
    }
}
