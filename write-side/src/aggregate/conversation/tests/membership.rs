use hansard_events::limits;

use super::*;

fn add(numbers: &[u128]) -> Wanted {
    Wanted::Add { users: numbers.iter().map(|number| person(*number)).collect() }
}

fn added(numbers: &[u128]) -> Happened {
    let members = numbers.iter().map(|number| member(*number, MemberRole::Member)).collect();
    Happened::MembersAdded { members }
}

fn remove(number: u128) -> Wanted {
    Wanted::Remove { user: person(number) }
}

fn removed(number: u128) -> Happened {
    Happened::MemberRemoved { user: person(number) }
}

fn change(number: u128, role: MemberRole) -> Wanted {
    Wanted::ChangeRole { user: person(number), role }
}

fn changed(number: u128, role: MemberRole) -> Happened {
    Happened::MemberRoleChanged { user: person(number), role }
}

fn everything() -> Vec<Wanted> {
    vec![
        Wanted::Leave,
        add(&[7]),
        remove(MAX),
        change(MAX, MemberRole::Admin),
        Wanted::Rename { title: "New".to_owned() },
        send(),
        Wanted::Edit { message: 2, body: hello() },
        Wanted::Recall { message: 2 },
    ]
}

#[test]
fn who_is_not_a_member_learns_nothing() {
    let nothing: Given<Conversation> = Given::nothing(somewhere());
    let left = channel().event(person(MAX), &Happened::MemberLeft {});
    for command in everything() {
        nothing.when(person(OLGA), &command).then_rejected(Rejection::ConversationNotFound);
        group().when(person(EVE), &command).then_rejected(Rejection::ConversationNotFound);
        direct().when(person(EVE), &command).then_rejected(Rejection::ConversationNotFound);
        left.when(person(MAX), &command).then_rejected(Rejection::ConversationNotFound);
    }
    nothing.when(person(OLGA), &Wanted::Join).then_rejected(Rejection::ConversationNotFound);
    group().when(person(EVE), &Wanted::Join).then_rejected(Rejection::ConversationNotFound);
}

#[test]
fn anyone_joins_a_channel_also_again() {
    channel().when(person(EVE), &Wanted::Join).then([Happened::MemberJoined {}]);
    channel().when(person(MAX), &Wanted::Join).then_nothing();
    group().when(person(MAX), &Wanted::Join).then_rejected(Rejection::NotJoinable);
    let without_max = channel().event(person(OLGA), &removed(MAX));
    without_max.when(person(MAX), &Wanted::Join).then([Happened::MemberJoined {}]);
}

#[test]
fn an_owner_leaves_only_if_another_stays_or_nobody_does() {
    group().when(person(MAX), &Wanted::Leave).then([Happened::MemberLeft {}]);
    group().when(person(OLGA), &Wanted::Leave).then_rejected(Rejection::LastOwner);
    let two_owners = group().event(person(OLGA), &changed(ADA, MemberRole::Owner));
    two_owners.when(person(OLGA), &Wanted::Leave).then([Happened::MemberLeft {}]);
    let alone = group().event(person(OLGA), &removed(ADA)).event(person(OLGA), &removed(MAX));
    alone.when(person(OLGA), &Wanted::Leave).then([Happened::MemberLeft {}]);
}

#[test]
fn admins_add_people_and_pass_over_who_is_there() {
    group().when(person(ADA), &add(&[7, MAX, 8, 7])).then([added(&[7, 8])]);
    group().when(person(ADA), &add(&[MAX])).then_nothing();
    group().when(person(MAX), &add(&[7])).then_rejected(not_allowed(MemberRole::Admin));
    group().when(UserId::SYSTEM, &add(&[7])).then([added(&[7])]);
    let limit = limits::MEMBERS_PER_COMMAND;
    let crowd: Vec<u128> = (100..=100 + limit as u128).collect();
    group().when(person(ADA), &add(&crowd)).then_rejected(Rejection::TooLarge { field: "members", limit });
}

#[test]
fn a_conversation_holds_so_many_and_no_more() {
    let limit = limits::MEMBERS;
    let most: Vec<u128> = (100..97 + limit as u128).collect();
    let full = channel().event(person(OLGA), &added(&most));
    let too_many = Rejection::TooLarge { field: "members", limit };
    full.when(person(ADA), &add(&[EVE])).then_rejected(too_many.clone());
    full.when(person(EVE), &Wanted::Join).then_rejected(too_many);
    full.when(person(ADA), &add(&[MAX])).then_nothing();
    let with_room = full.event(person(MAX), &Happened::MemberLeft {});
    with_room.when(person(EVE), &Wanted::Join).then([Happened::MemberJoined {}]);
}

#[test]
fn people_are_removed_by_those_with_more_power() {
    group().when(person(ADA), &remove(MAX)).then([removed(MAX)]);
    group().when(person(OLGA), &remove(ADA)).then([removed(ADA)]);
    group().when(person(ADA), &remove(OLGA)).then_rejected(not_allowed(MemberRole::Owner));
    group().when(person(ADA), &remove(ADA)).then_rejected(not_allowed(MemberRole::Owner));
    group().when(person(MAX), &remove(MAX)).then_rejected(not_allowed(MemberRole::Admin));
    group().when(person(ADA), &remove(EVE)).then_rejected(Rejection::NotAMember);
    group().when(UserId::SYSTEM, &remove(ADA)).then([removed(ADA)]);
    group().when(UserId::SYSTEM, &remove(OLGA)).then_rejected(Rejection::LastOwner);
}

#[test]
fn owners_change_roles_but_the_last_owner_stays() {
    let promote = change(MAX, MemberRole::Admin);
    group().when(person(OLGA), &promote).then([changed(MAX, MemberRole::Admin)]);
    group().when(person(ADA), &promote).then_rejected(not_allowed(MemberRole::Owner));
    group().when(person(OLGA), &change(MAX, MemberRole::Member)).then_nothing();
    group().when(person(OLGA), &change(EVE, MemberRole::Admin)).then_rejected(Rejection::NotAMember);
    let step_down = change(OLGA, MemberRole::Member);
    group().when(person(OLGA), &step_down).then_rejected(Rejection::LastOwner);
    let two_owners = group().event(person(OLGA), &changed(ADA, MemberRole::Owner));
    two_owners.when(person(OLGA), &step_down).then([changed(OLGA, MemberRole::Member)]);
}

#[test]
fn admins_rename() {
    let rename = |title: &str| Wanted::Rename { title: title.to_owned() };
    let renamed = Happened::Renamed { title: Private::Open("New".to_owned()) };
    group().when(person(ADA), &rename("New")).then([renamed]);
    group().when(person(MAX), &rename("New")).then_rejected(not_allowed(MemberRole::Admin));
    let limit = limits::TITLE_CHARS;
    let too_large = Rejection::TooLarge { field: "title", limit };
    group().when(person(ADA), &rename(&"x".repeat(limit + 1))).then_rejected(too_large);
}

#[test]
fn nothing_changes_about_a_direct_conversation() {
    for command in everything().into_iter().take(5) {
        direct().when(person(ADA), &command).then_rejected(Rejection::DirectIsFixed);
    }
    direct().when(person(ADA), &Wanted::Join).then_rejected(Rejection::NotJoinable);
}
