//! The headers that every answer carries, whatever it is.

use axum::http::HeaderMap;
use axum::http::header::{self, HeaderName, HeaderValue};

/// Nothing may load but our own style sheet and pictures; nothing may frame us; forms post to us only.
const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                   frame-ancestors 'none'; base-uri 'none'";

/// For the page of a form that asks for proof of work: our own script as well, and what it asks us for.
pub(super) const CSP_PROOF: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
                                    img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// For a file that a stranger sent: even if a browser were brought to show it, it would run nothing.
pub(super) const CSP_SANDBOX: &str = "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

const ALWAYS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
         magnetometer=(), microphone=(), payment=(), usb=()",
    ),
];

/// Adds them. A handler may have set a policy or caching of its own; the others are never its business.
pub(super) fn harden(headers: &mut HeaderMap, hsts: bool) {
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CSP));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// `Content-Disposition: attachment` for `name` (RFC 6266): a plain ASCII form for old clients, and the exact name
/// percent-encoded (RFC 8187). Nothing in `name` can end the header or the quoted string.
pub(super) fn attachment(name: &str) -> HeaderValue {
    let cleaned: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    let name = if cleaned.trim().is_empty() { "file" } else { cleaned.as_str() };
    let plain: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '/' | '%' | ';' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    let mut exact = String::with_capacity(name.len());
    for b in name.bytes() {
        if b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&b) {
            exact.push(char::from(b));
        } else {
            exact.push_str(&format!("%{b:02X}"));
        }
    }
    HeaderValue::from_str(&format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unsafe_is_allowed() {
        assert!(!CSP.contains("unsafe") && !CSP.contains("script") && !CSP_PROOF.contains("unsafe"));
        assert!(!CSP_SANDBOX.contains("allow-"));
    }

    #[test]
    fn a_handler_keeps_its_own_policy_and_caching_only() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("ALLOW"));
        harden(&mut headers, false);
        assert_eq!(headers[header::CACHE_CONTROL], "public");
        assert_eq!(headers[header::X_FRAME_OPTIONS], "DENY");
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], CSP);
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        harden(&mut headers, true);
        assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn file_names_cannot_leave_their_header() {
        let show = |name: &str| attachment(name).to_str().unwrap().to_owned();
        assert_eq!(show("cv.pdf"), "attachment; filename=\"cv.pdf\"; filename*=UTF-8''cv.pdf");
        assert_eq!(
            show("a\"b\\c;d\r\nX: y.pdf"),
            "attachment; filename=\"a_b_c_dX: y.pdf\"; filename*=UTF-8''a%22b%5Cc%3BdX%3A%20y.pdf"
        );
        assert_eq!(show("Zoë €.pdf"), "attachment; filename=\"Zo_ _.pdf\"; filename*=UTF-8''Zo%C3%AB%20%E2%82%AC.pdf");
        assert_eq!(show(""), "attachment; filename=\"file\"; filename*=UTF-8''file");
        assert_eq!(
            show("../../etc/passwd"),
            "attachment; filename=\".._.._etc_passwd\"; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd"
        );
    }
}
