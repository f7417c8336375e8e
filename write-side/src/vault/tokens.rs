//! What tokens look like, and how they are told from forgeries.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hansard_events::{DeviceId, SessionId, Timestamp, UserId, to_hex};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::master::{Wrapper, meta, put_meta, random};
use super::{Claims, VaultError, VaultOptions};

/// Who gives access tokens and who they are for.
const ISSUER: &str = "hansard";
const AUDIENCE: &str = "hansard";

/// By how many seconds the clocks of two nodes may differ.
const LEEWAY: i64 = 2;

/// An access token of ours is far shorter; longer ones are refused before they are parsed.
const MAX_ACCESS_TOKEN: usize = 1024;

const SIGNING_KEY: &str = "signing key";

#[derive(Serialize, Deserialize)]
struct Payload {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    did: DeviceId,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// Signs and verifies access tokens: EdDSA (Ed25519) JWT, RFC 8037.
pub(super) struct AccessTokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    header: Header,
    key_id: String,
    public: String,
    lifetime: i64,
}

impl AccessTokens {
    /// Takes the signing key from the vault, or makes it.
    pub(super) fn load(
        connection: &Connection,
        wrapper: &Wrapper,
        options: &VaultOptions,
    ) -> Result<Self, VaultError> {
        let refused = || VaultError::Unusable("the signing key in the vault is damaged".to_owned());
        let pkcs8 = if let Some(wrapped) = meta(connection, SIGNING_KEY)? {
            wrapper.unwrap(SIGNING_KEY, &wrapped).ok_or_else(refused)?
        } else {
            let pair = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8()).map_err(|_| refused())?;
            put_meta(connection, SIGNING_KEY, &wrapper.wrap(SIGNING_KEY, pair.as_ref())?)?;
            pair.as_ref().to_vec().into()
        };
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| refused())?;
        let public = pair.public_key().as_ref();
        let key_id = to_hex(&digest(&SHA256, public).as_ref()[..8]);
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        // Times are checked here, against the vault's own clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key_id.clone());
        let lifetime = i64::try_from(options.access_lifetime.as_secs()).unwrap_or(i64::from(u32::MAX));
        Ok(Self {
            signing: EncodingKey::from_ed_der(&pkcs8),
            verifying: DecodingKey::from_ed_der(public),
            validation,
            header,
            key_id,
            public: URL_SAFE_NO_PAD.encode(public),
            lifetime,
        })
    }

    /// How long a token is good, in seconds.
    pub(super) const fn lifetime(&self) -> i64 {
        self.lifetime
    }

    /// Until when a token that is signed `now` can be taken, in milliseconds since 1970.
    pub(super) const fn good_until(&self, now: Timestamp) -> i64 {
        now.millis() + (self.lifetime + LEEWAY + 1) * 1000
    }

    pub(super) fn sign(
        &self,
        user: UserId,
        session: SessionId,
        device: DeviceId,
        now: Timestamp,
    ) -> Result<String, VaultError> {
        let now = now.millis().div_euclid(1000);
        let payload = Payload {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: session,
            did: device,
            iat: now,
            nbf: now,
            exp: now + self.lifetime,
        };
        encode(&self.header, &payload, &self.signing)
            .map_err(|error| VaultError::Database(format!("signing failed: {error}")))
    }

    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, VaultError> {
        let invalid = |reason| VaultError::InvalidAccessToken { reason };
        if token.len() > MAX_ACCESS_TOKEN {
            return Err(invalid("it is too long"));
        }
        let data = decode::<Payload>(token, &self.verifying, &self.validation)
            .map_err(|_| invalid("it is malformed, or its signature, issuer or audience are not ours"))?;
        if data.header.kid.as_deref() != Some(self.key_id.as_str()) {
            return Err(invalid("it names another key"));
        }
        let Payload { sub: user, sid: session, did: device, nbf, exp, .. } = data.claims;
        let now = now.millis().div_euclid(1000);
        if exp.saturating_add(LEEWAY) <= now {
            return Err(invalid("it has expired"));
        }
        if nbf.saturating_sub(LEEWAY) > now {
            return Err(invalid("it is not good yet"));
        }
        let expires_at = exp.checked_mul(1000).and_then(|millis| Timestamp::from_millis(millis).ok());
        let expires_at = expires_at.ok_or_else(|| invalid("its times are out of range"))?;
        Ok(Claims { user, session, device, expires_at })
    }

    /// Signs whatever it is given.
    #[cfg(test)]
    pub(super) fn sign_raw(&self, payload: &serde_json::Value, key_id: Option<&str>) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = key_id.map(ToOwned::to_owned);
        encode(&header, payload, &self.signing).unwrap()
    }

    pub(super) fn jwks(&self) -> serde_json::Value {
        serde_json::json!({ "keys": [{
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": self.key_id,
            "x": self.public,
        }] })
    }
}

/// What refresh tokens start with, so that they are recognised where they should not be.
const PREFIX: &str = "hansard_refresh_";
const SECRET: usize = 32;
const MARK: usize = 16;

/// Makes and recognises refresh tokens: session id, 256 random bits, and a mark (HMAC under a key
/// derived from the master key). The mark tells a used token of ours from one that somebody made
/// up for a session whose id they know: only the former may close the session.
pub(super) struct RefreshTokens {
    key: hmac::Key,
}

/// A refresh token that this server has given.
pub(super) struct RefreshToken {
    pub(super) session: SessionId,
    /// SHA-256 of the token: all that is stored of it.
    pub(super) hash: [u8; 32],
}

impl RefreshTokens {
    pub(super) fn new(wrapper: &Wrapper) -> Self {
        Self { key: wrapper.refresh_key().clone() }
    }

    /// A new token, and what to store of it.
    pub(super) fn make(&self, session: SessionId) -> Result<(String, RefreshToken), VaultError> {
        let mut bytes = session.as_uuid().as_bytes().to_vec();
        bytes.extend_from_slice(&random::<SECRET>()?);
        let mark = hmac::sign(&self.key, &bytes);
        bytes.extend_from_slice(&mark.as_ref()[..MARK]);
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes));
        Ok((token, RefreshToken { session, hash: hash(&bytes) }))
    }

    /// `None` when it is not one of ours.
    pub(super) fn parse(&self, token: &str) -> Option<RefreshToken> {
        let text = token.strip_prefix(PREFIX)?;
        let mut bytes = [0; 16 + SECRET + MARK];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        if length != bytes.len() {
            return None;
        }
        let (marked, mark) = bytes.split_at(16 + SECRET);
        let expected = hmac::sign(&self.key, marked);
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..MARK], mark).ok()?;
        let session = SessionId::new(Uuid::from_slice(&bytes[..16]).ok()?).ok()?;
        Some(RefreshToken { session, hash: hash(&bytes) })
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    *hansard_events::sha256(bytes).as_bytes()
}
