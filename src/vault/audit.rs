//! The audit trail: leaves of a Merkle tree over sealed bytes.
//!
//! An entry has two layers. Outside, under the audit key: number, time, actor, action and what the act was about in
//! figures. Inside, one envelope for each person concerned, under that person's audit key: person, record, purpose,
//! file. So the tree verifies for ever, while whom an entry was about goes when that person is erased. No address, user
//! agent, query or body is ever in an entry.

mod check;
mod find;
mod look;
mod prove;
mod tree;

use serde::{Deserialize, Serialize};

use super::digest::Sum;
use super::read::Located;
use super::{Act, VaultError};
use crate::base::clock::Timestamp;
use crate::base::entropy::Entropy;
use crate::base::ids::{
    ApprovalId, IntentId, KeyId, MailingId, PersonId, RecordId, RequestId, StaffId, TokenId, VacancyId,
};
use crate::base::tables::Table;
use crate::crypto::context::{Context, Purpose};
use crate::crypto::merkle::Hash;
use crate::crypto::{Key, OpenError, envelope};
use crate::domain::form::FormId;
use crate::domain::submission::Status;
use crate::policy::{Action, Actor, Role, Transfer};

pub use check::TrailCheck;
pub use find::{Ordered, Wanted};
pub use look::{REFUSED, SERVICE};
pub use prove::{Continuation, Proven};
pub(super) use tree::Hashes;

/// What an entry says beyond who did what when: figures and names of the vault's own things, nothing personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// Nothing more.
    None,
    /// How much was found: people by a search, lines of a list, problems by a check.
    Found(u64),
    /// An erasure was ordered.
    Ordered {
        /// The order.
        intent: IntentId,
        /// People to be erased whole.
        people: u64,
        /// Single records to be erased.
        records: u64,
    },
    /// An erasure was carried out.
    Erased {
        /// The order.
        intent: IntentId,
        /// Epoch before.
        before: u64,
        /// Epoch after.
        after: u64,
    },
    /// Rows of the erased were removed.
    Removed(u64),
    /// An account was added or disabled.
    Account {
        /// Which.
        id: StaffId,
        /// `added`, `disabled`.
        change: String,
    },
    /// A token was made or revoked.
    Token {
        /// Which.
        id: TokenId,
        /// `made`, `revoked`.
        change: String,
    },
    /// The vault was made or opened by this version of the program.
    Opened(String),
    /// A mail left the outbox.
    Mail {
        /// What it was about: the name of its template.
        about: String,
        /// `sent`, `given up`, `withdrawn`.
        outcome: String,
    },
    /// The virus scanner looked at a file, or could not.
    Scan {
        /// The form that it came by.
        form: String,
        /// `refused: infected`, `refused: not scanned`, `clean`, `withheld: infected`.
        outcome: String,
    },
    /// A server's key was made or revoked.
    Key {
        /// Which.
        id: KeyId,
        /// `made`, `revoked`.
        change: String,
    },
    /// The answers to this survey were gone through.
    Survey(FormId),
    /// An issue of a newsletter was ordered, or mails of it were put into the outbox.
    Mailing {
        /// Which.
        id: MailingId,
        /// How many mails.
        mails: u64,
    },
    /// Proofs about the trail itself were handed out: of entries, or of how it was continued.
    Trail {
        /// The first entry, or the size of the smaller tree.
        from: u64,
        /// The entry after the last, or the size of the larger tree.
        to: u64,
    },
    /// Somebody was turned away.
    Refused {
        /// What was asked for: method and route, or the control socket; nothing of what was asked about. Of a sign-in through a
        /// provider, why it was refused, in words of ours.
        what: String,
        /// The answer, as a status of HTTP.
        status: u16,
        /// Refusals since the entry before that have none of their own, because there were too many.
        unlisted: u64,
    },
    /// The service came up, read its configuration, or went down in order.
    Service {
        /// `started`, `forms read`, `stopped`.
        change: String,
        /// SHA-256 over settings and form files, hex; none with `stopped`.
        configuration: Option<String>,
    },
    /// Submissions were looked through. Whose they were stands with each; what was looked for, nowhere.
    Search {
        /// By what.
        by: SearchedBy,
        /// What for, by names.
        purposes: Vec<String>,
        /// How many were found, each named beside this; `None` where the search began.
        found: Option<u64>,
    },
    /// What needs two people went a step further.
    Approval {
        /// Which request.
        id: ApprovalId,
        /// `roles asked`, `erasure approved`: what, and how far.
        change: String,
    },
    /// Submissions leave the vault in a file. Whose they are and which stands with each.
    Export {
        /// By which request.
        id: ApprovalId,
        /// `csv`, `xlsx`, `json` or `zip`.
        format: String,
        /// How many of the request came before these.
        before: u64,
        /// How many these are.
        records: u64,
        /// How many there are in all.
        of: u64,
    },
    /// A vacancy was opened, changed or closed.
    Vacancy {
        /// Which.
        id: VacancyId,
        /// `opened`, `changed`, `closed`, `opened again`.
        change: String,
    },
}

/// By what submissions are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchedBy {
    /// Words.
    Words,
    /// Form, status or day alone.
    Filters,
}

/// The outer layer of an entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) time: Timestamp,
    pub(super) actor: Actor,
    pub(super) role: Option<Role>,
    pub(super) action: String,
    pub(super) request: Option<RequestId>,
    pub(super) purpose: Option<String>,
    pub(super) detail: Detail,
    pub(super) subjects: Vec<SealedSubject>,
    /// What was read across regions. It tells of nobody, so it outlives an erasure.
    pub(super) transfers: Vec<Transfer>,
    /// The store digest after the commit that this entry closes.
    pub(super) digest: Option<Sum>,
}

/// One person's inner layer, and where to look for the key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SealedSubject {
    pub(super) place: u64,
    pub(super) sealed: Vec<u8>,
}

/// What the inner layer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subject {
    pub(super) record: Option<RecordId>,
    pub(super) purpose: Option<String>,
    pub(super) file: Option<u32>,
    pub(super) status: Option<Status>,
}

/// An entry before it has a number.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) actor: Actor,
    pub(super) role: Option<Role>,
    pub(super) action: &'static str,
    pub(super) request: Option<RequestId>,
    pub(super) purpose: Option<String>,
    pub(super) detail: Detail,
    pub(super) subjects: Vec<SealedSubject>,
    pub(super) transfers: Vec<Transfer>,
}

impl Draft {
    pub(super) fn new(act: &Act, detail: Detail, subjects: Vec<SealedSubject>) -> Self {
        Self {
            actor: act.permit.actor().clone(),
            role: act.permit.role(),
            action: act.permit.action().as_str(),
            request: Some(act.request),
            purpose: act.purpose.clone(),
            detail,
            subjects,
            transfers: Vec::new(),
        }
    }

    /// An entry about a reading of these records. Refused if one of them may not be read from where the actor is: whoever reads has
    /// looked at that before, and here nobody forgets it.
    pub(super) fn of_reading<'a>(
        act: &Act,
        detail: Detail,
        subjects: Vec<SealedSubject>,
        records: impl IntoIterator<Item = &'a Located>,
    ) -> Result<Self, VaultError> {
        let stored = records.into_iter().map(|located| located.summary.region.as_str());
        let transfers = act.permit.actor().transfers(stored).ok_or(VaultError::Elsewhere)?;
        Ok(Self { transfers, ..Self::new(act, detail, subjects) })
    }

    /// An entry by the software itself.
    pub(super) const fn system(detail: Detail) -> Self {
        Self::without_permit(Actor::System, Action::CleanUp.as_str(), None, detail)
    }

    /// What no permit stands behind: a refusal, or how the service itself is.
    pub(super) const fn without_permit(
        actor: Actor,
        action: &'static str,
        request: Option<RequestId>,
        detail: Detail,
    ) -> Self {
        Self { actor, role: None, action, request, purpose: None, detail, subjects: Vec::new(), transfers: Vec::new() }
    }
}

impl Subject {
    pub(super) fn of_record(record: RecordId) -> Self {
        Self { record: Some(record), purpose: None, file: None, status: None }
    }

    pub(super) fn seal(
        &self,
        place: u64,
        person: &PersonId,
        key: &Key,
        entropy: &dyn Entropy,
    ) -> Result<SealedSubject, VaultError> {
        let content = postcard::to_stdvec(self).map_err(|_| VaultError::TooLarge)?;
        Ok(SealedSubject { place, sealed: envelope::seal(key, &subject_context(person), &content, entropy)? })
    }

    pub(super) fn open(sealed: &[u8], person: &PersonId, key: &Key) -> Result<Self, OpenError> {
        postcard::from_bytes(&envelope::open(key, &subject_context(person), sealed)?).map_err(|_| OpenError)
    }
}

impl Entry {
    pub(super) fn seal(&self, key: &Key, entropy: &dyn Entropy) -> Result<Vec<u8>, VaultError> {
        let content = postcard::to_stdvec(self).map_err(|_| VaultError::TooLarge)?;
        Ok(envelope::seal(key, &entry_context(&self.seq.to_be_bytes()), &content, entropy)?)
    }

    pub(super) fn open(seq: u64, sealed: &[u8], key: &Key) -> Result<Self, OpenError> {
        let content = envelope::open(key, &entry_context(&seq.to_be_bytes()), sealed)?;
        let entry: Self = postcard::from_bytes(&content).map_err(|_| OpenError)?;
        if entry.seq == seq { Ok(entry) } else { Err(OpenError) }
    }
}

const fn entry_context(seq: &[u8; 8]) -> Context<'_> {
    Context::new(Purpose::AuditEntry).table(Table::Audit).row(seq)
}

const fn subject_context(person: &PersonId) -> Context<'_> {
    Context::new(Purpose::AuditSubject).table(Table::Audit).person(person)
}

pub(super) fn entry_key(seq: u64) -> Vec<u8> {
    Table::Audit.key(&[&seq.to_be_bytes()])
}

/// An entry as readers see it.
#[derive(Clone, Debug)]
pub struct EntryView {
    /// Its number, from 0.
    pub seq: u64,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: Actor,
    /// The role that allowed it.
    pub role: Option<Role>,
    /// What.
    pub action: String,
    /// The request.
    pub request: Option<RequestId>,
    /// What for, when the act opened nothing.
    pub purpose: Option<String>,
    /// Figures.
    pub detail: Detail,
    /// Whom it was about; `None` for each person erased since.
    pub subjects: Vec<Option<SubjectView>>,
    /// What was read across regions.
    pub transfers: Vec<Transfer>,
}

/// Whom an entry was about.
#[derive(Clone, Debug)]
pub struct SubjectView {
    /// The person.
    pub person: PersonId,
    /// The record.
    pub record: Option<RecordId>,
    /// The purpose that was named.
    pub purpose: Option<String>,
    /// The number of the file.
    pub file: Option<u32>,
    /// The status that was set.
    pub status: Option<Status>,
}

/// A head of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// Number of entries.
    pub size: u64,
    /// Root hash.
    pub root: Hash,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    #[test]
    fn frozen_vector() {
        let entropy = SeededEntropy::new(5);
        let person = PersonId::from_bytes([6; 16]);
        let subject = Subject {
            record: Some(RecordId::from_bytes([7; 16])),
            purpose: Some("recruitment".to_owned()),
            file: Some(0),
            status: None,
        };
        let entry = Entry {
            seq: 9,
            time: Timestamp::from_millis(1_795_453_726_042),
            actor: Actor::Owner { role: Role::Hr },
            role: Some(Role::Hr),
            action: "read-file".to_owned(),
            request: None,
            purpose: None,
            detail: Detail::None,
            subjects: vec![subject.seal(3, &person, &Key::from_bytes([1; 32]), &entropy).unwrap()],
            transfers: vec![Transfer {
                stored: "uk".to_owned(),
                reader: "za".to_owned(),
                safeguard: "IDTA".to_owned(),
                records: 1,
            }],
            digest: None,
        };
        let sealed = entry.seal(&Key::from_bytes([2; 32]), &entropy).unwrap();
        assert_eq!(data_encoding::HEXLOWER.encode(&sealed), include_str!("vectors/audit_entry.hex").trim());

        let opened = Entry::open(9, &sealed, &Key::from_bytes([2; 32])).unwrap();
        assert_eq!(Subject::open(&opened.subjects[0].sealed, &person, &Key::from_bytes([1; 32])), Ok(subject));
        assert!(Entry::open(8, &sealed, &Key::from_bytes([2; 32])).is_err(), "an entry keeps its number");
        let other = PersonId::from_bytes([5; 16]);
        assert!(Subject::open(&opened.subjects[0].sealed, &other, &Key::from_bytes([1; 32])).is_err());
    }
}
