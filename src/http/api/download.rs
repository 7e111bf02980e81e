//! Files on their way out, streamed; one that is cut must look cut.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;

use crate::base::ids::RecordId;
use crate::domain::submission::FileInfo;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::headers::{CSP_SANDBOX, attachment};
use crate::http::layers::Caller;
use crate::services::review::{self, Download};

/// `GET /api/v1/submissions/{id}/files/{n}`
pub(in crate::http) async fn file(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let n: u32 = number(&params)?;
    let query = Query::strict(&uri, &["purpose"])?;
    let download = review::file(&web.app, &ctx, id, n, query.text("purpose")).await?;
    Ok(answer(download))
}

/// One spelling a number: `0`, not `00` or `+0`.
pub(in crate::http) fn number(params: &Params) -> Result<u32, HttpError> {
    let text: String = params.parse("n")?;
    let n: u32 = text.parse().map_err(|_| HttpError::not_found())?;
    if n.to_string() == text { Ok(n) } else { Err(HttpError::not_found()) }
}

pub(in crate::http) fn answer(download: Download) -> Response {
    let info = download.info.clone();
    attach(&info, Body::from_stream(pieces(download)))
}

/// A file as an attachment.
pub(in crate::http) fn attach(info: &FileInfo, content: Body) -> Response {
    let kind = HeaderValue::from_str(&info.kind).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let (disposition, size) = (attachment(info.name.expose()), info.size);
    let mut response = Response::new(content);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP_SANDBOX));
    response
}

/// The pieces of the file. A failure half-way is an error of the body, which closes an HTTP/1 connection before the
/// announced length is reached and resets an HTTP/2 stream: nobody can take the part for the whole.
fn pieces(download: Download) -> impl futures_util::Stream<Item = Result<bytes::Bytes, Cut>> {
    futures_util::stream::try_unfold(download, |mut download| async move {
        match download.next().await {
            Ok(Some(piece)) => Ok(Some((piece, download))),
            Ok(None) => Ok(None),
            Err(_) => Err(Cut),
        }
    })
}

/// The file ended before its end.
#[derive(Debug, thiserror::Error)]
#[error("the file was cut off")]
pub(in crate::http) struct Cut;
