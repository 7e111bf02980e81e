//! Signed tokens of others: JSON Web Signatures (RFC 7515) under the keys of a set (RFC 7517).
//!
//! Three algorithms and no more: RS256, ES256 and EdDSA with Ed25519. Which one a key is for, its kind decides and not the token, so
//! that no token can have a key read as something else (RFC 8725, 2.1). The crate jsonwebtoken reads tokens and keys, ring checks
//! signatures.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation};
use ring::{digest, signature as ring_signature};
use serde_json::{Map, Value};
use signature::Verifier;

/// Bytes of a token that is looked at.
pub const MOST_TOKEN: usize = 32 << 10;
/// Keys of a set that are looked at.
const MOST_KEYS: usize = 100;

/// Why a token is not taken. Nothing of the token is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// No token, or one that is too long.
    #[error("the token cannot be read")]
    Unreadable,
    /// Signed by something that is never taken: none, HMAC, and what is not in the list.
    #[error("the token is signed by an algorithm that is not taken")]
    Algorithm,
    /// No key of the set is the one that the token names.
    #[error("the key of the token is not known")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the signature of the token is wrong")]
    Signature,
}

/// The public keys of a provider.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// A token whose signature is right.
#[derive(Debug)]
pub struct Verified {
    /// What it claims.
    pub claims: Map<String, Value>,
    /// The hash that goes with its algorithm (OpenID Connect Core, 3.1.3.6).
    hash: &'static digest::Algorithm,
}

impl Verified {
    /// Claims as if they had been signed, by ES256.
    #[cfg(test)]
    pub(crate) fn of(claims: Map<String, Value>) -> Self {
        Self { claims, hash: &digest::SHA256 }
    }

    /// The left half of the hash of `text`, in base64 (RFC 4648 §5): what `at_hash` says of an access token.
    pub fn half_hash(&self, text: &str) -> String {
        let sum = digest::digest(self.hash, text.as_bytes());
        let half = sum.as_ref().get(..sum.as_ref().len() / 2).unwrap_or_default();
        data_encoding::BASE64URL_NOPAD.encode(half)
    }
}

impl KeySet {
    /// Reads a set (RFC 7517, 5). Keys that are of no use here are left out.
    ///
    /// # Errors
    /// [`BadToken::Unreadable`] for what is no set.
    pub fn read(json: &[u8]) -> Result<Self, BadToken> {
        let set: Value = serde_json::from_slice(json).map_err(|_| BadToken::Unreadable)?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(BadToken::Unreadable)?;
        Ok(Self(keys.iter().take(MOST_KEYS).filter_map(Entry::read).collect()))
    }

    /// The claims of a token that is signed by one of these keys.
    ///
    /// # Errors
    /// [`BadToken`].
    pub fn verify(&self, token: &str) -> Result<Verified, BadToken> {
        if token.len() > MOST_TOKEN {
            return Err(BadToken::Unreadable);
        }
        // What is not one of the crate's algorithms, `none` among them, it does not read at all.
        let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken::Unreadable)?;
        if !TAKEN.contains(&header.alg) || header.crit.is_some() {
            return Err(BadToken::Algorithm);
        }
        let key = self.find(header.kid.as_deref(), header.alg).ok_or(BadToken::UnknownKey)?;
        install();
        // Times and names are looked at by those who know what to expect, and what time it is.
        let mut validation = Validation::new(key.algorithm);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let token = jsonwebtoken::decode::<Map<String, Value>>(token, &key.key, &validation);
        let claims = token.map_err(|_| BadToken::Signature)?.claims;
        let hash = if key.algorithm == Algorithm::EdDSA { &digest::SHA512 } else { &digest::SHA256 };
        Ok(Verified { claims, hash })
    }

    /// The key of this name for this algorithm; without a name the only one there is.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Entry> {
        let mut fit = self
            .0
            .iter()
            .filter(|entry| entry.algorithm == algorithm && id.is_none_or(|id| entry.id.as_deref() == Some(id)));
        let (first, more) = (fit.next()?, fit.next());
        more.is_none().then_some(first)
    }
}

/// What is taken.
const TAKEN: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

impl Entry {
    /// A key that signs tokens by one of the algorithms that are taken.
    fn read(json: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(json.clone()).ok()?;
        let (algorithm, name) = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
            }
            _ => return None,
        };
        let signs = jwk.common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature);
        let fits = jwk.common.key_algorithm.as_ref().is_none_or(|of| *of == name);
        let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| signs && fits)?;
        Some(Self { id: jwk.common.key_id, algorithm, key })
    }
}

/// Gives the crate its cryptography, which it looks for in one place of the process.
fn install() {
    static RING: CryptoProvider = CryptoProvider {
        signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
        verifier_factory: by_ring,
        key_utils: KeyUtils::new_unimplemented(),
    };
    // Only the first one counts, and there is no other.
    let _ = RING.install_default();
}

/// A key, and how ring checks what it has signed.
struct ByRing {
    algorithm: Algorithm,
    key: DecodingKey,
}

fn by_ring(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    if !TAKEN.contains(algorithm) || key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(ByRing { algorithm: *algorithm, key: key.clone() }))
}

impl JwtVerifier for ByRing {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for ByRing {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> Result<(), signature::Error> {
        let by = |algorithm: &'static dyn ring_signature::VerificationAlgorithm, key: &[u8]| {
            ring_signature::UnparsedPublicKey::new(algorithm, key).verify(message, signed)
        };
        let good = match (self.algorithm, self.key.kind()) {
            // 2048 to 8192 bits.
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let key = ring_signature::RsaPublicKeyComponents { n, e };
                key.verify(&ring_signature::RSA_PKCS1_2048_8192_SHA256, message, signed)
            }
            (Algorithm::ES256, DecodingKeyKind::SecretOrDer(key)) => by(&ring_signature::ECDSA_P256_SHA256_FIXED, key),
            (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(key)) => by(&ring_signature::ED25519, key),
            _ => return Err(signature::Error::new()),
        };
        good.map_err(|_| signature::Error::new())
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    fn b64(bytes: &[u8]) -> String {
        data_encoding::BASE64URL_NOPAD.encode(bytes)
    }

    fn token(header: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let message = format!("{}.{}", b64(header.to_string().as_bytes()), b64(br#"{"sub":"jane"}"#));
        let signed = b64(&sign(message.as_bytes()));
        format!("{message}.{signed}")
    }

    struct Keys {
        ec: EcdsaKeyPair,
        ed: Ed25519KeyPair,
        set: Value,
    }

    #[allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "keys of a test")]
    fn keys() -> Keys {
        let random = SystemRandom::new();
        let of = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ec = EcdsaKeyPair::generate_pkcs8(of, &random).unwrap();
        let ec = EcdsaKeyPair::from_pkcs8(of, ec.as_ref(), &random).unwrap();
        let ed = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
        let point = ec.public_key().as_ref();
        let set = json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "x": b64(&point[1..33]), "y": b64(&point[33..]) },
            { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "alg": "EdDSA", "x": b64(ed.public_key().as_ref()) },
            { "kty": "OKP", "crv": "Ed25519", "kid": "enc", "use": "enc", "x": b64(ed.public_key().as_ref()) },
            { "kty": "oct", "kid": "oct", "k": b64(b"secret") },
            { "kty": "odd" }, 5,
        ] });
        Keys { ec, ed, set }
    }

    #[allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "keys of a test")]
    fn by_ec(keys: &Keys) -> impl Fn(&[u8]) -> Vec<u8> {
        |message| keys.ec.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    #[test]
    fn a_token_opens_under_the_key_that_it_names_and_under_no_other() {
        let keys = keys();
        let set = KeySet::read(keys.set.to_string().as_bytes()).unwrap();
        assert_eq!(set.0.len(), 2, "what signs nothing here is left out");
        let ed = |message: &[u8]| keys.ed.sign(message).as_ref().to_vec();
        let good = token(&json!({ "alg": "EdDSA", "kid": "ed" }), ed);
        let verified = set.verify(&good).unwrap();
        assert_eq!(verified.claims["sub"], "jane");
        assert_eq!(verified.half_hash("x").len(), 43, "half of SHA-512");
        let good = token(&json!({ "alg": "ES256", "kid": "ec" }), by_ec(&keys));
        assert_eq!(set.verify(&good).unwrap().half_hash("x").len(), 22, "half of SHA-256");
        assert!(set.verify(&token(&json!({ "alg": "ES256" }), by_ec(&keys))).is_ok(), "there is one such key");

        for (header, wanted) in [
            (json!({ "alg": "EdDSA", "kid": "enc" }), BadToken::UnknownKey),
            (json!({ "alg": "EdDSA", "kid": "ec" }), BadToken::UnknownKey),
            (json!({ "alg": "EdDSA", "kid": "other" }), BadToken::UnknownKey),
            (json!({ "alg": "EdDSA", "kid": "ed", "crit": ["exp"] }), BadToken::Algorithm),
            (json!({ "alg": "ES384", "kid": "ec" }), BadToken::Algorithm),
            (json!({ "alg": "none", "kid": "ed" }), BadToken::Unreadable),
        ] {
            assert_eq!(set.verify(&token(&header, ed)).unwrap_err(), wanted, "{header}");
        }
        let mut changed = good.clone();
        changed.replace_range(good.len() - 2.., if good.ends_with("AA") { "BA" } else { "AA" });
        assert_eq!(set.verify(&changed).unwrap_err(), BadToken::Signature);
        assert_eq!(set.verify("a.b.c").unwrap_err(), BadToken::Unreadable);
        assert_eq!(set.verify(&"a".repeat(MOST_TOKEN + 1)).unwrap_err(), BadToken::Unreadable);
    }

    /// RFC 8725, 2.1.
    #[test]
    fn nothing_unsigned_and_no_hmac_by_a_public_key_is_taken() {
        let keys = keys();
        let set = KeySet::read(keys.set.to_string().as_bytes()).unwrap();
        for alg in ["none", "None", "NONE", "HS256", "HS512", ""] {
            for kid in ["ec", "ed", "oct"] {
                for secret in [keys.ec.public_key().as_ref(), keys.ed.public_key().as_ref(), b"secret"] {
                    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
                    let header = json!({ "alg": alg, "kid": kid });
                    let mac = token(&header, |message| ring::hmac::sign(&key, message).as_ref().to_vec());
                    assert!(set.verify(&mac).is_err(), "{header}");
                    assert!(set.verify(&token(&header, |_| Vec::new())).is_err(), "{header}");
                }
            }
        }
    }

    #[test]
    fn without_a_name_the_key_has_to_be_the_only_one() {
        let keys = keys();
        let mut set = keys.set.clone();
        let again = set["keys"][0].clone();
        set["keys"].as_array_mut().unwrap().push(again);
        let set = KeySet::read(set.to_string().as_bytes()).unwrap();
        assert_eq!(set.verify(&token(&json!({ "alg": "ES256" }), by_ec(&keys))).unwrap_err(), BadToken::UnknownKey);
        for bad in ["", "{}", "[]", "{\"keys\":5}", "null"] {
            assert!(KeySet::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
