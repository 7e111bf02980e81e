//! How the work goes, for those who do it: arrivals by day, what waits and for how long, and how soon people are answered. All of it
//! from memory; nothing is opened for it, and nobody is in it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;

use super::{App, Context, ServiceError, blocking, inbox, review};
use crate::base::clock::Timestamp;
use crate::domain::form::{Form, FormId};
use crate::domain::submission::Summary;

/// Days of the chart of arrivals, today among them.
pub const DAYS: i64 = 28;
/// Days after which what waits is overdue, unless the configuration says otherwise.
const OVERDUE_DAYS: u32 = 7;
/// First answers of one form that are remembered: the latest.
const MOST: usize = 1_000;
const DAY: u64 = 24 * 60 * 60;

/// How soon people were answered since the start; and what counts as overdue.
pub(super) struct AnswerTimes {
    since: Timestamp,
    answers: Mutex<HashMap<FormId, VecDeque<Duration>>>,
    overdue_days: OnceLock<u32>,
}

impl AnswerTimes {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { since: now, answers: Mutex::default(), overdue_days: OnceLock::new() }
    }
}

impl App {
    /// After how many days what waits is overdue. Only the first one counts.
    pub fn set_overdue_days(&self, days: u32) {
        let _ = self.answer_times.overdue_days.set(days);
    }

    fn overdue_days(&self) -> u32 {
        self.answer_times.overdue_days.get().copied().unwrap_or(OVERDUE_DAYS)
    }
}

/// How the work goes.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// What came in on each day (UTC) of the last [`DAYS`] and is still held, by all of these forms, the oldest first.
    pub days: Vec<(Date, u64)>,
    /// For each form, in their order.
    pub forms: Vec<Work>,
    /// Since when answers are timed: the start of the service.
    pub since: Timestamp,
    /// After how many days something is overdue.
    pub overdue_days: u32,
}

/// How the work on a form goes.
#[derive(Clone, Debug)]
pub struct Work {
    /// The form.
    pub form: Arc<Form>,
    /// What waits: new, in progress, or received and not looked into.
    pub open: u64,
    /// Of these, what came in longer ago than it should wait.
    pub overdue: u64,
    /// First answers since the start.
    pub answers: usize,
    /// How long people waited for them: half of them no longer than this.
    pub median: Option<Duration>,
}

/// How the work on these forms goes; `None` while what is held is still being gone through.
///
/// # Errors
/// [`ServiceError::NotFound`] when the actor may not list one of them; [`ServiceError::Internal`].
pub async fn look(app: &Arc<App>, ctx: &Context, forms: &[Arc<Form>]) -> Result<Option<Dashboard>, ServiceError> {
    if forms.iter().any(|form| !review::lists(ctx, form)) {
        return Err(ServiceError::NotFound);
    }
    if !inbox::warm(app).await? {
        return Ok(None);
    }
    let (now, overdue_days) = (app.clock.now(), app.overdue_days());
    let Some(today) = now.day() else { return Ok(None) };
    let before = now.minus(Duration::from_secs(u64::from(overdue_days) * DAY));
    let first = today.saturating_sub((DAYS - 1).days());
    let (vault, ids) = (Arc::clone(&app.vault), forms.iter().map(|form| form.id.clone()).collect::<Vec<_>>());
    let counted = blocking(move || ids.iter().map(|form| vault.flow(form, first, before)).collect::<Option<Vec<_>>>());
    let Some(counted) = counted.await? else { return Ok(None) };
    let days = (0..DAYS).map(|n| {
        let day = first.saturating_add(n.days());
        (day, counted.iter().filter_map(|flow| flow.days.get(&day)).sum())
    });
    let works = forms.iter().zip(&counted).map(|(form, flow)| {
        let (answers, median) = app.answer_times.median(&form.id);
        Work { form: Arc::clone(form), open: flow.open, overdue: flow.overdue, answers, median }
    });
    Ok(Some(Dashboard { days: days.collect(), forms: works.collect(), since: app.answer_times.since, overdue_days }))
}

/// Takes note of an answer to what stood like this before, if it is the first.
pub(super) fn answered(app: &App, before: &Summary) {
    // Of the staff there was no message yet.
    if before.messages != before.unanswered {
        return;
    }
    let waited = app.clock.now().since(before.received);
    let mut answers = app.answer_times.answers.lock().unwrap_or_else(PoisonError::into_inner);
    let own = answers.entry(before.form.clone()).or_default();
    if own.len() == MOST {
        own.pop_front();
    }
    own.push_back(waited);
}

impl AnswerTimes {
    fn median(&self, form: &FormId) -> (usize, Option<Duration>) {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waits: Vec<Duration> = answers.get(form).into_iter().flatten().copied().collect();
        drop(answers);
        (waits.len(), median(&mut waits))
    }
}

/// The lower of the two in the middle, where there are two.
fn median(waits: &mut [Duration]) -> Option<Duration> {
    waits.sort_unstable();
    waits.get(waits.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let of = |seconds: &[u64]| median(&mut seconds.iter().copied().map(Duration::from_secs).collect::<Vec<_>>());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[9]), Some(Duration::from_secs(9)));
        assert_eq!(of(&[90, 1, 5]), Some(Duration::from_secs(5)));
        assert_eq!(of(&[4, 1, 90, 2]), Some(Duration::from_secs(2)));
    }
}
