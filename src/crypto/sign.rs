//! Ed25519 signatures (RFC 8032) by ring: audit heads and erasure certificates.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::OpenError;
use super::aead::Key;

/// Length of a public key in bytes.
pub const PUBLIC_LEN: usize = 32;
/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// A signing key, made from a 32-byte seed.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// The signer whose seed is `seed`.
    pub fn new(seed: &Key) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("a seed is any 32 bytes"))
    }

    /// The public key.
    pub fn public(&self) -> [u8; PUBLIC_LEN] {
        self.0.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }

    /// Signs `message`, which begins with the name of what it is, so that no signature serves for something else.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.0.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }
}

/// Checks a signature.
///
/// # Errors
/// [`OpenError`] when it is not by this key over this message.
pub fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), OpenError> {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).map_err(|_| OpenError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_verifies() {
        let signer = Signer::new(&Key::from_bytes([3; 32]));
        let signature = signer.sign(b"message");
        assert_eq!(verify(&signer.public(), b"message", &signature), Ok(()));
        assert_eq!(verify(&signer.public(), b"messagf", &signature), Err(OpenError));
        assert_eq!(verify(&Signer::new(&Key::from_bytes([4; 32])).public(), b"message", &signature), Err(OpenError));
        assert_eq!(verify(b"short", b"message", &signature), Err(OpenError));
        assert_eq!(verify(&signer.public(), b"message", b"short"), Err(OpenError));
    }
}
