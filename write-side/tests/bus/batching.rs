//! Group commit, order, and what is told to listeners.

use std::time::{Duration, Instant};

use futures::future::join_all;
use hansard_events::{Log as _, MAX_COMMIT_BYTES, PartitionId, Private, limits};
use hansard_write_side::{CommandBus as _, CommandError};

use super::world::{World, until};

#[tokio::test]
async fn what_comes_during_an_append_goes_into_the_next_commit_together() {
    let world = World::new(1);
    let bus = world.start().await;
    let group = world.group(&bus, &[2]).await;
    let before = world.log.appends();
    world.log.hold();
    let first = tokio::spawn({
        let (bus, command) = (bus.clone(), world.say(1, group, "first"));
        async move { bus.dispatch(command).await }
    });
    until(|| world.log.appends() == before + 1).await;
    let more: Vec<_> =
        (0..300).map(|number| bus.dispatch(world.say(2, group, &number.to_string()))).collect();
    let (answers, ()) = tokio::join!(join_all(more), async {
        tokio::task::yield_now().await;
        world.log.release();
    });
    assert_eq!(first.await.unwrap().unwrap().version, 2);
    for (answer, version) in answers.into_iter().zip(3..) {
        assert_eq!(answer.unwrap().version, version, "in the order of sending");
    }
    assert_eq!(world.log.appends(), before + 2);
    assert_eq!(world.messages(), 301);
}

#[tokio::test]
async fn a_full_mailbox_says_so_and_what_was_taken_is_answered() {
    let world = World::with_limits(1, |limits| (limits.mailbox, limits.batch_commands) = (8, 4));
    let bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    let before = world.log.appends();
    world.log.hold();
    let first = bus.dispatch(world.say(1, group, "first"));
    let (first, rest) = tokio::join!(first, async {
        until(|| world.log.appends() == before + 1).await;
        let sent: Vec<_> = (0..20).map(|_| bus.dispatch(world.say(1, group, "more"))).collect();
        let (answers, ()) = tokio::join!(join_all(sent), async {
            tokio::task::yield_now().await;
            world.log.release();
        });
        answers
    });
    first.unwrap();
    let busy = Err(CommandError::Busy { retry_after: world.limits.retry_after });
    let (refused, accepted): (Vec<_>, Vec<_>) = rest.into_iter().partition(|answer| *answer == busy);
    assert_eq!((refused.len(), accepted.len()), (12, 8));
    assert!(accepted.iter().all(Result::is_ok));
    assert_eq!(world.messages(), 9);
}

#[tokio::test]
async fn bulk_leaves_room_for_clients() {
    let world = World::with_limits(1, |limits| (limits.mailbox, limits.batch_commands) = (8, 4));
    let bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    let before = world.log.appends();
    world.log.hold();
    let bulk = bus.dispatch_all((0..100).map(|_| world.say(1, group, "bulk")).collect());
    let (bulk, client) = tokio::join!(bulk, async {
        until(|| world.log.appends() == before + 1).await;
        let client = bus.dispatch(world.say(1, group, "client"));
        let (answer, ()) = tokio::join!(client, async {
            tokio::task::yield_now().await;
            world.log.release();
        });
        answer
    });
    assert!(client.is_ok(), "{client:?}");
    assert!(bulk.iter().all(Result::is_ok));
    assert_eq!(world.messages(), 101);
}

#[tokio::test]
async fn a_commit_has_a_size_and_the_rest_goes_into_the_next() {
    let world = World::new(1);
    let bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    let text = "x".repeat(limits::TEXT_BYTES);
    let answers = bus.dispatch_all((0..100).map(|_| world.say(1, group, &text)).collect()).await;
    let versions: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().version).collect();
    assert_eq!(versions, (2..102).collect::<Vec<_>>());
    let commits = world.log.commits(PartitionId(0));
    assert!(commits.iter().all(|stored| stored.bytes.len() <= MAX_COMMIT_BYTES));
    assert!(commits.len() < 12, "{} commits", commits.len());
    assert_eq!(world.messages(), 100);
}

#[tokio::test]
async fn listeners_hear_of_commits_with_the_private_parts_open() {
    let world = World::new(1);
    let bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    let mut live = world.live.subscribe();
    let accepted = bus.dispatch(world.say(1, group, "hello")).await.unwrap();
    let committed = live.recv().await.unwrap();
    assert_eq!(committed.position, accepted.position);
    assert!(bus.heads().holds(accepted.position));
    assert_eq!(bus.health(), Ok(()));
    let [event] = &committed.events[..] else { panic!("one event") };
    assert_eq!((event.version, event.command), (accepted.version, accepted.command));
    let hansard_events::Event::Conversation(hansard_events::ConversationEvent::MessageSent { body, .. }) =
        &event.event
    else {
        panic!("a message")
    };
    assert_eq!(*body, Private::Open(serde_json::json!({ "text": "hello" })));
}

#[tokio::test]
async fn answers_come_in_order_over_many_partitions_and_a_stop_answers_everything() {
    let world = World::new(4);
    let bus = world.start().await;
    let mut groups = Vec::new();
    for _ in 0..8 {
        groups.push(world.group(&bus, &[2]).await);
    }
    let commands: Vec<_> =
        (0..2000).map(|index| world.say(1 + index % 2, groups[index as usize % 8], "hi")).collect();
    let ids: Vec<_> = commands.iter().map(|command| command.id).collect();
    let sending = tokio::spawn({
        let bus = bus.clone();
        async move { bus.dispatch_all(commands).await }
    });
    let answers = sending.await.unwrap();
    let answered: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().command).collect();
    assert_eq!(answered, ids);
    bus.stop().await;
    assert!(matches!(bus.dispatch(world.say(1, groups[0], "late")).await, Err(CommandError::Unavailable(_))));
    assert_eq!(world.messages(), 2000);
    let commits: usize = (0..4).map(|number| world.log.commits(PartitionId(number)).len()).sum();
    assert!(commits < 200, "{commits} commits for 2000 messages");
}

/// Not a benchmark, which have their own place: a floor far below what is wanted of a release
/// build, so that something quadratic shows.
#[tokio::test]
async fn thousands_of_messages_take_no_minutes() {
    let world = World::new(2);
    let bus = world.start().await;
    let groups = [world.group(&bus, &[2]).await, world.group(&bus, &[2]).await];
    let commands: Vec<_> = (0..20_000)
        .map(|index| world.say(1 + index % 2, groups[index as usize % 2], "hello there"))
        .collect();
    let started = Instant::now();
    let answers = bus.dispatch_all(commands).await;
    let took = started.elapsed();
    assert!(answers.iter().all(Result::is_ok));
    println!("20,000 messages in {took:?}, {} partitions", world.log.partitions());
    assert!(took < Duration::from_secs(20), "{took:?}");
    bus.stop().await;
}
