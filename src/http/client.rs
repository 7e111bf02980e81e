//! Whose request it is, for the limits: the address of the socket, or the one that a trusted proxy names.
//!
//! An address is used for counting in memory only. It is never logged, stored or shown.

use std::net::IpAddr;

use axum::http::{Extensions, HeaderMap};

use crate::base::config::{Proxies, ProxyHeader};

/// Proxies in a row, at most.
const MOST_HOPS: usize = 16;

/// Whom a request is counted for. Every request carries it as an extension.
#[derive(Clone, Copy)]
pub(super) struct Client(pub(super) IpAddr);

impl Client {
    /// The client of a request that came from `socket` with these `headers`.
    ///
    /// Only a trusted proxy is asked, and of the addresses that it names the right-most that is no trusted proxy itself
    /// counts: whatever stands left of that one is what the client wrote. What cannot be read counts for the proxy.
    pub(super) fn of(socket: IpAddr, headers: &HeaderMap, proxies: &Proxies) -> Self {
        let named = if proxies.contains(socket) { named(headers, proxies) } else { None };
        Self(named.unwrap_or(socket).to_canonical())
    }

    /// The client of the request with these extensions; `None` in tests without a connection.
    pub(super) fn find(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Self>().copied()
    }
}

/// The address behind the proxies, as they say.
fn named(headers: &HeaderMap, proxies: &Proxies) -> Option<IpAddr> {
    let (name, read): (_, fn(&str) -> Option<IpAddr>) = match proxies.header {
        ProxyHeader::XForwardedFor => ("x-forwarded-for", address),
        ProxyHeader::Forwarded => ("forwarded", forwarded),
    };
    let mut last = None;
    let mut hops = 0;
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    // A list in several lines is one list. No address holds a comma, so one within quotes is none of ours.
    for line in lines.into_iter().rev() {
        for hop in line.to_str().ok()?.rsplit(',') {
            hops += 1;
            let hop = read(hop.trim()).filter(|_| hops <= MOST_HOPS)?;
            if !proxies.contains(hop) {
                return Some(hop);
            }
            last = Some(hop);
        }
    }
    last
}

/// The `for` of an element of `Forwarded`: `for=192.0.2.1;proto=https`, `For="[2001:db8::1]:4711"`.
fn forwarded(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.trim().split_once('=')?;
        if name.eq_ignore_ascii_case("for") {
            let value = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
            if found.replace(address(value)?).is_some() {
                return None;
            }
        }
    }
    found
}

/// An address, with a port or without; IPv6 in brackets or without.
fn address(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, after) = rest.split_once(']')?;
        let port = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        return inner.parse::<std::net::Ipv6Addr>().ok().filter(|_| port).map(|a| IpAddr::V6(a).to_canonical());
    }
    let bare = match text.split_once(':') {
        Some((host, port)) if is_port(port) && host.contains('.') => host,
        _ => text,
    };
    bare.parse::<IpAddr>().ok().map(|a| a.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(header: ProxyHeader) -> Proxies {
        let mut proxies = Proxies::default();
        proxies.header = header;
        proxies.trust(&["10.0.0.0/8", "2001:db8:1::/48"]).unwrap();
        proxies
    }

    fn client(socket: &str, header: ProxyHeader, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        Client::of(socket.parse().unwrap(), &headers, &proxies(header)).0.to_string()
    }

    fn behind(value: &str) -> String {
        client("10.0.0.1", ProxyHeader::XForwardedFor, &[("x-forwarded-for", value)])
    }

    #[test]
    fn nobody_but_a_named_proxy_is_believed() {
        for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
            let lines = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1"), ("x-real-ip", "192.0.2.1")];
            assert_eq!(client("198.51.100.9", header, &lines), "198.51.100.9");
            assert_eq!(client("11.0.0.1", header, &lines), "11.0.0.1");
            assert_eq!(client("::ffff:10.0.0.1", header, &lines), "192.0.2.1");
        }
    }

    #[test]
    fn the_right_most_that_is_no_proxy_counts() {
        assert_eq!(behind("192.0.2.1"), "192.0.2.1");
        assert_eq!(behind("203.0.113.5, 192.0.2.1"), "192.0.2.1");
        assert_eq!(behind("203.0.113.5, 192.0.2.1, 10.0.0.7,10.0.0.8"), "192.0.2.1");
        assert_eq!(behind("10.0.0.7, 10.0.0.8"), "10.0.0.7");
        let lines =
            [("x-forwarded-for", "203.0.113.5"), ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "10.0.0.7")];
        assert_eq!(client("10.0.0.1", ProxyHeader::XForwardedFor, &lines), "192.0.2.1");
        // Left of it the client may have written what it likes.
        assert_eq!(behind("\"nonsense, , 999.0.0.1, 192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn what_cannot_be_read_counts_for_the_proxy() {
        for bad in ["", "unknown", "192.0.2.1,", "192.0.2.1, x", "192.0.2.999", "[2001:db8::1", "192.0.2.1:99999", "_x"]
        {
            assert_eq!(behind(bad), "10.0.0.1", "{bad}");
        }
        assert_eq!(behind(&vec!["10.0.0.2"; MOST_HOPS + 1].join(", ")), "10.0.0.1");
        assert_eq!(client("10.0.0.1", ProxyHeader::XForwardedFor, &[]), "10.0.0.1");
    }

    #[test]
    fn only_the_header_that_is_named_is_read() {
        let both = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.2")];
        assert_eq!(client("10.0.0.1", ProxyHeader::XForwardedFor, &both), "192.0.2.1");
        assert_eq!(client("10.0.0.1", ProxyHeader::Forwarded, &both), "192.0.2.2");
        assert_eq!(client("10.0.0.1", ProxyHeader::Forwarded, &both[..1]), "10.0.0.1");
    }

    #[test]
    fn addresses_come_in_several_shapes() {
        for (text, is) in [
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(behind(text), is, "{text}");
        }
        for (text, is) in [
            ("for=192.0.2.1", "192.0.2.1"),
            ("For=\"[2001:db8::1]:4711\";proto=https;by=10.0.0.1", "2001:db8::1"),
            ("proto=https; for=192.0.2.1", "192.0.2.1"),
            ("for=192.0.2.9, for=192.0.2.1;by=_x, for=\"[2001:db8:1::5]\"", "192.0.2.1"),
            ("for=_hidden", "10.0.0.1"),
            ("for=unknown", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
            ("for=192.0.2.1;for=192.0.2.2", "10.0.0.1"),
            ("for=\"192.0.2.1", "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", ProxyHeader::Forwarded, &[("forwarded", text)]), is, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_left_of_the_last_hop_changes_nothing(left in "[ -~]{0,60}", forwarded: bool) {
            let (header, name) = match forwarded {
                true => (ProxyHeader::Forwarded, "forwarded"),
                false => (ProxyHeader::XForwardedFor, "x-forwarded-for"),
            };
            let last = if forwarded { "for=192.0.2.1" } else { "192.0.2.1" };
            let line = format!("{left},{last}");
            proptest::prop_assert_eq!(client("10.0.0.1", header, &[(name, &line)]), "192.0.2.1");
            // From anybody else, nothing at all counts; and nothing at all makes it fail.
            proptest::prop_assert_eq!(client("198.51.100.9", header, &[(name, &line)]), "198.51.100.9");
            let _ = client("10.0.0.1", header, &[(name, &left)]);
        }
    }
}
