//! Somebody who holds every earlier copy of the data folder and today's key folder, and tries each key that they can find
//! on each row that they can find, until nothing new opens. The erased must stay out of reach; everybody else is reached,
//! and with a saved copy of the old root slot the erased are too, which shows that the attack works.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use letterlock::base::ids::{PersonId, RecordId};
use letterlock::base::tables::Table;
use letterlock::crypto::Key;
use letterlock::keys::KeyError;
use letterlock::keys::keyring::Keyring;
use letterlock::keys::master::MasterKey;
use letterlock::keys::slots::RootSlots;
use letterlock::keys::tree::{InnerPage, LeafPage, PageNo, TOP, TopPage};
use letterlock::policy::Role;
use letterlock::services::erase;
use letterlock::store::{Engine, SledEngine};

use crate::support::*;

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

#[derive(Default)]
struct Attacker {
    rows: Rows,
    keys: Vec<Key>,
    known: HashSet<[u8; 32]>,
    reached: BTreeSet<RecordId>,
}

impl Attacker {
    fn add_data(&mut self, data: &Path) {
        let engine = SledEngine::open(&data.join("store"), 8 << 20).unwrap().engine;
        self.rows.extend(engine.scan(&[], &[0xff]).map(Result::unwrap));
    }

    fn add_keys(&mut self, keys: &Path) {
        let master = MasterKey::load(&keys.join("master.key")).unwrap();
        let slots = RootSlots::open(&keys.join("root"), master.vault(), false).unwrap();
        for found in slots.find(&master).unwrap() {
            self.learn(&found.root);
        }
    }

    fn learn(&mut self, key: &Key) {
        if self.known.insert(*key.expose()) {
            self.keys.push(key.duplicate());
        }
    }

    /// Tries every key on every page and keyring until nothing new opens.
    fn run(&mut self) {
        let mut tried = 0;
        while tried < self.keys.len() {
            let key = self.keys[tried].duplicate();
            tried += 1;
            for (row_key, sealed) in self.rows.clone() {
                if row_key[0] == Table::Pages.id() && row_key.len() == 10 {
                    self.try_page(&key, &row_key, &sealed);
                } else if row_key[0] == Table::Keyrings.id() {
                    self.try_keyring(&key, &row_key, &sealed);
                }
            }
        }
    }

    fn try_page(&mut self, key: &Key, row_key: &[u8], sealed: &[u8]) {
        let no = PageNo { level: row_key[1], index: u64::from_be_bytes(row_key[2..].try_into().unwrap()) };
        for epoch in 0..10 {
            let Ok(content) = no.open(key, epoch, sealed) else { continue };
            match no.level {
                0 => LeafPage::decode(&content).unwrap().entries().for_each(|(_, entry)| self.learn(&entry.key)),
                TOP => {
                    let page = TopPage::decode(&content).unwrap();
                    self.learn(&page.system);
                    page.children.children().for_each(|(_, key)| self.learn(key));
                }
                _ => InnerPage::decode(&content).unwrap().children().for_each(|(_, key)| self.learn(key)),
            }
        }
    }

    fn try_keyring(&mut self, key: &Key, row_key: &[u8], sealed: &[u8]) {
        let person = PersonId::from_bytes(row_key[1..17].try_into().unwrap());
        if let Ok(keyring) = Keyring::open::<KeyError>(&person, key, |_| Ok(Some(sealed.to_vec()))) {
            self.reached.extend(keyring.records().map(|entry| entry.record));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_erased_is_reached_with_all_data_ever_and_todays_keys() {
    let home = Home::new();
    let app = home.open();
    let mut erased = BTreeSet::new();
    let mut kept = BTreeSet::new();
    for n in 0..70 {
        // More than one leaf of the tree.
        kept.insert(apply(&app, &format!("kept{n}@example.org"), b"%PDF-1.4\n%%EOF\n").await.unwrap().submission);
    }
    erased.insert(apply(&app, "person@example.org", &pdf("")).await.unwrap().submission);
    let single = apply(&app, "single@example.org", &pdf("")).await.unwrap().submission;
    erased.insert(single);
    kept.insert(apply(&app, "single@example.org", &pdf("")).await.unwrap().submission);
    let person = person_of(&app, "person@example.org").await.unwrap();
    app.close().await;
    drop(app);
    copy_dir(&home.data(), &home.path().join("data-1"));
    copy_dir(&home.keys(), &home.path().join("keys-1"));

    let app = home.open();
    erase_person(&app, person).await.unwrap();
    app.close().await;
    drop(app);
    copy_dir(&home.data(), &home.path().join("data-2"));
    let app = home.open();
    erase::record(&app, &role(Role::Privacy), single).await.unwrap();
    clean(&app).await;
    app.close().await;
    drop(app);

    let attack = |keys: &[&str]| {
        let mut attacker = Attacker::default();
        for data in ["data-1", "data-2", "data"] {
            attacker.add_data(&home.path().join(data));
        }
        for folder in keys {
            attacker.add_keys(&home.path().join(folder));
        }
        attacker.run();
        attacker.reached
    };
    let reached = attack(&["keys"]);
    assert_eq!(reached, kept, "everybody alive, and nobody else");
    let with_old_slot = attack(&["keys", "keys-1"]);
    assert!(with_old_slot.is_superset(&erased), "with a saved slot the attack succeeds, so it is a real one");
}
