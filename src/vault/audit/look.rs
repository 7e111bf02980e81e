//! Entries as readers see them.

use std::sync::atomic::Ordering;

use super::{Detail, Draft, Entry, EntryView, SealedSubject, Subject, SubjectView, TreeHead, entry_key};
use crate::base::ids::{PersonId, RequestId};
use crate::crypto::merkle::Frontier;
use crate::crypto::sign;
use crate::keys::keyring::Keyring;
use crate::policy::Actor;
use crate::vault::committer::Job;
use crate::vault::shared::Shared;
use crate::vault::{Act, Reply, Vault, VaultError};

/// The action of entries about refusals: no action of the policy, since none was done.
pub const REFUSED: &str = "refused";
/// The action of entries about the service itself.
pub const SERVICE: &str = "service";

impl Vault {
    /// Writes an entry for an act that changes nothing else (a search, a look at the audit trail); durable on return.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`], [`VaultError::StorageFull`].
    pub async fn record_act(&self, act: Act, detail: Detail) -> Result<(), VaultError> {
        let draft = Draft::new(&act, detail, Vec::new());
        self.ask(|reply: Reply<()>| Job::Audit(draft, Vec::new(), reply)).await
    }

    /// Writes that somebody was refused, durable on return.
    ///
    /// # Errors
    /// As [`Vault::record_act`].
    pub async fn record_refusal(&self, actor: Actor, request: RequestId, detail: Detail) -> Result<(), VaultError> {
        let draft = Draft::without_permit(actor, REFUSED, Some(request), detail);
        self.ask(|reply: Reply<()>| Job::Audit(draft, Vec::new(), reply)).await
    }

    /// Writes how the service itself is, durable on return.
    ///
    /// # Errors
    /// As [`Vault::record_act`].
    pub async fn record_service(&self, detail: Detail) -> Result<(), VaultError> {
        let draft = Draft::without_permit(Actor::System, SERVICE, None, detail);
        self.ask(|reply: Reply<()>| Job::Audit(draft, Vec::new(), reply)).await
    }

    /// The durable head of the trail.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub async fn audit_head(&self) -> Result<TreeHead, VaultError> {
        let frontier: Frontier = self.ask(Job::Head).await?;
        Ok(TreeHead { size: frontier.size(), root: frontier.root() })
    }

    /// Signs a message with the audit head key.
    pub fn sign_head(&self, message: &[u8]) -> [u8; sign::SIGNATURE_LEN] {
        self.shared.derived.head_signer.sign(message)
    }

    /// The public key of audit heads.
    pub fn head_public_key(&self) -> [u8; sign::PUBLIC_LEN] {
        self.shared.derived.head_signer.public()
    }

    /// Entries below `before` (the newest when `None`), newest first, at most `limit`.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] for an entry that does not open.
    pub fn audit_entries(&self, before: Option<u64>, limit: usize) -> Result<Vec<EntryView>, VaultError> {
        let size = self.shared.figures.audit_entries.load(Ordering::SeqCst);
        let end = before.map_or(size, |before| before.min(size));
        let start = end.saturating_sub(limit as u64);
        let mut out = Vec::new();
        for seq in (start..end).rev() {
            let sealed = self.shared.engine.read(&entry_key(seq))?.ok_or(VaultError::Tampered)?;
            let entry = Entry::open(seq, &sealed, &self.shared.keys.audit)?;
            let subjects = entry.subjects.iter().map(|subject| self.shared.open_subject(subject)).collect();
            out.push(entry.view(subjects));
        }
        Ok(out)
    }
}

impl Entry {
    pub(super) fn view(self, subjects: Vec<Option<SubjectView>>) -> EntryView {
        EntryView {
            seq: self.seq,
            time: self.time,
            actor: self.actor,
            role: self.role,
            action: self.action,
            request: self.request,
            purpose: self.purpose,
            detail: self.detail,
            subjects,
            transfers: self.transfers,
        }
    }
}

impl SubjectView {
    pub(super) fn of(person: PersonId, inner: Subject) -> Self {
        Self { person, record: inner.record, purpose: inner.purpose, file: inner.file, status: inner.status }
    }
}

impl Shared {
    pub(super) fn open_subject(&self, subject: &SealedSubject) -> Option<SubjectView> {
        let (person, keyring) = self.holder_of(subject.place)?;
        let inner = Subject::open(&subject.sealed, &person, &keyring.audit).ok()?;
        Some(SubjectView::of(person, inner))
    }

    /// Who is at a place, with what opens the entries about them; nobody whose erasure is ordered.
    pub(super) fn holder_of(&self, place: u64) -> Option<(PersonId, Keyring)> {
        if self.is_dying(place, None) {
            return None;
        }
        self.reading(|view| self.keyring_at(view, place)).ok()
    }
}
