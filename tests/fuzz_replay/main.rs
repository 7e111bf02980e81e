//! Every fuzz target over its corpus and thousands of mutations of it, on the stable toolchain.
//!
//! The mutations are the same on every run. `LETTERLOCK_TEST_DEEP=1` makes twenty times as many.

mod controls;
mod mutate;
mod seeds;
#[path = "../support/targets/mod.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use mutate::Mutator;
use targets::{ALL, HONEST, Target};

/// A test for each, so that they run beside one another.
macro_rules! replays {
    ($($name:ident),* $(,)?) => {
        mod holds_over_corpus_and_mutations {
            $(#[test]
            fn $name() {
                super::replay(stringify!($name));
            })*
        }

        const REPLAYED: &[&str] = &[$(stringify!($name)),*];
    };
}

replays! {
    approvals, certificate, clamd, contacts, control, envelope, exports, form, forwarded, frames, ids, json, keyring,
    kinds, languages, links, mail, multipart, notice, office, oidc, page, passkeys, pdf, receipts, returns, search,
    slot, store, stream, tokens, urlencoded, words,
}

fn replay(name: &str) {
    let target = ALL.iter().find(|target| target.name == name).unwrap();
    let deep = std::env::var_os("LETTERLOCK_TEST_DEEP").is_some();
    let count = if deep { target.mutations * 20 } else { target.mutations };
    let seeds = corpus(name);
    seeds.iter().for_each(|seed| hold(target, seed));
    let whole = seeds.iter().filter(|seed| (target.understood)(seed)).count();
    assert!(whole > 0, "no seed of {name} is understood: it only ever tests the first check");
    assert!(whole < seeds.len(), "no seed of {name} is broken");
    let found = seeds.len();
    let mut mutator = Mutator::new(seeds, dictionary(name));
    let mut understood = 0;
    for _ in 0..count {
        let input = mutator.next();
        hold(target, &input);
        understood += usize::from((target.understood)(&input));
    }
    assert!(understood > 0, "no mutation for {name} is understood");
    println!("{name}: {found} seeds, {whole} understood; {count} mutations, {understood} understood");
}

#[test]
fn targets_corpora_and_fuzz_crate_name_the_same() {
    let mut names: Vec<String> = ALL.iter().map(|target| target.name.to_owned()).collect();
    names.sort();
    assert_eq!(REPLAYED, names, "the replay");
    assert_eq!(file_names(&fuzz().join("corpus"), ""), names, "fuzz/corpus");
    assert_eq!(file_names(&fuzz().join("fuzz_targets"), ".rs"), names, "fuzz/fuzz_targets");
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let readme = fs::read_to_string(fuzz().join("README.md")).unwrap();
    for name in &names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml lacks {name}");
        assert!(readme.contains(&format!("| `{name}` |")), "fuzz/README.md lacks {name}");
        let wrapper = fs::read_to_string(fuzz().join("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(
            wrapper.contains(&format!("targets::{name}::check(data, HONEST)")),
            "fuzz_targets/{name}.rs runs another"
        );
        assert!(!corpus(name).is_empty(), "no corpus for {name}");
    }
    for name in file_names(&fuzz().join("dictionaries"), ".dict") {
        assert!(names.contains(&name) && !dictionary(&name).is_empty(), "fuzz/dictionaries/{name}.dict");
    }
}

#[test]
fn the_corpus_is_small() {
    for target in ALL {
        let seeds = corpus(target.name);
        assert!(seeds.len() <= 48, "{} has {} seeds", target.name, seeds.len());
        assert!(seeds.iter().all(|seed| seed.len() < 4096), "{} has a seed of 4 KiB or more", target.name);
    }
}

/// Runs the target; on failure leaves the input in the target folder, ready to become part of the corpus.
fn hold(target: &Target, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.check)(input, HONEST))) {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}-failure", target.name));
        fs::write(&path, input).unwrap();
        eprintln!("target {} failed; its input is in {}", target.name, path.display());
        std::panic::resume_unwind(panic);
    }
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn corpus_folder(target: &str) -> PathBuf {
    fuzz().join("corpus").join(target)
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = corpus_folder(target);
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
