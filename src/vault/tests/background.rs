//! The janitor's own ways, and the view of a tree of many pages.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::*;
use crate::base::ids::FileId;
use crate::crypto::Key;
use crate::keys::tree::{FANOUT, InnerPage, LeafPage, PageNo, TOP, TopPage};
use crate::keys::witness::{Testimony, Witness};
use crate::store::{Engine, Rows, StoreError};
use crate::vault::Detail;
use crate::vault::committer::Job;
use crate::vault::hooks::Step;
use crate::vault::janitor::Janitor;
use crate::vault::view::TreeView;

/// A second janitor, with a witness and a queue of its own.
fn idle_janitor(dir: &TempDir, vault: &Vault) -> (Janitor, mpsc::Sender<Box<Job>>, mpsc::Receiver<Box<Job>>) {
    let path = dir.path().join("another-witness");
    Witness::create(&path).unwrap();
    let (jobs, queue) = mpsc::channel(8);
    let janitor = Janitor {
        shared: Arc::clone(&vault.shared),
        jobs: jobs.downgrade(),
        witness: Witness::open(&path, vault.id()).unwrap(),
        written: Testimony { epoch: 0, audit: Default::default() },
        last_try: Instant::now(),
    };
    (janitor, jobs, queue)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_takes_what_no_row_names_and_nobody_is_writing() {
    let (dir, vault) = home();
    submit(&vault, Sample { files: 1, named: 1, ..PLAIN }).await.unwrap();
    let mut upload = vault.begin_upload().unwrap();
    upload.write(b"half").unwrap();
    let folder = dir.path().join("data/files");
    let left = FileId::from_bytes([7; 16]);
    std::fs::write(folder.join(left.to_string()), b"left").unwrap();
    let names = || -> Vec<String> {
        let files = std::fs::read_dir(&folder).unwrap();
        files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let all: Vec<FileId> = names().iter().map(|name| name.parse().unwrap()).collect();
    assert_eq!(all.len(), 3);
    let (janitor, ..) = idle_janitor(&dir, &vault);
    janitor.sweep(&all);
    assert!(names().len() == 2 && !names().contains(&left.to_string()), "{:?}", names());
    drop(upload);
    assert_eq!(names().len(), 1, "the one that a row names");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_slot_that_is_behind_is_tried_again_after_a_pause() {
    let (dir, vault) = home();
    let (mut janitor, _jobs, mut queue) = idle_janitor(&dir, &vault);
    let long_ago = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
    let held = vault.counts().recovery_epoch.unwrap();
    for (what, recovery, last_try, tried) in [
        ("up to date", held, long_ago, false),
        ("behind, tried just now", held - 1, Instant::now(), false),
        ("behind, tried long ago", held - 1, long_ago, true),
    ] {
        vault.shared.figures.recovery_epoch.store(recovery, std::sync::atomic::Ordering::SeqCst);
        janitor.last_try = last_try;
        tokio::task::block_in_place(|| janitor.keep_recovery());
        assert_eq!(queue.try_recv().is_ok_and(|job| matches!(*job, Job::Recovery)), tried, "{what}");
        assert_eq!(janitor.last_try != last_try, tried, "{what}");
    }
}

/// A store that fails in the janitor's hands, and only there.
struct Trap(Box<dyn Engine>);

impl Engine for Trap {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        assert!(std::thread::current().name() != Some("janitor"), "a fault in the janitor");
        self.0.read(key)
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        self.0.scan(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.0.commit(batch)
    }

    fn is_writable(&self) -> bool {
        self.0.is_writable()
    }
}

/// People outside lose nothing by it, and nobody inside does anything that the trail could not be held to.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_witness_cannot_be_written_submissions_are_taken_and_nothing_is_read() {
    let fails = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&fails);
    let at_step = move |step| match step {
        Step::TestimonyPut if broken.load(Ordering::SeqCst) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let (dir, vault) = home_with(Hooks { at_step: Some(Arc::new(at_step)), ..Hooks::default() });
    let first = submit(&vault, PLAIN).await.unwrap().summary.id;
    let hr = Actor::Owner { role: Role::Support };
    let on = |action| act(&hr, action, &Resource::Submission { roles: READERS });
    let located = [vault.locate(&first).unwrap()];
    assert!(vault.grant(on(Action::ReadSubmission), &located, "support", None).await.is_ok());

    fails.store(true, Ordering::SeqCst);
    submit(&vault, PLAIN).await.unwrap();
    for _ in 0..2000 {
        if !vault.pulse().witness {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It stays so, also when a write would go well again: what the last one lost, nobody knows.
    fails.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        let pulse = vault.pulse();
        assert!(pulse.store && !pulse.witness && !vault.has_failed());
        submit(&vault, PLAIN).await.unwrap();
        let refused = Some(VaultError::Unavailable);
        assert_eq!(vault.grant(on(Action::ReadSubmission), &located, "support", None).await.err(), refused);
        assert_eq!(vault.set_status(on(Action::SetStatus), first, Status::Closed).await.err(), refused);
        assert_eq!(vault.record_act(on(Action::SetStatus), Detail::None).await.err(), refused);
        let erased = vault.erase(erase_act(Action::EraseRecord), vec![Target::Record(first)]).await;
        assert_eq!(erased.err(), refused);
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    drop(vault);
    let vault = Arc::new(Vault::open(options(dir.path(), Hooks::default())).unwrap().0);
    assert_eq!((vault.counts().arrivals, vault.pulse().witness), (4, true));
    assert!(vault.grant(on(Action::ReadSubmission), &[vault.locate(&first).unwrap()], "support", None).await.is_ok());
    assert_eq!(problems(&vault).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_janitor_that_panicked_shows_in_the_pulse() {
    let (dir, vault) = home();
    drop(vault);
    // Something to sweep, so that the janitor looks into the store.
    std::fs::write(dir.path().join("data/files").join(FileId::from_bytes([7; 16]).to_string()), b"left").unwrap();
    let trap = |inner| Box::new(Trap(inner)) as Box<dyn Engine>;
    let hooks = Hooks { engine: Some(Arc::new(trap)), ..Hooks::default() };
    let vault = Vault::open(options(dir.path(), hooks)).unwrap().0;
    for _ in 0..2000 {
        if !vault.pulse().witness {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody keeps the witness, and the pulse does not say so");
}

struct Memory(Batch);

impl Engine for Memory {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).cloned().flatten())
    }

    fn scan(&self, _: &[u8], _: &[u8]) -> Rows<'_> {
        Box::new(std::iter::empty())
    }

    fn commit(&self, _: &Batch) -> Result<(), StoreError> {
        Err(StoreError::Poisoned)
    }

    fn is_writable(&self) -> bool {
        false
    }
}

/// Leaves under different pages of each level, as some two hundred million people would have them.
#[test]
fn a_tree_of_many_pages_is_loaded_by_place() {
    let entropy = SystemEntropy::new();
    let root = Key::make_random(&entropy).unwrap();
    let wanted = [0, 3, 64 * 3 + 5, 64 * 64 * 2 + 64 + 1, 64 * 64 * 63 + 7];
    let mut keys: BTreeMap<PageNo, Key> = BTreeMap::new();
    let mut inner: BTreeMap<PageNo, InnerPage> = BTreeMap::new();
    for leaf in wanted {
        let mut no = PageNo { level: 0, index: leaf };
        while let Some((parent, slot)) = no.parent() {
            let key = keys.entry(no).or_insert_with(|| Key::make_random(&entropy).unwrap()).duplicate();
            inner.entry(parent).or_insert_with(InnerPage::empty).set_child(slot, key);
            no = parent;
        }
    }
    let mut rows = Batch::new();
    for leaf in wanted {
        let no = PageNo { level: 0, index: leaf };
        rows.insert(no.row_key(), Some(no.seal(&keys[&no], 1, &LeafPage::empty().encode(), &entropy).unwrap()));
    }
    for (no, page) in &inner {
        let sealed = if no.level == TOP {
            let top = TopPage { system: Key::make_random(&entropy).unwrap(), children: page.duplicate() };
            no.seal(&root, 1, &top.encode(), &entropy).unwrap()
        } else {
            no.seal(&keys[no], 1, &page.encode(), &entropy).unwrap()
        };
        rows.insert(no.row_key(), Some(sealed));
    }
    let engine = Memory(rows);
    let (view, _) = TreeView::load(&engine, &root, 1).unwrap();
    assert_eq!((view.leaves(), view.page_count()), (wanted.to_vec(), inner.len() as u64));
    assert!(wanted.iter().all(|leaf| view.leaf(&engine, *leaf).unwrap().is_some()));
    assert!(view.leaf(&engine, FANOUT).unwrap().is_none());
}
