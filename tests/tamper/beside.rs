//! The clear files beside the store, and the key folder: each change is refused, or mended, or does no harm, and which
//! of them is written down here.

use std::path::Path;

use letterlock::keys::recovery::{RecoverySlot, load_public, parse_identity};
use letterlock::vault::Step;

use crate::overlay::Memory;
use crate::support::*;
use crate::trial::{Rest, Vault, Verdict, furnished, in_parallel, make_empty_store, trial};

/// What must come of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Must {
    /// The vault does not open.
    BeRefused,
    /// It opens, everything is there, and nothing depends on what was changed.
    DoNoHarm,
}

struct Change {
    file: &'static str,
    what: String,
    content: Option<Vec<u8>>,
    must: Must,
}

/// Bytes of a file flipped one at a time within `range`, every `step`.
fn flips(vault: &Vault, file: &'static str, range: std::ops::Range<usize>, step: usize, must: Must) -> Vec<Change> {
    let good = std::fs::read(vault.home.path().join(file)).unwrap();
    let range = range.start..range.end.min(good.len());
    let flip = |at: usize| {
        let mut content = good.clone();
        content[at] ^= 1;
        Change { file, what: format!("byte {at} flipped"), content: Some(content), must }
    };
    range.step_by(step).map(flip).collect()
}

fn one(file: &'static str, what: &str, content: Option<Vec<u8>>, must: Must) -> Change {
    Change { file, what: what.to_owned(), content, must }
}

fn try_all(vault: &Vault, changes: &[Change]) {
    let verdicts = in_parallel(changes.len(), |n| {
        let Change { file, content, .. } = &changes[n];
        trial(vault, vault.rows.clone(), true, &|dir| match content {
            Some(content) => std::fs::write(dir.join(file), content).unwrap(),
            None => std::fs::remove_file(dir.join(file)).unwrap(),
        })
    });
    let mut counts = std::collections::BTreeMap::new();
    let mut failed = Vec::new();
    for (change, verdict) in changes.iter().zip(verdicts) {
        *counts.entry((change.file, change.must)).or_insert(0) += 1;
        let right = match change.must {
            Must::BeRefused => matches!(verdict, Verdict::Refused(_)),
            Must::DoNoHarm => matches!(verdict, Verdict::Unnoticed(_)),
        };
        if !right {
            failed.push(format!("{} {} must {:?}: {verdict:?}", change.file, change.what, change.must));
        }
    }
    println!("{} changes of files beside the store", changes.len());
    for ((file, must), count) in counts {
        println!("  {file:24} {must:?}: {count}");
    }
    assert_eq!(failed, Vec::<String>::new());
}

#[test]
fn a_clear_file_that_was_changed_is_refused_or_mended_or_does_no_harm() {
    use Must::{BeRefused, DoNoHarm};
    let vault = furnished(Rest::Clean, 0);
    let earlier = |n: usize, file: &str| Some(std::fs::read(vault.earlier_keys[n].path().join(file)).unwrap());
    let read = |file: &str| std::fs::read(vault.home.path().join(file)).unwrap();
    let step = if std::env::var_os("LETTERLOCK_TEST_DEEP").is_some() { 1 } else { 41 };
    let mut changes = Vec::new();

    // Only its lock counts.
    changes.push(one("data/lock", "with content", Some(b"x".to_vec()), DoNoHarm));
    changes.push(one("data/lock", "gone", None, DoNoHarm));
    changes.push(one("keys/lock", "gone", None, DoNoHarm));
    // Used only when the store has lost its last epoch.
    changes.extend(flips(&vault, "data/redo", 0..usize::MAX, step * 5, DoNoHarm));
    changes.push(one("data/redo", "gone", None, DoNoHarm));
    changes.push(one("data/redo", "empty", Some(Vec::new()), DoNoHarm));

    // The block written last counts; when it is bad the one before it, which the store continues as well.
    for block in [0, 4096] {
        changes.extend(flips(&vault, "keys/witness", block..block + 250, step, DoNoHarm));
    }
    changes.extend(flips(&vault, "keys/witness", 600..4096, 1000, DoNoHarm));
    changes.push(one("keys/witness", "an earlier one", earlier(0, "witness"), DoNoHarm));
    changes.push(one("keys/witness", "an earlier one", earlier(1, "witness"), DoNoHarm));
    changes.push(one("keys/witness", "all zeros", Some(vec![0; 8192]), BeRefused));
    changes.push(one("keys/witness", "cut", Some(read("keys/witness")[..4096].to_vec()), BeRefused));
    changes.push(one("keys/witness", "gone", None, BeRefused));

    // The slot that counts, the one that does not, and the random rest.
    let root = read("keys/root");
    let (live, spare) = if root.starts_with(b"LLROOT1\0") { (0, 4096) } else { (4096, 0) };
    changes.extend(flips(&vault, "keys/root", live..live + 150, step, BeRefused));
    changes.extend(flips(&vault, "keys/root", live + 150..live + 4096, 977, DoNoHarm));
    changes.extend(flips(&vault, "keys/root", spare..spare + 4096, 977, DoNoHarm));
    changes.push(one("keys/root", "an earlier one", earlier(1, "root"), BeRefused));
    changes.push(one("keys/root", "slots swapped", Some([&root[4096..], &root[..4096]].concat()), BeRefused));
    changes.push(one("keys/root", "cut", Some(root[..8191].to_vec()), BeRefused));
    changes.push(one("keys/root", "longer", Some([root.as_slice(), &[0]].concat()), BeRefused));
    changes.push(one("keys/root", "gone", None, BeRefused));

    changes.extend(flips(&vault, "keys/master.key", 0..usize::MAX, step.min(3), BeRefused));
    changes.push(one("keys/master.key", "gone", None, BeRefused));

    changes.extend(flips(&vault, "keys/recovery.pub", 0..64, step.min(3), BeRefused));
    changes.push(one("keys/recovery.pub", "another key", Some("ab".repeat(32).into_bytes()), BeRefused));
    changes.push(one("keys/recovery.pub", "gone", None, BeRefused));

    // Written anew at the start whenever it is not that of the present epoch.
    changes.extend(flips(&vault, "keys/recovery/slot", 0..4096, step, DoNoHarm));
    changes.push(one("keys/recovery/slot", "an earlier one", earlier(1, "recovery/slot"), DoNoHarm));
    changes.push(one("keys/recovery/slot", "empty", Some(Vec::new()), DoNoHarm));
    changes.push(one("keys/recovery/slot", "gone", None, DoNoHarm));

    // A first run that never was.
    changes.push(one("data/initialising", "planted", Some(b"x".to_vec()), DoNoHarm));
    changes.push(one("keys/initialising", "planted, empty", Some(Vec::new()), BeRefused));
    changes.push(one("keys/initialising", "planted", Some(b"x".to_vec()), BeRefused));
    let own = read("keys/root")[live + 8..live + 24].to_vec();
    let own = letterlock::base::ids::VaultId::from_bytes(own.try_into().unwrap()).to_string().into_bytes();
    changes.push(one("keys/initialising", "planted, of this vault", Some(own), BeRefused));
    try_all(&vault, &changes);
}

#[test]
fn a_recovery_slot_that_was_changed_is_whole_again_after_a_start() {
    let vault = furnished(Rest::Clean, 0);
    let good = std::fs::read(vault.home.keys().join("recovery/slot")).unwrap();
    let identity = std::fs::read_to_string(vault.home.keys().join("recovery/identity")).unwrap();
    let private = parse_identity(&identity).unwrap();
    let opens = |keys: &Path| RecoverySlot::open(&std::fs::read(keys.join("recovery/slot")).unwrap(), &private);
    let (epoch, root) = opens(&vault.home.keys()).unwrap();
    for at in (0..216).step_by(7) {
        let dir = crate::trial::scratch();
        copy_dir(&vault.home.keys(), &dir.path().join("keys"));
        copy_dir(&vault.home.data().join("files"), &dir.path().join("data/files"));
        make_empty_store(&dir.path().join("data/store"));
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(dir.path().join("keys/recovery/slot"), bad).unwrap();
        let options = letterlock::services::OpenOptions {
            data: dir.path().join("data"),
            keys: dir.path().join("keys"),
            ..vault.home.options()
        };
        drop(letterlock::services::App::open_with_hooks(options, Memory::new(vault.rows.clone()).hooks()).unwrap());
        let (now, key) = opens(&dir.path().join("keys")).unwrap();
        assert!(now == epoch && key == root, "byte {at}");
    }
    load_public(&vault.home.keys().join("recovery.pub")).unwrap();
}

/// The store as it was before its last epoch, the keys as they are after it: only the redo copy can bring them together.
#[test]
fn a_redo_copy_that_is_needed_and_was_changed_is_refused() {
    let vault = furnished(Rest::Stopped(Step::Committed), 0);
    // Step 5 done: the old root is gone.
    let mut root = std::fs::read(vault.home.keys().join("root")).unwrap();
    let epoch = |at: usize| u64::from_be_bytes(root[at + 24..at + 32].try_into().unwrap());
    let old = if epoch(0) < epoch(4096) { 0 } else { 4096 };
    root[old..old + 4096].fill(0xaa);
    let before = vault.states[vault.states.len() - 2].clone();
    let redo = std::fs::read(vault.home.data().join("redo")).unwrap();
    let attempt = |redo: Option<Vec<u8>>| {
        trial(&vault, before.clone(), true, &|dir| {
            std::fs::write(dir.join("keys/root"), &root).unwrap();
            match &redo {
                Some(redo) => std::fs::write(dir.join("data/redo"), redo).unwrap(),
                None => std::fs::remove_file(dir.join("data/redo")).unwrap(),
            }
        })
    };
    let Verdict::Unnoticed(notices) = attempt(Some(redo.clone())) else { panic!("the control: it is put back") };
    assert!(notices.iter().any(|notice| notice.contains("redo copy")), "{notices:?}");
    let mut tried = 0;
    for at in (0..redo.len()).step_by(97).chain([redo.len() - 1]) {
        let mut bad = redo.clone();
        bad[at] ^= 1;
        assert!(matches!(attempt(Some(bad)), Verdict::Refused(_)), "byte {at}");
        tried += 1;
    }
    assert!(matches!(attempt(Some(redo[..redo.len() - 1].to_vec())), Verdict::Refused(_)));
    assert!(matches!(attempt(None), Verdict::Refused(_)));
    println!("{} changes of a redo copy that was needed, all refused", tried + 2);
}

/// One row in clear, the number of the epoch, put back to an earlier one must not make the redo copy roll back what was
/// stored since.
#[test]
fn an_epoch_row_put_back_costs_nobody_their_record() {
    let vault = furnished(Rest::Clean, 0);
    let key = letterlock::base::tables::Table::Meta.key(&[b"epoch"]);
    let now = vault.rows[&key].clone();
    let earlier: Vec<Vec<u8>> =
        vault.states.iter().filter_map(|state| state.get(&key)).filter(|old| **old != now).cloned().collect();
    assert!(!earlier.is_empty());
    for old in earlier {
        let mut rows = vault.rows.clone();
        rows.insert(key.clone(), old);
        let memory = Memory::new(rows.clone());
        let dir = crate::trial::scratch();
        copy_dir(&vault.home.keys(), &dir.path().join("keys"));
        copy_dir(&vault.home.data().join("files"), &dir.path().join("data/files"));
        std::fs::copy(vault.home.data().join("redo"), dir.path().join("data/redo")).unwrap();
        make_empty_store(&dir.path().join("data/store"));
        let options = letterlock::services::OpenOptions {
            data: dir.path().join("data"),
            keys: dir.path().join("keys"),
            ..vault.home.options()
        };
        let refusal = letterlock::services::App::open_with_hooks(options, memory.hooks()).map(|_| ()).unwrap_err();
        assert!(*memory.0.lock().unwrap() == rows, "refused ({refusal}), and yet the store was changed");
    }
}
