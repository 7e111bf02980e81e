//! The bodies of the fuzz targets: plain functions over bytes that panic when a property does not hold.
//!
//! `fuzz/fuzz_targets/` wraps each for libFuzzer; `tests/fuzz_replay` runs each over its corpus and mutations of it, so that
//! the ordinary tests on a stable toolchain cover them too.

pub(crate) mod control;
pub(crate) mod envelope;
pub(crate) mod keyring;
pub(crate) mod multipart;
pub(crate) mod page;

/// A target's name, as in `fuzz/corpus/NAME`, and its body.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const ALL: &[Target] = &[
    ("control", control::run),
    ("envelope", envelope::run),
    ("keyring", keyring::run),
    ("multipart", multipart::run),
    ("page", page::run),
];
