//! A provider that does as a test says: a good one, or one that lies in one point. It speaks HTTPS with a certificate of its own.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use letterlock::base::clock::{Clock, ManualClock};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use ring::{digest, hmac};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

/// What the next answers are.
#[derive(Clone)]
pub(crate) struct Script {
    /// Laid over the claims of a good token; null takes one away.
    pub(crate) claims: Value,
    /// Laid over the header.
    pub(crate) header: Value,
    /// How it is signed.
    pub(crate) signed: Signed,
    /// Laid over the discovery document.
    pub(crate) document: Value,
    /// How the document is given.
    pub(crate) given: Given,
    /// Its keys are not to be had.
    pub(crate) no_keys: bool,
    /// Whether the token comes with the hash of its access token.
    pub(crate) at_hash: bool,
}

impl Default for Script {
    fn default() -> Self {
        let (claims, header, document) = (json!({}), json!({}), json!({}));
        Self { claims, header, signed: Signed::Ec, document, given: Given::Well, no_keys: false, at_hash: true }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    Ec,
    Ed,
    /// By a key that is not in the set, under the name of one that is.
    Forged,
    /// Not at all.
    Not,
    /// By HMAC, with the public key as secret.
    Hmac,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    Well,
    Huge,
    Slow,
    Elsewhere,
    Error,
}

pub(crate) struct Provider {
    pub(crate) issuer: String,
    /// Its root certificate, PEM.
    pub(crate) root: String,
    inner: Arc<Inner>,
}

struct Inner {
    issuer: String,
    clock: Arc<ManualClock>,
    ec: EcdsaKeyPair,
    forged: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    script: Mutex<Script>,
    /// Codes that were given out and not used: nonce and challenge.
    codes: Mutex<HashMap<String, (String, String)>>,
    documents: AtomicUsize,
    keys: AtomicUsize,
    elsewhere: AtomicUsize,
    /// The `Authorization` header of the last exchange.
    authorization: Mutex<Option<String>>,
}

impl Provider {
    pub(crate) async fn start(clock: Arc<ManualClock>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (root, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let issuer = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let inner = Arc::new(Inner {
            issuer: issuer.clone(),
            clock,
            ec: ec(),
            forged: ec(),
            ed: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(),
            script: Mutex::default(),
            codes: Mutex::default(),
            documents: AtomicUsize::new(0),
            keys: AtomicUsize::new(0),
            elsewhere: AtomicUsize::new(0),
            authorization: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/elsewhere", get(elsewhere))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .with_state(Arc::clone(&inner));
        let tls = axum_server::tls_rustls::RustlsConfig::from_pem(root.clone().into(), key.into()).await.unwrap();
        let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
        tokio::spawn(server.serve(router.into_make_service()));
        Self { issuer, root, inner }
    }

    pub(crate) fn script(&self, change: impl FnOnce(&mut Script)) {
        let mut script = Script::default();
        change(&mut script);
        *self.inner.script.lock().unwrap() = script;
    }

    /// How often it was asked what it says of itself, for its keys, and where it had sent us.
    pub(crate) fn asked(&self) -> (usize, usize, usize) {
        let count = |of: &AtomicUsize| of.load(Ordering::SeqCst);
        (count(&self.inner.documents), count(&self.inner.keys), count(&self.inner.elsewhere))
    }

    pub(crate) fn authorization(&self) -> Option<String> {
        self.inner.authorization.lock().unwrap().clone()
    }

    /// Somebody signs in there, whom the script says: what they are sent back with.
    pub(crate) fn authorize(&self, url: &Url) -> String {
        let parts: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!((parts["response_type"].as_str(), parts["code_challenge_method"].as_str()), ("code", "S256"));
        let code = format!("code-{}", parts["state"]);
        let kept = (parts["nonce"].clone(), parts["code_challenge"].clone());
        self.inner.codes.lock().unwrap().insert(code.clone(), kept);
        form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("state", &parts["state"])
            .append_pair("iss", &self.issuer)
            .finish()
    }
}

#[allow(clippy::disallowed_methods, reason = "keys of a test")]
fn ec() -> EcdsaKeyPair {
    let (of, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    EcdsaKeyPair::from_pkcs8(of, EcdsaKeyPair::generate_pkcs8(of, &random).unwrap().as_ref(), &random).unwrap()
}

pub(crate) fn b64(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

/// Lays one object over another; null takes away.
fn lay(over: &Value, on: &mut Value) {
    for (name, value) in over.as_object().unwrap() {
        match value {
            Value::Null => drop(on.as_object_mut().unwrap().remove(name)),
            value => on[name] = value.clone(),
        }
    }
}

async fn document(State(inner): State<Arc<Inner>>) -> Response {
    inner.documents.fetch_add(1, Ordering::SeqCst);
    let script = inner.script.lock().unwrap().clone();
    let issuer = &inner.issuer;
    let mut document = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
        "authorization_response_iss_parameter_supported": true, "code_challenge_methods_supported": ["S256"],
    });
    lay(&script.document, &mut document);
    match script.given {
        Given::Well => Json(document).into_response(),
        Given::Huge => {
            document["padding"] = json!("x".repeat(300 << 10));
            Json(document).into_response()
        }
        Given::Slow => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            Json(document).into_response()
        }
        Given::Elsewhere => Redirect::temporary(&format!("{issuer}/elsewhere")).into_response(),
        Given::Error => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn elsewhere(State(inner): State<Arc<Inner>>) -> &'static str {
    inner.elsewhere.fetch_add(1, Ordering::SeqCst);
    "{}"
}

async fn jwks(State(inner): State<Arc<Inner>>) -> Response {
    inner.keys.fetch_add(1, Ordering::SeqCst);
    if inner.script.lock().unwrap().no_keys {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let point = inner.ec.public_key().as_ref();
    Json(json!({ "keys": [
        { "kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "x": b64(&point[1..33]), "y": b64(&point[33..]) },
        { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": b64(inner.ed.public_key().as_ref()) },
    ] }))
    .into_response()
}

/// Gives tokens for a code, once, to whoever has the verifier.
async fn token(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: String) -> Response {
    let given = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    *inner.authorization.lock().unwrap() = given;
    let parts: HashMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let code = inner.codes.lock().unwrap().remove(&parts["code"]);
    let verifier = digest::digest(&digest::SHA256, parts["code_verifier"].as_bytes());
    match code {
        Some((nonce, challenge)) if challenge == b64(verifier.as_ref()) => {
            let id = inner.id_token(&nonce);
            Json(json!({ "access_token": "access", "token_type": "Bearer", "id_token": id })).into_response()
        }
        _ => (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response(),
    }
}

impl Inner {
    fn id_token(&self, nonce: &str) -> String {
        let script = self.script.lock().unwrap().clone();
        let now = self.clock.now().as_millis() / 1000;
        let mut header = match script.signed {
            Signed::Ec | Signed::Forged => json!({ "alg": "ES256", "kid": "ec" }),
            Signed::Ed => json!({ "alg": "EdDSA", "kid": "ed" }),
            Signed::Not => json!({ "alg": "none", "kid": "ec" }),
            Signed::Hmac => json!({ "alg": "HS256", "kid": "ec" }),
        };
        lay(&script.header, &mut header);
        let mut claims = json!({
            "iss": self.issuer, "sub": "jane-7", "aud": "vault", "exp": now + 300, "iat": now, "nonce": nonce,
            "preferred_username": "Jane.Doe", "email": "jane@example.org", "groups": ["vault-hr"],
        });
        if script.at_hash {
            let of = if script.signed == Signed::Ed { &digest::SHA512 } else { &digest::SHA256 };
            let sum = digest::digest(of, b"access");
            claims["at_hash"] = json!(b64(&sum.as_ref()[..sum.as_ref().len() / 2]));
        }
        lay(&script.claims, &mut claims);
        let message = format!("{}.{}", b64(header.to_string().as_bytes()), b64(claims.to_string().as_bytes()));
        format!("{message}.{}", b64(&self.sign(script.signed, message.as_bytes())))
    }

    #[allow(clippy::disallowed_methods, reason = "signatures of a test")]
    fn sign(&self, how: Signed, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match how {
            Signed::Ec => self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            Signed::Forged => self.forged.sign(&random, message).unwrap().as_ref().to_vec(),
            Signed::Ed => self.ed.sign(message).as_ref().to_vec(),
            Signed::Not => Vec::new(),
            Signed::Hmac => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.ec.public_key().as_ref());
                hmac::sign(&key, message).as_ref().to_vec()
            }
        }
    }
}
