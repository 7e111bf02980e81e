//! What comes back from a provider: by the browser, and for a code.

use serde::Deserialize;
use url::form_urlencoded;

use super::Failure;
use crate::base::sensitive::SensitiveString;

/// Bytes of a query that is looked at.
pub const MOST_QUERY: usize = 8192;
/// Bytes of one of its values.
const MOST_VALUE: usize = 4096;
/// Parts of a query.
const MOST_PARTS: usize = 32;

/// What somebody comes back with from the provider (RFC 6749, 4.1.2; RFC 9207).
#[derive(Clone, Debug)]
pub struct Callback {
    /// Which request it answers.
    pub state: SensitiveString,
    /// Who answers, if they say so.
    pub issuer: Option<String>,
    /// The code, or that there is none.
    pub outcome: Outcome,
}

/// What the provider says.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Give this for tokens.
    Code(SensitiveString),
    /// They did not want to, or may not.
    Denied,
    /// Something else went wrong. What it says of it is not kept.
    Failed,
}

impl Callback {
    /// Reads a query. What is unknown is passed over, as the standard wants it; what is there twice is not taken at all.
    ///
    /// # Errors
    /// [`Failure::Unusable`] without a state, with neither code nor error or with both, and for what is too long.
    pub fn read(query: &str) -> Result<Self, Failure> {
        let unusable = |why| Err(Failure::Unusable(why));
        if query.len() > MOST_QUERY {
            return unusable("it sends back too much");
        }
        let mut parts: [(&str, Option<String>); 4] = [("state", None), ("iss", None), ("code", None), ("error", None)];
        for (at, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
            if at >= MOST_PARTS || value.len() > MOST_VALUE {
                return unusable("it sends back too much");
            }
            let Some((_, place)) = parts.iter_mut().find(|(known, _)| *known == name) else { continue };
            if place.replace(value.into_owned()).is_some() {
                return unusable("it sends back the same twice");
            }
        }
        let [(_, state), (_, issuer), (_, code), (_, error)] = parts;
        let Some(state) = state.filter(|state| !state.is_empty()) else {
            return unusable("it does not say what it answers");
        };
        let outcome = match (code, error) {
            (Some(code), None) if !code.is_empty() => Outcome::Code(SensitiveString::from(code)),
            (None, Some(error)) if error == "access_denied" => Outcome::Denied,
            (None, Some(_)) => Outcome::Failed,
            _ => return unusable("it sends back neither a code nor an error"),
        };
        Ok(Self { state: SensitiveString::from(state), issuer, outcome })
    }
}

/// Tokens that a code was good for. The access token is used for nothing.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Who somebody is.
    pub id: SensitiveString,
    /// What the ID token may hold the hash of.
    pub access: Option<SensitiveString>,
}

#[derive(Deserialize)]
struct Answer {
    id_token: Option<String>,
    access_token: Option<String>,
}

impl Tokens {
    /// Reads the answer of the token endpoint.
    ///
    /// # Errors
    /// [`Failure::Unusable`] without an ID token.
    pub fn read(json: &[u8]) -> Result<Self, Failure> {
        let answer: Answer =
            serde_json::from_slice(json).map_err(|_| Failure::Unusable("its answer to the code cannot be read"))?;
        let id = answer.id_token.ok_or(Failure::Unusable("it gives no ID token for the code"))?;
        Ok(Self { id: SensitiveString::from(id), access: answer.access_token.map(SensitiveString::from) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_state_with_one_code_or_one_error() {
        let read = Callback::read("code=a%2Bb&session_state=x&state=s&iss=https%3A%2F%2Fid.example").unwrap();
        assert_eq!((read.state.expose(), read.issuer.as_deref()), ("s", Some("https://id.example")));
        assert!(matches!(read.outcome, Outcome::Code(code) if code.expose() == "a+b"));
        let denied = Callback::read("error=access_denied&error_description=%3Cscript%3E&state=s").unwrap();
        assert!(matches!(denied.outcome, Outcome::Denied));
        assert!(matches!(Callback::read("state=s&error=x").unwrap().outcome, Outcome::Failed));
        for bad in [
            "",
            "code=a",
            "state=s",
            "state=&code=a",
            "state=s&code=",
            "state=s&code=a&error=b",
            "state=s&state=s&code=a",
            "state=s&code=a&code=b",
            "state=s&code=a&iss=x&iss=y",
        ] {
            assert!(Callback::read(bad).is_err(), "{bad}");
        }
        assert!(Callback::read(&format!("state=s&code={}", "a".repeat(5000))).is_err());
        assert!(Callback::read(&format!("state=s&code=a&{}", "x=1&".repeat(40))).is_err());
        assert!(Callback::read(&format!("state=s&code=a&{}", "x".repeat(9000))).is_err());
    }

    #[test]
    fn tokens_are_for_a_code_that_was_taken() {
        let tokens = Tokens::read(br#"{"id_token":"i","access_token":"a","expires_in":5}"#).unwrap();
        assert_eq!((tokens.id.expose(), tokens.access.unwrap().expose()), ("i", "a"));
        for bad in ["", "{}", "[]", r#"{"access_token":"a"}"#, r#"{"id_token":5}"#] {
            assert!(Tokens::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
