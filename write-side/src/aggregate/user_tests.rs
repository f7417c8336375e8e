use hansard_events::{DeviceId, StreamName};
use uuid::Uuid;

use super::super::testing::{Given, person};
use super::*;

const ADA: u128 = 1;

fn profile(display_name: &str) -> Profile {
    Profile { username: "ada".to_owned(), display_name: display_name.to_owned() }
}

fn nobody() -> Given<User> {
    Given::nothing(StreamName::User(person(ADA)))
}

fn ada() -> Given<User> {
    nobody().event(person(ADA), &UserEvent::Registered { profile: Private::Open(profile("Ada")) })
}

fn session(number: u128) -> SessionId {
    SessionId::new(Uuid::from_u128(number)).unwrap()
}

fn label() -> DeviceLabel {
    DeviceLabel { name: "laptop".to_owned(), platform: "web".to_owned() }
}

fn open(number: u128) -> UserCommand {
    let device = DeviceId::new(Uuid::from_u128(9)).unwrap();
    UserCommand::OpenSession { session: session(number), device, label: label() }
}

fn opened(number: u128) -> UserEvent {
    let device = DeviceId::new(Uuid::from_u128(9)).unwrap();
    UserEvent::SessionOpened { session: session(number), device, label: Private::Open(label()) }
}

fn close(number: u128) -> UserCommand {
    UserCommand::CloseSession { session: session(number), reason: SessionEnd::SignedOut }
}

fn closed(number: u128, reason: SessionEnd) -> UserEvent {
    UserEvent::SessionClosed { session: session(number), reason }
}

#[test]
fn a_person_registers_once() {
    let register = UserCommand::Register { profile: profile("Ada") };
    let registered = UserEvent::Registered { profile: Private::Open(profile("Ada")) };
    nobody().when(person(ADA), &register).then([registered]);
    ada().when(person(ADA), &register).then_nothing();
}

#[test]
fn nothing_is_possible_before_registration() {
    let conversation = ConversationId::direct(person(1), person(2));
    for command in [
        UserCommand::ChangeProfile { profile: profile("Ada") },
        UserCommand::GrantRole { role: ServerRole::Admin },
        UserCommand::RevokeRole { role: ServerRole::Admin },
        open(1),
        close(1),
        UserCommand::MoveMark { conversation, read: Some(1), received: None },
    ] {
        nobody().when(person(ADA), &command).then_rejected(Rejection::UserNotFound);
    }
}

#[test]
fn a_profile_is_replaced_within_the_limits() {
    let change = |name: &str| UserCommand::ChangeProfile { profile: profile(name) };
    let changed = UserEvent::ProfileChanged { profile: Private::Open(profile("Ada L.")) };
    ada().when(person(ADA), &change("Ada L.")).then([changed]);
    let limit = limits::DISPLAY_NAME_CHARS;
    let too_large = Rejection::TooLarge { field: "display_name", limit };
    ada().when(person(ADA), &change(&"x".repeat(limit + 1))).then_rejected(too_large);
    let empty = Rejection::Invalid { field: "display_name", detail: "it must not be empty" };
    ada().when(person(ADA), &change("")).then_rejected(empty);
}

#[test]
fn roles_are_given_and_taken_once() {
    let role = ServerRole::Auditor;
    let (grant, revoke) = (UserCommand::GrantRole { role }, UserCommand::RevokeRole { role });
    ada().when(person(ADA), &grant).then([UserEvent::RoleGranted { role }]);
    ada().when(person(ADA), &revoke).then_nothing();
    let auditor = ada().event(person(ADA), &UserEvent::RoleGranted { role });
    auditor.when(person(ADA), &grant).then_nothing();
    auditor.when(person(ADA), &revoke).then([UserEvent::RoleRevoked { role }]);
    let former = auditor.event(person(ADA), &UserEvent::RoleRevoked { role });
    former.when(person(ADA), &grant).then([UserEvent::RoleGranted { role }]);
}

#[test]
fn a_session_opens_and_closes_once() {
    ada().when(person(ADA), &open(1)).then([opened(1)]);
    ada().when(person(ADA), &close(1)).then_rejected(Rejection::SessionNotFound);
    let signed_in = ada().event(person(ADA), &opened(1));
    signed_in.when(person(ADA), &open(1)).then_nothing();
    signed_in.when(person(ADA), &close(1)).then([closed(1, SessionEnd::SignedOut)]);
    let signed_out = signed_in.event(person(ADA), &closed(1, SessionEnd::SignedOut));
    signed_out.when(person(ADA), &close(1)).then_nothing();
    let again = Rejection::Invalid { field: "session", detail: "it has been closed" };
    signed_out.when(person(ADA), &open(1)).then_rejected(again);
}

#[test]
fn the_oldest_session_gives_way_when_there_are_too_many() {
    let most = limits::OPEN_SESSIONS as u128;
    let full = (1..=most).fold(ada(), |given, number| given.event(person(ADA), &opened(number)));
    full.when(person(ADA), &open(most + 1)).then([closed(1, SessionEnd::Revoked), opened(most + 1)]);
}

#[test]
fn what_is_remembered_of_closed_sessions_is_bounded() {
    let mut given = ada();
    for number in 1..=300 {
        given = given.event(person(ADA), &opened(number));
        given = given.event(person(ADA), &closed(number, SessionEnd::SignedOut));
    }
    assert_eq!(given.state.head.closed.len(), CLOSED_SESSIONS);
    given.when(person(ADA), &close(300)).then_nothing();
    given.when(person(ADA), &close(1)).then_rejected(Rejection::SessionNotFound);
}

#[test]
fn marks_move_forward_only_and_what_is_read_is_received() {
    let conversation = ConversationId::direct(person(1), person(2));
    let to = |read, received| UserCommand::MoveMark { conversation, read, received };
    let moved = |read, received| UserEvent::MarkMoved { conversation, read, received };
    ada().when(person(ADA), &to(Some(5), None)).then([moved(5, 5)]);
    ada().when(person(ADA), &to(None, Some(3))).then([moved(0, 3)]);
    ada().when(person(ADA), &to(None, None)).then_nothing();
    let given = ada().event(person(ADA), &moved(5, 8));
    given.when(person(ADA), &to(Some(4), Some(8))).then_nothing();
    given.when(person(ADA), &to(Some(6), Some(1))).then([moved(6, 8)]);
    given.when(person(ADA), &to(Some(9), None)).then([moved(9, 9)]);
}
