//! The headers that every answer carries, whatever it is.

use axum::http::Response;
use axum::http::header::{self, HeaderName, HeaderValue};

use crate::domain::form::Origin;

/// Nothing may load but our own style sheet and pictures; nothing may frame us; forms post to us only.
const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                   frame-ancestors 'none'; base-uri 'none'";

/// For the page of a form with our own script: that script as well, and what it asks us for.
pub(super) const CSP_SCRIPT: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
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

/// Marks an answer that any site may load into a page of its own: our script.
#[derive(Clone, Copy)]
pub(super) struct ForAnySite;

/// Marks a page that the sites of its policy's `frame-ancestors` may frame.
#[derive(Clone, Copy)]
pub(super) struct Framed;

/// The policy of a form's page in a frame: as [`CSP_SCRIPT`], and these origins may frame it. Origins hold no character that
/// means anything in a policy.
pub(super) fn framed_policy(origins: &[Origin]) -> Option<HeaderValue> {
    let names: Vec<&str> = origins.iter().map(Origin::as_str).collect();
    let ancestors = format!("frame-ancestors {};", names.join(" "));
    let policy = CSP_SCRIPT.replace("frame-ancestors 'none';", &ancestors);
    HeaderValue::from_str(&policy).ok().filter(|_| !names.is_empty())
}

/// Adds them. A handler may have set a policy or caching of its own; the others are not its business, save for what is marked
/// as [`ForAnySite`] or [`Framed`].
pub(super) fn harden<B>(response: &mut Response<B>, hsts: bool) {
    let framed = response.extensions().get::<Framed>().is_some();
    let for_any_site = response.extensions().get::<ForAnySite>().is_some();
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if framed {
        // It knows no list of origins; the policy says it all.
        headers.remove(header::X_FRAME_OPTIONS);
    }
    if for_any_site {
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
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
        assert!(!CSP.contains("unsafe") && !CSP.contains("script") && !CSP_SCRIPT.contains("unsafe"));
        assert!(!CSP_SANDBOX.contains("allow-"));
    }

    #[test]
    fn a_handler_keeps_its_own_policy_and_caching_only() {
        let mut response = Response::new(());
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
        response.headers_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("ALLOW"));
        harden(&mut response, false);
        let headers = response.headers();
        assert_eq!(headers[header::CACHE_CONTROL], "public");
        assert_eq!(headers[header::X_FRAME_OPTIONS], "DENY");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], CSP);
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        harden(&mut response, true);
        assert!(response.headers().contains_key(header::STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn a_frame_is_for_the_origins_that_are_named_and_nobody_else() {
        let origins = ["https://www.example.org", "https://shop.example.org:8443"].map(|o| Origin::parse(o).unwrap());
        let policy = framed_policy(&origins).unwrap();
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("frame-ancestors https://www.example.org https://shop.example.org:8443; base-uri"));
        assert_eq!(policy.matches("frame-ancestors").count(), 1);
        assert!(!policy.contains("unsafe") && !policy.contains('*'));
        assert!(framed_policy(&[]).is_none());
        let mut response = Response::new(());
        response.extensions_mut().insert(Framed);
        harden(&mut response, false);
        assert!(!response.headers().contains_key(header::X_FRAME_OPTIONS));
        assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], CSP, "a mark alone opens nothing");
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
