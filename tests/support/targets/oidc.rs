//! What a provider of OpenID Connect sends: by the browser, in its discovery document, as its keys, and in a token.

use letterlock::adapters::oidc::{
    Callback, Expected, Failure, MOST_QUERY, Metadata, Outcome, Proven, Tokens, check as hold,
};
use letterlock::base::clock::Timestamp;
use letterlock::crypto::jose::KeySet;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::{Seam, flip};

const ISSUER: &str = "https://id.example";
/// 2026-11-18, in seconds.
const NOW: i64 = 1_795_000_000;

/// The same bytes are each of these. An answer says the same written anew, and nothing with a second state in it; a document is
/// that of its issuer, with addresses that are https; a token holds only under its key, for us, in answer to what was asked, and
/// for a while.
pub fn check(data: &[u8], seam: Seam) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(answer) = Callback::read(text) {
        let mut written = write(&answer).into_bytes();
        (seam.written)(&mut written);
        let again = std::str::from_utf8(&written).ok().and_then(|text| Callback::read(text).ok());
        // Written with each byte in three it can be longer than what is read at all.
        if written.len() <= MOST_QUERY {
            assert_eq!(again.as_ref().map(write), Some(write(&answer)), "read as something else");
        }
        assert!((seam.refused)(Callback::read(&format!("{text}&state=x")).is_err()), "two states");
    }
    if let Ok(metadata) = Metadata::read(data, ISSUER) {
        for url in [&metadata.authorization, &metadata.token, &metadata.keys] {
            let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
            assert!((seam.refused)(url.scheme() == "https" && url.has_host() && bare), "{url}");
        }
        assert!((seam.refused)(Metadata::read(data, "https://evil.example").is_err()), "that of another");
    }
    // Whatever these are, they are an error or not.
    let _ = (Tokens::read(data), KeySet::read(data).map(|keys| keys.verify(text)));
    if serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok() {
        held(data, seam);
    }
}

/// A token that claims this.
fn held(claims: &[u8], seam: Seam) {
    let message = format!("{}.{}", encode(br#"{"alg":"EdDSA","kid":"a"}"#), encode(claims));
    let signature = key().sign(message.as_bytes()).as_ref().to_vec();
    let token = format!("{message}.{}", encode(&signature));
    if token.len() > letterlock::crypto::jose::MOST_TOKEN {
        return;
    }
    let mut changed = signature;
    flip(&mut changed, claims);
    assert!((seam.refused)(keys().verify(&format!("{message}.{}", encode(&changed))).is_err()), "a wrong signature");
    let usual = Expected {
        issuer: ISSUER,
        client_id: "vault",
        nonce: "n",
        now: Timestamp::from_millis(NOW * 1000),
        access: None,
        proven_since: None,
    };
    let judge = |expected: &Expected<'_>| -> Result<Proven, Failure> { hold(keys().verify(&token)?, expected) };
    let Ok(proven) = judge(&usual) else { return };
    assert!(!proven.subject.is_empty() && proven.subject.len() <= 255);
    let later = Timestamp::from_millis((NOW + 900) * 1000);
    for (what, other) in [
        ("another issuer", Expected { issuer: "https://evil.example", ..usual }),
        ("another sign-in", Expected { nonce: "m", ..usual }),
        ("too late", Expected { now: later, ..usual }),
        ("not signed in since", Expected { proven_since: Some(later), ..usual }),
    ] {
        assert!((seam.refused)(judge(&other).is_err()), "{what}");
    }
}

/// Whether there is an answer, a document or a token in it.
pub fn understood(data: &[u8]) -> bool {
    std::str::from_utf8(data).is_ok_and(|text| Callback::read(text).is_ok()) || Metadata::read(data, ISSUER).is_ok()
}

fn write(answer: &Callback) -> String {
    let escape = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
    let issuer = answer.issuer.as_ref().map(|issuer| format!("&iss={}", escape(issuer))).unwrap_or_default();
    let outcome = match &answer.outcome {
        Outcome::Code(code) => format!("code={}", escape(code.expose())),
        Outcome::Denied => "error=access_denied".to_owned(),
        Outcome::Failed => "error=x".to_owned(),
    };
    format!("{outcome}&state={}{issuer}", escape(answer.state.expose()))
}

fn key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

fn keys() -> KeySet {
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": encode(key().public_key().as_ref()) });
    KeySet::read(json!({ "keys": [key] }).to_string().as_bytes()).unwrap()
}

fn encode(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}
