//! `multipart/form-data`, piece by piece: bounded in parts, headers, text and total, and never collected whole.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use futures_util::Stream;
use http_body_util::BodyExt;
use hyper::body::Body as _;

use crate::domain::language::Said;
use crate::http::body::{BodyFault, drain};
use crate::http::error::HttpError;

/// Takes the parts as they come.
pub(in crate::http) trait Sink: Send {
    /// Whether `name` is a file field, so that a part without a file name is taken as a file all the same.
    fn is_file(&self, name: &str) -> bool;
    /// A part that is text.
    fn text(&mut self, name: &str, value: String) -> impl Future<Output = Result<(), HttpError>> + Send;
    /// A part that is a file begins; `file_name` as the client sent it.
    fn begin_file(&mut self, name: &str, file_name: Option<&str>)
    -> impl Future<Output = Result<(), HttpError>> + Send;
    /// The next piece of the file.
    fn chunk(&mut self, piece: &[u8]) -> impl Future<Output = Result<(), HttpError>> + Send;
    /// The file is complete.
    fn end_file(&mut self) -> impl Future<Output = Result<(), HttpError>> + Send;
}

/// How much of each there may be.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Most {
    /// Parts.
    pub(in crate::http) parts: usize,
    /// Bytes of what stands before a part's content: boundary and headers.
    pub(in crate::http) header: u64,
    /// Bytes of one text part.
    pub(in crate::http) text: u64,
    /// Bytes in all.
    pub(in crate::http) total: u64,
}

const BROKEN: &str = "The multipart body is broken: a boundary, a part's header or the end is missing or wrong.";

/// Hands every part of `body` to `sink`. After a mistake the rest is read and forgotten, so that the answer arrives.
pub(in crate::http) async fn read(
    headers: &HeaderMap,
    body: Body,
    most: Most,
    sink: &mut impl Sink,
) -> Result<(), HttpError> {
    let source = Arc::new(Mutex::new(Source::new(body, most)));
    let outcome = parts(headers, &source, most, sink).await;
    let (mut rest, fault) = {
        let mut s = lock(&source);
        (std::mem::take(&mut s.body), s.fault)
    };
    let Err(error) = outcome else { return Ok(()) };
    // What the body itself did wrong is the truer cause than what the parser made of it.
    match fault {
        Some(fault @ (BodyFault::TooSlow | BodyFault::Broken)) => Err(fault.into()),
        Some(fault @ BodyFault::TooLarge(_)) => {
            drain(&mut rest, most.total).await;
            Err(fault.into())
        }
        None => {
            drain(&mut rest, most.total.saturating_mul(2)).await;
            Err(error)
        }
    }
}

async fn parts(
    headers: &HeaderMap,
    source: &Arc<Mutex<Source>>,
    most: Most,
    sink: &mut impl Sink,
) -> Result<(), HttpError> {
    let broken = || HttpError::malformed(BROKEN);
    if lock(source).body.size_hint().lower() > most.total {
        return Err(HttpError::too_large(None, most.total));
    }
    let mut request = Request::new(Body::from_stream(Pieces(source.clone())));
    if let Some(value) = headers.get(header::CONTENT_TYPE) {
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::clone(value));
    }
    // Our own limit counts; axum's would cut at 2 MB.
    axum::extract::DefaultBodyLimit::disable().apply(&mut request);
    let mut multipart = Multipart::from_request(request, &())
        .await
        .map_err(|_| HttpError::malformed("The Content-Type names no boundary for the multipart body."))?;
    let mut count = 0;
    loop {
        lock(source).between_parts(most.header);
        let Some(mut part) = multipart.next_field().await.map_err(|_| broken())? else { return Ok(()) };
        lock(source).within_part();
        count += 1;
        if count > most.parts {
            return Err(HttpError::malformed(format!("The body has more than {} parts.", most.parts)));
        }
        let Some(name) = part.name().map(str::to_owned).filter(|n| !n.is_empty() && n.len() <= 128) else {
            return Err(HttpError::malformed("A part of the body has no name, or one of more than 128 bytes."));
        };
        let file_name = part.file_name().map(str::to_owned);
        if file_name.is_some() || sink.is_file(&name) {
            sink.begin_file(&name, file_name.as_deref()).await?;
            while let Some(piece) = part.chunk().await.map_err(|_| broken())? {
                sink.chunk(&piece).await?;
            }
            sink.end_file().await?;
        } else {
            let mut text = Vec::new();
            while let Some(piece) = part.chunk().await.map_err(|_| broken())? {
                if (text.len() + piece.len()) as u64 > most.text {
                    return Err(HttpError::too_large(Some(name), most.text));
                }
                text.extend_from_slice(&piece);
            }
            let text = String::from_utf8(text)
                .map_err(|_| HttpError::invalid_field(&name, "bad-utf8", Said::new("problem.bad-utf8")))?;
            sink.text(&name, text).await?;
        }
    }
}

/// The request body, shared between the parser and whoever reads the rest after a mistake.
struct Source {
    body: Body,
    taken: u64,
    total: u64,
    /// How much may still come before the next part's content begins; `None` within a part.
    before_content: Option<u64>,
    yielded: bool,
    fault: Option<BodyFault>,
}

impl Source {
    fn new(body: Body, most: Most) -> Self {
        Self { body, taken: 0, total: most.total, before_content: None, yielded: false, fault: None }
    }

    fn between_parts(&mut self, header: u64) {
        self.before_content = Some(header);
    }

    fn within_part(&mut self) {
        self.before_content = None;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Stop>>> {
        // The parser takes pieces for as long as there are any, and would hold them all. So it gets one at a time.
        if std::mem::take(&mut self.yielded) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.before_content == Some(0) {
            return Poll::Ready(Some(Err(Stop)));
        }
        let mut frame = std::pin::pin!(self.body.frame());
        let piece = match std::task::ready!(frame.as_mut().poll(cx)) {
            None => return Poll::Ready(None),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(e)) => {
                self.fault = Some(e.into_inner().downcast().map_or(BodyFault::Broken, |f| *f));
                return Poll::Ready(Some(Err(Stop)));
            }
        };
        let length = piece.len() as u64;
        self.taken += length;
        if self.taken > self.total {
            self.fault = Some(BodyFault::TooLarge(self.total));
            return Poll::Ready(Some(Err(Stop)));
        }
        self.before_content = self.before_content.map(|left| left.saturating_sub(length));
        self.yielded = true;
        Poll::Ready(Some(Ok(piece)))
    }
}

fn lock(source: &Mutex<Source>) -> std::sync::MutexGuard<'_, Source> {
    source.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Pieces(Arc<Mutex<Source>>);

impl Stream for Pieces {
    type Item = Result<Bytes, Stop>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        lock(&self.0).poll(cx)
    }
}

/// Ends the parser; the reason is kept in the [`Source`].
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
struct Stop;

#[cfg(test)]
mod tests;
