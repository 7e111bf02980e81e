//! What proxies, and whoever pretends to be one, say about the address of a client.

use std::net::{IpAddr, SocketAddr};

use letterlock::base::config::{Proxies, ProxyHeader};
use letterlock::http::probe::client;

use super::{Seam, pick};

/// Named as proxies here.
const NAMED: [&str; 3] = ["10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48"];
/// Elements that are read, at most.
const MOST: usize = 16;

/// The first line says which header is read (`x` or `f`) and whom the connection is from; each further line is that header
/// once. An address is taken from a named proxy only, and then it is the right-most that is none.
pub fn check(data: &[u8], seam: Seam) {
    let (header, socket, lines) = parts(data);
    let proxies = proxies(header);
    let found = client(socket, &with(header, &lines), &proxies);
    assert_eq!(found, found.to_canonical(), "one address in two spellings");
    assert_eq!(found, reference(header, socket, &lines, &proxies), "{socket} {lines:?}");

    // The other header is not read, and nobody but a named proxy is believed.
    let other = match header {
        ProxyHeader::XForwardedFor => ProxyHeader::Forwarded,
        ProxyHeader::Forwarded => ProxyHeader::XForwardedFor,
    };
    let own = socket.to_canonical();
    assert!((seam.refused)(client(socket, &with(other, &lines), &proxies) == own), "the other header is believed");
    let stranger: IpAddr = [198, 51, 100, 9].into();
    assert!((seam.refused)(client(stranger, &with(header, &lines), &proxies) == stranger), "a stranger is believed");

    // What stands left of the one that counts, the client may have written: it changes nothing.
    if found != own && !proxies.contains(found) {
        let words = ["203.0.113.77", "for=203.0.113.77", "unknown", "", "10.0.0.9", "\"", "for=\"["];
        let before = words[pick(data, words.len())].as_bytes();
        let mut longer = lines.clone();
        longer.insert(0, before.to_vec());
        assert!((seam.refused)(client(socket, &with(header, &longer), &proxies) == found), "a line before counts");
        longer = lines.clone();
        longer[0] = [before, b", ", &longer[0]].concat();
        assert!((seam.refused)(client(socket, &with(header, &longer), &proxies) == found), "a word before counts");

        let mut said = spelled(header, found).into_bytes();
        (seam.written)(&mut said);
        assert_eq!(client([10, 0, 0, 1].into(), &with(header, &[said]), &proxies), found, "said by a proxy");
    }
}

/// Whether an address is taken from a header.
pub fn understood(data: &[u8]) -> bool {
    let (header, socket, lines) = parts(data);
    client(socket, &with(header, &lines), &proxies(header)) != socket.to_canonical()
}

fn parts(data: &[u8]) -> (ProxyHeader, IpAddr, Vec<Vec<u8>>) {
    let mut lines = data.split(|b| *b == b'\n').map(<[u8]>::to_vec);
    let first = lines.next().unwrap_or_default();
    let (kind, socket) = first.split_first().map_or((b'x', &[][..]), |(kind, socket)| (*kind, socket));
    let header = if kind == b'f' { ProxyHeader::Forwarded } else { ProxyHeader::XForwardedFor };
    let socket = std::str::from_utf8(socket).ok().and_then(|text| text.trim().parse().ok());
    (header, socket.unwrap_or(IpAddr::from([10, 0, 0, 1])), lines.collect())
}

fn proxies(header: ProxyHeader) -> Proxies {
    let mut proxies = Proxies::default();
    proxies.trust(&NAMED).unwrap();
    proxies.header = header;
    proxies
}

fn with(header: ProxyHeader, lines: &[Vec<u8>]) -> Vec<(&'static str, Vec<u8>)> {
    let name = match header {
        ProxyHeader::XForwardedFor => "x-forwarded-for",
        ProxyHeader::Forwarded => "forwarded",
    };
    lines.iter().map(|line| (name, line.clone())).collect()
}

fn spelled(header: ProxyHeader, address: IpAddr) -> String {
    match header {
        ProxyHeader::XForwardedFor => address.to_string(),
        ProxyHeader::Forwarded => format!("proto=https;For=\"{}\"", SocketAddr::new(address, 4711)),
    }
}

/// The rule in other words: from the right, over elements as they stand; whatever cannot be read counts for the connection.
fn reference(header: ProxyHeader, socket: IpAddr, lines: &[Vec<u8>], proxies: &Proxies) -> IpAddr {
    let own = socket.to_canonical();
    // What no HTTP header can hold never gets here.
    let lines: Vec<&Vec<u8>> = lines.iter().filter(|line| fits(line)).collect();
    if !proxies.contains(own) {
        return own;
    }
    let (mut last, mut seen) = (own, 0);
    for line in lines.into_iter().rev() {
        let Some(text) = visible(line) else { return own };
        for element in text.split(',').collect::<Vec<_>>().into_iter().rev() {
            seen += 1;
            let address = match header {
                ProxyHeader::XForwardedFor => address(element.trim()),
                ProxyHeader::Forwarded => element_address(element.trim()),
            };
            match address.filter(|_| seen <= MOST) {
                None => return own,
                Some(address) if proxies.contains(address) => last = address,
                Some(address) => return address,
            }
        }
    }
    last
}

/// Whether HTTP takes it for the value of a header (RFC 9110, 5.5).
fn fits(line: &[u8]) -> bool {
    line.iter().all(|b| *b == b'\t' || (*b >= b' ' && *b != 0x7f))
}

fn visible(line: &[u8]) -> Option<&str> {
    let visible = line.iter().all(|b| *b == b'\t' || (b' '..=b'~').contains(b));
    std::str::from_utf8(line).ok().filter(|_| visible)
}

fn element_address(element: &str) -> Option<IpAddr> {
    let pairs: Option<Vec<(&str, &str)>> = element.split(';').map(|pair| pair.trim().split_once('=')).collect();
    let named: Vec<&str> =
        pairs?.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case("for")).map(|(_, value)| value).collect();
    let [one] = named[..] else { return None };
    match one.strip_prefix('"') {
        Some(rest) => address(rest.strip_suffix('"')?),
        None => address(one),
    }
}

/// As the standard library reads addresses and sockets; without zones, which mean nothing here.
fn address(text: &str) -> Option<IpAddr> {
    if text.contains('%') {
        return None;
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(inner) => inner.parse().map(IpAddr::V6).ok(),
        None => text.parse().or_else(|_| text.parse().map(|socket: SocketAddr| socket.ip())).ok(),
    };
    address.map(|address: IpAddr| address.to_canonical())
}
