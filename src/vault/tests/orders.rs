//! Orders of erasure: cut into rows, each target once, told in the trail, and nothing left when they are done.

use super::*;
use crate::base::ids::{FileId, IntentId, RecordId};
use crate::keys::master::MasterKey;
use crate::keys::slots::RootSlots;
use crate::store::MAX_ROW;
use crate::vault::Detail;
use crate::vault::epoch::check_absent;
use crate::vault::intent::{Intent, Line, Outcome, Stage};

fn person(n: u64) -> PersonId {
    PersonId::from_bytes([n as u8; 16])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_any_size_is_cut_into_rows_that_fit_and_comes_back() {
    let whole = |n| Line::Person { place: n, person: person(n), keyring_parts: 1, consent_parts: 1 };
    let record = |n: u64| RecordId::from_bytes([n as u8; 16]);
    let single = |n| Line::Record { place: n, person: person(n), record: record(n), keyring_parts: 1 };
    let rows_of =
        |n: u64, files| Line::Rows { record: record(n), arrival: n, files: vec![FileId::from_bytes([1; 16]); files] };
    let (bare, full) = (|n| rows_of(n, 0), |n| rows_of(n, 15));
    type Case<'a> = (&'a str, &'a dyn Fn(u64) -> Line, (u64, u64));
    let lines: [Case<'_>; 4] = [
        ("people", &whole, (6000, 0)),
        ("records", &single, (0, 6000)),
        ("rows", &bare, (0, 0)),
        ("rows with files", &full, (0, 0)),
    ];
    for (what, line, counts) in lines {
        let (_dir, vault) = home();
        let id = IntentId::from_bytes([9; 16]);
        let mut intent = Intent {
            id,
            stage: Stage::Ordered,
            at: Timestamp::from_millis(5),
            role: Some(Role::Privacy),
            lines: (0..6000).map(line).collect(),
        };
        assert_eq!(intent.counts(), counts, "{what}");
        let rows = intent.rows(&vault.shared).unwrap();
        assert!(rows.len() < 60 && rows.iter().all(|(_, row)| row.len() <= MAX_ROW), "{what}: {} rows", rows.len());
        let mut keys: Vec<Vec<u8>> = rows.iter().map(|(key, _)| key.clone()).collect();
        vault.shared.engine.commit(&rows.into_iter().map(|(key, row)| (key, Some(row))).collect()).unwrap();
        assert!(Intent::load_all(&vault.shared).unwrap() == [intent.clone()], "{what}");

        let outcome = Outcome { before: 3, after: 4, at: Timestamp::from_millis(6) };
        let (key, row) = intent.outcome_row(&vault.shared, &outcome).unwrap();
        keys.push(key.clone());
        vault.shared.engine.commit(&Batch::from([(key, Some(row))])).unwrap();
        intent.stage = Stage::Erased(outcome);
        assert!(Intent::load_all(&vault.shared).unwrap() == [intent.clone()], "{what}");
        assert_eq!(intent.row_keys(), keys, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_victim_that_is_still_in_the_tree_is_found() {
    let (dir, vault) = home();
    let mut last = None;
    for stored in futures_util::future::join_all((0..70).map(|_| submit(&vault, PLAIN))).await {
        let id = stored.unwrap().summary.id;
        let Located { place, person, .. } = vault.locate(&id).unwrap();
        last = last.max(Some((place, id, person)));
    }
    let (place, record, person) = last.unwrap();
    assert_eq!(place, 69);
    let master = MasterKey::load(&dir.path().join("keys/master.key")).unwrap();
    let slots = RootSlots::open(&dir.path().join("keys/root"), vault.id(), false).unwrap();
    let root = slots.find(&master).unwrap().remove(0);
    let look = |line: &Line| check_absent(&*vault.shared.engine, &root.root, root.epoch, &[line]);

    let whole = |place| Line::Person { place, person, keyring_parts: 1, consent_parts: 0 };
    let single = |record| Line::Record { place, person, record, keyring_parts: 1 };
    assert_eq!(look(&whole(place)), Err(VaultError::Tampered));
    assert_eq!(look(&whole(3)), Err(VaultError::Tampered));
    assert_eq!(look(&whole(place + 1)), Ok(()), "a place where nobody is");
    assert_eq!(look(&single(record)), Err(VaultError::Tampered));
    assert_eq!(look(&single(RecordId::from_bytes([1; 16]))), Ok(()), "a record that the person does not have");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_named_twice_is_erased_once_and_the_trail_counts_it_once() {
    let (_dir, vault) = home();
    let first = submit(&vault, Sample { email: Some("a@example.org"), ..PLAIN }).await.unwrap().summary;
    let second = submit(&vault, Sample { email: Some("b@example.org"), ..PLAIN }).await.unwrap().summary;
    let (a, b) = (Target::Person(first.subject), Target::Record(second.id));
    let targets = vec![a, Target::Record(first.id), a, b, b, Target::Person(person(1))];
    let before = vault.counts().epoch;
    let certificates = vault.erase(erase_act(Action::ErasePerson), targets).await.unwrap();
    let found: Vec<bool> = certificates.iter().map(Option::is_some).collect();
    assert_eq!(found, [true, false, false, true, false, false]);

    let statement = &certificates[0].as_ref().unwrap().statement;
    assert_eq!((statement.epoch_before, statement.epoch_after), (before, before + 1));
    let details: Vec<Detail> = vault.audit_entries(None, 100).unwrap().into_iter().map(|entry| entry.detail).collect();
    assert!(details.iter().any(|d| matches!(d, Detail::Ordered { people: 1, records: 1, .. })), "{details:?}");
    let erased =
        |d: &Detail| matches!(d, Detail::Erased { before: b, after, .. } if (*b, *after) == (before, before + 1));
    assert!(details.iter().any(erased), "{details:?}");

    // Before the clean-up the order is the deed, afterwards a row of its own: the certificate is the same.
    let again = || vault.certificate_of(&first.subject.to_string().parse().unwrap()).unwrap();
    let early = again();
    clean(&vault).await;
    assert_eq!((Some(&early), Some(&again())), (certificates[0].as_ref(), certificates[0].as_ref()));
}

/// Until the clean-up comes to them, the victims of one order are told apart by handle, in the order itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_under_way_has_a_certificate_for_each_of_its_victims() {
    let (_dir, vault) = home();
    let whole = |n| Line::Person { place: n, person: person(n), keyring_parts: 1, consent_parts: 0 };
    let mut intent = Intent {
        id: IntentId::from_bytes([9; 16]),
        stage: Stage::Ordered,
        at: Timestamp::from_millis(5),
        role: Some(Role::Privacy),
        lines: vec![whole(1), whole(2)],
    };
    let put = |rows: Vec<Row>| {
        vault.shared.engine.commit(&rows.into_iter().map(|(key, row)| (key, Some(row))).collect()).unwrap();
    };
    let certified = |n| {
        let handle = person(n).to_string().parse().unwrap();
        vault.certificate_of(&handle).map(|certificate| certificate.statement.subject)
    };
    put(intent.rows(&vault.shared).unwrap());
    assert_eq!(certified(1), Err(VaultError::Missing), "nothing is erased yet");
    let outcome = Outcome { before: 3, after: 4, at: Timestamp::from_millis(6) };
    put(vec![intent.outcome_row(&vault.shared, &outcome).unwrap()]);
    intent.stage = Stage::Erased(outcome);
    assert_eq!([1, 2, 3].map(certified), [Ok(person(1)), Ok(person(2)), Err(VaultError::Missing)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_an_erasure_took_place_is_remembered_until_its_clean_up_is_done() {
    let (_dir, vault) = home();
    let person = submit(&vault, PLAIN).await.unwrap().summary.subject;
    vault.erase(erase_act(Action::ErasePerson), vec![Target::Person(person)]).await.unwrap();
    clean(&vault).await;
    for _ in 0..2000 {
        if vault.shared.destroyed.lock().unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("what is kept for orders under way piles up");
}

/// Of an erasure that the last stop came right behind, it is not known when the old root went; by the start it has gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_dates_the_last_erasure_anew_and_leaves_the_date_of_earlier_ones() {
    let (dir, vault) = home();
    let gone = submit(&vault, PLAIN).await.unwrap().summary.subject;
    vault.erase(erase_act(Action::ErasePerson), vec![Target::Person(gone)]).await.unwrap();
    clean(&vault).await;
    let (epoch, stored) = (vault.counts().epoch, Timestamp::from_millis(6));
    for n in [1, 2] {
        let intent = Intent {
            id: IntentId::from_bytes([n as u8; 16]),
            stage: Stage::Ordered,
            at: Timestamp::from_millis(5),
            role: Some(Role::Privacy),
            lines: vec![Line::Person { place: n, person: person(n), keyring_parts: 1, consent_parts: 0 }],
        };
        let after = if n == 1 { epoch } else { epoch - 1 };
        let mut rows = intent.rows(&vault.shared).unwrap();
        rows.push(intent.outcome_row(&vault.shared, &Outcome { before: after - 1, after, at: stored }).unwrap());
        vault.shared.engine.commit(&rows.into_iter().map(|(key, row)| (key, Some(row))).collect()).unwrap();
    }
    drop(vault);
    let vault = Vault::open(options(dir.path(), Hooks::default())).unwrap().0;
    clean(&vault).await;
    let date = |n| {
        let handle = person(n).to_string().parse().unwrap();
        vault.certificate_of(&handle).unwrap().statement.erased_at
    };
    assert!(date(1) > stored && date(2) == stored, "{:?}", [date(1), date(2)]);
}

/// A write that failed may have left its content in memory only; one that never began leaves the epoch before.
#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_slot_holds_what_was_written_to_the_end() {
    use std::ops::ControlFlow;
    use std::sync::atomic::{AtomicBool, Ordering};

    use crate::vault::hooks::Step;
    let failing = Arc::new(AtomicBool::new(false));
    let fails = Arc::clone(&failing);
    let at_step = move |step| {
        if step == Step::RecoveryPut && fails.load(Ordering::SeqCst) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let (dir, vault) = home_with(Hooks { at_step: Some(Arc::new(at_step)), ..Hooks::default() });
    let slot = dir.path().join("keys/recovery/slot");
    let erase = async || {
        let person = submit(&vault, PLAIN).await.unwrap().summary.subject;
        let erased = vault.erase(erase_act(Action::ErasePerson), vec![Target::Person(person)]).await;
        let told = erased.unwrap().remove(0).unwrap().statement.recovery_epoch;
        assert_eq!(told, vault.counts().recovery_epoch);
        told
    };
    failing.store(true, Ordering::SeqCst);
    assert_eq!(erase().await, None);
    failing.store(false, Ordering::SeqCst);
    let last = erase().await;
    assert_eq!(last, Some(vault.counts().epoch));
    let aside = dir.path().join("aside");
    std::fs::rename(&slot, &aside).unwrap();
    std::os::unix::fs::symlink(&aside, &slot).unwrap();
    assert_eq!(erase().await, last, "a link is not written through");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ordered_to_be_erased_is_missing_before_its_keys_go() {
    use crate::vault::committer::Job;
    let (_dir, vault) = home();
    let sample = || Sample { email: Some("a@example.org"), ..PLAIN };
    let (first, second) =
        (submit(&vault, sample()).await.unwrap().summary, submit(&vault, sample()).await.unwrap().summary);
    let other = submit(&vault, PLAIN).await.unwrap().summary;
    let found = |id: &RecordId| vault.locate(id).map(|_| ());
    let orders = [
        (Target::Record(first.id), Action::EraseRecord, [Err(VaultError::Missing), Ok(())]),
        (Target::Person(first.subject), Action::ErasePerson, [Err(VaultError::Missing); 2]),
    ];
    let mut ids = Vec::new();
    for (target, action, expected) in orders {
        let act = Arc::new(erase_act(action));
        let ordered = vault.ask(|reply| Job::Order(vec![target], act, None, reply)).await.unwrap();
        assert_eq!([found(&first.id), found(&second.id)], expected, "{target:?}");
        assert_eq!(found(&other.id), Ok(()));
        ids.extend(ordered.intent);
    }
    assert_eq!(problems(&vault).await, Vec::<String>::new(), "an order under way is no trouble");
    vault.ask(|reply| Job::Epoch(ids, reply)).await.unwrap();
    assert_eq!(
        [found(&first.id), found(&second.id), found(&other.id)],
        [Err(VaultError::Missing), Err(VaultError::Missing), Ok(())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clean_up_leaves_no_row_and_no_file_of_the_erased() {
    let (dir, vault) = home();
    let sample = || Sample { email: Some("a@example.org"), files: 2, named: 2, consents: true };
    let person = submit(&vault, sample()).await.unwrap().summary.subject;
    submit(&vault, sample()).await.unwrap();
    let held = [Table::Records, Table::List, Table::Keyrings, Table::Consents, Table::Files];
    assert_eq!(held.map(|t| table(&vault.shared, t).len()), [2, 2, 1, 1, 4]);
    vault.erase(erase_act(Action::ErasePerson), vec![Target::Person(person)]).await.unwrap();
    clean(&vault).await;
    assert_eq!(held.map(|t| table(&vault.shared, t).len()), [0; 5]);
    assert_eq!(table(&vault.shared, Table::Intents).len(), 0);
    assert_eq!(std::fs::read_dir(dir.path().join("data/files")).unwrap().count(), 0);
    assert_eq!(vault.counts().people, 0);
    assert_eq!(problems(&vault).await, Vec::<String>::new());
}
