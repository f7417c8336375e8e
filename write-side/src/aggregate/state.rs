//! The state of any stream, so that a writer can hold all of them side by side.

use hansard_events::{ConversationEvent, Event, Recorded, StreamName};

use super::conversation::{Conversation, ConversationState};
use super::directory::{Directory, DirectoryState};
use super::user::{User, UserState};
use super::{Aggregate, Context};
use crate::{CommandBody, ConversationCommand, Rejection};

/// The state of one stream's aggregate.
#[derive(Debug)]
pub(crate) enum StreamState {
    Directory(DirectoryState),
    User(UserState),
    Conversation(ConversationState),
}

impl StreamState {
    /// Before the first event.
    pub(crate) fn new(stream: StreamName) -> Self {
        match stream {
            StreamName::Directory => Self::Directory(DirectoryState::default()),
            StreamName::User(_) => Self::User(UserState::default()),
            StreamName::Conversation(_) => Self::Conversation(ConversationState::default()),
        }
    }

    /// Asks the aggregate.
    pub(crate) fn decide(&self, body: &CommandBody, context: &Context) -> Result<Vec<Event>, Rejection> {
        fn wrap<E>(events: Vec<E>, kind: fn(E) -> Event) -> Vec<Event> {
            events.into_iter().map(kind).collect()
        }
        match (self, body) {
            (Self::Directory(state), CommandBody::Directory(command)) => {
                Directory::decide(state, command, context).map(|events| wrap(events, Event::Directory))
            }
            (Self::User(state), CommandBody::User { command, .. }) => {
                User::decide(state, command, context).map(|events| wrap(events, Event::User))
            }
            (Self::Conversation(state), CommandBody::Conversation { command, .. }) => {
                Conversation::decide(state, command, context).map(|events| wrap(events, Event::Conversation))
            }
            // A state is made for the stream that the command names: they always agree.
            _ => Err(Rejection::Invalid { field: "command", detail: "it is not for this stream" }),
        }
    }

    /// Takes in what has happened.
    pub(crate) fn evolve(&mut self, recorded: &Recorded) {
        let &Recorded { version, actor, at, ref event, .. } = recorded;
        match (self, event) {
            (Self::Directory(state), Event::Directory(event)) => {
                Directory::evolve(state, version, actor, at, event);
            }
            (Self::User(state), Event::User(event)) => User::evolve(state, version, actor, at, event),
            (Self::Conversation(state), Event::Conversation(event)) => {
                Conversation::evolve(state, version, actor, at, event);
            }
            _ => {}
        }
    }

    /// Whether the message at `seq` must be looked up before anything is decided about it.
    pub(crate) fn lacks(&self, seq: u64) -> bool {
        matches!(self, Self::Conversation(state) if state.messages.is_missing(seq))
    }
}

/// The earlier message that a decision on this command rests on.
pub(crate) const fn message_of_command(body: &CommandBody) -> Option<u64> {
    let CommandBody::Conversation { command, .. } = body else { return None };
    match command {
        ConversationCommand::Send { reply_to, .. } => *reply_to,
        ConversationCommand::Edit { message, .. } | ConversationCommand::Recall { message } => Some(*message),
        _ => None,
    }
}

/// The earlier message that this event changes.
pub(crate) const fn message_of_event(event: &Event) -> Option<u64> {
    match event {
        Event::Conversation(ConversationEvent::MessageRecalled { message, .. }) => Some(*message),
        _ => None,
    }
}
