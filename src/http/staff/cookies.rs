//! The cookies of the console. All are bound to this host and to HTTPS by their names (RFC 6265bis).

use axum::http::{HeaderMap, HeaderValue, header};

use crate::base::sensitive::SensitiveString;
use crate::http::error::HttpError;
use crate::http::portal::visit;

/// The session, or what a code will make one.
const SESSION: &str = "__Host-staff";
/// A browser that has signed in before.
const DEVICE: &str = "__Host-device";
/// A browser that has gone to the provider and is to come back from there.
const PROVIDER: &str = "__Host-provider";
/// How long it may take: 10 minutes.
const PROVIDER_SECONDS: u32 = 10 * 60;
/// How long a browser is known: 180 days.
const DEVICE_SECONDS: u32 = 180 * 24 * 60 * 60;

/// The token of the session's cookie, when there is exactly one.
pub(in crate::http) fn session(headers: &HeaderMap) -> Option<&str> {
    visit::cookie_token(headers, SESSION)
}

/// The token by which the browser is known.
pub(in crate::http) fn device(headers: &HeaderMap) -> Option<&str> {
    visit::cookie_token(headers, DEVICE)
}

/// The token of whoever comes back from the provider.
pub(super) fn provider(headers: &HeaderMap) -> Option<&str> {
    visit::cookie_token(headers, PROVIDER)
}

/// Binds what the provider will answer to this browser. It has to come along from another site's page, by a link or a redirect.
pub(super) fn set_provider(token: &SensitiveString) -> Result<HeaderValue, HttpError> {
    secret(&format!(
        "{PROVIDER}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={PROVIDER_SECONDS}",
        token.expose()
    ))
}

/// The answer has come.
pub(super) fn end_provider() -> HeaderValue {
    HeaderValue::from_static("__Host-provider=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// Begins a session, which goes when the browser closes.
pub(super) fn set_session(token: &SensitiveString) -> Result<HeaderValue, HttpError> {
    secret(&format!("{SESSION}={}; Path=/; Secure; HttpOnly; SameSite=Strict", token.expose()))
}

/// Has the browser known again.
pub(super) fn set_device(token: &SensitiveString) -> Result<HeaderValue, HttpError> {
    secret(&format!("{DEVICE}={}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={DEVICE_SECONDS}", token.expose()))
}

/// Ends a session.
pub(super) fn end_session() -> HeaderValue {
    HeaderValue::from_static("__Host-staff=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// Ends all of them.
pub(in crate::http) fn end_all() -> [HeaderValue; 3] {
    let device = HeaderValue::from_static("__Host-device=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    [end_session(), device, end_provider()]
}

fn secret(text: &str) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| HttpError::internal())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Sets a cookie beside others.
pub(super) fn add(headers: &mut HeaderMap, cookie: HeaderValue) {
    headers.append(header::SET_COOKIE, cookie);
}
