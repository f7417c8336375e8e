//! Whether a writer works, for whoever asks.

use std::sync::{Mutex, PoisonError};

/// The reason why one writer does not work, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Health {
    reason: Mutex<Option<String>>,
}

impl Health {
    /// Says that it does not work, and why.
    pub(crate) fn report(&self, reason: String) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// Says that it works.
    pub(crate) fn clear(&self) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Why it does not work.
    pub(crate) fn reason(&self) -> Option<String> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
