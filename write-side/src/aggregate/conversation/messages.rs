//! What is known of messages without their content: all newer ones, and old ones on demand.

use std::collections::BTreeMap;

use hansard_events::{MessageKind, Timestamp, UserId};

/// What a decision may need to know of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageFact {
    pub(crate) author: UserId,
    pub(crate) sent_at: Timestamp,
    pub(crate) kind: MessageKind,
    /// The `seq` of the event that took it back.
    pub(crate) recalled: Option<u64>,
}

/// Facts by `seq`. Complete above `floor`; at or below it only what was looked up, so whoever
/// decides about an old message looks it up first ([`MessageFacts::is_missing`]).
#[derive(Debug, Default)]
pub(crate) struct MessageFacts {
    floor: u64,
    known: BTreeMap<u64, MessageFact>,
}

impl MessageFacts {
    /// The newest facts as they were kept; `floor` as described at the type.
    pub(crate) fn restore(floor: u64, known: BTreeMap<u64, MessageFact>) -> Self {
        Self { floor, known }
    }

    /// The message at `seq`, if that is a message.
    pub(crate) fn get(&self, seq: u64) -> Option<&MessageFact> {
        self.known.get(&seq)
    }

    /// Whether only the state store can say what is at `seq`.
    pub(crate) fn is_missing(&self, seq: u64) -> bool {
        seq <= self.floor && !self.known.contains_key(&seq)
    }

    /// Takes in a fact that was looked up.
    pub(crate) fn learn(&mut self, seq: u64, fact: MessageFact) {
        self.known.entry(seq).or_insert(fact);
    }

    /// Drops what is older than the newest `keep` facts and already kept elsewhere: whatever
    /// changed last with an event up to `flushed`.
    pub(crate) fn forget(&mut self, keep: usize, flushed: u64) {
        let excess = self.known.len().saturating_sub(keep);
        let floor = &mut self.floor;
        let mut index = 0;
        self.known.retain(|seq, fact| {
            index += 1;
            let stays = index > excess || fact.recalled.unwrap_or(*seq) > flushed;
            if !stays {
                *floor = (*floor).max(*seq);
            }
            stays
        });
    }

    pub(super) fn sent(&mut self, seq: u64, fact: MessageFact) {
        self.known.insert(seq, fact);
    }

    pub(super) fn recalled(&mut self, seq: u64, by: u64) {
        if let Some(fact) = self.known.get_mut(&seq) {
            fact.recalled = fact.recalled.or(Some(by));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact() -> MessageFact {
        let (author, kind) = (UserId::SYSTEM, MessageKind::Text);
        MessageFact { author, sent_at: Timestamp::EPOCH, kind, recalled: None }
    }

    #[test]
    fn only_what_is_kept_elsewhere_is_forgotten() {
        let mut facts = MessageFacts::default();
        (1..=10).for_each(|seq| facts.sent(seq * 2, fact()));
        facts.recalled(4, 21);
        facts.forget(3, 12);
        // 16, 18 and 20 are the newest, 14 is not flushed, nor is the recall of 4.
        let left: Vec<u64> = facts.known.keys().copied().collect();
        assert_eq!(left, [4, 14, 16, 18, 20]);
        assert!(facts.is_missing(12) && facts.is_missing(11), "only the store can say");
        assert!(!facts.is_missing(4) && !facts.is_missing(13) && !facts.is_missing(21));
    }

    #[test]
    fn a_fact_that_was_looked_up_does_not_undo_a_recall() {
        let mut facts = MessageFacts::restore(9, BTreeMap::new());
        assert!(facts.is_missing(5));
        facts.learn(5, fact());
        facts.recalled(5, 12);
        facts.learn(5, fact());
        assert_eq!(facts.get(5).unwrap().recalled, Some(12));
    }
}
