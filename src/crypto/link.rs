//! Tokens of links that unlock a file once.
//!
//! ```text
//! token   = base64url, without padding, of: locator (8) ‖ good until, ms (8) ‖ nonce (8) ‖ check (24)
//! locator = the arrival number of the submission, under a keyed permutation of its own
//! check   = HMAC-SHA-256 over all before ‖ the file's name, under a key derived from the record key; the first 24 bytes
//! ```
//!
//! Nothing of a link is stored when it is made: it outlives a restart, and dies with its record, whose key makes its check.
//! That it was used stands in the record.

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

use super::aead::Key;
use super::derive::{Label, Prf};
use crate::base::sensitive::SensitiveString;

/// Bytes of a token.
const LEN: usize = 48;
const SIGNED: usize = 24;
/// Characters of a token.
pub const TEXT_LEN: usize = 64;

/// What tells one link of a submission from another.
pub type Nonce = [u8; 8];

/// A link, made or read. That it reads well says nothing about whether it opens anything.
pub struct Link {
    /// Where its submission is, hidden.
    pub locator: u64,
    /// Until when it is good, in milliseconds since 1970.
    pub until: i64,
    /// Which one it is.
    pub nonce: Nonce,
    check: [u8; LEN - SIGNED],
}

impl Link {
    /// The link to a file for the record with this key.
    pub fn make(record_key: &Key, locator: u64, until: i64, nonce: Nonce, file: &str) -> Self {
        let mut link = Self { locator, until, nonce, check: [0; LEN - SIGNED] };
        link.check = link.check_under(record_key, file);
        link
    }

    /// Reads a token; `None` for what is none. One link has one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TEXT_LEN {
            return None;
        }
        let bytes: [u8; LEN] = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()?;
        let eight = |at: usize| <[u8; 8]>::try_from(&bytes[at..at + 8]).ok();
        Some(Self {
            locator: u64::from_be_bytes(eight(0)?),
            until: i64::from_be_bytes(eight(8)?),
            nonce: eight(16)?,
            check: bytes[SIGNED..].try_into().ok()?,
        })
    }

    /// The token.
    pub fn to_text(&self) -> SensitiveString {
        BASE64URL_NOPAD.encode(&[&self.signed()[..], &self.check].concat()).into()
    }

    /// Whether it was made for this file and the record with this key. Compared in constant time.
    pub fn is_for(&self, record_key: &Key, file: &str) -> bool {
        self.check.ct_eq(&self.check_under(record_key, file)).into()
    }

    fn signed(&self) -> [u8; SIGNED] {
        let mut out = [0; SIGNED];
        out[..8].copy_from_slice(&self.locator.to_be_bytes());
        out[8..16].copy_from_slice(&self.until.to_be_bytes());
        out[16..].copy_from_slice(&self.nonce);
        out
    }

    fn check_under(&self, record_key: &Key, file: &str) -> [u8; LEN - SIGNED] {
        // What comes first has one length, so the name needs none.
        let value = Prf::new(record_key, Label::ResourceLink).value(&[&self.signed(), file.as_bytes()]);
        let mut out = [0; LEN - SIGNED];
        out.copy_from_slice(&value[..LEN - SIGNED]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 32])
    }

    #[test]
    fn a_link_is_for_its_record_and_file_only_and_every_bit_counts() {
        let link = Link::make(&key(1), 77, 1_000, [3; 8], "guide.pdf");
        let text = link.to_text();
        assert_eq!(text.expose().len(), TEXT_LEN);
        let read = Link::parse(text.expose()).unwrap();
        assert_eq!((read.locator, read.until, read.nonce), (77, 1_000, [3; 8]));
        assert!(read.is_for(&key(1), "guide.pdf"));
        assert!(!read.is_for(&key(2), "guide.pdf") && !read.is_for(&key(1), "guide.pd"));
        let bytes = BASE64URL_NOPAD.decode(text.expose().as_bytes()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = Link::parse(&BASE64URL_NOPAD.encode(&changed)).unwrap();
            assert!(!changed.is_for(&key(1), "guide.pdf"), "bit {bit}");
        }
    }

    #[test]
    fn what_is_no_token_is_none() {
        let text = Link::make(&key(1), 0, 0, [0; 8], "a").to_text();
        let text = text.expose();
        for bad in ["", "a", &text[1..], &format!("{text}A"), &format!("{}=", &text[1..]), &format!("{}/", &text[1..])]
        {
            assert!(Link::parse(bad).is_none(), "{bad}");
        }
        assert!(Link::parse(&"ä".repeat(32)).is_none());
    }
}
