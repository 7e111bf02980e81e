//! Somebody who holds every byte that was ever written to the data folder, every bulk backup, today's key folder with its
//! master key, and the documents of the formats. They share `src/crypto` with the vault and nothing else: everything
//! here was written from `docs/formats.md`.
//!
//! They try every key that they have on every envelope that they find, in every context that the rows suggest, until
//! nothing new opens.

pub(crate) mod contents;
mod hunt;
pub(crate) mod layouts;
mod sealed;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use letterlock::crypto::Key;
use letterlock::crypto::derive::{Label, Prf};

use contents::{AuditEntry, ConsentLine, Content, Deed, Download, ListEntry, Message, Note, OrderPart, Subject};
pub(crate) use layouts::{Id, KeyBytes, Row};
pub(crate) use sealed::Spot;

/// What the attacker got hold of.
#[derive(Default, Clone)]
pub(crate) struct Haul {
    /// Every version of every row.
    pub(crate) rows: Vec<Row>,
    /// Every redo copy.
    pub(crate) redo: Vec<Vec<u8>>,
    /// Everything that was ever written under `data/files`, by name.
    pub(crate) files: BTreeMap<Id, Vec<u8>>,
    /// The key folder: master key, root slots, recovery slots, recovery identities.
    pub(crate) masters: Vec<Vec<u8>>,
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) recovery_slots: Vec<Vec<u8>>,
    pub(crate) identities: Vec<Vec<u8>>,
}

/// How much work it was.
#[derive(Debug, Default, Clone)]
pub(crate) struct Counts {
    pub(crate) rows: usize,
    pub(crate) versions: usize,
    pub(crate) envelopes: usize,
    pub(crate) files: usize,
    pub(crate) keys: usize,
    pub(crate) attempts: u64,
    pub(crate) opened: usize,
    pub(crate) files_opened: usize,
    pub(crate) rounds: usize,
}

/// What the attacker read.
#[derive(Default)]
pub(crate) struct Loot {
    pub(crate) counts: Counts,
    /// Every key found.
    pub(crate) keys: Vec<KeyBytes>,
    /// Everything that opened.
    pub(crate) opened: Vec<(Spot, Vec<u8>)>,
    /// What opened and is not what the document says.
    pub(crate) riddles: Vec<Spot>,
    /// Who stands in a leaf, with the tags of their addresses.
    pub(crate) people: BTreeMap<Id, BTreeSet<Id>>,
    /// The records in the keyrings that opened, by person.
    pub(crate) keyrings: BTreeMap<Id, BTreeSet<Id>>,
    /// The records whose content opened, with their person.
    pub(crate) records: BTreeMap<Id, (Id, Content)>,
    /// The messages that opened, by record and number.
    pub(crate) messages: BTreeMap<(Id, u32), Message>,
    /// The downloads that opened, by record and number.
    pub(crate) downloads: BTreeMap<(Id, u32), Download>,
    /// The notes that opened, by record and number.
    pub(crate) notes: BTreeMap<(Id, u32), Note>,
    /// How many mails that wait opened.
    pub(crate) mails: usize,
    /// The list entries that opened, in their versions.
    pub(crate) list: BTreeMap<Id, Vec<ListEntry>>,
    /// Ledgers that opened.
    pub(crate) consents: BTreeMap<Id, Vec<ConsentLine>>,
    /// Files that opened, with their padding, and without where a record tells their length.
    pub(crate) files: BTreeMap<Id, Vec<u8>>,
    pub(crate) audit: Vec<AuditEntry>,
    pub(crate) subjects: Vec<(Id, Subject)>,
    pub(crate) orders: Vec<OrderPart>,
    pub(crate) deeds: Vec<Deed>,
    /// The system keys, by name.
    pub(crate) system: BTreeMap<&'static str, KeyBytes>,
}

/// Attacks.
pub(crate) fn attack(haul: &Haul) -> Loot {
    let mut hunt = hunt::Hunt::new(haul);
    hunt.run();
    hunt.finish()
}

impl Loot {
    /// The tag under which an address would stand in a leaf.
    pub(crate) fn tag_of(&self, address: &str) -> Id {
        let value = self.keyed("address tag", Label::AddressTag, address.as_bytes());
        value[..16].try_into().expect("16 of 32 bytes")
    }

    /// HMAC under a key derived from a system key.
    pub(crate) fn keyed(&self, system_key: &str, label: Label, bytes: &[u8]) -> [u8; 32] {
        let key = Key::from_bytes(*self.system.get(system_key).expect("the system keys were found"));
        Prf::new(&key, label).value(&[bytes])
    }

    /// The keys that another attacker did not find.
    pub(crate) fn keys_beyond(&self, other: &Self) -> HashSet<KeyBytes> {
        let known: HashSet<_> = other.keys.iter().collect();
        self.keys.iter().filter(|key| !known.contains(key)).copied().collect()
    }
}
