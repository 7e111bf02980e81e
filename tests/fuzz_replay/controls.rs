//! What the replay must notice: each target with code that writes falsely or lets in too much, and mutations that reach what
//! the dictionary names.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::mutate::Mutator;
use crate::targets::{ALL, FORGETFUL, LENIENT, Seam, Target};
use crate::{corpus, dictionary};

#[test]
fn every_target_notices_what_is_written_falsely() {
    noticed_by_all(FORGETFUL);
}

#[test]
fn every_target_notices_what_is_let_in_wrongly() {
    noticed_by_all(LENIENT);
}

/// The planted fault is found in the whole seeds, and by mutations alone as well.
fn noticed_by_all(planted: Seam) {
    for target in ALL {
        let seeds = corpus(target.name);
        let found = seeds.iter().filter(|seed| falls(target, seed, planted)).count();
        assert!(found > 0, "{}: no seed finds the planted fault", target.name);
        let mut mutator = Mutator::new(seeds.clone(), dictionary(target.name));
        let tried = (1..=target.mutations).find(|_| falls(target, &mutator.next(), planted));
        let tried = tried.unwrap_or_else(|| panic!("{}: no mutation finds the planted fault", target.name));
        println!("{}: found by {found} of {} seeds, and by mutation {tried}", target.name, seeds.len());
    }
}

/// Whether the target notices. What it says of that is kept out of the log, where it would look like a failure.
fn falls(target: &Target, input: &[u8], planted: Seam) -> bool {
    thread_local! {
        static EXPECTED: Cell<bool> = const { Cell::new(false) };
    }
    static QUIETED: Once = Once::new();
    QUIETED.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                loud(panic)
            }
        }));
    });
    EXPECTED.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.check)(input, planted)));
    EXPECTED.set(false);
    outcome.is_err()
}

#[test]
fn mutations_reach_what_the_dictionary_names() {
    let mut mutator = Mutator::new(vec![b"hello world".to_vec()], vec![b"<<".to_vec()]);
    let found = (0..10_000).any(|_| mutator.next().windows(2).any(|pair| pair == b"<<"));
    assert!(found, "the mutations never reach what the dictionary names");
}
