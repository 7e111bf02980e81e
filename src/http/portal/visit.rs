//! The cookie of a visit, and where a post comes from.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri, header};

use crate::base::sensitive::SensitiveString;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::services::portal::{Own, Visit};

/// Bound to this host and to HTTPS by its name (RFC 6265bis, cookie name prefixes).
pub(in crate::http) const NAME: &str = "__Host-my";

/// A visit under way.
pub(super) struct Here {
    token: String,
    /// Whose it is.
    pub(super) visit: Visit,
}

impl Here {
    /// The visit that the request's cookie names.
    pub(super) fn find(web: &Web, headers: &HeaderMap) -> Option<Self> {
        let token = token(headers)?.to_owned();
        let visit = web.app.visits().find(&token, web.app.clock().now())?;
        Some(Self { token, visit })
    }

    /// The submission that is open in it.
    pub(super) fn own(&self) -> Result<Own, HttpError> {
        self.visit.own.ok_or_else(HttpError::not_found)
    }

    /// Its token.
    pub(super) fn token(&self) -> &str {
        &self.token
    }
}

/// The cookie that begins a visit; it goes when the browser closes.
pub(super) fn cookie(token: &SensitiveString) -> Result<HeaderValue, HttpError> {
    let text = format!("{NAME}={}; Path=/; Secure; HttpOnly; SameSite=Strict", token.expose());
    let mut value = HeaderValue::from_str(&text).map_err(|_| HttpError::internal())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Ends the visit of this browser, if there is one.
pub(in crate::http) fn end(web: &Web, headers: &HeaderMap) {
    if let Some(token) = token(headers) {
        web.app.visits().end(token);
    }
}

/// The cookie that ends one.
pub(in crate::http) fn leave_cookie() -> HeaderValue {
    HeaderValue::from_static("__Host-my=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// The token in the cookie, when there is exactly one.
fn token(headers: &HeaderMap) -> Option<&str> {
    cookie_token(headers, NAME)
}

/// The token in the cookie of this name, when there is exactly one.
pub(in crate::http) fn cookie_token<'a>(headers: &'a HeaderMap, cookie: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut ours = cookies.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == cookie).then_some(value)
    });
    let (first, more) = (ours.next()?, ours.next());
    (more.is_none() && is_token(first)).then_some(first)
}

/// Whether this can be a token: 256 bits in base64 (RFC 4648 §5), without padding.
pub(in crate::http) fn is_token(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// Refuses a post that another site had the browser send. Browsers say where a post comes from in `Sec-Fetch-Site` (Fetch
/// Metadata), older ones in `Origin`.
pub(in crate::http) fn same_origin(headers: &HeaderMap, uri: &Uri) -> Result<(), HttpError> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    // Over HTTP/2 the host stands in the address.
    let host = uri.authority().map(Authority::as_str).or_else(|| text("host"));
    let good = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => host.is_some_and(|host| origin == format!("https://{host}")),
        // No browser: then nobody is there whose cookie could be misused.
        (None, None) => true,
    };
    if good { Ok(()) } else { Err(foreign()) }
}

/// The answer to a post that does not come from our own page.
pub(in crate::http) fn foreign() -> HttpError {
    HttpError::from_elsewhere()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn one_good_cookie_or_none() {
        let good = "a".repeat(43);
        let ours = format!("__Host-my={good}");
        let with = |line: &str| headers(&[("cookie", line)]);
        assert_eq!(token(&with(&ours)), Some(good.as_str()));
        assert_eq!(token(&with(&format!("other=1; {ours}; x=y"))), Some(good.as_str()));
        for bad in [
            "",
            "my=1",
            "__Host-my=",
            "__Host-my=short",
            &format!("{ours}; {ours}"),
            &format!("{ours}!"),
            &format!("x{ours}"),
        ] {
            assert_eq!(token(&with(bad)), None, "{bad}");
        }
    }

    #[test]
    fn posts_of_other_sites_are_refused() {
        for (pairs, good) in [
            (
                &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example"), ("host", "vault.example")][..],
                true,
            ),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (
                &[("sec-fetch-site", "cross-site"), ("origin", "https://vault.example"), ("host", "vault.example")],
                false,
            ),
            (&[("origin", "https://vault.example:8443"), ("host", "vault.example:8443")], true),
            (&[("origin", "https://evil.example"), ("host", "vault.example")], false),
            (&[("origin", "null"), ("host", "vault.example")], false),
            (&[("origin", "http://vault.example"), ("host", "vault.example")], false),
            (&[("host", "vault.example")], true),
        ] {
            let uri = Uri::from_static("/my");
            assert_eq!(same_origin(&headers(pairs), &uri).is_ok(), good, "{pairs:?}");
            // Over HTTP/2.
            let host = pairs.iter().find(|(name, _)| *name == "host").map_or("", |(_, host)| host);
            if !host.is_empty() {
                let uri: Uri = format!("https://{host}/my").parse().unwrap();
                let others: Vec<_> = pairs.iter().copied().filter(|(name, _)| *name != "host").collect();
                assert_eq!(same_origin(&headers(&others), &uri).is_ok(), good, "{pairs:?} over HTTP/2");
            }
        }
    }
}
