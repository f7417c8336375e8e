//! A socket that speaks frames, never waits for ever, and ends politely.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures::{SinkExt as _, StreamExt as _};
use hansard_api_spec::Problem;
use hansard_api_spec::ws::{self, ServerFrame, close};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite;

use crate::hub::{End, Queue, frame};
use crate::problem::{Code, detailed, problem};

/// How long the other side may take to answer the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// The other side is gone, or does not take what is sent.
    Gone,
    /// The connection is over, and why.
    Bye { code: u16, problem: Problem },
    /// Come back and go on from the cursor.
    Resync { code: u16, reason: &'static str, spread: Duration },
}

impl Ending {
    pub(super) fn bye(code: u16, problem: Problem) -> Self {
        Self::Bye { code, problem }
    }

    /// A frame, or the lack of one, that is against the protocol.
    pub(super) fn violation(detail: &'static str) -> Self {
        Self::bye(close::PROTOCOL, detailed(Code::ProtocolViolation, detail))
    }

    pub(super) fn unauthenticated(code: Code) -> Self {
        Self::bye(close::UNAUTHENTICATED, problem(code))
    }

    pub(super) const fn resync(code: u16, reason: &'static str, spread: Duration) -> Self {
        Self::Resync { code, reason, spread }
    }
}

/// What came from the other side.
#[derive(Debug)]
pub(super) enum Incoming {
    Text(Utf8Bytes),
    /// A ping or pong of RFC 6455: somebody is there.
    Sign,
}

/// See the module.
pub(super) struct Socket {
    inner: WebSocket,
    patience: Duration,
    /// Nothing more can be read, though there may be something.
    deaf: bool,
}

impl Socket {
    pub(super) const fn new(inner: WebSocket, patience: Duration) -> Self {
        Self { inner, patience, deaf: false }
    }

    /// The next message. Can be dropped at any time without losing any.
    pub(super) async fn receive(&mut self) -> Result<Incoming, Ending> {
        match self.inner.next().await {
            Some(Ok(Message::Text(text))) => Ok(Incoming::Text(text)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Incoming::Sign),
            Some(Ok(Message::Binary(_))) => Err(Ending::violation("frames are text")),
            Some(Ok(Message::Close(_))) | None => Err(Ending::Gone),
            Some(Err(error)) => {
                self.deaf = true;
                Err(of_error(error))
            }
        }
    }

    /// Sends one frame.
    pub(super) async fn send(&mut self, frame: Utf8Bytes) -> Result<(), Ending> {
        within(self.patience, self.inner.send(Message::Text(frame))).await
    }

    /// Sends frames together, unless `queue` ends meanwhile: what is under way may take longer
    /// than it is allowed to go on.
    pub(super) async fn send_all(
        &mut self,
        frames: &mut Vec<Utf8Bytes>,
        queue: &Queue,
    ) -> Result<(), Ending> {
        let patience = self.patience;
        let write = async {
            for frame in frames.drain(..) {
                self.inner.feed(Message::Text(frame)).await?;
            }
            self.inner.flush().await
        };
        tokio::select! {
            sent = within(patience, write) => sent,
            () = ended(queue) => Err(Ending::Gone),
        }
    }

    /// Asks whether somebody is there.
    pub(super) async fn ping(&mut self) -> Result<(), Ending> {
        within(self.patience, self.inner.send(Message::Ping(axum::body::Bytes::new()))).await
    }

    /// Says why the connection ends, closes it, and waits a little for the other side to agree.
    pub(super) async fn finish(mut self, ending: Ending) {
        let (last, code) = match ending {
            Ending::Gone => return,
            Ending::Bye { code, problem } => (ServerFrame::Bye(ws::Bye { code, problem }), code),
            Ending::Resync { code, reason, spread } => {
                let retry_after = jitter(spread);
                let resync = ws::Resync { retry_after, reason: reason.to_owned() };
                (ServerFrame::Resync(resync), code)
            }
        };
        let farewell = async {
            self.inner.send(Message::Text(frame(&last))).await?;
            let close = CloseFrame { code, reason: Utf8Bytes::default() };
            self.inner.send(Message::Close(Some(close))).await?;
            if self.deaf {
                // To drop a socket with something unread in it resets it, and the farewell is lost.
                sleep(FAREWELL).await;
            }
            while let Some(Ok(_)) = self.inner.next().await {}
            Ok::<_, axum::Error>(())
        };
        // Whoever does not listen to the end misses nothing else.
        drop(timeout(FAREWELL, farewell).await);
    }
}

/// Waits until delivery through `queue` has ended.
async fn ended(queue: &Queue) {
    while queue.ended().is_none() {
        queue.changed().await;
    }
}

async fn within(
    patience: Duration,
    write: impl Future<Output = Result<(), axum::Error>>,
) -> Result<(), Ending> {
    match timeout(patience, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Ending::Gone),
    }
}

fn of_error(error: axum::Error) -> Ending {
    let inner = error.into_inner();
    match inner.downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => {
            let detail = format!("frames have at most {} bytes", ws::MAX_FRAME_BYTES);
            Ending::bye(close::TOO_BIG, detailed(Code::TooLarge, detail))
        }
        Some(tungstenite::Error::Utf8(_)) => Ending::violation("frames are UTF-8"),
        _ => Ending::Gone,
    }
}

/// What the end of delivery means to the connection.
pub(super) fn of_end(end: End, spread: Duration) -> Ending {
    match end {
        End::TooSlow => {
            Ending::resync(close::TOO_SLOW, "this connection takes events too slowly", Duration::from_secs(1))
        }
        End::LostTrack => Ending::resync(close::SERVICE_RESTART, "the server has to catch up", spread),
        End::Stopping => Ending::resync(close::SERVICE_RESTART, "the server stops", spread),
        End::SessionClosed => Ending::unauthenticated(Code::SessionClosed),
    }
}

/// Seconds between a tenth of `spread` and all of it, by chance, in milliseconds.
fn jitter(spread: Duration) -> f64 {
    let chance = uuid::Uuid::new_v4().as_u64_pair().0 % 1000;
    let share = 0.1 + 0.9 * f64::from(u32::try_from(chance).unwrap_or_default()) / 1000.0;
    (spread.as_secs_f64() * share * 1000.0).round() / 1000.0
}
