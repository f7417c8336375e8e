//! What is there after a restart, and what refuses to start.

use hansard_events::{ConversationId, Fault, MessageKind, PartitionId, Position, Profile, Sequence, sha256};
use hansard_write_side::{
    Command, CommandBody, CommandBus as _, CommandError, ConversationCommand as Wanted, DirectoryCommand,
    Rejection, StartError, UserCommand,
};
use serde_json::json;

use super::world::{World, person};

fn on(world: &World, actor: u128, conversation: ConversationId, command: Wanted) -> Command {
    world.command(actor, CommandBody::Conversation { conversation, command })
}

fn reply(to: u64) -> Wanted {
    Wanted::Send { kind: MessageKind::Text, body: json!({ "text": "yes" }), reply_to: Some(to) }
}

fn small() -> World {
    World::with_limits(1, |limits| {
        (limits.recent_messages, limits.warm_streams, limits.flush_commands) = (4, 2, 3);
    })
}

const fn position(sequence: u64) -> Position {
    Position { partition: PartitionId(0), sequence: Sequence(sequence) }
}

#[tokio::test]
async fn old_messages_are_looked_up() {
    let world = small();
    let mut bus = world.start().await;
    let group = world.group(&bus, &[2]).await;
    for number in 2..40 {
        bus.dispatch(world.say(1 + number % 2, group, "hello")).await.unwrap();
    }
    let rejected = |rejection: Rejection| Err(CommandError::Rejected(rejection));
    let edit = |message| Wanted::Edit { message, body: json!({ "text": "better" }) };
    for turn in 0..3_u64 {
        let (old, gone) = (2 + turn * 2, 3 + turn * 2);
        bus.dispatch(on(&world, 2, group, reply(old))).await.unwrap();
        bus.dispatch(on(&world, 1, group, edit(old))).await.unwrap();
        let not_mine = bus.dispatch(on(&world, 2, group, edit(old))).await;
        assert_eq!(not_mine, rejected(Rejection::NotTheAuthor));
        assert!(bus.dispatch(on(&world, 2, group, Wanted::Recall { message: gone })).await.unwrap().changed);
        for lose_state in [false, true] {
            let recall = on(&world, 2, group, Wanted::Recall { message: gone });
            assert!(!bus.dispatch(recall).await.unwrap().changed);
            let refused = bus.dispatch(on(&world, 1, group, reply(gone))).await;
            assert_eq!(refused, rejected(Rejection::MessageRecalled));
            let refused = bus.dispatch(on(&world, 1, group, reply(1))).await;
            assert_eq!(refused, rejected(Rejection::MessageNotFound));
            world.crash(bus).await;
            if lose_state {
                world.delete_state();
            }
            bus = world.start().await;
        }
    }
    world.verify();
}

#[tokio::test]
async fn many_streams_go_cold_and_come_back() {
    let world = small();
    let bus = world.start().await;
    let mut groups = Vec::new();
    for _ in 0..20 {
        groups.push(world.group(&bus, &[2]).await);
    }
    for turn in 2..6 {
        for group in &groups {
            assert_eq!(bus.dispatch(world.say(2, *group, "hello")).await.unwrap().version, turn);
        }
    }
    for group in &groups {
        let outsider = bus.dispatch(world.say(3, *group, "hello")).await;
        assert_eq!(outsider, Err(Rejection::ConversationNotFound.into()));
    }
    world.verify();
}

#[tokio::test]
async fn people_names_and_memberships_survive() {
    let world = World::new(1);
    let mut bus = world.start().await;
    let profile = Profile { username: "ada".to_owned(), display_name: "Ada".to_owned() };
    let of_ada = |command| CommandBody::User { user: person(1), command };
    let claim = |user: u128| {
        let (name, username) = (sha256(b"ada"), "ada".to_owned());
        CommandBody::Directory(DirectoryCommand::ClaimUsername { user: person(user), name, username })
    };
    let group = world.group(&bus, &[2, 3]).await;
    let mark = |read| UserCommand::MoveMark { conversation: group, read: Some(read), received: None };
    for body in [of_ada(UserCommand::Register { profile }), claim(1), of_ada(mark(7))] {
        bus.dispatch(world.command(1, body)).await.unwrap();
    }
    let remove = Wanted::Remove { user: person(3) };
    bus.dispatch(on(&world, 1, group, remove)).await.unwrap();
    for lose_state in [false, true, false] {
        bus.stop().await;
        world.crash(bus).await;
        if lose_state {
            world.delete_state();
        }
        bus = world.start().await;
        let taken = bus.dispatch(world.command(2, claim(2))).await;
        assert_eq!(taken, Err(Rejection::UsernameTaken.into()));
        assert!(!bus.dispatch(world.command(1, of_ada(mark(6)))).await.unwrap().changed);
        let removed = bus.dispatch(world.say(3, group, "still here?")).await;
        assert_eq!(removed, Err(Rejection::ConversationNotFound.into()));
        bus.dispatch(world.say(2, group, "yes")).await.unwrap();
    }
    world.verify();
}

#[tokio::test]
async fn a_crash_loses_nothing_that_was_accepted() {
    let world = World::new(2);
    let mut bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    let mut accepted = Vec::new();
    for turn in 0..10 {
        let commands: Vec<_> = (0..20).map(|_| world.say(1, group, "hello")).collect();
        if turn % 3 == 0 {
            world.log.inject(Fault::UnknownAppended);
        }
        let answers = bus.dispatch_all(commands.clone()).await;
        accepted.extend(commands.into_iter().zip(answers.into_iter().map(Result::unwrap)));
        world.crash(bus).await;
        bus = world.start().await;
    }
    for (command, before) in accepted {
        assert_eq!(bus.dispatch(command).await, Ok(before));
    }
    assert_eq!(world.messages(), 200);
}

#[tokio::test]
async fn a_log_that_has_lost_commits_refuses_to_start() {
    let world = World::new(1);
    let bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    for _ in 0..4 {
        bus.dispatch(world.say(1, group, "hello")).await.unwrap();
    }
    bus.stop().await;
    world.crash(bus).await;
    world.log.truncate(position(3));
    let refused = world.try_start().await.map(|_| ());
    assert_eq!(refused, Err(StartError::LogTooShort { head: position(3), seen: position(5) }));
    world.log.truncate(position(0));
    let refused = world.try_start().await.map(|_| ());
    assert_eq!(refused, Err(StartError::LogTooShort { head: position(0), seen: position(5) }));
}

#[tokio::test]
async fn a_log_that_was_changed_refuses_to_start() {
    let world = World::new(1);
    let bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    for _ in 0..3 {
        bus.dispatch(world.say(1, group, "hello")).await.unwrap();
    }
    bus.stop().await;
    world.crash(bus).await;
    let last = world.log.commits(PartitionId(0)).pop().unwrap();
    let mut changed = last.bytes.to_vec();
    changed[100] ^= 1;
    world.log.damage(position(4), Some(changed.into()));
    let refused = world.try_start().await.map(|_| ());
    assert_eq!(refused, Err(StartError::OtherLog { position: position(4) }));
    world.log.damage(position(4), Some(last.bytes));
    world.log.damage(position(2), None);
    world.start().await.stop().await;
    world.delete_state();
    let Err(StartError::Damaged(damage)) = world.try_start().await else { panic!("it is damaged") };
    assert_eq!(damage.position, position(2));
}

#[tokio::test]
async fn a_state_store_of_another_kind_is_made_again() {
    let world = World::new(1);
    let bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    bus.dispatch(world.say(1, group, "hello")).await.unwrap();
    bus.stop().await;
    world.crash(bus).await;
    let path = world.directory.path().join("state.db");
    let spoil: [&dyn Fn(); 3] = [
        &|| {
            let connection = rusqlite::Connection::open(&path).unwrap();
            connection.execute("UPDATE about SET schema = schema + 1", ()).unwrap();
            connection.execute("DELETE FROM members", ()).unwrap();
        },
        &|| std::fs::write(&path, b"this is no database, but it is long enough to look into").unwrap(),
        &|| std::fs::write(&path, b"").unwrap(),
    ];
    for (spoil, version) in spoil.into_iter().zip(3..) {
        spoil();
        let bus = world.start().await;
        assert_eq!(bus.dispatch(world.say(1, group, "hello")).await.unwrap().version, version);
        bus.stop().await;
        world.crash(bus).await;
    }
    world.verify();
}
