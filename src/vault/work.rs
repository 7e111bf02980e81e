//! How the work on a record stands: its status, whose it is, its labels, who has seen it. All of it lies in the list entry,
//! sealed under the record's key, and goes with the record.

use super::audit::{Draft, Subject};
use super::change::Open;
use super::committer::Job;
use super::grant::Grant;
use super::read::Located;
use super::txn::Txn;
use super::{Act, Detail, Vault, VaultError};
use crate::base::clock::Timestamp;
use crate::base::ids::{RecordId, StaffId};
use crate::domain::submission::Status;
use crate::domain::work::{Assignee, Former, Label, MAX_LABELS, Work, labels};
use crate::policy::Action;

/// What is changed; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct WorkChange {
    /// How far the work is.
    pub status: Option<Status>,
    /// Whose it is; `Some(None)` for nobody's.
    pub assignee: Option<Option<Assignee>>,
    /// Its labels.
    pub labels: Option<LabelChange>,
    /// Whether an account has seen it.
    pub seen: Option<(StaffId, bool)>,
}

/// A change of labels.
#[derive(Clone, Debug)]
pub enum LabelChange {
    /// These, and no others.
    Set(Vec<Label>),
    /// Beside those that are there, or without.
    Edit {
        /// Come in addition.
        add: Vec<Label>,
        /// Go.
        remove: Vec<Label>,
    },
}

/// What the committer gets.
pub(super) struct WorkJob {
    /// One for each part of the change: an entry each.
    acts: Vec<Act>,
    record: RecordId,
    change: WorkChange,
    at: Timestamp,
}

/// A reading that is to be remembered.
pub(super) struct SeenJob {
    draft: Draft,
    record: RecordId,
    account: StaffId,
}

impl Vault {
    /// Changes how the work on a record stands, all of it or nothing, with an audit entry for each of the `acts`. Durable on
    /// return, with what stands now.
    ///
    /// # Errors
    /// [`VaultError::Missing`]; [`VaultError::TooLarge`] for more labels than [`MAX_LABELS`]; [`VaultError::Unavailable`].
    pub async fn change_work(
        &self,
        acts: Vec<Act>,
        record: RecordId,
        change: WorkChange,
        at: Timestamp,
    ) -> Result<(Status, Work), VaultError> {
        let job = WorkJob { acts, record, change, at };
        self.ask(|reply| Job::Work(Box::new(job), reply)).await
    }

    /// As [`Vault::grant`] for one record as a whole, and remembers that an account has seen it.
    ///
    /// # Errors
    /// As [`Vault::grant`].
    pub async fn grant_to(
        &self,
        act: Act,
        located: &Located,
        purpose: &str,
        account: StaffId,
    ) -> Result<Grant, VaultError> {
        let subject = Subject { purpose: Some(purpose.to_owned()), ..Subject::of_record(located.record) };
        let sealed = located.seal_subject(&subject, &self.shared)?;
        let draft = Draft::of_reading(&act, Detail::None, vec![sealed], [located])?;
        self.see(draft, located.record, account).await?;
        Ok(Grant::of_record(located.record))
    }

    /// Writes an audit entry about a record, and that an account has seen it.
    async fn see(&self, draft: Draft, record: RecordId, account: StaffId) -> Result<(), VaultError> {
        let job = SeenJob { draft, record, account };
        self.ask(|reply| Job::Seen(Box::new(job), reply)).await
    }
}

/// Puts a change into the commit.
pub(super) fn apply(txn: &mut Txn<'_>, job: WorkJob) -> Result<(Status, Work), VaultError> {
    let WorkJob { acts, record, change, at } = job;
    let mut open = Open::new(txn, record)?;
    open.check(change.status)?;
    let mut drafts = Vec::with_capacity(acts.len());
    for act in &acts {
        let status = change.status.filter(|_| act.permit.action() == Action::SetStatus);
        let subject = open.seal_subject(txn, &Subject { status, ..Subject::of_record(record) })?;
        drafts.push(Draft::new(act, Detail::None, vec![subject]));
    }
    if let Some(became) = change.status.filter(|status| *status != open.list.status) {
        open.list.work.former = Some(Former { was: open.list.status, became, at });
        open.list.status = became;
    }
    if let Some(assignee) = change.assignee {
        open.list.work.assignee = assignee;
    }
    if let Some(change) = change.labels {
        open.list.work.labels = relabel(std::mem::take(&mut open.list.work.labels), change)?;
    }
    if let Some((account, seen)) = change.seen {
        open.list.work.mark(account, seen);
    }
    open.put_list(txn, Vec::new())?;
    drafts.into_iter().for_each(|draft| txn.entry(draft));
    Ok((open.list.status, open.list.work))
}

/// Puts a reading into the commit.
pub(super) fn apply_seen(txn: &mut Txn<'_>, job: SeenJob) -> Result<(), VaultError> {
    let SeenJob { draft, record, account } = job;
    let mut open = Open::new(txn, record)?;
    if !open.list.work.was_seen_by(account) {
        open.list.work.mark(account, true);
        open.put_list(txn, Vec::new())?;
    }
    txn.entry(draft);
    Ok(())
}

fn relabel(present: Vec<Label>, change: LabelChange) -> Result<Vec<Label>, VaultError> {
    let wanted = match change {
        LabelChange::Set(wanted) => wanted,
        LabelChange::Edit { add, remove } => {
            let left = present.into_iter().filter(|label| !remove.iter().any(|gone| gone.is(label)));
            left.chain(add).collect()
        }
    };
    let wanted = labels(wanted).map_err(|_| VaultError::TooLarge)?;
    debug_assert!(wanted.len() <= MAX_LABELS);
    Ok(wanted)
}
