//! Every answer that is not a success, as data: the one place where a [`ServiceError`] becomes a status.
//!
//! A handler returns [`HttpError`]; the outermost layer adds the request's id and writes it as
//! `application/problem+json` (RFC 9457) or, for the pages, as a page. Nothing in here comes from another library,
//! from a path, or from what the client sent, except the names of its own fields.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::body::BodyFault;
use super::rates::Wait;
use crate::domain::form::FormId;
use crate::services::{Problem, ServiceError};

/// Longest name that an error repeats, in bytes.
const LONGEST_NAME: usize = 128;

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub(super) struct HttpError {
    /// The status.
    pub(super) status: StatusCode,
    /// Stable name: the last part of the problem's `type`.
    pub(super) slug: &'static str,
    /// What kind of thing went wrong, always the same for a `slug`.
    pub(super) title: &'static str,
    /// A sentence for people.
    pub(super) detail: Cow<'static, str>,
    /// Mistakes by field.
    pub(super) problems: Vec<Problem>,
    /// For `Retry-After`.
    pub(super) retry_after: Option<Duration>,
}

impl HttpError {
    const fn new(status: StatusCode, slug: &'static str, title: &'static str, detail: &'static str) -> Self {
        Self { status, slug, title, detail: Cow::Borrowed(detail), problems: Vec::new(), retry_after: None }
    }

    /// 404, the same for what does not exist, has been erased, and may not be known.
    pub(super) const fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "Not found",
            "There is nothing here, or nothing that you may see.",
        )
    }

    /// 405.
    pub(super) const fn method_not_allowed() -> Self {
        let detail = "This address does not take that method. The Allow header lists those it takes.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
    }

    /// 401.
    pub(super) const fn unauthenticated() -> Self {
        let detail = "Send a valid token in the Authorization header, as in: Authorization: Bearer llt_...";
        Self::new(StatusCode::UNAUTHORIZED, "not-signed-in", "Not signed in", detail)
    }

    /// 401: what came in place of a server's key is none that is good.
    pub(super) fn no_such_key() -> Self {
        let detail = "Send a valid key of a server in the Authorization header, as in: Authorization: Bearer llk_..., or no such \
                      header at all.";
        Self { detail: Cow::Borrowed(detail), ..Self::unauthenticated() }
    }

    /// 403: the server's key is for other forms.
    pub(super) fn key_of_other_forms() -> Self {
        let detail = "This key is for other forms.";
        Self { detail: Cow::Borrowed(detail), ..ServiceError::Forbidden.into() }
    }

    /// 400: the request cannot be read at all.
    pub(super) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        let mut e = Self::new(StatusCode::BAD_REQUEST, "malformed", "Malformed request", "");
        e.detail = detail.into();
        e
    }

    /// 415.
    pub(super) fn unsupported(detail: &'static str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type", detail)
    }

    /// 422 with its mistakes. A name too long for any field of ours is not repeated.
    pub(super) fn invalid(mut problems: Vec<Problem>) -> Self {
        for problem in &mut problems {
            problem.field = problem.field.take().filter(|name| name.len() <= LONGEST_NAME);
        }
        let detail = "Something in the request has to be corrected; each problem names its field.";
        let mut e = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid content", detail);
        e.problems = problems;
        e
    }

    /// 422 for one field.
    pub(super) fn invalid_field(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::invalid(vec![Problem { field: Some(field.to_owned()), code, message: message.into() }])
    }

    /// 413.
    pub(super) fn too_large(field: Option<String>, limit: u64) -> Self {
        let mut e = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", "");
        e.detail = format!("This is larger than the {} that are accepted.", size(limit)).into();
        if field.is_some() {
            e.problems =
                vec![Problem { field, code: "too-large", message: format!("At most {} are accepted.", size(limit)) }];
        }
        e
    }

    /// 429.
    pub(super) fn too_many(wait: Wait) -> Self {
        let mut e = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests", "");
        e.detail = format!(
            "So much has come within a short time that this was not taken. Please try again {}.",
            later(wait.0)
        )
        .into();
        e.retry_after = Some(wait.0);
        e
    }

    /// 429: one address has sent as many files as it may for now.
    pub(super) fn too_much(wait: Wait) -> Self {
        let mut e = Self::too_many(wait);
        e.detail = format!(
            "So many files have come from your address that no more are taken for now. Nothing was stored. Please send this \
             again {}.",
            later(wait.0)
        )
        .into();
        e
    }

    /// 429: a page was sent sooner than a person could have filled it in.
    pub(super) fn too_soon(least: Duration) -> Self {
        let detail =
            "This came within a moment, as programs send it. Nothing was stored. Please press the button again.";
        let mut e = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-soon", "Please send it again", detail);
        e.retry_after = Some(least);
        e
    }

    /// 422: a field was filled in that people do not see.
    pub(super) fn trapped() -> Self {
        let message = "A field that is not meant for people was filled in, as programs do. Nothing was stored. Please leave \
                       the last field empty and press the button again.";
        Self::invalid(vec![Problem::overall("hidden-field", message)])
    }

    /// 422: the form asks for proof of work, or, of a page, for a wait.
    pub(super) fn proof_needed(form: &FormId, by_page: bool) -> Self {
        let detail = "This form is guarded against programs. Nothing was stored yet. Please wait ten seconds, then press the \
                      button again.";
        let mut e = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "proof-needed", "One more step", detail);
        if by_page {
            e.retry_after = Some(super::gate::WAIT);
        } else {
            e.detail = format!(
                "This form asks for proof of work. Solve the challenge of /api/v1/forms/{form}/challenge and send the \
                 solution as altcha, before any file. A solution counts once."
            )
            .into();
        }
        e
    }

    /// 503: submissions are put off for a while.
    pub(super) fn busy() -> Self {
        let detail = "So much is coming in just now that this has to wait. Nothing was stored. Please send it again in half \
                      a minute.";
        let mut e = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Please try again shortly", detail);
        e.retry_after = Some(Duration::from_secs(30));
        e
    }

    /// 500. Says nothing; the details are in the log.
    pub(super) const fn internal() -> Self {
        let detail = "Something went wrong on our side. The request's id helps to find it in the log.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    /// The problem document of RFC 9457, with the request's id.
    pub(super) fn document(&self, request: &str) -> Value {
        let problems: Vec<Value> =
            self.problems.iter().map(|p| json!({ "field": p.field, "code": p.code, "message": p.message })).collect();
        json!({
            "type": format!("urn:letterlock:problem:{}", self.slug),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "request": request,
            "problems": problems,
        })
    }

    /// The headers that belong to the status.
    pub(super) fn add_headers(&self, headers: &mut HeaderMap) {
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            // Rounded up: a client that comes back on the second must not be early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.status == StatusCode::REQUEST_TIMEOUT {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

impl IntoResponse for HttpError {
    /// Status and headers, with the error inside for the outermost layer to write out.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        self.add_headers(response.headers_mut());
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ServiceError> for HttpError {
    fn from(e: ServiceError) -> Self {
        match e {
            ServiceError::NotFound => Self::not_found(),
            ServiceError::Forbidden => Self::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                "Not allowed",
                "You may see this, but your role does not allow what you asked for.",
            ),
            ServiceError::Unauthenticated => Self::unauthenticated(),
            ServiceError::Invalid(problems) => Self::invalid(problems),
            ServiceError::PurposeNeeded { allowed } => {
                let message = if allowed.is_empty() {
                    "Say what you read this for, with ?purpose=".to_owned()
                } else {
                    format!("Say what you read this for, with ?purpose= and one of: {}.", allowed.join(", "))
                };
                Self::invalid_field("purpose", "purpose-needed", message)
            }
            ServiceError::TooLarge { field, limit } => Self::too_large(field, limit),
            ServiceError::StillRunning => {
                let detail = "An earlier request with this Idempotency-Key is still being worked on.";
                let mut e = Self::new(StatusCode::CONFLICT, "still-running", "Still running", detail);
                e.retry_after = Some(Duration::from_secs(1));
                e
            }
            ServiceError::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "Idempotency key reused",
                "This Idempotency-Key was used with different content. Use a fresh one.",
            ),
            ServiceError::NotYetOpen => Self::new(
                StatusCode::FORBIDDEN,
                "not-open",
                "Not available here",
                "This is not available here, or not yet. Nothing was stored.",
            ),
            ServiceError::Withheld { infected: true } => Self::new(
                StatusCode::CONFLICT,
                "infected",
                "Withheld",
                "The virus scanner found something in this file, so nobody can open it.",
            ),
            ServiceError::Withheld { infected: false } => Self::new(
                StatusCode::CONFLICT,
                "not-scanned",
                "Not scanned yet",
                "This file has still to be scanned for viruses. It can be opened once that is done.",
            ),
            ServiceError::MailNotTaken => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "mail-not-taken",
                "The mail could not be sent",
                "The mail could not be sent just now, and nothing was stored. Please try again later.",
            ),
            ServiceError::StorageFull => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "storage-full",
                "Storage full",
                "The storage is full. Nothing was stored.",
            ),
            ServiceError::Unavailable => {
                let detail = "The service cannot take this now. Nothing was changed. Try again later.";
                let mut e = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable", detail);
                e.retry_after = Some(Duration::from_secs(10));
                e
            }
            ServiceError::Damaged => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "damaged",
                "Damaged",
                "What is stored here was changed and does not open, so nothing was given out. Ask whoever runs this \
                 service to run letterlock verify and to restore it from a backup.",
            ),
            ServiceError::Internal => Self::internal(),
        }
    }
}

impl From<BodyFault> for HttpError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooSlow => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                "Too slow",
                "The request's body came too slowly. Nothing was stored.",
            ),
            BodyFault::TooLarge(limit) => Self::too_large(None, limit),
            BodyFault::Broken => Self::malformed("The request's body broke off. Nothing was stored."),
        }
    }
}

impl From<Wait> for HttpError {
    fn from(wait: Wait) -> Self {
        Self::too_many(wait)
    }
}

/// When to come back, as people say it. Rounded up, as `Retry-After` is.
fn later(wait: Duration) -> String {
    match wait.as_secs() + u64::from(wait.subsec_nanos() > 0) {
        0 | 1 => "in a moment".to_owned(),
        seconds @ ..120 => format!("in {seconds} seconds"),
        seconds => format!("in {} minutes", seconds.div_ceil(60)),
    }
}

/// Bytes as people say them.
pub(super) fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    match bytes {
        b if b >= MIB && b % MIB == 0 => format!("{} MiB", b / MIB),
        b if b >= MIB => format!("{}.{} MiB", b / MIB, b % MIB * 10 / MIB),
        b if b >= KIB && b % KIB == 0 => format!("{} KiB", b / KIB),
        b => format!("{b} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(ServiceError, u16)> {
        vec![
            (ServiceError::NotFound, 404),
            (ServiceError::Forbidden, 403),
            (ServiceError::Unauthenticated, 401),
            (ServiceError::Invalid(vec![]), 422),
            (ServiceError::PurposeNeeded { allowed: vec!["recruitment".into()] }, 422),
            (ServiceError::TooLarge { field: Some("cv".into()), limit: 1 }, 413),
            (ServiceError::StillRunning, 409),
            (ServiceError::KeyReused, 422),
            (ServiceError::NotYetOpen, 403),
            (ServiceError::Withheld { infected: true }, 409),
            (ServiceError::Withheld { infected: false }, 409),
            (ServiceError::MailNotTaken, 503),
            (ServiceError::StorageFull, 507),
            (ServiceError::Unavailable, 503),
            (ServiceError::Damaged, 500),
            (ServiceError::Internal, 500),
        ]
    }

    #[test]
    fn each_service_error_has_its_status_and_document() {
        let mut slugs = std::collections::BTreeMap::new();
        for (error, status) in all() {
            let e = HttpError::from(error);
            assert_eq!(e.status.as_u16(), status);
            let document = e.document("r");
            let members: Vec<_> = document.as_object().unwrap().keys().cloned().collect();
            assert_eq!(members, ["type", "title", "status", "detail", "request", "problems"]);
            assert_eq!(document["status"], status);
            assert!(e.detail.ends_with('.') || e.slug == "not-signed-in", "{}", e.detail);
            // One title for a type, for good.
            assert_eq!(*slugs.entry(e.slug).or_insert(e.title), e.title);
        }
    }

    #[test]
    fn headers_that_belong_to_a_status() {
        let r = HttpError::from(ServiceError::Unauthenticated).into_response();
        assert_eq!(r.headers()[header::WWW_AUTHENTICATE], "Bearer");
        let r = HttpError::too_many(Wait(Duration::from_millis(1200))).into_response();
        assert_eq!(r.headers()[header::RETRY_AFTER], "2");
        let r = HttpError::from(BodyFault::TooSlow).into_response();
        assert_eq!((r.status().as_u16(), &r.headers()[header::CONNECTION]), (408, &HeaderValue::from_static("close")));
    }

    #[test]
    fn the_purposes_are_named() {
        let e = HttpError::from(ServiceError::PurposeNeeded { allowed: vec!["recruitment".into()] });
        assert_eq!(e.problems[0].field.as_deref(), Some("purpose"));
        assert!(e.problems[0].message.contains("recruitment"));
    }

    #[test]
    fn a_long_name_is_not_repeated() {
        for length in [128, 129] {
            let e = HttpError::invalid_field(&"n".repeat(length), "repeated", "Twice.");
            assert_eq!(e.problems[0].field.is_some(), length == 128);
        }
    }

    #[test]
    fn times_read_well() {
        let after = |millis| later(Duration::from_millis(millis));
        assert_eq!([after(0), after(1000)], ["in a moment", "in a moment"]);
        assert_eq!([after(1001), after(119_000)], ["in 2 seconds", "in 119 seconds"]);
        assert_eq!([after(119_001), after(121_000)], ["in 2 minutes", "in 3 minutes"]);
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(size(25 * 1024 * 1024), "25 MiB");
        assert_eq!(size(256 * 1024), "256 KiB");
        assert_eq!(size(1536 * 1024), "1.5 MiB");
        assert_eq!(size(100), "100 bytes");
    }
}
