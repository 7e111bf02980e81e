//! What surrounds the service's handlers, around handlers of somebody else: connections, TLS, limits, headers, log, and
//! the reading of requests. For the benchmark's plaintext twin; no part of the service calls it.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use serde::Deserialize;
use serde_json::Value;

use super::api::{download, submissions};
use super::body::Pace;
use super::config::{HttpConfig, Limits};
use super::error::HttpError;
use super::extract::json::{self, Members};
use super::extract::multipart::{self, Most, Sink};
use super::extract::query::Query;
use super::extract::{idempotency, media_type};
use super::layers::{self, Outer};
use super::rates::Rates;
use super::server::{self, ServeError};
use super::tls;
use crate::base::entropy::Entropy;
use crate::base::ids::RequestId;
use crate::domain::form::Form;
use crate::domain::language::Languages;
use crate::domain::submission::{Content, Fields, FileInfo, Summary};
use crate::services::ServiceError;

/// A request that is turned down, answered as the service would.
#[derive(Debug)]
pub struct Refusal(HttpError);

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// Serves `routes` with everything that stands before the service's own handlers.
///
/// # Errors
/// As [`super::serve`].
pub async fn serve(
    config: HttpConfig,
    entropy: Arc<dyn Entropy>,
    routes: Router,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let HttpConfig { listen, certificate, is_self_made, hsts, proxies, limits, on_listening } = config;
    let tls = tls::server_config(&certificate)?;
    let outer = Outer {
        new_id: Box::new(move || RequestId::make_random(&*entropy).ok()),
        hsts: hsts && !is_self_made,
        proxies: proxies.clone(),
        key_for: Box::new(|_, _| None),
        rates: Rates::new(&limits),
        pace: Pace::of(&limits),
        languages: Languages::shipped().clone(),
        operator: Arc::default(),
    };
    let router = routes.layer(from_fn_with_state(Arc::new(outer), layers::outer));
    server::run(listen, tls, router, &limits, proxies, on_listening, shutdown).await
}

/// What takes a submission in, piece by piece.
pub trait Intake: Send {
    /// A field as it stands in a JSON body.
    ///
    /// # Errors
    /// Whatever ends the request.
    fn json(&mut self, name: &str, value: Value) -> Result<(), ServiceError>;
    /// A field or a consent as a text.
    ///
    /// # Errors
    /// Whatever ends the request.
    fn text(&mut self, name: &str, value: String) -> Result<(), ServiceError>;
    /// A file begins.
    fn begin_file(
        &mut self,
        field: &str,
        file_name: Option<&str>,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;
    /// Its next piece.
    ///
    /// # Errors
    /// Whatever ends the request.
    fn chunk(&mut self, piece: &[u8]) -> Result<(), ServiceError>;
    /// It is complete.
    fn end_file(&mut self) -> impl Future<Output = Result<(), ServiceError>> + Send;
}

/// Reads a submission into `intake`; returns the idempotency key.
///
/// # Errors
/// What the service would turn down while reading.
pub async fn take(
    request: Request,
    form: &Form,
    limits: &Limits,
    intake: &mut impl Intake,
) -> Result<Option<String>, Refusal> {
    take_in(request, form, limits, intake).await.map_err(Refusal)
}

async fn take_in(
    request: Request,
    form: &Form,
    limits: &Limits,
    intake: &mut impl Intake,
) -> Result<Option<String>, HttpError> {
    Query::strict(request.uri(), &[])?;
    let key = idempotency::key(request.headers())?;
    let (parts, mut body) = request.into_parts();
    match media_type(&parts.headers).as_deref() {
        Some("application/json") => {
            let sent: Sent = json::read(&parts.headers, &mut body, limits.max_body_bytes).await?;
            for (name, value) in sent.fields.0 {
                intake.json(&name, value)?;
            }
        }
        Some("multipart/form-data") => {
            let (text, total) = (limits.max_body_bytes, limits.max_upload_bytes);
            let most = Most { parts: 128, header: 16 * 1024, text, total };
            multipart::read(&parts.headers, body, most, &mut Taking { form, intake }).await?;
        }
        _ => return Err(HttpError::unsupported("A submission is sent as application/json or multipart/form-data.")),
    }
    Ok(key)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    fields: Members,
}

struct Taking<'a, I> {
    form: &'a Form,
    intake: &'a mut I,
}

impl<I: Intake> Sink for Taking<'_, I> {
    fn is_file(&self, name: &str) -> bool {
        self.form.file(name).is_some()
    }

    async fn text(&mut self, name: &str, value: String) -> Result<(), HttpError> {
        Ok(self.intake.text(name, value)?)
    }

    async fn begin_file(&mut self, name: &str, file_name: Option<&str>) -> Result<(), HttpError> {
        Ok(self.intake.begin_file(name, file_name).await?)
    }

    async fn chunk(&mut self, piece: &[u8]) -> Result<(), HttpError> {
        Ok(self.intake.chunk(piece)?)
    }

    async fn end_file(&mut self) -> Result<(), HttpError> {
        Ok(self.intake.end_file().await?)
    }
}

/// The purpose in a query string that may hold nothing else.
///
/// # Errors
/// Another parameter, or a purpose twice.
pub fn purpose(uri: &Uri) -> Result<Option<String>, Refusal> {
    let query = Query::strict(uri, &["purpose"]).map_err(Refusal)?;
    Ok(query.text("purpose").map(str::to_owned))
}

/// The token of an `Authorization: Bearer` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    layers::token(headers)
}

/// A submission as `GET /api/v1/submissions/{id}` shows it.
pub fn document(summary: &Summary, content: &Content) -> Value {
    submissions::document(summary, content, &[])
}

/// A submission as `GET /api/v1/submissions` shows it, with these of its fields.
pub fn line(summary: &Summary, fields: &Fields) -> Value {
    let mut line = submissions::bare(summary);
    line["fields"] = submissions::fields(fields);
    line
}

/// A file as an attachment.
pub fn attachment<E>(info: &FileInfo, pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Response
where
    E: std::error::Error + Send + Sync + 'static,
{
    download::attach(info, Body::from_stream(pieces))
}
