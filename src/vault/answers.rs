//! The answers to a survey, taken together.
//!
//! Nobody sees a single answer. Answers are grouped once for all, in order of arrival, `k` to a group, and the vault hands out
//! what whole groups come to. A group that an answer was erased from is never whole again, so what two results differ by is
//! always the sum of whole groups of at least `k` answers, and never one answer: what came last, or went.

use std::sync::atomic::Ordering;

use super::audit::Draft;
use super::committer::Job;
use super::list::arrival_of;
use super::read::Located;
use super::rows;
use super::{Act, Detail, Vault, VaultError};
use crate::domain::form::FormId;
use crate::domain::submission::{Content, FieldValue, Fields, Group, Nature};

/// Rows read at a time.
const CHUNK: usize = 256;

/// Leave to go through the answers to one survey. Only the vault makes one, after the audit entry is durable.
#[derive(Debug)]
#[must_use = "a grant is in the audit trail already"]
pub struct AnswersGrant {
    form: FormId,
}

/// What is there at a moment. As long as it is the same, so is what the answers to any survey come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswersState {
    arrivals: u64,
    epoch: u64,
    dying: usize,
}

/// One answer, as what adds it up sees it.
pub struct Answer<'a> {
    /// What was answered.
    pub fields: &'a Fields,
    /// Its place in the list of submissions, by which [`Vault::answer_text`] finds it again.
    pub arrival: u64,
    /// Where it comes in an order that depends on nothing but chance, another one for each name asked with.
    pub order: [u8; 16],
}

impl Vault {
    /// Turns a permit into leave to go through the answers to a survey. Durable on return. The entry names the form, and
    /// none of the people: one that named them would tell whose words were read.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`], [`VaultError::StorageFull`].
    pub async fn grant_answers(&self, act: Act, form: &FormId) -> Result<AnswersGrant, VaultError> {
        let draft = Draft::new(&act, Detail::Survey(form.clone()), Vec::new());
        self.ask(|reply| Job::Audit(draft, Vec::new(), reply)).await?;
        Ok(AnswersGrant { form: form.clone() })
    }

    /// What is there now; `None` when that cannot be said.
    pub fn answers_state(&self) -> Option<AnswersState> {
        let figures = &self.shared.figures;
        let dying = self.shared.directory.read().ok()?.dying();
        let (arrivals, epoch) = (figures.arrivals.load(Ordering::SeqCst), figures.epoch.load(Ordering::SeqCst));
        Some(AnswersState { arrivals, epoch, dying })
    }

    /// Adds up the answers, oldest first. Each group has a sum of its own, begun by `begin`, and only those of whole groups
    /// are handed to `whole`, with the group's `k`. An answer whose erasure is ordered, or that does not open, is not there. `name` makes
    /// [`Answer::order`] one of its own.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub fn sum_answers<T>(
        &self,
        grant: &AnswersGrant,
        name: &str,
        begin: impl Fn() -> T,
        add: impl Fn(&mut T, &Answer<'_>),
        mut whole: impl FnMut(T, u32),
    ) -> Result<(), VaultError> {
        let mut open: Option<Filling<T>> = None;
        let mut close = |filling: Option<Filling<T>>| {
            if let Some(Filling { group, sum, .. }) = filling.filter(|filling| filling.count == filling.group.k) {
                whole(sum, group.k);
            }
        };
        self.each_answer(&grant.form, |located, arrival, group| {
            if open.as_ref().is_none_or(|filling| filling.group != group) {
                close(open.replace(Filling { group, count: 0, sum: begin() }));
            }
            let content = self.shared.reading(|_| self.shared.open_stored(&located)).map(|stored| stored.content);
            let content = match content {
                Ok(content) => content,
                Err(VaultError::Missing | VaultError::Tampered) => return Ok(()),
                Err(other) => return Err(other),
            };
            if let Some(filling) = &mut open {
                let order = self.answer_order(&grant.form, name, &located);
                add(&mut filling.sum, &Answer { fields: &content.fields, arrival, order });
                filling.count += 1;
            }
            Ok(())
        })?;
        close(open);
        Ok(())
    }

    /// The words in one field of an answer, and nothing else of it; `None` when it is gone.
    ///
    /// # Errors
    /// [`VaultError::Tampered`], [`VaultError::Unavailable`].
    pub fn answer_text(
        &self,
        grant: &AnswersGrant,
        arrival: u64,
        field: &str,
    ) -> Result<Option<FieldValue>, VaultError> {
        let opened = self.locate_by_arrival(arrival).and_then(|located| {
            let is_answer = matches!(located.summary.nature, Nature::Answer(_)) && located.summary.form == grant.form;
            if !is_answer {
                return Err(VaultError::Missing);
            }
            self.shared.reading(|_| self.shared.open_stored(&located))
        });
        match opened {
            Ok(stored) => {
                let Content { mut fields, .. } = stored.content;
                Ok(fields.remove(field))
            }
            Err(VaultError::Missing) => Ok(None),
            Err(other) => Err(other),
        }
    }

    fn answer_order(&self, form: &FormId, name: &str, located: &Located) -> [u8; 16] {
        let form = form.as_str().as_bytes();
        let lengths = [form.len() as u8, name.len() as u8];
        let value =
            self.shared.derived.answer_order.value(&[&lengths, form, name.as_bytes(), located.record.as_bytes()]);
        let mut order = [0; 16];
        order.copy_from_slice(&value[..16]);
        order
    }

    /// Walks the answers to a survey that are there, oldest first.
    fn each_answer(
        &self,
        form: &FormId,
        mut visit: impl FnMut(Located, u64, Group) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let shared = &self.shared;
        let end = rows::list_key(shared.figures.arrivals.load(Ordering::SeqCst));
        let mut next = 0;
        loop {
            let numbers: Vec<u64> = shared
                .engine
                .scan(&rows::list_key(next), &end)
                .take(CHUNK)
                .map(|row| row.map(|(key, _)| arrival_of(&key)))
                .collect::<Result<_, _>>()?;
            let Some(&last) = numbers.last() else { return Ok(()) };
            for arrival in numbers {
                match self.locate_by_arrival(arrival) {
                    Ok(located) => {
                        if let (true, Nature::Answer(group)) = (located.summary.form == *form, located.summary.nature) {
                            visit(located, arrival, group)?;
                        }
                    }
                    Err(VaultError::Missing) => {}
                    // One damaged row must not close the survey; `verify` names it, and its group is not whole.
                    Err(VaultError::Tampered) => {
                        tracing::error!(arrival, "a list row does not open; run `letterlock verify`")
                    }
                    Err(other) => return Err(other),
                }
            }
            next = last + 1;
        }
    }
}

/// A group that is being gone through.
struct Filling<T> {
    group: Group,
    count: u32,
    sum: T,
}
