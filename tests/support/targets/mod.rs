//! The bodies of the fuzz targets: plain functions over bytes that panic when a property does not hold.
//!
//! The crate in `fuzz/` wraps each for libFuzzer; `tests/fuzz_replay` runs each over its corpus and mutations of it, so that
//! the ordinary tests on a stable toolchain cover them too.

#![allow(
    unreachable_pub,
    dead_code,
    reason = "the crate in fuzz/ is made of this module, and each user leaves some out"
)]

pub mod approvals;
pub mod certificate;
pub mod clamd;
pub mod contacts;
pub mod control;
pub mod envelope;
pub mod exports;
pub mod form;
pub mod forwarded;
pub mod frames;
pub mod ids;
pub mod json;
pub mod keyring;
pub mod kinds;
pub mod languages;
pub mod links;
pub mod mail;
pub mod multipart;
pub mod notice;
pub mod office;
pub mod oidc;
pub mod page;
pub mod passkeys;
pub mod pdf;
pub mod receipts;
pub mod returns;
pub mod search;
pub mod slot;
pub mod store;
pub mod stream;
pub mod tokens;
pub mod urlencoded;
pub mod words;

use std::sync::Mutex;

use letterlock::base::entropy::{Entropy, EntropyError};

/// An input that an attacker can write, and what must hold for it.
pub struct Target {
    /// As in `fuzz/corpus/NAME`.
    pub name: &'static str,
    /// Panics when a property does not hold.
    pub check: fn(&[u8], Seam),
    /// Whether the input gets past the first checks, so that there is something to lose.
    pub understood: fn(&[u8]) -> bool,
    /// Mutations in an ordinary test run; the deep one makes twenty times as many.
    pub mutations: usize,
}

/// Stands between the code under test and the check of what it did. The fuzzers use [`HONEST`]; the other two are for the
/// controls, which show that a target notices code that writes falsely or lets in what it must not.
#[derive(Clone, Copy)]
pub struct Seam {
    /// Sees everything that was written before it is compared.
    pub written: fn(&mut Vec<u8>),
    /// Sees every refusal that must come, as true, before it is asserted.
    pub refused: fn(bool) -> bool,
}

/// Changes nothing.
pub const HONEST: Seam = Seam { written: |_| (), refused: |refused| refused };

/// Loses the byte in the middle of whatever is written.
pub const FORGETFUL: Seam = Seam {
    written: |bytes| {
        if !bytes.is_empty() {
            bytes.remove(bytes.len() / 2);
        }
    },
    refused: |refused| refused,
};

/// Lets in everything.
pub const LENIENT: Seam = Seam { written: |_| (), refused: |_| false };

const MUTATIONS: usize = 10_000;

macro_rules! targets {
    ($($name:ident: $mutations:expr),* $(,)?) => {
        /// Every target.
        pub const ALL: &[Target] = &[$(Target {
            name: stringify!($name),
            check: $name::check,
            understood: $name::understood,
            mutations: $mutations,
        }),*];
    };
}

targets! {
    approvals: MUTATIONS,
    certificate: MUTATIONS,
    clamd: MUTATIONS,
    contacts: MUTATIONS,
    control: MUTATIONS,
    envelope: MUTATIONS,
    exports: MUTATIONS,
    form: MUTATIONS,
    forwarded: MUTATIONS,
    frames: MUTATIONS,
    ids: MUTATIONS,
    json: MUTATIONS,
    keyring: MUTATIONS,
    kinds: MUTATIONS,
    links: MUTATIONS,
    // Each makes a score of messages.
    mail: 2_000,
    languages: MUTATIONS,
    multipart: MUTATIONS,
    notice: MUTATIONS,
    oidc: MUTATIONS,
    office: MUTATIONS,
    page: MUTATIONS,
    passkeys: MUTATIONS,
    // Each draws pages.
    pdf: 500,
    receipts: MUTATIONS,
    returns: MUTATIONS,
    search: MUTATIONS,
    slot: MUTATIONS,
    // Each of these commits to files, opens them anew and commits again: a thousand times the work of parsing some bytes.
    store: 2_000,
    stream: MUTATIONS,
    tokens: MUTATIONS,
    urlencoded: MUTATIONS,
    words: MUTATIONS,
}

/// Gives the byte strings that it was made with, one at each call; so that what was sealed with them is sealed alike.
pub struct Replay(Mutex<Vec<Vec<u8>>>);

impl Replay {
    /// Gives `first` to the first who asks, and so on.
    pub fn new(parts: &[&[u8]]) -> Self {
        Self(Mutex::new(parts.iter().rev().map(|part| part.to_vec()).collect()))
    }
}

impl Entropy for Replay {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        let part = self.0.lock().map_err(|_| EntropyError)?.pop().ok_or(EntropyError)?;
        out.copy_from_slice(part.get(..out.len()).ok_or(EntropyError)?);
        Ok(())
    }
}

/// A number below `n` (not 0) that depends on every byte of `data`.
pub fn pick(data: &[u8], n: usize) -> usize {
    data.iter().fold(7_usize, |sum, &b| sum.wrapping_mul(31).wrapping_add(b.into())) % n
}

/// Flips one bit, which one depends on `data`.
pub fn flip(bytes: &mut [u8], data: &[u8]) {
    let bit = pick(data, bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
}
