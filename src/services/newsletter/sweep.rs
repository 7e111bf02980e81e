//! Deletes subscriptions that nobody confirmed in time, and issues that are long over.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::mailing;
use crate::base::ids::{PersonId, RecordId};
use crate::domain::submission::Status;
use crate::domain::subscription::CONFIRM_WITHIN;
use crate::policy::{Action, Resource};
use crate::services::{App, Context, ServiceError, blocking, erase};
use crate::vault::Target;

/// The first look after a start: not while everything else comes up.
const FIRST: Duration = Duration::from_secs(60);
/// How often it is looked after that.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// A confirmation that was on its way when the time was over is done by then.
const MARGIN: Duration = Duration::from_secs(60 * 60);
/// Subscriptions that go in one epoch.
const EPOCH: usize = 2_000;

/// How far it has been looked: below this arrival number nobody waits for anything.
#[derive(Default)]
pub struct Sweeps(AtomicU64);

/// What a look found.
struct Found {
    due: Vec<(PersonId, RecordId)>,
    /// Nothing below this waits.
    settled: u64,
}

/// Deletes what was not confirmed in time: the submission, and with the last one its person. Returns how many went.
///
/// # Errors
/// Storage errors: what is left goes the next time.
pub async fn sweep(app: &Arc<App>) -> Result<usize, ServiceError> {
    let ctx = Context::system(app)?;
    let mut gone = 0;
    loop {
        let worker = Arc::clone(app);
        let Found { due, settled } = blocking(move || look(&worker)).await??;
        if due.is_empty() {
            app.sweeps.0.store(settled, Ordering::SeqCst);
            break;
        }
        // One of each person at a time: only then is it known which one is the last.
        let mut people = BTreeSet::new();
        let first: Vec<Target> =
            due.iter().filter(|(person, _)| people.insert(*person)).map(|(_, id)| Target::RecordOrLast(*id)).collect();
        for some in first.chunks(EPOCH) {
            let act = ctx.act(Action::CleanUp, &Resource::Vault)?;
            gone += app.vault.erase(act, some.to_vec()).await?.iter().flatten().count();
            erase::tidy_soon(app);
        }
    }
    mailing::remove_old(app, &ctx).await?;
    Ok(gone)
}

/// Sweeps now and then, until it is dropped.
pub async fn keep(app: Arc<App>) {
    let mut wait = FIRST;
    loop {
        tokio::time::sleep(wait).await;
        wait = EVERY;
        match sweep(&app).await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(gone, "subscriptions that were not confirmed in time are deleted"),
            Err(error) => {
                tracing::warn!(%error, "subscriptions that were not confirmed could not be deleted; later again")
            }
        }
    }
}

fn look(app: &App) -> Result<Found, ServiceError> {
    let now = app.clock.now();
    let settled = app.sweeps.0.load(Ordering::SeqCst);
    let mut found = Found { due: Vec::new(), settled };
    let mut waits = None;
    let mut newest = None;
    app.vault.walk_list(None, |listed| {
        let summary = &listed.located.summary;
        if listed.arrival < settled {
            return false;
        }
        newest.get_or_insert(listed.arrival);
        if summary.status == Status::Unconfirmed {
            if now.since(summary.received) >= CONFIRM_WITHIN + MARGIN {
                found.due.push((summary.subject, summary.id));
            }
            waits = Some(listed.arrival);
        }
        true
    })?;
    found.settled = waits.or(newest).unwrap_or(settled);
    Ok(found)
}
