//! A table of damaged folders, each put before the real way in: refused in a sentence that says what to do, and nothing
//! changed, or recovered, with exactly one root left and everybody alive readable.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use letterlock::base::ids::RecordId;
use letterlock::keys::master::MasterKey;
use letterlock::keys::slots::RootSlots;
use letterlock::services::App;
use letterlock::store::{Engine, SledEngine};

use crate::support::*;

/// Epochs that the vault of this table has gone through, and its folders in each of them.
const EPOCHS: u64 = 4;
const SLOT: usize = 4096;

struct Table {
    home: Home,
    other: Home,
    alive: Vec<RecordId>,
    outcomes: Mutex<Vec<Result<(), String>>>,
}

type Content = BTreeMap<String, Vec<u8>>;

enum Expect {
    Refused(&'static str),
    Recovered,
}
use Expect::{Recovered, Refused};

/// The folders under attack.
struct Case {
    home: Home,
}

impl Table {
    async fn new() -> Self {
        let (home, other) = (Home::new(), Home::new());
        let app = other.open();
        apply(&app, "other@example.org", &pdf("other")).await.unwrap();
        app.close().await;
        drop(app);
        let mut alive = Vec::new();
        for epoch in 1..=EPOCHS {
            let app = home.open();
            if epoch > 1 {
                let person = person_of(&app, &format!("gone{}@example.org", epoch - 1)).await.unwrap();
                erase_person(&app, person).await.unwrap();
                clean(&app).await;
            }
            apply(&app, &format!("gone{epoch}@example.org"), &pdf("gone")).await.unwrap();
            alive.push(apply(&app, &format!("kept{epoch}@example.org"), &pdf("kept")).await.unwrap().submission);
            app.close().await;
            drop(app);
            // The janitor may still be holding the folders.
            drop(home.open());
            for folder in ["data", "keys"] {
                copy_dir(&home.path().join(folder), &home.path().join(format!("{folder}-{epoch}")));
            }
        }
        Self { home, other, alive, outcomes: Mutex::default() }
    }

    /// A fresh copy of the vault, and a damage done to it.
    fn case(&self, damage: impl FnOnce(&Case, &Self)) -> Case {
        let case = Case { home: Home::new() };
        case.take(&self.home, EPOCHS, "data");
        case.take(&self.home, EPOCHS, "keys");
        damage(&case, self);
        case
    }

    /// Slot of the root file in an epoch; they take turns, beginning with the first.
    fn slot_of(&self, epoch: u64) -> Vec<u8> {
        let root = std::fs::read(self.home.path().join(format!("keys-{epoch}/root"))).unwrap();
        root.chunks(SLOT).nth(position_of(epoch)).unwrap().to_vec()
    }

    /// Puts one damaged copy before the way in; what goes wrong is collected.
    async fn check(&self, what: &str, expect: Expect, damage: impl FnOnce(&Case, &Self)) {
        let case = self.case(damage);
        let before = case.content();
        let outcome = match (case.home.try_open(), expect) {
            (Err(error), Refused(words)) => self.is_refused(&case, &before, &error.message, words),
            (Ok((app, _)), Recovered) => self.is_recovered(&case, app).await,
            (Err(error), Recovered) => Err(format!("refused: {}", error.message)),
            (Ok(_), Refused(_)) => Err("was not refused".to_owned()),
        };
        let mut outcomes = self.outcomes.lock().unwrap();
        outcomes.push(outcome.map_err(|problem| format!("{what}: {problem}")));
    }

    fn is_refused(&self, case: &Case, before: &Content, message: &str, words: &str) -> Result<(), String> {
        if !message.contains(words) || message.len() < 40 {
            return Err(format!("refused in other words: {message}"));
        }
        let after = case.content();
        let changed: Vec<_> = before.keys().chain(after.keys()).filter(|k| before.get(*k) != after.get(*k)).collect();
        if changed.is_empty() { Ok(()) } else { Err(format!("refused ({message}), and changed {changed:?}")) }
    }

    async fn is_recovered(&self, case: &Case, app: Arc<App>) -> Result<(), String> {
        for id in &self.alive {
            if download(&app, *id).await.ok() != Some(pdf("kept")) {
                return Err(format!("{id} is not readable"));
            }
        }
        for epoch in 1..EPOCHS {
            if person_of(&app, &format!("gone{epoch}@example.org")).await.is_some() {
                return Err("an erased person is back".to_owned());
            }
        }
        let problems = problems(&app).await;
        app.close().await;
        drop(app);
        drop(case.home.open()); // its threads are done once the folders are free
        match (problems.as_slice(), case.roots().as_slice()) {
            ([], [EPOCHS]) => Ok(()),
            (problems, roots) => Err(format!("problems {problems:?}, roots {roots:?}")),
        }
    }

    fn finish(self, refused_at_least: usize) {
        let outcomes = self.outcomes.into_inner().unwrap();
        println!("{} damaged vaults were put before the way in", outcomes.len());
        assert!(outcomes.len() >= refused_at_least);
        let wrong: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

fn position_of(epoch: u64) -> usize {
    (epoch as usize + 1) % 2
}

impl Case {
    fn key_file(&self, name: &str) -> PathBuf {
        self.home.keys().join(name)
    }

    /// Takes a folder as it was in another epoch, or from another vault.
    fn take(&self, from: &Home, epoch: u64, folder: &str) {
        let to = self.home.path().join(folder);
        let _ = std::fs::remove_dir_all(&to);
        let then = from.path().join(format!("{folder}-{epoch}"));
        copy_dir(&if then.exists() { then } else { from.path().join(folder) }, &to);
    }

    fn write(&self, name: &str, at: usize, bytes: &[u8]) {
        let mut content = std::fs::read(self.key_file(name)).unwrap();
        content[at..at + bytes.len()].copy_from_slice(bytes);
        std::fs::write(self.key_file(name), content).unwrap();
    }

    fn put_slot(&self, position: usize, slot: &[u8]) {
        self.write("root", position * SLOT, slot);
    }

    fn set_len(&self, name: &str, len: u64) {
        std::fs::OpenOptions::new().write(true).open(self.key_file(name)).unwrap().set_len(len).unwrap();
    }

    fn remove(&self, path: &str) {
        let path = self.home.path().join(path);
        if path.is_dir() { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
    }

    fn roots(&self) -> Vec<u64> {
        let master = MasterKey::load(&self.key_file("master.key")).unwrap();
        let slots = RootSlots::open(&self.key_file("root"), master.vault(), false).unwrap();
        slots.find(&master).unwrap().iter().map(|found| found.epoch).collect()
    }

    /// Every byte of both folders; of the store, whose files the engine may tidy as it opens them, every row. The locks
    /// are empty.
    fn content(&self) -> Content {
        let mut content = Content::new();
        let store = self.home.data().join("store");
        for folder in ["data", "keys"].map(|folder| self.home.path().join(folder)).iter().filter(|f| f.exists()) {
            let outside = all_bytes(folder).into_iter().filter(|(path, _)| !path.starts_with(&store));
            content.extend(outside.map(|(path, bytes)| (path.display().to_string(), bytes)));
        }
        content.retain(|path, bytes| !(path.ends_with("/lock") && bytes.is_empty()));
        if store.join("db").exists() {
            let copy = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            copy_dir(&store, copy.path());
            let engine = SledEngine::open(copy.path(), 8 << 20).unwrap().engine;
            for (key, value) in engine.scan(&[], &[0xff]).map(Result::unwrap) {
                content.insert(format!("row {key:02x?}"), value);
            }
        }
        content
    }
}

fn other_keys(table: &Table, name: &str) -> PathBuf {
    table.other.keys().join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_root_slots_are_refused_or_recovered() {
    let table = Table::new().await;
    let (live, spare) = (position_of(EPOCHS), position_of(EPOCHS + 1));
    let noise = [0x5a; SLOT];
    let damaged = "neither root slot opens";
    let older = "is older than the data";

    table.check("nothing", Recovered, |_, _| {}).await;
    table.check("live slot copied onto the spare", Recovered, |c, t| c.put_slot(spare, &t.slot_of(EPOCHS))).await;
    table
        .check("spare copied onto the live slot", Refused(damaged), |c, _| {
            let root = std::fs::read(c.key_file("root")).unwrap();
            c.put_slot(live, &root[spare * SLOT..(spare + 1) * SLOT]);
        })
        .await;
    for epoch in 1..EPOCHS {
        let (own, wrong) = (position_of(epoch), position_of(epoch + 1));
        let in_place = if own == live { Refused(older) } else { Recovered };
        table
            .check(&format!("slot of epoch {epoch} in its place"), in_place, |c, t| c.put_slot(own, &t.slot_of(epoch)))
            .await;
        let moved = if wrong == live { Refused(damaged) } else { Recovered };
        table
            .check(&format!("slot of epoch {epoch} in the other"), moved, |c, t| c.put_slot(wrong, &t.slot_of(epoch)))
            .await;
        table
            .check(&format!("both slots of epoch {epoch}"), Refused(older), |c, t| {
                let root = t.home.path().join(format!("keys-{epoch}/root"));
                std::fs::write(c.key_file("root"), std::fs::read(root).unwrap()).unwrap();
            })
            .await;
    }
    for sector in 0..8 {
        let at = sector * 512;
        // What is sealed stands in the first sector; the rest of a slot is noise.
        let torn = if sector == 0 { Refused(damaged) } else { Recovered };
        table
            .check(&format!("live slot torn at {at}"), torn, |c, _| c.write("root", live * SLOT + at, &noise[..512]))
            .await;
        table
            .check(&format!("spare torn at {at}"), Recovered, |c, _| c.write("root", spare * SLOT + at, &noise[..512]))
            .await;
    }
    table
        .check("first half of the live slot", Refused(damaged), |c, _| c.write("root", live * SLOT, &noise[..2048]))
        .await;
    table
        .check("second half of the live slot", Recovered, |c, _| c.write("root", live * SLOT + 2048, &noise[..2048]))
        .await;
    table
        .check("half of what is sealed", Refused(damaged), |c, _| c.write("root", live * SLOT + 100, &noise[..50]))
        .await;
    table
        .check("one bit of what is sealed", Refused(damaged), |c, t| {
            let bit = t.slot_of(EPOCHS)[149] ^ 1;
            c.write("root", live * SLOT + 149, &[bit]);
        })
        .await;
    table
        .check("another epoch in clear", Refused(damaged), |c, _| {
            c.write("root", live * SLOT + 24, &9_u64.to_be_bytes())
        })
        .await;
    table.check("both destroyed", Refused(damaged), |c, _| c.write("root", 0, &[noise, noise].concat())).await;
    table.check("both zero", Refused(damaged), |c, _| c.write("root", 0, &[0; 2 * SLOT])).await;

    let foreign = std::fs::read(other_keys(&table, "root")).unwrap();
    let foreign_slot = foreign.chunks(SLOT).find(|slot| slot.starts_with(b"LLROOT1")).unwrap();
    table.check("another vault's file", Refused("belongs to vault"), |c, _| c.write("root", 0, &foreign)).await;
    for position in [live, spare] {
        table
            .check("another vault's slot", Refused("belongs to vault"), |c, _| c.put_slot(position, foreign_slot))
            .await;
    }
    for len in [0, 1, 4096, 8191, 8193, 12288] {
        table.check(&format!("{len} bytes"), Refused("instead of 8192"), |c, _| c.set_len("root", len)).await;
    }
    table
        .check("a hard link", Refused("second name"), |c, _| {
            std::fs::hard_link(c.key_file("root"), c.home.path().join("kept-root")).unwrap();
        })
        .await;
    table
        .check("a symbolic link", Refused("symbolic link"), |c, _| {
            let elsewhere = c.home.path().join("elsewhere");
            std::fs::rename(c.key_file("root"), &elsewhere).unwrap();
            std::os::unix::fs::symlink(elsewhere, c.key_file("root")).unwrap();
        })
        .await;
    table.finish(40);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_damage_to_the_folders_is_refused_or_recovered() {
    let table = Table::new().await;
    let swap = |c: &Case, t: &Table, name: &str| {
        std::fs::write(c.key_file(name), std::fs::read(other_keys(t, name)).unwrap()).unwrap();
    };
    let then = |c: &Case, t: &Table, epoch: u64, name: &str| {
        let old = t.home.path().join(format!("keys-{epoch}")).join(name);
        std::fs::write(c.key_file(name), std::fs::read(old).unwrap()).unwrap();
    };

    // Whole folders.
    for epoch in 1..EPOCHS {
        let what = format!("of epoch {epoch}");
        table
            .check(&format!("data {what}"), Refused("older than its keys"), |c, t| c.take(&t.home, epoch, "data"))
            .await;
        table
            .check(&format!("keys {what}"), Refused("older than the data"), |c, t| c.take(&t.home, epoch, "keys"))
            .await;
    }
    table.check("another vault's data", Refused("belongs to vault"), |c, t| c.take(&t.other, 0, "data")).await;
    table.check("another vault's keys", Refused("belongs to vault"), |c, t| c.take(&t.other, 0, "keys")).await;
    table.check("no data folder", Refused("--data"), |c, _| c.remove("data")).await;
    table.check("no key folder", Refused("--keys"), |c, _| c.remove("keys")).await;
    table
        .check("empty data folder", Refused("--data"), |c, _| {
            c.remove("data");
            std::fs::create_dir(c.home.data()).unwrap();
        })
        .await;
    table
        .check("empty key folder", Refused("--keys"), |c, _| {
            c.remove("keys");
            std::fs::create_dir(c.home.keys()).unwrap();
        })
        .await;

    // The master key.
    table.check("another vault's master key", Refused("belongs to vault"), |c, t| swap(c, t, "master.key")).await;
    table
        .check("another master key of the same vault", Refused("neither root slot opens"), |c, _| {
            let text = std::fs::read_to_string(c.key_file("master.key")).unwrap();
            let at = text.rfind("key ").unwrap() + 4;
            std::fs::write(c.key_file("master.key"), format!("{}{}\n", &text[..at], "11".repeat(32))).unwrap();
        })
        .await;
    for len in [0, 30, 100] {
        table.check("master key cut", Refused("not a master key file"), |c, _| c.set_len("master.key", len)).await;
    }

    // The witness.
    let unreadable = "keys/witness says nothing that can be checked";
    table.check("another vault's witness", Refused(unreadable), |c, t| swap(c, t, "witness")).await;
    table.check("an empty witness", Refused(unreadable), |c, _| c.write("witness", 0, &[0; 2 * SLOT])).await;
    table.check("a short witness", Refused("cut short"), |c, _| c.set_len("witness", 5000)).await;
    table.check("one block of the witness torn", Recovered, |c, _| c.write("witness", 30, &[0x5a; 600])).await;
    for epoch in 1..EPOCHS {
        table.check("an older witness", Recovered, |c, t| then(c, t, epoch, "witness")).await;
    }

    // The recovery slot.
    let of_another = "recovery/slot: belongs to vault";
    table.check("another vault's recovery slot", Refused(of_another), |c, t| swap(c, t, "recovery/slot")).await;
    table
        .check("a recovery slot behind a symbolic link", Refused("symbolic link"), |c, _| {
            let elsewhere = c.home.path().join("elsewhere");
            std::fs::rename(c.key_file("recovery/slot"), &elsewhere).unwrap();
            std::os::unix::fs::symlink(elsewhere, c.key_file("recovery/slot")).unwrap();
        })
        .await;
    for epoch in 1..EPOCHS {
        table.check("an older recovery slot", Recovered, |c, t| then(c, t, epoch, "recovery/slot")).await;
    }
    table.check("a torn recovery slot", Recovered, |c, _| c.write("recovery/slot", 100, &[0x5a; 100])).await;
    table.check("a recovery slot cut short", Recovered, |c, _| c.set_len("recovery/slot", 200)).await;
    table
        .check("another vault's recovery public key", Refused("recovery.pub"), |c, t| swap(c, t, "recovery.pub"))
        .await;
    table
        .check("a recovery public key cut short", Refused("64 hex digits"), |c, _| c.set_len("recovery.pub", 20))
        .await;

    // Each file missing.
    for name in ["master.key", "root", "witness", "recovery.pub"] {
        table.check(name, Refused("keys/README.md"), |c, _| c.remove(&format!("keys/{name}"))).await;
    }
    for name in ["recovery/slot", "recovery/identity", "lock"] {
        table.check(name, Recovered, |c, _| c.remove(&format!("keys/{name}"))).await;
    }
    for name in ["redo", "lock"] {
        table.check(name, Recovered, |c, _| c.remove(&format!("data/{name}"))).await;
    }
    table.check("store", Refused("--data"), |c, _| c.remove("data/store")).await;
    table.check("db", Refused("restore"), |c, _| c.remove("data/store/db")).await;
    table
        .check("an empty db", Refused("restore"), |c, _| std::fs::write(c.home.data().join("store/db"), b"").unwrap())
        .await;
    let redo = |c: &Case| c.home.data().join("redo");
    table
        .check("another vault's redo copy", Recovered, |c, _| {
            let mut content = std::fs::read(redo(c)).unwrap();
            content[8..24].fill(0x5a);
            std::fs::write(redo(c), content).unwrap();
        })
        .await;
    table
        .check("a torn redo copy", Recovered, |c, _| {
            let content = std::fs::read(redo(c)).unwrap();
            std::fs::write(redo(c), &content[..content.len() / 2]).unwrap();
        })
        .await;
    table.check("files", Refused("restore"), |c, _| c.remove("data/files")).await;
    table.finish(40);
}
