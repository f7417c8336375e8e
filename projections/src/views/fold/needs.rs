//! Which rows a batch must see as they are before it is applied.

use std::collections::BTreeSet;

use hansard_events::{ConversationEvent, Event, StreamName, UserEvent};
use uuid::Uuid;

use super::int;
use crate::db::{Row, ViewError};
use crate::runtime::{Applicable, Entry};
use crate::views::rows::{ConversationRow, MemberRow, SessionRow, StreamEventRow, TimelineRow, UserRow};
use crate::views::table::Record;
use crate::views::working::{Rows, Working};

/// The keys of the rows to load.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    users: BTreeSet<(Uuid,)>,
    sessions: BTreeSet<(Uuid,)>,
    conversations: BTreeSet<(Uuid,)>,
    members: BTreeSet<(Uuid, Uuid)>,
    timeline: BTreeSet<(Uuid, i64)>,
    stream_events: BTreeSet<(String, i64)>,
}

impl Needs {
    /// What `commit` adds.
    pub(crate) fn add(&mut self, commit: &Applicable) {
        for entry in &commit.entries {
            let Entry::Event(recorded) = entry else { continue };
            match (&recorded.event, recorded.stream) {
                (Event::Conversation(event), StreamName::Conversation(id)) => {
                    self.conversation(id.as_uuid(), recorded.actor.as_uuid(), event);
                }
                (Event::User(event), StreamName::User(id)) => {
                    self.users.insert((id.as_uuid(),));
                    if let UserEvent::SessionOpened { session, .. }
                    | UserEvent::SessionClosed { session, .. } = event
                    {
                        self.sessions.insert((session.as_uuid(),));
                    }
                }
                (Event::Directory(_), StreamName::Directory) => {
                    let name = recorded.stream.to_string();
                    let version = int(recorded.version);
                    self.stream_events.insert((name.clone(), version.saturating_sub(1)));
                    self.stream_events.insert((name, version));
                }
                _ => {}
            }
        }
    }

    fn conversation(&mut self, id: Uuid, actor: Uuid, event: &ConversationEvent) {
        self.conversations.insert((id,));
        match event {
            ConversationEvent::MemberJoined {}
            | ConversationEvent::MemberLeft {}
            | ConversationEvent::MessageSent { .. } => {
                self.members.insert((id, actor));
            }
            ConversationEvent::MembersAdded { members } => {
                self.members.extend(members.iter().map(|member| (id, member.user.as_uuid())));
            }
            ConversationEvent::MemberRemoved { user } | ConversationEvent::MemberRoleChanged { user, .. } => {
                self.members.insert((id, user.as_uuid()));
            }
            ConversationEvent::MessageEdited { message, .. }
            | ConversationEvent::MessageRecalled { message, .. } => {
                self.timeline.insert((id, int(*message)));
            }
            // The members of a conversation that is only now made are not there yet.
            ConversationEvent::Created { .. } | ConversationEvent::Renamed { .. } => {}
        }
    }

    /// The look-ups to make, one a table, in the order that [`Needs::fill`] takes answers.
    pub(crate) fn look_ups(&self) -> Vec<Rows> {
        fn keys<R: Record>(keys: &BTreeSet<R::Key>) -> Rows {
            (R::TABLE, keys.iter().map(R::key_values).collect())
        }
        vec![
            keys::<UserRow>(&self.users),
            keys::<SessionRow>(&self.sessions),
            keys::<ConversationRow>(&self.conversations),
            keys::<MemberRow>(&self.members),
            keys::<TimelineRow>(&self.timeline),
            keys::<StreamEventRow>(&self.stream_events),
        ]
    }

    /// Hands the answers to [`Needs::look_ups`] to `working`.
    pub(crate) fn fill(working: &mut Working, answers: Vec<Vec<Row>>) -> Result<(), ViewError> {
        let mut answers = answers.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        working.users.load(next())?;
        working.sessions.load(next())?;
        working.conversations.load(next())?;
        working.members.load(next())?;
        working.timeline.load(next())?;
        working.stream_events.load(next())
    }
}
