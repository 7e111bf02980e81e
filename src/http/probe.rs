//! The parsers of this layer as plain functions over bytes, for fuzzing. No part of the service calls them.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;

use super::api::approvals;
use super::client::Client;
use super::error::HttpError;
use super::extract::json;
use super::extract::multipart::{self, Most, Sink};
use super::extract::urlencoded;
use super::layers;
use super::public::filling::Submission;
use crate::base::config::Proxies;
use crate::domain::form::Form;
use crate::domain::submission::Valid;
use crate::services::{Problem, ServiceError};

/// A part of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The name.
    pub name: String,
    /// The file name, as sent; `None` for a text.
    pub file_name: Option<String>,
    /// The content.
    pub content: Vec<u8>,
}

/// The parts of a multipart body with the boundary `B`, arriving in pieces of `piece` bytes (at least 1); or the
/// status of the refusal. Limits: 8 parts, 4 KiB before a part, 16 KiB of text, 64 KiB in all.
pub fn multipart(body: &[u8], piece: usize) -> Result<Vec<Part>, u16> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=B"));
    let pieces: Vec<_> = body.chunks(piece.max(1)).map(|p| Ok::<_, Infallible>(Bytes::copy_from_slice(p))).collect();
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let most = Most { parts: 8, header: 4096, text: 16 * 1024, total: 64 * 1024 };
    let mut parts = Parts(Vec::new());
    // A runtime without threads, clock or network; nothing is awaited but the pieces above.
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|_| 500_u16)?;
    match runtime.block_on(multipart::read(&headers, body, most, &mut parts)) {
        Ok(()) => Ok(parts.0),
        Err(e) => Err(e.status.as_u16()),
    }
}

/// What a client is told when it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// The sentence for people.
    pub detail: String,
    /// The mistakes by field.
    pub problems: Vec<Problem>,
}

impl From<HttpError> for Refusal {
    fn from(e: HttpError) -> Self {
        Self { status: e.status.as_u16(), detail: e.detail.to_string(), problems: e.problems }
    }
}

/// The JSON body of a submission to `form`, read and checked as the service does before it stores one.
pub fn submission(body: &[u8], form: &Form) -> Result<Valid, Refusal> {
    let submission: Submission = json::parse(body)?;
    let draft = submission.into_draft().map_err(|e| HttpError::from(ServiceError::from(e)))?;
    Ok(draft.validate(form).map_err(HttpError::invalid)?)
}

/// The JSON body by which something is asked for that needs two people, read as the service does: what was understood.
pub fn approval(body: &[u8]) -> Result<String, Refusal> {
    let (wanted, reason) = approvals::parse(body)?;
    Ok(format!("{wanted:?} because {}", reason.expose().len()))
}

/// The token in the `Authorization` headers with these values; `None` when the service would see none.
pub fn bearer(values: &[&[u8]]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(value).ok()?);
    }
    layers::token(&headers).map(str::to_owned)
}

/// Whom a request from `socket` with these headers is counted for. A value that no header can hold is left out.
pub fn client(socket: IpAddr, lines: &[(&'static str, Vec<u8>)], proxies: &Proxies) -> IpAddr {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(*name, value);
        }
    }
    Client::of(socket, &headers, proxies).0
}

/// The pairs of a urlencoded body; `None` when it is refused.
pub fn urlencoded(body: &[u8]) -> Option<Vec<(String, String)>> {
    urlencoded::parse(body, 64).ok()
}

struct Parts(Vec<Part>);

impl Sink for Parts {
    fn is_file(&self, _name: &str) -> bool {
        false
    }

    async fn text(&mut self, name: &str, value: String) -> Result<(), HttpError> {
        self.0.push(Part { name: name.to_owned(), file_name: None, content: value.into_bytes() });
        Ok(())
    }

    async fn begin_file(&mut self, name: &str, file_name: Option<&str>) -> Result<(), HttpError> {
        self.0.push(Part { name: name.to_owned(), file_name: file_name.map(str::to_owned), content: Vec::new() });
        Ok(())
    }

    async fn chunk(&mut self, piece: &[u8]) -> Result<(), HttpError> {
        if let Some(part) = self.0.last_mut() {
            part.content.extend_from_slice(piece);
        }
        Ok(())
    }

    async fn end_file(&mut self) -> Result<(), HttpError> {
        Ok(())
    }
}
