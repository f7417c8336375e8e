//! Events of the stream `user/<id>`: one person.

use serde::{Deserialize, Serialize};

use crate::private::Slot;
use crate::{ConversationId, DeviceId, Private, SessionId};

/// What a person may do on the server as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerRole {
    /// Everyone.
    Member,
    /// May search with a grant.
    Analyst,
    /// May replay streams and read the log.
    Auditor,
    /// May administer.
    Admin,
}

/// How a person is called; sealed under the person's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// As typed at registration; unique when folded.
    pub username: String,
    /// What others are shown.
    pub display_name: String,
}

/// What a device is called; sealed under the person's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceLabel {
    /// For example `laptop`.
    pub name: String,
    /// For example `web`.
    pub platform: String,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// The person signed out.
    SignedOut,
    /// The person, from another session, or an admin ended it.
    Revoked,
    /// A refresh token was used twice: somebody has a copy.
    TokenReused,
}

/// One event of a person's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum UserEvent {
    /// The person exists from here on.
    #[serde(rename = "user.registered")]
    Registered {
        #[serde(skip)]
        profile: Private<Profile>,
    },
    /// The whole profile as it is now.
    #[serde(rename = "profile.changed")]
    ProfileChanged {
        #[serde(skip)]
        profile: Private<Profile>,
    },
    /// A server role was given.
    #[serde(rename = "role.granted")]
    RoleGranted { role: ServerRole },
    /// A server role was taken.
    #[serde(rename = "role.revoked")]
    RoleRevoked { role: ServerRole },
    /// A sign-in on a device.
    #[serde(rename = "session.opened")]
    SessionOpened {
        session: SessionId,
        device: DeviceId,
        #[serde(skip)]
        label: Private<DeviceLabel>,
    },
    /// Nothing is accepted from the session or delivered to it any more.
    #[serde(rename = "session.closed")]
    SessionClosed { session: SessionId, reason: SessionEnd },
    /// What the person has read and received, up to and including these `seq`s.
    #[serde(rename = "mark.moved")]
    MarkMoved { conversation: ConversationId, read: u64, received: u64 },
}

impl UserEvent {
    pub(crate) fn slot(&self) -> Option<&dyn Slot> {
        match self {
            Self::Registered { profile } | Self::ProfileChanged { profile } => Some(profile),
            Self::SessionOpened { label, .. } => Some(label),
            Self::RoleGranted { .. }
            | Self::RoleRevoked { .. }
            | Self::SessionClosed { .. }
            | Self::MarkMoved { .. } => None,
        }
    }

    pub(crate) fn slot_mut(&mut self) -> Option<&mut dyn Slot> {
        match self {
            Self::Registered { profile } | Self::ProfileChanged { profile } => Some(profile),
            Self::SessionOpened { label, .. } => Some(label),
            Self::RoleGranted { .. }
            | Self::RoleRevoked { .. }
            | Self::SessionClosed { .. }
            | Self::MarkMoved { .. } => None,
        }
    }
}
