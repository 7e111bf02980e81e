//! The style sheet and the picture of the pages, served from the same origin.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderValue, Response, Uri, header};
use axum::response::IntoResponse;

use super::headers::ForAnySite;

const STYLE: &str = include_str!("../../templates/letterlock.css");
const EMBED_SOURCE: &str = include_str!("../../templates/embed.js");
const PASSKEY_SOURCE: &str = include_str!("../../templates/passkey.js");
const SEARCH_SOURCE: &str = include_str!("../../templates/search.js");
const ICON: &str = include_str!("../../templates/favicon.svg");

/// What the script of forms says on other sites: its names for words, and the messages that they are.
pub(super) const EMBED_WORDS: [(&str, &str); 13] = [
    ("anyway", "form.anyway"),
    ("busy", "form.busy"),
    ("check", "form.heading"),
    ("code", "receipt.code"),
    ("copied", "embed.copied"),
    ("copy", "embed.copy"),
    ("failed", "form.failed"),
    ("keep", "embed.keep"),
    ("next", "embed.next"),
    ("open", "embed.open"),
    ("received", "receipt.heading"),
    ("retry", "embed.retry"),
    ("sending", "form.sending"),
];

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));
static EMBED: LazyLock<String> = LazyLock::new(|| lean(EMBED_SOURCE));
static SEARCH: LazyLock<String> = LazyLock::new(|| lean(SEARCH_SOURCE));
static SEARCH_HASH: LazyLock<String> = LazyLock::new(|| hash(&SEARCH));
static EMBED_HASH: LazyLock<String> = LazyLock::new(|| hash(&EMBED));
static PASSKEY: LazyLock<String> = LazyLock::new(|| lean(PASSKEY_SOURCE));
static PASSKEY_HASH: LazyLock<String> = LazyLock::new(|| hash(&PASSKEY));

/// A script without the lines and spaces that only people need. No text in it runs over a line.
fn lean(source: &str) -> String {
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The first 16 hex digits of the content's SHA-256.
fn hash(content: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, content.as_bytes());
    data_encoding::HEXLOWER.encode(&digest.as_ref()[..8])
}

/// The style sheet's address; it changes with the content, so that it may be cached for good.
pub(super) fn style_url() -> String {
    format!("/static/letterlock.css?v={}", *STYLE_HASH)
}

/// The address of the script of forms, likewise.
pub(super) fn embed_url() -> String {
    format!("/static/embed.js?v={}", *EMBED_HASH)
}

/// The address of the script for passkeys, likewise.
pub(super) fn passkey_url() -> String {
    format!("/static/passkey.js?v={}", *PASSKEY_HASH)
}

/// What a page on another site writes beside that address, so that its browser runs this very script and no other
/// (Subresource Integrity).
pub(super) fn embed_integrity() -> String {
    let digest = ring::digest::digest(&ring::digest::SHA384, EMBED.as_bytes());
    format!("sha384-{}", data_encoding::BASE64.encode(digest.as_ref()))
}

/// The address of the console's script, likewise.
pub(super) fn search_url() -> String {
    format!("/static/search.js?v={}", *SEARCH_HASH)
}

/// `GET /static/search.js`: for the console's page of that name alone.
pub(super) async fn search(uri: Uri) -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", caching(&uri, &SEARCH_HASH), &SEARCH)
}

/// `GET /static/letterlock.css`
pub(super) async fn style(uri: Uri) -> impl IntoResponse {
    asset("text/css; charset=utf-8", caching(&uri, &STYLE_HASH), STYLE)
}

/// `GET /static/embed.js`
pub(super) async fn embed_version(uri: Uri) -> impl IntoResponse {
    script(caching(&uri, &EMBED_HASH))
}

/// `GET /embed.js`: for pages that are written once and stay.
pub(super) async fn embed() -> impl IntoResponse {
    script("public, max-age=300")
}

/// `GET /static/passkey.js`: for the console's own pages.
pub(super) async fn passkey(uri: Uri) -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", caching(&uri, &PASSKEY_HASH), &PASSKEY)
}

/// The one thing that anybody may load into a page of theirs: it is the same for all, and says nothing of anybody.
fn script(caching: &'static str) -> Response<Body> {
    let mut response = asset("text/javascript; charset=utf-8", caching, &EMBED);
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response.extensions_mut().insert(ForAnySite);
    response
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

    /// The script has no words of its own, and asks for none that it is not given.
    #[test]
    fn every_word_of_the_script_is_a_message() {
        let asked = regex::Regex::new(r#"word\(form, "([a-z]+)"\)"#).unwrap();
        let asked: std::collections::BTreeSet<&str> =
            asked.captures_iter(EMBED_SOURCE).map(|found| found.extract::<1>().1[0]).collect();
        assert_eq!(asked.into_iter().collect::<Vec<_>>(), EMBED_WORDS.map(|(name, _)| name));
        let languages = crate::domain::language::Languages::shipped();
        for catalogue in languages.iter() {
            let told = EMBED_WORDS.map(|(_, key)| catalogue.tell(&crate::domain::language::Said::new(key)));
            assert!(EMBED_WORDS.iter().zip(&told).all(|((_, key), told)| catalogue.has(key) && told.len() > 3));
            assert!(told.iter().all(|told| !EMBED_SOURCE.contains(told.as_str())), "{told:?}");
        }
    }

    #[test]
    fn the_scripts_are_small_and_ask_nobody_else() {
        assert!(EMBED.len() < 10_000, "{} bytes", EMBED.len());
        assert!(PASSKEY.len() < 4_000, "{} bytes", PASSKEY.len());
        let bad = ["http://", "https://", "eval", "HTML =", "Function(", "document.write", "cookie", "localStorage"];
        for bad in bad.into_iter().chain(["innerHTML", "outerHTML", "insertAdjacent", "sessionStorage", "history."]) {
            assert!(!EMBED.contains(bad) && !PASSKEY.contains(bad) && !SEARCH.contains(bad), "{bad}");
        }
    }
}
