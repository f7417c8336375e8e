//! From a command's name and body to a command. The same for REST and the socket.

use hansard_api_spec::body::{
    AddMembers, ChangeMemberRole, CreateConversation, EditMessage, MoveMark, RenameConversation, SendMessage,
    TextBody,
};
use hansard_api_spec::{FieldError, Problem, parse};
use hansard_events::{
    Body, CommandId, ConversationId, ConversationKind, HistoryAccess, MessageKind, Posting, UserId, limits,
};
use hansard_write_side::{Command, CommandBody, ConversationCommand, UserCommand};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::problem::{Code, detailed, malformed, problem};

/// The names that [`parse`] knows.
pub const NAMES: &[&str] = &[
    "message.send",
    "message.edit",
    "message.recall",
    "mark.read",
    "conversation.create",
    "conversation.rename",
    "conversation.join",
    "conversation.leave",
    "members.add",
    "member.remove",
    "member.change_role",
];

/// Reads the data of a command that came over the socket: the body that the same request has over
/// REST, and beside it the ids of its path.
///
/// # Errors
/// A problem that names the field, as a pointer into the frame.
pub fn parse(actor: UserId, id: CommandId, name: &str, data: &RawValue) -> Result<Command, Problem> {
    if !NAMES.contains(&name) {
        let pointer = "/name".to_owned();
        let error = FieldError { pointer, detail: format!("the names are {}", NAMES.join(", ")) };
        return Err(Problem { errors: vec![error], ..problem(Code::UnknownCommand) });
    }
    let mut data = Data(parse::from_slice(data.get().as_bytes(), "/data").map_err(malformed)?);
    let body = if name == "conversation.create" {
        create(actor, id, data.rest()?, "/data")?
    } else {
        let conversation: ConversationId = data.take("conversation")?;
        let command = match name {
            "message.send" => return Ok(command(actor, id, send(conversation, data.rest()?, "/data")?)),
            "message.edit" => {
                let message = data.take("seq")?;
                let EditMessage { body } = data.rest()?;
                ConversationCommand::Edit { message, body: text(body, "/data")? }
            }
            "message.recall" => ConversationCommand::Recall { message: data.take("seq")? },
            "mark.read" => {
                let body = move_mark(actor, conversation, &data.rest()?, "/data")?;
                return Ok(command(actor, id, body));
            }
            "conversation.rename" => {
                let RenameConversation { title } = data.rest()?;
                ConversationCommand::Rename { title }
            }
            "conversation.join" => ConversationCommand::Join,
            "conversation.leave" => ConversationCommand::Leave,
            "members.add" => add(data.rest()?, "/data")?,
            "member.remove" => ConversationCommand::Remove { user: data.take("user")? },
            _ => {
                let user = data.take("user")?;
                let ChangeMemberRole { role } = data.rest()?;
                ConversationCommand::ChangeRole { user, role }
            }
        };
        data.end()?;
        CommandBody::Conversation { conversation, command }
    };
    Ok(command(actor, id, body))
}

const fn command(actor: UserId, id: CommandId, body: CommandBody) -> Command {
    Command { id, actor, at: None, body }
}

/// A new conversation, whose id follows from the people (`direct`) or from the command.
///
/// # Errors
/// A problem that names the field; `prefix` stands before it.
pub fn create(
    actor: UserId,
    id: CommandId,
    body: CreateConversation,
    prefix: &str,
) -> Result<CommandBody, Problem> {
    let CreateConversation { kind, title, members, history, posting } = body;
    check_members(&members, &format!("{prefix}/members"))?;
    let conversation = match (kind, members.as_slice()) {
        (ConversationKind::Direct, [other]) => ConversationId::direct(actor, *other),
        (ConversationKind::Direct, _) => {
            return Err(wrong(format!("{prefix}/members"), "a direct conversation names one other person"));
        }
        (ConversationKind::Group | ConversationKind::Channel, _) => ConversationId::of_creation(id),
    };
    let by_kind = match kind {
        ConversationKind::Channel => HistoryAccess::All,
        ConversationKind::Direct | ConversationKind::Group => HistoryAccess::Joined,
    };
    let command = ConversationCommand::Create {
        kind,
        title,
        history: history.unwrap_or(by_kind),
        posting: posting.unwrap_or(Posting::Everyone),
        members,
    };
    Ok(CommandBody::Conversation { conversation, command })
}

/// A new message.
///
/// # Errors
/// A problem that names the field; `prefix` stands before it.
pub fn send(
    conversation: ConversationId,
    SendMessage { kind, body, reply_to }: SendMessage,
    prefix: &str,
) -> Result<CommandBody, Problem> {
    let body = match kind {
        MessageKind::Text => text(body, prefix)?,
    };
    let command = ConversationCommand::Send { kind, body, reply_to };
    Ok(CommandBody::Conversation { conversation, command })
}

/// Marks that move. The caller has to know that `actor` is a member.
///
/// # Errors
/// A problem when neither mark is there.
pub fn move_mark(
    actor: UserId,
    conversation: ConversationId,
    &MoveMark { read, received }: &MoveMark,
    prefix: &str,
) -> Result<CommandBody, Problem> {
    if read.is_none() && received.is_none() {
        return Err(wrong(format!("{prefix}/read"), "read or received is wanted"));
    }
    Ok(CommandBody::User { user: actor, command: UserCommand::MoveMark { conversation, read, received } })
}

/// People who are added.
///
/// # Errors
/// A problem that names the field; `prefix` stands before it.
pub fn add(AddMembers { users }: AddMembers, prefix: &str) -> Result<ConversationCommand, Problem> {
    if users.is_empty() {
        return Err(wrong(format!("{prefix}/users"), "at least one person is wanted"));
    }
    check_members(&users, &format!("{prefix}/users"))?;
    Ok(ConversationCommand::Add { users })
}

/// The body of a text message, checked.
///
/// # Errors
/// A problem when it is empty or too long; `prefix` stands before the field.
pub fn text(TextBody { text }: TextBody, prefix: &str) -> Result<Body, Problem> {
    let pointer = || format!("{prefix}/body/text");
    if text.is_empty() {
        return Err(wrong(pointer(), "it must not be empty"));
    }
    if text.len() > limits::TEXT_BYTES {
        return Err(too_large(pointer(), format!("at most {} bytes of UTF-8", limits::TEXT_BYTES)));
    }
    Ok(json!({ "text": text }))
}

fn check_members(users: &[UserId], pointer: &str) -> Result<(), Problem> {
    if users.len() > limits::MEMBERS_PER_COMMAND {
        let detail = format!("at most {} people at once", limits::MEMBERS_PER_COMMAND);
        return Err(too_large(pointer.to_owned(), detail));
    }
    Ok(())
}

fn wrong(pointer: String, detail: &str) -> Problem {
    malformed(FieldError { pointer, detail: detail.to_owned() })
}

fn too_large(pointer: String, detail: String) -> Problem {
    let told = detailed(Code::TooLarge, &detail);
    Problem { errors: vec![FieldError { pointer, detail }], ..told }
}

/// The data of a command, taken apart.
struct Data(Map<String, Value>);

impl Data {
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Problem> {
        let pointer = format!("/data/{name}");
        let value = self.0.remove(name).ok_or_else(|| wrong(pointer.clone(), "this field is missing"))?;
        parse::from_value(value, &pointer).map_err(malformed)
    }

    /// What is left, as a body.
    fn rest<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        parse::from_value(Value::Object(std::mem::take(&mut self.0)), "/data").map_err(malformed)
    }

    /// Nothing is left.
    fn end(self) -> Result<(), Problem> {
        let left = self.0.into_iter().next();
        left.map_or(Ok(()), |(name, _)| Err(wrong(format!("/data/{name}"), "this field is not known")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
    const ROOM: &str = "0190163d-8694-739b-aea5-966c26f8ad92";
    const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad93";

    fn read(name: &str, data: &Value) -> Result<CommandBody, Problem> {
        let data = RawValue::from_string(data.to_string()).unwrap();
        let command = parse(USER.parse().unwrap(), ID.parse().unwrap(), name, &data)?;
        assert_eq!((command.actor.to_string().as_str(), command.at), (USER, None));
        Ok(command.body)
    }

    #[test]
    fn every_name_is_read() {
        let data = |name: &str| match name {
            "message.send" => json!({ "conversation": ROOM, "kind": "text", "body": { "text": "hi" } }),
            "message.edit" => json!({ "conversation": ROOM, "seq": 7, "body": { "text": "hi" } }),
            "message.recall" => json!({ "conversation": ROOM, "seq": 7 }),
            "mark.read" => json!({ "conversation": ROOM, "read": 7 }),
            "conversation.create" => json!({ "kind": "group", "title": "Launch", "members": [USER] }),
            "conversation.rename" => json!({ "conversation": ROOM, "title": "Launch" }),
            "conversation.join" | "conversation.leave" => json!({ "conversation": ROOM }),
            "members.add" => json!({ "conversation": ROOM, "users": [USER] }),
            "member.remove" => json!({ "conversation": ROOM, "user": USER }),
            "member.change_role" => json!({ "conversation": ROOM, "user": USER, "role": "admin" }),
            _ => panic!("{name}"),
        };
        for name in NAMES {
            let mut data = data(name);
            assert!(read(name, &data).is_ok(), "{name}");
            data["colour"] = json!("red");
            assert_eq!(read(name, &data).unwrap_err().errors[0].pointer, "/data/colour", "{name}");
        }
    }

    #[test]
    fn a_message_is_the_command_that_it_says() {
        let data = json!({ "conversation": ROOM, "kind": "text", "body": { "text": "hi" }, "reply_to": 3 });
        let Ok(CommandBody::Conversation { conversation, command }) = read("message.send", &data) else {
            panic!()
        };
        assert_eq!(conversation.to_string(), ROOM);
        let ConversationCommand::Send { body, reply_to, .. } = command else { panic!() };
        assert_eq!((body, reply_to), (json!({ "text": "hi" }), Some(3)));
    }

    #[test]
    fn a_direct_conversation_has_the_id_of_its_people() {
        let data = json!({ "kind": "direct", "members": [ROOM] });
        let Ok(CommandBody::Conversation { conversation, .. }) = read("conversation.create", &data) else {
            panic!()
        };
        assert_eq!(conversation, ConversationId::direct(ROOM.parse().unwrap(), USER.parse().unwrap()));
        let data = json!({ "kind": "direct", "members": [] });
        assert_eq!(read("conversation.create", &data).unwrap_err().errors[0].pointer, "/data/members");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = "x".repeat(limits::TEXT_BYTES + 1);
        let many = vec![USER; limits::MEMBERS_PER_COMMAND + 1];
        for (name, data, expected) in [
            ("dance", json!({}), "/name"),
            ("message.send", json!([]), "/data"),
            ("message.send", json!({}), "/data/conversation"),
            ("message.send", json!({ "conversation": "x" }), "/data/conversation"),
            ("message.send", json!({ "conversation": ROOM }), "/data/kind"),
            ("message.send", json!({ "conversation": ROOM, "kind": "smell" }), "/data/kind"),
            ("message.send", json!({ "conversation": ROOM, "kind": "text", "body": "hi" }), "/data/body"),
            ("message.send", json!({ "conversation": ROOM, "kind": "text", "body": {} }), "/data/body/text"),
            (
                "message.send",
                json!({ "conversation": ROOM, "kind": "text", "body": { "text": "" } }),
                "/data/body/text",
            ),
            (
                "message.send",
                json!({ "conversation": ROOM, "kind": "text", "body": { "text": long } }),
                "/data/body/text",
            ),
            ("mark.read", json!({ "conversation": ROOM }), "/data/read"),
            ("members.add", json!({ "conversation": ROOM, "users": [] }), "/data/users"),
            ("members.add", json!({ "conversation": ROOM, "users": many }), "/data/users"),
            ("members.add", json!({ "conversation": ROOM, "users": [USER, "x"] }), "/data/users/1"),
        ] {
            let problem = read(name, &data).unwrap_err();
            assert_eq!(problem.errors[0].pointer, expected, "{name} {data:.100}: {problem:?}");
        }
    }
}
