//! Links in mails: what confirms a subscription, and what ends it.
//!
//! ```text
//! token   = 28 characters of base64url: locator (5 bytes, the first five bits zero) ‖ secret (16 bytes)
//! locator = an arrival number (of a submission, or of a person) under a keyed permutation of 35 bits
//! secret  = 128 bits derived from the record key, or from the person's consent key and the form's name
//! ```
//!
//! As with receipt codes, nothing of a token is stored, and nothing in it is made of an address. It dies with its keys.

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::aead::Key;
use super::derive::{Label, derive_key};
use super::receipt::Locators;
use crate::base::sensitive::SensitiveString;

/// Characters of a token.
pub const LEN: usize = 28;
const LOCATOR: usize = 5;
const SECRET: usize = 16;

/// The text is not a token: wrong length or characters, or no number can be behind it.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not a link of ours")]
pub struct BadLink;

/// The secret half. Compared in constant time only.
pub struct LinkSecret(Zeroizing<[u8; SECRET]>);

impl LinkSecret {
    /// What confirms the submission with this record key.
    pub fn to_confirm(record_key: &Key) -> Self {
        Self::derive(record_key, Label::ConfirmSecret, b"")
    }

    /// What ends the subscription, at the form of this name, of the person with this consent key.
    pub fn to_unsubscribe(consent_key: &Key, form: &str) -> Self {
        Self::derive(consent_key, Label::UnsubscribeSecret, form.as_bytes())
    }

    fn derive(key: &Key, label: Label, info: &[u8]) -> Self {
        let derived = derive_key(key, label, info);
        let mut out = Zeroizing::new([0; SECRET]);
        out.copy_from_slice(&derived.expose()[..SECRET]);
        Self(out)
    }
}

impl PartialEq for LinkSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

/// Writes and reads the tokens of one kind of link.
pub struct Links(Locators);

impl Links {
    /// Links that confirm a submission.
    pub fn to_confirm(key: &Key) -> Self {
        Self(Locators::under(key, Label::ConfirmLocator))
    }

    /// Links that end what a person is subscribed to.
    pub fn to_unsubscribe(key: &Key) -> Self {
        Self(Locators::under(key, Label::UnsubscribeLocator))
    }

    /// The token of this number and secret. `None` past 2³⁵.
    pub fn token(&self, number: u64, secret: &LinkSecret) -> Option<SensitiveString> {
        let locator = self.0.hide(number)?.to_be_bytes();
        let mut bytes = Zeroizing::new([0; LOCATOR + SECRET]);
        bytes[..LOCATOR].copy_from_slice(&locator[8 - LOCATOR..]);
        bytes[LOCATOR..].copy_from_slice(secret.0.as_slice());
        Some(BASE64URL_NOPAD.encode(bytes.as_slice()).into())
    }

    /// Reads a token. That it reads well says nothing about whether anything is behind it.
    ///
    /// # Errors
    /// [`BadLink`] for anything that [`Links::token`] does not write.
    pub fn parse(&self, text: &str) -> Result<(u64, LinkSecret), BadLink> {
        if text.len() != LEN {
            return Err(BadLink);
        }
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| BadLink)?);
        let (locator, secret) = bytes.split_at_checked(LOCATOR).ok_or(BadLink)?;
        let locator = locator.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let secret = Zeroizing::new(secret.try_into().map_err(|_| BadLink)?);
        Ok((self.0.reveal(locator).ok_or(BadLink)?, LinkSecret(secret)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 32])
    }

    #[test]
    fn a_token_reads_back_and_no_other_text_does() {
        let links = Links::to_confirm(&key(1));
        let secret = LinkSecret::to_confirm(&key(2));
        for number in [0, 1, 77, (1 << 35) - 1] {
            let token = links.token(number, &secret).unwrap();
            let text = token.expose();
            assert_eq!(text.len(), LEN);
            let (found, read) = links.parse(text).unwrap();
            assert!(found == number && read == secret);
            for bad in [&text[1..], &format!("{text}="), &format!(" {}", &text[1..]), &text.replace('A', "+"), ""] {
                assert!(bad == text || links.parse(bad).is_err(), "{bad}");
            }
        }
        assert!(links.token(1 << 35, &secret).is_none());
        assert!(links.parse(&"_".repeat(LEN)).is_err(), "a number that nothing has");
    }

    #[test]
    fn kinds_forms_and_keys_have_nothing_to_do_with_each_other() {
        let confirm = LinkSecret::to_confirm(&key(2));
        let news = LinkSecret::to_unsubscribe(&key(2), "newsletter");
        assert!(confirm != news && news != LinkSecret::to_unsubscribe(&key(2), "events"));
        assert!(news != LinkSecret::to_unsubscribe(&key(3), "newsletter"));
        let token = Links::to_confirm(&key(1)).token(5, &confirm).unwrap();
        let other = Links::to_unsubscribe(&key(1)).parse(token.expose());
        assert!(other.is_err() || other.is_ok_and(|(number, _)| number != 5));
    }
}
