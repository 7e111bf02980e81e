//! Every key of a vault, taken from a copy of its two folders: what an attacker who sees everything would have had at
//! that moment. What is there before an erasure and no longer after it is what the erasure destroyed.

use std::collections::BTreeMap;
use std::path::Path;

use letterlock::base::ids::{FileId, PersonId, RecordId};
use letterlock::base::tables::Table;
use letterlock::crypto::context::{Context, Purpose};
use letterlock::crypto::{Key, envelope};
use letterlock::keys::KeyError;
use letterlock::keys::keyring::{Keyring, RecordEntry};
use letterlock::keys::master::MasterKey;
use letterlock::keys::slots::RootSlots;
use letterlock::keys::system::SystemKeys;
use letterlock::keys::tree::{InnerPage, LeafEntry, LeafPage, PageNo, TOP, TopPage};
use letterlock::store::{Engine, SledEngine};
use ring::hkdf;

/// Keys by what they are of, each with the keys derived from it for the rows and files that it seals.
#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) keys: BTreeMap<[u8; 32], &'static str>,
    /// Address tags.
    pub(crate) tags: Vec<[u8; 16]>,
}

impl Keys {
    /// Opens the copy in `folder` and everything in it.
    pub(crate) fn of(folder: &Path) -> Self {
        let engine = SledEngine::open(&folder.join("data/store"), 8 << 20).unwrap().engine;
        let master = MasterKey::load(&folder.join("keys/master.key")).unwrap();
        let slots = RootSlots::open(&folder.join("keys/root"), master.vault(), false).unwrap();
        let found = slots.find(&master).unwrap();
        assert_eq!(found.len(), 1, "one root at rest");
        let mut reader =
            Reader { engine, epoch: found[0].epoch, files: folder.join("data/files"), out: Self::default() };
        reader.page(PageNo::TOP, &found[0].root);
        reader.out
    }

    /// Those that are not in `later`.
    pub(crate) fn gone_in(mut self, later: &Self) -> Self {
        self.keys.retain(|key, _| !later.keys.contains_key(key));
        self.tags.retain(|tag| !later.tags.contains(tag));
        self
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.tags.extend(other.tags);
    }

    /// How many there are of each kind.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut out = BTreeMap::new();
        for what in self.keys.values() {
            *out.entry(*what).or_default() += 1;
        }
        out.insert("address tag", self.tags.len());
        out
    }
}

struct Reader {
    engine: SledEngine,
    epoch: u64,
    files: std::path::PathBuf,
    out: Keys,
}

impl Reader {
    fn learn(&mut self, what: &'static str, key: &Key) {
        self.out.keys.insert(*key.expose(), what);
    }

    fn row(&self, key: &[u8]) -> Vec<u8> {
        self.engine.read(key).unwrap().expect("a row that the tree leads to")
    }

    /// Opens an envelope, and notes the cipher's key as well.
    fn open(&mut self, what: &'static str, key: &Key, context: &Context<'_>, sealed: &[u8]) -> Vec<u8> {
        let opened = envelope::open(key, context, sealed).unwrap().to_vec();
        self.derive(what, key, &sealed[2..34], b"letterlock v1 envelope", context);
        opened
    }

    /// HKDF as in `docs/formats.md`; the key comes first in its output.
    fn derive(&mut self, what: &'static str, key: &Key, salt: &[u8], label: &[u8], context: &Context<'_>) {
        let mut out = [0; 32];
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(key.expose());
        prk.expand(&[label, &context.encode()], hkdf::HKDF_SHA256).unwrap().fill(&mut out).unwrap();
        self.out.keys.insert(out, what);
    }

    fn page(&mut self, no: PageNo, key: &Key) {
        let sealed = self.row(&no.row_key());
        let row = &no.row_key()[1..];
        let version = if no.level == TOP { self.epoch } else { 0 };
        let context = Context::new(Purpose::Page).table(Table::Pages).row(row).version(version);
        let content = self.open("cipher of a page", key, &context, &sealed);
        match no.level {
            TOP => {
                self.learn("root", key);
                let top = TopPage::decode(&content).unwrap();
                self.system(&top.system);
                self.children(no, &top.children);
            }
            0 => {
                self.learn("leaf page", key);
                LeafPage::decode(&content).unwrap().entries().for_each(|(_, entry)| self.person(entry));
            }
            _ => {
                self.learn("inner page", key);
                self.children(no, &InnerPage::decode(&content).unwrap());
            }
        }
    }

    fn children(&mut self, no: PageNo, page: &InnerPage) {
        for (slot, key) in page.children() {
            self.page(PageNo { level: no.level - 1, index: no.index * 64 + slot as u64 }, key);
        }
    }

    fn system(&mut self, key: &Key) {
        self.learn("system row", key);
        let keys = SystemKeys::open(key, &self.row(&SystemKeys::row_key())).unwrap();
        for key in [&keys.audit, &keys.places, &keys.rows, &keys.intents, &keys.state] {
            self.learn("system", key);
        }
    }

    fn person(&mut self, entry: &LeafEntry) {
        let person = entry.person;
        self.learn("person", &entry.key);
        self.out.tags.extend(entry.tag);
        let row = self.row(&Keyring::row_key(&person, 0));
        let context = Context::new(Purpose::Keyring).table(Table::Keyrings).person(&person).row(&[0, 0]);
        self.open("cipher of a keyring", &entry.key, &context, &row);
        let keyring = Keyring::open::<KeyError>(&person, &entry.key, |_| Ok(Some(row.clone()))).unwrap();
        self.learn("audit of a person", &keyring.audit);
        self.learn("consents of a person", &keyring.consent);
        for part in 0..keyring.consent_parts {
            let part = part.to_be_bytes();
            let context = Context::new(Purpose::Consents).table(Table::Consents).person(&person).row(&part);
            let row = self.row(&Table::Consents.key(&[person.as_bytes(), &part]));
            self.open("cipher of consents", &keyring.consent, &context.version(keyring.consent_version), &row);
        }
        keyring.records().for_each(|record| self.record(&person, record));
    }

    fn record(&mut self, person: &PersonId, entry: &RecordEntry) {
        self.learn("record", &entry.key);
        let id: &RecordId = &entry.record;
        let row = self.row(&Table::List.key(&[&entry.arrival.to_be_bytes()]));
        let context = Context::new(Purpose::ListEntry).table(Table::List).person(person).row(id.as_bytes());
        self.open("cipher of a list entry", &entry.key, &context.version(entry.list_version.into()), inner(&row));
        let row = self.row(&Table::Records.key(&[id.as_bytes()]));
        let context = Context::new(Purpose::Record).table(Table::Records).person(person).row(id.as_bytes());
        let content = self.open("cipher of a record", &entry.key, &context.version(entry.version.into()), inner(&row));
        let count = usize::from(u16::from_be_bytes([content[0], content[1]]));
        for file in content[2..].chunks(84).take(count) {
            let id = FileId::from_bytes(file[..16].try_into().unwrap());
            let key = Key::from_slice(&file[16..48]).unwrap();
            self.learn("file", &key);
            let sealed = std::fs::read(self.files.join(id.to_string())).unwrap();
            let context = Context::new(Purpose::File).row(id.as_bytes());
            self.derive("cipher of a file", &key, &sealed[2..34], b"letterlock v1 stream", &context);
        }
    }
}

/// The inner of the two layers of a row.
fn inner(row: &[u8]) -> &[u8] {
    &row[2 + usize::from(u16::from_be_bytes([row[0], row[1]]))..]
}
