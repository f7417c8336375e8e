//! One event as it is recorded: who, when, by which command, and what; and its line in a commit.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::private::Slot;
use crate::upcast;
use crate::{
    CommandId, ConversationEvent, DataKey, DirectoryEvent, Fingerprint, KeyRing, KeySubject, SealError,
    SealedPart, StreamName, Timestamp, UserEvent, UserId,
};

/// An event of any stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// Of the directory.
    Directory(DirectoryEvent),
    /// Of a person.
    User(UserEvent),
    /// Of a conversation.
    Conversation(ConversationEvent),
}

impl Event {
    fn slot(&self) -> Option<&dyn Slot> {
        match self {
            Self::Directory(event) => Some(event.slot()),
            Self::User(event) => event.slot(),
            Self::Conversation(event) => event.slot(),
        }
    }

    fn slot_mut(&mut self) -> Option<&mut dyn Slot> {
        match self {
            Self::Directory(event) => Some(event.slot_mut()),
            Self::User(event) => event.slot_mut(),
            Self::Conversation(event) => event.slot_mut(),
        }
    }
}

/// An event with its circumstances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Whose stream.
    pub stream: StreamName,
    /// Its number in the stream, from 1; in a conversation this is `seq`.
    pub version: u64,
    /// When it was decided (or, imported, when it happened elsewhere). Shown, never ordered by.
    pub at: Timestamp,
    /// Who did it.
    pub actor: UserId,
    /// By which command.
    pub command: CommandId,
    /// Of the command's content.
    pub fingerprint: Fingerprint,
    /// What happened.
    pub event: Event,
}

/// Why a line is no event that this release can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The line, or the event's data, is not of the shape it should be.
    #[error("malformed event: {0}")]
    Malformed(String),
    /// A later release wrote it.
    #[error("event {event_type} version {found} is newer than the version {known} known here")]
    TooNew { event_type: String, found: u32, known: u32 },
    /// The private part did not open, or the vault is away.
    #[error(transparent)]
    Seal(#[from] SealError),
}

#[derive(Serialize)]
struct HeaderOut<'a> {
    stream: StreamName,
    version: u64,
    v: u32,
    at: Timestamp,
    actor: UserId,
    command: CommandId,
    fingerprint: Fingerprint,
    #[serde(flatten)]
    event: &'a Event,
}

#[derive(Deserialize)]
struct HeaderIn {
    stream: StreamName,
    version: u64,
    #[serde(rename = "type")]
    event_type: String,
    v: u32,
    at: Timestamp,
    actor: UserId,
    command: CommandId,
    fingerprint: Fingerprint,
    private: Option<SealedPart>,
}

const PRIVATE: &[u8] = b",\"private\":";

impl Recorded {
    /// The event's type name, for example `message.sent`.
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        event_type(&self.event)
    }

    /// Under whose key the private part belongs; `None` when there is no private part.
    #[must_use]
    pub fn key_subject(&self) -> Option<KeySubject> {
        self.event.slot()?;
        match (&self.event, self.stream) {
            (Event::Directory(DirectoryEvent::UsernameClaimed { user, .. }), _) => {
                Some(KeySubject::User(*user))
            }
            (Event::User(_), StreamName::User(user)) => Some(KeySubject::User(user)),
            (
                Event::Conversation(ConversationEvent::Created { .. } | ConversationEvent::Renamed { .. }),
                StreamName::Conversation(conversation),
            ) => Some(KeySubject::Conversation(conversation)),
            _ => Some(KeySubject::User(self.actor)),
        }
    }

    /// The event's line in a commit, without the line feed. `key` is that of
    /// [`Recorded::key_subject`], `nonce` is 12 random bytes; both are used only if there is a
    /// private part, which must be open.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] when the private part is not open or no key was given.
    pub fn encode(&self, key: Option<&DataKey>, nonce: [u8; 12]) -> Result<Vec<u8>, DecodeError> {
        let malformed = |error: serde_json::Error| DecodeError::Malformed(error.to_string());
        let v = upcast::current_version(self.event_type());
        let &Self { stream, version, at, actor, command, fingerprint, ref event } = self;
        let header = HeaderOut { stream, version, v, at, actor, command, fingerprint, event };
        let mut line = serde_json::to_vec(&header).map_err(malformed)?;
        if let Some(slot) = self.event.slot() {
            let missing = |what: &str| DecodeError::Malformed(format!("{what}, so it can't be sealed"));
            let plain = slot.to_json().ok_or_else(|| missing("the private part is not open"))?;
            let key = key.ok_or_else(|| missing("there is no key"))?;
            let part = key.seal(&line, nonce, &plain.map_err(malformed)?)?;
            line.pop();
            line.extend_from_slice(PRIVATE);
            serde_json::to_writer(&mut line, &part).map_err(malformed)?;
            line.push(b'}');
        }
        Ok(line)
    }
}

/// An event as read from a commit, its private part still sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event, with [`crate::Private::Sealed`] where there is a private part.
    pub recorded: Recorded,
    sealed: Option<(SealedPart, Vec<u8>)>,
    stored_version: u32,
}

impl StoredEvent {
    /// Reads a line of a commit.
    ///
    /// # Errors
    /// [`DecodeError`]: the line is not an event that this release knows.
    pub fn parse(line: &[u8]) -> Result<Self, DecodeError> {
        let malformed = |error: serde_json::Error| DecodeError::Malformed(error.to_string());
        let header: HeaderIn = serde_json::from_slice(line).map_err(malformed)?;
        let known = upcast::current_version(&header.event_type);
        if header.v > known {
            return Err(DecodeError::TooNew { event_type: header.event_type, found: header.v, known });
        }
        let mut event = if header.v == known {
            match header.stream {
                StreamName::Directory => Event::Directory(serde_json::from_slice(line).map_err(malformed)?),
                StreamName::User(_) => Event::User(serde_json::from_slice(line).map_err(malformed)?),
                StreamName::Conversation(_) => {
                    Event::Conversation(serde_json::from_slice(line).map_err(malformed)?)
                }
            }
        } else {
            let mut json: Value = serde_json::from_slice(line).map_err(malformed)?;
            upcast::steps(&header.event_type, header.v).for_each(|step| (step.data)(&mut json["data"]));
            match header.stream {
                StreamName::Directory => Event::Directory(serde_json::from_value(json).map_err(malformed)?),
                StreamName::User(_) => Event::User(serde_json::from_value(json).map_err(malformed)?),
                StreamName::Conversation(_) => {
                    Event::Conversation(serde_json::from_value(json).map_err(malformed)?)
                }
            }
        };
        let sealed = match header.private {
            None => None,
            Some(part) => {
                event
                    .slot_mut()
                    .ok_or_else(|| DecodeError::Malformed("an unexpected private part".into()))?;
                Some((part, associated_data(line)?))
            }
        };
        if sealed.is_none() && event.slot().is_some() {
            return Err(DecodeError::Malformed("the private part is missing".into()));
        }
        let HeaderIn { stream, version, at, actor, command, fingerprint, .. } = header;
        let recorded = Recorded { stream, version, at, actor, command, fingerprint, event };
        Ok(Self { recorded, sealed, stored_version: header.v })
    }

    /// Opens the private part. A destroyed key gives [`crate::Private::Erased`].
    ///
    /// # Errors
    /// [`DecodeError::Seal`]: the vault is away, or the sealed part was changed.
    pub async fn open(self, keys: &dyn KeyRing) -> Result<Recorded, DecodeError> {
        let Self { mut recorded, sealed, stored_version } = self;
        let Some((part, header)) = sealed else { return Ok(recorded) };
        let key = keys.find(part.key).await?;
        let event_type = recorded.event_type();
        let slot = recorded
            .event
            .slot_mut()
            .ok_or_else(|| DecodeError::Malformed("an unexpected private part".into()))?;
        let Some(key) = key else {
            slot.erase();
            return Ok(recorded);
        };
        let plain = key.open(&header, &part)?;
        let malformed = |error: serde_json::Error| DecodeError::Malformed(error.to_string());
        let mut json: Value = serde_json::from_slice(&plain).map_err(malformed)?;
        upcast::steps(event_type, stored_version).for_each(|step| (step.private)(&mut json));
        slot.fill(json).map_err(malformed)?;
        Ok(recorded)
    }
}

/// What the private part was sealed to: the line as it was before the part was added. The part is
/// always the last field, and a quote inside of a JSON string is always escaped, so the last
/// occurrence of the field's name is the field.
fn associated_data(line: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let at = line
        .windows(PRIVATE.len())
        .rposition(|window| window == PRIVATE)
        .ok_or_else(|| DecodeError::Malformed("the private part is not where it should be".into()))?;
    let mut header = line[..at].to_vec();
    header.push(b'}');
    Ok(header)
}

/// The stable name of an event's type.
#[must_use]
pub fn event_type(event: &Event) -> &'static str {
    match event {
        Event::Directory(DirectoryEvent::UsernameClaimed { .. }) => "username.claimed",
        Event::User(event) => match event {
            UserEvent::Registered { .. } => "user.registered",
            UserEvent::ProfileChanged { .. } => "profile.changed",
            UserEvent::RoleGranted { .. } => "role.granted",
            UserEvent::RoleRevoked { .. } => "role.revoked",
            UserEvent::SessionOpened { .. } => "session.opened",
            UserEvent::SessionClosed { .. } => "session.closed",
            UserEvent::MarkMoved { .. } => "mark.moved",
        },
        Event::Conversation(event) => match event {
            ConversationEvent::Created { .. } => "conversation.created",
            ConversationEvent::MemberJoined {} => "member.joined",
            ConversationEvent::MembersAdded { .. } => "members.added",
            ConversationEvent::MemberLeft {} => "member.left",
            ConversationEvent::MemberRemoved { .. } => "member.removed",
            ConversationEvent::MemberRoleChanged { .. } => "member.role_changed",
            ConversationEvent::Renamed { .. } => "conversation.renamed",
            ConversationEvent::MessageSent { .. } => "message.sent",
            ConversationEvent::MessageEdited { .. } => "message.edited",
            ConversationEvent::MessageRecalled { .. } => "message.recalled",
        },
    }
}
