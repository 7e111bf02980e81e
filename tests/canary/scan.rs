//! Looks for needles, in every encoding that a leak may have, in bytes and in folders.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use aho_corasick::{AhoCorasick, MatchKind};
use data_encoding::{BASE64, Encoding, HEXLOWER, HEXUPPER};

/// A needle shorter than this, in any encoding, would be found by chance, or is no secret.
const SHORTEST: usize = 8;

/// Something that must not be found, and what to call it in a report.
#[derive(Clone)]
pub(crate) struct Needle {
    pub(crate) what: String,
    pub(crate) bytes: Vec<u8>,
}

impl Needle {
    pub(crate) fn new(what: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self { what: what.into(), bytes: bytes.as_ref().to_vec() }
    }

    /// Both halves of a key: half of it left over is bad enough, and the whole contains both.
    pub(crate) fn halves(what: &str, key: &[u8; 32]) -> [Self; 2] {
        [Self::new(format!("{what}, first half"), &key[..16]), Self::new(format!("{what}, second half"), &key[16..])]
    }
}

/// One needle found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) what: String,
    pub(crate) encoding: &'static str,
    /// File, or mapping of the process.
    pub(crate) place: String,
    pub(crate) offset: usize,
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) in {} at {:#x}", self.what, self.encoding, self.place, self.offset)
    }
}

/// How a needle may be written.
pub(crate) fn spellings(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut out = vec![
        ("raw", bytes.to_vec()),
        ("hex", HEXLOWER.encode(bytes).into_bytes()),
        ("hex, upper case", HEXUPPER.encode(bytes).into_bytes()),
        ("base64", base64_at(&BASE64, bytes, 0)),
        ("base64, one byte on", base64_at(&BASE64, bytes, 1)),
        ("base64, two bytes on", base64_at(&BASE64, bytes, 2)),
        ("base64 for URLs", base64_at(&data_encoding::BASE64URL, bytes, 0)),
        ("base64 for URLs, one byte on", base64_at(&data_encoding::BASE64URL, bytes, 1)),
        ("base64 for URLs, two bytes on", base64_at(&data_encoding::BASE64URL, bytes, 2)),
    ];
    if let Ok(text) = std::str::from_utf8(bytes) {
        let units: Vec<u16> = text.encode_utf16().collect();
        out.push(("UTF-16LE", units.iter().flat_map(|unit| unit.to_le_bytes()).collect()));
        out.push(("UTF-16BE", units.iter().flat_map(|unit| unit.to_be_bytes()).collect()));
    } else {
        // A key as text in which each byte is a character, as some programs print it.
        out.push(("UTF-16LE", bytes.iter().flat_map(|&byte| [byte, 0]).collect()));
        out.push(("UTF-16BE", bytes.iter().flat_map(|&byte| [0, byte]).collect()));
    }
    let mut seen = BTreeSet::new();
    out.retain(|(_, spelling)| seen.insert(spelling.clone()));
    out
}

/// The characters of `bytes` in base64 that do not depend on what stands around them, `at` bytes into a group of three.
fn base64_at(encoding: &Encoding, bytes: &[u8], at: usize) -> Vec<u8> {
    let shifted = [&vec![0; at][..], bytes].concat();
    let text = encoding.encode(&shifted);
    let (from, to) = ((at * 8).div_ceil(6), shifted.len() * 8 / 6);
    text.as_bytes()[from..to].to_vec()
}

/// Finds all of its needles in one pass.
pub(crate) struct Scanner {
    automaton: AhoCorasick,
    patterns: Vec<(String, &'static str)>,
    needles: usize,
}

impl Scanner {
    pub(crate) fn new(needles: impl IntoIterator<Item = Needle>) -> Self {
        let (mut patterns, mut spelled, mut count) = (Vec::new(), Vec::new(), 0);
        for needle in needles {
            assert!(needle.bytes.len() >= SHORTEST, "{} is too short to look for", needle.what);
            count += 1;
            for (encoding, bytes) in spellings(&needle.bytes) {
                patterns.push((needle.what.clone(), encoding));
                spelled.push(bytes);
            }
        }
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&spelled).unwrap();
        Self { automaton, patterns, needles: count }
    }

    pub(crate) fn needles(&self) -> usize {
        self.needles
    }

    pub(crate) fn patterns(&self) -> usize {
        self.patterns.len()
    }

    /// Everything in `bytes`, also where needles overlap.
    pub(crate) fn scan(&self, place: &str, bytes: &[u8]) -> Vec<Hit> {
        let hit = |found: aho_corasick::Match| {
            let (what, encoding) = self.patterns[found.pattern().as_usize()].clone();
            Hit { what, encoding, place: place.to_owned(), offset: found.start() }
        };
        self.automaton.find_overlapping_iter(bytes).map(hit).collect()
    }

    /// Everything in all files under `folder`, in their names too. Returns what was found, and how many files there were.
    pub(crate) fn scan_folder(&self, folder: &Path) -> (Vec<Hit>, usize) {
        let (mut hits, mut files) = (Vec::new(), 0);
        let entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            hits.extend(self.scan(&format!("the name {}", path.display()), name.as_encoded_bytes()));
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                let (more, count) = self.scan_folder(&path);
                hits.extend(more);
                files += count;
            } else if kind.is_file() {
                files += 1;
                // The store may remove a file of its own meanwhile.
                let content = std::fs::read(&path).unwrap_or_default();
                hits.extend(self.scan(&path.display().to_string(), &content));
            }
        }
        (hits, files)
    }
}

/// Fails with everything that was found, a line for each needle and kind of place.
#[track_caller]
pub(crate) fn assert_none(when: &str, hits: &[Hit]) {
    let mut groups: BTreeMap<(&str, &str, String), Vec<&Hit>> = BTreeMap::new();
    for hit in hits {
        // Distances within a stack differ for each hit.
        let kind = hit.place.split(", ").next().unwrap_or_default().split(" [").next().unwrap_or_default();
        groups.entry((&hit.what, hit.encoding, kind.to_owned())).or_default().push(hit);
    }
    let shown: String = groups.values().map(|all| format!("\n  {} times {}", all.len(), all[0])).collect();
    assert!(hits.is_empty(), "{when}: {} found{shown}", hits.len());
}

/// What was found, by name.
pub(crate) fn names(hits: &[Hit]) -> BTreeSet<&str> {
    hits.iter().map(|hit| hit.what.as_str()).collect()
}
