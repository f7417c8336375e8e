//! The directory: who holds which username.

use std::collections::HashMap;

use hansard_events::{Digest, DirectoryEvent, Private, Timestamp, UserId, limits};

use super::text::check_chars;
use super::{Aggregate, Context};
use crate::{DirectoryCommand, Rejection};

/// See the module.
#[derive(Debug)]
pub struct Directory;

/// Every name that is taken, as its digest, and by whom.
#[derive(Debug, Default)]
pub struct DirectoryState {
    pub(crate) holders: HashMap<Digest, UserId>,
}

impl Aggregate for Directory {
    type State = DirectoryState;
    type Command = DirectoryCommand;
    type Event = DirectoryEvent;
    type Rejection = Rejection;

    fn decide(
        state: &DirectoryState,
        command: &DirectoryCommand,
        _: &Context,
    ) -> Result<Vec<DirectoryEvent>, Rejection> {
        let DirectoryCommand::ClaimUsername { user, name, username } = command;
        check_chars("username", username, limits::USERNAME_CHARS)?;
        match state.holders.get(name) {
            Some(holder) if holder == user => Ok(vec![]),
            Some(_) => Err(Rejection::UsernameTaken),
            None => Ok(vec![DirectoryEvent::UsernameClaimed {
                user: *user,
                name: *name,
                username: Private::Open(username.clone()),
            }]),
        }
    }

    fn evolve(state: &mut DirectoryState, _: u64, _: UserId, _: Timestamp, event: &DirectoryEvent) {
        let DirectoryEvent::UsernameClaimed { user, name, .. } = event;
        state.holders.insert(*name, *user);
    }
}

#[cfg(test)]
mod tests {
    use hansard_events::{StreamName, sha256};

    use super::super::testing::{Given, person};
    use super::*;

    fn claim(user: u128, name: &str) -> DirectoryCommand {
        let name_digest = sha256(name.as_bytes());
        DirectoryCommand::ClaimUsername { user: person(user), name: name_digest, username: name.to_owned() }
    }

    fn claimed(user: u128, name: &str) -> DirectoryEvent {
        DirectoryEvent::UsernameClaimed {
            user: person(user),
            name: sha256(name.as_bytes()),
            username: Private::Open(name.to_owned()),
        }
    }

    fn empty() -> Given<Directory> {
        Given::nothing(StreamName::Directory)
    }

    #[test]
    fn a_name_is_given_to_the_first_who_asks_and_to_nobody_else() {
        empty().when(person(1), &claim(1, "ada")).then([claimed(1, "ada")]);
        let taken = empty().event(person(1), &claimed(1, "ada"));
        taken.when(person(2), &claim(2, "ada")).then_rejected(Rejection::UsernameTaken);
        taken.when(person(1), &claim(1, "ada")).then_nothing();
        taken.when(person(2), &claim(2, "bob")).then([claimed(2, "bob")]);
    }

    #[test]
    fn a_name_has_a_length() {
        let limit = limits::USERNAME_CHARS;
        let long = claim(1, &"é".repeat(limit + 1));
        empty().when(person(1), &long).then_rejected(Rejection::TooLarge { field: "username", limit });
        empty().when(person(1), &claim(1, &"é".repeat(limit))).then([claimed(1, &"é".repeat(limit))]);
    }
}
