//! Rows: flipped, dropped, cut, swapped, doubled, moved, replaced by every earlier version, revived, put back in sets.

use std::collections::BTreeMap;

use letterlock::base::tables::Table;
use letterlock::store::Batch;
use letterlock::vault::Step;

use crate::changes::{self, Change};
use crate::overlay::{Rows, apply};
use crate::trial::{Rest, Vault, Verdict, furnished, in_parallel, trial};

fn deep() -> bool {
    std::env::var_os("LETTERLOCK_TEST_DEEP").is_some()
}

fn with(rows: &Rows, batch: &Batch) -> Rows {
    let mut rows = rows.clone();
    apply(&mut rows, batch);
    rows
}

/// Tries every change, prints how many of each kind there were in each table and what came of them, and returns those
/// that went unnoticed or misled a reader.
fn try_all(title: &str, vault: &Vault, changes: &[Change]) -> Vec<String> {
    let verdicts = in_parallel(changes.len(), |n| {
        // The rows of the trail are many, and no reader is led by them.
        let read = deep() || changes[n].table != "Audit" || n % 16 == 0;
        trial(vault, with(&vault.rows, &changes[n].batch), read, &|_| {})
    });
    let mut counts: BTreeMap<(&str, &str), [u32; 3]> = BTreeMap::new();
    let mut failed = Vec::new();
    for (change, verdict) in changes.iter().zip(verdicts) {
        let column = match verdict {
            Verdict::Refused(_) => 0,
            Verdict::Reported(_) => 1,
            Verdict::Unnoticed(_) | Verdict::Wrong(_) => 2,
        };
        counts.entry((change.kind, &change.table)).or_default()[column] += 1;
        if !verdict.is_noticed() {
            failed.push(format!("{}: {} {}: {verdict:?}", change.table, change.kind, change.what));
        }
    }
    println!("{title}: {} changes, {} unnoticed", changes.len(), failed.len());
    for ((kind, table), [refused, reported, unnoticed]) in counts {
        println!("  {kind:32} {table:36} {refused:5} refused {reported:5} reported {unnoticed:3} unnoticed");
    }
    failed
}

#[test]
fn no_row_can_be_changed_unnoticed() {
    let vault = furnished(Rest::Clean, 0);
    assert_eq!(
        trial(&vault, vault.rows.clone(), true, &|_| {}),
        Verdict::Unnoticed(Vec::new()),
        "as it is, it is whole"
    );
    let tables: std::collections::BTreeSet<u8> = vault.rows.keys().map(|key| key[0]).collect();
    assert_eq!(tables.len(), Table::ALL.len() - 1, "every table but that of orders has rows");
    let changes = changes::of_rows(&vault.rows, &vault.states, deep());
    assert!(changes.len() > 1000, "{}", changes.len());
    assert_eq!(try_all("rows of a vault at rest", &vault, &changes), Vec::<String>::new());
}

#[test]
fn no_order_can_be_changed_unnoticed() {
    for step in [Step::Ordered, Step::Committed] {
        let vault = furnished(Rest::Stopped(step), 0);
        assert!(!trial(&vault, vault.rows.clone(), true, &|_| {}).is_noticed(), "{step:?}: as it is, it is whole");
        let orders = |change: &Change| change.batch.keys().any(|key| key[0] == Table::Intents.id());
        let all = changes::of_rows(&vault.rows, &vault.states, deep());
        // The orders, and a sample of the rest: that is tried whole on the vault at rest.
        let changes: Vec<Change> =
            all.into_iter().enumerate().filter(|(n, c)| orders(c) || n % 16 == 0).map(|(_, c)| c).collect();
        assert!(changes.iter().filter(|change| orders(change)).count() > 15);
        let title = format!("rows of a vault stopped at {step:?}");
        assert_eq!(try_all(&title, &vault, &changes), Vec::<String>::new());
    }
}

/// Whoever puts back rows that belong together, state and audit trail included, meets the witness. What nothing on the
/// machine can tell is a whole installation put back, keys included; a head kept elsewhere does
/// (`a_trail_cut_or_rewritten_is_told_by_a_head_kept_elsewhere`).
#[test]
fn no_set_of_rows_can_be_put_back_unnoticed() {
    let vault = furnished(Rest::Clean, 0);
    let changes = changes::of_sets(&vault.rows, &vault.states);
    assert!(changes.len() > 200, "{}", changes.len());
    assert_eq!(try_all("rows put back together", &vault, &changes), Vec::<String>::new());
}

/// The control: the trial tells a change from none, and finds what slips past both the opening and `verify`.
#[test]
fn a_trial_that_changes_nothing_that_counts_is_told_as_unnoticed() {
    let vault = furnished(Rest::Clean, 0);
    let key = vault.rows.keys().next().unwrap().clone();
    let same = Change {
        kind: "rewritten as it was",
        table: changes::table_of(&key),
        what: String::new(),
        batch: Batch::from([(key.clone(), Some(vault.rows[&key].clone()))]),
    };
    assert_eq!(try_all("control", &vault, &[same]).len(), 1);
    // A whole installation put back, keys included: consistent in itself, so nothing here can tell.
    let (old, keys) = (&vault.states, &vault.earlier_keys[0]);
    let at_rest = old.iter().rev().find(|state| {
        let edit = |dir: &std::path::Path| {
            std::fs::remove_dir_all(dir.join("keys")).unwrap();
            crate::support::copy_dir(keys.path(), &dir.join("keys"));
        };
        matches!(trial(&vault, (*state).clone(), false, &edit), Verdict::Unnoticed(_) | Verdict::Wrong(_))
    });
    assert!(at_rest.is_some(), "an installation put back whole opens");
}
