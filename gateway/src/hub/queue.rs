//! What waits to be sent to one connection: bounded, allocated only while something waits.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::Notify;

/// Why delivery to a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// More waited than the queue may hold.
    TooSlow,
    /// The hub has lost track of the log and nobody knows what was missed.
    LostTrack,
    /// The server stops.
    Stopping,
    /// The session is closed: nothing more may be delivered.
    SessionClosed,
}

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueLimits {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
}

/// Frames in order, filled by the hub, emptied by the connection.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Utf8Bytes>,
    bytes: usize,
    end: Option<End>,
}

impl Queue {
    /// Adds a frame. `false` when the queue has ended, or ends by this: [`End::TooSlow`].
    pub(super) fn push(&self, frame: Utf8Bytes, limits: QueueLimits) -> bool {
        let mut state = self.lock();
        if state.end.is_some() {
            return false;
        }
        let bytes = state.bytes + frame.len();
        if state.frames.len() >= limits.frames || (bytes > limits.bytes && !state.frames.is_empty()) {
            drop(state);
            self.end(End::TooSlow);
            return false;
        }
        state.bytes = bytes;
        state.frames.push_back(frame);
        drop(state);
        self.changed.notify_one();
        true
    }

    /// Adds a frame that may as well be lost: only while no more than half of the queue is used.
    pub(super) fn offer(&self, frame: Utf8Bytes, limits: QueueLimits) {
        let mut state = self.lock();
        let bytes = state.bytes + frame.len();
        if state.end.is_some() || state.frames.len() >= limits.frames / 2 || bytes > limits.bytes / 2 {
            return;
        }
        state.bytes = bytes;
        state.frames.push_back(frame);
        drop(state);
        self.changed.notify_one();
    }

    /// Ends delivery; what waits is dropped. The first reason stays, but for a closed session,
    /// which is always told.
    pub(super) fn end(&self, end: End) {
        let mut state = self.lock();
        state.frames = VecDeque::new();
        state.bytes = 0;
        if state.end.is_none() || end == End::SessionClosed {
            state.end = Some(end);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Moves frames into `into`, up to about `bytes` of them, and tells whether delivery has
    /// ended. What was taken before is not taken back.
    pub(crate) fn take(&self, into: &mut Vec<Utf8Bytes>, bytes: usize) -> Option<End> {
        let mut state = self.lock();
        let mut taken = 0;
        while taken < bytes
            && let Some(frame) = state.frames.pop_front()
        {
            taken += frame.len();
            into.push(frame);
        }
        state.bytes = state.bytes.saturating_sub(taken);
        if state.frames.is_empty() {
            state.frames = VecDeque::new();
        }
        state.end
    }

    /// Why delivery has ended, if it has.
    pub(crate) fn ended(&self) -> Option<End> {
        self.lock().end
    }

    /// Waits until something was added or delivery has ended; may also return when neither is so.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: QueueLimits = QueueLimits { frames: 3, bytes: 10 };

    fn drain(queue: &Queue) -> (Vec<String>, Option<End>) {
        let mut frames = Vec::new();
        let end = queue.take(&mut frames, usize::MAX);
        (frames.iter().map(ToString::to_string).collect(), end)
    }

    #[test]
    fn frames_come_out_in_order() {
        let queue = Queue::default();
        assert!(queue.push("a".into(), LIMITS) && queue.push("b".into(), LIMITS));
        assert_eq!(drain(&queue), (vec!["a".to_owned(), "b".to_owned()], None));
        assert_eq!(drain(&queue), (vec![], None));
    }

    #[test]
    fn a_queue_that_is_full_ends_and_lets_go_of_what_it_held() {
        for frames in [vec!["a", "b", "c", "d"], vec!["123456", "12345"]] {
            let queue = Queue::default();
            let (last, first) = frames.split_last().unwrap();
            assert!(first.iter().all(|frame| queue.push((*frame).into(), LIMITS)));
            assert!(!queue.push((*last).into(), LIMITS));
            assert_eq!(drain(&queue), (vec![], Some(End::TooSlow)));
            assert!(!queue.push("x".into(), LIMITS));
        }
    }

    #[test]
    fn one_frame_that_is_larger_than_the_queue_goes_through() {
        let queue = Queue::default();
        assert!(queue.push("12345678901234567890".into(), LIMITS));
        assert_eq!(drain(&queue).0.len(), 1);
    }

    #[test]
    fn what_may_be_lost_does_not_fill_the_queue() {
        let queue = Queue::default();
        queue.offer("a".into(), LIMITS);
        queue.offer("b".into(), LIMITS);
        assert_eq!(drain(&queue), (vec!["a".to_owned()], None));
    }

    #[test]
    fn a_closed_session_is_told_before_all_else() {
        let queue = Queue::default();
        queue.push("a".into(), LIMITS);
        queue.end(End::Stopping);
        queue.end(End::TooSlow);
        assert_eq!(drain(&queue), (vec![], Some(End::Stopping)));
        queue.end(End::SessionClosed);
        queue.end(End::Stopping);
        assert_eq!(queue.ended(), Some(End::SessionClosed));
    }
}
