//! The master key: a file beside the vault, and what is derived from it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac, rand};
use hansard_events::{from_hex, to_hex};
use rusqlite::{Connection, OptionalExtension as _};
use zeroize::Zeroizing;

use super::VaultError;

const FILE: &str = "master.key";
const CHECK: &str = "check";
const CHECK_TEXT: &[u8] = b"this vault belongs to this master key";

/// Fills an array with random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)
        .map_err(|_| VaultError::Unusable("the system gives no random bytes".to_owned()))?;
    Ok(bytes)
}

/// Wraps what must not stand in the database in plain form: AES-256-GCM under a key derived from
/// the master key (HKDF-SHA256), with the name of what is wrapped as associated data.
pub(super) struct Wrapper {
    cipher: LessSafeKey,
    refresh: hmac::Key,
}

impl Wrapper {
    fn new(master: &[u8; 32]) -> Result<Self, VaultError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"hansard vault v1").extract(master);
        let derive = |info: &[u8]| {
            let mut out = Zeroizing::new([0; 32]);
            let filled = root.expand(&[info], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(out.as_mut()));
            filled.map(|()| out).map_err(|_| refused())
        };
        let cipher = UnboundKey::new(&AES_256_GCM, derive(b"wrap")?.as_ref()).map_err(|_| refused())?;
        let refresh = hmac::Key::new(hmac::HMAC_SHA256, derive(b"refresh tokens")?.as_ref());
        Ok(Self { cipher: LessSafeKey::new(cipher), refresh })
    }

    /// The key that marks refresh tokens as ours.
    pub(super) const fn refresh_key(&self) -> &hmac::Key {
        &self.refresh
    }

    /// Nonce, ciphertext and tag of `plain`, bound to `name`.
    pub(super) fn wrap(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut bytes = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        bytes.extend_from_slice(&nonce);
        let mut text = plain.to_vec();
        self.cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut text)
            .map_err(|_| refused())?;
        bytes.extend_from_slice(&text);
        Ok(bytes)
    }

    /// What [`Wrapper::wrap`] was given under the same name; `None` when it does not open.
    pub(super) fn unwrap(&self, name: &str, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = wrapped.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self.cipher.open_in_place(nonce, Aad::from(name), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

fn refused() -> VaultError {
    VaultError::Unusable("the crypto library refused a key".to_owned())
}

/// Reads a value of the vault itself.
pub(super) fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// Keeps a value of the vault itself.
pub(super) fn put_meta(connection: &Connection, name: &str, value: &[u8]) -> rusqlite::Result<()> {
    connection.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", (name, value)).map(drop)
}

/// Reads the master key, or makes it when the vault is empty, and checks it against the vault.
pub(super) fn open(directory: &Path, connection: &Connection) -> Result<Wrapper, VaultError> {
    let path = directory.join(FILE);
    let unusable =
        |reason: &dyn std::fmt::Display| VaultError::Unusable(format!("{}: {reason}", path.display()));
    let check = meta(connection, CHECK)?;
    let master = match read(&path) {
        Ok(master) => master,
        Err(error) if error.kind() == ErrorKind::NotFound && check.is_none() => {
            make(directory, &path).map_err(|error| unusable(&error))?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(unusable(&"it is missing, and without it nothing in the vault can be opened"));
        }
        Err(error) => return Err(unusable(&error)),
    };
    let wrapper = Wrapper::new(&master)?;
    match check {
        None => put_meta(connection, CHECK, &wrapper.wrap(CHECK, CHECK_TEXT)?)?,
        Some(check) if wrapper.unwrap(CHECK, &check).is_some_and(|text| *text == CHECK_TEXT) => {}
        Some(_) => return Err(unusable(&"it is not the key of this vault")),
    }
    Ok(wrapper)
}

fn read(path: &Path) -> std::io::Result<Zeroizing<[u8; 32]>> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        let reason = format!("others may use it (mode {:04o}); it must be 0600", mode & 0o7777);
        return Err(std::io::Error::other(reason));
    }
    let text = Zeroizing::new(fs::read_to_string(path)?);
    let master = from_hex(text.trim_end()).map(Zeroizing::new);
    master.ok_or_else(|| std::io::Error::other("it is malformed: 64 hex digits are wanted"))
}

/// Writes a new key beside, and links it to its name once it is durable: so there never is half
/// a key under that name, and never a second one over a first.
fn make(directory: &Path, path: &Path) -> std::io::Result<Zeroizing<[u8; 32]>> {
    let master = Zeroizing::new(random::<32>().map_err(std::io::Error::other)?);
    let draft = directory.join("master.key.new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let text = Zeroizing::new(to_hex(master.as_ref()) + "\n");
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::hard_link(&draft, path)?;
    fs::remove_file(&draft)?;
    File::open(directory)?.sync_all()?;
    Ok(master)
}
