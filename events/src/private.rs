//! What people wrote, and what is known of it: open, sealed or erased.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A part of an event that is sealed in the log.
///
/// Decide and evolve never need it open; projections open it with the key ring before they apply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Private<T> {
    /// In the clear, in memory only.
    Open(T),
    /// As stored; nobody has asked the key ring yet.
    #[default]
    Sealed,
    /// The key is destroyed: nobody can know it any more.
    Erased,
}

impl<T> Private<T> {
    /// The content, if it is open.
    pub const fn open(&self) -> Option<&T> {
        match self {
            Self::Open(content) => Some(content),
            Self::Sealed | Self::Erased => None,
        }
    }
}

/// The private part of an event, whatever its type: how the codec fills and reads it.
pub(crate) trait Slot {
    /// The content as JSON; `None` when it is not open.
    fn to_json(&self) -> Option<serde_json::Result<Vec<u8>>>;
    /// Takes opened content.
    fn fill(&mut self, json: serde_json::Value) -> serde_json::Result<()>;
    /// Notes that the key is destroyed.
    fn erase(&mut self);
}

impl<T: Serialize + DeserializeOwned> Slot for Private<T> {
    fn to_json(&self) -> Option<serde_json::Result<Vec<u8>>> {
        self.open().map(serde_json::to_vec)
    }

    fn fill(&mut self, json: serde_json::Value) -> serde_json::Result<()> {
        *self = Self::Open(serde_json::from_value(json)?);
        Ok(())
    }

    fn erase(&mut self) {
        *self = Self::Erased;
    }
}
