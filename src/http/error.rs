//! Every answer that is not a success, as data: the one place where a [`ServiceError`] becomes a status.
//!
//! A handler returns [`HttpError`]; the outermost layer adds the request's id and writes it as
//! `application/problem+json` (RFC 9457) or, for the pages, as a page. Nothing in here comes from another library,
//! from a path, or from what the client sent, except the names of its own fields.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::body::BodyFault;
use super::rates::Wait;
use super::speech::Speech;
use crate::domain::form::FormId;
use crate::domain::language::Said;
use crate::domain::scan::Scan;
use crate::services::{Problem, ServiceError};

/// Longest name that an error repeats, in bytes.
const LONGEST_NAME: usize = 128;

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub(super) struct HttpError {
    /// The status.
    pub(super) status: StatusCode,
    /// Stable name: the last part of the problem's `type`, and of the keys of its messages.
    pub(super) slug: &'static str,
    /// A sentence for people.
    pub(super) detail: Said,
    /// Mistakes by field.
    pub(super) problems: Vec<Problem>,
    /// For `Retry-After`.
    pub(super) retry_after: Option<Duration>,
}

impl HttpError {
    /// The error of this name, with what `error.SLUG.detail` says.
    fn new(status: StatusCode, slug: &'static str) -> Self {
        let detail = Said::of(format!("error.{slug}.detail"));
        Self { status, slug, detail, problems: Vec::new(), retry_after: None }
    }

    fn detailed(self, detail: impl Into<Said>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    fn after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// Whether somebody is asked why they read so much.
    pub(super) fn asks_for_a_reason(&self) -> bool {
        self.slug == "reason-needed"
    }

    /// What kind of thing went wrong, always the same for a `slug`.
    pub(super) fn title(&self) -> Said {
        Said::of(format!("error.{}.title", self.slug))
    }

    /// 404, the same for what does not exist, has been erased, and may not be known.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found")
    }

    /// 405.
    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed")
    }

    /// 401.
    pub(super) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not-signed-in")
    }

    /// 403: a post that another site had the browser send.
    pub(super) fn from_elsewhere() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden").detailed(Said::new("error.forbidden.elsewhere"))
    }

    /// 401: what came in place of a server's key is none that is good.
    pub(super) fn no_such_key() -> Self {
        let detail = "Send a valid key of a server in the Authorization header, as in: Authorization: Bearer llk_..., or no such \
                      header at all.";
        Self::unauthenticated().detailed(detail)
    }

    /// 403: the server's key is for other forms.
    pub(super) fn key_of_other_forms() -> Self {
        let detail = "This key is for other forms.";
        Self::from(ServiceError::Forbidden).detailed(detail)
    }

    /// 400: the request cannot be read at all.
    pub(super) fn malformed(detail: impl Into<Said>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed").detailed(detail)
    }

    /// 415.
    pub(super) fn unsupported(detail: &'static str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type").detailed(detail)
    }

    /// 422 with its mistakes. A name too long for any field of ours is not repeated.
    pub(super) fn invalid(mut problems: Vec<Problem>) -> Self {
        for problem in &mut problems {
            problem.field = problem.field.take().filter(|name| name.len() <= LONGEST_NAME);
        }
        Self { problems, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid") }
    }

    /// 422 for one field.
    pub(super) fn invalid_field(field: &str, code: &'static str, message: impl Into<Said>) -> Self {
        Self::invalid(vec![Problem::in_field(field, code, message)])
    }

    /// 413.
    pub(super) fn too_large(field: Option<String>, limit: u64) -> Self {
        let message = Said::new("problem.at-most-accepted").with("size", Said::size(limit));
        let problems = field.map(|field| Problem::in_field(&field, "too-large", message)).into_iter().collect();
        let detail = Said::new("error.too-large.detail").with("size", Said::size(limit));
        Self { problems, ..Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large").detailed(detail) }
    }

    /// 429.
    pub(super) fn too_many(wait: Wait) -> Self {
        Self::wait("error.too-many-requests.detail", wait)
    }

    /// 429: one address has sent as many files as it may for now.
    pub(super) fn too_much(wait: Wait) -> Self {
        Self::wait("error.too-many-requests.files", wait)
    }

    fn wait(detail: &'static str, Wait(wait): Wait) -> Self {
        let detail = Said::new(detail).with("later", later(wait));
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests").detailed(detail).after(wait)
    }

    /// 429: a page was sent sooner than a person could have filled it in.
    pub(super) fn too_soon(least: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-soon").after(least)
    }

    /// 422: a field was filled in that people do not see.
    pub(super) fn trapped() -> Self {
        Self::invalid(vec![Problem::overall("hidden-field", Said::new("problem.hidden-field"))])
    }

    /// 422: the form asks for proof of work, or, of a page, for a wait.
    pub(super) fn proof_needed(form: &FormId, by_page: bool) -> Self {
        let error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "proof-needed");
        if by_page {
            return error.after(super::gate::WAIT);
        }
        error.detailed(format!(
            "This form asks for proof of work. Solve the challenge of /api/v1/forms/{form}/challenge and send the \
             solution as altcha, before any file. A solution counts once."
        ))
    }

    /// 503: submissions are put off for a while.
    pub(super) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy").after(Duration::from_secs(30))
    }

    /// 500. Says nothing; the details are in the log.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
    }

    /// The problem document of RFC 9457, with the request's id, in the words of `speech`.
    pub(super) fn document(&self, request: &str, speech: &Speech) -> Value {
        let problem = |p: &Problem| json!({ "field": p.field, "code": p.code, "message": speech.sentence(&p.message) });
        json!({
            "type": format!("urn:letterlock:problem:{}", self.slug),
            "title": speech.tell(&self.title()),
            "status": self.status.as_u16(),
            "detail": self.with_help(speech.sentence(&self.detail), speech),
            "request": request,
            "problems": self.problems.iter().map(problem).collect::<Vec<_>>(),
        })
    }

    /// What is said, and whom to ask, where trying again is no help.
    pub(super) fn with_help(&self, detail: String, speech: &Speech) -> String {
        match self.slug {
            "damaged" | "internal" => format!("{detail} {}", speech.whom_to_ask()),
            _ => detail,
        }
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
            ServiceError::Forbidden => Self::new(StatusCode::FORBIDDEN, "forbidden"),
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
            ServiceError::ReasonNeeded => Self::new(StatusCode::FORBIDDEN, "reason-needed"),
            ServiceError::TooLarge { field, limit } => Self::too_large(field, limit),
            ServiceError::StillRunning => {
                Self::new(StatusCode::CONFLICT, "still-running").after(Duration::from_secs(1))
            }
            ServiceError::KeyReused => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused"),
            ServiceError::NotYetOpen => Self::new(StatusCode::FORBIDDEN, "not-open"),
            ServiceError::Withheld { scan: Scan::Infected } => Self::new(StatusCode::CONFLICT, "infected"),
            ServiceError::Withheld { scan: Scan::Unscannable } => Self::new(StatusCode::CONFLICT, "unscannable"),
            ServiceError::Withheld { .. } => Self::new(StatusCode::CONFLICT, "not-scanned"),
            ServiceError::Later(wait) => Self::too_many(Wait(wait)),
            ServiceError::MailNotTaken => Self::new(StatusCode::SERVICE_UNAVAILABLE, "mail-not-taken"),
            ServiceError::LinkSpent => Self::new(StatusCode::GONE, "link-spent"),
            ServiceError::FileMissing => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "file-missing").after(Duration::from_secs(600))
            }
            ServiceError::StorageFull => Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage-full"),
            ServiceError::Unavailable => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable").after(Duration::from_secs(10))
            }
            ServiceError::Damaged => Self::new(StatusCode::SERVICE_UNAVAILABLE, "damaged"),
            ServiceError::Internal => Self::internal(),
        }
    }
}

impl From<BodyFault> for HttpError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooSlow => Self::new(StatusCode::REQUEST_TIMEOUT, "too-slow"),
            BodyFault::TooLarge(limit) => Self::too_large(None, limit),
            BodyFault::Broken => Self::malformed(Said::new("error.malformed.broken-off")),
        }
    }
}

impl From<Wait> for HttpError {
    fn from(wait: Wait) -> Self {
        Self::too_many(wait)
    }
}

/// When to come back, as people say it. Rounded up, as `Retry-After` is.
fn later(wait: Duration) -> Said {
    match wait.as_secs() + u64::from(wait.subsec_nanos() > 0) {
        0 | 1 => Said::new("later.moment"),
        seconds @ ..120 => Said::new("later.seconds").with("n", seconds),
        seconds => Said::new("later.minutes").with("n", seconds.div_ceil(60)),
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
            (ServiceError::Withheld { scan: Scan::Infected }, 409),
            (ServiceError::Withheld { scan: Scan::Unscannable }, 409),
            (ServiceError::Withheld { scan: Scan::Held }, 409),
            (ServiceError::Later(Duration::from_secs(3)), 429),
            (ServiceError::MailNotTaken, 503),
            (ServiceError::LinkSpent, 410),
            (ServiceError::FileMissing, 503),
            (ServiceError::StorageFull, 507),
            (ServiceError::Unavailable, 503),
            (ServiceError::Damaged, 503),
            (ServiceError::Internal, 500),
        ]
    }

    #[test]
    fn each_service_error_has_its_status_and_document() {
        let mut slugs = std::collections::BTreeMap::new();
        for (error, status) in all() {
            let e = HttpError::from(error);
            assert_eq!(e.status.as_u16(), status);
            let document = e.document("r", &Speech::default());
            let members: Vec<_> = document.as_object().unwrap().keys().cloned().collect();
            assert_eq!(members, ["type", "title", "status", "detail", "request", "problems"]);
            assert_eq!(document["status"], status);
            let detail = e.detail.to_string();
            assert!(detail.ends_with('.') && !detail.starts_with("error.") || e.slug == "not-signed-in", "{detail}");
            // One title for a type, for good.
            let title = e.title().to_string();
            assert!(!title.starts_with("error."), "{title}");
            assert_eq!(*slugs.entry(e.slug).or_insert(title.clone()), title);
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
        assert!(e.problems[0].message.to_string().contains("recruitment"));
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
        let after = |millis| later(Duration::from_millis(millis)).to_string();
        assert_eq!([after(0), after(1000)], ["in a moment", "in a moment"]);
        assert_eq!([after(1001), after(119_000)], ["in 2 seconds", "in 119 seconds"]);
        assert_eq!([after(119_001), after(121_000)], ["in 2 minutes", "in 3 minutes"]);
    }

    #[test]
    fn sizes_read_well() {
        let size = |bytes| Said::size(bytes).to_string();
        assert_eq!(size(25 * 1024 * 1024), "25 MiB");
        let size = |bytes| Said::size(bytes).to_string();
        assert_eq!(size(256 * 1024), "256 KiB");
        assert_eq!(size(1536 * 1024), "1.5 MiB");
        assert_eq!(size(100), "100 bytes");
    }
}
