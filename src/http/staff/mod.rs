//! The console, `/staff`: where the people inside sign in, read and answer. Plain HTML; no script but that for passkeys, which
//! nothing depends on; one cookie for the session, one by which a browser that has signed in before is known again.

mod account;
pub(super) mod alerts;
pub(super) mod bulk;
mod charts;
mod concerns;
pub(super) mod confirm;
pub(super) mod cookies;
pub(super) mod desk;
mod entrance;
pub(super) mod erasure;
mod erasure_page;
pub(super) mod export;
pub(super) mod forms;
mod found;
pub(super) mod guests;
pub(super) mod health;
pub(super) mod inbox;
mod inbox_page;
pub(super) mod letter;
mod opened;
mod page;
pub(super) mod passkeys;
pub(super) mod people;
mod people_page;
pub(super) mod preview;
mod print_page;
pub(super) mod provider;
pub(super) mod reason;
pub(super) mod record;
pub(super) mod requests;
pub(super) mod results;
pub(super) mod search;
pub(super) mod sign_in;
pub(super) mod trail;
pub(super) mod transfers;
pub(super) mod vacancies;
mod view;
pub(super) mod welcome;
pub(super) mod work;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Web;
use super::api::whole;
use super::error::HttpError;
use super::extract::params::Params;
use super::extract::urlencoded;
use super::layers::{Caller, What, note_refusal};
use super::pages::see_other;
use super::portal::visit;
use super::speech::Speech;
use crate::base::ids::{Handle, RequestId};
use crate::base::sensitive::SensitiveString;
use crate::services::{Context, Problem, approvals, results as survey, sign_in as service};

pub(super) use account::{
    begin_codes, complete_codes, email, end_session, password, recovery, remove_codes, show as account, sign_out,
};

pub(super) use entrance::cleared;

/// The hidden part with the session's guard.
const GUARD: &str = "_guard";
/// Bytes of a post without a message.
const SMALL: u64 = 8192;
/// Parts of a post, at most: a hundred submissions that were ticked, and what is to be done with them.
const MOST_PAIRS: usize = 150;

/// Who is signed in; put there by [`layer`].
#[derive(Clone)]
pub(super) struct Here {
    /// Who, and in which session.
    pub(super) who: service::SignedIn,
    /// Whether there are surveys whose results they read.
    surveys: bool,
    /// Whether they see requests that need two people.
    requests: bool,
    token: Arc<SensitiveString>,
}

impl Here {
    /// What each post carries.
    fn guard(&self) -> String {
        self.who.session.guard.to_string()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Here {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(HttpError::internal)
    }
}

/// A request of somebody who is signed in: what each page of the console begins with.
pub(super) struct Visit {
    web: Arc<Web>,
    /// As whom they act.
    ctx: Context,
    here: Here,
    /// What the path names.
    params: Params,
}

impl FromRequestParts<Arc<Web>> for Visit {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, HttpError> {
        let Caller(ctx) = Caller::from_request_parts(parts, web).await?;
        let here = Here::from_request_parts(parts, web).await?;
        let params = Params::from_request_parts(parts, web).await?;
        Ok(Self { web: Arc::clone(web), ctx, here, params })
    }
}

/// For the routes of the console: without a session, to the sign-in. A post has to come from the console's own pages.
pub(super) async fn layer(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let Some(id) = request.extensions().get::<RequestId>().copied() else {
        return HttpError::internal().into_response();
    };
    let token = cookies::session(request.headers()).map(SensitiveString::from);
    let found = token.and_then(|token| service::find(&web.app, token.expose()).map(|who| (who, token)));
    let Some((who, token)) = found else {
        drop(request);
        return see_other("/staff/sign-in");
    };
    let (actor, what) = (who.actor.clone(), What::of(&request));
    if *request.method() != Method::GET
        && *request.method() != Method::HEAD
        && let Err(error) = visit::same_origin(request.headers(), request.uri())
    {
        return note_refusal(&web, &actor, id, &what, error.into_response()).await;
    }
    let ctx = Context { actor: actor.clone(), request: id, purpose: None };
    let surveys = !survey::readable(&web.app, &ctx).is_empty();
    let requests = approvals::sees_any(&web.app, &ctx);
    let place = (*request.method() == Method::GET).then(|| request.uri().path().to_owned());
    request.extensions_mut().insert(ctx);
    request.extensions_mut().insert(Here { who, surveys, requests, token: Arc::new(token) });
    let response = next.run(request).await;
    let asked = response.extensions().get::<HttpError>().is_some_and(HttpError::asks_for_a_reason);
    let response = note_refusal(&web, &actor, id, &what, response).await;
    // Whoever is asked why answers first, and is led back.
    if asked { see_other(&format!("/staff/reason?to={}", reason::back(place.as_deref()))) } else { response }
}

/// What came with a post, once its guard was found to be that of the session.
struct Posted(Vec<(String, SensitiveString)>);

impl Posted {
    /// The body of a post of a session.
    async fn read(here: &Here, request: Request, most: u64) -> Result<Self, HttpError> {
        let posted = Self::read_any(request, most).await?;
        let guard = posted.text(GUARD).parse::<Handle>().ok();
        if guard == Some(here.who.session.guard) { Ok(posted) } else { Err(visit::foreign()) }
    }

    /// The body of a post before there is a session.
    async fn read_any(request: Request, most: u64) -> Result<Self, HttpError> {
        visit::same_origin(request.headers(), request.uri())?;
        let pairs = urlencoded::post(request, most, MOST_PAIRS).await?;
        Ok(Self(pairs.into_iter().map(|(name, value)| (name, SensitiveString::from(value))).collect()))
    }

    fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.expose())
    }

    /// All parts of a name, in order.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.expose())
    }

    fn secret(&self, name: &str) -> SensitiveString {
        SensitiveString::from(self.text(name))
    }
}

/// The first mistake, as a sentence.
fn first(problems: &[Problem]) -> Option<String> {
    problems.first().map(|problem| Speech::default().sentence(&problem.message))
}
