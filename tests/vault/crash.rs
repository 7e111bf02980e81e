//! A stop between every two steps of an erasure: at the next start exactly one root is left, what was ordered is done,
//! and nothing else is lost.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use letterlock::base::entropy::SystemEntropy;
use letterlock::crypto::Key;
use letterlock::keys::master::MasterKey;
use letterlock::keys::slots::{RootSlots, SlotNo};
use letterlock::policy::Role;
use letterlock::services::{ServiceError, erase, health};
use letterlock::vault::{Hooks, Step};

use crate::support::*;

/// Stops there, once the vault is open: some steps are those of a start as well.
fn stop_at(step: Step) -> Hooks {
    let open = AtomicBool::new(false);
    let at_step = move |at| {
        open.fetch_or(at == Step::OpeningNoted, Ordering::SeqCst);
        if at == step && open.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    Hooks { at_step: Some(Arc::new(at_step)), ..Hooks::default() }
}

fn roots(home: &Home) -> Vec<u64> {
    let master = MasterKey::load(&home.keys().join("master.key")).unwrap();
    let slots = RootSlots::open(&home.keys().join("root"), master.vault(), false).unwrap();
    slots.find(&master).unwrap().iter().map(|found| found.epoch).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_of_a_person_survives_a_stop_at_any_step() {
    for &step in Step::ERASURE {
        let home = Home::new();
        let app = home.open();
        let victim = apply(&app, "victim@example.org", &pdf("v")).await.unwrap().submission;
        let other = apply(&app, "other@example.org", &pdf("o")).await.unwrap().submission;
        let person = person_of(&app, "victim@example.org").await.unwrap();
        drop(app);

        let app = home.open_with(stop_at(step));
        assert!(matches!(erase_person(&app, person).await, Err(ServiceError::Unavailable)), "{step:?}");
        if step != Step::Order {
            // Half-way through, nothing is promised any more: not even to those who are still there.
            assert!(matches!(read(&app, other).await, Err(ServiceError::Unavailable)), "{step:?}");
            assert!(!health::readiness(&app).ready);
        }
        drop(app);

        let app = home.open();
        let ordered = step != Step::Order;
        assert_eq!(read(&app, victim).await.is_err(), ordered, "{step:?}");
        assert_eq!(person_of(&app, "victim@example.org").await.is_none(), ordered, "{step:?}");
        assert_eq!(download(&app, other).await.unwrap(), pdf("o"), "{step:?}");
        assert_eq!(health::figures(&app).epoch, if ordered { 2 } else { 1 }, "{step:?}");
        assert_eq!(health::figures(&app).recovery_epoch, Some(if ordered { 2 } else { 1 }), "{step:?}");
        clean(&app).await;
        assert_eq!(problems(&app).await, Vec::<String>::new(), "{step:?}");
        drop(app);
        assert_eq!(roots(&home), [if ordered { 2 } else { 1 }], "{step:?}: exactly one root");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_of_a_record_survives_a_stop_at_any_step() {
    for &step in Step::ERASURE {
        let home = Home::new();
        let app = home.open();
        let gone = apply(&app, "a@example.org", &pdf("1")).await.unwrap().submission;
        let kept = apply(&app, "a@example.org", &pdf("2")).await.unwrap().submission;
        drop(app);
        let app = home.open_with(stop_at(step));
        assert!(erase::record(&app, &role(Role::Privacy), gone).await.is_err(), "{step:?}");
        drop(app);
        let app = home.open();
        assert_eq!(read(&app, gone).await.is_err(), step != Step::Order, "{step:?}");
        assert_eq!(download(&app, kept).await.unwrap(), pdf("2"), "{step:?}");
        clean(&app).await;
        assert_eq!(problems(&app).await, Vec::<String>::new(), "{step:?}");
        drop(app);
        assert_eq!(roots(&home).len(), 1, "{step:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_the_store_lost_is_put_back_from_the_redo_copy() {
    let home = Home::new();
    let app = home.open();
    let victim = apply(&app, "victim@example.org", &pdf("v")).await.unwrap().submission;
    let other = apply(&app, "other@example.org", &pdf("o")).await.unwrap().submission;
    let person = person_of(&app, "victim@example.org").await.unwrap();
    drop(app);
    // The store as it is with the order durable and the epoch not committed.
    let app = home.open_with(stop_at(Step::RedoWritten));
    assert!(erase_person(&app, person).await.is_err());
    drop(app);
    let store = home.path().join("store-before");
    copy_dir(&home.data().join("store"), &store);
    let redo = std::fs::read(home.data().join("redo")).unwrap();
    let (root, witness) = (home.keys().join("root"), home.keys().join("witness"));
    let (root_then, witness_then) = (std::fs::read(&root).unwrap(), std::fs::read(&witness).unwrap());

    // What a start after step 5 would find if the store had lost the commit: only the new root, the old rows, the redo.
    let mut torn = root_then;
    let old = if torn[31] == 1 { 0 } else { 4096 };
    torn[old..old + 4096].fill(0xaa);
    std::fs::write(&root, torn).unwrap();
    std::fs::write(&witness, &witness_then).unwrap();
    std::fs::write(home.data().join("redo"), &redo).unwrap();
    let (app, opened) = home.try_open().unwrap();
    assert!(opened.notices.iter().any(|notice| notice.contains("redo copy")), "{:?}", opened.notices);
    assert!(read(&app, victim).await.is_err());
    assert_eq!(download(&app, other).await.unwrap(), pdf("o"));
    clean(&app).await;
    assert_eq!(problems(&app).await, Vec::<String>::new());
    drop(app);

    // Without the redo copy the same state is refused, and nothing is changed.
    std::fs::remove_dir_all(home.data().join("store")).unwrap();
    copy_dir(&store, &home.data().join("store"));
    std::fs::remove_file(home.data().join("redo")).unwrap();
    let before = all_bytes(&home.keys());
    assert!(home.try_open().is_err());
    assert_eq!(before, all_bytes(&home.keys()));

    // Nor is it put back for a root that is of its epoch and does not open it; for the right one it is, still.
    let right = std::fs::read(&root).unwrap();
    let (master, entropy) = (MasterKey::load(&home.keys().join("master.key")).unwrap(), SystemEntropy::new());
    let slots = RootSlots::open(&root, master.vault(), false).unwrap();
    let epoch = slots.find(&master).unwrap()[0].epoch;
    for slot in SlotNo::ALL {
        slots.write(slot, epoch, &Key::make_random(&entropy).unwrap(), &master, &entropy).unwrap();
    }
    std::fs::write(&witness, &witness_then).unwrap();
    std::fs::write(home.data().join("redo"), &redo).unwrap();
    assert!(home.try_open().is_err());
    std::fs::write(&root, right).unwrap();
    let (_, opened) = home.try_open().unwrap();
    assert!(opened.notices.iter().any(|notice| notice.contains("redo copy")), "{:?}", opened.notices);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_erasures_with_a_stop_in_each_leave_the_rest_whole() {
    let home = Home::new();
    let mut kept = Vec::new();
    for (n, step) in Step::ERASURE.iter().chain(Step::ERASURE).copied().enumerate() {
        drop(home.open()); // carries out what the last round left
        let app = home.open_with(stop_at(step));
        apply(&app, &format!("gone{n}@example.org"), &pdf("g")).await.unwrap();
        kept.push(apply(&app, &format!("kept{n}@example.org"), &pdf("k")).await.unwrap().submission);
        let person = person_of(&app, &format!("gone{n}@example.org")).await.unwrap();
        assert!(erase_person(&app, person).await.is_err());
    }
    let app = home.open();
    for id in kept {
        assert_eq!(download(&app, id).await.unwrap(), pdf("k"));
    }
    clean(&app).await;
    // The two whose order was never durable are still there.
    assert_eq!(health::figures(&app).people as usize, 2 * Step::ERASURE.len() + 2);
    assert_eq!(problems(&app).await, Vec::<String>::new());
}
