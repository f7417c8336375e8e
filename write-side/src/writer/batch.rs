//! Deciding: commands into events, lines and answers, one commit's worth.

use std::collections::HashMap;

use aws_lc_rs::rand;
use hansard_events::{CommandId, CommitBuilder, Fingerprint, MAX_COMMIT_BYTES, Position, Recorded};

use super::keys::fingerprint_subject;
use super::{Answer, Writer};
use crate::aggregate::Context;
use crate::store::rows::{Found, Outcome};
use crate::{Accepted, Command, CommandError, Rejection};

/// What was decided and is not durable yet.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) builder: CommitBuilder,
    pub(super) events: Vec<Recorded>,
    /// Of the commands accepted in this batch; their position follows with the append.
    pub(super) outcomes: HashMap<CommandId, Outcome>,
    pub(super) replies: Vec<(Answer, Reply)>,
}

/// What somebody will be told, provided that the append succeeds.
pub(super) enum Reply {
    /// Was accepted before.
    Known(Accepted),
    /// Is accepted in this batch.
    Decided(CommandId),
    Refused(CommandError),
}

/// A command's events and their lines.
struct Decided {
    recorded: Vec<Recorded>,
    lines: Vec<Vec<u8>>,
    outcome: Outcome,
}

impl Writer {
    /// Decides what waits, in order, until the commit is full.
    pub(super) async fn decide(&mut self, found: &Found) -> Batch {
        let mut batch = Batch::default();
        let mut json = Vec::new();
        while let Some(waiting) = self.backlog.pop_front() {
            let reply = match self.decide_one(&waiting.command, &mut json, &mut batch, found).await {
                Ok(Some(reply)) => reply,
                Ok(None) => {
                    self.backlog.push_front(waiting);
                    break;
                }
                Err(error) => Reply::Refused(error),
            };
            batch.replies.push((waiting.answer, reply));
        }
        batch
    }

    /// What to say; `None` when the events have no room in this commit.
    async fn decide_one(
        &mut self,
        command: &Command,
        json: &mut Vec<u8>,
        batch: &mut Batch,
        found: &Found,
    ) -> Result<Option<Reply>, CommandError> {
        let fingerprint = self.fingerprint(command, json).await?;
        if let Some(reply) = self.repeated(command, fingerprint, batch, found)? {
            return Ok(Some(reply));
        }
        let decided = self.consider(command, fingerprint).await?;
        let bytes = decided.lines.iter().map(Vec::len).sum();
        if batch.builder.fits(bytes, decided.lines.len()) {
            self.adopt(decided, batch);
            return Ok(Some(Reply::Decided(command.id)));
        }
        if batch.builder.count() > 0 {
            return Ok(None);
        }
        Err(Rejection::TooLarge { field: "command", limit: MAX_COMMIT_BYTES }.into())
    }

    async fn fingerprint(
        &mut self,
        command: &Command,
        json: &mut Vec<u8>,
    ) -> Result<Fingerprint, CommandError> {
        let key = self.keys.get(fingerprint_subject(command.actor)).await.map_err(unavailable)?;
        json.clear();
        serde_json::to_writer(&mut *json, &command.body).map_err(unavailable)?;
        Ok(Fingerprint::of(&key, json))
    }

    /// What to say to an id that was accepted before, in this batch or ever.
    fn repeated(
        &self,
        command: &Command,
        fingerprint: Fingerprint,
        batch: &Batch,
        found: &Found,
    ) -> Result<Option<Reply>, CommandError> {
        let id = command.id;
        let tentative = batch.outcomes.get(&id);
        let before = tentative.or_else(|| self.recall(id)).or_else(|| found.commands.get(&id));
        let Some(outcome) = before else { return Ok(None) };
        if outcome.actor != command.actor || outcome.fingerprint != fingerprint {
            return Err(CommandError::IdReused);
        }
        let known = Reply::Known(outcome.accepted);
        Ok(Some(if tentative.is_some() { Reply::Decided(id) } else { known }))
    }

    /// Asks the aggregate and seals what follows. Changes nothing.
    async fn consider(
        &mut self,
        command: &Command,
        fingerprint: Fingerprint,
    ) -> Result<Decided, CommandError> {
        let stream = command.stream();
        let at = command.at.unwrap_or_else(|| self.tools.clock.now());
        let &Command { id, actor, ref body, .. } = command;
        let context = Context { command: id, stream, actor, at };
        let warm = self.streams.touch(stream);
        let before = warm.version;
        let events = warm.state.decide(body, &context)?;
        let (mut recorded, mut lines) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
        for (event, version) in events.into_iter().zip(before + 1..) {
            let event = Recorded { stream, version, at, actor, command: id, fingerprint, event };
            lines.push(self.seal(&event).await?);
            recorded.push(event);
        }
        let accepted = Accepted {
            command: id,
            stream,
            position: Position { partition: self.tools.partition, sequence: self.chain.sequence() },
            version: before + recorded.len() as u64,
            at,
            changed: !recorded.is_empty(),
        };
        Ok(Decided { recorded, lines, outcome: Outcome { actor, fingerprint, accepted } })
    }

    async fn seal(&mut self, event: &Recorded) -> Result<Vec<u8>, CommandError> {
        let key = match event.key_subject() {
            Some(subject) => Some(self.keys.get(subject).await.map_err(unavailable)?),
            None => None,
        };
        let mut nonce = [0; 12];
        rand::fill(&mut nonce).map_err(|_| unavailable("there is no randomness"))?;
        event.encode(key.as_deref(), nonce).map_err(unavailable)
    }

    /// Takes a decision into the state and into the batch.
    fn adopt(&mut self, decided: Decided, batch: &mut Batch) {
        let Decided { recorded, lines, outcome } = decided;
        let warm = self.streams.touch(outcome.accepted.stream);
        for event in &recorded {
            warm.state.evolve(event);
            warm.version = event.version;
        }
        for line in &lines {
            batch.builder.push(line);
        }
        batch.events.extend(recorded);
        batch.outcomes.insert(outcome.accepted.command, outcome);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err, which gives values")]
fn unavailable(reason: impl ToString) -> CommandError {
    CommandError::Unavailable(reason.to_string())
}
