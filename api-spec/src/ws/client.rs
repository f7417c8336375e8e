//! What clients send.

use std::fmt;

use hansard_events::{CommandId, ConversationId, UserId};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::Fields;
use crate::FieldError;

/// The most people whose presence one connection may watch.
pub const MAX_WATCHED: usize = 500;

/// A frame from a client, as parsed by [`ClientFrame::parse`].
#[derive(Debug)]
pub enum ClientFrame {
    Hello(Hello),
    Command(Command),
    Typing(Typing),
    Subscribe(Watch),
    Unsubscribe(Watch),
    Ping(Ping),
}

/// The first frame: who speaks, and from where to go on.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "hello", deny_unknown_fields)]
pub struct Hello {
    /// The access token; may be left out when the request had it in its `Authorization` header.
    pub token: Option<String>,
    /// The id of the device, as `POST /v1/sessions` gave it; when given, the token must be that
    /// device's.
    #[schemars(with = "Option<uuid::Uuid>")]
    pub device: Option<hansard_events::DeviceId>,
    /// The cursor that was kept, or `null` to start from the newest.
    pub cursor: Option<String>,
    /// How one appears to others.
    #[schemars(with = "Option<Appearance>")]
    pub presence: Option<Appearance>,
}

impl fmt::Debug for Hello {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Hello")
            .field("device", &self.device)
            .field("cursor", &self.cursor)
            .field("presence", &self.presence)
            .finish_non_exhaustive()
    }
}

/// Whether a connection makes its person appear online.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Appearance {
    /// It does.
    #[default]
    Online,
    /// It does not.
    Hidden,
}

/// Something to be done. Answered by `result`; send it again with the same id until it is.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "command", deny_unknown_fields)]
pub struct Command {
    /// A UUID of version 7.
    #[schemars(with = "uuid::Uuid")]
    pub id: CommandId,
    /// What is wanted, for example `message.send`.
    pub name: String,
    /// The body that the request of the same meaning has over REST, and the ids of its path.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub data: Box<RawValue>,
}

/// Tells the other members that one is writing. Say it again every few seconds.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "typing", deny_unknown_fields)]
pub struct Typing {
    #[schemars(with = "uuid::Uuid")]
    pub conversation: ConversationId,
}

/// Whose presence to tell, or to tell no more. Only of people with whom one shares a conversation
/// anything is told; everyone else is always offline.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "watch", deny_unknown_fields)]
pub struct Watch {
    /// At most 500 in all.
    #[schemars(with = "Vec<uuid::Uuid>", length(min = 1, max = 500))]
    pub users: Vec<UserId>,
}

/// Asks for a `pong` with the same number.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "ping", deny_unknown_fields)]
pub struct Ping {
    pub n: u64,
}

/// A frame that is not as it should be, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFrame {
    /// The field as a JSON pointer (RFC 6901), empty for the frame as a whole.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
    /// The id of the command that the frame was meant to be, if that much could be read.
    pub command: Option<CommandId>,
}

impl InvalidFrame {
    pub(super) fn new(field: &str, detail: &dyn fmt::Display) -> Self {
        let escaped = field.replace('~', "~0").replace('/', "~1");
        let pointer = if field.is_empty() { String::new() } else { format!("/{escaped}") };
        Self { pointer, detail: detail.to_string(), command: None }
    }
}

impl From<InvalidFrame> for FieldError {
    fn from(InvalidFrame { pointer, detail, .. }: InvalidFrame) -> Self {
        Self { pointer, detail }
    }
}

impl ClientFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`InvalidFrame`], naming the field: also for fields that are not known.
    pub fn parse(text: &str) -> Result<Self, InvalidFrame> {
        let mut fields = Fields::parse(text)?;
        let kind: String = fields.required("type")?;
        let frame = match kind.as_str() {
            "hello" => Self::Hello(Hello {
                token: fields.optional("token")?,
                device: fields.optional("device")?,
                cursor: fields.optional("cursor")?,
                presence: fields.optional("presence")?,
            }),
            "command" => {
                let id: CommandId = fields.required("id")?;
                let of_command = |error| InvalidFrame { command: Some(id), ..error };
                let name = fields.required("name").map_err(of_command)?;
                let data = fields.required_raw("data").map_err(of_command)?.to_owned();
                fields.end().map_err(of_command)?;
                return Ok(Self::Command(Command { id, name, data }));
            }
            "typing" => Self::Typing(Typing { conversation: fields.required("conversation")? }),
            "subscribe" => Self::Subscribe(watch(&mut fields)?),
            "unsubscribe" => Self::Unsubscribe(watch(&mut fields)?),
            "ping" => Self::Ping(Ping { n: fields.required("n")? }),
            _ => return Err(InvalidFrame::new("type", &"there is no frame of this type")),
        };
        fields.end()?;
        Ok(frame)
    }
}

fn watch(fields: &mut Fields<'_>) -> Result<Watch, InvalidFrame> {
    let users: Vec<UserId> = fields.required("users")?;
    if users.is_empty() || users.len() > MAX_WATCHED {
        return Err(InvalidFrame::new("users", &format_args!("1 to {MAX_WATCHED} people are wanted")));
    }
    Ok(Watch { users })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(text: &str) -> String {
        ClientFrame::parse(text).unwrap_err().pointer
    }

    #[test]
    fn frames_read_as_the_protocol_has_them() {
        let hello = ClientFrame::parse(r#"{"type":"hello","token":"secret","cursor":null}"#).unwrap();
        assert!(!format!("{hello:?}").contains("secret"));
        assert!(matches!(hello, ClientFrame::Hello(Hello { cursor: None, presence: None, .. })));
        let text = r#"{"name":"message.send","data":{"a": 1},"id":"0190163d-8694-739b-aea5-966c26f8ad91","type":"command"}"#;
        let ClientFrame::Command(command) = ClientFrame::parse(text).unwrap() else { panic!() };
        assert_eq!((command.name.as_str(), command.data.get()), ("message.send", r#"{"a": 1}"#));
        assert!(matches!(
            ClientFrame::parse(r#"{"type":"ping","n":7}"#),
            Ok(ClientFrame::Ping(Ping { n: 7 }))
        ));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("", ""),
            ("[]", ""),
            ("{", ""),
            (r#"{"type":"ping","n":1,"n":2}"#, ""),
            ("{}", "/type"),
            (r#"{"type":7}"#, "/type"),
            (r#"{"type":"dance"}"#, "/type"),
            (r#"{"type":"ping"}"#, "/n"),
            (r#"{"type":"ping","n":-1}"#, "/n"),
            (r#"{"type":"ping","n":1,"a/b":2}"#, "/a~1b"),
            (r#"{"type":"hello","token":"t","colour":"red"}"#, "/colour"),
            (r#"{"type":"hello","token":"t","presence":"loud"}"#, "/presence"),
            (r#"{"type":"typing","conversation":"here"}"#, "/conversation"),
            (r#"{"type":"subscribe","users":[]}"#, "/users"),
            (r#"{"type":"command","id":"7d444840-9dc0-41d1-b245-5ffdce74fad2"}"#, "/id"),
        ] {
            assert_eq!(pointer(text), expected, "{text}");
        }
    }

    #[test]
    fn a_command_that_can_be_named_is_named() {
        let text = r#"{"type":"command","id":"0190163d-8694-739b-aea5-966c26f8ad91","name":7}"#;
        let error = ClientFrame::parse(text).unwrap_err();
        assert_eq!((error.pointer.as_str(), error.command.is_some()), ("/name", true));
    }
}
