//! Receipt codes: what a person writes down to come back to their submission.
//!
//! ```text
//! code    = 28 characters in seven groups of four, Crockford base32 without I, L, O, U
//! locator = 7 characters: the arrival number under a keyed permutation of 35 bits
//! secret  = 20 characters: 100 bits derived from the record key
//! check   = 1 character over the others
//! ```
//!
//! Nothing of a code is stored. The locator leads to the list row; the secret is derived anew from the record key inside
//! the person's keyring and compared in constant time, so a code dies with its record. The permutation hides how many
//! submissions there are: four Feistel rounds of HMAC-SHA-256 over 36 bits, walked until the value fits in 35.

use data_encoding::{Encoding, Specification};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::aead::Key;
use super::derive::{Label, Prf, derive_key};
use crate::base::sensitive::SensitiveString;

/// Bytes of the secret: 100 bits, in 13 bytes, the last four bits zero.
const SECRET_LEN: usize = 13;
const LOCATOR_BITS: u32 = 35;
const HALF_BITS: u32 = 18;
const HALF_MASK: u64 = (1 << HALF_BITS) - 1;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The text is not a receipt code: wrong length, a character that no code has, or a wrong check character.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not a receipt code")]
pub struct BadReceipt;

/// The secret half of a code. Compared in constant time only.
pub struct ReceiptSecret(Zeroizing<[u8; SECRET_LEN]>);

impl ReceiptSecret {
    /// The secret that belongs to the record with this key.
    pub fn derive(record_key: &Key) -> Self {
        let derived = derive_key(record_key, Label::ReceiptSecret, b"");
        let mut out = Zeroizing::new([0; SECRET_LEN]);
        out.copy_from_slice(&derived.expose()[..SECRET_LEN]);
        out[SECRET_LEN - 1] &= 0xf0;
        Self(out)
    }
}

impl PartialEq for ReceiptSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

/// Turns arrival numbers into locators and back: those of receipt codes, of list cursors, or of links.
pub struct Locators(Prf);

impl Locators {
    /// The permutation under this system key.
    pub fn new(key: &Key) -> Self {
        Self::under(key, Label::ReceiptLocator)
    }

    /// The permutation for cursors, which has nothing to do with that of the codes.
    pub fn for_cursors(key: &Key) -> Self {
        Self::under(key, Label::ListCursor)
    }

    /// The permutation for another use, which has nothing to do with the others.
    pub(super) fn under(key: &Key, label: Label) -> Self {
        Self(Prf::new(key, label))
    }

    /// The permutation for links that unlock a file.
    pub fn for_links(key: &Key) -> Self {
        Self(Prf::new(key, Label::LinkLocator))
    }

    /// The locator of an arrival number. `None` past 2³⁵ arrivals.
    pub fn hide(&self, arrival: u64) -> Option<u64> {
        self.walk(arrival, Self::forward)
    }

    /// The arrival number behind a locator, whether or not anything has arrived there. `None` for what is no locator.
    pub fn reveal(&self, locator: u64) -> Option<u64> {
        self.walk(locator, Self::backward)
    }

    /// The receipt code of the submission with this arrival number and secret. `None` past 2³⁵ arrivals.
    pub fn code(&self, arrival: u64, secret: &ReceiptSecret) -> Option<SensitiveString> {
        let locator = self.hide(arrival)?;
        let mut body = Zeroizing::new(String::with_capacity(28));
        for place in (0..7).rev() {
            body.push(char::from(ALPHABET[(locator >> (5 * place)) as usize & 31]));
        }
        body.push_str(&base32().encode(secret.0.as_slice())[..20]);
        let check = check_character(body.as_bytes());
        body.push(check);
        let groups: Vec<&str> = (0..7).map(|n| &body[n * 4..n * 4 + 4]).collect();
        Some(groups.join("-").into())
    }

    /// Reads a code as a person typed it: any case, spaces or hyphens anywhere, O for 0, I and L for 1.
    ///
    /// # Errors
    /// [`BadReceipt`]; that a code reads well says nothing about whether its submission exists.
    pub fn parse(&self, text: &str) -> Result<(u64, ReceiptSecret), BadReceipt> {
        let body = normalise(text)?;
        if check_character(&body[..27]) != char::from(body[27]) {
            return Err(BadReceipt);
        }
        let mut locator = 0;
        for &c in &body[..7] {
            locator = locator << 5 | ALPHABET.iter().position(|&a| a == c).ok_or(BadReceipt)? as u64;
        }
        let mut padded = Zeroizing::new(body[7..27].to_vec());
        padded.push(ALPHABET[0]);
        let bytes = Zeroizing::new(base32().decode(&padded).map_err(|_| BadReceipt)?);
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        secret.copy_from_slice(bytes.get(..SECRET_LEN).ok_or(BadReceipt)?);

        let arrival = self.reveal(locator).ok_or(BadReceipt)?;
        Ok((arrival, ReceiptSecret(secret)))
    }

    /// Steps until the value is back among those of 35 bits, from which it must come.
    fn walk(&self, from: u64, step: impl Fn(&Self, u64) -> u64) -> Option<u64> {
        if from >> LOCATOR_BITS != 0 {
            return None;
        }
        let mut at = step(self, from);
        while at >> LOCATOR_BITS != 0 {
            at = step(self, at);
        }
        Some(at)
    }

    fn round(&self, round: u8, half: u64) -> u64 {
        let value = self.0.value(&[&[round], &half.to_be_bytes()]);
        u64::from_be_bytes([value[0], value[1], value[2], value[3], value[4], value[5], value[6], value[7]]) & HALF_MASK
    }

    fn forward(&self, n: u64) -> u64 {
        let (mut left, mut right) = (n >> HALF_BITS, n & HALF_MASK);
        for round in 0..4 {
            (left, right) = (right, left ^ self.round(round, right));
        }
        left << HALF_BITS | right
    }

    fn backward(&self, n: u64) -> u64 {
        let (mut left, mut right) = (n >> HALF_BITS, n & HALF_MASK);
        for round in (0..4).rev() {
            (left, right) = (right ^ self.round(round, left), left);
        }
        left << HALF_BITS | right
    }
}

fn base32() -> Encoding {
    let mut spec = Specification::new();
    spec.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    spec.check_trailing_bits = true;
    spec.encoding().expect("the alphabet has 32 different symbols")
}

fn normalise(text: &str) -> Result<Zeroizing<Vec<u8>>, BadReceipt> {
    // A little room for separators; anything longer is no code.
    if text.len() > 100 {
        return Err(BadReceipt);
    }
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        out.push(match c.to_ascii_uppercase() {
            'O' => b'0',
            'I' | 'L' => b'1',
            c if c.is_ascii() && ALPHABET.contains(&(c as u8)) => c as u8,
            _ => return Err(BadReceipt),
        });
    }
    if out.len() == 28 { Ok(out) } else { Err(BadReceipt) }
}

/// Weights 1, 3, 5 … modulo 32: finds every single wrong character and all but one in sixteen swaps of neighbours.
fn check_character(body: &[u8]) -> char {
    let sum: usize =
        body.iter().enumerate().map(|(n, c)| (2 * n + 1) * ALPHABET.iter().position(|a| a == c).unwrap_or(0)).sum();
    char::from(ALPHABET[sum % 32])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn locators() -> Locators {
        Locators::new(&Key::from_bytes([1; 32]))
    }

    fn secret(n: u8) -> ReceiptSecret {
        ReceiptSecret::derive(&Key::from_bytes([n; 32]))
    }

    #[test]
    fn reads_what_a_person_would_type() {
        let code = locators().code(77, &secret(1)).unwrap();
        let text = code.expose();
        assert_eq!(text.len(), 34);
        for typed in
            [text.to_owned(), text.to_lowercase(), text.replace('-', " "), format!("  {} ", text.replace('-', ""))]
        {
            let (arrival, found) = locators().parse(&typed).unwrap();
            assert_eq!(arrival, 77);
            assert!(found == secret(1) && found != secret(2));
        }
    }

    #[test]
    fn one_wrong_character_is_noticed() {
        let code = locators().code(5, &secret(1)).unwrap();
        let text = code.expose();
        for place in (0..text.len()).filter(|p| p % 5 != 4) {
            for c in *ALPHABET {
                let mut typed = text.as_bytes().to_vec();
                if typed[place] != c {
                    typed[place] = c;
                    assert!(locators().parse(std::str::from_utf8(&typed).unwrap()).is_err());
                }
            }
        }
    }

    #[test]
    fn letters_that_look_like_digits_are_read_as_those() {
        let codes: Vec<String> = (0..50).map(|n| locators().code(n, &secret(1)).unwrap().expose().to_owned()).collect();
        for (digit, letters) in [('0', "Oo"), ('1', "IiLl")] {
            let (arrival, code) = (0..).zip(&codes).find(|(_, code)| code.contains(digit)).unwrap();
            for letter in letters.chars() {
                let typed = code.replace(digit, &letter.to_string());
                assert_eq!(locators().parse(&typed).unwrap().0, arrival, "{letter}");
            }
        }
    }

    #[test]
    fn separators_have_room_and_a_limit() {
        let code = locators().code(9, &secret(1)).unwrap();
        let padded = |len: usize| format!("{}{}", code.expose(), " ".repeat(len - code.expose().len()));
        assert!(locators().parse(&padded(100)).is_ok() && locators().parse(&padded(101)).is_err());
    }

    #[test]
    fn characters_that_shrink_to_ones_of_the_alphabet_are_refused() {
        let code = locators().code(9, &secret(1)).unwrap();
        for (at, c) in code.expose().char_indices().filter(|(_, c)| *c != '-') {
            let wide = char::from_u32(0x400 + u32::from(c)).unwrap();
            let typed = format!("{}{wide}{}", &code.expose()[..at], &code.expose()[at + 1..]);
            assert!(locators().parse(&typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn swapped_neighbours_are_noticed_unless_sixteen_apart() {
        let place = |c: u8| ALPHABET.iter().position(|a| *a == c).unwrap();
        let mut noticed = 0;
        for n in 0..20 {
            let code = locators().code(n, &secret(1)).unwrap().expose().replace('-', "").into_bytes();
            for at in (0..26).filter(|&at| code[at] != code[at + 1]) {
                let mut typed = code.clone();
                typed.swap(at, at + 1);
                let apart = place(code[at]).abs_diff(place(code[at + 1]));
                let read = locators().parse(std::str::from_utf8(&typed).unwrap());
                assert_eq!(read.is_err(), apart != 16, "{at} of {code:?}");
                noticed += usize::from(read.is_err());
            }
        }
        assert!(noticed > 300, "{noticed}");
    }

    #[test]
    fn neighbours_do_not_look_alike() {
        let heads: std::collections::BTreeSet<_> =
            (0..1000).map(|n| locators().code(n, &secret(1)).unwrap().expose()[..8].to_owned()).collect();
        assert_eq!(heads.len(), 1000);
        assert!(locators().code(1 << 35, &secret(1)).is_none());
    }

    #[test]
    fn cursors_hide_what_codes_hide_and_are_not_those_of_codes() {
        let (codes, cursors) = (locators(), Locators::for_cursors(&Key::from_bytes([1; 32])));
        for arrival in [0, 1, 2, 77, (1 << 35) - 1] {
            let cursor = cursors.hide(arrival).unwrap();
            assert_eq!(cursors.reveal(cursor), Some(arrival));
            assert_ne!(codes.hide(arrival), Some(cursor));
        }
        assert_eq!((cursors.hide(1 << 35), cursors.reveal(1 << 35), cursors.reveal(u64::MAX)), (None, None, None));
    }

    proptest! {
        #[test]
        fn permutation_has_an_inverse(n in 0u64..1 << 36) {
            let l = locators();
            prop_assert_eq!(l.backward(l.forward(n)), n);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,120}") {
            let _ = locators().parse(&text);
        }
    }
}
