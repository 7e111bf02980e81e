//! The envelope around every sealed row:
//!
//! ```text
//! version (1) ‖ suite (1) ‖ salt (32) ‖ commitment (32) ‖ ciphertext ‖ tag (16)
//! ```
//!
//! Key, nonce and commitment come from one HKDF over (parent key, salt, context). A salt is drawn for every sealing, so
//! no (key, nonce) pair repeats. The commitment ties the ciphertext to one key (GCM alone does not) and is compared in
//! constant time before anything is deciphered. The plaintext is its length (4 bytes, little-endian), itself, and zeros
//! up to the next Padmé length.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::aead::{Cipher, Key, NONCE_LEN, TAG_LEN};
use super::context::{Context, SUITE, VERSION};
use super::derive::{Label, derive_into, extract};
use super::pad::padded_len;
use super::{OpenError, SealError};
use crate::base::entropy::{self, Entropy};
use crate::base::sensitive::{Secret, SecretBytes};

/// Length of the salt in bytes.
pub const SALT_LEN: usize = 32;
/// Length of the commitment in bytes.
pub const COMMITMENT_LEN: usize = 32;
/// Bytes before the ciphertext.
pub const HEADER_LEN: usize = 2 + SALT_LEN + COMMITMENT_LEN;
/// What an envelope adds to its padded content, in bytes.
pub const OVERHEAD: usize = HEADER_LEN + TAG_LEN;
/// The largest content, in bytes: with it, the envelope is just below the store's row limit of 64 KiB.
pub const MAX_CONTENT: usize = 63_484;

const LENGTH_LEN: usize = 4;
const DERIVED_LEN: usize = Key::LEN + NONCE_LEN + COMMITMENT_LEN;

/// Seals `content` under `parent` for `context`.
///
/// # Errors
/// [`SealError::TooLarge`] above [`MAX_CONTENT`]; [`SealError::Entropy`] without randomness.
pub fn seal(parent: &Key, context: &Context<'_>, content: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
    if content.len() > MAX_CONTENT {
        return Err(SealError::TooLarge);
    }
    let salt: [u8; SALT_LEN] = entropy::random(entropy)?;
    let derived = Derived::new(parent, &salt, context);

    let padded = padded_len((LENGTH_LEN + content.len()) as u64) as usize;
    let mut out = Vec::with_capacity(OVERHEAD + padded);
    out.extend_from_slice(&[VERSION, SUITE]);
    out.extend_from_slice(&salt);
    out.extend_from_slice(derived.commitment());
    out.extend_from_slice(&(content.len() as u32).to_le_bytes());
    out.extend_from_slice(content);
    out.resize(HEADER_LEN + padded, 0);
    derived.cipher().seal(derived.nonce(), &[VERSION, SUITE], &mut out, HEADER_LEN);
    Ok(out)
}

/// Opens an envelope made by [`seal`] with the same parent and context.
///
/// # Errors
/// [`OpenError`], whatever the reason.
pub fn open(parent: &Key, context: &Context<'_>, sealed: &[u8]) -> Result<SecretBytes, OpenError> {
    let parsed = Parsed::new(sealed)?;
    let derived = Derived::new(parent, parsed.salt, context);
    if !bool::from(derived.commitment().ct_eq(parsed.commitment)) {
        return Err(OpenError);
    }
    let mut buffer = Zeroizing::new(parsed.ciphertext.to_vec());
    derived.cipher().open(derived.nonce(), &[VERSION, SUITE], &mut buffer)?;
    unpad(&mut buffer)?;
    Ok(buffer)
}

/// What opens one envelope and no other: the pseudorandom key of its derivation (RFC 5869 §2.2), which is made of the parent
/// key and of the salt that was drawn for this one sealing. Whoever has it can go on from there as [`open`] does, the context
/// and the commitment included, and learns nothing about the parent key. It is for handing out beside the envelope, to those
/// who may read the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure(pub [u8; 32]);

/// What opens this envelope, if it opens.
///
/// # Errors
/// As [`open`].
pub fn disclose(parent: &Key, context: &Context<'_>, sealed: &[u8]) -> Result<Disclosure, OpenError> {
    open(parent, context, sealed)?;
    Ok(Disclosure(extract(parent.expose(), Parsed::new(sealed)?.salt)))
}

/// The commitment in an envelope, which names its exact content; `None` if the bytes are not an envelope.
pub fn commitment(sealed: &[u8]) -> Option<&[u8]> {
    Parsed::new(sealed).ok().map(|parsed| parsed.commitment)
}

struct Parsed<'a> {
    salt: &'a [u8],
    commitment: &'a [u8],
    ciphertext: &'a [u8],
}

impl<'a> Parsed<'a> {
    fn new(sealed: &'a [u8]) -> Result<Self, OpenError> {
        if sealed.len() < OVERHEAD + LENGTH_LEN || sealed[..2] != [VERSION, SUITE] {
            return Err(OpenError);
        }
        let (salt, rest) = sealed[2..].split_at(SALT_LEN);
        let (commitment, ciphertext) = rest.split_at(COMMITMENT_LEN);
        Ok(Self { salt, commitment, ciphertext })
    }
}

struct Derived(Secret<DERIVED_LEN>);

impl Derived {
    fn new(parent: &Key, salt: &[u8], context: &Context<'_>) -> Self {
        let mut out = Secret::zeroed();
        derive_into(parent.expose(), salt, Label::Envelope, &[&context.encode()], out.expose_mut());
        Self(out)
    }

    fn cipher(&self) -> Cipher {
        let mut key = Zeroizing::new([0; Key::LEN]);
        key.copy_from_slice(&self.0.expose()[..Key::LEN]);
        Cipher::new(&key)
    }

    fn nonce(&self) -> &[u8; NONCE_LEN] {
        self.0.expose()[Key::LEN..Key::LEN + NONCE_LEN].try_into().expect("a constant range")
    }

    fn commitment(&self) -> &[u8] {
        &self.0.expose()[Key::LEN + NONCE_LEN..]
    }
}

/// Cuts length and padding off. One plaintext has one padded form; any other is refused.
fn unpad(buffer: &mut Vec<u8>) -> Result<(), OpenError> {
    let length: [u8; LENGTH_LEN] = buffer.get(..LENGTH_LEN).and_then(|b| b.try_into().ok()).ok_or(OpenError)?;
    let end = LENGTH_LEN + u32::from_le_bytes(length) as usize;
    let right_size = padded_len(end as u64) == buffer.len() as u64;
    if !right_size || buffer[end..].iter().any(|&b| b != 0) {
        return Err(OpenError);
    }
    buffer.truncate(end);
    buffer.drain(..LENGTH_LEN);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::entropy::{BrokenEntropy, SeededEntropy, SystemEntropy};
    use crate::base::ids::PersonId;
    use crate::base::tables::Table;
    use crate::crypto::context::Purpose;

    const PERSON: PersonId = PersonId::from_bytes([9; 16]);

    fn key() -> Key {
        Key::from_bytes([0x42; 32])
    }

    fn context(row: &[u8]) -> Context<'_> {
        Context::new(Purpose::Record).table(Table::Records).person(&PERSON).row(row).version(3)
    }

    #[test]
    fn round_trip_at_every_interesting_length() {
        for len in [0, 1, 4, 5, 27, 28, 29, 1000, 63_000, MAX_CONTENT] {
            let content = vec![7; len];
            let sealed = seal(&key(), &context(b"r"), &content, &SystemEntropy::new()).unwrap();
            assert!(sealed.len() <= 65_536);
            assert_eq!(*open(&key(), &context(b"r"), &sealed).unwrap(), content);
        }
        assert_eq!(
            seal(&key(), &context(b"r"), &vec![0; MAX_CONTENT + 1], &SystemEntropy::new()),
            Err(SealError::TooLarge)
        );
    }

    #[test]
    fn opens_nowhere_else() {
        let sealed = seal(&key(), &context(b"r"), b"content", &SystemEntropy::new()).unwrap();
        let other = PersonId::from_bytes([8; 16]);
        for (what, key, context) in [
            ("key", Key::from_bytes([0x43; 32]), context(b"r")),
            ("row", key(), context(b"s")),
            ("person", key(), context(b"r").person(&other)),
            ("version", key(), context(b"r").version(4)),
            ("table", key(), context(b"r").table(Table::List)),
            (
                "purpose",
                key(),
                Context::new(Purpose::ListEntry).table(Table::Records).person(&PERSON).row(b"r").version(3),
            ),
        ] {
            assert_eq!(open(&key, &context, &sealed), Err(OpenError), "{what}");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused() {
        let sealed = seal(&key(), &context(b"r"), b"some content", &SystemEntropy::new()).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key(), &context(b"r"), &bad), Err(OpenError), "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert_eq!(open(&key(), &context(b"r"), &sealed[..len]), Err(OpenError), "cut to {len}");
        }
        let mut longer = sealed;
        longer.push(0);
        assert_eq!(open(&key(), &context(b"r"), &longer), Err(OpenError));
    }

    #[test]
    fn one_content_has_one_padded_form() {
        let padded = |padding: &[u8]| [&[5, 0, 0, 0], b"12345".as_slice(), padding].concat();
        let mut good = padded(&[0]);
        assert_eq!((unpad(&mut good), good.as_slice()), (Ok(()), b"12345".as_slice()));
        for (what, padding) in [("missing", &[][..]), ("not zero", &[1]), ("too long", &[0, 0])] {
            assert_eq!(unpad(&mut padded(padding)), Err(OpenError), "padding {what}");
        }
        assert_eq!(unpad(&mut vec![200, 0, 0, 0, 1, 2]), Err(OpenError), "a length past the end");
    }

    #[test]
    fn sealing_twice_shares_nothing() {
        let entropy = SystemEntropy::new();
        let (a, b) = (
            seal(&key(), &context(b"r"), b"x", &entropy).unwrap(),
            seal(&key(), &context(b"r"), b"x", &entropy).unwrap(),
        );
        assert!(a[2..].chunks(16).zip(b[2..].chunks(16)).all(|(x, y)| x != y));
        assert_ne!(commitment(&a), commitment(&b));
    }

    /// As somebody without the parent key goes on from a disclosure.
    #[test]
    fn what_is_disclosed_opens_its_own_envelope_and_no_other() {
        let entropy = SystemEntropy::new();
        let [one, other] =
            ["one", "other"].map(|text| seal(&key(), &context(b"r"), text.as_bytes(), &entropy).unwrap());
        let disclosed = disclose(&key(), &context(b"r"), &one).unwrap();
        let derive = |context: &Context<'_>| {
            let label = b"letterlock v1 envelope".as_slice();
            let info = [label, &context.encode()].concat();
            let prk = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &disclosed.0);
            let (mut out, mut before) = (Vec::new(), Vec::new());
            for n in 1..=3 {
                before = ring::hmac::sign(&prk, &[before.as_slice(), &info, &[n]].concat()).as_ref().to_vec();
                out.extend_from_slice(&before);
            }
            out
        };
        let derived = derive(&context(b"r"));
        assert_eq!(&derived[44..76], commitment(&one).unwrap());
        assert_ne!(&derived[44..76], commitment(&other).unwrap());
        assert_ne!(&derive(&context(b"s"))[44..76], commitment(&one).unwrap(), "another row");
        let cipher = Cipher::new(derived[..32].try_into().unwrap());
        let mut buffer = one[HEADER_LEN..].to_vec();
        cipher.open(derived[32..44].try_into().unwrap(), &[VERSION, SUITE], &mut buffer).unwrap();
        unpad(&mut buffer).unwrap();
        assert_eq!(buffer, b"one");
        assert_eq!(disclose(&key(), &context(b"s"), &one), Err(OpenError));
        assert_ne!(disclose(&key(), &context(b"r"), &other).unwrap(), disclosed);
    }

    #[test]
    fn no_randomness_no_seal() {
        assert!(matches!(seal(&key(), &context(b"r"), b"x", &BrokenEntropy), Err(SealError::Entropy(_))));
    }

    #[test]
    fn frozen_vector() {
        let sealed = seal(&key(), &context(b"row"), b"letterlock", &SeededEntropy::new(1)).unwrap();
        assert_eq!(data_encoding::HEXLOWER.encode(&sealed), include_str!("vectors/envelope.hex").trim());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_open_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(open(&key(), &context(b"r"), &bytes), Err(OpenError));
        }
    }
}
