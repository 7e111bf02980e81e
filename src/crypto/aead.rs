//! The cipher itself: AES-256-GCM (NIST SP 800-38D) by the `aes-gcm` crate, whose key schedule is wiped on drop.
//!
//! Private to `crypto`: outside, one seals an envelope or a stream.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};

use super::OpenError;
use crate::base::entropy::{Entropy, EntropyError};
use crate::base::sensitive::Secret;

/// Length of an authentication tag in bytes.
pub const TAG_LEN: usize = 16;
/// Length of a nonce in bytes.
pub const NONCE_LEN: usize = 12;

/// A 256-bit key: of a page, a person, a record, a file, or derived from one. Wiped on drop, never printed.
pub struct Key(Secret<32>);

impl Key {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// A fresh key.
    pub fn make_random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Secret::make_random(entropy).map(Self)
    }

    /// The key with these bytes. The caller wipes its own copy.
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let mut secret = Secret::zeroed();
        *secret.expose_mut() = bytes;
        Self(secret)
    }

    /// The key in `bytes`; `None` unless there are exactly 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Secret::from_slice(bytes).map(Self)
    }

    /// The key that this secret is.
    pub fn from_secret(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// The bytes. Every call is a place to review.
    pub fn expose(&self) -> &[u8; Self::LEN] {
        self.0.expose()
    }

    /// A second copy in memory. Each use says why one is needed.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.duplicate())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// A key ready for use, with its schedule; on the heap, so that moving the value leaves no copy behind.
pub(super) struct Cipher(Box<Aes256Gcm>);

impl Cipher {
    pub(super) fn new(key: &[u8; Key::LEN]) -> Self {
        Self(Box::new(Aes256Gcm::new(key.into())))
    }

    /// Encrypts in place and appends the tag. A nonce is used once for each key: the callers derive or count it.
    pub(super) fn seal(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], buffer: &mut Vec<u8>, from: usize) {
        let tag = self
            .0
            .encrypt_inout_detached(&Nonce::from(*nonce), aad, (&mut buffer[from..]).into())
            .expect("rows and segments are far below the limit of 64 GiB");
        buffer.extend_from_slice(&tag);
    }

    /// Decrypts `buffer`, which ends in its tag, in place and cuts the tag off. On failure the content is unspecified.
    pub(super) fn open(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], buffer: &mut Vec<u8>) -> Result<(), OpenError> {
        let body = buffer.len().checked_sub(TAG_LEN).ok_or(OpenError)?;
        let tag: [u8; TAG_LEN] = buffer[body..].try_into().map_err(|_| OpenError)?;
        self.0
            .decrypt_inout_detached(&Nonce::from(*nonce), aad, (&mut buffer[..body]).into(), &Tag::from(tag))
            .map_err(|_| OpenError)?;
        buffer.truncate(body);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds only while the `zeroize` features of the crates underneath are on.
    #[test]
    fn key_schedules_wipe_on_drop() {
        fn wipes<T: zeroize::ZeroizeOnDrop>() {}
        wipes::<Aes256Gcm>();
        wipes::<aes::Aes256>();
        wipes::<Secret<32>>();
    }

    #[test]
    fn a_key_shows_nothing_of_itself_when_printed() {
        assert_eq!(format!("{:?}", Key::from_bytes([0x61; 32])), "Key(..)");
    }

    // Test case 16 of McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)".
    #[test]
    fn cipher_is_gcm() {
        let hex = |s: &str| data_encoding::HEXLOWER.decode(s.as_bytes()).unwrap();
        let key: [u8; 32] = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308").try_into().unwrap();
        let nonce: [u8; 12] = hex("cafebabefacedbaddecaf888").try_into().unwrap();
        let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let plain = hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let mut buffer = plain.clone();
        Cipher::new(&key).seal(&nonce, &aad, &mut buffer, 0);
        assert_eq!(data_encoding::HEXLOWER.encode(&buffer[60..]), "76fc6ece0f4e1768cddf8853bb2d551b");
        Cipher::new(&key).open(&nonce, &aad, &mut buffer).unwrap();
        assert_eq!(buffer, plain);
    }
}
