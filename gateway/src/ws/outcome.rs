//! Commands that came over a socket, and what became of them.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use futures::future::BoxFuture;
use hansard_api_spec::Problem;
use hansard_api_spec::ws::{self, Outcome, ResultFrame, ServerFrame};
use hansard_events::{CommandId, StreamName, UserId};
use hansard_write_side::{Accepted, Command, CommandBody, UserCommand};

use super::Shared;
use crate::commands;
use crate::hub::frame;
use crate::problem::{Code, of_command, passing, problem};

/// The frame that tells of a command that was refused.
pub(super) fn rejected(id: CommandId, problem: Problem) -> Utf8Bytes {
    frame(&ServerFrame::Result(ResultFrame { id, outcome: Outcome::Rejected(problem) }))
}

fn accepted(accepted: &Accepted) -> Utf8Bytes {
    let &Accepted { command: id, stream, position, version, at, .. } = accepted;
    let (conversation, seq) = match stream {
        StreamName::Conversation(conversation) => (Some(conversation), Some(version)),
        StreamName::User(_) | StreamName::Directory => (None, None),
    };
    let outcome = Outcome::Accepted(ws::Accepted { position, conversation, seq, at });
    frame(&ServerFrame::Result(ResultFrame { id, outcome }))
}

/// Checks a command and starts it. What comes out is the frame that answers it.
///
/// # Errors
/// The frame that answers a command that was not started.
pub(super) fn start(
    shared: &Arc<Shared>,
    user: UserId,
    command: ws::Command,
) -> Result<BoxFuture<'static, Utf8Bytes>, Utf8Bytes> {
    let ws::Command { id, name, data } = command;
    if let Err(retry_after) = shared.limits.check(user) {
        return Err(rejected(id, passing(Code::RateLimited, retry_after)));
    }
    let command = commands::parse(user, id, &name, &data).map_err(|problem| rejected(id, problem))?;
    Ok(Box::pin(carry_out(Arc::clone(shared), command)))
}

async fn carry_out(shared: Arc<Shared>, command: Command) -> Utf8Bytes {
    let id = command.id;
    // A person's stream does not know who is a member: the hub does, and no view is as fresh.
    if let CommandBody::User { user, command: UserCommand::MoveMark { conversation, .. } } = command.body
        && !shared.hub.is_member(user, conversation).await
    {
        return rejected(id, problem(Code::ConversationNotFound));
    }
    match shared.bus.dispatch(command).await {
        Ok(done) => accepted(&done),
        Err(error) => rejected(id, of_command(&error, "/data")),
    }
}
