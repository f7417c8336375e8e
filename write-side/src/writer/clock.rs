//! The time of events, from outside.

use std::sync::atomic::{AtomicI64, Ordering};

use hansard_events::Timestamp;

/// Says what time it is. Nothing rests on it going forward.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is set: for tests and simulation.
#[derive(Debug)]
pub struct ManualClock {
    millis: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at `at`.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self { millis: AtomicI64::new(at.millis()) }
    }

    /// Sets it, forwards or backwards.
    pub fn set(&self, at: Timestamp) {
        self.millis.store(at.millis(), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::Relaxed)).unwrap_or(Timestamp::EPOCH)
    }
}
