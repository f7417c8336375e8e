//! Sealing: AES-256-GCM under a data key of whoever the content belongs to, with the event's
//! header as associated data, so that no ciphertext can be moved to another place.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::digest::{from_hex, to_hex};
use crate::{ConversationId, Digest, KeyId, UserId};

/// Whose a data key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeySubject {
    /// What a person wrote and is.
    User(UserId),
    /// What belongs to a conversation and not to one person: its title.
    Conversation(ConversationId),
    /// The key under which usernames are compared.
    Directory,
}

impl fmt::Display for KeySubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(formatter, "user/{id}"),
            Self::Conversation(id) => write!(formatter, "conversation/{id}"),
            Self::Directory => formatter.write_str("directory"),
        }
    }
}

/// Why a key could not be had or something could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The vault does not answer; this says nothing about whether the key exists.
    #[error("the vault is unavailable: {0}")]
    Unavailable(String),
    /// The sealed text does not belong to this header and key, or was changed.
    #[error("sealed content does not open: it was changed, or moved from another event")]
    DoesNotOpen,
    /// The sealed part itself cannot be read.
    #[error("sealed content is malformed: {0}")]
    Malformed(&'static str),
}

/// Gives data keys; the vault is the real one, [`MemoryKeyRing`] serves tests.
#[async_trait]
pub trait KeyRing: Send + Sync {
    /// The key under which new content of `subject` is sealed; made on first use.
    async fn current(&self, subject: KeySubject) -> Result<Arc<DataKey>, SealError>;

    /// The key with this id, or `None` when it was destroyed (or never was).
    async fn find(&self, id: KeyId) -> Result<Option<Arc<DataKey>>, SealError>;
}

/// A 256-bit data key, ready to use. Never printed, never serialised.
pub struct DataKey {
    id: KeyId,
    cipher: LessSafeKey,
    mac: hmac::Key,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DataKey({})", self.id)
    }
}

impl DataKey {
    /// Takes 32 random bytes; cipher key and MAC key are derived from them (HKDF-SHA256).
    ///
    /// # Errors
    /// Only when the crypto library refuses, which it does not for keys of this length.
    pub fn new(id: KeyId, secret: &[u8; 32]) -> Result<Self, SealError> {
        let refused = |_| SealError::Malformed("the key was refused");
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"hansard data key v1").extract(secret);
        let mut cipher = [0; 32];
        let mut mac = [0; 32];
        for (info, out) in [(b"cipher", &mut cipher), (b"prints", &mut mac)] {
            let info: [&[u8]; 1] = [info];
            root.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(out)).map_err(refused)?;
        }
        let unbound = UnboundKey::new(&AES_256_GCM, &cipher).map_err(refused)?;
        Ok(Self { id, cipher: LessSafeKey::new(unbound), mac: hmac::Key::new(hmac::HMAC_SHA256, &mac) })
    }

    /// The id that stands beside what this key sealed.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Seals `plain` to `header` with the given nonce, which must be random.
    ///
    /// # Errors
    /// Only when the crypto library refuses (content of many GiB).
    pub fn seal(&self, header: &[u8], nonce: [u8; NONCE_LEN], plain: &[u8]) -> Result<SealedPart, SealError> {
        let mut bytes = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        bytes.extend_from_slice(plain);
        self.cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(header), &mut bytes)
            .map_err(|_| SealError::Malformed("sealing was refused"))?;
        bytes.splice(0..0, nonce);
        Ok(SealedPart { key: self.id, text: STANDARD_NO_PAD.encode(bytes) })
    }

    /// Opens what [`DataKey::seal`] made for the same header.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`] when anything of it was changed.
    pub fn open(&self, header: &[u8], part: &SealedPart) -> Result<Vec<u8>, SealError> {
        let mut bytes = STANDARD_NO_PAD.decode(&part.text).map_err(|_| SealError::Malformed("not base64"))?;
        if bytes.len() < NONCE_LEN + AES_256_GCM.tag_len() {
            return Err(SealError::Malformed("too short"));
        }
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&bytes[..NONCE_LEN]);
        let plain = self
            .cipher
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(header), &mut bytes[NONCE_LEN..])
            .map_err(|_| SealError::DoesNotOpen)?;
        Ok(plain.to_vec())
    }

    /// HMAC-SHA256 of `bytes`: tells whether two things are the same without saying what they are.
    #[must_use]
    pub fn print(&self, bytes: &[u8]) -> Digest {
        let tag = hmac::sign(&self.mac, bytes);
        let mut out = [0; 32];
        out.copy_from_slice(tag.as_ref());
        Digest::from_bytes(out)
    }
}

/// Sealed content as it stands in the log: which key, and nonce, ciphertext and tag in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedPart {
    /// The key that opens it.
    pub key: KeyId,
    /// Base64 without padding of 12 bytes of nonce, the ciphertext, 16 bytes of tag.
    pub text: String,
}

/// Tells whether a command id comes back with the same content: the first 16 bytes of an HMAC
/// under the actor's key, so that it says nothing once that key is destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// The fingerprint of a command's canonical bytes.
    #[must_use]
    pub fn of(key: &DataKey, command: &[u8]) -> Self {
        let mut out = [0; 16];
        out.copy_from_slice(&key.print(command).as_bytes()[..16]);
        Self(out)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wanted = || serde::de::Error::custom("32 hex digits are wanted");
        from_hex(&text).map(Self).ok_or_else(wanted)
    }
}

/// A key ring in memory, for tests and simulation: keys follow from a seed, and can be destroyed.
#[derive(Debug, Default)]
pub struct MemoryKeyRing {
    destroyed: Mutex<HashMap<KeyId, ()>>,
    subjects: Mutex<HashMap<KeyId, KeySubject>>,
}

impl MemoryKeyRing {
    /// Destroys the key of `subject`: what it sealed is erased.
    pub fn destroy(&self, subject: KeySubject) {
        let (id, _) = Self::derive(subject);
        if let Ok(mut destroyed) = self.destroyed.lock() {
            destroyed.insert(id, ());
        }
    }

    fn derive(subject: KeySubject) -> (KeyId, [u8; 32]) {
        let digest = crate::digest::sha256(subject.to_string().as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&digest.as_bytes()[..16]);
        let uuid = uuid::Builder::from_custom_bytes(id).into_uuid();
        let id = KeyId::new(uuid).unwrap_or_else(|_| unreachable!("every UUID is a key id"));
        (id, *digest.as_bytes())
    }
}

#[async_trait]
impl KeyRing for MemoryKeyRing {
    async fn current(&self, subject: KeySubject) -> Result<Arc<DataKey>, SealError> {
        let (id, secret) = Self::derive(subject);
        if let Ok(mut subjects) = self.subjects.lock() {
            subjects.insert(id, subject);
        }
        DataKey::new(id, &secret).map(Arc::new)
    }

    async fn find(&self, id: KeyId) -> Result<Option<Arc<DataKey>>, SealError> {
        let gone = self.destroyed.lock().is_ok_and(|destroyed| destroyed.contains_key(&id));
        let subject = self.subjects.lock().ok().and_then(|subjects| subjects.get(&id).copied());
        match subject {
            Some(subject) if !gone => {
                let (id, secret) = Self::derive(subject);
                DataKey::new(id, &secret).map(|key| Some(Arc::new(key)))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DataKey {
        let (id, secret) = MemoryKeyRing::derive(KeySubject::Directory);
        DataKey::new(id, &secret).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_and_nowhere_else() {
        let part = key().seal(b"stream 7", [1; 12], "你好".as_bytes()).unwrap();
        assert_eq!(key().open(b"stream 7", &part).unwrap(), "你好".as_bytes());
        assert_eq!(key().open(b"stream 8", &part), Err(SealError::DoesNotOpen));
        let mut changed = part.clone();
        let last = if changed.text.ends_with('A') { "B" } else { "A" };
        changed.text.replace_range(20..21, last);
        assert!(key().open(b"stream 7", &changed).is_err() || changed == part);
    }

    #[test]
    fn fingerprints_are_the_same_for_the_same_content_and_key_only() {
        let one = Fingerprint::of(&key(), b"hello");
        assert_eq!(one, Fingerprint::of(&key(), b"hello"));
        assert_ne!(one, Fingerprint::of(&key(), b"hello!"));
        let text = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&text).unwrap(), one);
    }
}
