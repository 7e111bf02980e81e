//! A provider of OpenID Connect (Core 1.0, Discovery 1.0), by which staff sign in: where it is asked, what it answers, and whether
//! that is so. Who is let in by it is the services' affair.
//!
//! Everything is asked for by HTTPS, from the addresses of the provider's own discovery document and from nowhere else; no redirect
//! is followed; each answer has a limit in size and time. Nothing is asked for before somebody signs in, so that a provider out of
//! reach keeps no service from starting.

mod answers;
mod claims;
mod discovery;
mod fetch;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use url::Url;

use crate::base::clock::Timestamp;
use crate::base::sensitive::SensitiveString;
use crate::crypto::jose::{BadToken, KeySet, Verified};

pub use answers::{Callback, MOST_QUERY, Outcome, Tokens};
pub use claims::{Expected, Proven, check};
pub use discovery::Metadata;
use fetch::Fetcher;

/// How long what the provider says of itself, and its keys, are believed.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// How long after a failure it is not asked again.
const PAUSE: Duration = Duration::from_secs(5);
/// How long after its keys were read they are not read again for a token whose key is unknown: whoever makes up names of keys
/// must not have us ask for each.
const KEYS_PAUSE: Duration = Duration::from_secs(60);

/// Why the provider was of no use. The words are ours: nothing of what it says is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Not reached, not believed by its certificate, or too slow.
    #[error("the provider cannot be reached: {0}")]
    Away(&'static str),
    /// It says what cannot be worked with.
    #[error("what the provider says cannot be used: {0}")]
    Unusable(&'static str),
    /// It does not take the code.
    #[error("the provider does not take the code")]
    CodeRefused,
    /// The ID token is not taken.
    #[error("{0}")]
    Token(#[from] BadToken),
    /// The ID token claims what does not fit.
    #[error("the token does not fit: {0}")]
    Claims(&'static str),
}

/// How to reach a provider.
#[derive(Clone, Debug)]
pub struct Settings {
    /// As it calls itself.
    pub issuer: String,
    /// What we are called there.
    pub client_id: String,
    /// Our secret there; `None` for a public client.
    pub secret: Option<SensitiveString>,
    /// A root certificate beside those of the system, PEM.
    pub root: Option<Vec<u8>>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Where it sends people back to.
    pub redirect_uri: String,
}

/// What somebody is sent to the provider with.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Comes back with them.
    pub state: &'a str,
    /// Comes back in the ID token.
    pub nonce: &'a str,
    /// SHA-256 of the verifier, base64 (RFC 7636).
    pub challenge: &'a str,
    /// They have to prove who they are to the provider, even if they are signed in there.
    pub anew: bool,
}

/// A provider.
pub struct Provider {
    settings: Settings,
    fetcher: Fetcher,
    known: Mutex<Known>,
}

/// What is known of it.
#[derive(Default)]
struct Known {
    metadata: Option<(Timestamp, Arc<Metadata>)>,
    keys: Option<(Timestamp, Arc<KeySet>)>,
    failed: Option<(Timestamp, Failure)>,
}

impl Known {
    /// Not just after a failure: whoever waits in line behind it would wait as long again.
    fn may_ask(&self, now: Timestamp) -> Result<(), Failure> {
        let just_now = self.failed.filter(|(since, _)| now.since(*since) < PAUSE);
        just_now.map_or(Ok(()), |(_, failure)| Err(failure))
    }

    /// Remembers whether it went well.
    fn noted<T>(&mut self, outcome: Result<T, Failure>, now: Timestamp) -> Result<T, Failure> {
        self.failed = outcome.as_ref().err().map(|failure| (now, *failure));
        outcome
    }
}

impl Provider {
    /// Prepares what is needed to ask it; nothing is asked yet.
    ///
    /// # Errors
    /// In words, for whoever wrote the configuration.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let fetcher = Fetcher::new(settings.root.as_deref())?;
        Ok(Self { settings, fetcher, known: Mutex::default() })
    }

    /// As it calls itself.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// What we are called there.
    pub fn client_id(&self) -> &str {
        &self.settings.client_id
    }

    /// What it says of itself: asked for when it is not known, or too old.
    ///
    /// # Errors
    /// [`Failure::Away`], [`Failure::Unusable`].
    pub async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, Failure> {
        let known = &mut *self.known.lock().await;
        self.metadata_of(known, now).await
    }

    async fn metadata_of(&self, known: &mut Known, now: Timestamp) -> Result<Arc<Metadata>, Failure> {
        if let Some((_, metadata)) = known.metadata.as_ref().filter(|(since, _)| now.since(*since) < KEPT) {
            return Ok(Arc::clone(metadata));
        }
        known.may_ask(now)?;
        let read = async {
            let text = self.fetcher.get(&discovery::address(&self.settings.issuer)?).await?;
            Metadata::read(&text, &self.settings.issuer)
        };
        let metadata = Arc::new(known.noted(read.await, now)?);
        known.metadata = Some((now, Arc::clone(&metadata)));
        Ok(metadata)
    }

    /// Where somebody is sent who wants to sign in.
    pub fn authorization(&self, metadata: &Metadata, request: &Request<'_>) -> Url {
        let mut url = metadata.authorization.clone();
        let scopes = std::iter::once("openid").chain(self.settings.scopes.iter().map(String::as_str));
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.settings.redirect_uri)
            .append_pair("scope", &scopes.collect::<Vec<_>>().join(" "))
            .append_pair("state", request.state)
            .append_pair("nonce", request.nonce)
            .append_pair("code_challenge", request.challenge)
            .append_pair("code_challenge_method", "S256");
        if request.anew {
            url.query_pairs_mut().append_pair("prompt", "login").append_pair("max_age", "0");
        }
        url
    }

    /// Gives a code, and gets tokens for it.
    ///
    /// # Errors
    /// [`Failure::Away`], [`Failure::Unusable`], [`Failure::CodeRefused`].
    pub async fn exchange(&self, metadata: &Metadata, code: &str, verifier: &str) -> Result<Tokens, Failure> {
        let settings = &self.settings;
        let mut body = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &settings.redirect_uri),
            ("code_verifier", verifier),
        ];
        let basic = match &settings.secret {
            Some(secret) if metadata.takes_basic => Some((settings.client_id.as_str(), secret)),
            Some(secret) => {
                body.extend([("client_id", settings.client_id.as_str()), ("client_secret", secret.expose())]);
                None
            }
            None => {
                body.push(("client_id", &settings.client_id));
                None
            }
        };
        Tokens::read(&self.fetcher.post(&metadata.token, &body, basic).await?)
    }

    /// The claims of an ID token, once its signature is found to be by one of the provider's keys.
    ///
    /// # Errors
    /// [`Failure::Token`]; [`Failure::Away`], [`Failure::Unusable`] when its keys cannot be had.
    pub async fn open(&self, token: &SensitiveString, now: Timestamp) -> Result<Verified, Failure> {
        let known = &mut *self.known.lock().await;
        let metadata = self.metadata_of(known, now).await?;
        let old = known.keys.as_ref().filter(|(since, _)| now.since(*since) < KEPT).cloned();
        let (since, keys) = match old {
            Some(old) => old,
            None => (now, self.read_keys(known, &metadata, now).await?),
        };
        match keys.verify(token.expose()) {
            Err(BadToken::UnknownKey) if now.since(since) >= KEYS_PAUSE => {
                Ok(self.read_keys(known, &metadata, now).await?.verify(token.expose())?)
            }
            verified => Ok(verified?),
        }
    }

    async fn read_keys(&self, known: &mut Known, metadata: &Metadata, now: Timestamp) -> Result<Arc<KeySet>, Failure> {
        known.may_ask(now)?;
        let read = async {
            let text = self.fetcher.get(&metadata.keys).await?;
            KeySet::read(&text).map_err(|_| Failure::Unusable("its keys cannot be read"))
        };
        let keys = Arc::new(known.noted(read.await, now)?);
        known.keys = Some((now, Arc::clone(&keys)));
        Ok(keys)
    }
}
