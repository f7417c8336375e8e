//! Random commands, faults and restarts under a seed, against a model that is as simple as can be.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use hansard_events::{
    CommandId, ConversationEvent, ConversationId, Event, Fault, MemberRole, MessageKind, Recorded,
    StreamName, UserId,
};
use hansard_write_side::{
    Accepted, Command, CommandBody, CommandBus as _, CommandError, ConversationCommand as Wanted, LocalBus,
};
use serde_json::json;

use super::world::{NOW, World, person};

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

struct Simulation {
    world: World,
    random: Random,
    groups: Vec<ConversationId>,
    sent: Vec<Command>,
    /// What each command was answered the first time that it was accepted.
    accepted: HashMap<CommandId, Accepted>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let world = World::with_limits(2, |limits| {
            (limits.recent_commands, limits.recent_messages, limits.warm_streams) = (12, 3, 2);
            (limits.flush_commands, limits.batch_commands) = (5, 6);
            limits.flush_interval = Duration::from_millis(1);
        });
        let (groups, sent, accepted) = (vec![], vec![], HashMap::new());
        Self { world, random: Random(seed), groups, sent, accepted }
    }

    /// A random wish, sensible or not, or one that was sent before.
    fn command(&mut self) -> Command {
        if !self.sent.is_empty() && self.random.one_in(4) {
            let index = self.random.below(self.sent.len());
            return self.sent[index].clone();
        }
        let command = self.fresh();
        self.sent.push(command.clone());
        command
    }

    fn fresh(&mut self) -> Command {
        let actor = 1 + self.random.below(4) as u128;
        if self.groups.is_empty() || (self.groups.len() < 6 && self.random.one_in(10)) {
            let create = self.world.create(&[2, 3]);
            let StreamName::Conversation(conversation) = create.stream() else { unreachable!() };
            self.groups.push(conversation);
            return create;
        }
        let conversation = self.groups[self.random.below(self.groups.len())];
        let (seq, user) = (1 + self.random.below(60) as u64, person(1 + self.random.below(4) as u128));
        let body = json!({ "text": format!("{seq}") });
        let kind = MessageKind::Text;
        let command = match self.random.below(16) {
            0 => Wanted::Add { users: vec![user] },
            1 => Wanted::Remove { user },
            2 => Wanted::Leave,
            3 => Wanted::ChangeRole { user, role: MemberRole::Admin },
            4 | 5 => Wanted::Edit { message: seq, body },
            6 | 7 => Wanted::Recall { message: seq },
            8 | 9 => Wanted::Send { kind, body, reply_to: Some(seq) },
            _ => Wanted::Send { kind, body, reply_to: None },
        };
        let mut command = self.world.command(actor, CommandBody::Conversation { conversation, command });
        // Some clocks are wrong by years.
        let far = [5, NOW - 1_000_000_000_000, NOW + 500_000_000_000];
        if self.random.one_in(5) {
            let number = self.random.next().to_be_bytes();
            command.id = CommandId::derived(far[self.random.below(far.len())], &[&number]);
        }
        command
    }

    /// Sends some commands while faults happen, and checks the answers against earlier ones.
    async fn step(&mut self, bus: &LocalBus) {
        for _ in 0..self.random.below(3) {
            let faults = [Fault::Full, Fault::Unavailable, Fault::UnknownAppended, Fault::UnknownLost];
            if self.random.one_in(3) {
                self.world.log.inject(faults[self.random.below(faults.len())]);
            }
        }
        let count = 1 + self.random.below(20);
        let commands: Vec<_> = (0..count).map(|_| self.command()).collect();
        let answers = bus.dispatch_all(commands.clone()).await;
        for (command, answer) in commands.into_iter().zip(answers) {
            self.note(&command, answer);
        }
    }

    fn note(&mut self, command: &Command, answer: Result<Accepted, CommandError>) {
        let before = self.accepted.get(&command.id);
        match (before, answer) {
            (None, Ok(accepted)) => {
                assert_eq!((accepted.command, accepted.stream), (command.id, command.stream()));
                self.accepted.insert(command.id, accepted);
            }
            // What changed nothing is remembered as well as can be, and may be decided again.
            (Some(before), Ok(accepted)) if !before.changed => {
                self.accepted.insert(command.id, accepted);
            }
            (Some(before), Ok(accepted)) => assert_eq!(*before, accepted, "the answer has changed"),
            (Some(before), Err(error @ (CommandError::Rejected(_) | CommandError::IdReused))) => {
                assert!(!before.changed, "{error} after it was accepted");
            }
            (_, Err(CommandError::IdReused)) => panic!("no id was used twice"),
            (_, Err(_)) => {}
        }
    }

    /// The bus, or another after it ended in one of several ways.
    async fn perhaps_restart(&mut self, bus: Arc<LocalBus>) -> Arc<LocalBus> {
        match self.random.below(8) {
            0 => bus.stop().await,
            1 => {
                // In the middle of its work.
                let commands: Vec<_> = (0..10).map(|_| self.command()).collect();
                let working = bus.clone();
                let task = tokio::spawn(async move { working.dispatch_all(commands).await });
                for _ in 0..self.random.below(12) {
                    tokio::task::yield_now().await;
                }
                task.abort();
                drop(task.await);
            }
            2 => {}
            _ => return bus,
        }
        self.world.crash(bus).await;
        if self.random.one_in(3) {
            self.world.delete_state();
        }
        self.world.start().await
    }

    /// The log must hold every change that was answered, as it was answered, and nothing that the
    /// rules forbid.
    fn check(&self) {
        let mut logged: HashMap<CommandId, Accepted> = HashMap::new();
        let mut model = Model::default();
        for (command, accepted, event) in self.world.verify() {
            logged.insert(command, accepted);
            model.apply(&event);
        }
        for (id, accepted) in &self.accepted {
            if accepted.changed {
                assert_eq!(logged.get(id), Some(accepted), "accepted, but not so in the log");
            } else {
                assert!(!logged.contains_key(id), "said to have changed nothing");
            }
        }
    }
}

/// Who is in which group as what, and what was said: everything, by brute force.
#[derive(Default)]
struct Model {
    members: HashMap<StreamName, BTreeMap<UserId, MemberRole>>,
    messages: HashMap<(StreamName, u64), (UserId, bool)>,
}

impl Model {
    fn apply(&mut self, recorded: &Recorded) {
        let &Recorded { stream, version, actor, .. } = recorded;
        let Event::Conversation(event) = &recorded.event else { panic!("only conversations are simulated") };
        let members = self.members.entry(stream).or_default();
        let power = members.get(&actor).copied();
        if let ConversationEvent::Created { members: first, .. } = event {
            assert_eq!(version, 1);
            members.extend(first.iter().map(|member| (member.user, member.role)));
            return;
        }
        let power = power.expect("only members do anything");
        match event {
            ConversationEvent::Created { .. } | ConversationEvent::Renamed { .. } => {}
            ConversationEvent::MemberJoined {} => panic!("there are no channels here"),
            ConversationEvent::MembersAdded { members: more } => {
                assert!(power >= MemberRole::Admin);
                for member in more {
                    assert_eq!(members.insert(member.user, member.role), None, "was a member");
                }
            }
            ConversationEvent::MemberLeft {} => {
                members.remove(&actor);
            }
            ConversationEvent::MemberRemoved { user } => {
                assert!(members.remove(user).expect("was no member") < power);
            }
            ConversationEvent::MemberRoleChanged { user, role } => {
                assert_eq!(power, MemberRole::Owner);
                assert!(members.insert(*user, *role).expect("was no member") != *role);
            }
            ConversationEvent::MessageSent { reply_to, .. } => {
                if let Some(seq) = reply_to {
                    assert!(!self.messages[&(stream, *seq)].1, "a reply to what was taken back");
                }
                self.messages.insert((stream, version), (actor, false));
            }
            ConversationEvent::MessageEdited { message, author, .. } => {
                assert_eq!(self.messages[&(stream, *message)], (actor, false));
                assert_eq!(*author, actor);
            }
            ConversationEvent::MessageRecalled { message, author } => {
                let (by, gone) = self.messages.get_mut(&(stream, *message)).expect("is no message");
                assert!(!*gone && *by == *author && (actor == *author || power >= MemberRole::Admin));
                *gone = true;
            }
        }
        let owners = members.values().filter(|role| **role == MemberRole::Owner).count();
        assert!(owners > 0 || members.is_empty(), "nobody owns it");
    }
}

async fn simulate(seed: u64) {
    println!("HANSARD_SEED={seed}");
    let mut simulation = Simulation::new(seed);
    let mut bus = simulation.world.start().await;
    for _ in 0..40 {
        simulation.step(&bus).await;
        bus = simulation.perhaps_restart(bus).await;
    }
    // Uses up what faults are left; then everything is answered as it was, or for the first time.
    for _ in 0..200 {
        let answer = bus.dispatch(simulation.world.create(&[])).await;
        assert!(answer.is_ok() || matches!(answer, Err(CommandError::Full | CommandError::Unavailable(_))));
    }
    for command in simulation.sent.clone() {
        let answer = bus.dispatch(command.clone()).await;
        simulation.note(&command, answer);
    }
    bus.stop().await;
    simulation.check();
    assert!(simulation.accepted.len() > 50, "only {} were accepted", simulation.accepted.len());
}

/// `HANSARD_SEED` repeats one run; what failed has printed it.
#[tokio::test]
async fn random_commands_faults_and_restarts() {
    if let Ok(seed) = std::env::var("HANSARD_SEED") {
        return Box::pin(simulate(seed.parse().unwrap())).await;
    }
    for seed in 0..8 {
        Box::pin(simulate(seed)).await;
    }
}
