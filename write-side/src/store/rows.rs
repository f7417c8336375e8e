//! What goes into the state store and comes out of it.

use std::collections::HashMap;

use hansard_events::{
    CommandId, ConversationId, Digest, Fingerprint, PartitionId, Sequence, StreamName, UserId,
};

use crate::Accepted;
use crate::aggregate::StreamState;
use crate::aggregate::conversation::{Membership, MessageFact};
use crate::aggregate::user::Mark;

/// What became of a command, and what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) actor: UserId,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) accepted: Accepted,
}

/// The commit that the kept state of a partition stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) sequence: Sequence,
    /// Of that commit's bytes.
    pub(crate) hash: Digest,
}

/// What changed in a partition since the last flush, and the commit that it stands for.
#[derive(Debug)]
pub(crate) struct Flush {
    pub(crate) partition: PartitionId,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) streams: Vec<StreamRows>,
    pub(crate) commands: HashMap<CommandId, Outcome>,
}

/// The changed rows of one stream, each as a whole.
#[derive(Debug)]
pub(crate) struct StreamRows {
    pub(crate) stream: StreamName,
    pub(crate) version: u64,
    /// The bounded part of the state, as JSON.
    pub(crate) head: String,
    pub(crate) members: Vec<(UserId, Membership)>,
    pub(crate) messages: Vec<(u64, MessageFact)>,
    pub(crate) marks: Vec<(ConversationId, Mark)>,
    pub(crate) usernames: Vec<(Digest, UserId)>,
}

/// What a writer needs before it can decide.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) commands: Vec<CommandId>,
    pub(crate) streams: Vec<StreamName>,
    pub(crate) messages: Vec<(StreamName, u64)>,
}

impl Wanted {
    pub(crate) const fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.streams.is_empty() && self.messages.is_empty()
    }
}

/// What was found; what is not there is left out.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) commands: HashMap<CommandId, Outcome>,
    pub(crate) streams: Vec<LoadedStream>,
    pub(crate) messages: Vec<(StreamName, u64, MessageFact)>,
}

/// A stream as it was kept.
#[derive(Debug)]
pub(crate) struct LoadedStream {
    pub(crate) stream: StreamName,
    pub(crate) version: u64,
    pub(crate) state: StreamState,
}

/// The newest outcomes of a partition by the time inside their ids.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// The newest whose time has come, at most as many as were asked for.
    pub(crate) outcomes: Vec<Outcome>,
    /// The ids that lie further in the future than was asked for.
    pub(crate) ahead: Vec<CommandId>,
}
