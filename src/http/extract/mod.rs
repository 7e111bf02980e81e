//! What a request carries, parsed strictly, with every mistake told in our own words.

pub(super) mod idempotency;
pub(super) mod json;
pub(super) mod multipart;
pub(super) mod params;
pub(super) mod query;
pub(super) mod urlencoded;

use axum::http::{HeaderMap, header};

/// The media type of the body, lower case and without parameters; `None` when absent, repeated or unreadable.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let (first, more) = (all.next()?, all.next());
    if more.is_some() {
        return None;
    }
    let text = first.to_str().ok()?;
    Some(text.split(';').next().unwrap_or(text).trim().to_ascii_lowercase())
}
