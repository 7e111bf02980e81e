//! Proofs that go out: that an entry is in the trail and says what it says, and that the trail was only added to.
//!
//! The leaves of the tree are sealed, so a path to one says nothing about what it holds. With it goes what opens that one leaf
//! ([`Disclosure`]), for the entry and for each person in it: whoever has the proof can read it, and the commitment in
//! the envelope leaves no second way to.

use super::tree::Look;
use super::{Entry, EntryView, Subject, SubjectView, TreeHead, entry_context, entry_key, subject_context};
use crate::crypto::envelope::{self, Disclosure};
use crate::crypto::merkle::Hash;
use crate::crypto::merkle::proof::{consistency, inclusion, root};
use crate::vault::shared::Shared;
use crate::vault::{Vault, VaultError};

/// An entry with what proves it under a head.
#[derive(Debug)]
pub struct Proven {
    /// What it says.
    pub entry: EntryView,
    /// The leaf, as it lies in the store.
    pub leaf: Vec<u8>,
    /// What opens the leaf.
    pub disclosure: Disclosure,
    /// For each person that the entry is about, in order, what opens that part of it; `None` for the erased.
    pub subjects: Vec<Option<Disclosure>>,
    /// From the leaf to the root, nearest first.
    pub path: Vec<Hash>,
}

/// Two heads, the older first, and the path that leads from one to the other (RFC 9162, section 2.1.4).
pub type Continuation = ([TreeHead; 2], Vec<Hash>);

impl Vault {
    /// Proves entries under the tree over the first `size` entries (the whole trail when `None`). Returns its head with them;
    /// `None` when one of them is not in it, or the trail is shorter.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] when the trail does not add up or an entry does not open.
    pub fn prove_entries(
        &self,
        entries: &[u64],
        size: Option<u64>,
    ) -> Result<Option<(TreeHead, Vec<Proven>)>, VaultError> {
        let (look, newest) = Look::new(&self.shared)?;
        let size = size.unwrap_or(newest.size);
        if size > newest.size {
            return Ok(None);
        }
        let head = TreeHead { size, root: root(&look, size)? };
        let mut out = Vec::with_capacity(entries.len());
        for &seq in entries {
            let Some(path) = inclusion(&look, seq, size)? else { return Ok(None) };
            out.push(self.shared.disclose(seq, path)?);
        }
        Ok(Some((head, out)))
    }

    /// Proves that the tree over `second` entries (the whole trail when `None`) continues the one over `first`. Returns both
    /// heads and the proof; `None` when the trail is shorter, or `second` below `first`.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] when the trail does not add up.
    pub fn prove_continuation(&self, first: u64, second: Option<u64>) -> Result<Option<Continuation>, VaultError> {
        let (look, newest) = Look::new(&self.shared)?;
        let second = second.unwrap_or(newest.size);
        if first > second || second > newest.size {
            return Ok(None);
        }
        let path = consistency(&look, first, second)?.unwrap_or_default();
        let head = |size| Ok::<_, VaultError>(TreeHead { size, root: root(&look, size)? });
        Ok(Some(([head(first)?, head(second)?], path)))
    }
}

impl Shared {
    fn disclose(&self, seq: u64, path: Vec<Hash>) -> Result<Proven, VaultError> {
        let leaf = self.engine.read(&entry_key(seq))?.ok_or(VaultError::Tampered)?;
        let disclosure = envelope::disclose(&self.keys.audit, &entry_context(&seq.to_be_bytes()), &leaf)?;
        let entry = Entry::open(seq, &leaf, &self.keys.audit)?;
        let (mut views, mut subjects) = (Vec::new(), Vec::new());
        for subject in &entry.subjects {
            let opened = self.holder_of(subject.place).and_then(|(person, keyring)| {
                let context = subject_context(&person);
                let disclosure = envelope::disclose(&keyring.audit, &context, &subject.sealed).ok()?;
                let inner = Subject::open(&subject.sealed, &person, &keyring.audit).ok()?;
                Some((SubjectView::of(person, inner), disclosure))
            });
            let (view, disclosure) = opened.unzip();
            views.push(view);
            subjects.push(disclosure);
        }
        Ok(Proven { entry: entry.view(views), leaf, disclosure, subjects, path })
    }
}
