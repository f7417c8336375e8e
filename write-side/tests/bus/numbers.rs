//! What the writers tell about themselves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use hansard_write_side::CommandBus as _;
use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    set_default_local_recorder,
};

use super::world::World;

/// Adds up counters by name, whatever their labels.
#[derive(Default)]
struct Sums(Mutex<HashMap<String, Arc<AtomicU64>>>);

impl Sums {
    fn counter(&self, name: &str) -> Arc<AtomicU64> {
        Arc::clone(self.0.lock().unwrap().entry(name.to_owned()).or_default())
    }

    fn get(&self, name: &str) -> u64 {
        self.counter(name).load(Ordering::Relaxed)
    }
}

impl Recorder for Sums {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.counter(key.name()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn new_messages_in_a_warm_conversation_need_no_database_and_few_commits() {
    let sums = Sums::default();
    // The runtime of this test has one thread, so the writers count here too.
    let _guard = set_default_local_recorder(&sums);
    let world = World::new(1);
    let bus = world.start().await;
    let group = world.group(&bus, &[2]).await;
    let lookups = sums.get("hansard_state_lookups_total");
    assert_eq!(lookups, 1, "the group was not known");
    let answers = bus.dispatch_all((0..5000).map(|_| world.say(2, group, "hello")).collect()).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(sums.get("hansard_state_lookups_total"), lookups);
    assert_eq!(sums.get("hansard_events_total"), 5001);
    assert_eq!(sums.get("hansard_commands_total"), 5001);
    let commits = sums.get("hansard_commits_total");
    assert!((2..100).contains(&commits), "{commits} commits");
    let before = sums.get("hansard_state_lookups_total");
    bus.dispatch(world.say(3, group, "a stranger")).await.unwrap_err();
    assert_eq!(sums.get("hansard_state_lookups_total"), before);
    bus.stop().await;
}
