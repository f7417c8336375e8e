//! Every limit on what people send, in one place; published at `GET /v1/limits`.

/// The most bytes of UTF-8 in the text of a message.
pub const TEXT_BYTES: usize = 16 * 1024;
/// The most characters in a title.
pub const TITLE_CHARS: usize = 200;
/// The most characters in a display name.
pub const DISPLAY_NAME_CHARS: usize = 100;
/// The most characters in the name or the platform of a device.
pub const DEVICE_LABEL_CHARS: usize = 100;
/// The most characters in a username.
pub const USERNAME_CHARS: usize = 64;
/// The fewest characters in a password.
pub const PASSWORD_MIN_CHARS: usize = 8;
/// The most bytes in a password: longer ones are refused before any hashing.
pub const PASSWORD_MAX_BYTES: usize = 512;
/// The most people that one command may name.
pub const MEMBERS_PER_COMMAND: usize = 500;
/// The most members of a conversation.
pub const MEMBERS: usize = 100_000;
/// The most sessions that a person has open at once; the oldest gives way.
pub const OPEN_SESSIONS: usize = 100;
