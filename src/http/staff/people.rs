//! `/staff/people`: the accounts, how each gets in, and the tokens of programs. What takes two people is at `/staff/requests`; the
//! services refuse it here.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::Uri;
use axum::response::Response;

use super::people_page::{self, Handed};
use super::{Posted, SMALL, Visit, see_other, whole};
use crate::base::ids::TokenId;
use crate::domain::form::FormId;
use crate::domain::region::Region;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::policy::{Action, Role, Scope};
use crate::services::sign_in::{self, Invited};
use crate::services::{App, Context, Problem, ServiceError, staff};

const PAGE: &str = "/staff/people";
/// How long an invitation is good.
pub(super) const INVITATION: Duration = Duration::from_secs(3 * DAY);
const DAY: u64 = 24 * 60 * 60;
/// The longest life of a token that is made here, in days.
pub(super) const LONGEST: u64 = 1_095;

/// `GET /staff/people`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    Query::strict(&uri, &[])?;
    people_page::show(&web, &ctx, &here, None, None).await
}

/// `POST /staff/people/invitations`
pub(in crate::http) async fn invite(at: Visit, request: Request) -> Result<Response, HttpError> {
    let work = |app: Arc<App>, ctx: Context, posted: Typed| async move {
        let email = Some(&posted.email).filter(|email| !email.expose().trim().is_empty());
        let made = sign_in::invite(&app, &ctx, &posted.login, &posted.roles, email, INVITATION).await?;
        Ok(Some(link(&app, &made, false)))
    };
    change(at, request, work).await
}

/// `POST /staff/people/recovery`
pub(in crate::http) async fn recover(at: Visit, request: Request) -> Result<Response, HttpError> {
    let work = |app: Arc<App>, ctx: Context, posted: Typed| async move {
        posted.check_sure()?;
        let made = sign_in::recover(&app, &ctx, &posted.login, INVITATION).await?;
        Ok(Some(link(&app, &made, true)))
    };
    change(at, request, work).await
}

/// `POST /staff/people/end`
pub(in crate::http) async fn disable(at: Visit, request: Request) -> Result<Response, HttpError> {
    let work = |app: Arc<App>, ctx: Context, posted: Typed| async move {
        posted.check_sure()?;
        staff::disable(&app, &ctx, &posted.login).await?;
        Ok(None)
    };
    change(at, request, work).await
}

/// `POST /staff/people/region`
pub(in crate::http) async fn region(at: Visit, request: Request) -> Result<Response, HttpError> {
    let work = |app: Arc<App>, ctx: Context, posted: Typed| async move {
        let region = match posted.region.trim() {
            "" => None,
            name => Some(name.parse::<Region>().map_err(|_| {
                let message = "A region has 1 to 32 lower-case letters, digits and hyphens, for example uk.";
                invalid("region", "bad-region", message)
            })?),
        };
        staff::set_region(&app, &ctx, &posted.login, region).await?;
        Ok(None)
    };
    change(at, request, work).await
}

/// `POST /staff/people/tokens`
pub(in crate::http) async fn make_token(at: Visit, request: Request) -> Result<Response, HttpError> {
    let work = |app: Arc<App>, ctx: Context, posted: Typed| async move {
        let days = posted.days.trim().parse::<u64>().ok().filter(|days| (1..=LONGEST).contains(days));
        let days = days.ok_or_else(|| {
            invalid("days", "out-of-range", &format!("A token made here is good for 1 to {LONGEST} days."))
        })?;
        let ttl = Duration::from_secs(days * DAY);
        let scope = Scope::new(some(posted.actions), some(posted.forms));
        let made = staff::create_scoped_token(&app, &ctx, &posted.login, &posted.roles, &scope, Some(ttl)).await?;
        let expires = app.clock().now().plus(ttl);
        Ok(Some(Handed { login: posted.login, text: made.bearer, expires, what: people_page::What::Token }))
    };
    change(at, request, work).await
}

/// `POST /staff/people/tokens/revocation`
pub(in crate::http) async fn revoke_token(at: Visit, request: Request) -> Result<Response, HttpError> {
    let work = |app: Arc<App>, ctx: Context, posted: Typed| async move {
        staff::revoke_token(&app, &ctx, posted.token.ok_or(ServiceError::NotFound)?).await?;
        Ok(None)
    };
    change(at, request, work).await
}

fn some<T>(all: Vec<T>) -> Option<Vec<T>> {
    Some(all).filter(|all| !all.is_empty())
}

/// With the whole link, as far as it is known where browsers reach the service.
fn link(app: &App, made: &Invited, again: bool) -> Handed {
    let known = app.post().map(|post| post.url()).or_else(|| app.origin()).unwrap_or_default();
    let text = format!("{known}/staff/welcome/{}", made.token.expose()).into();
    let what = if again { people_page::What::Recovery } else { people_page::What::Invitation };
    Handed { login: made.login.clone(), text, expires: made.expires, what }
}

fn invalid(field: &str, code: &'static str, message: &str) -> ServiceError {
    ServiceError::Invalid(vec![Problem::in_field(field, code, message)])
}

/// What came with a post, parsed.
pub(super) struct Typed {
    pub(super) login: String,
    pub(super) email: crate::base::sensitive::SensitiveString,
    pub(super) roles: Vec<Role>,
    pub(super) region: String,
    pub(super) days: String,
    actions: Vec<Action>,
    forms: Vec<FormId>,
    token: Option<TokenId>,
    sure: bool,
}

impl Typed {
    fn of(posted: &Posted) -> Result<Self, HttpError> {
        fn all<T: std::str::FromStr>(posted: &Posted, name: &'static str) -> Result<Vec<T>, HttpError> {
            let parsed = posted.all(name).map(str::parse::<T>).collect::<Result<_, _>>();
            parsed.map_err(|_| HttpError::invalid_field(name, "bad-name", "There is nothing of this name."))
        }
        let mut roles: Vec<Role> = all(posted, "role")?;
        roles.sort();
        roles.dedup();
        Ok(Self {
            login: posted.text("login").trim().to_owned(),
            email: posted.secret("email"),
            roles,
            region: posted.text("region").to_owned(),
            days: posted.text("days").to_owned(),
            actions: all(posted, "action")?,
            forms: all(posted, "form")?,
            token: posted.text("token").parse().ok(),
            sure: posted.text("sure") == "yes",
        })
    }

    /// For what is not taken back: somebody has said so.
    fn check_sure(&self) -> Result<(), ServiceError> {
        let message = "Please tick the box as well: this is not taken back.";
        if self.sure { Ok(()) } else { Err(invalid("sure", "required", message)) }
    }
}

/// Changes something, whole, and shows what is handed over once, or the page again.
async fn change<W: Future<Output = Result<Option<Handed>, ServiceError>> + Send + 'static>(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
    work: impl FnOnce(Arc<App>, Context, Typed) -> W,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, SMALL).await?;
    let done = whole(work(Arc::clone(&web.app), ctx.clone(), Typed::of(&posted)?)).await;
    match done {
        Ok(None) => Ok(see_other(PAGE)),
        Ok(Some(handed)) => Ok(people_page::handed(&here, &handed)),
        Err(ServiceError::Invalid(problems)) => {
            let problem = problems.first().ok_or_else(HttpError::internal)?;
            people_page::show(&web, &ctx, &here, Some(&Typed::of(&posted)?), Some(problem)).await
        }
        Err(other) => Err(other.into()),
    }
}
