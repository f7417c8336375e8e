//! What goes over the WebSocket: typed frames, one JSON object each.
//!
//! `asyncapi.json` beside this crate is generated from these types ([`asyncapi::document`]).

pub mod asyncapi;
mod client;
mod fields;
mod server;

pub use client::{Appearance, ClientFrame, Command, Hello, InvalidFrame, MAX_WATCHED, Ping, Typing, Watch};
pub use server::{
    Accepted, Bye, Changes, ConversationChanges, Cursor, Event, Live, Mark, Outcome, Pong, Presence,
    PresenceState, ProblemFrame, ResultFrame, Resync, ServerFrame, TypingNote, Welcome,
};

/// The subprotocol that both sides name.
pub const SUBPROTOCOL: &str = "hansard.v1";

/// The most bytes of a frame from a client; checked before anything is parsed.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

/// Codes with which the server closes a socket, besides those of RFC 6455.
pub mod close {
    /// A frame against the protocol.
    pub const PROTOCOL: u16 = 4400;
    /// No valid token, the token has expired, or the session is closed.
    pub const UNAUTHENTICATED: u16 = 4401;
    /// No `hello` in time.
    pub const TOO_LATE: u16 = 4408;
    /// Too slow; see `resync`.
    pub const TOO_SLOW: u16 = 4413;
    /// The server stops or hands over (RFC 6455 registry): reconnect.
    pub const SERVICE_RESTART: u16 = 1012;
    /// Nothing was heard in time (RFC 6455: going away).
    pub const AWAY: u16 = 1001;
    /// A message over [`super::MAX_FRAME_BYTES`] (RFC 6455).
    pub const TOO_BIG: u16 = 1009;
    /// Something is wrong here (RFC 6455).
    pub const INTERNAL: u16 = 1011;
}
