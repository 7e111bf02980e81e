//! What a proof saw, for people: printed, and kept for the summary of `scripts/test`.
//!
//! `say("races", "2,000 erasures, 48,000 reads meanwhile")` in a test prints the line (cargo shows it only when the test
//! fails or with `--nocapture`) and appends it to `target/proofs/races.txt`; the first line of a name in a process
//! begins the file anew. `scripts/test` shows all of them at its end. A name belongs to one test binary.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

static BEGUN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Prints `text` and keeps it under `name` (lower-case letters, digits, hyphens).
pub(crate) fn say(name: &str, text: &str) {
    println!("{name}: {text}");
    assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{name:?} is no name of a proof");
    let mut begun = BEGUN.lock().unwrap();
    let path = path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let anew = begun.insert(name.to_owned());
    let mut options = fs::OpenOptions::new();
    let options = if anew { options.write(true).create(true).truncate(true) } else { options.append(true) };
    let mut file = options.open(&path).unwrap();
    for line in text.lines() {
        writeln!(file, "{line}").unwrap();
    }
}

/// Where the lines of a proof are kept.
pub(crate) fn path(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("proofs").join(format!("{name}.txt"))
}
