//! Random lives of a vault beside a plain model of it in memory: submissions, reads, downloads, lists, marks, searches,
//! receipts, tokens, answers to a survey, comments on a board, subscriptions and issues of a newsletter, erasures one by one and
//! many at once, restarts, stops between any two steps, a store that fails at any commit. After each act the answers are
//! compared, in between and at the end everything is.
//!
//! `LETTERLOCK_TEST_SEED=n cargo test --test model` runs the one life that a failure names. `LETTERLOCK_TEST_DEEP=1`
//! runs thousands.

#![allow(missing_docs, unreachable_pub, reason = "nothing outside this test binary sees its items")]

mod acts;
mod compare;
mod disk;
#[path = "../support/letterbox.rs"]
mod letterbox;
mod letters;
mod lives;
mod mails;
mod op;
mod plain;
mod public;
mod trouble;
mod world;

use disk::Plant;
use lives::{Setup, live, report, run_seeds};
use plain::Mistake;

fn deep() -> bool {
    std::env::var_os("LETTERLOCK_TEST_DEEP").is_some()
}

fn seeds(normal: u64, many: u64) -> Vec<u64> {
    match std::env::var("LETTERLOCK_TEST_SEED") {
        Ok(seed) => vec![seed.parse().expect("LETTERLOCK_TEST_SEED is a number")],
        Err(_) => (1..=if deep() { many } else { normal }).collect(),
    }
}

#[test]
fn every_life_of_a_vault_is_that_of_the_model() {
    run_seeds("in memory", &seeds(40, 4000), 40, &Setup::default());
}

#[test]
fn every_life_of_a_vault_on_disk_is_that_of_the_model() {
    run_seeds("on disk", &seeds(3, 100), 40, &Setup { on_disk: true, ..Setup::default() });
}

/// Acts of a life in which something is planted: enough for a third occasion in tables that are seldom written.
const LONG: usize = 120;

/// Whether one of a few lives under this setup is told from the model.
fn is_found(what: &str, setup: &Setup) {
    for seed in 1..=60 {
        if let Err(failure) = live(seed, op::life(seed, LONG), setup) {
            let text = report(seed, &[], &failure);
            println!("control {what}: found in life {seed}: {}", text.lines().next().unwrap_or_default());
            return;
        }
    }
    panic!("{what}: sixty lives went by and nothing was found");
}

#[test]
fn a_row_that_the_store_loses_is_found() {
    use letterlock::base::tables::Table;
    for table in [
        Table::Keyrings,
        Table::Records,
        Table::List,
        Table::Consents,
        Table::Files,
        Table::Tokens,
        Table::Deeds,
        Table::Messages,
        Table::Outbox,
        Table::Mailings,
    ] {
        is_found(&format!("a lost row of {table:?}"), &Setup { plant: Some(Plant::Lose(table)), ..Setup::default() });
    }
}

#[test]
fn a_row_that_the_store_brings_back_is_found() {
    use letterlock::base::tables::Table;
    for table in [
        Table::Pages,
        Table::Keyrings,
        Table::List,
        Table::Records,
        Table::Intents,
        Table::Consents,
        Table::Outbox,
        Table::Mailings,
    ] {
        let setup = Setup { plant: Some(Plant::BringBack(table)), ..Setup::default() };
        is_found(&format!("an old row of {table:?}"), &setup);
    }
}

#[test]
fn a_model_that_is_wrong_is_found_and_cut_down_to_what_matters() {
    for mistake in Mistake::ALL {
        let setup = Setup { mistake: Some(mistake), ..Setup::default() };
        is_found(&format!("{mistake:?}"), &setup);
    }
    let setup = Setup { mistake: Some(Mistake::ForgetsMarks), ..Setup::default() };
    let (seed, failure) =
        (1..=20).find_map(|seed| Some((seed, live(seed, op::life(seed, 40), &setup).err()?))).unwrap();
    let least = lives::shrink(seed, op::life(seed, 40), &failure, &setup);
    println!("cut down from {} acts to {least:?}", failure.at + 1);
    assert!(least.len() <= 6, "{least:?}");
}
