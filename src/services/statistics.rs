//! Visits in numbers: pages shown and submissions taken, by day, form and family of browser; downloads by day, form and file. No address, no identifier, no
//! `User-Agent`, nothing that could be put beside a person.
//!
//! The counts are held in memory and written into one sealed row a day, at most once in [`EVERY`]: a crash loses what came
//! since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{App, Context, ServiceError, alerts, approvals, guests, keys, staff};
use crate::domain::browser::Browser;
use crate::domain::form::FormId;
use crate::domain::resource::ResourceName;
use crate::policy::{self, Action, Resource};
use crate::vault::system_rows::{SystemRow, SystemTable};
use crate::vault::{Detail, Vault};

/// How often the counts are written, at most. Each writing is an entry in the audit trail.
pub const EVERY: Duration = Duration::from_secs(5 * 60);
/// Days that are kept, today among them.
const DAYS: i64 = 400;
/// Lines of one day, at most: beyond that new ones are not counted. Far more than forms times families.
const MOST_LINES: usize = 2_000;

/// One line: what came on a day, to a form, by browsers of a family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The day, UTC, as in `2026-11-25`.
    pub day: String,
    /// The form.
    pub form: FormId,
    /// The family.
    pub browser: Browser,
    /// Times that the form's page was shown.
    pub views: u64,
    /// Submissions taken.
    pub submissions: u64,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The page of a form was shown.
    View,
    /// A submission was taken.
    Submission,
}

/// The counts in memory.
#[derive(Default)]
pub(super) struct Tally {
    state: Mutex<State>,
    /// One writing at a time.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    days: BTreeMap<Date, Day>,
    downloads: BTreeMap<Date, BTreeMap<(FormId, ResourceName), u64>>,
    /// Days that changed since they were last written.
    changed: BTreeSet<Date>,
    /// Days whose row has to go.
    over: BTreeSet<Date>,
}

type Day = BTreeMap<(FormId, Browser), Counts>;

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Counts {
    views: u64,
    submissions: u64,
}

/// A day's row.
#[derive(Serialize, Deserialize)]
struct DayRow(Vec<(FormId, Browser, Counts)>, Vec<(FormId, ResourceName, u64)>);

/// What was downloaded on a day, by a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DownloadLine {
    /// The day, UTC, as in `2026-11-25`.
    pub day: String,
    /// The form that unlocks it.
    pub form: FormId,
    /// The file.
    pub file: ResourceName,
    /// Times that it was handed out.
    pub downloads: u64,
}

impl Tally {
    /// The counts as they were last written. What does not open is left out, since no count is worth a service that does
    /// not start; `verify` tells of it.
    pub(super) fn load(vault: &Vault) -> Self {
        let rows = vault.read_system_rows::<DayRow>(SystemTable::Statistics).unwrap_or_else(|_| {
            tracing::error!("statistics: a row was changed and does not open; counting begins anew");
            Vec::new()
        });
        let mut state = State::default();
        for (id, DayRow(lines, downloads)) in rows {
            if let Some(day) = day_of(id) {
                let downloads = downloads.into_iter().map(|(form, file, n)| ((form, file), n)).collect();
                state.downloads.insert(day, downloads);
                state.days.insert(day, lines.into_iter().map(|(form, browser, n)| ((form, browser), n)).collect());
            }
        }
        Self { state: Mutex::new(state), writing: tokio::sync::Mutex::default() }
    }
}

/// Counts one.
pub fn count(app: &App, form: &FormId, browser: Browser, event: Event) {
    let Some(today) = app.clock.now().day() else { return };
    let mut state = app.tally.state.lock().unwrap_or_else(PoisonError::into_inner);
    let day = state.days.entry(today).or_default();
    let key = (form.clone(), browser);
    if day.len() >= MOST_LINES && !day.contains_key(&key) {
        return;
    }
    let counts = day.entry(key).or_default();
    let one = match event {
        Event::View => &mut counts.views,
        Event::Submission => &mut counts.submissions,
    };
    *one = one.saturating_add(1);
    state.changed.insert(today);
}

/// Counts a download.
pub(super) fn count_download(app: &App, form: &FormId, file: &ResourceName) {
    let Some(today) = app.clock.now().day() else { return };
    let mut state = app.tally.state.lock().unwrap_or_else(PoisonError::into_inner);
    let day = state.downloads.entry(today).or_default();
    let key = (form.clone(), file.clone());
    if day.len() >= MOST_LINES && !day.contains_key(&key) {
        return;
    }
    let count = day.entry(key).or_default();
    *count = count.saturating_add(1);
    state.changed.insert(today);
}

/// All downloads, the oldest first.
///
/// # Errors
/// As [`list`].
pub fn list_downloads(app: &App, ctx: &Context) -> Result<Vec<DownloadLine>, ServiceError> {
    let _permit = policy::decide(&ctx.actor, Action::ReadStatus, &Resource::Vault)?;
    let first = first_day(app);
    let state = app.tally.state.lock().unwrap_or_else(PoisonError::into_inner);
    let days = state.downloads.iter().filter(|(day, _)| first.is_none_or(|first| **day >= first));
    let lines = days.flat_map(|(day, lines)| {
        lines.iter().map(|((form, file), n)| DownloadLine {
            day: day.to_string(),
            form: form.clone(),
            file: file.clone(),
            downloads: *n,
        })
    });
    Ok(lines.collect())
}

/// All lines, the oldest first.
///
/// # Errors
/// [`ServiceError::Forbidden`], [`ServiceError::NotFound`].
pub fn list(app: &App, ctx: &Context) -> Result<Vec<Line>, ServiceError> {
    // Nobody is in it, so that it leaves no entry in the trail, as the figures of `status` do not.
    let _permit = policy::decide(&ctx.actor, Action::ReadStatus, &Resource::Vault)?;
    let first = first_day(app);
    let state = app.tally.state.lock().unwrap_or_else(PoisonError::into_inner);
    let days = state.days.iter().filter(|(day, _)| first.is_none_or(|first| **day >= first));
    let lines = days.flat_map(|(day, lines)| {
        lines.iter().map(|((form, browser), n)| Line {
            day: day.to_string(),
            form: form.clone(),
            browser: *browser,
            views: n.views,
            submissions: n.submissions,
        })
    });
    Ok(lines.collect())
}

/// Writes what has changed, and drops the days that are over. Does nothing when nothing has changed.
///
/// # Errors
/// [`ServiceError::StorageFull`], [`ServiceError::Unavailable`]: then it is written the next time.
pub async fn flush(app: &App) -> Result<(), ServiceError> {
    let _one_at_a_time = app.tally.writing.lock().await;
    let (changed, over) = take_changes(app);
    if changed.is_empty() && over.is_empty() {
        return Ok(());
    }
    let written = write(app, &changed, &over).await;
    if written.is_err() {
        let mut state = app.tally.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.changed.extend(changed.into_keys());
        state.over.extend(over);
    }
    written
}

/// Writes now and then, until it is dropped.
pub async fn keep(app: Arc<App>) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(error) = flush(&app).await {
            tracing::warn!(%error, "statistics: not written; they are kept in memory");
        }
        if let Err(error) = keys::flush(&app).await {
            tracing::warn!(%error, "keys: when they were last used is not written; it is kept in memory");
        }
        if let Err(error) = staff::flush(&app).await {
            tracing::warn!(%error, "tokens: when they were last used is not written; it is kept in memory");
        }
        if let Err(error) = alerts::tidy(&app).await {
            tracing::warn!(%error, "alerts: old ones were not removed");
        }
        if let Err(error) = guests::tidy(&app).await {
            tracing::warn!(%error, "passes of guests that hold no more were not removed; they let nobody in");
        }
        if let Err(error) = approvals::tidy(&app).await {
            tracing::warn!(%error, "requests: that some have ended is not written; they have ended all the same");
        }
    }
}

fn take_changes(app: &App) -> (BTreeMap<Date, DayRow>, BTreeSet<Date>) {
    let first = first_day(app);
    let mut state = app.tally.state.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(first) = first {
        let kept = state.days.split_off(&first);
        let over = std::mem::replace(&mut state.days, kept);
        state.over.extend(over.into_keys());
        let kept = state.downloads.split_off(&first);
        let over = std::mem::replace(&mut state.downloads, kept);
        state.over.extend(over.into_keys());
    }
    let changed = std::mem::take(&mut state.changed);
    let row = |day: Date| {
        let lines = state.days.get(&day).into_iter().flatten();
        let lines = lines.map(|((form, browser), n)| (form.clone(), *browser, *n)).collect();
        let downloads = state.downloads.get(&day).into_iter().flatten();
        let downloads = downloads.map(|((form, file), n)| (form.clone(), file.clone(), *n)).collect();
        (day, DayRow(lines, downloads))
    };
    (changed.into_iter().map(row).collect(), std::mem::take(&mut state.over))
}

async fn write(app: &App, changed: &BTreeMap<Date, DayRow>, over: &BTreeSet<Date>) -> Result<(), ServiceError> {
    let ctx = Context::system(app)?;
    let act = ctx.act(Action::KeepStatistics, &Resource::Vault)?;
    let seal = |(day, row)| app.vault.seal_system_row(SystemTable::Statistics, &id_of(day), row);
    let rows: Vec<SystemRow> = changed.iter().map(|(day, row)| (*day, row)).map(seal).collect::<Result<_, _>>()?;
    let gone: Vec<[u8; 16]> = over.iter().map(|day| id_of(*day)).collect();
    Ok(app.vault.change_system_rows(act, Detail::None, rows, SystemTable::Statistics, &gone).await?)
}

/// The first day that is kept.
fn first_day(app: &App) -> Option<Date> {
    app.clock.now().day()?.checked_sub((DAYS - 1).days()).ok()
}

/// A day as the id of its row: the digits of `2026-11-25`, then nothing.
fn id_of(day: Date) -> [u8; 16] {
    let mut id = [0; 16];
    for (at, byte) in id.iter_mut().zip(day.to_string().bytes()) {
        *at = byte;
    }
    id
}

fn day_of(id: [u8; 16]) -> Option<Date> {
    std::str::from_utf8(&id).ok()?.trim_end_matches('\0').parse().ok()
}
