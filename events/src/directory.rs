//! Events of the stream `directory`: who holds which username.

use serde::{Deserialize, Serialize};

use crate::private::Slot;
use crate::{Digest, Private, UserId};

/// One event of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum DirectoryEvent {
    /// From here on nobody else can take the name.
    ///
    /// `name` is an HMAC of the folded username under the directory's own key, so that uniqueness
    /// can be decided without the name standing in the log; `username` is sealed under the
    /// person's key.
    #[serde(rename = "username.claimed")]
    UsernameClaimed {
        user: UserId,
        name: Digest,
        #[serde(skip)]
        username: Private<String>,
    },
}

impl DirectoryEvent {
    pub(crate) fn slot(&self) -> &dyn Slot {
        let Self::UsernameClaimed { username, .. } = self;
        username
    }

    pub(crate) fn slot_mut(&mut self) -> &mut dyn Slot {
        let Self::UsernameClaimed { username, .. } = self;
        username
    }
}
