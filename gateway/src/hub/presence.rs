//! Who wants to know of whose presence. Derived from connections, never stored.

use std::collections::HashMap;

use axum::extract::ws::Utf8Bytes;
use hansard_api_spec::ws;
use hansard_events::UserId;

use super::encode::frame;
use super::roster::ConnectionId;

/// The connections that watch each person.
#[derive(Debug, Default)]
pub(super) struct Watchers(HashMap<UserId, Vec<ConnectionId>>);

impl Watchers {
    pub(super) fn add(&mut self, watched: UserId, connection: ConnectionId) {
        self.0.entry(watched).or_default().push(connection);
    }

    pub(super) fn remove(&mut self, watched: UserId, connection: ConnectionId) {
        if let Some(connections) = self.0.get_mut(&watched) {
            connections.retain(|other| *other != connection);
            if connections.is_empty() {
                self.0.remove(&watched);
            }
        }
    }

    pub(super) fn of(&self, watched: UserId) -> &[ConnectionId] {
        self.0.get(&watched).map_or(&[], Vec::as_slice)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The frame that tells of somebody's presence.
pub(super) fn presence_frame(user: UserId, online: bool) -> Utf8Bytes {
    let presence = if online { ws::PresenceState::Online } else { ws::PresenceState::Offline };
    frame(&ws::ServerFrame::Presence(ws::Presence { user, presence }))
}
