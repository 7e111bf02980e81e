//! What a provider says of itself (OpenID Connect Discovery 1.0, 3 and 4).

use serde::Deserialize;
use url::Url;

use super::Failure;

/// Where to ask a provider, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Where people are sent.
    pub authorization: Url,
    /// Where codes are given for tokens.
    pub token: Url,
    /// Where its keys are.
    pub keys: Url,
    /// It says with each answer who it is (RFC 9207).
    pub names_itself: bool,
    /// It takes login and secret in the header; else in the body.
    pub takes_basic: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl Metadata {
    /// Reads the document of the provider that calls itself `issuer`.
    ///
    /// # Errors
    /// [`Failure::Unusable`] for another's, for addresses that are not HTTPS, and for a provider that knows no PKCE by SHA-256.
    pub fn read(json: &[u8], issuer: &str) -> Result<Self, Failure> {
        let document: Document =
            serde_json::from_slice(json).map_err(|_| Failure::Unusable("its discovery document cannot be read"))?;
        if document.issuer != issuer {
            return Err(Failure::Unusable("its discovery document is that of another issuer"));
        }
        // Who does not say may know it; who says so, and does not name it, does not.
        if document.code_challenge_methods_supported.is_some_and(|known| !known.iter().any(|name| name == "S256")) {
            return Err(Failure::Unusable("it does not know PKCE with S256"));
        }
        let methods = document.token_endpoint_auth_methods_supported;
        Ok(Self {
            authorization: endpoint(&document.authorization_endpoint)?,
            token: endpoint(&document.token_endpoint)?,
            keys: endpoint(&document.jwks_uri)?,
            names_itself: document.authorization_response_iss_parameter_supported,
            // The default, when nothing is said.
            takes_basic: methods.is_none_or(|known| known.iter().any(|name| name == "client_secret_basic")),
        })
    }
}

/// Where the document is.
pub(super) fn address(issuer: &str) -> Result<Url, Failure> {
    endpoint(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
}

/// An address that may be asked: HTTPS, with nothing hidden in it.
fn endpoint(text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).map_err(|_| Failure::Unusable("one of its addresses is none"))?;
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if url.scheme() != "https" || !url.has_host() || !bare || text.len() > 2000 {
        return Err(Failure::Unusable("one of its addresses is not https"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://id.example/realms/vault";

    fn document() -> Value {
        json!({
            "issuer": ISSUER, "authorization_endpoint": "https://id.example/auth?tenant=1",
            "token_endpoint": "https://id.example/token", "jwks_uri": "https://keys.example/jwks",
            "authorization_response_iss_parameter_supported": true, "code_challenge_methods_supported": ["plain", "S256"],
        })
    }

    fn read(document: &Value) -> Result<Metadata, Failure> {
        Metadata::read(document.to_string().as_bytes(), ISSUER)
    }

    #[test]
    fn the_document_of_another_or_with_open_addresses_is_refused() {
        let good = read(&document()).unwrap();
        assert!(good.names_itself && good.takes_basic);
        for (name, value) in [
            ("issuer", json!("https://id.example/realms/vault/")),
            ("issuer", json!("https://evil.example")),
            ("issuer", Value::Null),
            ("authorization_endpoint", json!("http://id.example/auth")),
            ("authorization_endpoint", json!("javascript:alert(1)")),
            ("token_endpoint", json!("http://127.0.0.1/latest/meta-data")),
            ("token_endpoint", json!("file:///etc/passwd")),
            ("token_endpoint", json!("https://a:b@id.example/token")),
            ("jwks_uri", json!("data:application/json,{}")),
            ("jwks_uri", json!("https://id.example/#x")),
            ("jwks_uri", json!(["https://id.example/jwks"])),
            ("code_challenge_methods_supported", json!(["plain"])),
        ] {
            let mut bad = document();
            bad[name] = value.clone();
            assert!(read(&bad).is_err(), "{name}: {value}");
        }
        assert!(Metadata::read(b"<html>", ISSUER).is_err() && Metadata::read(b"", ISSUER).is_err());
    }

    #[test]
    fn how_the_secret_is_given_is_as_the_provider_says() {
        let mut document = document();
        for (methods, basic) in [
            (json!(["client_secret_post"]), false),
            (json!(["client_secret_post", "client_secret_basic"]), true),
            (json!(["none"]), false),
            (Value::Null, true),
        ] {
            document["token_endpoint_auth_methods_supported"] = methods.clone();
            assert_eq!(read(&document).unwrap().takes_basic, basic, "{methods}");
        }
    }

    #[test]
    fn the_document_stands_below_the_issuer() {
        for (issuer, wanted) in [
            ("https://id.example", "https://id.example/.well-known/openid-configuration"),
            ("https://id.example/", "https://id.example/.well-known/openid-configuration"),
            (ISSUER, "https://id.example/realms/vault/.well-known/openid-configuration"),
        ] {
            assert_eq!(address(issuer).unwrap().as_str(), wanted);
        }
        assert!(address("http://id.example").is_err());
    }
}
