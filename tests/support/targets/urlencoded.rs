//! The body of a form post without files, and the query of an address.

use letterlock::http::probe::urlencoded;

use super::Seam;

/// Most pairs that the probe takes.
const MOST: usize = 64;

/// What is understood is written and understood alike; refused is only what is not UTF-8 or too much, and that is.
pub fn check(data: &[u8], seam: Seam) {
    let Some(pairs) = urlencoded(data) else {
        let plain = std::str::from_utf8(data).is_ok() && !data.contains(&b'%');
        assert!(!plain || data.split(|b| *b == b'&').count() > MOST, "refused without a reason");
        return;
    };
    assert!(pairs.len() <= MOST);
    let mut written = write(&pairs);
    let more = [&written[..], &b"&a".repeat(MOST + 1)].concat();
    assert!((seam.refused)(urlencoded(&more).is_none()), "more than {MOST} pairs are taken");
    let broken = [&written[..], b"%ff"].concat();
    assert!((seam.refused)(urlencoded(&broken).is_none()), "what is not UTF-8 is taken");
    (seam.written)(&mut written);
    assert_eq!(urlencoded(&written), Some(pairs));
}

/// Whether there are pairs in it.
pub fn understood(data: &[u8]) -> bool {
    urlencoded(data).is_some_and(|pairs| !pairs.is_empty())
}

/// In the strictest spelling: every byte but letters and digits escaped, alternately with small and capital digits.
fn write(pairs: &[(String, String)]) -> Vec<u8> {
    let escape = |text: &str| -> String {
        let spell = |(n, b): (usize, u8)| match b {
            b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
            b if n.is_multiple_of(2) => format!("%{b:02x}"),
            b => format!("%{b:02X}"),
        };
        text.bytes().enumerate().map(spell).collect()
    };
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&").into_bytes()
}
