//! Given what has happened, when somebody wants something, then this follows.

use std::fmt::Debug;

use hansard_events::{CommandId, StreamName, Timestamp, UserId};
use uuid::Uuid;

use super::{Aggregate, Context};

/// The time of every test event and decision.
pub(super) fn noon() -> Timestamp {
    "2026-11-23T12:00:00.000Z".parse().unwrap()
}

/// A person with a number.
pub(super) fn person(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number)).unwrap()
}

/// The history so far.
pub(super) struct Given<A: Aggregate> {
    stream: StreamName,
    version: u64,
    pub(super) state: A::State,
}

/// What the aggregate said.
pub(super) struct Then<A: Aggregate> {
    outcome: Result<Vec<A::Event>, A::Rejection>,
}

impl<A: Aggregate> Given<A> {
    pub(super) fn nothing(stream: StreamName) -> Self {
        Self { stream, version: 0, state: A::State::default() }
    }

    pub(super) fn event(mut self, actor: UserId, event: &A::Event) -> Self {
        self.version += 1;
        A::evolve(&mut self.state, self.version, actor, noon(), event);
        self
    }

    pub(super) fn when(&self, actor: UserId, command: &A::Command) -> Then<A> {
        let command_id = CommandId::derived(1, &[b"test"]);
        let context = Context { command: command_id, stream: self.stream, actor, at: noon() };
        Then { outcome: A::decide(&self.state, command, &context) }
    }
}

impl<A: Aggregate> Then<A>
where
    A::Event: Debug + PartialEq,
    A::Rejection: Debug + PartialEq,
{
    #[track_caller]
    pub(super) fn then(self, expected: impl IntoIterator<Item = A::Event>) {
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(self.outcome, Ok(expected));
    }

    #[track_caller]
    pub(super) fn then_nothing(self) {
        self.then([]);
    }

    #[track_caller]
    pub(super) fn then_rejected(self, expected: A::Rejection) {
        assert_eq!(self.outcome, Err(expected));
    }
}
