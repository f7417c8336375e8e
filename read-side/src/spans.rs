//! Sets of `seq`s as ranges: what may be seen, and what of it is new.

use crate::visibility::Interval;

/// Inclusive ranges of `seq`, in order, that neither overlap nor touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spans(Vec<(u64, u64)>);

impl Spans {
    /// What these intervals show of a conversation whose newest event is `head`.
    pub(crate) fn visible(intervals: &[Interval], head: u64) -> Self {
        let mut ranges: Vec<(u64, u64)> = intervals
            .iter()
            .map(|interval| (interval.from, interval.until.unwrap_or(head).min(head)))
            .filter(|(first, last)| first <= last)
            .collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = (*end).max(last),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// The ranges, lowest first.
    pub(crate) fn ranges(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// The highest `seq` of all, 0 when there is none.
    pub(crate) fn last(&self) -> u64 {
        self.0.last().map_or(0, |(_, last)| *last)
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every `seq` from `first` to `last` is in it.
    pub(crate) fn holds_all(&self, first: u64, last: u64) -> bool {
        self.0.iter().any(|range| range.0 <= first && last <= range.1)
    }

    /// What is at or below `limit`.
    pub(crate) fn up_to(&self, limit: u64) -> Self {
        let cut = self.0.iter().filter(|(first, _)| *first <= limit);
        Self(cut.map(|(first, last)| (*first, (*last).min(limit))).collect())
    }

    /// What is at or above `limit`.
    pub(crate) fn from(&self, limit: u64) -> Self {
        let cut = self.0.iter().filter(|(_, last)| *last >= limit);
        Self(cut.map(|(first, last)| ((*first).max(limit), *last)).collect())
    }

    /// What is in this and not in `other`.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for &(first, last) in &self.0 {
            let mut next = first;
            for &(from, until) in other.0.iter().filter(|(from, until)| *until >= first && *from <= last) {
                if from > next {
                    left.push((next, from - 1));
                }
                next = until.saturating_add(1);
            }
            if next <= last {
                left.push((next, last));
            }
        }
        Self(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visibility::can_see;
    use proptest::prelude::*;

    const END: u64 = 30;

    fn intervals() -> impl Strategy<Value = Vec<Interval>> {
        let one = (1..END, 0..END, any::<bool>(), any::<bool>()).prop_map(|(since, length, all, open)| {
            let until = if open { None } else { Some(since + length) };
            Interval { since, from: if all { 1 } else { since }, until }
        });
        proptest::collection::vec(one, 0..5)
    }

    fn listed(spans: &Spans) -> Vec<u64> {
        spans.ranges().iter().flat_map(|(first, last)| *first..=*last).collect()
    }

    proptest! {
        #[test]
        fn spans_are_what_can_be_seen(intervals in intervals(), head in 0..END) {
            let spans = Spans::visible(&intervals, head);
            let seen: Vec<u64> = (1..=head).filter(|seq| can_see(&intervals, *seq)).collect();
            prop_assert_eq!(listed(&spans), seen);
            let apart = spans.ranges().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0);
            prop_assert!(apart);
        }

        #[test]
        fn cuts_and_differences_are_those_of_sets(
            one in intervals(), other in intervals(), head in 0..END, limit in 0..END,
        ) {
            let (one, other) = (Spans::visible(&one, head), Spans::visible(&other, head));
            let (all, gone) = (listed(&one), listed(&other));
            let keep = |rule: &dyn Fn(&u64) -> bool| all.iter().copied().filter(rule).collect::<Vec<_>>();
            prop_assert_eq!(listed(&one.without(&other)), keep(&|seq| !gone.contains(seq)));
            prop_assert_eq!(listed(&one.up_to(limit)), keep(&|seq| *seq <= limit));
            prop_assert_eq!(listed(&one.from(limit)), keep(&|seq| *seq >= limit));
            prop_assert_eq!(one.last(), all.last().copied().unwrap_or_default());
            prop_assert_eq!(one.is_empty(), all.is_empty());
            if limit <= head {
                prop_assert_eq!(one.holds_all(limit, head), (limit..=head).all(|seq| all.contains(&seq)));
            }
        }
    }
}
