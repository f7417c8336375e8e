use hansard_events::limits;

use super::*;

fn reply(to: u64) -> Wanted {
    Wanted::Send { kind: MessageKind::Text, body: hello(), reply_to: Some(to) }
}

fn replied(to: u64) -> Happened {
    Happened::MessageSent { kind: MessageKind::Text, reply_to: Some(to), body: Private::Open(hello()) }
}

fn edit(message: u64) -> Wanted {
    Wanted::Edit { message, body: json!({ "text": "better" }) }
}

fn edited(message: u64, author: u128) -> Happened {
    let body = Private::Open(json!({ "text": "better" }));
    Happened::MessageEdited {
        message,
        author: person(author),
        sent_at: noon(),
        kind: MessageKind::Text,
        body,
    }
}

fn recall(message: u64) -> Wanted {
    Wanted::Recall { message }
}

fn recalled(message: u64, author: u128) -> Happened {
    Happened::MessageRecalled { message, author: person(author) }
}

/// The group, in which Max has sent message 2.
fn said() -> Given<Conversation> {
    group().event(person(MAX), &sent())
}

#[test]
fn members_say_something_where_they_may() {
    group().when(person(MAX), &send()).then([sent()]);
    direct().when(person(MAX), &send()).then([sent()]);
    group().when(UserId::SYSTEM, &send()).then_rejected(Rejection::NotAMember);
    let board = given(ConversationKind::Channel, Posting::Admins);
    board.when(person(MAX), &send()).then_rejected(not_allowed(MemberRole::Admin));
    board.when(person(ADA), &send()).then([sent()]);
}

#[test]
fn a_body_has_the_shape_of_its_kind() {
    let say = |body| Wanted::Send { kind: MessageKind::Text, body, reply_to: None };
    let limit = limits::TEXT_BYTES;
    let invalid = |field, detail| Rejection::Invalid { field, detail };
    for (body, rejection) in [
        (json!("hello"), invalid("body", "an object is wanted")),
        (json!({}), invalid("body.text", "text is wanted")),
        (json!({ "text": 1 }), invalid("body.text", "text is wanted")),
        (json!({ "text": "" }), invalid("body.text", "it must not be empty")),
        (json!({ "text": "a", "html": "a" }), invalid("body", "only the field text is known")),
        (json!({ "text": "x".repeat(limit + 1) }), Rejection::TooLarge { field: "body.text", limit }),
    ] {
        group().when(person(MAX), &say(body.clone())).then_rejected(rejection.clone());
        said().when(person(MAX), &Wanted::Edit { message: 2, body }).then_rejected(rejection);
    }
}

#[test]
fn a_reply_is_to_a_message_that_is_there() {
    said().when(person(ADA), &reply(2)).then([replied(2)]);
    said().when(person(ADA), &reply(1)).then_rejected(Rejection::MessageNotFound);
    said().when(person(ADA), &reply(3)).then_rejected(Rejection::MessageNotFound);
    let taken_back = said().event(person(MAX), &recalled(2, MAX));
    taken_back.when(person(ADA), &reply(2)).then_rejected(Rejection::MessageRecalled);
}

#[test]
fn authors_edit_what_they_said() {
    said().when(person(MAX), &edit(2)).then([edited(2, MAX)]);
    said().when(person(OLGA), &edit(2)).then_rejected(Rejection::NotTheAuthor);
    said().when(person(MAX), &edit(1)).then_rejected(Rejection::MessageNotFound);
    let again = said().event(person(MAX), &edited(2, MAX));
    again.when(person(MAX), &edit(2)).then([edited(2, MAX)]);
    let taken_back = said().event(person(MAX), &recalled(2, MAX));
    taken_back.when(person(MAX), &edit(2)).then_rejected(Rejection::MessageRecalled);
}

#[test]
fn authors_and_admins_take_back_once() {
    said().when(person(MAX), &recall(2)).then([recalled(2, MAX)]);
    said().when(person(ADA), &recall(2)).then([recalled(2, MAX)]);
    said().when(person(MAX), &recall(3)).then_rejected(Rejection::MessageNotFound);
    let by_olga = group().event(person(OLGA), &sent());
    by_olga.when(person(MAX), &recall(2)).then_rejected(not_allowed(MemberRole::Admin));
    by_olga.when(person(ADA), &recall(2)).then([recalled(2, OLGA)]);
    let taken_back = said().event(person(ADA), &recalled(2, MAX));
    taken_back.when(person(MAX), &recall(2)).then_nothing();
}

#[test]
fn what_was_said_before_one_came_does_not_exist_unless_history_is_open() {
    let joined = channel().event(person(MAX), &sent()).event(person(EVE), &Happened::MemberJoined {});
    joined.when(person(EVE), &reply(2)).then_rejected(Rejection::MessageNotFound);
    joined.when(person(EVE), &edit(2)).then_rejected(Rejection::MessageNotFound);
    joined.when(person(EVE), &recall(2)).then_rejected(Rejection::MessageNotFound);
    let admin = Happened::MemberRoleChanged { user: person(EVE), role: MemberRole::Admin };
    let promoted = joined.event(person(OLGA), &admin);
    promoted.when(person(EVE), &recall(2)).then([recalled(2, MAX)]);
    let members = [member(OLGA, MemberRole::Owner)];
    let open = created(ConversationKind::Channel, HistoryAccess::All, Posting::Everyone, &members);
    let joined = Given::<Conversation>::nothing(somewhere())
        .event(person(OLGA), &open)
        .event(person(OLGA), &sent())
        .event(person(EVE), &Happened::MemberJoined {});
    joined.when(person(EVE), &reply(2)).then([replied(2)]);
}

#[test]
fn who_comes_back_finds_what_was_said_while_they_were_there() {
    let back = channel()
        .event(person(MAX), &sent())
        .event(person(MAX), &Happened::MemberLeft {})
        .event(person(ADA), &sent())
        .event(person(MAX), &Happened::MemberJoined {});
    back.when(person(MAX), &edit(2)).then([edited(2, MAX)]);
    back.when(person(MAX), &reply(4)).then_rejected(Rejection::MessageNotFound);
}
