//! Which answers a script of another site may read: those of the public routes of a form, for the origins that the form
//! names, and no others.
//!
//! An origin is taken byte for byte and given back as it came; there is no star, and no word about credentials, since
//! these routes know none. Whatever is not named here stays as unreadable to other sites as a browser makes it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::Web;
use crate::domain::form::FormId;

/// What a script may send beside the plainest headers.
const HEADERS: HeaderValue = HeaderValue::from_static("content-type, idempotency-key");
/// What a script may read beside the plainest headers.
const READABLE: HeaderValue = HeaderValue::from_static("retry-after, x-request-id");
/// For so many seconds a browser need not ask again.
const LIFE: HeaderValue = HeaderValue::from_static("600");

/// The methods that scripts of other sites may use on a route; `None` for a route that is none of theirs.
fn methods(path: &str) -> Option<&'static str> {
    match path {
        "/api/v1/forms/{form}" | "/api/v1/forms/{form}/challenge" => Some("GET"),
        "/api/v1/forms/{form}/submissions" => Some("POST"),
        _ => None,
    }
}

/// Put on a request from an origin that its form names: the methods that it may use.
#[derive(Clone, Copy)]
struct Allowed(&'static str);

/// The outermost layer: whatever is answered, a refusal too, is readable for the form's own origins.
pub(super) async fn allow(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let Some(methods) = path.and_then(|path| methods(path.as_str())) else { return next.run(request).await };
    let origin = named(&web, request.uri().path(), request.headers());
    if origin.is_some() {
        request.extensions_mut().insert(Allowed(methods));
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, READABLE);
    }
    response
}

/// Answers a browser that asks beforehand. Within the other layers, so that this is counted and logged as any request.
pub(super) async fn preflight(request: Request, next: Next) -> Response {
    let asks =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let Some(Allowed(methods)) = request.extensions().get().copied().filter(|_| asks) else {
        return next.run(request).await;
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, LIFE);
    response
}

/// The origin that a request names, if its form names it too.
fn named(web: &Web, path: &str, headers: &HeaderMap) -> Option<HeaderValue> {
    let mut all = headers.get_all(header::ORIGIN).iter();
    let (origin, more) = (all.next()?, all.next());
    let id: FormId = path.strip_prefix("/api/v1/forms/")?.split('/').next()?.parse().ok()?;
    let forms = web.app.forms();
    forms.get(&id)?.site.origin(origin.as_bytes()).filter(|_| more.is_none())?;
    Some(origin.clone())
}
