//! One commit in the making: drafts of pages and keyrings, rows, audit entries. Jobs that waited together share it.
//!
//! A job first reads all that can fail and only then changes the drafts, so a job that fails leaves no trace in the
//! commit of the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::VaultError;
use super::audit::{self, Detail, Draft, Entry};
use super::digest::{self, Sum};
use super::shared::Shared;
use super::view::TreeView;
use crate::base::ids::PersonId;
use crate::base::tables::Table;
use crate::crypto::context::{Context, Purpose};
use crate::crypto::merkle::{Frontier, leaf_hash};
use crate::crypto::{Key, envelope};
use crate::domain::form::FormId;
use crate::domain::submission::Group;
use crate::keys::keyring::Keyring;
use crate::keys::slots::SlotNo;
use crate::keys::tree::{AddressTag, CAPACITY, FANOUT, InnerPage, LeafEntry, LeafPage, PageNo, TOP, TopPage};
use crate::store::Batch;

/// What the committer alone holds.
pub(super) struct State {
    pub(super) root: Key,
    pub(super) system_key: Key,
    pub(super) slot: SlotNo,
    pub(super) counters: Counters,
}

/// The part of the state that each commit writes, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(super) struct Counters {
    pub(super) next_place: u64,
    pub(super) next_arrival: u64,
    pub(super) audit: Frontier,
    pub(super) digest: Sum,
    /// The same over accounts and tokens alone, compared at each start: a revoked token must not come back.
    pub(super) accounts: Sum,
    /// By survey: the group that its next answer belongs to. It only ever goes on, so nobody takes the place of an answer
    /// that was erased.
    pub(super) surveys: BTreeMap<FormId, OpenGroup>,
}

/// A group of answers that is being filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenGroup {
    pub(super) group: Group,
    /// How many came into it, erased ones included.
    filled: u32,
}

impl Counters {
    /// The group for one more answer to a survey with this `k`. Where the form has another `k` by now, the open group stays
    /// unfinished for ever: none of its answers is counted among more or fewer than its sender was told.
    pub(super) fn next_group(&self, form: &FormId, k: u32) -> OpenGroup {
        match self.surveys.get(form) {
            Some(open) if open.group.k == k && open.filled < k => OpenGroup { filled: open.filled + 1, ..*open },
            Some(open) => OpenGroup { group: Group { number: open.group.number + 1, k }, filled: 1 },
            None => OpenGroup { group: Group { number: 0, k }, filled: 1 },
        }
    }

    pub(super) fn row_key() -> Vec<u8> {
        Table::Meta.key(&[b"state"])
    }

    const CONTEXT: Context<'static> = Context::new(Purpose::State).table(Table::Meta).row(b"state");

    pub(super) fn open(sealed: &[u8], key: &Key) -> Result<Self, VaultError> {
        postcard::from_bytes(&envelope::open(key, &Self::CONTEXT, sealed)?).map_err(|_| VaultError::Tampered)
    }

    fn seal(&self, shared: &Shared) -> Result<Vec<u8>, VaultError> {
        let content = postcard::to_stdvec(self).map_err(|_| VaultError::TooLarge)?;
        Ok(envelope::seal(&shared.keys.state, &Self::CONTEXT, &content, &*shared.entropy)?)
    }
}

/// A person whose keyring a commit reads or changes.
pub(super) struct PersonDraft {
    pub(super) person: PersonId,
    pub(super) key: Key,
    pub(super) keyring: Keyring,
    dirty: BTreeSet<u16>,
}

impl PersonDraft {
    pub(super) fn changed(&mut self, part: u16) {
        self.dirty.insert(part);
    }
}

/// A person who comes in with this commit.
pub(super) struct NewPerson {
    pub(super) person: PersonId,
    pub(super) tag: Option<AddressTag>,
    pub(super) place: u64,
}

pub(super) struct Txn<'a> {
    pub(super) shared: &'a Shared,
    state: &'a State,
    view: Arc<TreeView>,
    batch: Batch,
    leaves: BTreeMap<u64, LeafPage>,
    /// The leaf opened last to look somebody up: orders name people leaf by leaf.
    opened: Option<(u64, LeafPage)>,
    inner: BTreeMap<PageNo, InnerPage>,
    people: HashMap<u64, PersonDraft>,
    newcomers: Vec<NewPerson>,
    tags: HashMap<AddressTag, u64>,
    pub(super) counters: Counters,
    entries: Vec<Draft>,
}

/// A commit ready to be written, and what to publish once it is.
pub(super) struct Ready {
    pub(super) batch: Batch,
    pub(super) pages: Vec<(PageNo, InnerPage)>,
    pub(super) newcomers: Vec<NewPerson>,
    pub(super) counters: Counters,
}

impl<'a> Txn<'a> {
    pub(super) fn new(shared: &'a Shared, state: &'a State) -> Self {
        Self {
            shared,
            state,
            view: shared.view(),
            batch: Batch::new(),
            leaves: BTreeMap::new(),
            opened: None,
            inner: BTreeMap::new(),
            people: HashMap::new(),
            newcomers: Vec::new(),
            tags: HashMap::new(),
            counters: state.counters.clone(),
            entries: Vec::new(),
        }
    }

    /// A row as this commit will leave it.
    pub(super) fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
        match self.batch.get(key) {
            Some(value) => Ok(value.clone()),
            None => Ok(self.shared.engine.read(key)?),
        }
    }

    pub(super) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.batch.insert(key, Some(value));
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.batch.insert(key, None);
    }

    pub(super) fn entry(&mut self, entry: Draft) {
        self.entries.push(entry);
    }

    /// Rough size of the commit so far, to know when to close it.
    pub(super) fn weight(&self) -> usize {
        self.batch.len() + self.entries.len()
    }

    /// Where the holder of an address is, newcomers of this commit included.
    pub(super) fn find(&self, tag: &AddressTag) -> Option<u64> {
        self.tags.get(tag).copied().or_else(|| self.shared.directory.read().ok()?.find(tag))
    }

    /// The person at a place, with their keyring, to read or change.
    pub(super) fn person(&mut self, place: u64) -> Result<&mut PersonDraft, VaultError> {
        if !self.people.contains_key(&place) {
            let draft = self.load(place)?;
            self.people.insert(place, draft);
        }
        self.people.get_mut(&place).ok_or(VaultError::Missing)
    }

    /// Looks at a person that was loaded before, beside the rows of this commit.
    pub(super) fn with_person<T>(
        &self,
        place: u64,
        look: impl FnOnce(&Self, PersonId, &Keyring) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let draft = self.people.get(&place).ok_or(VaultError::Missing)?;
        look(self, draft.person, &draft.keyring)
    }

    /// Who is at a place; their keyring stays closed.
    pub(super) fn holder(&mut self, place: u64) -> Result<PersonId, VaultError> {
        self.leaf_entry(place).map(|entry| entry.person)
    }

    fn leaf_entry(&mut self, place: u64) -> Result<&LeafEntry, VaultError> {
        let (index, slot) = (place / FANOUT, (place % FANOUT) as usize);
        if !self.leaves.contains_key(&index) && self.opened.as_ref().is_none_or(|(opened, _)| *opened != index) {
            let leaf = self.view.leaf(&*self.shared.engine, index)?.ok_or(VaultError::Missing)?;
            self.opened = Some((index, leaf));
        }
        let opened = self.opened.as_ref().filter(|(opened, _)| *opened == index).map(|(_, leaf)| leaf);
        let leaf = self.leaves.get(&index).or(opened).ok_or(VaultError::Missing)?;
        leaf.entry(slot).ok_or(VaultError::Missing)
    }

    fn load(&mut self, place: u64) -> Result<PersonDraft, VaultError> {
        let entry = self.leaf_entry(place)?;
        // The draft outlives the opened leaf, so it needs a copy of the key.
        let (person, key) = (entry.person, entry.key.duplicate());
        let keyring = Keyring::open(&person, &key, |part| self.read(&Keyring::row_key(&person, part)));
        // No commit gets in between here, so this is no race.
        let keyring = keyring.inspect_err(|error| {
            if *error == VaultError::Tampered {
                tracing::error!(%person, "the keyring of a person does not open; run `letterlock verify`");
            }
        })?;
        Ok(PersonDraft { person, key, keyring, dirty: BTreeSet::new() })
    }

    /// Takes a new person in, at the next free place.
    pub(super) fn add_person(&mut self, person: PersonId, tag: Option<AddressTag>) -> Result<u64, VaultError> {
        let place = self.counters.next_place;
        if place >= CAPACITY {
            return Err(VaultError::TooLarge);
        }
        let entropy = &*self.shared.entropy;
        let (key, keyring) = (Key::make_random(entropy)?, Keyring::make_random(entropy)?);
        self.draft_leaf(place / FANOUT)?;
        let leaf = self.leaves.get_mut(&(place / FANOUT)).ok_or(VaultError::Tampered)?;
        let entry_key = key.duplicate(); // one for the leaf, one to seal the keyring with at the end
        leaf.insert((place % FANOUT) as usize, LeafEntry { person, key: entry_key, tag });
        self.people.insert(place, PersonDraft { person, key, keyring, dirty: BTreeSet::from([0]) });
        self.newcomers.push(NewPerson { person, tag, place });
        if let Some(tag) = tag {
            self.tags.insert(tag, place);
        }
        self.counters.next_place += 1;
        Ok(place)
    }

    /// Makes sure that a leaf is among the drafts, and every page above it that must change because the leaf is new.
    fn draft_leaf(&mut self, index: u64) -> Result<(), VaultError> {
        if self.leaves.contains_key(&index) {
            return Ok(());
        }
        if let Some(leaf) = self.view.leaf(&*self.shared.engine, index)? {
            self.leaves.insert(index, leaf);
            return Ok(());
        }
        self.leaves.insert(index, LeafPage::empty());
        let mut child = PageNo { level: 0, index };
        while let Some((parent, slot)) = child.parent() {
            if self.inner.get(&parent).is_some_and(|page| page.child(slot).is_some()) {
                break;
            }
            let published = self.view.page(parent);
            let is_new = published.is_none() && !self.inner.contains_key(&parent);
            let page = self
                .inner
                .entry(parent)
                .or_insert_with(|| published.map_or_else(InnerPage::empty, |page| page.duplicate()));
            if page.child(slot).is_none() {
                page.set_child(slot, Key::make_random(&*self.shared.entropy)?);
            }
            if !is_new {
                break;
            }
            child = parent;
        }
        Ok(())
    }

    /// Seals all drafts, adds up the digest, and numbers the audit entries.
    pub(super) fn finish(mut self) -> Result<Ready, VaultError> {
        self.seal_keyrings()?;
        self.seal_pages()?;
        self.add_up()?;
        if self.entries.is_empty() && self.counters.digest != self.state.counters.digest {
            // The digest stands in the last entry of a commit: without one, the trail would tell of other rows than there are.
            self.entry(Draft::system(Detail::None));
        }
        self.seal_entries()?;
        let state = self.counters.seal(self.shared)?;
        self.batch.insert(Counters::row_key(), Some(state));
        Ok(Ready {
            batch: self.batch,
            pages: self.inner.into_iter().collect(),
            newcomers: self.newcomers,
            counters: self.counters,
        })
    }

    fn seal_keyrings(&mut self) -> Result<(), VaultError> {
        for draft in self.people.values() {
            for &part in &draft.dirty {
                let sealed = draft.keyring.seal_part(part, &draft.person, &draft.key, &*self.shared.entropy)?;
                self.batch.insert(Keyring::row_key(&draft.person, part), Some(sealed));
            }
        }
        Ok(())
    }

    fn seal_pages(&mut self) -> Result<(), VaultError> {
        let (epoch, entropy) = (self.view.epoch, &*self.shared.entropy);
        for (&index, leaf) in &self.leaves {
            let no = PageNo { level: 0, index };
            let sealed = self.with_key(no, |key| Ok(no.seal(key, epoch, &leaf.encode(), entropy)?))?;
            self.batch.insert(no.row_key(), Some(sealed));
        }
        for (&no, page) in &self.inner {
            let sealed = if no.level == TOP {
                // The top page is written from copies; both are wiped right after.
                let top = TopPage { system: self.state.system_key.duplicate(), children: page.duplicate() };
                no.seal(&self.state.root, epoch, &top.encode(), entropy)?
            } else {
                self.with_key(no, |key| Ok(no.seal(key, epoch, &page.encode(), entropy)?))?
            };
            self.batch.insert(no.row_key(), Some(sealed));
        }
        Ok(())
    }

    /// The key of a page: from the draft of its parent, else from the published one.
    fn with_key<T>(&self, no: PageNo, f: impl FnOnce(&Key) -> Result<T, VaultError>) -> Result<T, VaultError> {
        let (parent, slot) = no.parent().ok_or(VaultError::Tampered)?;
        if let Some(key) = self.inner.get(&parent).and_then(|page| page.child(slot)) {
            return f(key);
        }
        let page = self.view.page(parent).ok_or(VaultError::Tampered)?;
        f(page.child(slot).ok_or(VaultError::Tampered)?)
    }

    fn add_up(&mut self) -> Result<(), VaultError> {
        let terms = &self.shared.derived.digest;
        for (key, value) in self.batch.iter().filter(|(key, _)| digest::covers(key)) {
            let accounts = digest::is_account(key).then_some(&mut self.counters.accounts);
            for sum in [Some(&mut self.counters.digest), accounts].into_iter().flatten() {
                if let Some(old) = self.shared.engine.read(key)? {
                    sum.subtract(&terms.term(key, &old));
                }
                if let Some(new) = value {
                    sum.add(&terms.term(key, new));
                }
            }
        }
        Ok(())
    }

    fn seal_entries(&mut self) -> Result<(), VaultError> {
        let time = self.shared.clock.now();
        let count = self.entries.len();
        for (n, draft) in std::mem::take(&mut self.entries).into_iter().enumerate() {
            let entry = Entry {
                seq: self.counters.audit.size(),
                time,
                actor: draft.actor,
                role: draft.role,
                action: draft.action.to_owned(),
                request: draft.request,
                purpose: draft.purpose,
                detail: draft.detail,
                subjects: draft.subjects,
                transfers: draft.transfers,
                digest: (n + 1 == count).then_some(self.counters.digest),
            };
            let sealed = Zeroizing::new(entry.seal(&self.shared.keys.audit, &*self.shared.entropy)?);
            self.counters.audit.push(leaf_hash(&sealed));
            self.batch.insert(audit::entry_key(entry.seq), Some(sealed.to_vec()));
        }
        Ok(())
    }
}
