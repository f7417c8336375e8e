//! The newest outcomes, by the time inside of their ids.

use std::collections::{BTreeMap, BTreeSet};

use hansard_events::CommandId;

use crate::store::rows::{Outcome, Recent};

/// How far in the future an id may lie and still count as one of today: clients' clocks differ.
pub(super) const AHEAD_MILLIS: u64 = 10 * 60 * 1000;

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// Outcomes of the newest ids. An id that is [complete](Self::is_complete_for) and not in here was
/// never accepted; about any other only the state store can tell.
///
/// Ids are dropped oldest first, which leaves a horizon below which nothing is complete. Ids far in
/// the future, which would push out those of today, are dropped before them, and the day in which
/// each lies is noted as incomplete; there are only so many days in 48 bits of milliseconds.
#[derive(Debug)]
pub(super) struct Memory {
    capacity: usize,
    recent: BTreeMap<CommandId, Outcome>,
    /// At and below it, nothing is complete.
    horizon: Option<CommandId>,
    incomplete_days: BTreeSet<u64>,
}

impl Memory {
    /// `recent` is what the state store has, asked for at most `capacity`.
    pub(super) fn new(capacity: usize, recent: Recent) -> Self {
        let oldest = recent.outcomes.iter().map(|outcome| outcome.accepted.command).min();
        let horizon = if recent.outcomes.len() < capacity { None } else { oldest };
        let keyed = recent.outcomes.into_iter().map(|outcome| (outcome.accepted.command, outcome));
        let incomplete_days = recent.ahead.iter().map(day).collect();
        Self { capacity, recent: keyed.collect(), horizon, incomplete_days }
    }

    pub(super) fn get(&self, id: CommandId) -> Option<&Outcome> {
        self.recent.get(&id)
    }

    /// Whether an id that is not in here was never accepted.
    pub(super) fn is_complete_for(&self, id: CommandId) -> bool {
        self.horizon.is_none_or(|horizon| id > horizon) && !self.incomplete_days.contains(&day(&id))
    }

    /// Takes in what became of a command; `now` in milliseconds since 1970.
    pub(super) fn insert(&mut self, outcome: Outcome, now: u64) {
        let id = outcome.accepted.command;
        if !self.is_complete_for(id) {
            return;
        }
        self.recent.insert(id, outcome);
        if self.recent.len() <= self.capacity {
            return;
        }
        let newest = self.recent.last_key_value().map(|(newest, _)| *newest);
        if let Some(newest) = newest.filter(|newest| newest.millis() > now + AHEAD_MILLIS) {
            self.recent.remove(&newest);
            self.incomplete_days.insert(day(&newest));
        } else if let Some((oldest, _)) = self.recent.pop_first() {
            self.horizon = Some(oldest);
        }
    }
}

fn day(id: &CommandId) -> u64 {
    id.millis() / DAY_MILLIS
}

#[cfg(test)]
mod tests {
    use hansard_events::{Fingerprint, PartitionId, Position, Sequence, StreamName, Timestamp, UserId};

    use super::*;
    use crate::Accepted;

    const NOW: u64 = 1_800_000_000_000;

    fn outcome(millis: u64) -> Outcome {
        let accepted = Accepted {
            command: CommandId::derived(millis, &[]),
            stream: StreamName::Directory,
            position: Position { partition: PartitionId(0), sequence: Sequence(1) },
            version: 1,
            at: Timestamp::EPOCH,
            changed: true,
        };
        Outcome { actor: UserId::SYSTEM, fingerprint: Fingerprint([0; 16]), accepted }
    }

    fn id(millis: u64) -> CommandId {
        outcome(millis).accepted.command
    }

    fn empty() -> Memory {
        Memory::new(3, Recent::default())
    }

    #[test]
    fn the_oldest_ids_go_and_leave_a_horizon() {
        let mut memory = empty();
        assert!(memory.is_complete_for(id(1)), "nothing was dropped yet");
        for at in [NOW, NOW + 1, NOW + 3, NOW + 2] {
            memory.insert(outcome(at), NOW);
        }
        assert!(memory.get(id(NOW)).is_none() && memory.get(id(NOW + 1)).is_some());
        assert!(!memory.is_complete_for(id(NOW)) && !memory.is_complete_for(id(1)));
        assert!(memory.is_complete_for(id(NOW + 9)), "and a new id is known to be new");
        memory.insert(outcome(5), NOW);
        assert!(memory.get(id(5)).is_none(), "what is below the horizon is not kept");
    }

    #[test]
    fn ids_of_the_far_future_do_not_push_out_those_of_today() {
        let mut memory = empty();
        let far = NOW + 400 * DAY_MILLIS;
        for at in [far, far + 1, NOW, NOW + 1, NOW + 2] {
            memory.insert(outcome(at), NOW);
        }
        assert!([NOW, NOW + 1, NOW + 2].iter().all(|at| memory.get(id(*at)).is_some()));
        assert!(memory.get(id(far)).is_none() && !memory.is_complete_for(id(far)));
        assert!(!memory.is_complete_for(id(far + 7)), "its whole day is looked up");
        assert!(memory.is_complete_for(id(NOW + 7)) && memory.is_complete_for(id(far + 2 * DAY_MILLIS)));
    }

    #[test]
    fn what_the_store_did_not_give_is_not_complete() {
        let full = Recent { outcomes: vec![outcome(7), outcome(8), outcome(9)], ahead: vec![id(NOW)] };
        let memory = Memory::new(3, full);
        assert!(!memory.is_complete_for(id(6)) && memory.is_complete_for(id(10)));
        assert!(!memory.is_complete_for(id(NOW + 1)));
        let all = Recent { outcomes: vec![outcome(7)], ahead: vec![] };
        assert!(Memory::new(3, all).is_complete_for(id(6)));
    }
}
