//! The command bus: the one way to the writers.

use async_trait::async_trait;
use hansard_events::{CommandId, UserId};

use crate::{Accepted, Command, CommandError};

/// Takes commands to the writer of their partition and brings back the answer.
#[async_trait]
pub trait CommandBus: Send + Sync + 'static {
    /// Decides and commits one command.
    async fn dispatch(&self, command: Command) -> Result<Accepted, CommandError>;

    /// Hands over many commands at once; those of one partition are decided in the order given.
    /// The answers come in the order of the commands. Waits for room in the mailbox instead of
    /// answering [`CommandError::Busy`]: this is for imports, not for clients.
    async fn dispatch_all(&self, commands: Vec<Command>) -> Vec<Result<Accepted, CommandError>>;

    /// What became of `actor`'s command: `None` when it was never accepted.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`], or [`CommandError::Busy`] when a mailbox is full.
    async fn outcome(&self, actor: UserId, id: CommandId) -> Result<Option<Accepted>, CommandError>;
}
