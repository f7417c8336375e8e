//! From what went wrong to what clients are told. The one list of problem codes.

use std::time::Duration;

use hansard_api_spec::{FieldError, Problem};
use hansard_read_side::QueryError;
use hansard_write_side::{CommandError, Rejection};

macro_rules! codes {
    ($($name:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// What can go wrong, as clients know it. Codes are never renamed or used for something else.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($name),* }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The last part of the problem's `type`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// The title, the same for every problem of this code.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    Malformed = "malformed", 400, "The request is not as it should be";
    BadQuery = "bad-query", 400, "The search query can't be understood";
    BadCursor = "bad-cursor", 400, "The cursor is not one of ours";
    UnknownCommand = "unknown-command", 400, "There is no command of this name";
    SubprotocolRequired = "subprotocol-required", 400, "The WebSocket subprotocol hansard.v1 is required";
    ProtocolViolation = "protocol-violation", 400, "This is against the protocol";
    Unauthenticated = "unauthenticated", 401, "A valid access token is required";
    TokenExpired = "token-expired", 401, "The access token has expired";
    SessionClosed = "session-closed", 401, "The session is closed";
    OriginNotAllowed = "origin-not-allowed", 403, "Browsers may not come from this origin";
    NotAllowed = "not-allowed", 403, "This needs another role";
    NotTheAuthor = "not-the-author", 403, "Only the author may do this";
    NotJoinable = "not-joinable", 403, "Only a channel can be joined by oneself";
    NotFound = "not-found", 404, "There is no such thing";
    UserNotFound = "user-not-found", 404, "There is no such person";
    SessionNotFound = "session-not-found", 404, "There is no such session";
    ConversationNotFound = "conversation-not-found", 404, "There is no such conversation";
    MessageNotFound = "message-not-found", 404, "There is no such message";
    NotAMember = "not-a-member", 404, "This person is not a member";
    TooLate = "too-late", 408, "This did not come in time";
    UsernameTaken = "username-taken", 409, "Somebody else holds this username";
    ConversationExists = "conversation-exists", 409, "There already is a conversation with this id";
    MessageRecalled = "message-recalled", 409, "The message has been recalled";
    DirectIsFixed = "direct-is-fixed", 409, "A direct conversation has fixed members and no title";
    LastOwner = "last-owner", 409, "A conversation needs an owner";
    CommandIdReused = "command-id-reused", 409, "This command id was used before with other content";
    AlreadyStarted = "already-started", 409, "This connection has started already";
    ResetRequired = "reset-required", 410, "Start over without a cursor";
    TooLarge = "too-large", 413, "This is over a limit of size";
    RateLimited = "rate-limited", 429, "Too much at once";
    Internal = "internal", 500, "Something is wrong here";
    Quarantined = "quarantined", 500, "Something in this stream can't be read";
    Busy = "busy", 503, "Too much is waiting";
    Unavailable = "unavailable", 503, "This can't be answered now";
    StorageFull = "storage-full", 507, "There is no room left to store anything";
}

/// A problem of this code.
#[must_use]
pub fn problem(code: Code) -> Problem {
    Problem {
        kind: format!("/problems/{}", code.code()),
        title: code.title().to_owned(),
        status: code.status(),
        detail: None,
        instance: None,
        errors: Vec::new(),
        retry_after: None,
    }
}

/// A problem of this code that says what it was this time.
#[must_use]
pub fn detailed(code: Code, detail: impl ToString) -> Problem {
    Problem { detail: Some(detail.to_string()), ..problem(code) }
}

/// Bad input, with the field that is wrong.
#[must_use]
pub fn malformed(error: FieldError) -> Problem {
    Problem { errors: vec![error], ..problem(Code::Malformed) }
}

/// A problem that passes: try again after this time, in whole seconds, at least one.
#[must_use]
pub fn passing(code: Code, retry_after: Duration) -> Problem {
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    Problem { retry_after: Some(seconds.max(1)), ..problem(code) }
}

/// What clients are told of a command that was not accepted. `prefix` stands before the names of
/// fields, for example `/data`. What only operators should see is left out.
#[must_use]
pub fn of_command(error: &CommandError, prefix: &str) -> Problem {
    match error {
        CommandError::Rejected(rejection) => of_rejection(rejection, prefix),
        CommandError::IdReused => problem(Code::CommandIdReused),
        CommandError::Busy { retry_after } => passing(Code::Busy, *retry_after),
        CommandError::Full => problem(Code::StorageFull),
        CommandError::Unavailable(_) => passing(Code::Unavailable, Duration::from_secs(1)),
    }
}

fn of_rejection(rejection: &Rejection, prefix: &str) -> Problem {
    let code = match rejection {
        Rejection::UsernameTaken => Code::UsernameTaken,
        Rejection::UserNotFound => Code::UserNotFound,
        Rejection::SessionNotFound => Code::SessionNotFound,
        Rejection::ConversationNotFound => Code::ConversationNotFound,
        Rejection::ConversationExists => Code::ConversationExists,
        Rejection::MessageNotFound => Code::MessageNotFound,
        Rejection::NotAMember => Code::NotAMember,
        Rejection::NotAllowed { .. } => Code::NotAllowed,
        Rejection::NotTheAuthor => Code::NotTheAuthor,
        Rejection::MessageRecalled => Code::MessageRecalled,
        Rejection::DirectIsFixed => Code::DirectIsFixed,
        Rejection::NotJoinable => Code::NotJoinable,
        Rejection::LastOwner => Code::LastOwner,
        Rejection::TooLarge { field, .. } => {
            let error = FieldError { pointer: format!("{prefix}/{field}"), detail: rejection.to_string() };
            return Problem { errors: vec![error], ..detailed(Code::TooLarge, rejection) };
        }
        Rejection::Invalid { field, detail } => {
            let error = FieldError { pointer: format!("{prefix}/{field}"), detail: (*detail).to_owned() };
            return malformed(error);
        }
    };
    detailed(code, rejection)
}

/// What clients are told of a query without an answer.
#[must_use]
pub fn of_query(error: &QueryError) -> Problem {
    match error {
        QueryError::NotFound => problem(Code::NotFound),
        QueryError::BadQuery { .. } => detailed(Code::BadQuery, error),
        QueryError::BadCursor => problem(Code::BadCursor),
        QueryError::ResetRequired { reason } => detailed(Code::ResetRequired, reason),
        QueryError::Quarantined { .. } => detailed(Code::Quarantined, error),
        QueryError::Unavailable(_) => passing(Code::Unavailable, Duration::from_secs(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_is_of_its_own() {
        let codes: HashSet<&str> = Code::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
    }

    #[test]
    fn causes_stay_here_and_fields_are_named() {
        let error = CommandError::Unavailable("10.0.0.7 refused".to_owned());
        let told = serde_json::to_string(&of_command(&error, "")).unwrap();
        assert!(!told.contains("10.0.0.7") && told.contains("retry_after"));
        let error = CommandError::Rejected(Rejection::TooLarge { field: "title", limit: 200 });
        assert_eq!(of_command(&error, "/data").errors[0].pointer, "/data/title");
        assert_eq!(of_command(&CommandError::IdReused, "").kind, "/problems/command-id-reused");
    }
}
