use hansard_events::limits;

use super::*;

fn create(kind: ConversationKind, title: Option<&str>, members: &[u128]) -> Wanted {
    Wanted::Create {
        kind,
        title: title.map(str::to_owned),
        history: HistoryAccess::Joined,
        posting: Posting::Admins,
        members: members.iter().map(|number| person(*number)).collect(),
    }
}

fn nothing() -> Given<Conversation> {
    Given::nothing(somewhere())
}

fn nothing_between(one: u128, other: u128) -> Given<Conversation> {
    Given::nothing(StreamName::Conversation(ConversationId::direct(person(one), person(other))))
}

fn direct_created(members: &[u128]) -> Happened {
    Happened::Created {
        kind: ConversationKind::Direct,
        history: HistoryAccess::All,
        posting: Posting::Everyone,
        members: members.iter().map(|number| member(*number, MemberRole::Member)).collect(),
        title: None,
    }
}

#[test]
fn the_creator_becomes_owner_and_everyone_is_named_once() {
    let members = [member(OLGA, MemberRole::Owner), member(MAX, MemberRole::Member)];
    for kind in [ConversationKind::Group, ConversationKind::Channel] {
        let expected = created(kind, HistoryAccess::Joined, Posting::Admins, &members);
        let command = create(kind, Some("Launch"), &[MAX, OLGA, MAX]);
        nothing().when(person(OLGA), &command).then([expected]);
    }
}

#[test]
fn what_the_server_creates_belongs_to_the_first_that_it_names() {
    let members = [member(MAX, MemberRole::Owner), member(ADA, MemberRole::Member)];
    let expected = created(ConversationKind::Group, HistoryAccess::Joined, Posting::Admins, &members);
    let command = create(ConversationKind::Group, Some("Launch"), &[MAX, ADA]);
    nothing().when(UserId::SYSTEM, &command).then([expected]);
    let pair = create(ConversationKind::Direct, None, &[MAX, ADA]);
    nothing_between(ADA, MAX).when(UserId::SYSTEM, &pair).then([direct_created(&[MAX, ADA])]);
}

#[test]
fn an_id_is_used_once() {
    let command = create(ConversationKind::Group, None, &[]);
    group().when(person(OLGA), &command).then_rejected(Rejection::ConversationExists);
    group().when(person(EVE), &command).then_rejected(Rejection::ConversationExists);
}

#[test]
fn a_direct_conversation_is_created_once_from_either_side() {
    let with = |other| create(ConversationKind::Direct, None, &[other]);
    nothing_between(ADA, MAX).when(person(ADA), &with(MAX)).then([direct_created(&[ADA, MAX])]);
    direct().when(person(MAX), &with(ADA)).then_nothing();
    direct().when(person(ADA), &with(MAX)).then_nothing();
    nothing_between(ADA, ADA).when(person(ADA), &with(ADA)).then([direct_created(&[ADA])]);
}

#[test]
fn a_direct_conversation_has_the_id_of_its_two_people_and_no_title() {
    let wrong_id = Rejection::Invalid {
        field: "conversation",
        detail: "it is not the id that follows from the two people",
    };
    let with_max = create(ConversationKind::Direct, None, &[MAX]);
    nothing().when(person(ADA), &with_max).then_rejected(wrong_id.clone());
    direct().when(person(EVE), &with_max).then_rejected(wrong_id);
    let titled = create(ConversationKind::Direct, Some("Us"), &[MAX]);
    nothing_between(ADA, MAX).when(person(ADA), &titled).then_rejected(Rejection::DirectIsFixed);
    let crowd = Rejection::Invalid { field: "members", detail: "exactly one other is wanted" };
    for members in [&[][..], &[MAX, OLGA]] {
        let command = create(ConversationKind::Direct, None, members);
        nothing_between(ADA, MAX).when(person(ADA), &command).then_rejected(crowd.clone());
    }
}

#[test]
fn titles_and_lists_of_people_have_limits() {
    let titled = |title: &str| create(ConversationKind::Group, Some(title), &[]);
    let limit = limits::TITLE_CHARS;
    let too_large = Rejection::TooLarge { field: "title", limit };
    nothing().when(person(OLGA), &titled(&"x".repeat(limit + 1))).then_rejected(too_large);
    let empty = Rejection::Invalid { field: "title", detail: "it must not be empty" };
    nothing().when(person(OLGA), &titled("")).then_rejected(empty);
    let crowd: Vec<u128> = (100..=100 + limits::MEMBERS_PER_COMMAND as u128).collect();
    let too_many = Rejection::TooLarge { field: "members", limit: limits::MEMBERS_PER_COMMAND };
    let command = create(ConversationKind::Group, None, &crowd);
    nothing().when(person(OLGA), &command).then_rejected(too_many);
    let system = Wanted::Add { users: vec![UserId::SYSTEM] };
    let nobody = Rejection::Invalid { field: "members", detail: "the server itself is nobody's companion" };
    group().when(person(OLGA), &system).then_rejected(nobody);
}
