//! Sealed files: every part of the header and of every segment flipped; segments swapped, replaced, dropped, doubled;
//! files cut, lengthened, exchanged, removed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::trial::{Rest, Verdict, files_of, furnished, in_parallel, trial};

const HEADER: usize = 66;
const SEGMENT: usize = 65_552;

struct Change {
    kind: &'static str,
    what: String,
    file: PathBuf,
    /// `None`: the file is removed.
    content: Option<Vec<u8>>,
}

fn segments(content: &[u8]) -> Vec<&[u8]> {
    content[HEADER..].chunks(SEGMENT).collect()
}

fn join(header: &[u8], segments: &[&[u8]]) -> Vec<u8> {
    [&[header], segments].concat().concat()
}

fn changes_of(file: &Path, good: &[u8], others: &[Vec<u8>], deep: bool) -> Vec<Change> {
    let mut out: Vec<Change> = Vec::new();
    let mut add = |kind, what: String, content| {
        out.push(Change { kind, what, file: file.to_owned(), content: Some(content) });
    };
    let (header, parts) = (&good[..HEADER], segments(good));

    let mut flips: Vec<usize> = if deep { (0..HEADER).collect() } else { vec![0, 1, 2, 17, 33, 34, 50, 65] };
    let mut at = HEADER;
    for part in &parts {
        // The first byte, one in the middle, the last of the ciphertext, the first and last of the tag.
        flips.extend([at, at + part.len() / 2, at + part.len() - 17, at + part.len() - 16, at + part.len() - 1]);
        at += part.len();
    }
    if deep {
        flips.extend((HEADER..good.len()).step_by(499));
    }
    for at in flips {
        let mut flipped = good.to_vec();
        flipped[at] ^= 1;
        add("flipped", format!("byte {at}"), flipped);
    }
    for n in 0..parts.len() {
        let without = [&parts[..n], &parts[n + 1..]].concat();
        add("segment dropped", format!("{n}"), join(header, &without));
        add("segment doubled", format!("{n}"), join(header, &[&parts[..=n], &parts[n..]].concat()));
        add("segment emptied", format!("{n}"), {
            let zeros = vec![0; parts[n].len()];
            join(header, &[&parts[..n], &[zeros.as_slice()], &parts[n + 1..]].concat())
        });
        for m in n + 1..parts.len() {
            let mut swapped = parts.clone();
            swapped.swap(n, m);
            add("segments swapped", format!("{n} and {m}"), join(header, &swapped));
            let mut copied = parts.clone();
            copied[m] = parts[n];
            add("segment copied over another", format!("{n} over {m}"), join(header, &copied));
        }
        for (o, other) in others.iter().enumerate() {
            for (m, theirs) in segments(other).into_iter().enumerate() {
                let mut mixed = parts.clone();
                mixed[n] = theirs;
                add("segment of another file", format!("{m} of file {o} as {n}"), join(header, &mixed));
            }
        }
    }
    for (o, other) in others.iter().enumerate() {
        add("header of another file", format!("{o}"), join(&other[..HEADER], &parts));
        add("another file in its place", format!("{o}"), other.clone());
    }
    let borders = (0..parts.len()).map(|n| HEADER + n * SEGMENT).chain([0, 1, HEADER - 1, good.len()]);
    for border in borders {
        for len in [border.saturating_sub(1), border, border + 1].into_iter().filter(|len| *len < good.len()) {
            add("cut", format!("at {len}"), good[..len].to_vec());
        }
    }
    for more in [&[0][..], &good[..HEADER], parts[0]] {
        add("lengthened", format!("by {}", more.len()), [good, more].concat());
    }
    out.push(Change { kind: "removed", what: String::new(), file: file.to_owned(), content: None });
    out
}

#[test]
fn no_file_can_be_changed_unnoticed() {
    let vault = furnished(Rest::Clean, 140_000);
    let files = files_of(&vault.home);
    let contents: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    let deep = std::env::var_os("LETTERLOCK_TEST_DEEP").is_some();
    let mut changes = Vec::new();
    for (n, (file, good)) in files.iter().zip(&contents).enumerate() {
        let mut others: Vec<Vec<u8>> =
            contents.iter().enumerate().filter(|(m, _)| *m != n).map(|(_, c)| c.clone()).collect();
        if !deep {
            others.truncate(1);
        }
        others.push(vault.erased_file.clone());
        changes.extend(changes_of(file, good, &others, deep));
    }
    assert_eq!(contents.iter().filter(|content| segments(content).len() > 2).count(), 2);
    // The control: a file rewritten as it was is no change.
    let same =
        Change { kind: "as it was", what: String::new(), file: files[0].clone(), content: Some(contents[0].clone()) };
    changes.push(same);
    let verdicts = in_parallel(changes.len(), |n| {
        let Change { file, content, .. } = &changes[n];
        trial(&vault, vault.rows.clone(), deep || n % 8 == 0, &|dir| {
            let path = dir.join("data/files").join(file.file_name().unwrap());
            match content {
                Some(content) => std::fs::write(path, content).unwrap(),
                None => std::fs::remove_file(path).unwrap(),
            }
        })
    });
    let mut counts: BTreeMap<&str, [u32; 2]> = BTreeMap::new();
    let mut unnoticed = Vec::new();
    for (change, verdict) in changes.iter().zip(&verdicts) {
        counts.entry(change.kind).or_default()[usize::from(!verdict.is_noticed())] += 1;
        if !verdict.is_noticed() {
            unnoticed.push(format!("{} {}: {verdict:?}", change.kind, change.what));
        }
    }
    println!("{} changes of {} files", changes.len(), files.len());
    for (kind, [noticed, not]) in &counts {
        println!("  {kind:32} {noticed:5} noticed {not:3} unnoticed");
    }
    assert_eq!(unnoticed, ["as it was : Unnoticed([])"], "the control, and nothing else");
}

#[test]
fn a_file_that_nobody_sent_is_swept_or_left_alone_and_harms_nothing() {
    let vault = furnished(Rest::Clean, 0);
    let name = "a".repeat(26);
    for name in [name.as_str(), "notes.txt"] {
        let verdict = trial(&vault, vault.rows.clone(), true, &|dir| {
            std::fs::write(dir.join("data/files").join(name), b"planted").unwrap();
        });
        assert_eq!(verdict, Verdict::Unnoticed(Vec::new()), "{name}");
    }
}
