//! Tokens of the links in mails that confirm and unsubscribe.

use letterlock::crypto::Key;
use letterlock::crypto::mail_link::{LEN, LinkSecret, Links};

use super::{Seam, pick};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Any text: what is a token is written as it was, and is the only text for what it says. And any bytes as a number and a key:
/// their token reads back, and not with a wrong character.
pub fn check(data: &[u8], seam: Seam) {
    let mut bytes = [0; 41];
    bytes.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
    let number = u64::from_be_bytes(bytes[..8].try_into().unwrap()) >> (pick(data, 36) + 20);
    let key = Key::from_slice(&bytes[8..40]).unwrap();
    let form = if bytes[40] % 2 == 0 { "newsletter" } else { "events" };
    for (links, secret) in
        [(confirming(), LinkSecret::to_confirm(&key)), (unsubscribing(), LinkSecret::to_unsubscribe(&key, form))]
    {
        if let Ok(text) = std::str::from_utf8(data) {
            held(&links, text, data, seam);
        }
        let Some(token) = links.token(number, &secret) else {
            assert!(number >> 35 != 0, "a number without a token");
            continue;
        };
        assert!(number >> 35 == 0, "a number past the last one has a token");
        let (found, read) = links.parse(token.expose()).expect("a token that was issued reads back");
        assert!(found == number && read == secret);
        held(&links, token.expose(), data, seam);
    }
}

/// Whether it is a token.
pub fn understood(data: &[u8]) -> bool {
    std::str::from_utf8(data).is_ok_and(|text| confirming().parse(text).is_ok())
}

/// The token of this number, for seeds.
pub fn token(number: u64) -> String {
    let secret = LinkSecret::to_confirm(&Key::from_bytes([2; 32]));
    confirming().token(number, &secret).unwrap().expose().to_owned()
}

fn confirming() -> Links {
    Links::to_confirm(&Key::from_bytes([1; 32]))
}

fn unsubscribing() -> Links {
    Links::to_unsubscribe(&Key::from_bytes([1; 32]))
}

fn held(links: &Links, text: &str, data: &[u8], seam: Seam) {
    let Ok((number, secret)) = links.parse(text) else { return };
    let mut again = links.token(number, &secret).expect("a number out of a token").expose().as_bytes().to_vec();
    (seam.written)(&mut again);
    assert_eq!(again, text.as_bytes(), "two spellings of one token");
    let at = pick(data, LEN);
    for other in ALPHABET.iter().map(|c| char::from(*c)).filter(|c| !text[at..].starts_with(*c)) {
        let changed = [&text[..at], &other.to_string(), &text[at + 1..]].concat();
        let same = links.parse(&changed).is_ok_and(|(n, s)| n == number && s == secret);
        assert!((seam.refused)(!same), "a wrong character goes unnoticed");
    }
    for odd in ["", "=", "+", "/", " ", "%41", "AA", "é"] {
        let changed = [&text[..at], odd, &text[at + 1..]].concat();
        assert!((seam.refused)(links.parse(&changed).is_err()), "a second spelling of a token is taken");
    }
}
