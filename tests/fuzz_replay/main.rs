//! Every fuzz target over its corpus and thousands of mutations of it, on the stable toolchain.
//!
//! The mutations are the same on every run. `LETTERLOCK_TEST_DEEP=1` makes a hundred times as many.

mod mutate;
#[path = "../support/targets/mod.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use letterlock::http::probe;
use letterlock::keys::keyring;
use letterlock::keys::tree::{InnerPage, LeafPage, TopPage};
use mutate::Mutator;
use targets::{ALL, Target};

const MUTATIONS: usize = 10_000;

#[test]
fn every_target_holds_over_corpus_and_mutations() {
    let count = if std::env::var_os("LETTERLOCK_TEST_DEEP").is_some() { MUTATIONS * 100 } else { MUTATIONS };
    for target in ALL {
        let seeds = corpus(target.0);
        assert!(!seeds.is_empty(), "no corpus for {}", target.0);
        seeds.iter().for_each(|seed| hold(target, seed));
        let mut mutator = Mutator::new(seeds, dictionary(target.0));
        for _ in 0..count {
            hold(target, &mutator.next());
        }
        println!("{}: {count} mutations", target.0);
    }
}

#[test]
fn targets_corpora_and_fuzz_crate_name_the_same() {
    let mut names: Vec<String> = ALL.iter().map(|target| target.0.to_owned()).collect();
    names.sort();
    assert_eq!(file_names(&fuzz().join("corpus"), ""), names, "fuzz/corpus");
    assert_eq!(file_names(&fuzz().join("fuzz_targets"), ".rs"), names, "fuzz/fuzz_targets");
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in &names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml lacks {name}");
    }
}

#[test]
fn a_target_that_fails_is_noticed() {
    let broken: Target = ("broken", |data| assert!(!data.windows(2).any(|pair| pair == b"<<"), "found"));
    let mut mutator = Mutator::new(vec![b"hello world".to_vec()], vec![b"<<".to_vec()]);
    let found = (0..MUTATIONS).any(|_| catch_unwind(AssertUnwindSafe(|| (broken.1)(&mutator.next()))).is_err());
    assert!(found, "the mutations never reach what the dictionary names");
}

/// A corpus that no longer fits the formats would only ever test the first check.
#[test]
fn the_corpus_holds_inputs_that_are_whole() {
    let seed = |path: &str| fs::read(fuzz().join("corpus").join(path)).unwrap();
    assert!(targets::envelope::opens(&seed("envelope/sealed")));
    assert!(targets::control::understood(&seed("control/erase-two")));
    assert!(LeafPage::decode(&seed("page/leaf-edges")[1..]).is_ok());
    assert!(InnerPage::decode(&seed("page/inner-two")[1..]).is_ok());
    assert!(TopPage::decode(&seed("page/top")[1..]).is_ok());
    assert!(keyring::reencode(0, &seed("keyring/first-three")[1..]).is_some());
    assert!(keyring::reencode(1, &seed("keyring/second-two")[1..]).is_some());
    let application = probe::multipart(&seed("multipart/application")[1..], 1);
    assert_eq!(application.map(|parts| parts.len()), Ok(4));
}

/// Runs the target; on failure leaves the input in the target folder, ready to become part of the corpus.
fn hold(target: &Target, input: &[u8]) {
    let (name, body) = *target;
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(input))) {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-failure"));
        fs::write(&path, input).unwrap();
        eprintln!("target {name} failed; its input is in {}", path.display());
        std::panic::resume_unwind(panic);
    }
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = fuzz().join("corpus").join(target);
    file_names(&folder, "").iter().map(|name| fs::read(folder.join(name)).unwrap()).collect()
}

/// The words of `fuzz/dictionaries/TARGET.dict`, if there is one.
fn dictionary(target: &str) -> Vec<Vec<u8>> {
    let path = fuzz().join("dictionaries").join(format!("{target}.dict"));
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).map(mutate::word).collect()
}

/// What lies in `folder`, sorted, with `suffix` cut off.
fn file_names(folder: &Path, suffix: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().trim_end_matches(suffix).to_owned())
        .collect();
    names.sort();
    names
}
