//! The streams that a writer has in memory, and what of them is not yet written behind.

use std::collections::{HashMap, HashSet};

use hansard_events::{
    CommandId, ConversationEvent, ConversationId, Digest, DirectoryEvent, Event, Recorded, StreamName,
    UserEvent, UserId,
};

use crate::aggregate::StreamState;
use crate::store::rows::{Found, LoadedStream, Outcome, StreamRows};

/// A stream in memory.
#[derive(Debug)]
pub(super) struct Warm {
    pub(super) version: u64,
    pub(super) state: StreamState,
    /// The version that the state store has.
    flushed: u64,
    /// When it was needed last, in rounds.
    used: u64,
}

/// The warm streams of one writer.
#[derive(Debug, Default)]
pub(super) struct Streams {
    warm: HashMap<StreamName, Warm>,
    round: u64,
}

impl Streams {
    pub(super) fn next_round(&mut self) {
        self.round += 1;
    }

    pub(super) fn get(&self, stream: StreamName) -> Option<&Warm> {
        self.warm.get(&stream)
    }

    /// The stream, which starts empty when it was neither warm nor kept.
    pub(super) fn touch(&mut self, stream: StreamName) -> &mut Warm {
        let start = || Warm { version: 0, state: StreamState::new(stream), flushed: 0, used: 0 };
        let warm = self.warm.entry(stream).or_insert_with(start);
        warm.used = self.round;
        warm
    }

    /// Takes in what the state store found.
    pub(super) fn absorb(&mut self, found: &mut Found) {
        for LoadedStream { stream, version, state } in found.streams.drain(..) {
            let warm = Warm { version, state, flushed: version, used: self.round };
            self.warm.entry(stream).or_insert(warm);
        }
        for (stream, seq, fact) in found.messages.drain(..) {
            if let Some(Warm { state: StreamState::Conversation(state), .. }) = self.warm.get_mut(&stream) {
                state.messages.learn(seq, fact);
            }
        }
    }

    /// Drops facts of messages beyond the newest `keep`.
    pub(super) fn forget_messages(&mut self, stream: StreamName, keep: usize) {
        if let Some(Warm { state: StreamState::Conversation(state), flushed, .. }) =
            self.warm.get_mut(&stream)
        {
            state.messages.forget(keep, *flushed);
        }
    }

    /// Notes that the state store has `stream` up to `version`.
    pub(super) fn flushed(&mut self, stream: StreamName, version: u64) {
        if let Some(warm) = self.warm.get_mut(&stream) {
            warm.flushed = warm.flushed.max(version);
        }
    }

    /// Makes room when there are more than `limit`: those that are kept and were not needed for
    /// the longest time go, a tenth at once.
    pub(super) fn evict(&mut self, limit: usize) {
        if self.warm.len() <= limit {
            return;
        }
        let excess = self.warm.len() - (limit - limit / 10);
        let kept = self.warm.iter().filter(|(_, warm)| warm.flushed == warm.version);
        let mut candidates: Vec<_> = kept.map(|(stream, warm)| (warm.used, *stream)).collect();
        candidates.sort_unstable();
        for (_, stream) in candidates.into_iter().take(excess) {
            self.warm.remove(&stream);
        }
    }

    pub(super) fn clear(&mut self) {
        self.warm.clear();
    }
}

/// What was committed since the last flush.
#[derive(Debug, Default)]
pub(super) struct Unflushed {
    pub(super) streams: HashMap<StreamName, Touched>,
    pub(super) commands: HashMap<CommandId, Outcome>,
}

/// Which rows of a stream changed.
#[derive(Debug, Default)]
pub(super) struct Touched {
    members: HashSet<UserId>,
    messages: HashSet<u64>,
    marks: HashSet<ConversationId>,
    usernames: HashSet<Digest>,
}

impl Unflushed {
    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty() && self.commands.is_empty()
    }

    /// Notes which rows an event changes.
    pub(super) fn note(&mut self, recorded: &Recorded) {
        let touched = self.streams.entry(recorded.stream).or_default();
        match &recorded.event {
            Event::Directory(DirectoryEvent::UsernameClaimed { name, .. }) => {
                touched.usernames.insert(*name);
            }
            Event::User(UserEvent::MarkMoved { conversation, .. }) => {
                touched.marks.insert(*conversation);
            }
            Event::User(_) => {}
            Event::Conversation(event) => touched.note(event, recorded),
        }
    }
}

impl Touched {
    fn note(&mut self, event: &ConversationEvent, recorded: &Recorded) {
        match event {
            ConversationEvent::Created { members, .. } | ConversationEvent::MembersAdded { members } => {
                self.members.extend(members.iter().map(|member| member.user));
            }
            ConversationEvent::MemberJoined {} | ConversationEvent::MemberLeft {} => {
                self.members.insert(recorded.actor);
            }
            ConversationEvent::MemberRemoved { user } | ConversationEvent::MemberRoleChanged { user, .. } => {
                self.members.insert(*user);
            }
            ConversationEvent::MessageSent { .. } => {
                self.messages.insert(recorded.version);
            }
            ConversationEvent::MessageRecalled { message, .. } => {
                self.messages.insert(*message);
            }
            ConversationEvent::Renamed { .. } | ConversationEvent::MessageEdited { .. } => {}
        }
    }
}

impl Warm {
    /// The changed rows as they are now.
    pub(super) fn rows(&self, stream: StreamName, touched: &Touched) -> serde_json::Result<StreamRows> {
        let (mut members, mut messages, mut marks, mut usernames) = (vec![], vec![], vec![], vec![]);
        let head = match &self.state {
            StreamState::Directory(state) => {
                let holder = |name: &Digest| Some((*name, *state.holders.get(name)?));
                usernames.extend(touched.usernames.iter().filter_map(holder));
                "null".to_owned()
            }
            StreamState::User(state) => {
                let mark =
                    |conversation: &ConversationId| Some((*conversation, *state.marks.get(conversation)?));
                marks.extend(touched.marks.iter().filter_map(mark));
                serde_json::to_string(&state.head)?
            }
            StreamState::Conversation(state) => {
                let member = |user: &UserId| Some((*user, state.members.get(*user)?.clone()));
                members.extend(touched.members.iter().filter_map(member));
                let message = |seq: &u64| Some((*seq, *state.messages.get(*seq)?));
                messages.extend(touched.messages.iter().filter_map(message));
                messages.sort_unstable_by_key(|(seq, _)| *seq);
                serde_json::to_string(&state.about)?
            }
        };
        Ok(StreamRows { stream, version: self.version, head, members, messages, marks, usernames })
    }
}
