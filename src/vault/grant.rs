//! Leave to open what is sealed: a permit becomes a [`Grant`] once its entry in the audit trail is durable.

use super::audit::{Draft, Subject};
use super::committer::Job;
use super::read::Located;
use super::{Act, Detail, Vault, VaultError};
use crate::base::ids::{ApprovalId, RecordId};
use crate::domain::scan::Scan;
use crate::policy::Action;

/// Leave to open one record or one of its files, once. Only the vault makes one, after the audit entry is durable.
#[derive(Debug)]
#[must_use = "a grant is in the audit trail already"]
pub struct Grant {
    pub(super) record: RecordId,
    pub(super) file: Option<u32>,
    /// It is for the virus scanner, which opens what nobody else does.
    for_scan: bool,
}

impl Grant {
    /// Leave to open a record as a whole, whose audit entry is durable.
    pub(super) const fn of_record(record: RecordId) -> Self {
        Self { record, file: None, for_scan: false }
    }

    /// The number of the file of this record that it is leave to open.
    pub(super) fn file_of(&self, located: &Located) -> Option<u32> {
        let n = self.file.filter(|_| self.record == located.record)?;
        let withheld = located.scan_of(n).is_none_or(Scan::is_withheld);
        (self.for_scan || !withheld).then_some(n)
    }
}

impl Vault {
    /// Turns a permit into leave to open these records, under one audit entry that names each. Durable on return.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when one of them was erased meanwhile; [`VaultError::Elsewhere`] when one may not be read from
    /// where the actor is; [`VaultError::Unavailable`].
    pub async fn grant(
        &self,
        act: Act,
        located: &[Located],
        purpose: &str,
        file: Option<u32>,
    ) -> Result<Vec<Grant>, VaultError> {
        self.grant_saying(act, Detail::None, located, |_| purpose, file).await
    }

    /// As [`Vault::grant`] for one record that is read by a request which two people agree on: the entry names that too.
    ///
    /// # Errors
    /// As [`Vault::grant`].
    pub async fn grant_by(
        &self,
        act: Act,
        located: &Located,
        purpose: &str,
        file: Option<u32>,
        request: ApprovalId,
        kind: &str,
    ) -> Result<Grant, VaultError> {
        let detail = Detail::Approval { id: request, change: format!("{kind} used") };
        let mut grants = self.grant_saying(act, detail, std::slice::from_ref(located), |_| purpose, file).await?;
        grants.pop().ok_or(VaultError::Missing)
    }

    /// As [`Vault::grant`] for the lines of a list: the entry says how many there were.
    ///
    /// # Errors
    /// As [`Vault::grant`].
    pub async fn grant_lines(&self, act: Act, located: &[Located], purpose: &str) -> Result<Vec<Grant>, VaultError> {
        self.grant_saying(act, Detail::Found(located.len() as u64), located, |_| purpose, None).await
    }

    /// Turns a permit into leave to open these records and files of them, for a file that leaves the vault: under one entry that
    /// names each. Durable on return.
    ///
    /// # Errors
    /// As [`Vault::grant`].
    pub async fn grant_export(
        &self,
        act: Act,
        detail: Detail,
        wanted: &[(Located, Vec<u32>)],
        purpose: &str,
    ) -> Result<Vec<(Grant, Vec<Grant>)>, VaultError> {
        let mut subjects = Vec::new();
        for (located, files) in wanted {
            for file in std::iter::once(None).chain(files.iter().copied().map(Some)) {
                let purpose = Some(purpose.to_owned());
                let subject = Subject { record: Some(located.record), purpose, file, status: None };
                subjects.push(located.seal_subject(&subject, &self.shared)?);
            }
        }
        let alive = wanted.iter().map(|(one, _)| (one.place, one.record)).collect();
        let draft = Draft::of_reading(&act, detail, subjects, wanted.iter().map(|(located, _)| located))?;
        self.ask(|reply| Job::Audit(draft, alive, reply)).await?;
        let grants = wanted.iter().map(|(located, files)| {
            let of = |file| Grant { record: located.record, file, for_scan: false };
            (of(None), files.iter().map(|n| of(Some(*n))).collect())
        });
        Ok(grants.collect())
    }

    /// As [`Vault::grant`], each for a purpose of its own, and the entry says more.
    pub(super) async fn grant_saying<'a>(
        &self,
        act: Act,
        detail: Detail,
        located: &[Located],
        purpose: impl Fn(usize) -> &'a str,
        file: Option<u32>,
    ) -> Result<Vec<Grant>, VaultError> {
        let mut subjects = Vec::with_capacity(located.len());
        for (n, one) in located.iter().enumerate() {
            let purpose = Some(purpose(n).to_owned());
            let subject = Subject { record: Some(one.record), purpose, file, status: None };
            subjects.push(one.seal_subject(&subject, &self.shared)?);
        }
        let alive = located.iter().map(|one| (one.place, one.record)).collect();
        let for_scan = act.permit.action() == Action::ScanFile;
        let draft = Draft::of_reading(&act, detail, subjects, located)?;
        self.ask(|reply| Job::Audit(draft, alive, reply)).await?;
        Ok(located.iter().map(|one| Grant { record: one.record, file, for_scan }).collect())
    }
}
