//! Erasing when something is amiss: a damaged keyring, little room, an order refused midway, folders put back; and what a
//! certificate says of the time.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::base::clock::{Clock, ManualClock};
use crate::keys::keyring::Keyring;
use crate::vault::Step;

const PLENTY: u64 = 1 << 40;

fn people(found: &[Stored]) -> Vec<Target> {
    found.iter().map(|stored| Target::Person(stored.summary.subject)).collect()
}

async fn submit_many(vault: &Vault, count: usize) -> Vec<Stored> {
    let all = futures_util::future::join_all((0..count).map(|_| submit(vault, PLAIN))).await;
    all.into_iter().collect::<Result<_, _>>().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_keyring_keeps_neither_its_person_nor_others_from_being_erased() {
    for damage in ["flipped", "dropped", "second part only"] {
        let (_dir, vault) = home();
        let sample = || Sample { email: Some("a@example.org"), files: 1, named: 1, consents: true };
        let first = submit(&vault, sample()).await.unwrap().summary;
        let second = submit(&vault, sample()).await.unwrap().summary;
        let (other, kept) = (submit(&vault, PLAIN).await.unwrap(), submit(&vault, PLAIN).await.unwrap());
        let key = Keyring::row_key(&first.subject, 0);
        let mut row = vault.shared.engine.read(&key).unwrap().unwrap();
        row[60] ^= 1;
        let damaged = match damage {
            "flipped" => vec![(key, Some(row))],
            "dropped" => vec![(key, None)],
            _ => vec![(Keyring::row_key(&first.subject, 3), Some(row.clone())), (key, Some(row))],
        };
        vault.shared.engine.commit(&damaged.into_iter().collect()).unwrap();
        assert!(matches!(vault.locate(&first.id), Err(VaultError::Tampered)), "{damage}");

        let targets = vec![Target::Person(first.subject), Target::Person(other.summary.subject)];
        let certificates =
            vault.erase(erase_act(Action::ErasePerson), [targets.clone(), targets].concat()).await.unwrap();
        let found: Vec<bool> = certificates.iter().map(Option::is_some).collect();
        assert_eq!(found, [true, true, false, false], "{damage}");
        let statement = &certificates[0].as_ref().unwrap().statement;
        assert_eq!((statement.subject, &statement.records), (first.subject, &vec![first.id, second.id]), "{damage}");
        clean(&vault).await;
        for id in [first.id, second.id, other.summary.id] {
            assert!(matches!(vault.locate(&id), Err(VaultError::Missing)), "{damage}");
        }
        // Of the four, what the one left holds.
        let held = [Table::Records, Table::List, Table::Keyrings, Table::Consents, Table::Files];
        assert_eq!(held.map(|t| table(&vault.shared, t).len()), [1, 1, 1, 0, 0], "{damage}");
        assert_eq!(std::fs::read_dir(vault.shared.files_dir()).unwrap().count(), 0, "{damage}");
        assert_eq!(statement.files.len(), 2, "{damage}");
        assert!(vault.locate(&kept.summary.id).is_ok(), "{damage}");
    }
}

/// Where another keyring does not open either, nobody can say whose a file is: it stays, sealed, until that can be told.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_may_be_somebody_elses_outlive_a_blind_erasure() {
    let (_dir, vault) = home();
    let sample = |email| Sample { email: Some(email), files: 1, named: 1, consents: false };
    let mut people = Vec::new();
    for email in ["a@example.org", "b@example.org", "c@example.org"] {
        people.push(submit(&vault, sample(email)).await.unwrap().summary);
    }
    let damage = |person| {
        let key = Keyring::row_key(person, 0);
        let mut row = vault.shared.engine.read(&key).unwrap().unwrap();
        row[60] ^= 1;
        vault.shared.engine.commit(&[(key, Some(row))].into_iter().collect()).unwrap();
    };
    damage(&people[0].subject);
    damage(&people[1].subject);
    let held = || table(&vault.shared, Table::Files).len();
    for (n, left) in [(0, 3), (1, 1)] {
        let erased =
            vault.erase(erase_act(Action::ErasePerson), vec![Target::Person(people[n].subject)]).await.unwrap();
        assert!(erased[0].is_some(), "{n}");
        clean(&vault).await;
        assert_eq!(held(), left, "{n}");
    }
    assert!(vault.locate(&people[2].id).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_no_room_to_carry_through_is_not_ordered() {
    let free = Arc::new(AtomicU64::new(PLENTY));
    let (_dir, vault) = home_with(Hooks { free_bytes: Some(Arc::clone(&free)), ..Hooks::default() });
    let found = submit_many(&vault, 100).await;
    free.store(9 << 20, Ordering::SeqCst);
    let erased = vault.erase(erase_act(Action::ErasePerson), people(&found)).await;
    assert_eq!(erased.map(|_| ()), Err(VaultError::StorageFull));
    assert!(found.iter().all(|stored| vault.locate(&stored.summary.id).is_ok()), "nobody is marked");
    let few = vault.erase(erase_act(Action::ErasePerson), people(&found[..10])).await.unwrap();
    assert!(few.iter().all(Option::is_some), "a few at a time still go");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_ordered_before_the_rest_was_refused_are_erased_and_certified() {
    let free = Arc::new(AtomicU64::new(PLENTY));
    let (orders, room) = (AtomicU64::new(0), Arc::clone(&free));
    let at_step = move |step| {
        if step == Step::Order && orders.fetch_add(1, Ordering::SeqCst) == 1 {
            room.store(0, Ordering::SeqCst);
        }
        ControlFlow::Continue(())
    };
    let hooks = Hooks { free_bytes: Some(free), at_step: Some(Arc::new(at_step)), ..Hooks::default() };
    let (_dir, vault) = home_with(hooks);
    let found = submit_many(&vault, 600).await;
    let certificates = vault.erase(erase_act(Action::ErasePerson), people(&found)).await.unwrap();
    assert!(certificates.len() == 250 && certificates.iter().all(Option::is_some), "{}", certificates.len());
    for (n, stored) in found.iter().enumerate() {
        assert_eq!(vault.locate(&stored.summary.id).is_ok(), n >= 250, "{n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_names_a_time_after_the_old_root_was_gone() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000)));
    let hands = Arc::clone(&clock);
    let at_step = move |step| {
        if step == Step::OldSlotSynced {
            hands.advance(std::time::Duration::from_secs(8));
        }
        ControlFlow::Continue(())
    };
    let hooks = Hooks { at_step: Some(Arc::new(at_step)), ..Hooks::default() };
    let dir = tempfile::tempdir().unwrap();
    let vault = Arc::new(Vault::open(Options { clock: clock.clone(), ..options(dir.path(), hooks) }).unwrap().0);
    let stored = submit(&vault, PLAIN).await.unwrap();
    let certificates = vault.erase(erase_act(Action::ErasePerson), people(&[stored])).await.unwrap();
    assert_eq!(certificates[0].as_ref().unwrap().statement.erased_at, clock.now(), "it went on last then");
}

/// Data and keys put back together, which the witness cannot tell, for it is among them.
#[tokio::test(flavor = "multi_thread")]
async fn folders_older_than_the_recovery_slot_are_refused_and_the_slot_stays() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let opening = || {
        let mut options = options(dir.path(), Hooks::default());
        options.layout.recovery = elsewhere.path().join("recovery");
        options
    };
    let vault = Arc::new(Vault::open(opening()).unwrap().0);
    let stored = submit(&vault, PLAIN).await.unwrap();
    drop(vault);
    let copy = |from: &str, to: &str| {
        let _ = std::fs::remove_dir_all(dir.path().join(to));
        let copied = std::process::Command::new("cp").arg("-a").args([from, to]).current_dir(dir.path()).status();
        assert!(copied.unwrap().success());
    };
    copy("data", "old-data");
    copy("keys", "old-keys");
    let vault = Arc::new(Vault::open(opening()).unwrap().0);
    vault.erase(erase_act(Action::ErasePerson), people(&[stored])).await.unwrap();
    drop(vault);
    let slot = elsewhere.path().join("recovery/slot");
    let before = std::fs::read(&slot).unwrap();

    copy("old-data", "data");
    copy("old-keys", "keys");
    let refused = Vault::open(opening()).map(|_| ()).unwrap_err().0;
    assert!(refused.contains("older than the recovery slot"), "{refused}");
    assert!(std::fs::read(&slot).unwrap() == before, "the slot is left as it is");
    std::fs::remove_file(&slot).unwrap();
    Vault::open(opening()).unwrap();
}

/// What a slot reads as after a kill may be in the page cache only.
#[test]
fn the_recovery_slot_is_written_anew_at_each_start() {
    let (dir, vault) = home();
    drop(vault);
    let slot = dir.path().join("keys/recovery/slot");
    let before = std::fs::read(&slot).unwrap();
    drop(Vault::open(options(dir.path(), Hooks::default())).unwrap());
    assert!(std::fs::read(&slot).unwrap() != before);
}
