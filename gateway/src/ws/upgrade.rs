//! From an HTTP request to a socket.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use hansard_api_spec::Problem;
use hansard_api_spec::ws::{MAX_FRAME_BYTES, SUBPROTOCOL};

use super::Sockets;
use super::connection::run;
use crate::problem::{Code, detailed, problem};

/// tungstenite takes 128 KiB a socket if it is not told otherwise.
const READ_BUFFER: usize = 4096;

/// What is written goes out when this much has gathered or nothing more waits.
const WRITE_BUFFER: usize = 4096;

/// The most that can wait to be written. A safety net, far above a page of changes of the largest
/// messages: what is written is waited for before more is taken from the queue.
const MAX_WRITE_BUFFER: usize = 64 << 20;

pub(super) async fn connect(
    State(sockets): State<Sockets>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let mut told = detailed(Code::Malformed, rejection.body_text());
            told.status = rejection.status().as_u16();
            return refuse(&told);
        }
    };
    if let Err(refused) = check_origin(&headers, &uri, &sockets.0.origins) {
        return refuse(&refused);
    }
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_frame_size(MAX_FRAME_BYTES)
        .max_message_size(MAX_FRAME_BYTES);
    if upgrade.selected_protocol().is_none() {
        return refuse(&problem(Code::SubprotocolRequired));
    }
    let token = match bearer(&headers) {
        Ok(token) => token,
        Err(refused) => return refuse(&refused),
    };
    if let Some(token) = &token
        && let Err(error) = sockets.0.vault.verify(token)
    {
        tracing::debug!(%error, "a connection without a valid token was refused");
        return refuse(&problem(Code::Unauthenticated));
    }
    let tracker = sockets.0.tracker.clone();
    upgrade.on_upgrade(move |socket| tracker.track_future(run(sockets, socket, token)))
}

/// The token of the `Authorization` header, if there is one.
fn bearer(headers: &HeaderMap) -> Result<Option<Box<str>>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().ok();
    let token = text
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.map(|(_, token)| Some(token.trim().into())).ok_or_else(|| problem(Code::Unauthenticated))
}

/// Browsers always send where a page is from; other clients do not. The page may be the server's
/// own, or one of those that were allowed, letter by letter.
fn check_origin(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> Result<(), Problem> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(axum::http::uri::Authority::as_str));
    let own = |origin: &str| {
        let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        rest.is_some() && rest == host
    };
    let fits = |origin: &HeaderValue| {
        origin.to_str().is_ok_and(|origin| own(origin) || allowed.iter().any(|allowed| allowed == origin))
    };
    if fits(origin) && origins.next().is_none() { Ok(()) } else { Err(problem(Code::OriginNotAllowed)) }
}

fn refuse(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
    let mut response =
        (status, content_type, serde_json::to_string(problem).unwrap_or_default()).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: Option<&'static str>, host: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        let allowed = ["https://chat.example".to_owned()];
        check_origin(&headers, &Uri::from_static("/v1/connect"), &allowed).is_ok()
    }

    #[test]
    fn browsers_come_from_here_or_from_where_they_may() {
        assert!(check(None, "127.0.0.1:8080"));
        assert!(check(Some("http://127.0.0.1:8080"), "127.0.0.1:8080"));
        assert!(check(Some("https://chat.example"), "127.0.0.1:8080"));
        for wrong in [
            "null",
            "http://127.0.0.1:8081",
            "http://127.0.0.1",
            "https://chat.example.evil",
            "https://evil.chat.example",
            "http://chat.example",
            "https://CHAT.example",
            "ftp://127.0.0.1:8080",
        ] {
            assert!(!check(Some(wrong), "127.0.0.1:8080"), "{wrong}");
        }
    }
}
