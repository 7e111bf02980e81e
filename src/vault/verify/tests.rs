//! The check of a vault that goes on working: who is looked at again, and how often.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::policy::{Action, Actor, Resource, Role};
use crate::store::{Batch, Engine, Rows, StoreError};
use crate::vault::tests::{PLAIN, Sample, act, clean, erase_act, home, home_with, problems, submit, table};
use crate::vault::{Detail, Hooks, Target};

/// What a read of this key gives instead of the row.
type Read = Box<dyn FnMut(Option<Vec<u8>>) -> Option<Vec<u8>> + Send>;

/// The key of the row, and its reads; none while all is as it was.
type Bend = Arc<Mutex<Option<(Vec<u8>, Read)>>>;

/// A store of which one row reads otherwise.
struct Bent {
    inner: Box<dyn Engine>,
    bend: Bend,
}

impl Engine for Bent {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.inner.read(key)?;
        match &mut *self.bend.lock().unwrap() {
            Some((bent, read)) if bent == key => Ok(read(row)),
            _ => Ok(row),
        }
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        self.inner.scan(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.inner.commit(batch)
    }

    fn is_writable(&self) -> bool {
        self.inner.is_writable()
    }
}

/// Checks the tree of a vault with seventy people of one record each, of which the last one's keyring reads as garbage
/// as long as `garbage` says so of the number of the look. Returns what was found, and how often it was looked at.
async fn look(garbage: impl Fn(u32, &Shared) -> bool + Send + 'static) -> (Findings, u32) {
    let bend = Bend::default();
    let around = {
        let bend = Arc::clone(&bend);
        move |inner| Box::new(Bent { inner, bend: Arc::clone(&bend) }) as Box<dyn Engine>
    };
    let (_dir, vault) = home_with(Hooks { engine: Some(Arc::new(around)), ..Hooks::default() });
    let mut last = None;
    for stored in futures_util::future::join_all((0..70).map(|_| submit(&vault, PLAIN))).await {
        let summary = stored.unwrap().summary;
        last = last.max(Some((vault.locate(&summary.id).unwrap().place, summary.subject)));
    }
    let (place, person) = last.unwrap();
    assert_eq!(place, 69);
    let (looks, shared) = (Arc::new(AtomicU32::new(0)), Arc::clone(&vault.shared));
    let counted = Arc::clone(&looks);
    let read = move |row: Option<Vec<u8>>| {
        let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
        if garbage(number, &shared) { Some(vec![0; 200]) } else { row }
    };
    *bend.lock().unwrap() = Some((Keyring::row_key(&person, 0), Box::new(read) as Read));
    let mut check = Check::new(&vault.shared, &|_, _| {});
    check.tree(&vault.shared.view().leaves(), 0);
    *bend.lock().unwrap() = None;
    (check.findings, looks.load(Ordering::SeqCst))
}

fn overtaken(shared: &Shared) {
    shared.begin_commit();
    shared.end_commit();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_rows_a_commit_overtook_is_looked_at_again() {
    let (findings, looks) = look(|number, shared| {
        if number == 1 {
            overtaken(shared);
        }
        number == 1
    })
    .await;
    assert_eq!(findings.problems, Vec::<String>::new());
    assert_eq!((findings.people, findings.records, looks), (70, 70, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opens_is_looked_at_once_whatever_is_written() {
    let (findings, looks) = look(|_, shared| {
        overtaken(shared);
        false
    })
    .await;
    assert_eq!((findings.problems.len(), findings.people, looks), (0, 70, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_open_in_a_quiet_vault_is_told_at_once() {
    let (findings, looks) = look(|_, _| true).await;
    assert_eq!((findings.problems.len(), findings.people, findings.records, looks), (1, 70, 69, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_opens_is_told_also_when_the_vault_is_never_quiet() {
    let (findings, looks) = look(|_, shared| {
        overtaken(shared);
        true
    })
    .await;
    assert_eq!((findings.problems.len(), findings.people, findings.records, looks), (1, 70, 69, RETRIES + 1));
    let (findings, looks) = look(|number, shared| {
        if number == 1 {
            shared.begin_commit();
        }
        true
    })
    .await;
    assert_eq!((findings.problems.len(), looks), (1, RETRIES + 1), "a commit that takes all the time there is");
}

/// Whoever is erased and cleared away after their leaf was read, and before their turn, is no trouble.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_was_erased_before_their_turn_raises_no_alarm() {
    let (_dir, vault) = home();
    let mut people = Vec::new();
    for _ in 0..3 {
        people.push(submit(&vault, PLAIN).await.unwrap().summary.subject);
    }
    let first = AtomicBool::new(true);
    let erase = |_, _| {
        if first.swap(false, Ordering::SeqCst) {
            let erased = async {
                vault.erase(erase_act(Action::ErasePerson), vec![Target::Person(people[2])]).await.unwrap();
                clean(&vault).await;
            };
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(erased));
        }
    };
    let mut check = Check::new(&vault.shared, &erase);
    check.tree(&vault.shared.view().leaves(), 0);
    assert_eq!((check.findings.problems, check.findings.people, check.findings.records), (Vec::new(), 2, 2));
}

/// Entries that come while the check reads: it begins anew for a while, and then says why it says no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_amid_writes_begins_anew_and_in_the_end_says_so() {
    let (_dir, vault) = home();
    let left = AtomicU32::new(0);
    let write = |_, _| {
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            let act = act(&Actor::Owner { role: Role::Admin }, Action::ManageStaff, &Resource::Staff);
            let written = vault.record_act(act, Detail::None);
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(written)).unwrap();
        }
    };
    for (writes, told) in [(0, 0), (1, 0), (u32::MAX, 1)] {
        left.store(writes, Ordering::SeqCst);
        let before = vault.audit_head().await.unwrap().size;
        let found = vault.check(&write).await.unwrap().problems;
        assert_eq!(found.len(), told, "{writes} writes: {found:?}");
        assert!(found.iter().all(|problem| problem.contains("written to during the check")), "{found:?}");
        assert!(vault.audit_head().await.unwrap().size >= before + u64::from(writes.min(3)));
    }
    left.store(0, Ordering::SeqCst);
    assert_eq!(problems(&vault).await, Vec::<String>::new());
}

/// Each by its own name, not only by the digest over everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_row_or_a_file_that_was_changed_is_named() {
    let (dir, vault) = home();
    submit(&vault, Sample { email: None, files: 1, named: 1, consents: false }).await.unwrap();
    let found = || {
        let mut check = Check::new(&vault.shared, &|_, _| {});
        check.tree(&vault.shared.view().leaves(), 0);
        check.findings.problems
    };
    assert_eq!(found(), Vec::<String>::new());
    let only = |what: &str| matches!(found().as_slice(), [problem] if problem.contains(what));

    // In front the place, behind it what the list says.
    let (key, row) = table(&vault.shared, Table::List).remove(0);
    let put = |row: Vec<u8>| vault.shared.engine.commit(&Batch::from([(key.clone(), Some(row))])).unwrap();
    for at in [10, row.len() - 1] {
        let mut bad = row.clone();
        bad[at] ^= 1;
        put(bad);
        assert!(only("the list entry of submission"), "byte {at}: {:?}", found());
    }
    put(row);

    let file = std::fs::read_dir(dir.path().join("data/files")).unwrap().next().unwrap().unwrap().path();
    let good = std::fs::read(&file).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for bad in [flipped, [good.as_slice(), &[0]].concat(), Vec::new()] {
        std::fs::write(&file, bad).unwrap();
        assert!(only("is missing or was changed"), "{:?}", found());
    }
    std::fs::write(&file, good).unwrap();
    assert_eq!(found(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_entry_beyond_the_trail_belongs_to_nothing() {
    let (_dir, vault) = home();
    let size = vault.audit_head().await.unwrap().size;
    vault.shared.engine.commit(&Batch::from([(entry_key(size), Some(vec![0; 60]))])).unwrap();
    let found = problems(&vault).await;
    assert!(found.iter().any(|problem| problem == "1 row(s) belong to nothing in the vault"), "{found:?}");
}

/// Accounts belong to the vault, and so do the rows of an order until its clean-up has removed them.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_the_rows_of_an_order_under_way_belong_to_the_vault() {
    use crate::base::clock::Timestamp;
    use crate::base::ids::IntentId;
    use crate::vault::intent::{Line, Stage};
    let (_dir, vault) = home();
    let staff = act(&Actor::Owner { role: Role::Admin }, Action::ManageStaff, &Resource::Staff);
    let row = vault.seal_system_row(SystemTable::Staff, &[1; 16], &1).unwrap();
    vault.write_system_rows(staff, Detail::None, vec![row]).await.unwrap();
    assert_eq!(problems(&vault).await, Vec::<String>::new());

    let (person, record) = (PersonId::from_bytes([1; 16]), RecordId::from_bytes([2; 16]));
    let whole = Line::Person { place: 1, person, keyring_parts: 1, consent_parts: 1 };
    let rows_of = Line::Rows { record, arrival: 7, files: vec![FileId::from_bytes([3; 16])] };
    let id = IntentId::from_bytes([9; 16]);
    let at = Timestamp::from_millis(5);
    let intent = Intent { id, stage: Stage::Ordered, at, role: None, lines: vec![whole, rows_of] };
    let order = intent.rows(&vault.shared).unwrap().into_iter().map(|(key, row)| (key, Some(row))).collect();
    vault.shared.engine.commit(&order).unwrap();
    let mut check = Check::new(&vault.shared, &|_, _| {});
    check.intents();
    let expected = [
        Keyring::row_key(&person, 0),
        rows::consent_key(&person, 0),
        rows::record_key(&record),
        rows::list_key(7),
        rows::file_key(&FileId::from_bytes([3; 16])),
    ];
    assert!(check.findings.problems.is_empty() && check.expected == BTreeSet::from(expected));
}
