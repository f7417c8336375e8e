//! One suite for both databases.

mod events;
mod splits;

use hansard_events::{
    Body, ConversationEvent, ConversationId, ConversationKind, Event, HistoryAccess, Member, MemberRole,
    MessageKind, Posting, Private, Profile, StreamName, Timestamp, UserEvent, UserId,
};
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use super::compare::digest;
use super::{Views, ViewsConfig, ViewsProjection};
use crate::db::{Row, Value};
use crate::runtime::{Applicable, Projection as _};
use crate::testing::History;

/// A database of a test's own.
pub(crate) struct Backend {
    pub(crate) config: ViewsConfig,
    _directory: Option<TempDir>,
}

impl Backend {
    pub(crate) fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = ViewsConfig::Sqlite { directory: directory.path().to_owned() };
        Self { config, _directory: Some(directory) }
    }

    /// One of each kind.
    pub(crate) async fn all() -> Vec<Self> {
        vec![Self::sqlite()]
    }

    pub(crate) async fn open(&self) -> (ViewsProjection, Views) {
        ViewsProjection::open(&self.config).await.unwrap()
    }

    /// Views made of `commits`, all in one batch.
    pub(crate) async fn filled(&self, commits: &[Applicable]) -> Views {
        let (mut projection, views) = self.open().await;
        projection.apply(commits).await.unwrap();
        views
    }
}

/// What a query answers now.
pub(crate) async fn ask(views: &Views, sql: &'static str, parameters: &[Value]) -> Vec<Vec<Value>> {
    let rows = views.snapshot().await.unwrap().query(sql, parameters).await.unwrap();
    rows.into_iter().map(|Row(values)| values).collect()
}

/// The digest of everything in the views.
pub(crate) async fn sum(views: &Views) -> hansard_events::Digest {
    digest(views.snapshot().await.unwrap().as_mut()).await.unwrap()
}

pub(crate) fn person(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number)).unwrap()
}

pub(crate) fn room(number: u128) -> ConversationId {
    ConversationId::new(Uuid::from_u128(0xc000 + number)).unwrap()
}

pub(crate) fn text(text: &str) -> Private<Body> {
    Private::Open(json!({ "text": text }))
}

pub(crate) fn registered(name: &str) -> Event {
    let profile = Profile { username: name.to_owned(), display_name: name.to_uppercase() };
    Event::User(UserEvent::Registered { profile: Private::Open(profile) })
}

pub(crate) fn sent(body: Private<Body>) -> Event {
    let kind = MessageKind::Text;
    Event::Conversation(ConversationEvent::MessageSent { kind, reply_to: None, body })
}

pub(crate) fn edited(message: u64, author: UserId, body: Private<Body>) -> Event {
    let sent_at = Timestamp::from_millis(History::START).unwrap();
    let kind = MessageKind::Text;
    Event::Conversation(ConversationEvent::MessageEdited { message, author, sent_at, kind, body })
}

pub(crate) fn recalled(message: u64, author: UserId) -> Event {
    Event::Conversation(ConversationEvent::MessageRecalled { message, author })
}

pub(crate) fn created(history: HistoryAccess, members: &[(UserId, MemberRole)]) -> Event {
    let members = members.iter().map(|&(user, role)| Member { user, role }).collect();
    Event::Conversation(ConversationEvent::Created {
        kind: ConversationKind::Group,
        history,
        posting: Posting::Everyone,
        members,
        title: Some(Private::Open("Launch".to_owned())),
    })
}

/// Adds an event of a conversation.
pub(crate) fn say(history: &mut History, room: ConversationId, actor: UserId, event: Event) -> u64 {
    history.add(StreamName::Conversation(room), actor, event)
}

/// Adds an event of a person, done by themselves.
pub(crate) fn act(history: &mut History, who: UserId, event: Event) -> u64 {
    history.add(StreamName::User(who), who, event)
}
