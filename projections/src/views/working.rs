//! The rows that a batch touches: what was loaded, what it became, and so what is to be written.

use std::collections::{BTreeMap, BTreeSet};

use hansard_events::StreamName;
use uuid::Uuid;

use super::rows::{
    ConversationRow, EditRow, IntervalRow, MarkRow, MemberRow, PositionRow, QuarantineRow, SessionRow,
    StreamEventRow, TimelineRow, UserRow,
};
use super::table::{Record, Table};
use crate::db::{Row, Value, ViewError};

/// Rows of one table, each as its columns' values.
pub(crate) type Rows = (&'static Table, Vec<Vec<Value>>);

/// What one batch writes, in one transaction and in this order of fields.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Rows by key that go.
    pub(crate) deletes: Vec<Rows>,
    /// Rows that are not there yet: that one is there already is damage.
    pub(crate) inserts: Vec<Rows>,
    /// Rows that are written over whether they are there or not.
    pub(crate) upserts: Vec<Rows>,
    /// Messages whose bodies go from the events and from the kept revisions that carry them.
    pub(crate) recalls: Vec<(Uuid, i64)>,
}

impl Changes {
    /// How many rows are written.
    pub(crate) fn rows(&self) -> usize {
        let all = self.deletes.iter().chain(&self.inserts).chain(&self.upserts);
        all.map(|(_, rows)| rows.len()).sum::<usize>() + self.recalls.len()
    }
}

#[derive(Debug)]
struct Slot<R> {
    now: Option<R>,
    stored: bool,
    changed: bool,
}

/// The rows of one table that a batch has to do with.
#[derive(Debug)]
pub(crate) struct Tracked<R: Record> {
    rows: BTreeMap<R::Key, Slot<R>>,
}

impl<R: Record> Default for Tracked<R> {
    fn default() -> Self {
        Self { rows: BTreeMap::new() }
    }
}

impl<R: Record> Tracked<R> {
    /// Takes what the database has.
    pub(crate) fn load(&mut self, rows: Vec<Row>) -> Result<(), ViewError> {
        for row in rows {
            let row = R::from_row(row)?;
            self.rows.insert(row.key(), Slot { now: Some(row), stored: true, changed: false });
        }
        Ok(())
    }

    /// The row as it is by now.
    pub(crate) fn get(&self, key: &R::Key) -> Option<&R> {
        self.rows.get(key)?.now.as_ref()
    }

    /// The row, to be changed.
    pub(crate) fn change(&mut self, key: &R::Key) -> Option<&mut R> {
        let slot = self.rows.get_mut(key)?;
        slot.changed |= slot.now.is_some();
        slot.now.as_mut()
    }

    /// Puts a row that was loaded, or that the database does not have.
    pub(crate) fn put(&mut self, row: R) {
        self.place(row, false);
    }

    /// Puts a row of which it is not known whether the database has it.
    pub(crate) fn overwrite(&mut self, row: R) {
        self.place(row, true);
    }

    fn place(&mut self, row: R, stored: bool) {
        let slot = self.rows.entry(row.key()).or_insert(Slot { now: None, stored, changed: true });
        slot.now = Some(row);
        slot.changed = true;
    }

    /// Takes a row away.
    pub(crate) fn remove(&mut self, key: &R::Key) -> Option<R> {
        let slot = self.rows.get_mut(key)?;
        slot.changed = true;
        slot.now.take()
    }

    fn drain_into(self, changes: &mut Changes) {
        let (mut deletes, mut inserts, mut upserts) = (Vec::new(), Vec::new(), Vec::new());
        for (key, slot) in self.rows {
            match (slot.now, slot.stored) {
                (Some(row), true) if slot.changed => upserts.push(row.into_values()),
                (Some(row), false) => inserts.push(row.into_values()),
                (None, true) => deletes.push(R::key_values(&key)),
                (Some(_), true) | (None, false) => {}
            }
        }
        let into = [
            (deletes, &mut changes.deletes),
            (inserts, &mut changes.inserts),
            (upserts, &mut changes.upserts),
        ];
        for (rows, list) in into {
            if !rows.is_empty() {
                list.push((R::TABLE, rows));
            }
        }
    }
}

/// Everything that a batch works on.
#[derive(Debug, Default)]
pub(crate) struct Working {
    pub(crate) positions: Tracked<PositionRow>,
    pub(crate) quarantine: Tracked<QuarantineRow>,
    pub(crate) users: Tracked<UserRow>,
    pub(crate) sessions: Tracked<SessionRow>,
    pub(crate) conversations: Tracked<ConversationRow>,
    pub(crate) members: Tracked<MemberRow>,
    pub(crate) intervals: Tracked<IntervalRow>,
    pub(crate) timeline: Tracked<TimelineRow>,
    pub(crate) edits: Tracked<EditRow>,
    pub(crate) marks: Tracked<MarkRow>,
    pub(crate) stream_events: Tracked<StreamEventRow>,
    pub(crate) recalls: BTreeSet<(Uuid, i64)>,
    /// Streams that are left out, those of this batch included.
    pub(crate) left_out: BTreeSet<StreamName>,
}

impl Working {
    /// What is to be written.
    pub(crate) fn into_changes(self) -> Changes {
        let mut changes = Changes { recalls: self.recalls.into_iter().collect(), ..Changes::default() };
        self.positions.drain_into(&mut changes);
        self.quarantine.drain_into(&mut changes);
        self.users.drain_into(&mut changes);
        self.sessions.drain_into(&mut changes);
        self.conversations.drain_into(&mut changes);
        self.members.drain_into(&mut changes);
        self.intervals.drain_into(&mut changes);
        self.timeline.drain_into(&mut changes);
        self.edits.drain_into(&mut changes);
        self.marks.drain_into(&mut changes);
        self.stream_events.drain_into(&mut changes);
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(role: &str) -> MemberRow {
        let id = Uuid::nil();
        MemberRow { conversation: id, user_id: id, role: role.to_owned(), since: 1, last_sent: 0 }
    }

    fn counts(tracked: Tracked<MemberRow>) -> [usize; 3] {
        let mut changes = Changes::default();
        tracked.drain_into(&mut changes);
        [changes.deletes, changes.inserts, changes.upserts]
            .map(|list| list.iter().map(|(_, rows)| rows.len()).sum())
    }

    #[test]
    fn only_what_differs_from_the_database_is_written() {
        let key = row("member").key();
        let loaded = || {
            let mut tracked = Tracked::<MemberRow>::default();
            tracked.load(vec![Row(row("member").into_values())]).unwrap();
            tracked
        };
        assert_eq!(counts(loaded()), [0, 0, 0]);

        let mut changed = loaded();
        changed.change(&key).unwrap().last_sent = 7;
        assert_eq!(counts(changed), [0, 0, 1]);

        let mut gone = loaded();
        assert!(gone.remove(&key).is_some() && gone.get(&key).is_none());
        assert_eq!(counts(gone), [1, 0, 0]);

        let mut back = loaded();
        back.remove(&key);
        back.put(row("admin"));
        assert_eq!(counts(back), [0, 0, 1]);

        let mut short = Tracked::default();
        short.put(row("member"));
        short.remove(&key);
        assert_eq!(counts(short), [0, 0, 0]);

        let mut unknown = Tracked::default();
        unknown.overwrite(row("member"));
        assert_eq!(counts(unknown), [0, 0, 1]);
    }
}
