//! Values that must not leak: wiped on drop, never printed, never cloned by accident.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::entropy::{Entropy, EntropyError};

/// `N` secret bytes on the heap, so that moving the value leaves no copy behind. Wiped on drop; `Debug` shows nothing.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Fresh random bytes.
    pub fn make_random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut out = Self::zeroed();
        entropy.fill(out.0.as_mut_slice())?;
        Ok(out)
    }

    /// All zeros, to be filled in place.
    pub fn zeroed() -> Self {
        Self(Box::new([0; N]))
    }

    /// A copy of `bytes`; `None` when the length is not `N`. The caller wipes the original.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut out = Self::zeroed();
        (bytes.len() == N).then(|| out.0.copy_from_slice(bytes))?;
        Some(out)
    }

    /// The secret itself. Every call is a place to review.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// The secret, to be written in place.
    pub fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }

    /// A second copy. Each use says why one is needed.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_ref()).into()
    }
}

impl<const N: usize> std::fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Secret bytes of any length, wiped on drop. A byte buffer that has to grow leaves its old block to the allocator,
/// which wipes what is freed (see `main.rs`).
pub type SecretBytes = Zeroizing<Vec<u8>>;

/// Text about a person, or a secret in text form: wiped on drop, `Debug` shows the length only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Zeroize, ZeroizeOnDrop, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct SensitiveString(String);

impl SensitiveString {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SensitiveString {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for SensitiveString {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for SensitiveString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SensitiveString({} bytes)", self.0.len())
    }
}

/// Overwrites the `N` bytes of stack below the caller, where functions that have returned left their locals: keys on their
/// way through a cipher, buffers of libraries. For a thread that now waits for other work.
#[inline(never)]
pub fn wipe_stack<const N: usize>() {
    let below = [0_u8; N];
    std::hint::black_box(&below);
}

/// How deep the stack is wiped. Unoptimised frames take several times the room of those of a release.
pub const USUAL_DEPTH: usize = if cfg!(debug_assertions) { 512 * 1024 } else { 64 * 1024 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_printed() {
        let secret = Secret::<4>::from_slice(b"abcd").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        let text = SensitiveString::from("jane@example.org");
        assert!(!format!("{text:?}").contains("jane"));
        assert!(Secret::<4>::from_slice(b"abc").is_none());
    }
}
