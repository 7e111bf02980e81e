//! Sealing and signing: the few constructions that the whole vault is made of.
//!
//! Raw ciphers stay private to this module. What it offers is hard to misuse: an [`envelope`] is bound to the row, person
//! and version it was made for; a [`stream`] seals files in segments; every derived key names a label of [`mod@derive`].
//! `derive_*` is deterministic, `make_*` and `seal` draw randomness from a parameter.

pub mod aead;
pub mod context;
pub mod derive;
pub mod envelope;
pub mod jose;
pub mod kem;
pub mod link;
pub mod mail_link;
pub mod merkle;
pub mod pad;
pub mod passkey;
pub mod password;
pub mod receipt;
pub mod sign;
pub mod stream;
pub mod token;
pub mod totp;

use crate::base::entropy::EntropyError;

pub use aead::Key;

/// Something did not open. One opaque error for every reason there is: wrong key, wrong place, damaged, not ours at all.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("does not open")]
pub struct OpenError;

/// Something could not be sealed.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum SealError {
    /// No randomness, so no key or salt.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The content is larger than the format allows.
    #[error("too large to seal")]
    TooLarge,
}
