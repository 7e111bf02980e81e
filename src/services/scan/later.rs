//! Files that could not be scanned when they came: once the scanner is there again, it looks at them. One that it does not
//! manage in a day is given up, marked so, and tried once more after each start.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Found, PutOff, Scanner, detail, found};
use crate::adapters::clamd::{Failure, Verdict};
use crate::base::ids::RecordId;
use crate::domain::form::FormId;
use crate::domain::scan::Scan;
use crate::policy::{Action, Resource};
use crate::services::{App, Context, ServiceError, blocking};
use crate::vault::{FileReader, Listed, Located, VaultError};

/// How often it is asked while something waits for it.
const LOOK: Duration = Duration::from_secs(10);
/// A file that it could not scan although it was there is tried again so much later.
const PUT_OFF: Duration = Duration::from_secs(60 * 60);
/// How often it is asked about such a file, about a day in all, before it is given up. Only what it failed at counts, not that
/// it was away; a restart begins anew.
const TRIES: u32 = 24;
/// Rows of the list that are looked at in one go after a start, and the pause between: people come first.
const AT_A_TIME: usize = 500;
const PAUSE: Duration = Duration::from_millis(50);
/// What the audit trail gives as the purpose of opening them.
const PURPOSE: &str = "virus-scan";

/// Works until it is dropped. Does nothing without a scanner.
pub async fn run(app: Arc<App>) {
    let Some(scanner) = app.scanner().cloned() else { return };
    loop {
        if let Err(error) = rescan(&app, &scanner).await {
            tracing::warn!(%error, "files that wait for the virus scanner could not be gone through; it is tried again");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Has everything scanned that waits, as far as the scanner is there. Returns how many files it has looked at.
///
/// # Errors
/// [`ServiceError::Unavailable`] when the vault cannot be read or written.
pub async fn rescan(app: &Arc<App>, scanner: &Arc<Scanner>) -> Result<usize, ServiceError> {
    look_through(app, scanner).await?;
    let (records, given_up) = {
        let later = scanner.later();
        let all = |of: &BTreeSet<RecordId>| of.iter().copied().collect::<Vec<RecordId>>();
        (all(&later.records), all(&later.given_up))
    };
    let none = records.is_empty() && given_up.is_empty();
    // A file whose trace could not be written must not be opened.
    if none || app.vault.ready_for_intake().is_err() || scanner.clamd.version().await.is_err() {
        return Ok(0);
    }
    let mut looked_at = 0;
    for record in records {
        // Whatever comes to it meanwhile puts it back.
        scanner.later().records.remove(&record);
        let outcome = rescan_record(app, scanner, record, &mut looked_at).await;
        match &outcome {
            Ok(Rest::None) => scanner.later().put_off.retain(|(of, _), _| *of != record),
            // One that is damaged must not keep the others waiting; `verify` tells of it.
            Err(ServiceError::Damaged) => {}
            Ok(Rest::Some | Rest::ScannerGone) | Err(_) => {
                scanner.later().records.insert(record);
            }
        }
        match outcome {
            Ok(Rest::ScannerGone) => return Ok(looked_at),
            Ok(_) | Err(ServiceError::Damaged) => {}
            Err(error) => return Err(error),
        }
    }
    // These keep nobody waiting who comes for the first time.
    for record in given_up {
        scanner.later().given_up.remove(&record);
        if let Rest::ScannerGone = try_again(app, scanner, record, &mut looked_at).await? {
            scanner.later().given_up.insert(record);
            break;
        }
    }
    Ok(looked_at)
}

/// What is still to be scanned of a record.
enum Rest {
    None,
    Some,
    /// Of the others too: nobody answers any more.
    ScannerGone,
}

async fn rescan_record(
    app: &Arc<App>,
    scanner: &Arc<Scanner>,
    record: RecordId,
    looked_at: &mut usize,
) -> Result<Rest, ServiceError> {
    let vault = Arc::clone(&app.vault);
    let located = match blocking(move || vault.locate(&record)).await? {
        // Erased meanwhile.
        Err(VaultError::Missing) => return Ok(Rest::None),
        located => located?,
    };
    let mut rest = Rest::None;
    for n in located.unscanned() {
        let now = app.clock.now();
        let before = scanner.later().put_off.get(&(record, n)).copied();
        if before.is_some_and(|before| now < before.until) {
            rest = Rest::Some;
            continue;
        }
        match scan_stored(app, scanner, record, n, &located.summary.form).await? {
            Some(Ok(())) => *looked_at += 1,
            // Erased while it was read.
            None => {}
            Some(Err(Failure::Away)) => return Ok(Rest::ScannerGone),
            // Also where it was too slow: a file that keeps it busy must not keep all others waiting.
            Some(Err(_)) => {
                let tries = before.map_or(0, |before| before.tries) + 1;
                if tries < TRIES {
                    scanner.later().put_off.insert((record, n), PutOff { tries, until: now.plus(PUT_OFF) });
                    rest = Rest::Some;
                } else {
                    give_up(app, &located, n).await?;
                }
            }
        }
    }
    Ok(rest)
}

/// Marks a file as one that the scanner is not asked about again.
async fn give_up(app: &App, located: &Located, n: u32) -> Result<(), ServiceError> {
    tracing::warn!(form = %located.summary.form, "the virus scanner never finished a file; it is not asked again before the next start");
    let Some(scan) = located.scan_of(n).map(Scan::given_up) else { return Ok(()) };
    let outcome = if scan.is_withheld() { "given up: withheld" } else { "given up: taken" };
    let act = Context::system(app)?.act(Action::ScanFile, &Resource::Vault)?;
    match app.vault.set_scan(act, located.summary.id, n, scan, detail(Some(&located.summary.form), outcome)).await {
        Ok(()) | Err(VaultError::Missing) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Has the files of a record scanned that were given up. Those that it does not manage now either stay as they are.
async fn try_again(
    app: &Arc<App>,
    scanner: &Arc<Scanner>,
    record: RecordId,
    looked_at: &mut usize,
) -> Result<Rest, ServiceError> {
    let vault = Arc::clone(&app.vault);
    let located = match blocking(move || vault.locate(&record)).await? {
        Err(VaultError::Missing | VaultError::Tampered) => return Ok(Rest::None),
        located => located?,
    };
    for n in located.given_up() {
        match scan_stored(app, scanner, record, n, &located.summary.form).await {
            Ok(Some(Ok(()))) => *looked_at += 1,
            Ok(Some(Err(Failure::Away))) => return Ok(Rest::ScannerGone),
            Ok(_) | Err(ServiceError::Damaged) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Rest::None)
}

/// Once after a start: which records have files that wait, or were given up.
async fn look_through(app: &Arc<App>, scanner: &Arc<Scanner>) -> Result<(), ServiceError> {
    let mut before = None;
    while !scanner.later().looked_through {
        let vault = Arc::clone(&app.vault);
        let (found, given_up, next) = blocking(move || {
            let (mut found, mut given_up, mut next, mut visited) = (Vec::new(), Vec::new(), None, 0);
            vault.walk_list(before, |listed| {
                let Listed { located, .. } = &listed;
                if !located.unscanned().is_empty() {
                    found.push(located.summary.id);
                }
                if !located.given_up().is_empty() {
                    given_up.push(located.summary.id);
                }
                visited += 1;
                next = (visited == AT_A_TIME).then_some(listed.arrival);
                visited < AT_A_TIME
            })?;
            Ok::<_, VaultError>((found, given_up, next))
        })
        .await??;
        {
            let mut later = scanner.later();
            later.records.extend(found);
            later.given_up.extend(given_up);
            later.looked_through = next.is_none();
        }
        before = next;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Has one stored file scanned, and writes down what was found. `None` when it is gone.
async fn scan_stored(
    app: &Arc<App>,
    scanner: &Arc<Scanner>,
    record: RecordId,
    n: u32,
    form: &FormId,
) -> Result<Option<Result<(), Failure>>, ServiceError> {
    let act = || Context::system(app)?.act(Action::ScanFile, &Resource::Vault);
    let Ok(_place) = scanner.stored.acquire().await else { return Ok(Some(Err(Failure::Away))) };
    let vault = Arc::clone(&app.vault);
    let located = match blocking(move || vault.locate(&record)).await? {
        Err(VaultError::Missing) => return Ok(None),
        located => located?,
    };
    // In the trail before it is opened, as every reading is.
    let grant = match app.vault.grant(act()?, std::slice::from_ref(&located), PURPOSE, Some(n)).await {
        Err(VaultError::Missing) => return Ok(None),
        grants => grants?.pop().ok_or(ServiceError::Internal)?,
    };
    let vault = Arc::clone(&app.vault);
    let reader = match blocking(move || vault.open_file(grant, &located)).await? {
        Err(VaultError::Missing) => return Ok(None),
        // Put off, and left to `verify`.
        Err(VaultError::Tampered) => return Ok(Some(Err(Failure::Broken))),
        reader => reader?,
    };
    let Some(verdict) = stream(scanner, reader).await? else { return Ok(None) };
    let (scan, outcome) = match found(&verdict) {
        Found::Nothing => (Scan::Clean, "clean"),
        Found::Something => (Scan::Infected, "withheld: infected"),
        Found::NotScanned => return Ok(Some(verdict.map(|_| ()))),
    };
    match app.vault.set_scan(act()?, record, n, scan, detail(Some(form), outcome)).await {
        Err(VaultError::Missing) => Ok(None),
        done => Ok(Some(Ok(done?))),
    }
}

/// Sends a file through the scanner; `None` when it was erased meanwhile.
async fn stream(scanner: &Scanner, mut reader: FileReader) -> Result<Option<Result<Verdict, Failure>>, ServiceError> {
    let mut session = match scanner.clamd.begin().await {
        Ok(session) => session,
        Err(failure) => return Ok(Some(Err(failure))),
    };
    loop {
        let (back, piece) = blocking(move || {
            let piece = reader.next_segment();
            (reader, piece)
        })
        .await?;
        reader = back;
        let piece = match piece {
            Err(VaultError::Missing) => return Ok(None),
            Err(VaultError::Tampered) => return Ok(Some(Err(Failure::Broken))),
            piece => piece?,
        };
        let Some(piece) = piece else { return Ok(Some(session.verdict().await)) };
        if let Err(failure) = session.feed(&piece).await {
            return Ok(Some(Err(failure)));
        }
    }
}
