//! The coercion game: every byte that is ever written to the data folder is recorded through inserts, erasures, kills and
//! restarts, and somebody who holds all of it, and today's keys, tries to get at the erased.

#![allow(missing_docs, unreachable_pub, reason = "nothing outside this test binary sees its items")]

mod attacker;
mod bytes;
mod game;
mod model;
mod newsletter;
mod recorder;
mod run;
mod scenario;
mod search;
#[path = "../vault/support.rs"]
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod support;
mod trace;

/// What the attacker may know of the vault: `crypto`, and of `base` the types in which it takes its arguments.
const ALLOWED: [&str; 4] =
    ["letterlock::crypto", "letterlock::base::ids", "letterlock::base::tables", "letterlock::base::sensitive"];

/// The paths into the vault that a source names without leave.
fn forbidden(source: &str) -> Vec<&str> {
    let paths = source.match_indices("letterlock::").map(|(at, _)| {
        let rest = &source[at..];
        &rest[..rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len())]
    });
    paths.filter(|path| !ALLOWED.iter().any(|allowed| path.starts_with(allowed))).collect()
}

#[test]
fn the_attacker_shares_only_the_cryptography() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/coercion/attacker");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        assert_eq!(forbidden(&source), Vec::<&str>::new(), "{}", path.display());
        assert!(!source.contains("crate::") && !source.contains("extern crate"), "{}", path.display());
        files += 1;
    }
    assert_eq!(files, 5);
    assert_eq!(forbidden("use letterlock::keys::slots::RootSlots;"), ["letterlock::keys::slots::RootSlots"]);
    assert_eq!(forbidden("letterlock::{vault, crypto}").len(), 1);
}
