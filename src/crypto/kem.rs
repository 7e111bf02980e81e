//! Seals to a public key: DHKEM(X25519, HKDF-SHA256) of RFC 9180 §4.1 gives a shared secret, which becomes the parent key
//! of an ordinary envelope. Used for the recovery slot, whose private key should not be on the machine.

use x25519_dalek::{PublicKey, StaticSecret};

use super::aead::Key;
use super::derive::{Label, derive_key};
use super::{OpenError, SealError};
use crate::base::entropy::Entropy;
use crate::base::sensitive::Secret;

/// Length of public keys and encapsulated keys in bytes.
pub const PUBLIC_LEN: usize = 32;

// "KEM" ‖ I2OSP(0x0020, 2): DHKEM(X25519, HKDF-SHA256).
const SUITE_ID: [u8; 5] = [b'K', b'E', b'M', 0x00, 0x20];

/// A private X25519 key. Wiped on drop.
pub struct PrivateKey(StaticSecret);

impl PrivateKey {
    /// A fresh private key.
    ///
    /// # Errors
    /// [`SealError::Entropy`] without randomness.
    pub fn make_random(entropy: &dyn Entropy) -> Result<Self, SealError> {
        let secret = Secret::<32>::make_random(entropy)?;
        Ok(Self::from_bytes(&secret))
    }

    /// The private key in these bytes.
    pub fn from_bytes(secret: &Secret<32>) -> Self {
        Self(StaticSecret::from(*secret.expose()))
    }

    /// The bytes, to be written where the owner keeps it.
    pub fn to_secret(&self) -> Secret<32> {
        let mut out = Secret::zeroed();
        *out.expose_mut() = self.0.to_bytes();
        out
    }

    /// Its public half.
    pub fn public(&self) -> [u8; PUBLIC_LEN] {
        PublicKey::from(&self.0).to_bytes()
    }

    /// The key that [`encapsulate`] made for this private key.
    ///
    /// # Errors
    /// [`OpenError`] for an encapsulated key of low order.
    pub fn decapsulate(&self, encapsulated: &[u8; PUBLIC_LEN]) -> Result<Key, OpenError> {
        let dh = self.0.diffie_hellman(&PublicKey::from(*encapsulated));
        if !dh.was_contributory() {
            return Err(OpenError);
        }
        Ok(bind(&extract_and_expand(dh.as_bytes(), encapsulated, &self.public())))
    }
}

/// A fresh key for the holder of `public`, and what to send along so that they get the same.
///
/// # Errors
/// [`SealError::Entropy`] without randomness, [`SealError::TooLarge`] for a public key of low order.
pub fn encapsulate(public: &[u8; PUBLIC_LEN], entropy: &dyn Entropy) -> Result<(Key, [u8; PUBLIC_LEN]), SealError> {
    let ephemeral = PrivateKey::make_random(entropy)?;
    let dh = ephemeral.0.diffie_hellman(&PublicKey::from(*public));
    if !dh.was_contributory() {
        return Err(SealError::TooLarge);
    }
    let encapsulated = ephemeral.public();
    Ok((bind(&extract_and_expand(dh.as_bytes(), &encapsulated, public)), encapsulated))
}

fn bind(shared: &Secret<32>) -> Key {
    derive_key(&Key::from_bytes(*shared.expose()), Label::Recovery, b"")
}

/// RFC 9180 §4.1 `ExtractAndExpand`, with `LabeledExtract` and `LabeledExpand` written out.
fn extract_and_expand(dh: &[u8; 32], encapsulated: &[u8; PUBLIC_LEN], recipient: &[u8; PUBLIC_LEN]) -> Secret<32> {
    use ring::hkdf::{HKDF_SHA256, Salt};
    use zeroize::Zeroizing;

    let mut labeled = Zeroizing::new(Vec::with_capacity(64));
    labeled.extend_from_slice(b"HPKE-v1");
    labeled.extend_from_slice(&SUITE_ID);
    labeled.extend_from_slice(b"eae_prk");
    labeled.extend_from_slice(dh);
    let prk = Salt::new(HKDF_SHA256, &[]).extract(&labeled);

    let info: [&[u8]; 6] = [&[0, 32], b"HPKE-v1", &SUITE_ID, b"shared_secret", encapsulated, recipient];
    let mut out = Secret::zeroed();
    prk.expand(&info, HKDF_SHA256)
        .and_then(|okm| okm.fill(out.expose_mut()))
        .expect("32 bytes are within the limit of HKDF");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SystemEntropy;

    #[test]
    fn both_sides_get_the_same_key() {
        let entropy = SystemEntropy::new();
        let private = PrivateKey::make_random(&entropy).unwrap();
        let (key, encapsulated) = encapsulate(&private.public(), &entropy).unwrap();
        assert_eq!(private.decapsulate(&encapsulated).unwrap(), key);
        let other = PrivateKey::make_random(&entropy).unwrap();
        assert_ne!(other.decapsulate(&encapsulated).unwrap(), key);
    }

    #[test]
    fn low_order_points_are_refused() {
        let entropy = SystemEntropy::new();
        assert!(encapsulate(&[0; 32], &entropy).is_err());
        assert!(PrivateKey::make_random(&entropy).unwrap().decapsulate(&[0; 32]).is_err());
    }

    // RFC 9180, appendix A.1.1: skRm, enc and shared_secret of the base mode.
    #[test]
    fn shared_secret_is_rfc_9180() {
        let hex = |s: &str| -> [u8; 32] { data_encoding::HEXLOWER.decode(s.as_bytes()).unwrap().try_into().unwrap() };
        let private =
            PrivateKey(StaticSecret::from(hex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")));
        let encapsulated = hex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431");
        let dh = private.0.diffie_hellman(&PublicKey::from(encapsulated));
        assert_eq!(
            extract_and_expand(dh.as_bytes(), &encapsulated, &private.public()).expose(),
            &hex("fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc")
        );
    }
}
