//! Every label under which a key, nonce or tag is derived, and the two functions that derive: HKDF-SHA-256 (RFC 5869)
//! and HMAC-SHA-256 (RFC 2104). Two uses never share a label.

use ring::{hkdf, hmac};

use super::aead::Key;
use crate::base::sensitive::Secret;

/// What a derived value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Label {
    /// Key, nonce and commitment of an envelope.
    Envelope,
    /// Key, nonce prefix and commitment of a file stream.
    Stream,
    /// The secret half of a receipt code, from a record key.
    ReceiptSecret,
    /// Rounds of the permutation that hides arrival numbers in receipt codes.
    ReceiptLocator,
    /// Rounds of the permutation that hides arrival numbers in the cursors of lists.
    ListCursor,
    /// Rounds of the permutation that hides arrival numbers in links that unlock a file.
    LinkLocator,
    /// Check of such a link, from a record key.
    ResourceLink,
    /// Where an answer to a survey comes in an order that tells nothing.
    AnswerOrder,
    /// Rounds of the permutation that hides the arrival numbers of submissions in links that confirm.
    ConfirmLocator,
    /// The secret half of such a link, from a record key.
    ConfirmSecret,
    /// Rounds of the permutation that hides people's arrival numbers in links that unsubscribe.
    UnsubscribeLocator,
    /// The secret half of such a link, from a person's consent key and the form's name.
    UnsubscribeSecret,
    /// The name of a mail outside, from a record key and its name here.
    MailId,
    /// The tag under which an e-mail address is found.
    AddressTag,
    /// Hash of an API token's secret half.
    TokenHash,
    /// Hash of an idempotency key.
    IdempotencyKey,
    /// Hash of a request body, to compare under an idempotency key.
    RequestBody,
    /// Term of the store digest that stands for one row.
    DigestRow,
    /// Check value of the witness.
    Witness,
    /// DHKEM(X25519, HKDF-SHA256) output, bound to the recovery slot.
    Recovery,
}

impl Label {
    const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Envelope => b"letterlock v1 envelope",
            Self::Stream => b"letterlock v1 stream",
            Self::ReceiptSecret => b"letterlock v1 receipt secret",
            Self::ReceiptLocator => b"letterlock v1 receipt locator",
            Self::ListCursor => b"letterlock v1 list cursor",
            Self::LinkLocator => b"letterlock v1 link locator",
            Self::ResourceLink => b"letterlock v1 resource link",
            Self::AnswerOrder => b"letterlock v1 answer order",
            Self::ConfirmLocator => b"letterlock v1 confirm locator",
            Self::ConfirmSecret => b"letterlock v1 confirm secret",
            Self::UnsubscribeLocator => b"letterlock v1 unsubscribe locator",
            Self::UnsubscribeSecret => b"letterlock v1 unsubscribe secret",
            Self::MailId => b"letterlock v1 mail id",
            Self::AddressTag => b"letterlock v1 address tag",
            Self::TokenHash => b"letterlock v1 token hash",
            Self::IdempotencyKey => b"letterlock v1 idempotency key",
            Self::RequestBody => b"letterlock v1 request body",
            Self::DigestRow => b"letterlock v1 digest row",
            Self::Witness => b"letterlock v1 witness",
            Self::Recovery => b"letterlock v1 recovery",
        }
    }
}

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// Fills `out` (at most 8,160 bytes) from `key`, `salt` and the parts of `info`; `label` comes first in the info.
pub(super) fn derive_into(key: &[u8], salt: &[u8], label: Label, info: &[&[u8]], out: &mut [u8]) {
    let mut parts = Vec::with_capacity(info.len() + 1);
    parts.push(label.as_bytes());
    parts.extend_from_slice(info);
    // ring refuses only lengths above 255 blocks; every caller asks for a constant far below.
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(key)
        .expand(&parts, Len(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("output length is a small constant");
}

/// The first half of that derivation (RFC 5869 §2.2): what depends on `key` and on this one salt, and gives neither away.
pub(super) fn extract(key: &[u8], salt: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), key).as_ref());
    out
}

/// A 32-byte value that depends on `key`, `label` and `info` alone.
pub fn derive_key(key: &Key, label: Label, info: &[u8]) -> Key {
    let mut out = Secret::<32>::zeroed();
    derive_into(key.expose(), &[], label, &[info], out.expose_mut());
    Key::from_secret(out)
}

/// A keyed function from bytes to 32 bytes, set up once and used often.
pub struct Prf(hmac::Key);

impl Prf {
    /// The function for `key` and `label`.
    pub fn new(key: &Key, label: Label) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, derive_key(key, label, b"").expose()))
    }

    /// The value for `parts`, taken as one string: a caller with parts of variable length puts the lengths in.
    pub fn value(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }

    /// The same, over bytes that arrive in pieces.
    pub fn stream(&self) -> PrfStream {
        PrfStream(hmac::Context::with_key(&self.0))
    }
}

/// A value under way; see [`Prf::stream`].
pub struct PrfStream(hmac::Context);

impl PrfStream {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The value.
    pub fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.sign().as_ref());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 5869, appendix A.1, with the info split as derive_into splits it.
    #[test]
    fn hkdf_is_rfc_5869() {
        let ikm = [0x0b; 22];
        let salt: Vec<u8> = (0x00..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let mut out = [0; 42];
        hkdf::Salt::new(hkdf::HKDF_SHA256, &salt)
            .extract(&ikm)
            .expand(&[&info], Len(42))
            .unwrap()
            .fill(&mut out)
            .unwrap();
        assert_eq!(
            data_encoding::HEXLOWER.encode(&out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
    }

    #[test]
    fn labels_separate() {
        let key = Key::from_bytes([7; 32]);
        let a = derive_key(&key, Label::AddressTag, b"x");
        assert_ne!(a.expose(), derive_key(&key, Label::TokenHash, b"x").expose());
        assert_ne!(a.expose(), derive_key(&key, Label::AddressTag, b"y").expose());
        assert_ne!(Prf::new(&key, Label::AddressTag).value(&[b"a"]), Prf::new(&key, Label::TokenHash).value(&[b"a"]));
    }

    #[test]
    fn pieces_do_not_matter_to_a_prf() {
        let prf = Prf::new(&Key::from_bytes([1; 32]), Label::RequestBody);
        let mut stream = prf.stream();
        stream.update(b"ab");
        stream.update(b"c");
        assert_eq!(stream.finish(), prf.value(&[b"a", b"bc"]));
    }
}
