//! Checks of length that several aggregates share.

use crate::Rejection;

/// Refuses text that is empty or has more than `limit` characters.
pub(super) fn check_chars(field: &'static str, text: &str, limit: usize) -> Result<(), Rejection> {
    if text.is_empty() {
        return Err(Rejection::Invalid { field, detail: "it must not be empty" });
    }
    if text.chars().count() > limit {
        return Err(Rejection::TooLarge { field, limit });
    }
    Ok(())
}
