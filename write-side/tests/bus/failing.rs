//! Appends that fail, and answers that are lost.

use hansard_events::{Fault, MemoryLog, PartitionId, Position, Sequence};
use hansard_write_side::{CommandBus as _, CommandError};

use super::world::{World, until};

fn add(
    world: &World,
    conversation: hansard_events::ConversationId,
    user: u128,
) -> hansard_write_side::Command {
    let command = hansard_write_side::ConversationCommand::Add { users: vec![super::world::person(user)] };
    world.command(1, hansard_write_side::CommandBody::Conversation { conversation, command })
}

#[tokio::test]
async fn a_refused_append_leaves_nothing_behind() {
    for (fault, error) in [
        (Fault::Full, CommandError::Full),
        (Fault::Unavailable, CommandError::Unavailable("the log is unavailable: told to be".to_owned())),
    ] {
        let world = World::new(1);
        let bus = world.start().await;
        let group = world.group(&bus, &[]).await;
        world.log.inject(fault);
        let lost = add(&world, group, 2);
        let answers = bus.dispatch_all(vec![lost.clone(), world.say(2, group, "as a member")]).await;
        assert_eq!(answers, [Err(error.clone()), Err(error)]);
        until(|| bus.health().is_ok()).await;
        let refused = bus.dispatch(world.say(2, group, "not a member after all")).await;
        assert!(matches!(refused, Err(CommandError::Rejected(_))), "{refused:?}");
        assert_eq!(bus.dispatch(world.say(1, group, "next")).await.unwrap().version, 2);
        assert_eq!(bus.dispatch(lost).await.unwrap().version, 3, "and the same id can be tried again");
        assert_eq!(world.verify().len(), 3);
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_read_back() {
    for faults in [
        &[Fault::UnknownAppended][..],
        &[Fault::UnknownLost],
        &[Fault::UnknownLost, Fault::UnknownLost, Fault::Unavailable, Fault::UnknownAppended],
    ] {
        let world = World::new(1);
        let bus = world.start().await;
        let group = world.group(&bus, &[]).await;
        for fault in faults {
            world.log.inject(*fault);
        }
        let command = world.say(1, group, "once");
        let accepted = bus.dispatch(command.clone()).await.unwrap();
        assert_eq!(accepted.version, 2);
        assert_eq!(bus.dispatch(command).await, Ok(accepted));
        assert_eq!(bus.dispatch(world.say(1, group, "next")).await.unwrap().version, 3);
        assert_eq!(bus.health(), Ok(()));
        assert_eq!(world.messages(), 2);
    }
}

#[tokio::test]
async fn what_stays_unknown_is_told_by_the_same_id_later() {
    let world = World::new(1);
    let bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    world.log.inject(Fault::UnknownLost);
    world.log.inject(Fault::Full);
    let command = world.say(1, group, "once");
    let answer = bus.dispatch(command.clone()).await;
    assert!(matches!(answer, Err(CommandError::Unavailable(_))), "{answer:?}");
    assert_eq!(bus.dispatch(command).await.unwrap().version, 2);
    assert_eq!(world.messages(), 1);
}

/// Two buses over one log, each with its own directory: the log decides.
fn rivals() -> (World, World) {
    let world = World::new(1);
    let mut rival = World::new(1);
    rival.log = MemoryLog::clone(&world.log);
    (world, rival)
}

#[tokio::test]
async fn of_two_writers_only_one_appends_and_the_other_reads_on() {
    let (world, rival) = rivals();
    let first = world.start().await;
    let group = world.group(&first, &[2]).await;
    let second = rival.start().await;
    first.dispatch(world.say(1, group, "from the first")).await.unwrap();
    // The ids of one world only, so that they differ.
    let command = world.say(2, group, "from the second");
    let refused = second.dispatch(command.clone()).await;
    assert!(matches!(refused, Err(CommandError::Unavailable(_))), "{refused:?}");
    assert_eq!(world.messages(), 1);
    let accepted = second.dispatch(command.clone()).await.unwrap();
    assert_eq!(accepted.version, 3);
    let refused = first.dispatch(command.clone()).await;
    assert!(matches!(refused, Err(CommandError::Unavailable(_))), "{refused:?}");
    assert_eq!(first.dispatch(command).await, Ok(accepted), "the other's commands are known too");
    assert_eq!(world.messages(), 2);
}

#[tokio::test]
async fn a_writer_that_finds_damage_is_loud() {
    let (world, rival) = rivals();
    let first = world.start().await;
    let group = world.group(&first, &[2]).await;
    let second = rival.start().await;
    first.dispatch(world.say(1, group, "one")).await.unwrap();
    first.dispatch(world.say(1, group, "two")).await.unwrap();
    world.log.damage(Position { partition: PartitionId(0), sequence: Sequence(2) }, None);
    assert!(second.dispatch(world.say(2, group, "three")).await.is_err());
    let damaged = |reason: String| reason.contains("the log is damaged at 0-2");
    until(|| second.health().is_err_and(damaged)).await;
    let reason = second.health().unwrap_err();
    let refused = second.dispatch(world.say(2, group, "four")).await;
    assert_eq!(refused, Err(CommandError::Unavailable(reason)));
    second.stop().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever_for_a_log_that_is_away() {
    let world = World::new(1);
    let bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    (0..10_000).for_each(|_| world.log.inject(Fault::UnknownLost));
    let before = world.log.appends();
    let (answer, ()) = tokio::join!(bus.dispatch(world.say(1, group, "hello")), async {
        until(|| world.log.appends() > before).await;
        bus.stop().await;
    });
    assert!(matches!(answer, Err(CommandError::Unavailable(_))), "{answer:?}");
    assert_eq!(world.messages(), 0);
}
