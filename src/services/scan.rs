//! The virus scanner: it sees each file while that comes in, and later those that it could not look at then.
//!
//! A file goes to the scanner as it comes from the client, never by way of a disk of ours. Without a scanner files are taken
//! as they are.

mod later;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{App, Context, Problem, ServiceError, blocking};
use crate::adapters::clamd::{Address, Clamd, Failure, Session, Verdict};
use crate::base::clock::Timestamp;
use crate::base::ids::RecordId;
use crate::base::sensitive::SecretBytes;
use crate::domain::form::FormId;
use crate::domain::language::Said;
use crate::policy::{Action, Resource};
use crate::vault::{Detail, Located, SealedFile};

pub use later::{rescan, run};

/// Files that are scanned while they come. Others are scanned once they are whole, so that slow clients who hold all of
/// these keep nobody else from being scanned.
const WHILE_THEY_COME: usize = 64;
/// Files that are scanned from our own disk at a time.
const FROM_DISK: usize = 4;
/// Signatures older than this are told of.
const OLD_DAYS: i64 = 7;

/// The scanner of an installation.
pub struct Scanner {
    clamd: Clamd,
    coming: Arc<Semaphore>,
    stored: Semaphore,
    later: Mutex<Later>,
}

/// What is still to be scanned. In memory only: a start looks through the list.
#[derive(Default)]
struct Later {
    records: BTreeSet<RecordId>,
    /// Files that it could not scan although it was there.
    put_off: HashMap<(RecordId, u32), PutOff>,
    /// Submissions with files that it was given up to ask about: it is asked once after each start, for it may be another by then.
    given_up: BTreeSet<RecordId>,
    looked_through: bool,
}

/// A file that the scanner could not scan although it was there.
#[derive(Clone, Copy)]
struct PutOff {
    tries: u32,
    /// When it is tried again.
    until: Timestamp,
}

/// How the scanner is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScannerHealth {
    /// Whether there is one in the configuration.
    pub on: bool,
    /// Whether it answers.
    pub answers: bool,
    /// What it says of itself, for example `ClamAV 1.4.6`.
    pub engine: Option<String>,
    /// The number of its signatures.
    pub signatures: Option<u64>,
    /// The day they are of.
    pub signatures_of: Option<String>,
    /// Whether they are more than a week old.
    pub old: bool,
    /// Submissions with files that it has still to look at.
    pub waiting: usize,
}

impl Scanner {
    /// The scanner at `address`; one file may wait for it for `patience` in all.
    pub fn new(address: Address, patience: Duration) -> Self {
        Self {
            clamd: Clamd::new(address, patience),
            coming: Arc::new(Semaphore::new(WHILE_THEY_COME)),
            stored: Semaphore::new(FROM_DISK),
            later: Mutex::default(),
        }
    }

    fn later(&self) -> MutexGuard<'_, Later> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the scanner is, asked now.
pub async fn health(app: &App) -> ScannerHealth {
    let mut health = ScannerHealth {
        on: false,
        answers: false,
        engine: None,
        signatures: None,
        signatures_of: None,
        old: false,
        waiting: 0,
    };
    let Some(scanner) = app.scanner() else { return health };
    health.on = true;
    health.waiting = scanner.later().records.len();
    if let Ok(version) = scanner.clamd.version().await {
        health.answers = true;
        health.engine = Some(version.engine);
        if let Some((number, day)) = version.signatures {
            health.signatures = Some(number);
            health.signatures_of = Some(day.to_string());
            let age = app.clock.now().day().and_then(|today| today.since(day).ok());
            health.old = age.is_some_and(|age| i64::from(age.get_days()) > OLD_DAYS);
        }
    }
    health
}

/// What became of looking at a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing is in it.
    Nothing,
    /// Something is.
    Something,
    /// It could not be looked at.
    NotScanned,
}

impl Found {
    /// What the person is told of a file that is not taken.
    pub(super) fn problem(self, field: &str) -> Problem {
        match self {
            Self::Nothing | Self::Something => {
                Problem::in_field(field, "infected-file", Said::new("problem.infected-file"))
            }
            Self::NotScanned => Problem::in_field(field, "not-scanned", Said::new("problem.not-scanned")),
        }
    }
}

/// Watches one file come in.
pub(super) struct Watch {
    scanner: Arc<Scanner>,
    state: State,
}

enum State {
    /// Nothing has come yet.
    Idle,
    Streaming(Session, OwnedSemaphorePermit),
    /// To be scanned once it is whole.
    Whole,
    Failed(Failure),
}

impl Watch {
    pub(super) fn new(scanner: &Arc<Scanner>) -> Self {
        Self { scanner: Arc::clone(scanner), state: State::Idle }
    }

    /// The next bytes. A failure is told by [`Watch::end`].
    pub(super) async fn feed(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Idle) {
            self.state = match Arc::clone(&self.scanner.coming).try_acquire_owned() {
                Err(_) => State::Whole,
                Ok(place) => match self.scanner.clamd.begin().await {
                    Ok(session) => State::Streaming(session, place),
                    Err(failure) => State::Failed(failure),
                },
            };
        }
        if let State::Streaming(session, _) = &mut self.state
            && let Err(failure) = session.feed(bytes).await
        {
            self.state = State::Failed(failure);
        }
    }

    /// The file is complete, and stands sealed on the disk.
    pub(super) async fn end(self, mut sealed: SealedFile) -> Result<(SealedFile, Found), ServiceError> {
        let mut verdict = match self.state {
            State::Idle => Ok(Verdict::Clean),
            State::Streaming(session, _place) => session.verdict().await,
            // It may just have been started anew.
            State::Whole => Err(Failure::Broken),
            State::Failed(failure) => Err(failure),
        };
        if verdict == Err(Failure::Broken) {
            (sealed, verdict) = scan_sealed(&self.scanner, sealed).await?;
        }
        Ok((sealed, found(&verdict)))
    }
}

/// What the verdict comes to; it is logged, the name of what was found included, which the sender is not told.
fn found(verdict: &Result<Verdict, Failure>) -> Found {
    match verdict {
        Ok(Verdict::Clean) => Found::Nothing,
        Ok(Verdict::Infected(signature)) => {
            tracing::warn!(%signature, "the virus scanner found something in a file");
            Found::Something
        }
        Err(reason) => {
            tracing::warn!(%reason, "a file was not scanned for viruses");
            Found::NotScanned
        }
    }
}

/// Scans a file that is whole, but belongs to no record yet.
async fn scan_sealed(
    scanner: &Scanner,
    mut sealed: SealedFile,
) -> Result<(SealedFile, Result<Verdict, Failure>), ServiceError> {
    let place = tokio::time::timeout(scanner.clamd.patience(), scanner.stored.acquire());
    let Ok(Ok(_place)) = place.await else { return Ok((sealed, Err(Failure::Slow))) };
    let mut session = match scanner.clamd.begin().await {
        Ok(session) => session,
        Err(failure) => return Ok((sealed, Err(failure))),
    };
    let mut at = 0;
    loop {
        let (back, piece) = blocking(move || {
            let piece = sealed.piece(at);
            (sealed, piece)
        })
        .await?;
        sealed = back;
        let piece: SecretBytes = piece?;
        if piece.is_empty() {
            return Ok((sealed, session.verdict().await));
        }
        if let Err(failure) = session.feed(&piece).await {
            return Ok((sealed, Err(failure)));
        }
        at += piece.len() as u64;
    }
}

/// Refuses a file that nobody may open; and one that there is not.
///
/// # Errors
/// [`ServiceError::NotFound`], [`ServiceError::Withheld`].
pub(super) fn check_open(located: &Located, n: u32) -> Result<(), ServiceError> {
    let scan = located.scan_of(n).ok_or(ServiceError::NotFound)?;
    if scan.is_withheld() { Err(ServiceError::Withheld { scan }) } else { Ok(()) }
}

/// A file was stored that the scanner is still to look at.
pub(super) fn came(app: &App, record: RecordId) {
    if let Some(scanner) = app.scanner() {
        scanner.later().records.insert(record);
    }
}

/// Writes into the trail that a file was not taken: by which form, not whose or which.
pub(super) async fn note_refusal(app: &App, form: Option<&FormId>, found: Found) {
    let outcome = if found == Found::NotScanned { "refused: not scanned" } else { "refused: infected" };
    let noted = async {
        let act = Context::system(app)?.act(Action::ScanFile, &Resource::Vault)?;
        Ok::<_, ServiceError>(app.vault.record_act(act, detail(form, outcome)).await?)
    };
    if let Err(error) = noted.await {
        tracing::warn!(%error, "that a file was refused could not be written into the audit trail");
    }
}

fn detail(form: Option<&FormId>, outcome: &str) -> Detail {
    Detail::Scan { form: form.map(ToString::to_string).unwrap_or_default(), outcome: outcome.to_owned() }
}
