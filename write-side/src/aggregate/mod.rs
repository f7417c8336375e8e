//! Aggregates: rules without I/O, clock or randomness.

pub mod conversation;
pub mod directory;
mod state;
mod text;
pub mod user;

#[cfg(test)]
mod testing;

pub(crate) use state::{StreamState, message_of_command, message_of_event};

use hansard_events::{CommandId, StreamName, Timestamp, UserId};

/// What a decision may know besides state and command.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Which command it is.
    pub command: CommandId,
    /// Whose stream decides.
    pub stream: StreamName,
    /// Who asks.
    pub actor: UserId,
    /// The time that the events will have.
    pub at: Timestamp,
}

/// Decides commands and evolves with events.
pub trait Aggregate {
    /// What is remembered of the events so far; starts as the default.
    type State: Default;
    /// What can be wanted.
    type Command;
    /// What can happen.
    type Event;
    /// Why something is refused.
    type Rejection;

    /// The events that follow from a command, none when everything already is as wanted.
    ///
    /// # Errors
    /// The rule that says no.
    fn decide(
        state: &Self::State,
        command: &Self::Command,
        context: &Context,
    ) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// Takes in what has happened. Total: whatever was once written can be taken in, whatever
    /// the rules say today. `version` is the event's number, `actor` who did it.
    fn evolve(state: &mut Self::State, version: u64, actor: UserId, at: Timestamp, event: &Self::Event);
}
