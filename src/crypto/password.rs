//! Passwords as the store keeps them: Argon2id (RFC 9106) with a salt and a cost of each one's own.
//!
//! The memory that a hash works in is freed through the allocator that wipes.

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::base::entropy::{Entropy, EntropyError, random};

/// What hashing a password costs: whoever guesses pays it for each guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
}

/// Less than the least cost, or more than a sign-in may take.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("a password costs at least 19 MiB and 2 passes, at most 4096 MiB and 64 passes")]
pub struct BadCost;

impl Cost {
    /// The least that is accepted: 19 MiB, 2 passes, one lane (OWASP Password Storage Cheat Sheet, Argon2id).
    pub const FLOOR: Self = Self { memory_kib: 19 * 1024, passes: 2 };
    /// What is used when nobody says otherwise: 64 MiB and 3 passes (RFC 9106, section 4, second choice, with one lane).
    pub const USUAL: Self = Self { memory_kib: 64 * 1024, passes: 3 };

    /// A cost of so many MiB and passes.
    ///
    /// # Errors
    /// [`BadCost`] below the floor or above 4 GiB and 64 passes.
    pub fn new(memory_mib: u32, passes: u32) -> Result<Self, BadCost> {
        let cost = Self { memory_kib: memory_mib.saturating_mul(1024), passes };
        let enough = cost.memory_kib >= Self::FLOOR.memory_kib && passes >= Self::FLOOR.passes;
        let bearable = memory_mib <= 4096 && passes <= 64;
        if enough && bearable { Ok(cost) } else { Err(BadCost) }
    }

    fn hash(self, salt: &[u8; 16], password: &str) -> Option<[u8; 32]> {
        let params = Params::new(self.memory_kib, self.passes, 1, Some(32)).ok()?;
        let mut out = [0; 32];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon.hash_password_into(password.as_bytes(), salt, &mut out).ok()?;
        Some(out)
    }
}

/// A password, hashed.
#[derive(Clone, Serialize, Deserialize)]
pub struct PasswordHash {
    cost: Cost,
    salt: [u8; 16],
    hash: [u8; 32],
}

impl PasswordHash {
    /// Hashes a password. Takes the time and memory of `cost`.
    ///
    /// # Errors
    /// Without randomness.
    pub fn make(password: &str, cost: Cost, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let salt = random(entropy)?;
        // A `Cost` is within what the algorithm takes, and so is any password.
        let hash = cost.hash(&salt, password).ok_or(EntropyError)?;
        Ok(Self { cost, salt, hash })
    }

    /// What nobody's password hashes to: an unknown login is compared with it, so that it takes as long as a known one.
    pub const fn decoy(cost: Cost) -> Self {
        Self { cost, salt: [0; 16], hash: [0; 32] }
    }

    /// Whether `password` is the one that was hashed. Takes the time and memory of its cost; compares in constant time.
    pub fn matches(&self, password: &str) -> bool {
        let Some(mut hash) = self.cost.hash(&self.salt, password) else { return false };
        let same = hash.ct_eq(&self.hash).into();
        hash.zeroize();
        same
    }

    /// Whether both are of the same making: salts are never made twice.
    pub fn is_same(&self, other: &Self) -> bool {
        self.cost == other.cost && self.salt == other.salt && bool::from(self.hash.ct_eq(&other.hash))
    }

    /// Whether it was made at this cost; otherwise it is made anew when the password comes in next.
    pub fn is_of(&self, cost: Cost) -> bool {
        self.cost == cost
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SystemEntropy;

    #[test]
    fn only_the_same_password_matches() {
        let made = PasswordHash::make("correct horse", Cost::FLOOR, &SystemEntropy::new()).unwrap();
        assert!(made.matches("correct horse"));
        for other in ["", "correct horse ", "Correct horse", "correct hors"] {
            assert!(!made.matches(other), "{other}");
        }
        let again = PasswordHash::make("correct horse", Cost::FLOOR, &SystemEntropy::new()).unwrap();
        assert_ne!(made.hash, again.hash, "salted");
        assert!(!PasswordHash::decoy(Cost::FLOOR).matches(""));
        assert_eq!(format!("{made:?}"), "PasswordHash(..)");
    }

    /// RFC 9106 has no vector without secret and associated data; this one is of the reference program:
    /// `printf password | argon2 somesaltsomesalt -id -t 2 -k 19456 -p 1 -l 32 -v 13`.
    #[test]
    fn the_hash_is_that_of_argon2id() {
        let hash = Cost::FLOOR.hash(b"somesaltsomesalt", "password").unwrap();
        let again = Cost::FLOOR.hash(b"somesaltsomesalt", "password").unwrap();
        assert_eq!(hash, again);
        assert_eq!(data_encoding::HEXLOWER.encode(&hash), VECTOR);
    }

    const VECTOR: &str = "2b5dc4054886ec957ef59c73b661c54dd6fb274590b278f657c6d96aac8fa6d1";

    #[test]
    fn costs_have_a_floor_and_an_end() {
        assert_eq!(Cost::new(19, 2), Ok(Cost::FLOOR));
        assert_eq!(Cost::new(64, 3), Ok(Cost::USUAL));
        for (memory, passes) in [(18, 2), (19, 1), (0, 0), (4097, 3), (64, 65), (u32::MAX, 2)] {
            assert_eq!(Cost::new(memory, passes), Err(BadCost), "{memory} {passes}");
        }
    }
}
