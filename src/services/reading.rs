//! How much each account opens: far more than work asks for, or than it usually does, needs a reason, and privacy officers are told
//! ([`alerts`]). People at the machine's command line and the software itself are not counted.
//!
//! What was opened lately is in memory. The usual day comes from the audit trail, which is gone through once after a start.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{App, Context, ServiceError, alerts};
use crate::base::clock::Timestamp;
use crate::base::ids::{RecordId, StaffId};
use crate::base::threads;
use crate::domain::alert::{Unusual, WINDOW};
use crate::policy::{Action, Actor};

/// What counts as unusual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// More submissions than this within [`WINDOW`] need a reason, and ten times as many lines of lists; 0 for no limit.
    pub most: u32,
    /// So many times one's own usual day needs a reason; 0 for no limit.
    pub times: u32,
}

/// Days that make the usual one.
const DAYS: i64 = 30;
const SPAN: Duration = Duration::from_secs(DAYS as u64 * 24 * 60 * 60);
/// Lines shown within this are one sum: many small pages take no more memory than few large ones.
const TOGETHER: Duration = Duration::from_secs(1);
/// With fewer days than this there is no usual one.
const FEWEST_DAYS: usize = 5;
/// Fewer openings in a day are never much.
const LITTLE: u32 = 20;
/// Lines of lists and hits of searches that weigh as much as a submission that is opened.
const LINES: u32 = 10;

/// What all accounts have opened.
#[derive(Default)]
pub(super) struct Readers {
    limits: OnceLock<Limits>,
    by_account: Mutex<HashMap<StaffId, Reader>>,
}

#[derive(Default)]
struct Reader {
    opened: VecDeque<(Timestamp, RecordId)>,
    lines: VecDeque<(Timestamp, u32)>,
    /// Openings by day since 1970; those before the start once the trail was gone through.
    days: BTreeMap<i64, u32>,
}

impl App {
    /// Says what counts as unusual reading; nothing unless told. Only the first one counts.
    pub fn set_reading_limits(&self, limits: Limits) {
        let _ = self.readers.limits.set(limits);
    }
}

/// Goes through the trail of the last 30 days, in the background, for what is usual. `None` when nobody asks for that.
pub fn begin(app: &Arc<App>) -> Option<JoinHandle<()>> {
    app.readers.limits.get().filter(|limits| limits.times > 0)?;
    let app = Arc::clone(app);
    Some(std::thread::spawn(move || {
        threads::step_back();
        if let Err(error) = remember(&app) {
            tracing::error!(%error, "the trail could not be gone through for what is usual");
        }
    }))
}

fn remember(app: &App) -> Result<(), ServiceError> {
    let now = app.clock.now();
    let mut found: HashMap<StaffId, BTreeMap<i64, u32>> = HashMap::new();
    app.vault.walk_acts(now.minus(SPAN), |time, actor, action| {
        if let (Actor::Staff { id, .. }, true) = (actor, action == Action::ReadSubmission.as_str()) {
            *found.entry(*id).or_default().entry(day(time)).or_default() += 1;
        }
    })?;
    let mut readers = app.readers.by_account.lock().unwrap_or_else(PoisonError::into_inner);
    for (id, days) in found {
        let reader = readers.entry(id).or_default();
        let today = day(now);
        // What was opened since the start is in both for today.
        reader.days.extend(days.into_iter().filter(|(day, _)| *day < today));
    }
    Ok(())
}

/// Counts that the actor is about to open these submissions.
///
/// # Errors
/// [`ServiceError::ReasonNeeded`] when that is unusually much and no reason was given lately; storage errors.
pub(super) async fn open(app: &Arc<App>, ctx: &Context, records: &[RecordId]) -> Result<(), ServiceError> {
    let Some((limits, id)) = watched(app, ctx) else { return Ok(()) };
    let now = app.clock.now();
    let unusual = app.readers.with(id, |reader| reader.open(limits, now, records));
    ask(app, id, unusual, now).await
}

/// Counts that the actor is about to be shown so many lines with content: of lists, or hits of a search.
///
/// # Errors
/// As [`open`].
pub(super) async fn lines(app: &Arc<App>, ctx: &Context, count: usize) -> Result<(), ServiceError> {
    let Some((limits, id)) = watched(app, ctx) else { return Ok(()) };
    let now = app.clock.now();
    let unusual = app.readers.with(id, |reader| reader.show(limits, now, u32::try_from(count).unwrap_or(u32::MAX)));
    ask(app, id, unusual, now).await
}

fn watched(app: &App, ctx: &Context) -> Option<(Limits, StaffId)> {
    let limits = *app.readers.limits.get()?;
    match &ctx.actor {
        Actor::Staff { id, .. } => Some((limits, *id)),
        _ => None,
    }
}

async fn ask(app: &Arc<App>, id: StaffId, unusual: Option<Unusual>, now: Timestamp) -> Result<(), ServiceError> {
    match unusual {
        Some(unusual) if !alerts::is_explained(app, id, now) => {
            alerts::raise(app, id, unusual).await?;
            Err(ServiceError::ReasonNeeded)
        }
        _ => Ok(()),
    }
}

impl Readers {
    fn with<T>(&self, id: StaffId, f: impl FnOnce(&mut Reader) -> T) -> T {
        f(self.by_account.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default())
    }
}

impl Reader {
    /// What it would be to open these, and counts it. What is asked about is counted too, or asking would begin again with each.
    fn open(&mut self, limits: Limits, now: Timestamp, records: &[RecordId]) -> Option<Unusual> {
        while self.opened.front().is_some_and(|(at, _)| now.since(*at) >= WINDOW) {
            self.opened.pop_front();
        }
        for record in records {
            // Beyond twice the limit more of them tell nothing new.
            let is_new =
                self.opened.len() < 2 * limits.most as usize && !self.opened.iter().any(|(_, known)| known == record);
            if is_new {
                self.opened.push_back((now, *record));
            }
        }
        let today = day(now);
        self.days.retain(|day, _| today - day <= DAYS);
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let opened = self.days.entry(today).or_default();
        *opened = opened.saturating_add(count);
        let opened = *opened;

        let lately = u32::try_from(self.opened.len()).unwrap_or(u32::MAX);
        if limits.most > 0 && lately > limits.most {
            return Some(Unusual::Fast { opened: lately });
        }
        let usual = self.usual(today)?;
        let much = limits.times > 0 && opened > LITTLE && opened > usual.saturating_mul(limits.times);
        much.then_some(Unusual::Much { opened, usual })
    }

    fn show(&mut self, limits: Limits, now: Timestamp, count: u32) -> Option<Unusual> {
        while self.lines.front().is_some_and(|(at, _)| now.since(*at) >= WINDOW) {
            self.lines.pop_front();
        }
        match self.lines.back_mut().filter(|(at, _)| now.since(*at) < TOGETHER) {
            Some((_, sum)) => *sum = sum.saturating_add(count),
            None => self.lines.push_back((now, count)),
        }
        let shown = self.lines.iter().fold(0, |sum: u32, (_, count)| sum.saturating_add(*count));
        (limits.most > 0 && shown > limits.most.saturating_mul(LINES)).then_some(Unusual::Lines { shown })
    }

    /// The median of the days before on which anything was opened.
    fn usual(&self, today: i64) -> Option<u32> {
        let mut days: Vec<u32> = self.days.range(..today).map(|(_, count)| *count).collect();
        days.sort_unstable();
        (days.len() >= FEWEST_DAYS).then(|| days[days.len() / 2])
    }
}

fn day(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(86_400_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { most: 50, times: 3 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + seconds * 1000)
    }

    fn record(n: u32) -> RecordId {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        RecordId::from_bytes(id)
    }

    #[test]
    fn fifty_in_ten_minutes_are_work_and_one_more_is_not() {
        let mut reader = Reader::default();
        for n in 0..50 {
            assert_eq!(reader.open(LIMITS, at(n.into()), &[record(n)]), None);
        }
        // What is opened again is no more than before.
        assert_eq!(reader.open(LIMITS, at(50), &[record(0), record(49)]), None);
        assert_eq!(reader.open(LIMITS, at(51), &[record(50)]), Some(Unusual::Fast { opened: 51 }));
        // The first ones have gone by ten minutes later.
        assert_eq!(reader.open(LIMITS, at(602), &[record(51)]), None);
        assert_eq!(reader.open(Limits { most: 0, times: 0 }, at(603), &[record(52)]), None);
        // All at once, and however many: no more is kept than is needed to know.
        let many: Vec<RecordId> = (100..5000).map(record).collect();
        assert!(matches!(reader.open(LIMITS, at(604), &many), Some(Unusual::Fast { .. })));
        assert!(reader.opened.len() <= 100);
    }

    #[test]
    fn lines_of_lists_weigh_a_tenth() {
        let mut reader = Reader::default();
        assert_eq!(reader.show(LIMITS, at(0), 200), None);
        assert_eq!(reader.show(LIMITS, at(1), 300), None);
        assert_eq!(reader.show(LIMITS, at(2), 1), Some(Unusual::Lines { shown: 501 }));
        assert_eq!(reader.show(LIMITS, at(601), 200), None);
    }

    #[test]
    fn three_times_the_usual_day_is_much_once_there_is_a_usual_day() {
        let mut reader = Reader::default();
        let today = day(at(0));
        let limits = Limits { most: 0, times: 3 };
        let open = |reader: &mut Reader, n: u32| reader.open(limits, at(0), &[record(n)]);
        for (n, count) in [8, 12, 10, 9].into_iter().enumerate() {
            reader.days.insert(today - 1 - i64::try_from(n).unwrap(), count);
        }
        for n in 0..40 {
            assert_eq!(open(&mut reader, n), None, "four days make no usual one");
        }
        // A day that is too long ago is forgotten.
        reader.days.insert(today - 40, 1);
        assert_eq!(open(&mut reader, 40), None);
        reader.days.insert(today - 29, 11);
        assert_eq!(open(&mut reader, 41), Some(Unusual::Much { opened: 42, usual: 10 }));
        // Three times next to nothing is not much.
        let mut reader = Reader::default();
        reader.days.extend((1..=6).map(|n| (today - n, 1)));
        for n in 0..20 {
            assert_eq!(open(&mut reader, n), None);
        }
        assert_eq!(open(&mut reader, 20), Some(Unusual::Much { opened: 21, usual: 1 }));
    }
}
