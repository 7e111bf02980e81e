//! What needs two people, and erasing several people at once. Approving is not here: a person does that in the console, who has
//! just proven who they are.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use super::complete;
use crate::base::ids::{ApprovalId, PersonId};
use crate::base::sensitive::SensitiveString;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::json;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::policy::Role;
use crate::services::approvals::{self, Done, Shown};
use crate::services::erase;

/// Longest body: as many people as one request may name, and a reason, each character escaped.
const BODY: u64 = 32 * 1024;

/// The body of a `POST`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    kind: Value,
    reason: SensitiveString,
    login: Option<String>,
    roles: Option<Vec<Value>>,
    subjects: Option<Vec<PersonId>>,
}

/// `GET /api/v1/approvals`
pub(in crate::http) async fn list(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    Query::strict(&uri, &[])?;
    let items: Vec<Value> = approvals::list(&web.app, &ctx)?.iter().map(Shown::to_json).collect();
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
    let Asked { kind, reason, login, roles, subjects } = json::read(&parts.headers, &mut body, BODY).await?;
    let missing = |field| HttpError::invalid_field(field, "required", "This is needed for such a request.");
    let app = Arc::clone(&web.app);
    let shown = match (kind.as_str(), login, roles, subjects) {
        (Some("roles"), Some(login), Some(roles), None) => {
            let roles =
                roles.iter().map(|role| parse_role(role.as_str().unwrap_or(""))).collect::<Result<Vec<_>, _>>()?;
            complete(async move { approvals::ask_roles(&app, &ctx, &login, &roles, reason.expose()).await }).await?
        }
        (Some("erasure"), None, None, Some(subjects)) => {
            complete(async move { approvals::ask_erasure(&app, &ctx, &subjects, reason.expose()).await }).await?
        }
        (Some("roles"), None, ..) => return Err(missing("login")),
        (Some("roles"), ..) => return Err(missing("roles")),
        (Some("erasure"), ..) => return Err(missing("subjects")),
        _ => return Err(HttpError::invalid_field("kind", "bad-kind", "This is roles or erasure.")),
    };
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
    Ok(Json(approvals::found(&web.app, &ctx, id)?.to_json()))
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
