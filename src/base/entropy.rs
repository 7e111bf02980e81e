//! Randomness as a parameter.
//!
//! [`SystemEntropy`] is the one place in the crate that asks the operating system for random bytes.

use std::sync::Mutex;

use ring::rand::SecureRandom;
use ring::{digest, rand};

/// The operating system gave no random bytes. Nothing that needs a key may go on.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("the operating system's random number generator failed")]
pub struct EntropyError;

/// Where random bytes come from.
pub trait Entropy: Send + Sync {
    /// Fills `out` with random bytes, or fails and leaves its content unspecified.
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError>;
}

/// `N` fresh random bytes.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], EntropyError> {
    let mut out = [0; N];
    entropy.fill(&mut out)?;
    Ok(out)
}

/// The operating system's generator (`getrandom`), by way of ring.
#[derive(Debug, Clone)]
pub struct SystemEntropy(rand::SystemRandom);

impl SystemEntropy {
    /// The generator; it needs no set-up.
    #[allow(clippy::new_without_default, clippy::disallowed_methods, reason = "this is the seam for randomness")]
    pub fn new() -> Self {
        Self(rand::SystemRandom::new())
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        self.0.fill(out).map_err(|_| EntropyError)
    }
}

/// The same bytes for the same seed, for tests and frozen vectors only. Not secret, not random.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<(u64, u64)>);

impl SeededEntropy {
    /// A sequence that depends on `seed` alone.
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new((seed, 0)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        let mut state = self.0.lock().map_err(|_| EntropyError)?;
        for chunk in out.chunks_mut(32) {
            let mut block = [0; 16];
            block[..8].copy_from_slice(&state.0.to_le_bytes());
            block[8..].copy_from_slice(&state.1.to_le_bytes());
            state.1 += 1;
            let hash = digest::digest(&digest::SHA256, &block);
            chunk.copy_from_slice(&hash.as_ref()[..chunk.len()]);
        }
        Ok(())
    }
}

/// A generator that always fails, to show that nothing goes on without randomness.
#[derive(Debug, Default, Clone, Copy)]
pub struct BrokenEntropy;

impl Entropy for BrokenEntropy {
    fn fill(&self, _out: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_repeats_and_moves_on() {
        let (a, b) = (SeededEntropy::new(7), SeededEntropy::new(7));
        let first: [u8; 40] = random(&a).unwrap();
        assert_eq!(first, random::<40>(&b).unwrap());
        assert_ne!(first, random::<40>(&a).unwrap());
    }

    #[test]
    fn broken_is_an_error() {
        assert_eq!(random::<4>(&BrokenEntropy), Err(EntropyError));
    }
}
