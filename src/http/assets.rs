//! The style sheet and the picture of the pages, served from the same origin.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderValue, Response, Uri, header};
use axum::response::IntoResponse;

const STYLE: &str = include_str!("../../templates/letterlock.css");
const ICON: &str = include_str!("../../templates/favicon.svg");

/// The first 16 hex digits of the style sheet's SHA-256.
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| {
    let digest = ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes());
    data_encoding::HEXLOWER.encode(&digest.as_ref()[..8])
});

/// The style sheet's address; it changes with the content, so that it may be cached for good.
pub(super) fn style_url() -> String {
    format!("/static/letterlock.css?v={}", *STYLE_HASH)
}

/// `GET /static/letterlock.css`
pub(super) async fn style(uri: Uri) -> impl IntoResponse {
    let current = uri.query().and_then(|q| q.strip_prefix("v=")) == Some(STYLE_HASH.as_str());
    let caching = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    asset("text/css; charset=utf-8", caching, STYLE)
}

/// `GET /favicon.svg`
pub(super) async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", "public, max-age=86400", ICON)
}

/// `GET /robots.txt`
pub(super) async fn robots() -> impl IntoResponse {
    asset("text/plain; charset=utf-8", "public, max-age=86400", "User-agent: *\nDisallow: /\n")
}

fn asset(kind: &'static str, caching: &'static str, content: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(content));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}
