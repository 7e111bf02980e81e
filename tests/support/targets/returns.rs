//! Addresses that a post asks to be led on to, and origins that a request names, against what a form allows.

use letterlock::domain::form::{Origin, ReturnAddress, ReturnRule, Site};

use super::Seam;

/// The first line is asked for; the others are what a form allows: rules, and origins where they are that. Whatever is
/// followed has, read by a parser of another making (that of RFC 3986, appendix B), the scheme, host and port of one of the
/// rules, and a path that the rule allows; and it goes into a header and a page as it is.
pub fn check(data: &[u8], seam: Seam) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (asked, site) = read(text);
    for origin in &site.origins {
        let again = Origin::parse(origin.as_str());
        assert_eq!(again.as_ref(), Some(origin));
        let (scheme, authority, rest) = split(origin.as_str()).expect("an origin has a scheme and a host");
        assert!(rest.is_empty() && is_host(authority) && is_secure(scheme, authority), "{origin:?}");
        // It goes into a policy and a header.
        assert!(!origin.as_str().contains(|c: char| " ;,*'\"".contains(c) || c.is_control()), "{origin:?}");
    }
    if let Some(found) = site.origin(asked.as_bytes()) {
        let mut given = found.as_str().as_bytes().to_vec();
        (seam.written)(&mut given);
        assert_eq!(given, asked.as_bytes(), "another origin is given back than came");
        for other in
            [asked.to_ascii_uppercase(), format!("{asked}/"), format!("{asked}.evil.example"), "null".to_owned()]
        {
            let refused =
                site.origins.iter().any(|one| one.as_str() == other) || site.origin(other.as_bytes()).is_none();
            assert!((seam.refused)(refused), "{other:?} passes for {asked:?}");
        }
    }
    let Some(address) = site.follow(asked) else { return };
    let mut followed = address.as_str().as_bytes().to_vec();
    (seam.written)(&mut followed);
    assert_eq!(followed, asked.as_bytes(), "led on to another address than was asked for");
    assert!(asked.bytes().all(|b| b.is_ascii_graphic() && b != b'\\'), "{asked:?}");
    let (scheme, authority, rest) = split(asked).expect("an address has a scheme and a host");
    assert!(is_host(authority) && is_secure(scheme, authority) && authority == address.host(), "{asked:?}");
    let path = rest.split(['?', '#']).next().unwrap_or("");
    let climbs = path.split('/').any(|part| matches!(part, "." | ".."));
    assert!((seam.refused)(path.starts_with('/') && !climbs), "{asked:?} climbs out of its folder");
    let allows = |rule: &ReturnRule| {
        let (s, a, r) = split(rule.as_str()).expect("a rule has a scheme and a host");
        let under = r.ends_with('/') && !r.contains('?');
        (s, a) == (scheme, authority) && (rest == r || under && rest.starts_with(r))
    };
    assert!((seam.refused)(site.return_to.iter().any(allows)), "{asked:?} is allowed by no rule");
}

/// Whether something is allowed that was asked for.
pub fn understood(data: &[u8]) -> bool {
    std::str::from_utf8(data).is_ok_and(|text| {
        let (asked, site) = read(text);
        site.follow(asked).is_some() || site.origin(asked.as_bytes()).is_some()
    })
}

fn read(text: &str) -> (&str, Site) {
    let (asked, lines) = text.split_once('\n').unwrap_or((text, ""));
    let lines: Vec<&str> = lines.split('\n').collect();
    let origins = lines.iter().filter_map(|line| Origin::parse(line)).collect();
    let return_to = lines.iter().filter_map(|line| ReturnRule::parse(line)).collect();
    let site = Site { origins, return_to, ..Site::default() };
    assert!(ReturnAddress::parse(asked).is_some() || site.follow(asked).is_none());
    (asked, site)
}

/// Scheme, authority and the rest, as RFC 3986 takes an address apart.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let rest = rest.strip_prefix("//")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some((scheme, &rest[..end], &rest[end..]))
}

/// A host with a port or without, and nothing before it.
fn is_host(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().is_ok()),
        _ => (authority, true),
    };
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b));
    let v6 = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit() || b":.".contains(&b));
    port && !host.is_empty() && bracketed.map_or_else(|| plain(host), v6)
}

fn is_secure(scheme: &str, authority: &str) -> bool {
    let host = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(authority, |(host, _)| host);
    scheme == "https" || scheme == "http" && ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}
