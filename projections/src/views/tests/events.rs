//! Every type of event lands in the right rows.

use hansard_events::{
    ConversationEvent, ConversationKind, DeviceId, DeviceLabel, DirectoryEvent, Event, HistoryAccess, Member,
    MemberRole, Posting, Private, Profile, ServerRole, SessionEnd, SessionId, StreamName, UserEvent, UserId,
    sha256,
};
use uuid::Uuid;

use super::{Backend, act, ask, created, edited, person, recalled, registered, room, say, sent, text};
use crate::db::Value::{self, Null};
use crate::runtime::{Applicable, Entry, Projection as _};
use crate::testing::History;

const START: i64 = History::START;

fn int(number: i64) -> Value {
    Value::Int(number)
}

fn words(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn user(id: UserId) -> Value {
    Value::Uuid(id.as_uuid())
}

/// Applies a history to every database and asks each the same questions.
async fn expect(history: &mut History, questions: &[(&'static str, Vec<Vec<Value>>)]) {
    let commits = history.take();
    for backend in Backend::all().await {
        let views = backend.filled(&commits).await;
        for (sql, answer) in questions {
            assert_eq!(&ask(&views, sql, &[]).await, answer, "{:?}: {sql}", backend.config);
        }
    }
}

#[tokio::test]
async fn people_have_names_roles_and_sessions() {
    let (ada, bob) = (person(1), person(2));
    let [open, closed] = [7, 8].map(|id| SessionId::new(Uuid::from_u128(id)).unwrap());
    let device = DeviceId::new(Uuid::from_u128(9)).unwrap();
    let label = || Private::Open(DeviceLabel { name: "laptop\0".to_owned(), platform: "web".to_owned() });
    let mut history = History::new(1);
    let claim = |user: UserId| {
        let username = Private::Open("x".to_owned());
        Event::Directory(DirectoryEvent::UsernameClaimed { user, name: sha256(b"x"), username })
    };
    history.add(StreamName::Directory, ada, claim(ada));
    history.add(StreamName::Directory, bob, claim(bob));
    act(&mut history, ada, registered("Ａda"));
    act(&mut history, bob, registered("bob"));
    for event in [
        UserEvent::RoleGranted { role: ServerRole::Admin },
        UserEvent::RoleGranted { role: ServerRole::Analyst },
        UserEvent::RoleGranted { role: ServerRole::Auditor },
        UserEvent::RoleRevoked { role: ServerRole::Admin },
        UserEvent::SessionOpened { session: open, device, label: label() },
        UserEvent::SessionOpened { session: closed, device, label: Private::Erased },
        UserEvent::SessionClosed { session: closed, reason: SessionEnd::TokenReused },
    ] {
        act(&mut history, ada, Event::User(event));
    }
    let profile = Profile { username: "bob".to_owned(), display_name: "Robert".to_owned() };
    act(&mut history, bob, Event::User(UserEvent::ProfileChanged { profile: Private::Open(profile) }));
    let session = |id: SessionId| Value::Uuid(id.as_uuid());
    expect(
        &mut history,
        &[
            (
                "SELECT id, username, username_fold, display_name, roles, registered_at, version FROM users
                 ORDER BY username_fold",
                vec![
                    vec![
                        user(ada),
                        words("Ａda"),
                        words("ada"),
                        words("ＡDA"),
                        words(r#"["analyst","auditor"]"#),
                        int(START + 2_000),
                        int(8),
                    ],
                    vec![
                        user(bob),
                        words("bob"),
                        words("bob"),
                        words("Robert"),
                        words("[]"),
                        int(START + 3_000),
                        int(2),
                    ],
                ],
            ),
            (
                "SELECT id, user_id, device_name, platform, opened_at, closed_at, reason FROM sessions
                 ORDER BY id",
                vec![
                    vec![
                        session(open),
                        user(ada),
                        words("laptop\u{fffd}"),
                        words("web"),
                        int(START + 8_000),
                        Null,
                        Null,
                    ],
                    vec![
                        session(closed),
                        user(ada),
                        Null,
                        Null,
                        int(START + 9_000),
                        int(START + 10_000),
                        words("token_reused"),
                    ],
                ],
            ),
            (
                "SELECT stream, max(version), max(sequence) FROM stream_events GROUP BY stream
                 ORDER BY stream",
                vec![
                    vec![words("directory"), int(2), int(1)],
                    vec![words(&format!("user/{ada}")), int(8), int(1)],
                    vec![words(&format!("user/{bob}")), int(2), int(1)],
                ],
            ),
            ("SELECT count(*) FROM quarantine", vec![vec![int(0)]]),
        ],
    )
    .await;
}

#[tokio::test]
async fn memberships_leave_intervals_behind() {
    let [ada, bob, cyn, dan] = [1, 2, 3, 4].map(person);
    let mut history = History::new(1);
    for (number, access) in [(1, HistoryAccess::Joined), (2, HistoryAccess::All)] {
        let room = room(number);
        let members = [(ada, MemberRole::Owner), (bob, MemberRole::Member)];
        let add = |user, role| {
            Event::Conversation(ConversationEvent::MembersAdded { members: vec![Member { user, role }] })
        };
        say(&mut history, room, ada, created(access, &members));
        say(&mut history, room, bob, Event::Conversation(ConversationEvent::MemberLeft {}));
        say(&mut history, room, ada, add(cyn, MemberRole::Admin));
        say(&mut history, room, bob, Event::Conversation(ConversationEvent::MemberJoined {}));
        say(&mut history, room, bob, sent(text("back")));
        let role = ConversationEvent::MemberRoleChanged { user: bob, role: MemberRole::Admin };
        say(&mut history, room, ada, Event::Conversation(role));
        say(&mut history, room, ada, Event::Conversation(ConversationEvent::MemberRemoved { user: cyn }));
        say(&mut history, room, ada, add(dan, MemberRole::Member));
        // Who is a member already stays one as they are; who is none can't go.
        say(&mut history, room, ada, add(dan, MemberRole::Owner));
        say(&mut history, room, cyn, Event::Conversation(ConversationEvent::MemberLeft {}));
    }
    let member = |who, role, since: i64, last: i64| vec![user(who), words(role), int(since), int(last)];
    let members = vec![member(ada, "owner", 1, 0), member(bob, "admin", 4, 5), member(dan, "member", 8, 0)];
    let interval = |who, since: i64, from: i64, until| vec![user(who), int(since), int(from), until];
    expect(
        &mut history,
        &[
            (
                "SELECT user_id, role, since, last_sent FROM members
                 WHERE conversation IN (SELECT id FROM conversations WHERE history = 'joined')
                 ORDER BY user_id",
                members.clone(),
            ),
            (
                "SELECT user_id, role, since, last_sent FROM members
                 WHERE conversation IN (SELECT id FROM conversations WHERE history = 'all')
                 ORDER BY user_id",
                members,
            ),
            (
                "SELECT user_id, since, from_seq, until_seq FROM intervals
                 WHERE conversation IN (SELECT id FROM conversations WHERE history = 'joined')
                 ORDER BY user_id, since",
                vec![
                    interval(ada, 1, 1, Null),
                    interval(bob, 1, 1, int(2)),
                    interval(bob, 4, 4, Null),
                    interval(cyn, 3, 3, int(7)),
                    interval(dan, 8, 8, Null),
                ],
            ),
            (
                "SELECT user_id, since, from_seq, until_seq FROM intervals
                 WHERE conversation IN (SELECT id FROM conversations WHERE history = 'all')
                 ORDER BY user_id, since",
                vec![
                    interval(ada, 1, 1, Null),
                    interval(bob, 1, 1, int(2)),
                    interval(bob, 4, 1, Null),
                    interval(cyn, 3, 1, int(7)),
                    interval(dan, 8, 1, Null),
                ],
            ),
            (
                "SELECT member_count, head, messages, last_message FROM conversations",
                vec![vec![int(3), int(10), int(1), int(5)]; 2],
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn messages_are_edited_and_recalled() {
    let (ada, bob) = (person(1), person(2));
    let room = room(1);
    let mut history = History::new(1);
    let members = [(ada, MemberRole::Owner), (bob, MemberRole::Member)];
    say(&mut history, room, ada, created(HistoryAccess::Joined, &members));
    say(&mut history, room, ada, sent(text("one")));
    say(&mut history, room, bob, sent(text("two")));
    history.commit();
    say(&mut history, room, ada, edited(2, ada, text("One")));
    say(&mut history, room, ada, edited(2, ada, text("ONE")));
    say(&mut history, room, bob, edited(3, bob, text("Two")));
    history.commit();
    say(&mut history, room, bob, recalled(3, bob));
    say(&mut history, room, bob, edited(3, bob, text("too late")));
    say(&mut history, room, ada, sent(Private::Erased));
    let title = Private::Open("Läunch ２".to_owned());
    say(&mut history, room, ada, Event::Conversation(ConversationEvent::Renamed { title }));
    let body = |text: &str| words(&format!(r#"{{"text":"{text}"}}"#));
    let at = |seq: i64| int(START + (seq - 1) * 1_000);
    let row = |seq: i64, kind: &str, body: Value, number: i64| {
        let message = kind == "message.sent" || kind == "message.edited";
        let kind_column = if message { words("text") } else { Null };
        vec![int(seq), at(seq), words(kind), kind_column, body, int(number)]
    };
    expect(
        &mut history,
        &[
            (
                "SELECT seq, at, type, kind, body, message_number FROM timeline ORDER BY seq",
                vec![
                    row(1, "conversation.created", Null, 0),
                    row(2, "message.sent", body("ONE"), 1),
                    row(3, "message.sent", Null, 2),
                    row(4, "message.edited", body("One"), 2),
                    row(5, "message.edited", body("ONE"), 2),
                    row(6, "message.edited", Null, 2),
                    row(7, "message.recalled", Null, 2),
                    row(8, "message.edited", Null, 2),
                    row(9, "message.sent", Null, 3),
                    row(10, "conversation.renamed", Null, 3),
                ],
            ),
            (
                "SELECT seq, edited_at, edits, recalled_at FROM timeline WHERE type = 'message.sent'
                 ORDER BY seq",
                vec![
                    vec![int(2), at(5), int(2), Null],
                    vec![int(3), at(6), int(1), at(7)],
                    vec![int(9), Null, int(0), Null],
                ],
            ),
            (
                "SELECT seq, target FROM timeline WHERE target IS NOT NULL ORDER BY seq",
                [(4, 2), (5, 2), (6, 3), (7, 3), (8, 3)].map(|(seq, of)| vec![int(seq), int(of)]).to_vec(),
            ),
            (
                "SELECT message, number, at, body FROM edits ORDER BY message, number",
                vec![
                    vec![int(2), int(0), at(2), body("one")],
                    vec![int(2), int(1), at(4), body("One")],
                    vec![int(3), int(0), at(3), Null],
                ],
            ),
            (
                "SELECT data FROM timeline WHERE seq IN (2, 6, 7, 10) ORDER BY seq",
                vec![
                    vec![Null],
                    vec![words(&format!(
                        r#"{{"author":"{bob}","kind":"text","message":3,"sent_at":"2023-11-14T22:13:20.000Z"}}"#
                    ))],
                    vec![words(&format!(r#"{{"author":"{bob}","message":3}}"#))],
                    vec![words(r#"{"title":"Läunch ２"}"#)],
                ],
            ),
            (
                "SELECT title, title_fold, kind, posting, created_at, head, head_partition, head_sequence,
                 active_at, last_message, messages FROM conversations",
                vec![vec![
                    words("Läunch ２"),
                    words("läunch 2"),
                    words("group"),
                    words("everyone"),
                    at(1),
                    int(10),
                    int(0),
                    int(3),
                    at(10),
                    int(9),
                    int(3),
                ]],
            ),
            (
                "SELECT user_id, last_sent FROM members ORDER BY user_id",
                vec![vec![user(ada), int(9)], vec![user(bob), int(3)]],
            ),
            ("SELECT sequence FROM timeline WHERE seq IN (3, 4, 9) ORDER BY seq", vec![
                vec![int(1)],
                vec![int(2)],
                vec![int(3)],
            ]),
        ],
    )
    .await;
}

#[tokio::test]
async fn marks_are_where_they_were_moved_last() {
    let ada = person(1);
    let mut history = History::new(1);
    let moved = |read, received| Event::User(UserEvent::MarkMoved { conversation: room(1), read, received });
    act(&mut history, ada, registered("ada"));
    act(&mut history, ada, moved(1, 3));
    history.commit();
    act(&mut history, ada, moved(4, 4));
    expect(
        &mut history,
        &[(
            "SELECT user_id, read_seq, received_seq, at, partition_id, sequence FROM marks",
            vec![vec![user(ada), int(4), int(4), int(START + 2_000), int(0), int(2)]],
        )],
    )
    .await;
}

#[tokio::test]
async fn a_channel_without_a_title_and_an_erased_title_have_none() {
    let ada = person(1);
    let mut history = History::new(1);
    for (number, title) in [(1, None), (2, Some(Private::Erased))] {
        let (kind, history_access, posting) =
            (ConversationKind::Channel, HistoryAccess::All, Posting::Admins);
        let members = vec![Member { user: ada, role: MemberRole::Owner }];
        let event = ConversationEvent::Created { kind, history: history_access, posting, members, title };
        say(&mut history, room(number), ada, Event::Conversation(event));
    }
    let data = |title: &str| {
        words(&format!(
            r#"{{"history":"all","kind":"channel","members":[{{"role":"owner","user":"{ada}"}}],"posting":"admins"{title}}}"#
        ))
    };
    expect(
        &mut history,
        &[
            ("SELECT title, title_fold FROM conversations", vec![vec![Null, Null]; 2]),
            (
                "SELECT data FROM timeline ORDER BY conversation",
                vec![vec![data("")], vec![data(r#","title":null"#)]],
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_applied_stops_its_own_stream_until_a_rebuild() {
    let (ada, bob) = (person(1), person(2));
    let mut history = History::new(1);
    act(&mut history, ada, registered("ada"));
    act(&mut history, bob, registered("bob"));
    say(&mut history, room(1), ada, created(HistoryAccess::All, &[(ada, MemberRole::Owner)]));
    say(&mut history, room(2), ada, created(HistoryAccess::All, &[(ada, MemberRole::Owner)]));
    let partition = StreamName::Directory.partition(1);
    let unreadable = |stream, version| Entry::Unreadable { stream, version, reason: "odd\0".to_owned() };
    history.add_entry(partition, unreadable(Some(StreamName::User(bob)), 2));
    history.add_entry(partition, unreadable(None, 0));
    say(&mut history, room(2), ada, edited(7, ada, text("of nothing")));
    say(&mut history, room(3), ada, sent(text("nowhere")));
    say(&mut history, room(1), ada, sent(text("fine")));
    history.commit();
    // What comes later in these streams is left out, also after a restart.
    act(&mut history, bob, Event::User(UserEvent::RoleGranted { role: ServerRole::Admin }));
    say(&mut history, room(2), ada, sent(text("left out")));
    say(&mut history, room(1), ada, sent(text("fine too")));
    let commits = history.take();
    for backend in Backend::all().await {
        backend.filled(&commits[..1]).await;
        let views = backend.filled(&commits).await;
        let quarantined = ask(
            &views,
            "SELECT stream, version, partition_id, sequence, reason FROM quarantine ORDER BY stream",
            &[],
        )
        .await;
        let row = |stream: String, version: i64, reason: &str| {
            vec![words(&stream), int(version), int(0), int(1), words(reason)]
        };
        assert_eq!(
            quarantined,
            [
                row(
                    format!("conversation/{}", room(2)),
                    2,
                    "there is no message 7 for message.edited to act on"
                ),
                row(format!("conversation/{}", room(3)), 1, "the conversation is not created"),
                row("unknown@0-1:6".to_owned(), 0, "odd\u{fffd}"),
                row(format!("user/{bob}"), 2, "odd\u{fffd}"),
            ]
        );
        let heads = ask(&views, "SELECT head FROM conversations ORDER BY id", &[]).await;
        assert_eq!(heads, [[int(3)], [int(1)]]);
        let bob_now = ask(&views, "SELECT version, roles FROM users WHERE username = 'bob'", &[]).await;
        assert_eq!(bob_now, [[int(1), words("[]")]]);
    }
}

#[tokio::test]
async fn a_hole_in_a_stream_is_told_and_not_skipped() {
    let ada = person(1);
    let mut history = History::new(1);
    act(&mut history, ada, registered("ada"));
    say(&mut history, room(1), ada, created(HistoryAccess::All, &[(ada, MemberRole::Owner)]));
    let mut lost = History::new(1);
    std::mem::swap(&mut lost, &mut history);
    let mut commits = lost.take();
    // The event that is not there.
    say(&mut lost, room(1), ada, sent(text("lost")));
    act(&mut lost, ada, Event::User(UserEvent::RoleGranted { role: ServerRole::Admin }));
    let claim = DirectoryEvent::UsernameClaimed { user: ada, name: sha256(b"x"), username: Private::Erased };
    lost.add(StreamName::Directory, ada, Event::Directory(claim.clone()));
    let hole = lost.take().remove(0);
    say(&mut lost, room(1), ada, sent(text("after")));
    act(&mut lost, ada, Event::User(UserEvent::RoleGranted { role: ServerRole::Auditor }));
    lost.add(StreamName::Directory, ada, Event::Directory(claim));
    let after = lost.take().remove(0);
    commits.push(Applicable { position: hole.position, hash: hole.hash, entries: after.entries });
    for backend in Backend::all().await {
        let views = backend.filled(&commits).await;
        let rows = ask(&views, "SELECT stream, reason FROM quarantine ORDER BY stream", &[]).await;
        assert_eq!(
            rows,
            [
                [words(&format!("conversation/{}", room(1))), words("version 3 does not follow version 1")],
                [words("directory"), words("version 2 does not follow the one before")],
                [words(&format!("user/{ada}")), words("version 3 does not follow version 1")],
            ]
        );
    }
}

#[tokio::test]
async fn readers_wait_for_a_position_and_see_one_moment() {
    let ada = person(1);
    let mut history = History::new(1);
    act(&mut history, ada, registered("ada"));
    history.commit();
    act(&mut history, person(2), registered("bob"));
    let commits = history.take();
    for backend in Backend::all().await {
        let (mut projection, views) = backend.open().await;
        projection.apply(&commits[..1]).await.unwrap();
        let wanted = "0-2".parse().unwrap();
        assert!(!views.wait_for(&wanted, std::time::Duration::ZERO).await);
        let mut before = views.snapshot().await.unwrap();
        let waiting = views.clone();
        let waiter = tokio::spawn(async move {
            waiting.wait_for(&"0-2".parse().unwrap(), std::time::Duration::from_secs(60)).await
        });
        projection.apply(&commits[1..]).await.unwrap();
        assert!(waiter.await.unwrap());
        assert_eq!(before.as_of().to_string(), "0-1");
        let count = "SELECT count(*) FROM users";
        assert_eq!(before.query(count, &[]).await.unwrap()[0].int(0).unwrap(), 1);
        drop(before);
        let mut after = views.snapshot().await.unwrap();
        assert_eq!(after.as_of().to_string(), "0-2");
        let by_name = "SELECT id FROM users WHERE username = $1 AND version = $2";
        let each =
            [("bob", 1), ("ada", 1), ("ada", 2)].map(|(name, version)| vec![words(name), int(version)]);
        let rows = after.query_each(by_name, &each).await.unwrap();
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 0]);
        assert_eq!(rows[1][0].uuid(0).unwrap(), ada.as_uuid());
    }
}
