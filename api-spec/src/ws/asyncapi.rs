//! The AsyncAPI 3 description of the WebSocket, generated from the frame types.

use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    Bye, Changes, Command, Cursor, Event, Hello, Live, MAX_FRAME_BYTES, Mark, Ping, Pong, Presence,
    ProblemFrame, ResultFrame, Resync, SUBPROTOCOL, Typing, TypingNote, Watch, Welcome,
};

const ABOUT: &str = "Everything live, over one WebSocket. Text frames, one JSON object each. The first frame of \
a client is `hello`, within 5 seconds; then come `welcome`, `changes` (none or more) and `live`. Order by `seq`, \
never by time; drop what is there already; read a hole in `seq` with `messages?after=`; keep the newest cursor; send \
an unanswered command again with the same id. Fields that are not known are refused in frames from clients, and \
must be passed over in frames from the server.";

struct Frames {
    generator: SchemaGenerator,
    messages: Map<String, Value>,
    references: Vec<Value>,
}

impl Frames {
    fn new(settings: SchemaSettings) -> Self {
        Self { generator: settings.into_generator(), messages: Map::new(), references: Vec::new() }
    }

    fn add<T: JsonSchema>(&mut self, name: &str, kind: &str) {
        let mut schema = T::json_schema(&mut self.generator);
        self.generator.transforms_mut().for_each(|transform| transform.transform(&mut schema));
        let mut object = match schema.to_value() {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        let summary = object.remove("description").unwrap_or_else(|| json!(""));
        let mut properties = Map::from_iter([("type".to_owned(), json!({ "const": kind }))]);
        if let Some(Value::Object(own)) = object.remove("properties") {
            properties.extend(own);
        }
        let mut required = vec![json!("type")];
        if let Some(Value::Array(own)) = object.remove("required") {
            required.extend(own);
        }
        object.insert("properties".to_owned(), Value::Object(properties));
        object.insert("required".to_owned(), Value::Array(required));
        let message = json!({
            "name": kind,
            "summary": summary,
            "contentType": "application/json",
            "payload": object,
        });
        self.messages.insert(name.to_owned(), message);
        self.references.push(json!({ "$ref": format!("#/channels/connect/messages/{name}") }));
    }
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft07().with(|settings| settings.definitions_path = "/components/schemas".into())
}

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut client = Frames::new(settings().for_deserialize());
    client.add::<Hello>("hello", "hello");
    client.add::<Command>("command", "command");
    client.add::<Typing>("clientTyping", "typing");
    client.add::<Watch>("subscribe", "subscribe");
    client.add::<Watch>("unsubscribe", "unsubscribe");
    client.add::<Ping>("ping", "ping");

    let mut server = Frames::new(settings().for_serialize());
    server.add::<Welcome>("welcome", "welcome");
    server.add::<Changes>("changes", "changes");
    server.add::<Live>("live", "live");
    server.add::<ResultFrame>("result", "result");
    server.add::<Event<'_>>("event", "event");
    server.add::<Mark>("mark", "mark");
    server.add::<TypingNote>("typing", "typing");
    server.add::<Presence>("presence", "presence");
    server.add::<Cursor>("cursor", "cursor");
    server.add::<Pong>("pong", "pong");
    server.add::<ProblemFrame>("problem", "problem");
    server.add::<Resync>("resync", "resync");
    server.add::<Bye>("bye", "bye");

    let mut schemas = client.generator.take_definitions(true);
    schemas.extend(server.generator.take_definitions(true));
    let names: Vec<String> = client.messages.keys().chain(server.messages.keys()).cloned().collect();
    let messages: Map<String, Value> = names
        .iter()
        .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    let mut all = client.messages;
    all.extend(server.messages);
    let channel = json!({ "$ref": "#/channels/connect" });
    json!({
        "asyncapi": "3.0.0",
        "info": { "title": "Hansard", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "defaultContentType": "application/json",
        "channels": { "connect": {
            "address": "/v1/connect",
            "title": "One connection",
            "description": format!(
                "Subprotocol `{SUBPROTOCOL}`. Frames from a client have at most {MAX_FRAME_BYTES} bytes. \
                 A token is never part of the address: it comes in `hello` or in the `Authorization` header."
            ),
            "messages": messages,
            "bindings": { "ws": { "method": "GET" } },
        } },
        "operations": {
            "clientSends": { "action": "receive", "channel": channel, "messages": client.references },
            "serverSends": { "action": "send", "channel": channel, "messages": server.references },
        },
        "components": { "messages": all, "schemas": schemas },
    })
}

/// The document as the committed file has it.
#[must_use]
pub fn text() -> String {
    // A document of maps and strings always serialises.
    serde_json::to_string_pretty(&document()).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 30);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_committed_document_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/asyncapi.json");
        if std::env::var_os("HANSARD_WRITE_SPECS").is_some() {
            std::fs::write(path, text()).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == text(),
            "asyncapi.json is out of date: run this test with HANSARD_WRITE_SPECS=1"
        );
    }
}
