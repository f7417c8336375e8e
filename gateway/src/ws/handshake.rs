//! From an open socket to a live connection: `hello`, who it is, catching up.

use hansard_api_spec::ws::{Appearance, ClientFrame, Hello, close};
use hansard_write_side::vault::Claims;
use tokio::time::timeout;

use super::Sockets;
use super::catch_up::CatchingUp;
use super::socket::{Ending, Incoming, Socket};
use crate::hub::Attachment;
use crate::problem::{Code, detailed, malformed};

/// A connection that hears everything from here on.
pub(super) struct Started {
    pub(super) claims: Claims,
    pub(super) attachment: Attachment,
}

/// Brings a connection to life. `bearer` is the token of the request, if there was one.
pub(super) async fn start(
    sockets: &Sockets,
    socket: &mut Socket,
    bearer: Option<Box<str>>,
) -> Result<Started, Ending> {
    let shared = &sockets.0;
    tokio::select! {
        started = introduce(sockets, socket, bearer) => started,
        () = shared.stop.cancelled() => {
            Err(Ending::resync(close::SERVICE_RESTART, "the server stops", shared.timing.spread))
        }
    }
}

async fn introduce(
    sockets: &Sockets,
    socket: &mut Socket,
    bearer: Option<Box<str>>,
) -> Result<Started, Ending> {
    let shared = &sockets.0;
    let patience = if bearer.is_some() { shared.timing.hello_after_token } else { shared.timing.hello };
    let hello = match timeout(patience, hello(socket)).await {
        Ok(hello) => hello?,
        Err(_) if bearer.is_some() => Hello { token: None, device: None, cursor: None, presence: None },
        Err(_) => {
            let told = detailed(Code::TooLate, "the first frame is hello, within 5 seconds");
            return Err(Ending::bye(close::TOO_LATE, told));
        }
    };
    let token = hello.token.map(String::into_boxed_str).or(bearer);
    let token = token.ok_or_else(|| Ending::unauthenticated(Code::Unauthenticated))?;
    let claims = verify(sockets, &token)?;
    if hello.device.is_some_and(|device| device != claims.device) {
        return Err(Ending::unauthenticated(Code::Unauthenticated));
    }
    let hidden = hello.presence == Some(Appearance::Hidden);
    let late = || Ending::resync(close::SERVICE_RESTART, "too many come at once", shared.timing.spread);
    let catch_up = async {
        // In turn: the herd of a restart is let in a few at a time.
        let _turn = shared.catching_up.acquire().await.map_err(|_| late())?;
        CatchingUp { sockets, claims: &claims, hidden, cursor: hello.cursor }.run(socket).await
    };
    let attachment = timeout(shared.timing.catch_up, Box::pin(catch_up)).await.map_err(|_| late())??;
    // Who was signed out meanwhile: before attaching it shows here, after it the hub tells.
    verify(sockets, &token)?;
    Ok(Started { claims, attachment })
}

fn verify(sockets: &Sockets, token: &str) -> Result<Claims, Ending> {
    sockets.0.vault.verify(token).map_err(|error| {
        tracing::debug!(%error, "a connection without a valid token was refused");
        Ending::unauthenticated(Code::Unauthenticated)
    })
}

async fn hello(socket: &mut Socket) -> Result<Hello, Ending> {
    loop {
        let Incoming::Text(text) = socket.receive().await? else { continue };
        return match ClientFrame::parse(&text) {
            Ok(ClientFrame::Hello(hello)) => Ok(hello),
            Ok(_) => Err(Ending::violation("the first frame is hello")),
            Err(invalid) => Err(Ending::bye(close::PROTOCOL, malformed(invalid.into()))),
        };
    }
}
