//! Usernames: how they may look, and when two of them are the same.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization as _;

use crate::limits::USERNAME_CHARS;

/// A username: 1 to 64 letters or digits of any script, `_`, `-` or `.`, in the form it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

/// Text that is no username.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a username: 1 to {USERNAME_CHARS} letters, digits, \"_\", \"-\" or \".\" are wanted")]
pub struct InvalidUsername;

impl Username {
    /// As typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form under which it is unique: see [`fold`].
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

impl FromStr for Username {
    type Err = InvalidUsername;

    fn from_str(text: &str) -> Result<Self, InvalidUsername> {
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let length = text.chars().count();
        let folds_to_something = !fold(text).is_empty();
        if (1..=USERNAME_CHARS).contains(&length) && text.chars().all(allowed) && folds_to_something {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidUsername)
        }
    }
}

impl fmt::Display for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Width, compatibility forms and case folded (NFKC, lower case, NFKC again): `Ａda` and `ada`
/// are the same name.
#[must_use]
pub fn fold(text: &str) -> String {
    let lower: String = text.nfkc().flat_map(char::to_lowercase).collect();
    lower.nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_when_folded() {
        let name = |text: &str| text.parse::<Username>().map(|name| name.folded());
        assert_eq!(name("Ａda"), name("ada"));
        assert_eq!(name("游客32").unwrap(), "游客32");
        for wrong in ["", "a b", "a/b", "a\u{200b}b", "<b>", &"x".repeat(65)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }
}
