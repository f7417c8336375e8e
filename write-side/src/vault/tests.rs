//! The vault as its callers see it, on real files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hansard_events::{
    ConversationId, DeviceId, Digest, KeyRing as _, KeySubject, Profile, SessionId, Timestamp, UserId,
};
use tempfile::TempDir;
use uuid::Uuid;

use super::{Tokens, Vault, VaultError, VaultOptions};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// A directory and a clock that stands still until it is moved.
struct House {
    directory: TempDir,
    now: Arc<AtomicI64>,
}

impl House {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(1_700_000_000_000));
        Self { directory: TempDir::new().unwrap(), now }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn options(&self) -> VaultOptions {
        let now = Arc::clone(&self.now);
        let clock = move || Timestamp::from_millis(now.load(Ordering::SeqCst)).unwrap();
        VaultOptions { clock: Arc::new(clock), ..VaultOptions::default() }
    }

    fn open(&self) -> Arc<Vault> {
        Vault::open_with(self.path(), self.options()).unwrap()
    }

    fn pass(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
    }

    /// Every byte of every file of the vault but the master key.
    fn bytes(&self) -> Vec<u8> {
        let files = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| !path.ends_with("master.key")).flat_map(|path| fs::read(path).unwrap()).collect()
    }
}

fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number)).unwrap()
}

fn session(number: u128) -> SessionId {
    SessionId::new(Uuid::from_u128(number)).unwrap()
}

fn device() -> DeviceId {
    DeviceId::new(Uuid::from_u128(77)).unwrap()
}

fn ada() -> Profile {
    Profile { username: "ada.lovelace".to_owned(), display_name: "Ada Lovelace".to_owned() }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

async fn sign_in(vault: &Vault, number: u128) -> Tokens {
    vault.open_session(user(number), session(number), device()).await.unwrap()
}

fn reason(result: Result<Arc<Vault>, VaultError>) -> String {
    match result {
        Err(VaultError::Unusable(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn its_files_are_for_their_owner_only() {
    let house = House::new();
    let vault = house.open();
    sign_in(&vault, 1).await;
    let mut names = Vec::new();
    for entry in fs::read_dir(house.path()).unwrap() {
        let entry = entry.unwrap();
        names.push(entry.file_name().into_string().unwrap());
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{names:?}");
    }
    names.sort();
    assert_eq!(names, ["master.key", "vault.db", "vault.db-shm", "vault.db-wal"]);
}

#[test]
fn a_master_key_that_others_may_read_is_refused() {
    let house = House::new();
    drop(house.open());
    let path = house.path().join("master.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(reason(Vault::open(house.path())).contains("mode 0640"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    drop(house.open());
}

#[test]
fn a_master_key_that_is_missing_or_of_another_vault_is_refused() {
    let (house, other) = (House::new(), House::new());
    drop((house.open(), other.open()));
    let path = house.path().join("master.key");
    fs::copy(other.path().join("master.key"), &path).unwrap();
    assert!(reason(Vault::open(house.path())).contains("not the key of this vault"));
    fs::write(&path, "00").unwrap();
    assert!(reason(Vault::open(house.path())).contains("malformed"));
    fs::remove_file(&path).unwrap();
    assert!(reason(Vault::open(house.path())).contains("missing"));
    assert!(!path.exists(), "no new key is made over a vault that needs the old one");
}

#[test]
fn a_first_start_that_was_cut_off_needs_no_hand() {
    let house = House::new();
    // The draft was not finished; nothing else is there yet.
    fs::write(house.path().join("master.key.new"), "12").unwrap();
    drop(house.open());
    assert!(!house.path().join("master.key.new").exists());
    // The key was made, the vault was not.
    for name in ["vault.db", "vault.db-wal", "vault.db-shm"] {
        drop(fs::remove_file(house.path().join(name)));
    }
    let before = fs::read(house.path().join("master.key")).unwrap();
    drop(house.open());
    assert_eq!(fs::read(house.path().join("master.key")).unwrap(), before);
}

#[test]
fn a_vault_of_a_later_release_is_refused() {
    let house = House::new();
    drop(house.open());
    let connection = rusqlite::Connection::open(house.path().join("vault.db")).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    drop(connection);
    assert!(reason(Vault::open(house.path())).contains("newer"));
}

#[tokio::test]
async fn who_has_the_name_and_the_password_is_found() {
    let house = House::new();
    let vault = house.open();
    let name = vault.name_digest("ada.lovelace").await.unwrap();
    vault.put_credentials(user(1), name, &ada(), Some("correct horse")).await.unwrap();
    let found = vault.candidates(name, "correct horse").await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].user, &found[0].profile), (user(1), &ada()));
    assert_eq!(vault.candidates(name, "wrong horse").await.unwrap(), []);
    assert_eq!(vault.candidates(Digest::ZERO, "correct horse").await.unwrap(), []);

    // Somebody else asked for the same name, with a password of their own.
    vault.put_credentials(user(2), name, &ada(), Some("battery staple")).await.unwrap();
    assert_eq!(vault.candidates(name, "battery staple").await.unwrap()[0].user, user(2));
    vault.remove_credentials(user(2)).await.unwrap();
    assert_eq!(vault.candidates(name, "battery staple").await.unwrap(), []);

    // A new password takes the place of the old one, an import without one does not.
    vault.put_credentials(user(1), name, &ada(), Some("new horse")).await.unwrap();
    vault.put_credentials(user(1), name, &ada(), None).await.unwrap();
    assert_eq!(vault.candidates(name, "correct horse").await.unwrap(), []);
    drop(vault);
    let vault = house.open();
    assert_eq!(vault.name_digest("ada.lovelace").await.unwrap(), name);
    assert_eq!(vault.candidates(name, "new horse").await.unwrap()[0].user, user(1));
}

#[tokio::test]
async fn nobody_signs_in_as_a_person_without_a_password() {
    let vault = House::new();
    let vault = vault.open();
    vault.put_credentials(user(1), Digest::ZERO, &ada(), None).await.unwrap();
    assert_eq!(vault.candidates(Digest::ZERO, "").await.unwrap(), []);
}

#[tokio::test]
async fn an_unknown_name_costs_a_hash_too() {
    let house = House::new();
    let options = VaultOptions { hash_workers: 1, hash_queue: 0, ..house.options() };
    let vault = Vault::open_with(house.path(), options).unwrap();
    let one = vault.candidates(Digest::ZERO, "a password");
    let other = vault.candidates(Digest::ZERO, "a password");
    // With one place for hashing, only one of two that need it at once can have it.
    let (one, other) = tokio::join!(one, other);
    assert_eq!([&one, &other].iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(
        [&one, &other].iter().filter(|result| matches!(result, Err(VaultError::Busy { .. }))).count(),
        1
    );
}

#[tokio::test]
async fn too_many_passwords_at_once_are_refused_with_a_time_to_come_back() {
    let house = House::new();
    let options = VaultOptions { hash_workers: 1, hash_queue: 2, ..house.options() };
    let vault = Vault::open_with(house.path(), options).unwrap();
    let put = |number| {
        let vault = Arc::clone(&vault);
        async move { vault.put_credentials(user(number), Digest::ZERO, &ada(), Some("a password")).await }
    };
    let all = futures::future::join_all((0..8).map(put)).await;
    let busy = |result: &&Result<(), VaultError>| matches!(result, Err(VaultError::Busy { retry_after }) if !retry_after.is_zero());
    assert_eq!((all.iter().filter(|result| result.is_ok()).count(), all.iter().filter(busy).count()), (3, 5));
}

#[tokio::test]
async fn an_access_token_tells_who_and_until_when() {
    let house = House::new();
    let vault = house.open();
    let tokens = sign_in(&vault, 1).await;
    assert_eq!((tokens.user, tokens.session, tokens.device), (user(1), session(1), device()));
    assert_eq!(tokens.expires_in, 900);
    let claims = vault.verify(&tokens.access_token).unwrap();
    assert_eq!((claims.user, claims.session, claims.device), (user(1), session(1), device()));
    assert_eq!(claims.expires_at.millis(), 1_700_000_000_000 + 15 * MINUTE);
    house.pass(15 * MINUTE + 1000);
    assert!(vault.verify(&tokens.access_token).is_ok(), "two seconds for clocks that differ");
    house.pass(1000);
    assert!(matches!(
        vault.verify(&tokens.access_token),
        Err(VaultError::InvalidAccessToken { reason: "it has expired" })
    ));
    house.pass(-16 * MINUTE);
    assert!(matches!(
        vault.verify(&tokens.access_token),
        Err(VaultError::InvalidAccessToken { reason: "it is not good yet" })
    ));
}

#[tokio::test]
async fn a_changed_or_foreign_access_token_is_refused() {
    let (house, other) = (House::new(), House::new());
    let vault = house.open();
    let tokens = sign_in(&vault, 1).await;
    let foreign = sign_in(&other.open(), 1).await.access_token;
    let parts: Vec<&str> = tokens.access_token.split('.').collect();
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let forged = URL_SAFE_NO_PAD.encode(payload.replace("\"hansard\"", "\"others\""));
    let unsigned = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"none"}"#);
    let symmetric = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
    for wrong in [
        foreign,
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(1 << 20),
        format!("{}.{forged}.{}", parts[0], parts[2]),
        format!("{unsigned}.{}.", parts[1]),
        format!("{symmetric}.{}.{}", parts[1], parts[2]),
    ] {
        assert!(matches!(vault.verify(&wrong), Err(VaultError::InvalidAccessToken { .. })), "{wrong:.80}");
    }
}

#[tokio::test]
async fn what_is_signed_with_the_key_is_still_checked_claim_by_claim() {
    let house = House::new();
    let vault = house.open();
    let good = serde_json::json!({
        "iss": "hansard", "aud": "hansard", "sub": user(1), "sid": session(1), "did": device(),
        "iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 1_700_000_900,
    });
    let sign = |payload: &serde_json::Value, key_id: Option<&str>| vault.access.sign_raw(payload, key_id);
    let own = vault.jwks()["keys"][0]["kid"].as_str().unwrap().to_owned();
    assert!(vault.verify(&sign(&good, Some(&own))).is_ok());
    assert!(vault.verify(&sign(&good, None)).is_err());
    assert!(vault.verify(&sign(&good, Some("0011223344556677"))).is_err());
    for (claim, value) in [
        ("iss", serde_json::json!("others")),
        ("aud", serde_json::json!("others")),
        ("aud", serde_json::json!(["hansard", "others"])),
        ("exp", serde_json::json!("1700000900")),
        ("exp", serde_json::json!(1_699_999_000)),
        ("exp", serde_json::json!(i64::MAX)),
        ("nbf", serde_json::json!(1_700_000_100)),
        ("sub", serde_json::json!("ada")),
    ] {
        let mut payload = good.clone();
        payload[claim] = value;
        assert!(vault.verify(&sign(&payload, Some(&own))).is_err(), "{payload}");
        payload.as_object_mut().unwrap().remove(claim);
        assert!(vault.verify(&sign(&payload, Some(&own))).is_err(), "{payload}");
    }
}

#[tokio::test]
async fn the_published_key_verifies_access_tokens() {
    let house = House::new();
    let vault = house.open();
    let tokens = sign_in(&vault, 1).await;
    let key = &vault.jwks()["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&"OKP".into(), &"Ed25519".into(), &"EdDSA".into()));
    let key = jsonwebtoken::DecodingKey::from_ed_components(key["x"].as_str().unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.set_audience(&["hansard"]);
    validation.validate_exp = false;
    let token = jsonwebtoken::decode::<serde_json::Value>(&tokens.access_token, &key, &validation).unwrap();
    assert_eq!(token.claims["sub"], serde_json::json!(user(1)));
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_session() {
    let house = House::new();
    let vault = house.open();
    let first = sign_in(&vault, 1).await;
    let other = sign_in(&vault, 2).await;
    let second = vault.refresh(&first.refresh_token).await.unwrap();
    assert_eq!((second.user, second.session, second.device), (user(1), session(1), device()));
    assert!(vault.verify(&second.access_token).is_ok());
    let third = vault.refresh(&second.refresh_token).await.unwrap();

    let reused = vault.refresh(&first.refresh_token).await;
    assert!(matches!(reused, Err(VaultError::TokenReused { user: who, session: which })
            if who == user(1) && which == session(1)));
    assert!(vault.verify(&third.access_token).is_err());
    assert!(matches!(vault.refresh(&third.refresh_token).await, Err(VaultError::InvalidRefreshToken)));
    assert!(vault.verify(&other.access_token).is_ok());
    drop(vault);
    let vault = house.open();
    assert!(vault.verify(&third.access_token).is_err(), "closed sessions are remembered");
    assert!(vault.verify(&other.access_token).is_ok());
    assert!(vault.refresh(&other.refresh_token).await.is_ok());
}

#[tokio::test]
async fn of_two_uses_at_once_one_is_the_second() {
    let house = House::new();
    let vault = house.open();
    let tokens = sign_in(&vault, 1).await;
    let (one, other) =
        tokio::join!(vault.refresh(&tokens.refresh_token), vault.refresh(&tokens.refresh_token));
    let mut ends = [one.is_ok(), other.is_ok()];
    ends.sort_unstable();
    assert_eq!(ends, [false, true]);
    assert!(vault.verify(&tokens.access_token).is_err());
}

#[tokio::test]
async fn a_made_up_refresh_token_ends_nothing() {
    let house = House::new();
    let vault = house.open();
    let tokens = sign_in(&vault, 1).await;
    let prefix = "hansard_refresh_";
    let mut bytes = session(1).as_uuid().as_bytes().to_vec();
    bytes.extend_from_slice(&[7; 48]);
    let made_up = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(&bytes));
    for wrong in
        [made_up, String::new(), prefix.to_owned(), tokens.refresh_token[1..].to_owned(), "x".repeat(9999)]
    {
        assert!(matches!(vault.refresh(&wrong).await, Err(VaultError::InvalidRefreshToken)), "{wrong:.90}");
    }
    assert!(vault.verify(&tokens.access_token).is_ok());
    assert!(vault.refresh(&tokens.refresh_token).await.is_ok());
}

#[tokio::test]
async fn a_refresh_token_ends_after_its_time_counted_from_its_making() {
    let house = House::new();
    let vault = house.open();
    let first = sign_in(&vault, 1).await;
    house.pass(29 * DAY);
    let second = vault.refresh(&first.refresh_token).await.unwrap();
    house.pass(29 * DAY);
    let third = vault.refresh(&second.refresh_token).await.unwrap();
    house.pass(30 * DAY);
    assert!(matches!(vault.refresh(&third.refresh_token).await, Err(VaultError::InvalidRefreshToken)));
}

#[tokio::test]
async fn a_closed_session_gives_nothing_any_more() {
    let house = House::new();
    let vault = house.open();
    let tokens = sign_in(&vault, 1).await;
    vault.close_session(session(1)).await.unwrap();
    vault.close_session(session(1)).await.unwrap();
    vault.close_session(session(99)).await.unwrap();
    assert!(vault.verify(&tokens.access_token).is_err());
    assert!(matches!(vault.refresh(&tokens.refresh_token).await, Err(VaultError::InvalidRefreshToken)));
    let again = vault.open_session(user(1), session(1), device()).await;
    assert!(matches!(again, Err(VaultError::SessionClosed)));
    drop(vault);
    assert!(house.open().verify(&tokens.access_token).is_err());
}

#[tokio::test]
async fn a_session_is_nobody_elses() {
    let house = House::new();
    let vault = house.open();
    let tokens = sign_in(&vault, 1).await;
    let taken = vault.open_session(user(2), session(1), device()).await;
    assert!(matches!(taken, Err(VaultError::SessionClosed)));
    let again = sign_in(&vault, 1).await;
    assert!(vault.verify(&tokens.access_token).is_ok());
    assert!(vault.refresh(&again.refresh_token).await.is_ok());
}

#[tokio::test]
async fn the_key_of_a_subject_stays_the_same() {
    let house = House::new();
    let vault = house.open();
    let group = KeySubject::Conversation(ConversationId::new(Uuid::from_u128(1)).unwrap());
    let key = vault.current(KeySubject::User(user(1))).await.unwrap();
    assert_ne!(vault.current(group).await.unwrap().id(), key.id());
    let part = key.seal(b"header", [1; 12], b"plain").unwrap();
    drop((key, vault));
    let vault = house.open();
    let key = vault.find(part.key).await.unwrap().unwrap();
    assert_eq!(key.open(b"header", &part).unwrap(), b"plain");
    assert_eq!(vault.current(KeySubject::User(user(1))).await.unwrap().id(), part.key);
}

#[tokio::test]
async fn the_key_is_durable_before_it_is_given() {
    let house = House::new();
    let vault = house.open();
    let key = vault.current(KeySubject::User(user(1))).await.unwrap();
    // As after a crash: the files as they are, opened elsewhere while the first still runs.
    let copy = House::new();
    for entry in fs::read_dir(house.path()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "vault.db-shm" {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    assert!(copy.open().find(key.id()).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn first_uses_at_once_give_one_key() {
    let house = House::new();
    let vault = house.open();
    let ids = Mutex::new(Vec::new());
    let tasks = (0..64).map(|_| async {
        let key = vault.current(KeySubject::User(user(1))).await.unwrap();
        ids.lock().unwrap().push(key.id());
    });
    futures::future::join_all(tasks).await;
    let mut ids = ids.into_inner().unwrap();
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn many_first_uses_are_few_transactions() {
    let house = House::new();
    let vault = house.open();
    let before = wal_commits(&house);
    let all = (0..4000).map(|number| vault.current(KeySubject::User(user(number))));
    for key in futures::future::join_all(all).await {
        key.unwrap();
    }
    let commits = wal_commits(&house) - before;
    assert!(commits > 0 && commits < 100, "{commits} transactions for 4000 keys");
}

/// How many transactions stand in the write-ahead log: frames whose header carries the size of
/// the database (https://www.sqlite.org/fileformat2.html#walformat).
fn wal_commits(house: &House) -> usize {
    let wal = fs::read(house.path().join("vault.db-wal")).unwrap_or_default();
    let Some((header, frames)) = wal.split_at_checked(32) else { return 0 };
    let salt = &header[16..24];
    let live = frames.chunks(24 + 4096).filter(|frame| frame.get(8..16) == Some(salt));
    live.filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test]
async fn a_destroyed_key_is_gone_everywhere_and_a_new_one_opens_nothing_old() {
    let house = House::new();
    let vault = house.open();
    let subject = KeySubject::User(user(1));
    vault.put_credentials(user(1), Digest::ZERO, &ada(), Some("correct horse")).await.unwrap();
    let tokens = sign_in(&vault, 1).await;
    let old = vault.current(subject).await.unwrap().id();
    let kept = vault.current(KeySubject::User(user(2))).await.unwrap().id();
    let row: Vec<u8> = {
        let connection = rusqlite::Connection::open(house.path().join("vault.db")).unwrap();
        let sql = "SELECT wrapped FROM data_keys WHERE id = ?1";
        connection.query_row(sql, [old.as_uuid().into_bytes()], |row| row.get(0)).unwrap()
    };
    assert!(contains(&house.bytes(), &row));
    vault.destroy(subject).await.unwrap();
    vault.destroy(subject).await.unwrap();
    assert!(!contains(&house.bytes(), &row), "the wrapped key is overwritten in the files");
    assert!(vault.find(old).await.unwrap().is_none());
    assert!(vault.find(kept).await.unwrap().is_some());
    assert_eq!(vault.candidates(Digest::ZERO, "correct horse").await.unwrap(), []);
    assert!(vault.verify(&tokens.access_token).is_err());
    assert!(matches!(vault.refresh(&tokens.refresh_token).await, Err(VaultError::InvalidRefreshToken)));
    assert_ne!(vault.current(subject).await.unwrap().id(), old);
    drop(vault);
    assert!(house.open().find(old).await.unwrap().is_none());
}

#[tokio::test]
async fn no_secret_stands_in_the_files_or_in_debug_output() {
    let house = House::new();
    let vault = house.open();
    let name = vault.name_digest("ada.lovelace").await.unwrap();
    vault.put_credentials(user(1), name, &ada(), Some("correct horse battery")).await.unwrap();
    let tokens = sign_in(&vault, 1).await;
    vault.current(KeySubject::User(user(1))).await.unwrap();
    let master = fs::read_to_string(house.path().join("master.key")).unwrap();
    let raw: [u8; 32] = hansard_events::from_hex(master.trim()).unwrap();
    let refresh = tokens.refresh_token.strip_prefix("hansard_refresh_").unwrap();
    let refresh_raw = URL_SAFE_NO_PAD.decode(refresh).unwrap();
    let bytes = house.bytes();
    let printed = format!("{vault:?} {tokens:?} {:?}", vault.candidates(name, "wrong").await);
    for (what, secret) in [
        ("master key", master.trim().as_bytes()),
        ("raw master key", &raw),
        ("password", b"correct horse battery"),
        ("username", b"ada.lovelace"),
        ("display name", b"Ada Lovelace"),
        ("refresh token", refresh.as_bytes()),
        ("raw refresh token", &refresh_raw[16..48]),
        ("access token", tokens.access_token.as_bytes()),
    ] {
        assert!(!contains(&bytes, secret), "{what} stands in the files");
        assert!(!contains(printed.as_bytes(), secret), "{what} is printed");
    }
    assert!(contains(&bytes, b"$argon2id$v=19$m=19456,t=2,p=1$"));
}

#[tokio::test]
async fn imported_people_cost_few_transactions() {
    let house = House::new();
    let vault = house.open();
    let profile = ada();
    let before = wal_commits(&house);
    let all = (0..2000).map(|number| vault.put_credentials(user(number), Digest::ZERO, &profile, None));
    for done in futures::future::join_all(all).await {
        done.unwrap();
    }
    let commits = wal_commits(&house) - before;
    assert!(commits > 0 && commits < 100, "{commits} transactions for 2000 people");
}

#[tokio::test]
async fn short_lives_can_be_asked_for() {
    let house = House::new();
    let options = VaultOptions {
        access_lifetime: Duration::from_secs(1),
        refresh_lifetime: Duration::from_secs(2),
        ..house.options()
    };
    let vault = Vault::open_with(house.path(), options).unwrap();
    let tokens = sign_in(&vault, 1).await;
    assert_eq!(tokens.expires_in, 1);
    house.pass(3000);
    assert!(vault.verify(&tokens.access_token).is_err());
    assert!(vault.refresh(&tokens.refresh_token).await.is_err());
}
