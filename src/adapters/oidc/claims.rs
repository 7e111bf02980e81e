//! Whether an ID token is for us, of now, and the answer to what was asked (OpenID Connect Core 1.0, 3.1.3.7).

use std::time::Duration;

use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

use super::Failure;
use crate::base::clock::Timestamp;
use crate::base::sensitive::SensitiveString;
use crate::crypto::jose::Verified;

/// How far the provider's clock may be from ours.
const LEEWAY: Duration = Duration::from_secs(60);
/// How long ago a token may have been made: it comes in answer to a request of ours.
const OLDEST: Duration = Duration::from_secs(10 * 60);
/// Bytes of a subject (OpenID Connect Core 1.0, 2).
const MOST_SUBJECT: usize = 255;

/// What a token has to fit.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// What we are called there.
    pub client_id: &'a str,
    /// What was sent with the request.
    pub nonce: &'a str,
    /// The time.
    pub now: Timestamp,
    /// The access token that came with it.
    pub access: Option<&'a SensitiveString>,
    /// They must have proven who they are after this.
    pub proven_since: Option<Timestamp>,
}

/// Who somebody is, as far as the provider says.
#[derive(Debug)]
pub struct Proven {
    /// Their name there, which is never given to anybody else.
    pub subject: String,
    /// When they last proved it to the provider, if it says so.
    pub at: Option<Timestamp>,
    /// Everything that it claims.
    pub claims: Map<String, Value>,
}

/// Holds a token's claims against what is expected.
///
/// # Errors
/// [`Failure::Claims`] with the first that does not fit.
pub fn check(token: Verified, expected: &Expected<'_>) -> Result<Proven, Failure> {
    let claims = &token.claims;
    let fits = |good: bool, why: &'static str| if good { Ok(()) } else { Err(Failure::Claims(why)) };
    fits(text(claims, "iss") == Some(expected.issuer), "it is from another issuer")?;
    audience(claims, expected.client_id)?;

    let now = expected.now;
    let expires = time(claims, "exp").ok_or(Failure::Claims("it does not say when it ends"))?;
    fits(now < expires.plus(LEEWAY), "it is too old")?;
    let made = time(claims, "iat").ok_or(Failure::Claims("it does not say when it was made"))?;
    fits(made < now.plus(LEEWAY), "it is from the future")?;
    fits(now.since(made) < OLDEST, "it was made too long ago")?;
    let not_before = claims.get("nbf").map(|_| time(claims, "nbf").is_some_and(|from| from < now.plus(LEEWAY)));
    fits(not_before != Some(false), "it is from the future")?;

    let nonce = text(claims, "nonce").unwrap_or_default();
    fits(nonce.as_bytes().ct_eq(expected.nonce.as_bytes()).into(), "it answers another request")?;
    if let Some(hash) = claims.get("at_hash") {
        let of = expected.access.map(|access| token.half_hash(access.expose()));
        fits(of.is_some() && hash.as_str() == of.as_deref(), "it belongs to another access token")?;
    }

    let at = time(claims, "auth_time");
    if let Some(since) = expected.proven_since {
        let at = at.ok_or(Failure::Claims("it does not say when they signed in"))?;
        fits(at.plus(LEEWAY) >= since && at < now.plus(LEEWAY), "they did not sign in anew")?;
    }
    let subject = text(claims, "sub").unwrap_or_default().to_owned();
    let good = (1..=MOST_SUBJECT).contains(&subject.len()) && !subject.chars().any(char::is_control);
    fits(good, "it does not say who it is about")?;
    Ok(Proven { subject, at, claims: token.claims })
}

/// The token is for us; one that is for others too was asked for by us.
fn audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), Failure> {
    let (ours, several) = match claims.get("aud") {
        Some(Value::String(one)) => (one == client_id, false),
        Some(Value::Array(all)) => (all.iter().any(|one| one.as_str() == Some(client_id)), all.len() > 1),
        _ => (false, false),
    };
    let party = claims.get("azp").map(|party| party.as_str() == Some(client_id));
    match (ours, several, party) {
        (true, false, None) | (true, _, Some(true)) => Ok(()),
        _ => Err(Failure::Claims("it is for somebody else")),
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// Seconds since 1970, with a fraction or without.
fn time(claims: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    let seconds = claims.get(name)?.as_f64().filter(|seconds| (0.0..1e11).contains(seconds))?;
    #[expect(clippy::cast_possible_truncation, reason = "in range, as was just seen")]
    Some(Timestamp::from_millis((seconds * 1000.0) as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn claims() -> Value {
        json!({
            "iss": "https://id.example", "sub": "7", "aud": "vault", "exp": NOW + 300, "iat": NOW - 1, "nonce": "n",
            "auth_time": NOW - 20,
        })
    }

    fn judged(claims: &Value, since: Option<i64>) -> Result<Proven, Failure> {
        let access = SensitiveString::from("access");
        let expected = Expected {
            issuer: "https://id.example",
            client_id: "vault",
            nonce: "n",
            now: Timestamp::from_millis(NOW * 1000),
            access: Some(&access),
            proven_since: since.map(|since| Timestamp::from_millis(since * 1000)),
        };
        check(Verified::of(claims.as_object().unwrap().clone()), &expected)
    }

    #[test]
    fn each_claim_has_to_fit() {
        let proven = judged(&claims(), None).unwrap();
        assert_eq!((proven.subject.as_str(), proven.at), ("7", Some(Timestamp::from_millis((NOW - 20) * 1000))));
        for (name, value, good) in [
            ("iss", json!("https://id.example/"), false),
            ("iss", Value::Null, false),
            ("aud", json!("other"), false),
            ("aud", json!(["vault"]), true),
            ("aud", json!(["vault", "other"]), false),
            ("aud", json!([]), false),
            ("aud", json!({ "vault": 1 }), false),
            ("azp", json!("vault"), true),
            ("azp", json!("other"), false),
            ("azp", json!(5), false),
            ("exp", json!(NOW - 59), true),
            ("exp", json!(NOW - 61), false),
            ("exp", json!("soon"), false),
            ("exp", json!(1e300), false),
            ("iat", json!(NOW + 59), true),
            ("iat", json!(NOW + 61), false),
            ("iat", json!(NOW - 601), false),
            ("iat", Value::Null, false),
            ("nbf", json!(NOW + 59), true),
            ("nbf", json!(NOW + 61), false),
            ("nbf", json!("now"), false),
            ("nonce", json!("m"), false),
            ("nonce", json!(""), false),
            ("nonce", Value::Null, false),
            ("sub", json!(""), false),
            ("sub", json!("a\nb"), false),
            ("sub", json!("a".repeat(256)), false),
            ("sub", json!(7), false),
            ("at_hash", json!("wrong"), false),
            ("at_hash", Value::Null, false),
        ] {
            let mut claims = claims();
            claims[name] = value.clone();
            assert_eq!(judged(&claims, None).is_ok(), good, "{name}: {value}");
        }
        let mut several = claims();
        (several["aud"], several["azp"]) = (json!(["vault", "other"]), json!("vault"));
        assert!(judged(&several, None).is_ok(), "asked for by us");
        for missing in ["iss", "aud", "exp", "iat", "nonce", "sub"] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(missing);
            assert!(judged(&claims, None).is_err(), "without {missing}");
        }
    }

    #[test]
    fn an_access_token_is_the_one_of_the_hash() {
        let mut claims = claims();
        let token = Verified::of(claims.as_object().unwrap().clone());
        claims["at_hash"] = json!(token.half_hash("access"));
        assert!(judged(&claims, None).is_ok());
        claims["at_hash"] = json!(token.half_hash("other"));
        assert!(judged(&claims, None).is_err());
    }

    #[test]
    fn who_is_asked_anew_has_to_have_signed_in_since() {
        assert!(judged(&claims(), Some(NOW - 30)).is_ok());
        assert!(judged(&claims(), Some(NOW + 41)).is_err(), "signed in before, and no leeway is that long");
        let mut claims = claims();
        claims["auth_time"] = json!(NOW + 61);
        assert!(judged(&claims, Some(NOW - 30)).is_err(), "in the future");
        claims.as_object_mut().unwrap().remove("auth_time");
        assert!(judged(&claims, Some(NOW - 30)).is_err() && judged(&claims, None).is_ok());
    }
}
