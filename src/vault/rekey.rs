//! Pages on their way to a new root: fresh random keys for every page above a victim, and what hangs beside the victims
//! carried along under them. Nothing is sealed old-under-new or new-under-old.

use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use super::VaultError;
use super::shared::Shared;
use super::txn::Txn;
use super::view::TreeView;
use crate::base::ids::{PersonId, RecordId};
use crate::crypto::Key;
use crate::keys::keyring::Keyring;
use crate::keys::tree::{AddressTag, FANOUT, InnerPage, LeafPage, PageNo, TOP, TopPage};

/// A person taken out of the tree: who, how they were found, and where.
pub(super) type Gone = (PersonId, Option<AddressTag>, u64);

/// Pages under change on the way to a new root.
pub(super) struct Rekeying<'a> {
    shared: &'a Shared,
    view: Arc<TreeView>,
    leaves: BTreeMap<u64, LeafPage>,
    gone: Vec<Gone>,
}

impl<'a> Rekeying<'a> {
    /// Nothing changed yet.
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared, view: shared.view(), leaves: BTreeMap::new(), gone: Vec::new() }
    }

    /// Who was taken out.
    pub(super) fn into_gone(self) -> Vec<Gone> {
        self.gone
    }

    fn leaf(&mut self, index: u64) -> Result<&mut LeafPage, VaultError> {
        if !self.leaves.contains_key(&index) {
            let leaf = self.view.leaf(&*self.shared.engine, index)?.ok_or(VaultError::Missing)?;
            self.leaves.insert(index, leaf);
        }
        self.leaves.get_mut(&index).ok_or(VaultError::Missing)
    }

    /// Takes a person out of their leaf.
    pub(super) fn remove(&mut self, place: u64, person: &PersonId) -> Result<(), VaultError> {
        let leaf = self.leaf(place / FANOUT)?;
        let slot = (place % FANOUT) as usize;
        if leaf.entry(slot).is_none_or(|entry| entry.person != *person) {
            return Ok(()); // an earlier run of the same order did it
        }
        let tag = leaf.remove(slot).and_then(|entry| entry.tag);
        self.gone.push((*person, tag, place));
        Ok(())
    }

    /// Gives a person a fresh key and a keyring without these records.
    pub(super) fn replace_keyring(
        &mut self,
        txn: &mut Txn<'_>,
        place: u64,
        person: &PersonId,
        records: &[RecordId],
    ) -> Result<(), VaultError> {
        let (engine, entropy) = (&*self.shared.engine, &*self.shared.entropy);
        let fresh = Key::make_random(entropy)?;
        let leaf = self.leaf(place / FANOUT)?;
        let Some(entry) = leaf.entry_mut((place % FANOUT) as usize).filter(|entry| entry.person == *person) else {
            return Ok(()); // the person goes as well
        };
        let old =
            Keyring::open::<VaultError>(person, &entry.key, |part| Ok(engine.read(&Keyring::row_key(person, part))?))?;
        let kept = old.without(records);
        for part in 0..kept.part_count() {
            txn.put(Keyring::row_key(person, part), kept.seal_part(part, person, &fresh, entropy)?);
        }
        for part in kept.part_count()..old.part_count() {
            txn.remove(Keyring::row_key(person, part));
        }
        entry.key = fresh;
        Ok(())
    }

    /// Fresh keys for every page on the way up, and the rows under them.
    pub(super) fn seal(
        &self,
        txn: &mut Txn<'_>,
        system_key: &Key,
        root: &Key,
        after: u64,
    ) -> Result<Vec<(PageNo, InnerPage)>, VaultError> {
        let entropy = &*self.shared.entropy;
        let mut drafts: BTreeMap<PageNo, InnerPage> = BTreeMap::new();
        for (&index, leaf) in &self.leaves {
            let no = PageNo { level: 0, index };
            let key = Key::make_random(entropy)?;
            txn.put(no.row_key(), no.seal(&key, after, &leaf.encode(), entropy)?);
            self.hang(&mut drafts, no, key)?;
        }
        for level in 1..TOP {
            let changed: Vec<PageNo> = drafts.keys().filter(|no| no.level == level).copied().collect();
            for no in changed {
                let key = Key::make_random(entropy)?;
                txn.put(no.row_key(), no.seal(&key, after, &drafts[&no].encode(), entropy)?);
                self.hang(&mut drafts, no, key)?;
            }
        }
        let children = match drafts.get(&PageNo::TOP) {
            Some(page) => page.duplicate(),
            None => self.view.page(PageNo::TOP).ok_or(VaultError::Tampered)?.duplicate(),
        };
        // The system row's key keeps its one home; this copy is wiped with the page.
        let top = TopPage { system: system_key.duplicate(), children };
        txn.put(PageNo::TOP.row_key(), PageNo::TOP.seal(root, after, &top.encode(), entropy)?);
        Ok(drafts.into_iter().collect())
    }

    fn hang(&self, drafts: &mut BTreeMap<PageNo, InnerPage>, child: PageNo, key: Key) -> Result<(), VaultError> {
        let (parent, slot) = child.parent().ok_or(VaultError::Tampered)?;
        let page = match drafts.entry(parent) {
            btree_map::Entry::Occupied(page) => page.into_mut(),
            btree_map::Entry::Vacant(free) => {
                free.insert(self.view.page(parent).ok_or(VaultError::Tampered)?.duplicate())
            }
        };
        page.set_child(slot, key);
        Ok(())
    }
}
