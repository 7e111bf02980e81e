//! The shape of the source tree, checked: imports run downwards only, files stay small, each says what it is for.
//!
//! The rules live in `rules.rs` and work on text, so that each is also shown a planted violation here.

mod rules;
mod scan;

use std::fs;
use std::path::{Path, PathBuf};

use rules::{Source, violations};

/// Every `.rs` file under `src/`, with paths relative to the repository.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| Source {
            text: fs::read_to_string(&path).unwrap(),
            path: path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(),
        })
        .collect()
}

fn collect(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

fn planted(path: &str, text: &str) -> Vec<String> {
    violations(&[Source { path: path.into(), text: text.into() }])
}

#[track_caller]
fn refused(path: &str, text: &str, word: &str) {
    let found = planted(path, text);
    assert!(found.iter().any(|v| v.contains(word)), "{path} should be refused for {word:?}: {found:?}\n{text}");
}

#[track_caller]
fn accepted(path: &str, text: &str) {
    assert_eq!(planted(path, text), Vec::<String>::new(), "{text}");
}

#[test]
fn the_source_tree_keeps_the_rules() {
    let sources = sources();
    assert!(sources.len() > 10, "only {} files found", sources.len());
    let found = violations(&sources);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn an_upward_import_is_found() {
    refused("src/store/mod.rs", "//! x\nuse crate::vault::Grant;\n", "store imports vault");
    refused("src/crypto/aead.rs", "//! x\nuse crate::{base::ids, keys::master};\n", "crypto imports keys");
    refused(
        "src/crypto/aead.rs",
        "//! x\nuse crate::{\n  base::{ids, clock},\n  policy,\n};\n",
        "crypto imports policy",
    );
    refused("src/domain/form.rs", "//! x\nfn f() { crate::http::serve() }\n", "domain imports http");
    refused("src/base/ids.rs", "//! x\nuse super::super::services::App;\n", "base imports services");
    refused("src/keys/mod.rs", "//! x\nuse super::vault;\n", "keys imports vault");
    refused("src/keys/mod.rs", "//! x\nmod tests { use super::super::vault; }\n", "keys imports vault");
    refused("src/keys/mod.rs", "//! x\nuse super::{store, vault::Grant};\n", "keys imports vault");
    refused("src/control/mod.rs", "//! x\npub(in crate::http) fn f() {}\n", "control imports http");
    refused("src/vault/mod.rs", "//! x\nuse letterlock::cli;\n", "vault imports cli");
    refused("src/vault/mod.rs", "//! x\nuse crate::*;\n", "whole crate");
}

#[test]
fn a_downward_import_is_fine() {
    accepted("src/http/mod.rs", "//! x\nuse crate::{services::App, base::{ids, clock}};\n");
    accepted("src/main.rs", "//! x\nfn main() { letterlock::cli::run() }\n");
    accepted("src/cli/record.rs", "//! x\nuse super::keys;\nmod tests { use super::*; use super::super::store; }\n");
    accepted(
        "src/base/mod.rs",
        "//! Used by [`crate::vault`].\n// use crate::vault;\n/* crate::http */ pub mod ids;\n",
    );
    accepted("src/base/mod.rs", "//! x\nconst A: &str = \"crate::vault\"; const B: &str = r#\"crate::\"http\"#;\n");
    accepted("src/base/mod.rs", "//! x\nfn f<'a>(x: &'a str) -> char { '\"' }\nfn g() -> char { '\\'' }\n");
    accepted("src/base/mod.rs", "//! x\nmacro_rules! m { () => { $crate::base::ids } }\n");
}

#[test]
fn the_store_and_the_server_stay_behind_their_layers() {
    refused("src/vault/rows.rs", "//! x\nuse sled::Db;\n", "sled");
    refused("src/services/submit.rs", "//! x\nfn f(_: axum::Router) {}\n", "axum");
    refused("src/policy/rules.rs", "//! x\nuse std::fs;\n", "std::fs");
    refused("src/domain/form.rs", "//! x\nuse std::{net::IpAddr, fs};\n", "std::net");
    refused("src/policy/rules.rs", "//! x\nuse tokio::task;\n", "tokio");
    refused("src/http/api/mod.rs", "//! x\nuse crate::store::Engine;\n", "http imports store");
    refused("src/services/review.rs", "//! x\nuse crate::keys::tree;\n", "services imports keys");
    refused("src/services/review.rs", "//! x\nuse reqwest::Client;\n", "only adapters call");
    refused("src/cli/serve.rs", "//! x\nuse std::net::{SocketAddr, TcpStream};\n", "only adapters call");
    refused("src/vault/rows.rs", "//! x\nuse aes_gcm::Aes256Gcm;\n", "aes_gcm");
    refused("src/keys/master.rs", "//! x\nfn f(_: aes::Aes256) {}\n", "aes");
    refused("src/crypto/stream.rs", "//! x\nuse ring::{aead, hkdf};\n", "ring::aead");
    accepted("src/store/sled.rs", "//! x\nuse sled::Db;\n");
    accepted("src/vault/commit.rs", "//! x\nuse crate::{keys, store};\n");
}

#[test]
fn a_file_that_breaks_a_house_rule_is_found() {
    let long = format!("//! x\n{}", "fn f() {}\n".repeat(rules::MAX_LINES));
    refused("src/base/long.rs", &long, "lines");
    refused("src/main.rs", &format!("//! x\n{}", "\n".repeat(rules::MAX_MAIN_LINES)), "lines");
    refused("src/base/mute.rs", "use std::fmt;\n", "//!");
    refused("src/base/mute.rs", "//!\nuse std::fmt;\n", "//!");
    refused("src/base/raw.rs", "//! x\nfn f(p: *const u8) -> u8 { unsafe { *p } }\n", "unsafe");
    refused("src/nowhere/mod.rs", "//! x\n", "layer");
    accepted("src/base/word.rs", "//! x\nfn f() -> &'static str { \"unsafe\" } // unsafe\n");
}
