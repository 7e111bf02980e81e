//! Sign-in through a provider of OpenID Connect: the authorization code flow with PKCE, begun by a browser and completed by the
//! same one.
//!
//! An account of this kind is bound to the provider's name for somebody (issuer and subject), has no password of ours, and is never
//! one that somebody was invited to: neither way in leads to an account of the other kind. Its roles are what the provider says,
//! each time anew.

mod accounts;
mod groups;
mod waiting;

use std::net::IpAddr;
use std::sync::Arc;

use super::SignedIn;
use super::place::Place;
use crate::adapters::oidc::{self, Callback, Expected, Failure, Outcome, Proven, Provider, Request};
use crate::base::clock::Timestamp;
use crate::base::ids::{Handle, StaffId};
use crate::base::sensitive::SensitiveString;
use crate::policy::{Actor, Role};
use crate::services::{App, Context, ServiceError, audit, bearer};
use crate::vault::VaultError;

use super::credentials::sha256;
use data_encoding::BASE64URL_NOPAD;
pub(super) use waiting::Waiting;
use waiting::{Pending, Taken, Why};

/// The path that the provider sends people back to.
pub const CALLBACK: &str = "/staff/sign-in/provider/callback";

/// A provider, and who is let in by what it says.
pub struct Federation {
    provider: Provider,
    /// What it is called on the page.
    label: String,
    claim: String,
    groups: Vec<(String, Vec<Role>)>,
    passwords: bool,
}

impl Federation {
    /// `groups` are values of the claim named `claim`, with the roles that each gives. Without `passwords`, nobody signs in but
    /// through the provider.
    pub const fn new(
        provider: Provider,
        label: String,
        claim: String,
        groups: Vec<(String, Vec<Role>)>,
        passwords: bool,
    ) -> Self {
        Self { provider, label, claim, groups, passwords }
    }

    /// What the provider is called.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// As it calls itself.
    pub(super) fn issuer(&self) -> &str {
        self.provider.issuer()
    }
}

impl App {
    /// Lets staff sign in through a provider. Only the first one counts.
    pub fn set_federation(&self, federation: Federation) {
        let _ = self.door.federation.set(federation);
    }

    /// The provider that staff sign in through, if there is one.
    pub fn federation(&self) -> Option<&Federation> {
        self.door.federation.get()
    }

    /// Whether passwords and passkeys of ours let anybody in.
    pub fn takes_passwords(&self) -> bool {
        self.federation().is_none_or(|federation| federation.passwords)
    }
}

/// Where somebody is sent.
pub struct Start {
    /// The provider's page.
    pub url: SensitiveString,
    /// For a cookie that binds what comes back to this browser.
    pub cookie: SensitiveString,
}

/// What coming back led to.
pub enum Arrived {
    /// A session has begun: its token.
    In(SensitiveString),
    /// The session that was there may do what is grave: back to this page.
    Confirmed(String),
}

/// Why somebody is not let in.
#[derive(Debug)]
pub enum NotLetIn {
    /// Nobody waits for this answer (any more), in this browser.
    Lost,
    /// The provider says that they did not want to, or may not.
    Denied,
    /// None of their groups has a role.
    NoRole,
    /// Their account is disabled.
    Disabled,
    /// They came back as somebody else than whose session it is.
    SomebodyElse,
    /// The provider cannot be reached.
    Away,
    /// What the provider says was not taken; what it was stands in the log and in the trail.
    NotTaken,
    /// The vault itself.
    Failed(ServiceError),
}

impl<T: Into<ServiceError>> From<T> for NotLetIn {
    fn from(error: T) -> Self {
        Self::Failed(error.into())
    }
}

/// Begins a sign-in.
///
/// # Errors
/// [`NotLetIn::Away`], [`NotLetIn::NotTaken`]; [`ServiceError::NotFound`] where there is no provider.
pub async fn begin(app: &Arc<App>, address: Option<IpAddr>) -> Result<Start, NotLetIn> {
    start(app, Why::SignIn(Place::of(address))).await
}

/// Begins to prove once more who somebody is, before something grave; `back` is the page to go on with.
///
/// # Errors
/// As [`begin`]; [`ServiceError::NotFound`] for an account that signs in by other means.
pub async fn begin_confirmation(app: &Arc<App>, here: &SignedIn, back: &str) -> Result<Start, NotLetIn> {
    let row = super::active(app, here.session.staff)?;
    row.provider.ok_or(ServiceError::NotFound)?;
    let (account, session) = (here.session.staff, here.session.id);
    start(app, Why::Confirm { account, session, back: back.to_owned() }).await
}

async fn start(app: &Arc<App>, why: Why) -> Result<Start, NotLetIn> {
    let federation = app.federation().ok_or(ServiceError::NotFound)?;
    let now = app.clock.now();
    let metadata = federation.provider.metadata(now).await.map_err(|failure| told(&failure))?;
    let make = || bearer::make(app.entropy()).map_err(VaultError::from);
    let (cookie, state, nonce, verifier) = (make()?, make()?, make()?, make()?);
    // RFC 7636, 4.2.
    let challenge = BASE64URL_NOPAD.encode(&sha256(verifier.expose()));
    let anew = matches!(why, Why::Confirm { .. });
    let request = Request { state: state.expose(), nonce: nonce.expose(), challenge: &challenge, anew };
    let url = SensitiveString::from(String::from(federation.provider.authorization(&metadata, &request)));
    app.door
        .outside
        .put(cookie.expose(), Pending { state, nonce, verifier, began: app.clock.now(), why, missed: false });
    Ok(Start { url, cookie })
}

/// Takes what a browser comes back with: `cookie` is what [`Start`] gave it.
///
/// # Errors
/// [`NotLetIn`]. Whatever came of it, it counts once.
pub async fn complete(app: &Arc<App>, ctx: &Context, cookie: Option<&str>, query: &str) -> Result<Arrived, NotLetIn> {
    let federation = app.federation().ok_or(ServiceError::NotFound)?;
    let cookie = cookie.ok_or(NotLetIn::Lost)?;
    let answer = Callback::read(query);
    let state = answer.as_ref().map_or("", |answer| answer.state.expose());
    let (pending, answer) = match (app.door.outside.take(cookie, state, app.clock.now()), answer) {
        (Taken::This(pending), Ok(answer)) => (pending, answer),
        (Taken::Another { first }, answer) => {
            let (refused, why) = match &answer {
                Ok(_) => (NotLetIn::Lost, "it answers another request"),
                Err(failure) => (told(failure), reason(failure)),
            };
            // Once: whoever holds the cookie could fill the trail.
            if first {
                refuse(app, ctx, why).await;
            }
            return Err(refused);
        }
        (Taken::This(_), Err(failure)) => return Err(told(&failure)),
        (Taken::Nothing, _) => return Err(NotLetIn::Lost),
    };
    let proven = match prove(app, federation, &pending, answer).await {
        Ok(proven) => proven,
        Err((refused, why)) => {
            refuse(app, ctx, why).await;
            return Err(refused);
        }
    };
    let roles = groups::roles(&proven.claims, &federation.claim, &federation.groups);
    match pending.why {
        Why::SignIn(_) => accounts::enter(app, ctx, federation, &proven, roles).await.map(Arrived::In),
        Why::Confirm { account, session, back } => {
            accounts::confirm(app, ctx, federation, &proven, roles, (account, session)).await?;
            Ok(Arrived::Confirmed(back))
        }
    }
}

/// Who the provider says it is, once everything fits.
async fn prove(
    app: &App,
    federation: &Federation,
    pending: &Pending,
    answer: Callback,
) -> Result<Proven, (NotLetIn, &'static str)> {
    let not_taken = |why| (NotLetIn::NotTaken, why);
    let failed = |failure: Failure| (told(&failure), reason(&failure));
    let provider = &federation.provider;
    let metadata = provider.metadata(app.clock.now()).await.map_err(failed)?;
    // RFC 9207: the answer of another provider, and one that hides whose it is.
    match answer.issuer.as_deref() {
        Some(issuer) if issuer == provider.issuer() => {}
        None if !metadata.names_itself => {}
        _ => return Err(not_taken("it is the answer of another provider")),
    }
    let code = match answer.outcome {
        Outcome::Code(code) => code,
        Outcome::Denied => return Err((NotLetIn::Denied, "the provider says no")),
        Outcome::Failed => return Err(not_taken("the provider tells of an error")),
    };
    let exchanged = provider.exchange(&metadata, code.expose(), pending.verifier.expose()).await;
    let tokens = exchanged.map_err(failed)?;
    let verified = provider.open(&tokens.id, app.clock.now()).await.map_err(failed)?;
    let expected = Expected {
        issuer: provider.issuer(),
        client_id: provider.client_id(),
        nonce: pending.nonce.expose(),
        now: app.clock.now(),
        access: tokens.access.as_ref(),
        proven_since: matches!(pending.why, Why::Confirm { .. }).then_some(pending.began),
    };
    oidc::check(verified, &expected).map_err(failed)
}

/// As the person is told; the log says more.
fn told(failure: &Failure) -> NotLetIn {
    tracing::warn!(%failure, "sign-in through the provider");
    match failure {
        Failure::Away(_) => NotLetIn::Away,
        _ => NotLetIn::NotTaken,
    }
}

/// As the trail tells it: words of ours, and nothing of the provider's.
const fn reason(failure: &Failure) -> &'static str {
    use crate::crypto::jose::BadToken;
    match failure {
        Failure::Away(why) | Failure::Unusable(why) | Failure::Claims(why) => why,
        Failure::CodeRefused => "the provider does not take the code",
        Failure::Token(BadToken::Unreadable) => "the token cannot be read",
        Failure::Token(BadToken::Algorithm) => "the token is signed by an algorithm that is not taken",
        Failure::Token(BadToken::UnknownKey) => "the key of the token is not known",
        Failure::Token(BadToken::Signature) => "the signature of the token is wrong",
    }
}

/// Writes that somebody was turned away, who is nobody yet.
async fn refuse(app: &Arc<App>, ctx: &Context, why: &str) {
    audit::refused(app, &Actor::Public, ctx.request, &format!("sign-in through the provider: {why}"), 403).await;
}

/// When somebody has proven who they are, for what is grave: when the provider says so, and else never.
fn proven_at(proven: &Proven, now: Timestamp) -> Timestamp {
    proven.at.unwrap_or(Timestamp::from_millis(0)).min(now)
}

/// An account, and the session of it.
type Of = (StaffId, Handle);
