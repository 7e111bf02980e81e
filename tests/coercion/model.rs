//! A small model of the key tree, made from `docs/formats.md` and `src/crypto` as the attacker is, in which one rule of
//! erasure can be broken: the attacker must lose against the sound one, and win against each of the others.

use std::collections::BTreeMap;

use letterlock::base::entropy::{Entropy, SystemEntropy};
use letterlock::base::ids::PersonId;
use letterlock::base::tables::Table;
use letterlock::crypto::context::{Context, Purpose};
use letterlock::crypto::derive::{Label, Prf};
use letterlock::crypto::{Key, envelope};

use crate::attacker::contents::{Content, Field};
use crate::attacker::{Haul, Id, KeyBytes, Loot, Row, attack};

/// Which rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Fresh keys for the pages, and the root stays.
    RootKept,
    /// Fresh keys, and the old key of the leaf is sealed under the new one of its parent.
    OldUnderNew,
    /// Only leaf and root are fresh; the pages between them keep their keys.
    PathNotRekeyed,
    /// A person key stands in a second leaf as well.
    SecondHome,
    /// A record key stands in a second keyring as well.
    SecondKeyring,
}

type PageNo = (u8, u64);
const TOP: PageNo = (4, 0);
const VAULT: Id = [0x56; 16];

#[derive(Clone)]
struct Person {
    id: Id,
    key: KeyBytes,
    tag: Id,
}

struct Model {
    fault: Fault,
    epoch: u64,
    master: KeyBytes,
    root: KeyBytes,
    system: KeyBytes,
    system_keys: [KeyBytes; 13],
    /// Keys of all pages but the top.
    page_keys: BTreeMap<PageNo, KeyBytes>,
    leaves: BTreeMap<u64, BTreeMap<u64, Person>>,
    /// Keys that should not be there, by page and slot.
    stowaways: BTreeMap<(PageNo, u64), KeyBytes>,
    rows: Vec<Row>,
    records: BTreeMap<u64, Id>,
}

fn random<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    SystemEntropy::new().fill(&mut out).unwrap();
    out
}

fn seal(key: &KeyBytes, context: &Context<'_>, content: &[u8]) -> Vec<u8> {
    envelope::seal(&Key::from_bytes(*key), context, content, &SystemEntropy::new()).unwrap()
}

fn address(place: u64) -> String {
    format!("at{place}@example.org")
}

impl Model {
    fn new(fault: Fault) -> Self {
        let mut model = Self {
            fault,
            epoch: 1,
            master: random(),
            root: random(),
            system: random(),
            system_keys: std::array::from_fn(|_| random()),
            page_keys: BTreeMap::new(),
            leaves: BTreeMap::new(),
            stowaways: BTreeMap::new(),
            rows: Vec::new(),
            records: BTreeMap::new(),
        };
        let context = Context::new(Purpose::SystemKeys).table(Table::Pages).row(b"system");
        let sealed = seal(&model.system, &context, model.system_keys.as_flattened());
        model.rows.push((b"\x01system".to_vec(), sealed));
        model.write_page(TOP);
        model
    }

    fn tag(&self, place: u64) -> Id {
        let value =
            Prf::new(&Key::from_bytes(self.system_keys[3]), Label::AddressTag).value(&[address(place).as_bytes()]);
        value[..16].try_into().unwrap()
    }

    /// Somebody comes, with a record; new pages get keys.
    fn add(&mut self, place: u64) {
        let person = Person { id: random(), key: random(), tag: self.tag(place) };
        self.leaves.entry(place / 64).or_default().insert(place % 64, person.clone());
        let mut page = (0, place / 64);
        while page != TOP {
            self.page_keys.entry(page).or_insert_with(random);
            self.write_page(page);
            page = (page.0 + 1, page.1 / 64);
        }
        self.write_page(TOP);

        let (record, key) = (random::<16>(), random::<32>());
        self.records.insert(place, record);
        self.write_keyring(&person, &[(record, key)]);
        let text = |text: String| Field::Text(text);
        let content = Content {
            form: "model".to_owned(),
            form_version: 1,
            notice: String::new(),
            region: String::new(),
            received: 0,
            fields: BTreeMap::from([("email".to_owned(), text(address(place)))]),
            consents: BTreeMap::new(),
            files: Vec::new(),
            server_key: None,
        };
        let content = [vec![0, 0], postcard::to_stdvec(&content).unwrap()].concat();
        let places = Context::new(Purpose::ListPlace).table(Table::Records).row(&record);
        let outer = seal(&self.system_keys[4], &places, &place.to_be_bytes());
        let id = PersonId::from_bytes(person.id);
        let inner = Context::new(Purpose::Record).table(Table::Records).person(&id).row(&record).version(1);
        let row = [&(outer.len() as u16).to_be_bytes(), outer.as_slice(), &seal(&key, &inner, &content)].concat();
        self.rows.push(([&[3], record.as_slice()].concat(), row));

        let first = self.leaves.values().flat_map(BTreeMap::values).next().unwrap().clone();
        if self.fault == Fault::SecondHome {
            // Everybody stands in the first leaf of all as well, from its end on.
            let slot = 63 - self.records.len() as u64;
            self.leaves.entry(0).or_default().insert(slot, person);
            self.write_page((0, 0));
        } else if self.fault == Fault::SecondKeyring && first.id != person.id {
            self.write_keyring(&first, &[(record, key)]);
        }
    }

    fn write_keyring(&mut self, person: &Person, records: &[(Id, KeyBytes)]) {
        let mut content = [&[0, 1], random::<64>().as_slice(), &[0; 10]].concat();
        content.extend_from_slice(&(records.len() as u16).to_be_bytes());
        for (record, key) in records {
            content.extend_from_slice(&[record.as_slice(), key, &[0; 8], &[0, 0, 0, 1], &[0, 0, 0, 1], &[0]].concat());
        }
        let id = PersonId::from_bytes(person.id);
        let context = Context::new(Purpose::Keyring).table(Table::Keyrings).person(&id).row(&[0, 0]);
        self.rows.push(([&[2], person.id.as_slice(), &[0, 0]].concat(), seal(&person.key, &context, &content)));
    }

    /// One epoch: the person at `place` goes.
    fn erase(&mut self, place: u64) {
        let leaf = (0, place / 64);
        self.leaves.get_mut(&leaf.1).unwrap().remove(&(place % 64));
        self.epoch += 1;
        if self.fault != Fault::RootKept {
            self.root = random();
        }
        let mut page = leaf;
        while page != TOP {
            let parent = (page.0 + 1, page.1 / 64);
            if self.fault == Fault::OldUnderNew && page == leaf {
                // In a slot that nobody in this file has.
                self.stowaways.insert((parent, 62), self.page_keys[&page]);
            }
            if self.fault != Fault::PathNotRekeyed || page == leaf {
                self.page_keys.insert(page, random());
            }
            page = parent;
        }
        let mut page = leaf;
        while page != TOP {
            self.write_page(page);
            page = (page.0 + 1, page.1 / 64);
        }
        self.write_page(TOP);
    }

    fn write_page(&mut self, page: PageNo) {
        let mut slots: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        if page.0 == 0 {
            for (slot, person) in &self.leaves[&page.1] {
                slots.insert(*slot, [person.id.as_slice(), &person.key, &person.tag].concat());
            }
        } else {
            let children = self.page_keys.iter().filter(|((level, n), _)| (level + 1, n / 64) == page);
            slots.extend(children.map(|((_, n), key)| (n % 64, key.to_vec())));
            let stowaways = self.stowaways.iter().filter(|((home, _), _)| *home == page);
            slots.extend(stowaways.map(|((_, slot), key)| (*slot, key.to_vec())));
        }
        let bitmap = slots.keys().fold(0_u64, |bitmap, slot| bitmap | 1 << slot);
        let mut content = if page == TOP { self.system.to_vec() } else { Vec::new() };
        content.extend_from_slice(&bitmap.to_be_bytes());
        slots.values().for_each(|slot| content.extend_from_slice(slot));
        let row = [&[page.0], page.1.to_be_bytes().as_slice()].concat();
        let version = if page == TOP { self.epoch } else { 0 };
        let context = Context::new(Purpose::Page).table(Table::Pages).row(&row).version(version);
        let key = if page == TOP { &self.root } else { &self.page_keys[&page] };
        self.rows.push(([vec![1], row.clone()].concat(), seal(key, &context, &content)));
    }

    /// Every version of every row, and the key folder as it is now.
    fn haul(&self) -> Haul {
        let row = [VAULT.as_slice(), b"A"].concat();
        let context = Context::new(Purpose::RootSlot).row(&row).version(self.epoch);
        let sealed = seal(&self.master, &context, &self.root);
        let slot = [b"LLROOT1\0".as_slice(), &VAULT, &self.epoch.to_be_bytes(), &sealed].concat();
        let mut root = vec![0x77; 8192];
        root[..slot.len()].copy_from_slice(&slot);
        let text = |bytes: &[u8]| data_encoding::BASE32_NOPAD.encode(bytes).to_lowercase();
        let key = data_encoding::HEXLOWER.encode(&self.master);
        let master = format!("letterlock master key 1\nvault {}\nkey {key}\n", text(&VAULT));
        Haul { rows: self.rows.clone(), roots: vec![root], masters: vec![master.into_bytes()], ..Haul::default() }
    }
}

/// Places on several leaves, under several pages of each level.
const PLACES: [u64; 9] = [0, 1, 63, 64, 4_095, 4_096, 4_097, 262_144, (1 << 30) - 1];

fn play(fault: Fault, victim: u64) -> (Model, Loot) {
    let mut model = Model::new(fault);
    PLACES.iter().for_each(|place| model.add(*place));
    model.erase(victim);
    let loot = attack(&model.haul());
    assert!(loot.riddles.is_empty(), "{:?}", loot.riddles);
    (model, loot)
}

/// Whether the victim's record and address are reached; all others must be, whatever the fault.
fn reached(fault: Fault, victim: u64) -> (bool, bool) {
    let (model, loot) = play(fault, victim);
    for place in PLACES.iter().filter(|place| **place != victim) {
        let (_, content) = &loot.records[&model.records[place]];
        assert_eq!(content.fields["email"], Field::Text(address(*place)));
        assert!(loot.people.values().any(|tags| tags.contains(&loot.tag_of(&address(*place)))));
    }
    let address_known = loot.people.values().any(|tags| tags.contains(&loot.tag_of(&address(victim))));
    (loot.records.contains_key(&model.records[&victim]), address_known)
}

#[test]
fn against_a_sound_tree_the_attacker_loses() {
    for victim in PLACES {
        assert_eq!(reached(Fault::None, victim), (false, false), "{victim}");
    }
}

#[test]
fn a_tree_that_keeps_its_root_gives_the_erased_away() {
    for victim in PLACES {
        assert_eq!(reached(Fault::RootKept, victim), (true, true), "{victim}");
    }
}

#[test]
fn a_tree_that_seals_old_under_new_gives_the_erased_away() {
    for victim in PLACES {
        assert_eq!(reached(Fault::OldUnderNew, victim), (true, true), "{victim}");
    }
}

#[test]
fn a_tree_that_keeps_the_keys_of_inner_pages_gives_the_erased_away() {
    for victim in PLACES {
        assert_eq!(reached(Fault::PathNotRekeyed, victim), (true, true), "{victim}");
    }
}

#[test]
fn a_key_copied_to_a_second_home_gives_the_erased_away() {
    // The first leaf is the second home, so whoever is at home there goes from both.
    for victim in PLACES.into_iter().filter(|place| *place >= 64) {
        assert_eq!(reached(Fault::SecondHome, victim), (true, true), "{victim}");
        assert_eq!(reached(Fault::SecondKeyring, victim), (true, false), "{victim}: the record, not the person");
    }
}
