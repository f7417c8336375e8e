//! The vocabulary of Hansard: ids, events and their versions, the commit and its chain of hashes,
//! sealed content, and the log with its backends. Knows nobody else in the house.

mod commit;
mod conversation;
mod digest;
mod directory;
mod id;
pub mod limits;
mod log;
mod name;
mod position;
mod private;
mod recorded;
mod seal;
mod stream;
mod timestamp;
mod upcast;
mod user;

pub use commit::{Chain, Commit, CommitBuilder, CommitHeader, Damage, MAX_COMMIT_BYTES, Stored};
pub use conversation::{
    Body, ConversationEvent, ConversationKind, HistoryAccess, Member, MemberRole, MessageKind, Posting,
};
pub use digest::{Digest, InvalidDigest, from_hex, sha256, to_hex};
pub use directory::DirectoryEvent;
pub use id::{CommandId, ConversationId, DeviceId, InvalidId, KeyId, SessionId, UserId};
pub use log::{
    AppendError, Commits, CopyError, Fault, LOW_WATER_BYTES, Log, MemoryLog, OpenError, ReadError, SqliteLog,
    SqliteOptions, Verified, copy_log, verify_log,
};
pub use name::{InvalidUsername, Username, fold};
pub use position::{InvalidPosition, PartitionId, Position, Positions, Sequence};
pub use private::Private;
pub use recorded::{DecodeError, Event, Recorded, StoredEvent, event_type};
pub use seal::{DataKey, Fingerprint, KeyRing, KeySubject, MemoryKeyRing, SealError, SealedPart};
pub use stream::{InvalidStreamName, StreamName};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use user::{DeviceLabel, Profile, ServerRole, SessionEnd, UserEvent};
