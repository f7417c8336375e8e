//! Given, when, then for conversations.

mod creation;
mod membership;
mod messages;

use hansard_events::{
    ConversationEvent as Happened, ConversationId, ConversationKind, HistoryAccess, Member, MemberRole,
    MessageKind, Posting, Private, StreamName, UserId,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::ConversationCommand as Wanted;
use crate::aggregate::testing::{Given, noon, person};

// Owner, admin, member, and somebody from outside.
const OLGA: u128 = 1;
const ADA: u128 = 2;
const MAX: u128 = 3;
const EVE: u128 = 9;

fn somewhere() -> StreamName {
    StreamName::Conversation(ConversationId::new(Uuid::from_u128(77)).unwrap())
}

fn member(number: u128, role: MemberRole) -> Member {
    Member { user: person(number), role }
}

fn created(kind: ConversationKind, history: HistoryAccess, posting: Posting, members: &[Member]) -> Happened {
    let title = Some(Private::Open("Launch".to_owned()));
    Happened::Created { kind, history, posting, members: members.to_vec(), title }
}

/// A conversation with Olga (owner), Ada (admin) and Max (member); new members read from joining.
fn given(kind: ConversationKind, posting: Posting) -> Given<Conversation> {
    let members =
        [member(OLGA, MemberRole::Owner), member(ADA, MemberRole::Admin), member(MAX, MemberRole::Member)];
    Given::nothing(somewhere()).event(person(OLGA), &created(kind, HistoryAccess::Joined, posting, &members))
}

fn group() -> Given<Conversation> {
    given(ConversationKind::Group, Posting::Everyone)
}

fn channel() -> Given<Conversation> {
    given(ConversationKind::Channel, Posting::Everyone)
}

/// The direct conversation of Ada and Max.
fn direct() -> Given<Conversation> {
    let members = [member(ADA, MemberRole::Member), member(MAX, MemberRole::Member)];
    Given::nothing(StreamName::Conversation(ConversationId::direct(person(ADA), person(MAX)))).event(
        person(ADA),
        &Happened::Created {
            kind: ConversationKind::Direct,
            history: HistoryAccess::All,
            posting: Posting::Everyone,
            members: members.to_vec(),
            title: None,
        },
    )
}

fn hello() -> Value {
    json!({ "text": "hello" })
}

fn send() -> Wanted {
    Wanted::Send { kind: MessageKind::Text, body: hello(), reply_to: None }
}

fn sent() -> Happened {
    Happened::MessageSent { kind: MessageKind::Text, reply_to: None, body: Private::Open(hello()) }
}

fn not_allowed(needs: MemberRole) -> Rejection {
    Rejection::NotAllowed { needs }
}
