//! Who is in a conversation, as what, and who was.

use std::collections::HashMap;

use hansard_events::{MemberRole, UserId};
use serde::{Deserialize, Serialize};

/// How many former stays of one person are remembered; older ones count as never having been.
const FORMER_STAYS: usize = 16;

/// One person's part in a conversation, now or formerly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Membership {
    /// `None` for who has left.
    pub(crate) role: Option<MemberRole>,
    /// The `seq` of the event that made them a member the last time.
    pub(crate) since: u64,
    /// Earlier stays, oldest first.
    pub(crate) stays: Vec<Stay>,
}

/// From the `seq` of coming to that of leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stay {
    pub(crate) from: u64,
    pub(crate) until: u64,
}

impl Membership {
    /// Whether the person was a member at `seq`.
    pub(crate) fn covers(&self, seq: u64) -> bool {
        let now = self.role.is_some() && seq >= self.since;
        now || self.stays.iter().any(|stay| (stay.from..=stay.until).contains(&seq))
    }
}

/// Everyone who is or was a member.
#[derive(Debug, Default)]
pub(crate) struct Members {
    all: HashMap<UserId, Membership>,
    present: usize,
    owners: usize,
}

impl Members {
    /// The role of somebody who is a member now.
    pub(crate) fn role(&self, user: UserId) -> Option<MemberRole> {
        self.all.get(&user)?.role
    }

    pub(crate) fn get(&self, user: UserId) -> Option<&Membership> {
        self.all.get(&user)
    }

    /// How many are members now.
    pub(crate) const fn present(&self) -> usize {
        self.present
    }

    /// How many are owners now.
    pub(crate) const fn owners(&self) -> usize {
        self.owners
    }

    /// Takes in what was kept of somebody.
    pub(crate) fn restore(&mut self, user: UserId, membership: Membership) {
        self.count(membership.role, 1);
        self.all.insert(user, membership);
    }

    /// Somebody comes with the event `version`; who is here already keeps their place.
    pub(super) fn enter(&mut self, user: UserId, role: MemberRole, version: u64) {
        let membership = self.all.entry(user).or_default();
        if membership.role.is_none() {
            membership.since = version;
            membership.role = Some(role);
            self.count(Some(role), 1);
        }
    }

    /// Somebody goes with the event `version`.
    pub(super) fn exit(&mut self, user: UserId, version: u64) {
        let Some(membership) = self.all.get_mut(&user) else { return };
        let Some(role) = membership.role.take() else { return };
        if membership.stays.len() == FORMER_STAYS {
            membership.stays.remove(0);
        }
        membership.stays.push(Stay { from: membership.since, until: version });
        self.count(Some(role), -1);
    }

    /// Somebody who is here gets another role.
    pub(super) fn change_role(&mut self, user: UserId, role: MemberRole) {
        let Some(current) = self.all.get_mut(&user).and_then(|membership| membership.role.as_mut()) else {
            return;
        };
        let before = std::mem::replace(current, role);
        self.count(Some(before), -1);
        self.count(Some(role), 1);
    }

    fn count(&mut self, role: Option<MemberRole>, change: isize) {
        let Some(role) = role else { return };
        self.present = self.present.saturating_add_signed(change);
        if role == MemberRole::Owner {
            self.owners = self.owners.saturating_add_signed(change);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_membership_covers_its_stays_and_nothing_between() {
        let ada = UserId::new(Uuid::from_u128(1)).unwrap();
        let mut members = Members::default();
        members.enter(ada, MemberRole::Member, 3);
        members.exit(ada, 6);
        members.enter(ada, MemberRole::Owner, 9);
        members.enter(ada, MemberRole::Member, 12);
        let covered: Vec<u64> = (1..=13).filter(|seq| members.get(ada).unwrap().covers(*seq)).collect();
        assert_eq!(covered, [3, 4, 5, 6, 9, 10, 11, 12, 13]);
        assert_eq!((members.present(), members.owners()), (1, 1));
        members.exit(ada, 14);
        members.exit(ada, 15);
        assert_eq!((members.present(), members.owners()), (0, 0));
        assert!(!members.get(ada).unwrap().covers(15));
    }

    #[test]
    fn what_is_remembered_of_coming_and_going_is_bounded() {
        let ada = UserId::new(Uuid::from_u128(1)).unwrap();
        let mut members = Members::default();
        for turn in 0..100 {
            members.enter(ada, MemberRole::Member, turn * 10 + 1);
            members.exit(ada, turn * 10 + 5);
        }
        let membership = members.get(ada).unwrap();
        assert_eq!(membership.stays.len(), FORMER_STAYS);
        assert!(membership.covers(993) && !membership.covers(3));
    }
}
