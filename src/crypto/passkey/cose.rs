//! Public keys as devices write them (COSE_Key, RFC 9052 and RFC 9053): a CBOR map of a few small numbers and byte strings. No more
//! of CBOR is understood than that, in its one shortest spelling (CTAP2 canonical form).

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};

/// Algorithms that are taken, the dearest first: Ed25519, ECDSA on P-256, RSA (which older Windows has only).
pub(super) const ALGORITHMS: [i64; 3] = [-8, -7, -257];

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PublicKey {
    /// EdDSA on Curve25519.
    Ed25519([u8; 32]),
    /// ECDSA with SHA-256 on P-256: x and y.
    P256([u8; 32], [u8; 32]),
    /// RSASSA-PKCS1-v1_5 with SHA-256: modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
}

impl PublicKey {
    /// Reads a key off the front. `None` for any other kind, and for any other spelling.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut cbor = Cbor(bytes);
        let pairs = cbor.map()?;
        let key = match (pairs, cbor.label(1)?.number()?, cbor.label(3)?.number()?) {
            (4, 1, -8) => {
                cbor.label(-1)?.number().filter(|curve| *curve == 6)?;
                Self::Ed25519(cbor.label(-2)?.bytes()?.try_into().ok()?)
            }
            (5, 2, -7) => {
                cbor.label(-1)?.number().filter(|curve| *curve == 1)?;
                let x = cbor.label(-2)?.bytes()?.try_into().ok()?;
                Self::P256(x, cbor.label(-3)?.bytes()?.try_into().ok()?)
            }
            (4, 3, -257) => {
                let modulus = cbor.label(-1)?.bytes()?.to_vec();
                let exponent = cbor.label(-2)?.bytes()?.to_vec();
                let fits = (256..=1024).contains(&modulus.len()) && (1..=4).contains(&exponent.len());
                fits.then_some(Self::Rsa(modulus, exponent))?
            }
            _ => return None,
        };
        Some((key, cbor.0))
    }

    /// Whether `signature` is by this key over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok(),
            Self::P256(x, y) => {
                let point = [[4].as_slice(), x, y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
            }
            Self::Rsa(n, e) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
        }
    }
}

/// What is left to read.
struct Cbor<'a>(&'a [u8]);

impl<'a> Cbor<'a> {
    /// The head of an item: its major type, and its number in the shortest spelling, below 65,536.
    fn head(&mut self) -> Option<(u8, u16)> {
        let (first, rest) = self.0.split_first()?;
        let (number, rest) = match first & 0x1f {
            small @ 0..=23 => (u16::from(small), rest),
            24 => {
                let (byte, rest) = rest.split_first()?;
                (Some(u16::from(*byte)).filter(|number| *number > 23)?, rest)
            }
            25 => {
                let (two, rest) = rest.split_first_chunk::<2>()?;
                (Some(u16::from_be_bytes(*two)).filter(|number| *number > 255)?, rest)
            }
            _ => return None,
        };
        self.0 = rest;
        Some((first >> 5, number))
    }

    /// Pairs of a map.
    fn map(&mut self) -> Option<u16> {
        self.head().filter(|(major, _)| *major == 5).map(|(_, pairs)| pairs)
    }

    fn number(&mut self) -> Option<i64> {
        match self.head()? {
            (0, number) => Some(i64::from(number)),
            (1, number) => Some(-1 - i64::from(number)),
            _ => None,
        }
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let (2, length) = self.head()? else { return None };
        let (bytes, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(bytes)
    }

    /// Past the label of a pair, when it is this one. Labels stand in one order.
    fn label(&mut self, label: i64) -> Option<&mut Self> {
        self.number().filter(|found| *found == label)?;
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p256() -> Vec<u8> {
        let start = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        [start.as_slice(), &[7; 32], &[0x22, 0x58, 0x20], &[8; 32]].concat()
    }

    #[test]
    fn keys_of_the_three_kinds_are_read_and_what_follows_is_left() {
        let mut bytes = p256();
        bytes.extend_from_slice(b"more");
        assert_eq!(PublicKey::parse(&bytes), Some((PublicKey::P256([7; 32], [8; 32]), b"more".as_slice())));
        let ed = [[0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20].as_slice(), &[9; 32]].concat();
        assert_eq!(PublicKey::parse(&ed), Some((PublicKey::Ed25519([9; 32]), [].as_slice())));
        let rsa = [0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, 0x01, 0x00];
        let rsa = [rsa.as_slice(), &[5; 256], &[0x21, 0x43, 1, 0, 1]].concat();
        assert_eq!(PublicKey::parse(&rsa), Some((PublicKey::Rsa(vec![5; 256], vec![1, 0, 1]), [].as_slice())));
    }

    #[test]
    fn other_kinds_and_other_spellings_are_none() {
        let good = p256();
        for at in 0..10 {
            for value in 0..=255 {
                let mut bytes = good.clone();
                bytes[at] = value;
                assert!(value == good[at] || PublicKey::parse(&bytes).is_none(), "{value} at {at}");
            }
        }
        for length in 0..good.len() {
            assert!(PublicKey::parse(&good[..length]).is_none(), "{length}");
        }
        // One number in two bytes where one does: not the shortest spelling.
        let long = [&[0xb8, 0x05], &good[1..]].concat();
        assert!(PublicKey::parse(&long).is_none());
        let long = [&good[..8], &[0x59, 0x00, 0x20], &good[10..]].concat();
        assert!(PublicKey::parse(&long).is_none());
    }
}
