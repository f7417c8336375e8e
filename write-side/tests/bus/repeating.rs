//! The same command id again, at any age.

use futures::future::join_all;
use hansard_events::{CommandId, ServerRole, UserId};
use hansard_write_side::{Command, CommandBody, CommandBus as _, CommandError, LocalBus, UserCommand};

use super::world::{NOW, World, at, person};

const DAY: u64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn many_at_once_make_one_change_and_get_one_answer() {
    let world = World::new(1);
    let bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    let command = world.say(1, group, "once");
    let answers = join_all((0..100).map(|_| bus.dispatch(command.clone()))).await;
    let first = answers[0].clone().unwrap();
    assert!(first.changed && answers.into_iter().all(|answer| answer == Ok(first)));
    assert_eq!(world.messages(), 1);
}

#[tokio::test]
async fn an_id_is_for_one_thing_of_one_person() {
    let world = World::new(1);
    let bus = world.start().await;
    let group = world.group(&bus, &[2]).await;
    let command = world.say(1, group, "once");
    let other_content = Command { id: command.id, ..world.say(1, group, "twice") };
    let other_actor = Command { actor: person(2), ..command.clone() };
    let together = vec![command.clone(), other_content.clone(), other_actor.clone()];
    let answers = bus.dispatch_all(together).await;
    let accepted = answers[0].clone().unwrap();
    for (again, bus) in [(answers, bus.clone()), (vec![], bus)] {
        assert!(again.iter().skip(1).all(|answer| *answer == Err(CommandError::IdReused)));
        assert_eq!(bus.dispatch(other_content.clone()).await, Err(CommandError::IdReused));
        assert_eq!(bus.dispatch(other_actor.clone()).await, Err(CommandError::IdReused));
        assert_eq!(bus.dispatch(command.clone()).await, Ok(accepted));
    }
    assert_eq!(world.messages(), 1);
}

/// Sends all of them again: after a restart, and after the cache was lost.
async fn again_after_restarts(world: &World, mut bus: std::sync::Arc<LocalBus>, commands: &[Command]) {
    let first = bus.dispatch_all(commands.to_vec()).await;
    assert!(first.iter().all(Result::is_ok), "{first:?}");
    let events = world.verify().len();
    for lose_state in [false, true, false] {
        assert_eq!(bus.dispatch_all(commands.to_vec()).await, first);
        bus.stop().await;
        world.crash(bus).await;
        if lose_state {
            world.delete_state();
        }
        bus = world.start().await;
    }
    for (command, accepted) in commands.iter().zip(first) {
        assert_eq!(bus.dispatch(command.clone()).await, accepted);
        let outcome = bus.outcome(command.actor, command.id).await;
        assert_eq!(outcome, Ok(Some(accepted.unwrap())));
        assert_eq!(bus.outcome(person(99), command.id).await, Ok(None));
    }
    assert_eq!(bus.outcome(person(1), world.id()).await, Ok(None));
    assert_eq!(world.verify().len(), events);
}

#[tokio::test]
async fn what_memory_has_forgotten_the_state_store_knows() {
    let world = World::with_limits(1, |limits| (limits.recent_commands, limits.flush_commands) = (4, 3));
    let bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    let commands: Vec<_> = (0..50).map(|number| world.say(1, group, &number.to_string())).collect();
    again_after_restarts(&world, bus, &commands).await;
}

#[tokio::test]
async fn ids_of_long_ago_and_of_the_far_future_are_as_good() {
    let world = World::with_limits(2, |limits| (limits.recent_commands, limits.flush_commands) = (8, 3));
    let bus = world.start().await;
    let group = world.group(&bus, &[]).await;
    let times = [0, 1, NOW - 9000 * DAY, NOW + 3 * DAY, NOW, NOW + 40_000 * DAY, (1 << 48) - 1];
    let commands: Vec<_> = (0..70_usize)
        .map(|number| {
            let id = CommandId::derived(times[number % times.len()], &[&number.to_be_bytes()]);
            Command { id, at: Some(at(number as u64)), ..world.say(1, group, &number.to_string()) }
        })
        .collect();
    again_after_restarts(&world, bus, &commands).await;
    let times: Vec<_> = world.verify().iter().skip(1).map(|(_, _, event)| event.at).collect();
    assert_eq!(times, (0..70).map(at).collect::<Vec<_>>(), "original times are kept");
}

#[tokio::test]
async fn what_changed_nothing_is_remembered_too() {
    let world = World::new(1);
    let bus = world.start().await;
    let profile = hansard_events::Profile { username: "ada".to_owned(), display_name: "Ada".to_owned() };
    let (user, role) = (person(1), ServerRole::Admin);
    let of_ada = |command| CommandBody::User { user, command };
    let setup = [UserCommand::Register { profile }, UserCommand::GrantRole { role }];
    for command in setup {
        bus.dispatch(world.command(1, of_ada(command))).await.unwrap();
    }
    let again =
        Command { actor: UserId::SYSTEM, ..world.command(1, of_ada(UserCommand::GrantRole { role })) };
    let accepted = bus.dispatch(again.clone()).await.unwrap();
    assert!(!accepted.changed);
    assert_eq!((accepted.version, accepted.position), (2, bus.heads().iter().next().unwrap()));
    bus.dispatch(world.command(1, of_ada(UserCommand::RevokeRole { role }))).await.unwrap();
    assert_eq!(bus.dispatch(again.clone()).await, Ok(accepted), "it is not granted a second time");
    bus.stop().await;
    let bus = world.start().await;
    assert_eq!(bus.dispatch(again).await, Ok(accepted));
    assert_eq!(world.verify().len(), 3);
}
