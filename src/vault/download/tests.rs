//! Tests of opening files.

use super::*;
use crate::vault::tests::home;

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_are_done_leave_nothing_behind_and_those_that_go_on_are_found() {
    let (_dir, vault) = home();
    let slot = |n: u16| {
        let mut person = [0; 16];
        person[..2].copy_from_slice(&n.to_be_bytes());
        let slot = Arc::new(OpenFile { record: RecordId::from_bytes(person), opener: Mutex::new(None) });
        vault.shared.register(PersonId::from_bytes(person), &slot);
        slot
    };
    let entries = || {
        let open = vault.shared.open_files.lock().unwrap();
        (open.len(), open.values().map(Vec::len).sum::<usize>())
    };
    let going_on: Vec<_> = (0..100).map(slot).collect();
    assert_eq!(entries(), (100, 100));
    (0..1000).for_each(|_| drop(slot(7)));
    assert!(entries().1 < 103, "one person's readers that are done pile up: {:?}", entries());
    (1000..9000).for_each(|n| drop(slot(n)));
    assert!(entries().0 < 1000, "those of many pile up: {:?}", entries());
    let open = vault.shared.open_files.lock().unwrap();
    let found = |n: &Arc<OpenFile>| {
        let slots = open.get(&PersonId::from_bytes(*n.record.as_bytes()));
        slots.is_some_and(|slots| slots.iter().filter_map(Weak::upgrade).any(|slot| Arc::ptr_eq(&slot, n)))
    };
    assert!(going_on.iter().all(found));
}
