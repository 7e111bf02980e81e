//! What everybody reads: comments on a board that were published, and of them only what their sender was told is shown.
//!
//! No grant stands before this: what is public is public, and each look is not in the trail, as the deed of publication is. What
//! is opened here is held against the sealed list entry each time: a comment that was taken down, declined or erased is gone from
//! the next look on. In memory is only where to look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::read::Located;
use super::{Act, Vault, VaultError};
use crate::base::clock::Timestamp;
use crate::base::ids::RecordId;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::FormId;
use crate::domain::submission::{FieldValue, Nature, Status};
use crate::policy::{Action, Permit};

/// A comment as everybody reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// When it came.
    pub received: Timestamp,
    /// The fields that are shown, by name, in the order in which the form named them.
    pub fields: Vec<(String, SensitiveString)>,
}

/// Places in the list where published comments were seen, by form; `None` until somebody looks.
#[derive(Default)]
pub(super) struct Postings(Mutex<Option<BTreeMap<FormId, BTreeSet<u64>>>>);

impl Vault {
    /// Publishes a comment. Durable on return.
    ///
    /// # Errors
    /// [`VaultError::Missing`] also when its author has taken it down; [`VaultError::StorageFull`], [`VaultError::Unavailable`].
    pub async fn publish(&self, act: Act, record: RecordId) -> Result<(), VaultError> {
        self.set_status(act, record, Status::Published).await
    }

    /// Remembers where a comment is that was published. May wait for a first look to end.
    pub fn note_published(&self, located: &Located) {
        let mut postings = self.postings.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever looks first finds it by itself.
        if let Some(known) = postings.as_mut() {
            known.entry(located.summary.form.clone()).or_default().insert(located.arrival);
        }
    }

    /// Takes a comment down for its author: nobody publishes it any more. Durable on return.
    ///
    /// # Errors
    /// As [`Vault::publish`].
    pub async fn take_down(&self, act: Act, record: RecordId) -> Result<(), VaultError> {
        self.set_status(act, record, Status::Withdrawn).await
    }

    /// Published comments of a form, newest first, without the first `skip`, at most `limit`; and whether there are more.
    ///
    /// # Errors
    /// [`VaultError::Missing`] for a permit for something else; [`VaultError::Unavailable`].
    pub fn read_board(
        &self,
        permit: Permit,
        form: &FormId,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<Posting>, bool), VaultError> {
        if permit.action() != Action::ReadBoard {
            return Err(VaultError::Missing);
        }
        let (mut out, mut gone) = (Vec::new(), Vec::new());
        let mut places = self.places_of(form, skip, None, limit + 1)?.into_iter();
        while out.len() < limit {
            let Some(arrival) = places.next() else { break };
            match self.posting(form, arrival) {
                Ok(posting) => out.push(posting),
                Err(VaultError::Missing) => gone.push(arrival),
                // One damaged row must not close the page; `verify` names it.
                Err(VaultError::Tampered) => tracing::error!("a comment does not open; run `letterlock verify`"),
                Err(other) => return Err(other),
            }
            if places.len() == 0 {
                places = self.places_of(form, 0, Some(arrival), limit + 1)?.into_iter();
            }
        }
        let more = places.next().is_some();
        if !gone.is_empty() {
            let mut postings = self.postings.0.lock().unwrap_or_else(PoisonError::into_inner);
            for arrival in gone {
                // Published anew in between, it is there again.
                if self.posting(form, arrival) == Err(VaultError::Missing)
                    && let Some(places) = postings.as_mut().and_then(|known| known.get_mut(form))
                {
                    places.remove(&arrival);
                }
            }
        }
        Ok((out, more))
    }

    /// Goes through the whole list for published comments, once after a start; whoever reads a board before waits for it. Long
    /// work: a caller sees to it that few wait at a time.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub fn find_postings(&self) -> Result<(), VaultError> {
        let mut postings = self.postings.0.lock().unwrap_or_else(PoisonError::into_inner);
        if postings.is_none() {
            let mut found: BTreeMap<FormId, BTreeSet<u64>> = BTreeMap::new();
            self.walk_list(None, |listed| {
                let summary = listed.located.summary;
                if (summary.nature, summary.status) == (Nature::Comment, Status::Published) {
                    found.entry(summary.form).or_default().insert(listed.arrival);
                }
                true
            })?;
            *postings = Some(found);
        }
        Ok(())
    }

    /// Where published comments of a form were seen, newest first: at most `most` without the first `skip`, below `before`.
    fn places_of(&self, form: &FormId, skip: usize, before: Option<u64>, most: usize) -> Result<Vec<u64>, VaultError> {
        self.find_postings()?;
        let postings = self.postings.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(places) = postings.as_ref().and_then(|known| known.get(form)) else { return Ok(Vec::new()) };
        Ok(places.range(..before.unwrap_or(u64::MAX)).rev().skip(skip).take(most).copied().collect())
    }

    /// What everybody reads of the submission at a place in the list, if it is a published comment on this board.
    fn posting(&self, form: &FormId, arrival: u64) -> Result<Posting, VaultError> {
        let located = self.locate_by_arrival(arrival)?;
        let summary = &located.summary;
        let is_public = (summary.nature, summary.status) == (Nature::Comment, Status::Published);
        if !is_public || summary.form != *form {
            return Err(VaultError::Missing);
        }
        let mut content = self.shared.reading(|_| self.shared.open_stored(&located))?.content;
        let shown = located.list_entry.shown.iter();
        let fields = shown.filter_map(|name| match content.fields.remove(name) {
            Some(FieldValue::Text(text)) => Some((name.clone(), text)),
            _ => None,
        });
        Ok(Posting { received: located.summary.received, fields: fields.collect() })
    }
}
