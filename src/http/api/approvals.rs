//! What needs two people, and erasing several people at once. Approving is not here: a person does that in the console, who has
//! just proven who they are.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::search::{explain, parse_day, parse_form};
use super::submissions::{parse_label, parse_status};
use super::{complete, whole};
use crate::base::ids::{ApprovalId, PersonId, RecordId};
use crate::base::sensitive::SensitiveString;
use crate::domain::legal::LegalBasis;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::export;
use crate::http::extract::json;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::layers::{Caller, token};
use crate::policy::Role;
use crate::services::approvals::{self, Done, READING, Shown};
use crate::services::export::{Asked, Format};
use crate::services::{self, App, Context, Credential, ServiceError, erase};

/// Longest body: as many people or submissions as one request may name, and a reason, each character escaped.
const BODY: u64 = 32 * 1024;

/// The body of a `POST`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    kind: Value,
    reason: SensitiveString,
    login: Option<String>,
    roles: Option<Vec<Value>>,
    subjects: Option<Vec<PersonId>>,
    form: Option<Value>,
    format: Option<Value>,
    purpose: Option<Value>,
    status: Option<Value>,
    assignee: Option<String>,
    label: Option<SensitiveString>,
    from: Option<Value>,
    until: Option<Value>,
    submissions: Option<Vec<RecordId>>,
    subject: Option<PersonId>,
    basis: Option<Value>,
    reference: Option<SensitiveString>,
}

/// What is asked for, of which kind.
#[derive(Debug)]
pub(in crate::http) enum Wanted {
    Roles { login: String, roles: Vec<Role> },
    Erasure(Vec<PersonId>),
    Export(Asked),
    Reading { person: PersonId, basis: LegalBasis, reference: SensitiveString },
}

/// Reads a body: what is asked for, and why.
pub(in crate::http) fn parse(bytes: &[u8]) -> Result<(Wanted, SensitiveString), HttpError> {
    wanted(json::parse(bytes)?)
}

fn wanted(body: Body) -> Result<(Wanted, SensitiveString), HttpError> {
    let missing = |field| HttpError::invalid_field(field, "required", "This is needed for such a request.");
    let surplus = |field| HttpError::invalid_field(field, "not-needed", "This does not belong to such a request.");
    let Body {
        kind,
        reason,
        login,
        roles,
        subjects,
        form,
        format,
        purpose,
        status,
        assignee,
        label,
        from,
        until,
        submissions,
        subject,
        basis,
        reference,
    } = body;
    let of_export = [
        ("form", form.is_some()),
        ("format", format.is_some()),
        ("purpose", purpose.is_some()),
        ("status", status.is_some()),
        ("assignee", assignee.is_some()),
        ("label", label.is_some()),
        ("from", from.is_some()),
        ("until", until.is_some()),
        ("submissions", submissions.is_some()),
    ];
    let of_roles = [("login", login.is_some()), ("roles", roles.is_some())];
    let of_erasure = [("subjects", subjects.is_some())];
    let of_reading = [("subject", subject.is_some()), ("basis", basis.is_some()), ("reference", reference.is_some())];
    let foreign: Vec<(&'static str, bool)> = match kind.as_str() {
        Some("roles") => of_erasure.into_iter().chain(of_export).chain(of_reading).collect(),
        Some("erasure") => of_roles.into_iter().chain(of_export).chain(of_reading).collect(),
        Some("export") => of_roles.into_iter().chain(of_erasure).chain(of_reading).collect(),
        Some(READING) => of_roles.into_iter().chain(of_erasure).chain(of_export).collect(),
        _ => {
            let message = "This is roles, erasure, export or legal-reading.";
            return Err(HttpError::invalid_field("kind", "bad-kind", message));
        }
    };
    if let Some((name, _)) = foreign.into_iter().find(|(_, there)| *there) {
        return Err(surplus(name));
    }
    let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let wanted = match kind.as_str() {
        Some("roles") => {
            let roles = roles.ok_or_else(|| missing("roles"))?;
            let roles = roles.iter().map(|role| parse_role(role.as_str().unwrap_or(""))).collect::<Result<_, _>>()?;
            Wanted::Roles { login: login.ok_or_else(|| missing("login"))?, roles }
        }
        Some("erasure") => Wanted::Erasure(subjects.ok_or_else(|| missing("subjects"))?),
        Some(READING) => Wanted::Reading {
            person: subject.ok_or_else(|| missing("subject"))?,
            basis: parse_basis(&text(basis.ok_or_else(|| missing("basis"))?))?,
            reference: reference.ok_or_else(|| missing("reference"))?,
        },
        _ => Wanted::Export(Asked {
            form: parse_form(&text(form.ok_or_else(|| missing("form"))?))?,
            format: parse_format(&text(format.ok_or_else(|| missing("format"))?))?,
            purpose: text(purpose.ok_or_else(|| missing("purpose"))?),
            status: status.map(|name| parse_status(&text(name))).transpose()?,
            whose: assignee,
            label: label.map(|label| parse_label(label.expose())).transpose()?,
            from: from.map(|day| parse_day("from", &text(day))).transpose()?,
            until: until.map(|day| parse_day("until", &text(day))).transpose()?,
            records: submissions.unwrap_or_default(),
        }),
    };
    Ok((wanted, reason))
}

pub(in crate::http) fn parse_format(name: &str) -> Result<Format, HttpError> {
    name.parse().map_err(|_| HttpError::invalid_field("format", "bad-format", "This is csv, xlsx, json or zip."))
}

pub(in crate::http) fn parse_basis(name: &str) -> Result<LegalBasis, HttpError> {
    name.parse().map_err(|_| {
        let message = "This is legal-obligation, vital-interests, official-task, legal-claims or preventing-harm.";
        HttpError::invalid_field("basis", "bad-basis", message)
    })
}

/// Asks for it.
pub(in crate::http) async fn ask_for(
    app: &Arc<App>,
    ctx: &Context,
    wanted: Wanted,
    reason: &SensitiveString,
) -> Result<Shown, ServiceError> {
    let reason = reason.expose();
    match wanted {
        Wanted::Roles { login, roles } => approvals::ask_roles(app, ctx, &login, &roles, reason).await,
        Wanted::Erasure(people) => approvals::ask_erasure(app, ctx, &people, reason).await,
        Wanted::Export(asked) => approvals::ask_export(app, ctx, asked, reason).await,
        Wanted::Reading { person, basis, reference } => {
            approvals::ask_reading(app, ctx, person, basis, reference.expose(), reason).await
        }
    }
}

/// `GET /api/v1/approvals`
pub(in crate::http) async fn list(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    Query::strict(&uri, &[])?;
    let items: Vec<Value> = approvals::list(&web.app, &ctx).await?.iter().map(Shown::to_json).collect();
    Ok(Json(json!({ "items": items, "next": null })))
}

/// `POST /api/v1/approvals`
pub(in crate::http) async fn ask(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let (wanted, reason) = self::wanted(json::read(&parts.headers, &mut body, BODY).await?)?;
    let app = Arc::clone(&web.app);
    let shown = whole(async move { ask_for(&app, &ctx, wanted, &reason).await }).await.map_err(explain)?;
    Ok((StatusCode::CREATED, Json(shown.to_json())))
}

/// `POST /api/v1/approvals/{id}/use`
pub(in crate::http) async fn perform(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let id: ApprovalId = params.parse("id")?;
    Query::strict(&uri, &[])?;
    let done = complete(async move { approvals::perform(&web.app, &ctx, id).await }).await?;
    Ok(Json(match done {
        Done::Roles => json!({ "certificates": null }),
        Done::Erased(certificates) => json!({ "certificates": certificates }),
    }))
}

/// `POST /api/v1/approvals/{id}/download`
pub(in crate::http) async fn download(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, HttpError> {
    let id: ApprovalId = params.parse("id")?;
    Query::strict(&uri, &[])?;
    let app = Arc::clone(&web.app);
    let credential = token(&headers).and_then(Credential::of_bearer).ok_or_else(HttpError::internal)?;
    let run = complete(async move { services::export::begin(&app, &ctx, credential, id).await }).await?;
    Ok(export::answer(&web.app, run))
}

/// `POST /api/v1/approvals/{id}/withdrawal`
pub(in crate::http) async fn decline(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let id: ApprovalId = params.parse("id")?;
    Query::strict(&uri, &[])?;
    let (app, caller) = (Arc::clone(&web.app), ctx.clone());
    complete(async move { approvals::decline(&app, &caller, id).await }).await?;
    Ok(Json(approvals::found(&web.app, &ctx, id).await?.to_json()))
}

/// The body of a `POST` of people.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Erased {
    subjects: Vec<PersonId>,
}

/// `POST /api/v1/subjects/erasures`
pub(in crate::http) async fn erase(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let Erased { subjects } = json::read(&parts.headers, &mut body, BODY).await?;
    let certificates = complete(async move { erase::few(&web.app, &ctx, &subjects).await }).await?;
    Ok(Json(json!({ "certificates": certificates })))
}

pub(in crate::http) fn parse_role(name: &str) -> Result<Role, HttpError> {
    name.parse().map_err(|_| HttpError::invalid_field("roles", "bad-role", "There is no role of this name."))
}
