//! Who may see what: the one rule, and what it needs to know.
//!
//! A person may see an event if and only if its `seq` lies in one of their intervals in its
//! conversation. Every query, search included, asks here. What one may not see answers as what
//! does not exist.

use std::collections::HashMap;

use hansard_events::{ConversationId, UserId};
use hansard_projections::db::{Snapshot, Value};

use crate::QueryError;
use crate::rows::{conversation_id, opt_seq, seq};

/// What one membership lets its holder see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// `seq` of the event that made them a member.
    pub since: u64,
    /// The first `seq` they may see: 1 where the conversation shows all history, else `since`.
    pub from: u64,
    /// The last `seq` they may see: that of the event that ended the membership. `None`: it lasts.
    pub until: Option<u64>,
}

impl Interval {
    /// Whether `seq` lies in it.
    #[must_use]
    pub fn holds(&self, seq: u64) -> bool {
        self.from <= seq && self.until.is_none_or(|until| seq <= until)
    }
}

/// Whether somebody with these intervals in a conversation may see its event `seq`.
#[must_use]
pub fn can_see(intervals: &[Interval], seq: u64) -> bool {
    intervals.iter().any(|interval| interval.holds(seq))
}

/// Since which `seq` somebody with these intervals is a member without a break; `None` when they
/// are none now.
#[must_use]
pub fn member_since(intervals: &[Interval]) -> Option<u64> {
    intervals.iter().find(|interval| interval.until.is_none()).map(|interval| interval.since)
}

/// The intervals as they were when `horizon` was the newest event: later ones are not there, and
/// what ended later still lasts.
#[must_use]
pub(crate) fn at_horizon(intervals: &[Interval], horizon: u64) -> Vec<Interval> {
    let then = intervals.iter().filter(|interval| interval.since <= horizon);
    then.map(|interval| Interval { until: interval.until.filter(|until| *until <= horizon), ..*interval })
        .collect()
}

/// All intervals of a viewer, by conversation, each in order.
pub(crate) type Visibility = HashMap<ConversationId, Vec<Interval>>;

const ALL: &str = "SELECT conversation, since, from_seq, until_seq FROM intervals WHERE user_id = $1 ORDER BY conversation, since";
const ONE: &str = "SELECT conversation, since, from_seq, until_seq FROM intervals \
     WHERE user_id = $1 AND conversation = $2 ORDER BY since";

/// The intervals of `viewer` in every conversation in which they are or were a member.
pub(crate) async fn load_all(snapshot: &mut dyn Snapshot, viewer: UserId) -> Result<Visibility, QueryError> {
    let mut all = Visibility::new();
    for row in snapshot.query(ALL, &[Value::Uuid(viewer.as_uuid())]).await? {
        let interval = Interval { since: seq(&row, 1)?, from: seq(&row, 2)?, until: opt_seq(&row, 3)? };
        all.entry(conversation_id(&row, 0)?).or_default().push(interval);
    }
    Ok(all)
}

/// The intervals of `viewer` in one conversation, in order.
///
/// # Errors
/// [`QueryError::NotFound`] when there are none, whether the conversation exists or not.
pub(crate) async fn load(
    snapshot: &mut dyn Snapshot,
    viewer: UserId,
    conversation: ConversationId,
) -> Result<Vec<Interval>, QueryError> {
    let parameters = [Value::Uuid(viewer.as_uuid()), Value::Uuid(conversation.as_uuid())];
    let rows = snapshot.query(ONE, &parameters).await?;
    if rows.is_empty() {
        return Err(QueryError::NotFound);
    }
    rows.iter()
        .map(|row| Ok(Interval { since: seq(row, 1)?, from: seq(row, 2)?, until: opt_seq(row, 3)? }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn interval(since: u64, from: u64, until: Option<u64>) -> Interval {
        Interval { since, from, until }
    }

    #[test]
    fn one_sees_from_joining_to_leaving_both_included() {
        let left = [interval(3, 3, Some(7))];
        let seen: Vec<u64> = (1..=9).filter(|seq| can_see(&left, *seq)).collect();
        assert_eq!(seen, [3, 4, 5, 6, 7]);
        assert_eq!(member_since(&left), None);
        assert!(!can_see(&[], 1));
    }

    #[test]
    fn one_who_comes_back_sees_both_stays_and_nothing_between() {
        let both = [interval(1, 1, Some(2)), interval(5, 5, None)];
        let seen: Vec<u64> = (1..=7).filter(|seq| can_see(&both, *seq)).collect();
        assert_eq!(seen, [1, 2, 5, 6, 7]);
        assert_eq!(member_since(&both), Some(5));
    }

    #[test]
    fn where_all_history_is_shown_the_past_is_seen_too() {
        assert!(can_see(&[interval(9, 1, None)], 1));
    }

    #[test]
    fn a_horizon_undoes_what_came_after_it() {
        let both = [interval(1, 1, Some(4)), interval(6, 6, None)];
        assert_eq!(at_horizon(&both, 3), [interval(1, 1, None)]);
        assert_eq!(at_horizon(&both, 4), [interval(1, 1, Some(4))]);
        assert_eq!(at_horizon(&both, 6), both);
        assert_eq!(at_horizon(&both, 0), []);
    }
}
