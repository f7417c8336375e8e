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

    /// See [`super::Log::head`].
    async fn head(&self, partition: PartitionId) -> Result<Sequence, ReadError>;

    /// The head, as far as this process was told of it; never beyond what can be read.
    fn head_of(&self, partition: PartitionId) -> watch::Receiver<Sequence>;

    /// Whether a follower tries again after `error`; waits until that may be of use.
    async fn retry(&self, error: ReadError) -> Result<(), ReadError> {
        Err(error)
    }
}

struct Cursor<C> {
    chunks: Arc<C>,
    partition: PartitionId,
    after: Sequence,
    ready: VecDeque<Stored>,
    /// Whether to wait at the head, and for what.
    head: Option<watch::Receiver<Sequence>>,
    /// Whether everything that this process knows of was read.
    at_head: bool,
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
            match self.fill().await {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) if self.head.is_some() => self.chunks.retry(error).await?,
                Err(error) => return Err(error),
            }
        }
        let Some(stored) = self.ready.pop_front() else { return Ok(None) };
        if stored.sequence != self.after.next() {
            let next = stored.sequence;
            return Err(
                self.missing(self.after.next(), format!("it is missing; the next that is there is {next}"))
            );
        }
        self.after = stored.sequence;
        Ok(Some(stored))
    }

    /// Gets the next commits; at the head waits for them. `false` at the end of a read.
    async fn fill(&mut self) -> Result<bool, ReadError> {
        let after = self.after;
        if let Some(head) = self.head.as_mut().filter(|_| self.at_head) {
            // Nothing is asked for that is known not to be there.
            let closed = |_| ReadError::Unavailable("the log was closed".to_owned());
            head.wait_for(|head| *head > after).await.map_err(closed)?;
        }
        let known = self.head.as_ref().map(|head| *head.borrow());
        self.ready = self.chunks.chunk(self.partition, after).await?.into();
        let last = self.ready.back().map(|stored| stored.sequence);
        self.at_head = last.is_some() && last == known;
        if last.is_some() { Ok(true) } else { self.at_end().await }
    }

    /// Nothing came: makes sure that this is the end and not a loss.
    async fn at_end(&mut self) -> Result<bool, ReadError> {
        let (partition, after) = (self.partition, self.after);
        let head = self.chunks.head(partition).await?;
        if head < after {
            let reason = format!("it is missing: the log ends at {head}, but was read to {after} before");
            return Err(self.missing(head.next(), reason));
        }
        if head > after {
            // Appended in between, or lost.
            self.ready = self.chunks.chunk(partition, after).await?.into();
            if self.ready.is_empty() {
                let reason = format!("it is missing, though the log goes on to {head}");
                return Err(self.missing(after.next(), reason));
            }
            return Ok(true);
        }
        self.at_head = true;
        Ok(self.head.is_some())
    }

    fn missing(&self, sequence: Sequence, reason: String) -> ReadError {
        Damage { position: Position { partition: self.partition, sequence }, reason }.into()
    }
}

fn commits<C: Chunks>(cursor: Cursor<C>) -> Commits {
    stream::unfold(cursor, |mut cursor| async move { cursor.next().await.map(|next| (next, cursor)) }).boxed()
}

/// See [`super::Log::read`].
pub(super) fn read<C: Chunks>(chunks: Arc<C>, partition: PartitionId, after: Sequence) -> Commits {
    commits(Cursor {
        chunks,
        partition,
        after,
        ready: VecDeque::new(),
        head: None,
        at_head: false,
        ended: false,
    })
}

/// See [`super::Log::follow`].
pub(super) fn follow<C: Chunks>(chunks: Arc<C>, partition: PartitionId, after: Sequence) -> Commits {
    let head = Some(chunks.head_of(partition));
    commits(Cursor { chunks, partition, after, ready: VecDeque::new(), head, at_head: false, ended: false })
}
