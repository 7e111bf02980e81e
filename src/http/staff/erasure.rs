//! `/staff/erasure`: a request to be erased, answered in the browser. Finds somebody by an address, which is posted and written
//! nowhere; says what is held, asks whoever it is once more, and shows the certificate.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::erasure_page::{self as page, Asked, Problem};
use super::{Here, Posted, SMALL, Visit, first, see_other, whole};
use crate::base::ids::{Handle, PersonId, RecordId};
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::http::headers::attachment;
use crate::http::layers::Caller;
use crate::services::{Context, ServiceError, erase};

/// Where somebody is found.
const PAGE: &str = "/staff/erasure";

/// `GET /staff/erasure`
pub(in crate::http) async fn show(Caller(ctx): Caller, here: Here, uri: Uri) -> Result<Response, HttpError> {
    Query::strict(&uri, &[])?;
    erase::check(&ctx)?;
    Ok(page::find(&here, StatusCode::OK, None))
}

/// `POST /staff/erasure`: who is held under an address. The address travels in the body, and is in no answer.
pub(in crate::http) async fn find(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, SMALL).await?;
    match erase::by_email(&web.app, &ctx, &posted.secret("email")).await {
        Ok(found) => Ok(page::found(&web, &ctx, &here, found.as_ref())),
        Err(ServiceError::Invalid(problems)) => {
            let problem = first(&problems).unwrap_or_default();
            Ok(page::find(&here, StatusCode::UNPROCESSABLE_ENTITY, Some(("email", &problem))))
        }
        Err(other) => Err(other.into()),
    }
}

/// `GET /staff/erasure/people/{id}`
pub(in crate::http) async fn ask_person(
    Visit { web, ctx, here, params }: Visit,
    uri: Uri,
) -> Result<Response, HttpError> {
    let id: PersonId = params.parse("id")?;
    Query::strict(&uri, &[])?;
    match erase::of_person(&web.app, &ctx, id).await {
        Ok(held) => Ok(page::ask(&web, &here, &Asked::Person(&held), None)),
        Err(error) => gone(&web, &ctx, *id.as_bytes(), error).await,
    }
}

/// `POST /staff/erasure/people/{id}/confirmation`
pub(in crate::http) async fn erase_person(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, SMALL).await?;
    let id: PersonId = params.parse("id")?;
    let held = match erase::of_person(&web.app, &ctx, id).await {
        Ok(held) => held,
        Err(error) => return gone(&web, &ctx, *id.as_bytes(), error).await,
    };
    let asked = Asked::Person(&held);
    if let Some(problem) = objection(&asked, &posted) {
        return Ok(page::ask(&web, &here, &asked, Some(problem)));
    }
    let (app, by) = (Arc::clone(&web.app), ctx.clone());
    match whole(async move { erase::person(&app, &by, id).await }).await {
        Ok(_) => Ok(see_other(&page::certificate_at(*id.as_bytes()))),
        Err(ServiceError::Invalid(_)) => Ok(page::ask(&web, &here, &asked, Some(Problem::Limit))),
        Err(error) => gone(&web, &ctx, *id.as_bytes(), error).await,
    }
}

/// `GET /staff/erasure/records/{id}`
pub(in crate::http) async fn ask_record(
    Visit { web, ctx, here, params }: Visit,
    uri: Uri,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    Query::strict(&uri, &[])?;
    match erase::of_record(&web.app, &ctx, id).await {
        Ok(held) => Ok(page::ask(&web, &here, &Asked::Record(&held), None)),
        Err(error) => gone(&web, &ctx, *id.as_bytes(), error).await,
    }
}

/// `POST /staff/erasure/records/{id}/confirmation`
pub(in crate::http) async fn erase_record(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, SMALL).await?;
    let id: RecordId = params.parse("id")?;
    let held = match erase::of_record(&web.app, &ctx, id).await {
        Ok(held) => held,
        Err(error) => return gone(&web, &ctx, *id.as_bytes(), error).await,
    };
    let asked = Asked::Record(&held);
    if let Some(problem) = objection(&asked, &posted) {
        return Ok(page::ask(&web, &here, &asked, Some(problem)));
    }
    let (app, by) = (Arc::clone(&web.app), ctx.clone());
    match whole(async move { erase::record(&app, &by, id).await }).await {
        Ok(_) => Ok(see_other(&page::certificate_at(*id.as_bytes()))),
        Err(ServiceError::Invalid(_)) => Ok(page::ask(&web, &here, &asked, Some(Problem::Limit))),
        Err(error) => gone(&web, &ctx, *id.as_bytes(), error).await,
    }
}

/// `POST /staff/erasure/certificates`: leads to the certificate of an earlier erasure.
pub(in crate::http) async fn find_certificate(
    Caller(ctx): Caller,
    here: Here,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, SMALL).await?;
    erase::check(&ctx)?;
    match posted.text("handle").trim().to_ascii_lowercase().parse::<Handle>() {
        Ok(handle) => Ok(see_other(&page::certificate_at(*handle.as_bytes()))),
        Err(_) => {
            let problem = "A handle is 26 letters and digits, as certificates and submissions show it.";
            Ok(page::find(&here, StatusCode::UNPROCESSABLE_ENTITY, Some(("handle", problem))))
        }
    }
}

/// `GET /staff/erasure/certificates/{id}`
pub(in crate::http) async fn certificate(
    Visit { web, ctx, here, params }: Visit,
    uri: Uri,
) -> Result<Response, HttpError> {
    let handle: Handle = params.parse("id")?;
    Query::strict(&uri, &[])?;
    match erase::certificate(&web.app, &ctx, handle).await {
        Ok(certificate) => page::certificate(&here, handle, &certificate),
        Err(ServiceError::NotFound) => {
            erase::check(&ctx)?;
            let problem = "Nothing of this name was erased here. Whoever was erased whole has one certificate, by the name \
                           of the person.";
            Ok(page::find(&here, StatusCode::NOT_FOUND, Some(("handle", problem))))
        }
        Err(other) => Err(other.into()),
    }
}

/// `GET /staff/erasure/certificates/{id}/file`
pub(in crate::http) async fn certificate_file(
    Visit { web, ctx, params, .. }: Visit,
    uri: Uri,
) -> Result<Response, HttpError> {
    let handle: Handle = params.parse("id")?;
    Query::strict(&uri, &[])?;
    let certificate = erase::certificate(&web.app, &ctx, handle).await?;
    let text = serde_json::to_string_pretty(&certificate).map_err(|_| HttpError::internal())?;
    let mut response = (text + "\n").into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_DISPOSITION, attachment(&format!("erasure-{handle}.json")));
    Ok(response)
}

/// What speaks against erasing it now: it is not what was shown, or nobody said so.
fn objection(asked: &Asked<'_>, posted: &Posted) -> Option<Problem> {
    // Whoever knows the address could go on sending, and nobody would ever be erased.
    let with_more = posted.text("with-more") == "yes";
    if posted.text("seen") != asked.state() && !with_more {
        return Some(Problem::Changed);
    }
    let typed = posted.text("confirmation");
    let confirmed = if with_more { asked.is_confirmed_with_more_by(typed) } else { asked.is_confirmed_by(typed) };
    (!confirmed).then_some(Problem::Unconfirmed)
}

/// Whoever is not there any more was erased, perhaps by the same press of a button: then there is a certificate.
async fn gone(web: &Web, ctx: &Context, handle: [u8; 16], error: ServiceError) -> Result<Response, HttpError> {
    let (ServiceError::NotFound, Ok(())) = (&error, erase::check(ctx)) else { return Err(error.into()) };
    erase::certificate(&web.app, ctx, Handle::from_bytes(handle)).await?;
    Ok(see_other(&page::certificate_at(handle)))
}

/// Where somebody is asked for whom one alone may not erase.
pub(super) fn request_for(person: &PersonId) -> String {
    format!("/staff/requests?person={person}#ask-erasure")
}

/// Where the page is on which somebody is erased.
pub(super) fn page_of(person: &PersonId) -> String {
    format!("{PAGE}/people/{person}")
}
