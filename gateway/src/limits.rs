//! Limits: on size, as they are published, and on how much one person may ask for.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use hansard_api_spec::ws;
use hansard_events::{UserId, limits};
use serde_json::{Value, json};

/// How many commands, typing notes and the like a person may send at once, and how many a second
/// from then on, over all connections and REST together.
const BURST: NonZeroU32 = NonZeroU32::new(120).unwrap();
const PER_SECOND: NonZeroU32 = NonZeroU32::new(30).unwrap();

/// Beyond how many people the limiter forgets those who were quiet.
const KEPT: usize = 10_000;

/// Rate limits by person, shared by all ways in.
#[derive(Debug)]
pub struct RateLimits {
    clock: DefaultClock,
    by_user: Option<DefaultKeyedRateLimiter<UserId>>,
}

impl RateLimits {
    /// Limits, or none when `on` is `false`: for load tests.
    #[must_use]
    pub fn new(on: bool) -> Self {
        let quota = Quota::per_second(PER_SECOND).allow_burst(BURST);
        Self { clock: DefaultClock::default(), by_user: on.then(|| DefaultKeyedRateLimiter::dashmap(quota)) }
    }

    /// Takes one from what the person may do.
    ///
    /// # Errors
    /// After which time there is one again.
    pub fn check(&self, user: UserId) -> Result<(), Duration> {
        let Some(limiter) = &self.by_user else { return Ok(()) };
        if limiter.len() > KEPT {
            limiter.retain_recent();
        }
        limiter.check_key(&user).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

/// Limits on size, as `GET /v1/limits` and `welcome` tell them.
#[must_use]
pub fn published() -> Value {
    json!({
        "text_bytes": limits::TEXT_BYTES,
        "title_chars": limits::TITLE_CHARS,
        "display_name_chars": limits::DISPLAY_NAME_CHARS,
        "username_chars": limits::USERNAME_CHARS,
        "password_min_chars": limits::PASSWORD_MIN_CHARS,
        "password_max_bytes": limits::PASSWORD_MAX_BYTES,
        "device_label_chars": limits::DEVICE_LABEL_CHARS,
        "members_per_command": limits::MEMBERS_PER_COMMAND,
        "members": limits::MEMBERS,
        "frame_bytes": ws::MAX_FRAME_BYTES,
        "watched": ws::MAX_WATCHED,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_is_held_back_and_others_are_not() {
        let user = |number| UserId::new(uuid::Uuid::from_u128(number)).unwrap();
        let limits = RateLimits::new(true);
        let held = (0..1000).map(|_| limits.check(user(1))).find_map(Result::err).unwrap();
        assert!(held <= Duration::from_secs(1));
        assert!(limits.check(user(2)).is_ok());
        let off = RateLimits::new(false);
        assert!((0..1000).all(|_| off.check(user(1)).is_ok()));
    }
}
