//! How a history is cut into batches, and where a writer dies, does not show in the rows.

use hansard_events::{
    ConversationEvent, Event, HistoryAccess, Member, MemberRole, Private, StreamName, UserEvent,
};
use proptest::prelude::*;

use super::{Backend, act, created, edited, person, recalled, registered, room, say, sent, sum, text};
use crate::runtime::{Applicable, Entry, Projection as _};
use crate::testing::History;

const PEOPLE: u128 = 4;
const ROOMS: u128 = 3;

/// One thing that happens: what, where, who, and a number that says more.
type Step = (u8, u128, u128, u64);

/// A history in which most steps make sense and some do not.
fn history(steps: &[Step]) -> Vec<Applicable> {
    let mut history = History::new(2);
    for number in 1..=PEOPLE {
        act(&mut history, person(number), registered(&format!("p{number}")));
    }
    for number in 1..=ROOMS {
        let access = if number == 1 { HistoryAccess::All } else { HistoryAccess::Joined };
        say(&mut history, room(number), person(1), created(access, &[(person(1), MemberRole::Owner)]));
    }
    for &(what, place, who, number) in steps {
        let (place, who) = (room(1 + place % ROOMS), person(1 + who % PEOPLE));
        let target = 1 + number % 12;
        let conversation = |event| Event::Conversation(event);
        let event = match what {
            0..=3 => sent(text(&format!("{number}"))),
            4 => sent(Private::Erased),
            5 | 6 => edited(target, who, text(&format!("edit {number}"))),
            7 => recalled(target, who),
            8 => conversation(ConversationEvent::MemberJoined {}),
            9 => conversation(ConversationEvent::MemberLeft {}),
            10 => {
                let members = vec![Member { user: who, role: MemberRole::Admin }];
                conversation(ConversationEvent::MembersAdded { members })
            }
            11 => conversation(ConversationEvent::MemberRemoved { user: who }),
            12 => conversation(ConversationEvent::Renamed { title: Private::Open(format!("Room {number}")) }),
            13 => {
                history.commit();
                continue;
            }
            14 => {
                let stream = StreamName::User(person(1 + u128::from(number) % (4 * PEOPLE)));
                let reason = "odd".to_owned();
                history.add_entry(
                    stream.partition(2),
                    Entry::Unreadable { stream: Some(stream), version: number, reason },
                );
                continue;
            }
            _ => {
                let conversation = place;
                let moved = UserEvent::MarkMoved { conversation, read: number, received: number };
                act(&mut history, who, Event::User(moved));
                continue;
            }
        };
        // Edits and recalls of what is no message would end the room early: make them rare.
        if (5..=7).contains(&what) && number % 5 != 0 && target < 4 {
            continue;
        }
        say(&mut history, place, who, event);
    }
    history.take()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..18_u8, any::<u128>(), any::<u128>(), 0..40_u64), 1..120)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_the_same_rows(steps in steps(), cuts in prop::collection::vec(1..6_usize, 1..40)) {
        let commits = history(&steps);
        runtime().block_on(async {
            let whole = sum(&Backend::sqlite().filled(&commits).await).await;
            for backend in Backend::all().await {
                let (mut projection, mut views) = backend.open().await;
                let mut from = 0;
                let mut cuts = cuts.iter().cycle();
                while from < commits.len() {
                    let to = commits.len().min(from + cuts.next().copied().unwrap_or(1));
                    // Some of what is applied already comes again, and sometimes the writer dies.
                    let again = from.saturating_sub(to % 3);
                    projection.apply(&commits[again..to]).await.unwrap();
                    if to % 4 == 0 {
                        drop((projection, views));
                        (projection, views) = backend.open().await;
                    }
                    from = to;
                }
                assert_eq!(sum(&views).await, whole, "{:?}", backend.config);
            }
        });
    }
}
