//! The search index: one Tantivy document for each message that can be found.

mod tokenizer;

use std::sync::Arc;
use std::time::Duration;

use hansard_events::Positions;
use tantivy::Searcher;
use tantivy::schema::Field;
use tokio::sync::watch;

pub use tokenizer::{MAX_TOKEN_BYTES, TextToken, TokenKind, tokenize};

/// The fields of the index, by name in code.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    /// 24 bytes, conversation then `seq` big-endian; indexed: replaces and deletes.
    pub key: Field,
    /// 16 bytes; indexed, fast.
    pub conversation: Field,
    /// u64; fast.
    pub seq: Field,
    /// i64 milliseconds; indexed, fast.
    pub at: Field,
    /// 16 bytes; indexed, fast.
    pub author: Field,
    /// Text as one term; indexed.
    pub kind: Field,
    /// The text, with the tokenizer of this crate; positions kept; stored for highlights.
    pub text: Field,
}

/// The index of this server, as readers see it. Cheap to clone; stays valid over a rebuild.
#[derive(Debug, Clone)]
pub struct Index {}

/// One moment of the index.
#[derive(Clone)]
pub struct IndexSnapshot {
    pub searcher: Arc<Searcher>,
    pub fields: Fields,
    /// How far the index had come at that moment.
    pub as_of: Positions,
}

impl Index {
    /// The index as it is searchable now.
    pub fn snapshot(&self) -> IndexSnapshot {
        todo!()
    }

    /// How far the index has come; changes after each commit and reload.
    pub fn progress(&self) -> watch::Receiver<Positions> {
        todo!()
    }

    /// Waits until the index holds all of `wanted`; `false` when that took longer than `patience`.
    pub async fn wait_for(&self, _wanted: &Positions, _patience: Duration) -> bool {
        todo!()
    }
}
