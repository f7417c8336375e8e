//! Reading and following, the same for every backend that gives commits in pieces.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream;
use tokio::sync::watch;

use super::{Commits, ReadError};
use crate::{Damage, PartitionId, Position, Sequence, Stored};

/// What a backend gives.
#[async_trait]
pub(super) trait Chunks: Send + Sync + 'static {
    /// Some commits after `after`, in order of their sequence; none at the head.
    async fn chunk(&self, partition: PartitionId, after: Sequence) -> Result<Vec<Stored>, ReadError>;

    /// The head, as this process knows it.
    fn head_of(&self, partition: PartitionId) -> watch::Receiver<Sequence>;
}

struct Cursor<C> {
    chunks: Arc<C>,
    partition: PartitionId,
    after: Sequence,
    ready: VecDeque<Stored>,
    /// Whether to wait at the head, and for what.
    head: Option<watch::Receiver<Sequence>>,
    ended: bool,
}

impl<C: Chunks> Cursor<C> {
    async fn next(&mut self) -> Option<Result<Stored, ReadError>> {
        if self.ended {
            return None;
        }
        let next = self.take().await.transpose();
        // After an error nothing more can be given in order.
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }

    async fn take(&mut self) -> Result<Option<Stored>, ReadError> {
        while self.ready.is_empty() {
            self.ready = self.chunks.chunk(self.partition, self.after).await?.into();
            if self.ready.is_empty() {
                let after = self.after;
                match &mut self.head {
                    None => return Ok(None),
                    Some(head) => {
                        let closed = |_| ReadError::Unavailable("the log was closed".to_owned());
                        head.wait_for(|head| *head > after).await.map_err(closed)?;
                    }
                }
            }
        }
        let Some(stored) = self.ready.pop_front() else { return Ok(None) };
        if stored.sequence != self.after.next() {
            let position = Position { partition: self.partition, sequence: self.after.next() };
            let reason = format!("it is missing; the next that is there is {}", stored.sequence);
            return Err(Damage { position, reason }.into());
        }
        self.after = stored.sequence;
        Ok(Some(stored))
    }
}

fn commits<C: Chunks>(cursor: Cursor<C>) -> Commits {
    stream::unfold(cursor, |mut cursor| async move { cursor.next().await.map(|next| (next, cursor)) }).boxed()
}

/// See [`super::Log::read`].
pub(super) fn read<C: Chunks>(chunks: Arc<C>, partition: PartitionId, after: Sequence) -> Commits {
    commits(Cursor { chunks, partition, after, ready: VecDeque::new(), head: None, ended: false })
}

/// See [`super::Log::follow`].
pub(super) fn follow<C: Chunks>(chunks: Arc<C>, partition: PartitionId, after: Sequence) -> Commits {
    let head = Some(chunks.head_of(partition));
    commits(Cursor { chunks, partition, after, ready: VecDeque::new(), head, ended: false })
}
