//! Connections through a real listener.

mod house;

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Timing;
use house::{ADA, BOB, CAT, House, Options, room, user};

fn texts(frames: &[Value]) -> Vec<&str> {
    let events = |frame: &'_ Value| -> Vec<Value> {
        match frame["type"].as_str().unwrap() {
            "event" => vec![frame.clone()],
            "changes" => frame["conversations"][0]["events"].as_array().unwrap().clone(),
            _ => vec![],
        }
    };
    let text = |event: Value| -> Option<String> { Some(event["data"]["body"]["text"].as_str()?.to_owned()) };
    frames.iter().flat_map(events).filter_map(text).map(|text| &*text.leak()).collect()
}

#[tokio::test]
async fn two_people_speak_in_the_words_of_the_protocol() {
    let house = House::new().await;
    let (mut ada, hello) = house.connect(ADA, None).await;
    let (mut bob, _) = house.connect(BOB, None).await;
    let welcome = &hello[0];
    assert_eq!(welcome["type"], "welcome");
    assert_eq!(welcome["user"]["id"], json!(user(ADA)));
    assert_eq!(welcome["limits"]["text_bytes"], 16384);
    assert_eq!((&welcome["resumed"], &welcome["as_of"]), (&json!(false), &json!("")));
    assert_eq!(hello[1], json!({ "type": "live", "cursor": "" }));

    let id = ada.say("hi").await;
    let accepted = json!({
        "position": "0-1", "conversation": room(), "seq": 1, "at": "1970-01-01T00:00:00.000Z",
    });
    let event = json!({
        "type": "event", "conversation": room(), "seq": 1, "event": "message.sent",
        "at": "1970-01-01T00:00:00.000Z", "actor": user(ADA), "command": id,
        "data": { "kind": "text", "body": { "text": "hi" }, "reply_to": null },
    });
    assert_eq!(bob.frame().await, event);
    let both = [ada.frame().await, ada.frame().await];
    assert!(both.contains(&event));
    assert!(both.contains(&json!({ "type": "result", "id": id, "accepted": accepted })));
}

#[tokio::test]
async fn whoever_does_not_fit_is_refused_before_there_is_a_socket() {
    let house = House::new().await;
    let protocol = ("sec-websocket-protocol", "hansard.v1");
    for (headers, status, code) in [
        (vec![], 400, "subprotocol-required"),
        (vec![("sec-websocket-protocol", "hansard.v2")], 400, "subprotocol-required"),
        (vec![protocol, ("origin", "https://evil.example")], 403, "origin-not-allowed"),
        (vec![protocol, ("authorization", "Bearer nonsense")], 401, "unauthenticated"),
        (vec![protocol, ("authorization", "Basic YTpi")], 401, "unauthenticated"),
    ] {
        let Err(Error::Http(response)) = connect_async(house.request(&headers)).await else {
            panic!("{headers:?}")
        };
        assert_eq!(response.status(), status, "{headers:?}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_slice(response.body().as_ref().unwrap()).unwrap();
        assert_eq!(problem["type"], format!("/problems/{code}"));
    }
    let allowed = house.request(&[protocol, ("origin", "https://chat.example")]);
    assert!(connect_async(allowed).await.is_ok());
}

#[tokio::test]
async fn a_native_client_may_have_its_token_in_the_request() {
    let timing = Timing { hello_after_token: Duration::from_millis(20), ..Timing::default() };
    let house = House::with(Options { timing, ..Options::default() }).await;
    house.world.say(BOB, "before");
    let token = format!("Bearer {}", house.tokens(ADA).await.access_token);
    let headers = [("sec-websocket-protocol", "hansard.v1"), ("authorization", token.as_str())];
    // Without a hello it starts from the newest.
    let (inner, _) = connect_async(house.request(&headers)).await.unwrap();
    let mut client = house::Client { inner };
    let frames = client.until("live").await;
    assert_eq!(texts(&frames), ["before"]);
    // One that comes late is not needed any more.
    client.send(&json!({ "type": "hello", "cursor": null })).await;
    assert_eq!(client.frame().await["problem"]["type"], "/problems/already-started");
    client.say("on").await;
    client.until("event").await;
}

#[tokio::test]
async fn a_hello_is_needed_in_time_and_has_to_be_one() {
    let timing = Timing { hello: Duration::from_millis(50), ..Timing::default() };
    let house = House::with(Options { timing, ..Options::default() }).await;
    let mut silent = house.open().await;
    let (bye, code) = silent.end("bye").await;
    assert_eq!((code, &bye["code"], &bye["problem"]["status"]), (4408, &json!(4408), &json!(408)));

    let house = House::new().await;
    for (first, expected, pointer) in [
        (json!({ "type": "ping", "n": 1 }), 4400, Value::Null),
        (json!({ "type": "hello", "token": 7 }), 4400, json!("/token")),
        (json!({ "type": "hello", "token": "x", "colour": 1 }), 4400, json!("/colour")),
        (json!({ "type": "hello" }), 4401, Value::Null),
        (json!({ "type": "hello", "token": "nonsense" }), 4401, Value::Null),
    ] {
        let mut client = house.open().await;
        client.send(&first).await;
        let (bye, code) = client.end("bye").await;
        assert_eq!((code, &bye["problem"]["errors"][0]["pointer"]), (expected, &pointer), "{first}");
    }
    let mut other_device = house.open().await;
    let token = house.tokens(ADA).await.access_token;
    let hello = json!({ "type": "hello", "token": token, "device": uuid::Uuid::from_u128(99) });
    other_device.send(&hello).await;
    assert_eq!(other_device.end("bye").await.1, 4401);
}

#[tokio::test]
async fn who_comes_back_gets_what_they_missed_and_nothing_twice() {
    let house = House::new().await;
    let (mut ada, _) = house.connect(ADA, None).await;
    house.world.say(BOB, "one");
    ada.until("event").await;
    drop(ada);
    house.world.say(BOB, "two");
    house.world.say(BOB, "three");
    let (mut ada, frames) = house.connect(ADA, Some("0-1")).await;
    assert_eq!((&frames[0]["resumed"], texts(&frames)), (&json!(true), vec!["two", "three"]));
    assert_eq!(frames.last().unwrap()["cursor"], "0-3");
    house.world.say(BOB, "four");
    assert_eq!(texts(&ada.until("event").await), ["four"]);
}

#[tokio::test]
async fn a_cursor_of_another_log_starts_over_and_says_so() {
    let house = House::new().await;
    house.world.say(BOB, "one");
    for cursor in ["0-9", "nonsense"] {
        let (_ada, frames) = house.connect(ADA, Some(cursor)).await;
        assert_eq!(frames[0]["resumed"], false);
        assert!(frames[0]["reset_required"].is_string(), "{frames:?}");
        assert_eq!(texts(&frames), ["one"]);
    }
}

#[tokio::test]
async fn nothing_is_missed_while_the_views_are_behind() {
    let house = House::new().await;
    house.world.hold_views();
    let mut cat = house.open().await;
    for number in 0..50 {
        house.world.say(BOB, &number.to_string());
    }
    // Live knows more than the views do; the connection starts where they are.
    let (mut ada, mut frames) = house.connect(ADA, None).await;
    house.world.release_views();
    house.world.say(BOB, "last");
    while texts(&frames).last() != Some(&"last") {
        frames.push(ada.frame().await);
    }
    let mut expected: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    expected.push("last".to_owned());
    assert_eq!(texts(&frames), expected);
    drop(cat.inner.close(None).await);
}

#[tokio::test]
async fn what_makes_no_sense_is_named_and_the_connection_goes_on() {
    let house = House::new().await;
    let (mut ada, _) = house.connect(ADA, None).await;
    for (frame, pointer) in [
        (json!([]), ""),
        (json!({ "type": "dance" }), "/type"),
        (json!({ "type": "typing" }), "/conversation"),
        (json!({ "type": "ping", "n": "x" }), "/n"),
    ] {
        ada.send(&frame).await;
        let problem = &ada.frame().await["problem"];
        assert_eq!((&problem["status"], &problem["errors"][0]["pointer"]), (&json!(400), &json!(pointer)));
    }
    for (name, data, code, pointer) in [
        ("dance", json!({}), "unknown-command", "/name"),
        ("message.send", json!({ "conversation": room() }), "malformed", "/data/kind"),
    ] {
        let id = ada.command(name, data).await;
        let result = ada.frame().await;
        assert_eq!((&result["type"], &result["id"]), (&json!("result"), &json!(id)));
        assert_eq!(result["rejected"]["type"], format!("/problems/{code}"));
        assert_eq!(result["rejected"]["errors"][0]["pointer"], pointer);
    }
    ada.send(&json!({ "type": "ping", "n": 7 })).await;
    assert_eq!(ada.frame().await, json!({ "type": "pong", "n": 7 }));
    for _ in 0..40 {
        ada.send(&json!({ "type": "dance" })).await;
    }
    assert_eq!(ada.end("bye").await.1, 4400);
}

#[tokio::test]
async fn what_is_against_the_protocol_ends_the_connection() {
    use futures::SinkExt as _;
    let house = House::new().await;
    let (mut ada, _) = house.connect(ADA, None).await;
    ada.inner.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(ada.end("bye").await.1, 4400);

    let (mut ada, _) = house.connect(ADA, None).await;
    let largest = " ".repeat(64 * 1024 - r#"{"type":"ping","n":1}"#.len());
    ada.inner.send(Message::text(largest + r#"{"type":"ping","n":1}"#)).await.unwrap();
    assert_eq!(ada.frame().await["type"], "pong");
    ada.inner.send(Message::text(" ".repeat(64 * 1024 + 1))).await.unwrap();
    let (bye, code) = ada.end("bye").await;
    assert_eq!((code, &bye["problem"]["type"]), (1009, &json!("/problems/too-large")));
}

#[tokio::test]
async fn commands_are_refused_with_the_problem_of_the_rule() {
    let house = House::new().await;
    let (mut cat, _) = house.connect(CAT, None).await;
    let send = cat.say("hello?").await;
    let mark = cat.command("mark.read", json!({ "conversation": room(), "read": 1 })).await;
    let results = cat.results(2).await;
    for id in [send, mark] {
        assert_eq!(results[&id]["rejected"]["type"], "/problems/conversation-not-found");
        assert_eq!(results[&id]["rejected"]["status"], 404);
    }
}

#[tokio::test]
async fn marks_and_typing_reach_the_other_members() {
    let house = House::new().await;
    let (mut ada, _) = house.connect(ADA, None).await;
    let (mut bob, _) = house.connect(BOB, None).await;
    let id = ada.command("mark.read", json!({ "conversation": room(), "read": 3 })).await;
    let mark = bob.until("mark").await.pop().unwrap();
    assert_eq!((&mark["user"], &mark["read"]), (&json!(user(ADA)), &json!(3)));
    assert_eq!(ada.results(1).await[&id]["accepted"]["position"], "1-1");
    ada.send(&json!({ "type": "typing", "conversation": room() })).await;
    let typing = bob.until("typing").await.pop().unwrap();
    assert_eq!(typing, json!({ "type": "typing", "conversation": room(), "user": user(ADA) }));
}

#[tokio::test]
async fn presence_follows_the_connections_of_those_who_share_a_conversation() {
    let house = House::new().await;
    let (mut ada, _) = house.connect(ADA, None).await;
    ada.send(&json!({ "type": "subscribe", "users": [user(BOB), user(CAT)] })).await;
    let states = [ada.frame().await, ada.frame().await];
    assert!(states.iter().all(|state| state["presence"] == "offline"));
    let (_cat, _) = house.connect(CAT, None).await;
    let (bob, _) = house.connect(BOB, None).await;
    let online = json!({ "type": "presence", "user": user(BOB), "presence": "online" });
    assert_eq!(ada.frame().await, online, "nothing of one with whom nothing is shared");
    drop(bob);
    assert_eq!(ada.frame().await["presence"], "offline");
}

#[tokio::test]
async fn who_is_removed_hears_that_and_nothing_more() {
    let house = House::new().await;
    let (mut ada, _) = house.connect(ADA, None).await;
    house.world.remove(ADA);
    house.world.say(BOB, "secret");
    assert_eq!(ada.frame().await["event"], "member.removed");
    ada.send(&json!({ "type": "ping", "n": 1 })).await;
    assert_eq!(ada.frame().await["type"], "pong");
}

#[tokio::test]
async fn a_session_that_is_closed_ends_its_sockets_at_once() {
    let house = House::new().await;
    let (mut ada, _) = house.connect(ADA, None).await;
    let token = house.tokens(ADA).await.access_token;
    house.vault.close_session(uuid_session(ADA)).await.unwrap();
    house.world.close_session(ADA);
    house.world.say(BOB, "secret");
    let (bye, code) = ada.end("bye").await;
    assert_eq!((code, &bye["problem"]["type"]), (4401, &json!("/problems/session-closed")));
    let mut again = house.open().await;
    again.send(&json!({ "type": "hello", "token": token })).await;
    assert_eq!(again.end("bye").await.1, 4401);
}

fn uuid_session(number: u128) -> hansard_events::SessionId {
    hansard_events::SessionId::new(uuid::Uuid::from_u128(number)).unwrap()
}

#[tokio::test]
async fn a_socket_does_not_outlive_its_token() {
    let access_lifetime = Duration::from_secs(1);
    let house = House::with(Options { access_lifetime, ..Options::default() }).await;
    let (mut ada, _) = house.connect(ADA, None).await;
    let (bye, code) = ada.end("bye").await;
    assert_eq!((code, &bye["problem"]["type"]), (4401, &json!("/problems/token-expired")));
}

#[tokio::test]
async fn a_silent_connection_is_asked_and_then_closed() {
    let timing =
        Timing { ping: Duration::from_millis(30), idle: Duration::from_millis(200), ..Timing::default() };
    let house = House::with(Options { timing, ..Options::default() }).await;
    let (mut listening, _) = house.connect(ADA, None).await;
    // Reading answers pings: it lives for longer than it may be silent.
    let deadline = tokio::time::Instant::now() + Duration::from_millis(600);
    let heard = tokio::time::timeout_at(deadline, listening.next()).await;
    assert!(heard.is_err(), "{heard:?}");
    // Not reading does not.
    let before = house.tracker.len();
    while house.tracker.len() == before {
        tokio::task::yield_now().await;
    }
    assert_eq!(listening.end("bye").await.1, 1001);
}

#[tokio::test]
async fn a_person_who_sends_too_much_is_told_when_to_go_on() {
    let house = House::with(Options { rate_limits: true, ..Options::default() }).await;
    let (mut ada, _) = house.connect(ADA, None).await;
    for _ in 0..300 {
        ada.say("spam").await;
    }
    let results = ada.results(300).await;
    let limited: Vec<&Value> = results.values().filter(|result| !result["rejected"].is_null()).collect();
    assert!(!limited.is_empty() && limited.len() < 200);
    assert!(limited.iter().all(|result| result["rejected"]["type"] == "/problems/rate-limited"));
    assert!(limited.iter().all(|result| result["rejected"]["retry_after"].as_u64() >= Some(1)));
}

#[tokio::test]
async fn so_many_commands_are_under_way_and_the_others_wait() {
    let house = House::new().await;
    let (mut ada, _) = house.connect(ADA, None).await;
    house.world.gate.forget_permits(1000);
    for number in 0..50 {
        ada.say(&number.to_string()).await;
    }
    while house.world.waiting.load(Ordering::SeqCst) < 32 {
        tokio::task::yield_now().await;
    }
    // Everything that can run has run, and no more than these were taken.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.world.waiting.load(Ordering::SeqCst), 32);
    house.world.gate.add_permits(1000);
    assert_eq!(ada.results(50).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_does_not_read_hurts_nobody_and_is_let_go() {
    let timing =
        Timing { write: Duration::from_secs(60), idle: Duration::from_secs(60), ..Timing::default() };
    let house = House::with(Options { timing, ..Options::default() }).await;
    let (mut slow, _) = house.connect(ADA, None).await;
    let (mut quick, _) = house.connect(BOB, None).await;
    let text = "x".repeat(16 * 1024);
    let count = 3000;
    for _ in 0..count {
        house.world.say(BOB, &text);
        assert_eq!(quick.frame().await["type"], "event");
    }
    let mut heard = 0;
    let last = loop {
        match slow.next().await {
            Ok(frame) if frame["type"] == "event" => heard += 1,
            Ok(frame) => break Some(frame),
            Err(_) => break None,
        }
    };
    assert!(heard < count);
    if let Some(last) = last {
        assert_eq!((&last["type"], last["retry_after"].as_f64() > Some(0.0)), (&json!("resync"), true));
        assert_eq!(slow.next().await, Err(Some(4413)));
    }
}

#[tokio::test]
async fn when_the_server_stops_everyone_is_sent_back_at_different_times() {
    let house = House::new().await;
    let (mut ada, _) = house.connect(ADA, None).await;
    let (mut bob, _) = house.connect(BOB, None).await;
    let mut waiting = house.open().await;
    house.stop.cancel();
    let mut times = Vec::new();
    for client in [&mut ada, &mut bob, &mut waiting] {
        let (resync, code) = client.end("resync").await;
        assert_eq!(code, 1012);
        times.push(resync["retry_after"].as_f64().unwrap());
    }
    assert!(times.iter().all(|time| (0.5..=5.0).contains(time)), "{times:?}");
    assert!(times[0] != times[1] || times[1] != times[2]);
    house.tracker.close();
    house.tracker.wait().await;
}

#[tokio::test]
async fn an_idle_connection_is_small() {
    use axum::extract::ws::WebSocketUpgrade;
    let house = House::new().await;
    let (tell, mut told) = mpsc::channel(1);
    let sockets = house.sockets.clone();
    let measure = move |upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(move |socket| async move {
            let future = super::connection::run(sockets, socket, None);
            tell.send(size_of_val(&future)).await.unwrap();
        })
    };
    let app = axum::Router::new().route("/", axum::routing::get(measure));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let (_socket, _) = connect_async(url).await.unwrap();
    let bytes = told.recv().await.unwrap();
    server.abort();
    // Beside it stand the read buffer of 4 KiB and the hub's entry.
    assert!(bytes <= 3072, "{bytes} bytes");
}
