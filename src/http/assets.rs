//! The style sheet and the picture of the pages, served from the same origin.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderValue, Response, Uri, header};
use axum::response::IntoResponse;

const STYLE: &str = include_str!("../../templates/letterlock.css");
const PROOF: &str = include_str!("../../templates/proof.js");
const ICON: &str = include_str!("../../templates/favicon.svg");

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));
static PROOF_HASH: LazyLock<String> = LazyLock::new(|| hash(PROOF));

/// The first 16 hex digits of the content's SHA-256.
fn hash(content: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, content.as_bytes());
    data_encoding::HEXLOWER.encode(&digest.as_ref()[..8])
}

/// The style sheet's address; it changes with the content, so that it may be cached for good.
pub(super) fn style_url() -> String {
    format!("/static/letterlock.css?v={}", *STYLE_HASH)
}

/// The address of the script of guarded forms, likewise.
pub(super) fn proof_url() -> String {
    format!("/static/proof.js?v={}", *PROOF_HASH)
}

/// `GET /static/letterlock.css`
pub(super) async fn style(uri: Uri) -> impl IntoResponse {
    asset("text/css; charset=utf-8", caching(&uri, &STYLE_HASH), STYLE)
}

/// `GET /static/proof.js`
pub(super) async fn proof(uri: Uri) -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", caching(&uri, &PROOF_HASH), PROOF)
}

/// For good under the address that changes with the content, not at all under any other.
fn caching(uri: &Uri, hash: &str) -> &'static str {
    let current = uri.query().and_then(|q| q.strip_prefix("v=")) == Some(hash);
    if current { "public, max-age=31536000, immutable" } else { "no-cache" }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small_and_asks_nobody_else() {
        assert!(PROOF.len() < 4096);
        assert!(!PROOF.contains("http://") && !PROOF.contains("https://") && !PROOF.contains("eval"));
    }
}
