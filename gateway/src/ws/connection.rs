//! A live connection: events go out, commands come in.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Utf8Bytes, WebSocket};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use hansard_api_spec::Problem;
use hansard_api_spec::ws::{ClientFrame, MAX_WATCHED, Pong, ProblemFrame, ServerFrame, close};
use hansard_events::{Timestamp, UserId};
use tokio::time::{Instant, sleep_until};

use super::handshake::{Started, start};
use super::outcome;
use super::socket::{Ending, Incoming, Socket, of_end};
use super::{Shared, Sockets};
use crate::hub::{Attachment, frame};
use crate::problem::{Code, malformed, passing, problem};

/// How many commands of one connection may be under way. Beyond, nothing more is read from it.
const IN_FLIGHT: usize = 32;

/// How many frames that make no sense a connection may send.
const NONSENSE: u32 = 32;

/// About how many bytes are taken from the queue at once.
const BATCH_BYTES: usize = 64 * 1024;

/// How often a connection may say that its person is writing.
const TYPING_EVERY: Duration = Duration::from_secs(1);

/// Serves a socket from its first frame to its end.
pub(super) async fn run(sockets: Sockets, socket: WebSocket, bearer: Option<Box<str>>) {
    metrics::counter!("hansard_ws_connections_total").increment(1);
    let mut socket = Socket::new(socket, sockets.0.timing.write);
    let started = Box::pin(start(&sockets, &mut socket, bearer)).await;
    let ending = match started {
        Ok(started) => live(sockets, &mut socket, started).await,
        Err(ending) => ending,
    };
    tracing::debug!(?ending, "a connection ends");
    Box::pin(socket.finish(ending)).await;
}

async fn live(sockets: Sockets, socket: &mut Socket, started: Started) -> Ending {
    let Started { claims, attachment } = started;
    let now = Instant::now();
    let left = u64::try_from(claims.expires_at.millis() - Timestamp::now().millis()).unwrap_or_default();
    let connection = Connection {
        shared: sockets.0,
        socket,
        user: claims.user,
        attachment,
        in_flight: FuturesUnordered::new(),
        expires: now + Duration::from_millis(left),
        heard: now,
        pinged: false,
        typing: None,
        watched: 0,
        nonsense: 0,
    };
    connection.serve().await
}

struct Connection<'a> {
    shared: Arc<Shared>,
    socket: &'a mut Socket,
    user: UserId,
    attachment: Attachment,
    /// Commands under way; each gives the frame that answers it.
    in_flight: FuturesUnordered<BoxFuture<'static, Utf8Bytes>>,
    expires: Instant,
    /// When the other side was last heard of.
    heard: Instant,
    pinged: bool,
    typing: Option<Instant>,
    watched: usize,
    nonsense: u32,
}

impl Connection<'_> {
    async fn serve(mut self) -> Ending {
        loop {
            let timer = self.timer();
            let turn = tokio::select! {
                () = self.attachment.queue().changed() => self.deliver().await,
                Some(answer) = self.in_flight.next() => self.socket.send(answer).await,
                incoming = self.socket.receive(), if self.in_flight.len() < IN_FLIGHT => match incoming {
                    Ok(incoming) => self.take(incoming).await,
                    Err(ending) => Err(ending),
                },
                () = sleep_until(timer) => self.look_after().await,
            };
            if let Err(ending) = turn {
                // What ended delivery is the truer reason, when there is one.
                return match self.attachment.queue().ended() {
                    Some(end) if matches!(ending, Ending::Gone) => of_end(end, self.shared.timing.spread),
                    _ => ending,
                };
            }
        }
    }

    /// Sends what waits.
    async fn deliver(&mut self) -> Result<(), Ending> {
        let mut frames = Vec::new();
        loop {
            let queue = self.attachment.queue();
            if let Some(end) = queue.take(&mut frames, BATCH_BYTES) {
                return Err(of_end(end, self.shared.timing.spread));
            }
            if frames.is_empty() {
                return Ok(());
            }
            self.socket.send_all(&mut frames, queue).await?;
        }
    }

    /// When there is something to look after, if nothing happens before.
    fn timer(&self) -> Instant {
        let timing = &self.shared.timing;
        let silence = if self.pinged { timing.idle } else { timing.ping };
        self.expires.min(self.heard + silence)
    }

    async fn look_after(&mut self) -> Result<(), Ending> {
        let now = Instant::now();
        if now >= self.expires {
            return Err(Ending::unauthenticated(Code::TokenExpired));
        }
        if now >= self.heard + self.shared.timing.idle {
            return Err(Ending::bye(close::AWAY, problem(Code::TooLate)));
        }
        self.pinged = true;
        self.socket.ping().await
    }

    async fn take(&mut self, incoming: Incoming) -> Result<(), Ending> {
        self.heard = Instant::now();
        self.pinged = false;
        let Incoming::Text(text) = incoming else { return Ok(()) };
        match ClientFrame::parse(&text) {
            Ok(ClientFrame::Command(command)) => match outcome::start(&self.shared, self.user, command) {
                Ok(started) => {
                    self.in_flight.push(started);
                    Ok(())
                }
                Err(answer) => self.socket.send(answer).await,
            },
            Ok(ClientFrame::Ping(ping)) => {
                self.socket.send(frame(&ServerFrame::Pong(Pong { n: ping.n }))).await
            }
            Ok(other) => self.take_note(other).await,
            Err(invalid) => {
                self.nonsense += 1;
                if self.nonsense > NONSENSE {
                    return Err(Ending::violation("too many frames that make no sense"));
                }
                match invalid.command {
                    Some(id) => self.socket.send(outcome::rejected(id, malformed(invalid.into()))).await,
                    None => self.refuse(malformed(invalid.into())).await,
                }
            }
        }
    }

    /// Takes what is never stored and needs no answer.
    async fn take_note(&mut self, note: ClientFrame) -> Result<(), Ending> {
        if let Err(retry_after) = self.shared.limits.check(self.user) {
            return self.refuse(passing(Code::RateLimited, retry_after)).await;
        }
        match note {
            ClientFrame::Typing(typing) => {
                let now = Instant::now();
                // Said too often it is passed over: nothing is lost.
                if self.typing.is_none_or(|last| now >= last + TYPING_EVERY) {
                    self.typing = Some(now);
                    self.shared.hub.typing(self.user, typing.conversation);
                }
            }
            ClientFrame::Subscribe(watch) => {
                if self.watched + watch.users.len() > MAX_WATCHED {
                    return self.refuse(problem(Code::TooLarge)).await;
                }
                self.watched += watch.users.len();
                self.shared.hub.watch(&self.attachment, watch.users).await;
            }
            ClientFrame::Unsubscribe(watch) => {
                self.watched = self.watched.saturating_sub(watch.users.len());
                self.shared.hub.unwatch(&self.attachment, watch.users).await;
            }
            ClientFrame::Hello(_) | ClientFrame::Command(_) | ClientFrame::Ping(_) => {
                return self.refuse(problem(Code::AlreadyStarted)).await;
            }
        }
        Ok(())
    }

    async fn refuse(&mut self, problem: Problem) -> Result<(), Ending> {
        self.socket.send(frame(&ServerFrame::Problem(ProblemFrame { problem }))).await
    }
}
