//! Looking through the submissions, newest first, for those that a [`Sieve`] lets through.
//!
//! There is no index, on disk or in memory: each search opens what it looks at, and keeps none of it. Submissions are taken by
//! stretches of the list, in which a page of the key tree and a keyring are opened once for all that hang on them; threads of
//! the search's own look through several stretches at a time, behind everything else that the machine has to do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::audit::SearchedBy;
use super::grant::Grant;
use super::list::arrival_of;
use super::read::Located;
use super::rows;
use super::shared::Shared;
use super::{Act, Detail, Vault, VaultError};
use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, RecordId};
use crate::base::sensitive::{USUAL_DEPTH, wipe_stack};
use crate::base::threads;
use crate::domain::message::Message;
use crate::domain::submission::{Content, Summary};
use crate::keys::keyring::Keyring;
use crate::keys::tree::{FANOUT, LeafPage};

/// Arrival numbers in a stretch.
const STRETCH: u64 = 256;
/// Threads of one search, at most.
const MOST_THREADS: usize = 4;
/// Stretches that are looked through ahead of the one that is waited for, at most.
const AHEAD: u64 = 16;
/// By how much the clock may have been wrong for a search that begins on a day: one that was set back by more can hide what came before.
const SLACK: Duration = Duration::from_secs(24 * 3600);

/// Leave to look through submissions, once. Only the vault makes one, after the audit entry is durable.
#[derive(Debug)]
#[must_use = "a grant is in the audit trail already"]
pub struct SearchGrant(());

/// What is looked for. Called by several threads at a time.
pub trait Sieve: Send + Sync + 'static {
    /// What is told of a submission that was found: nothing that it says, since it is not granted yet.
    type Found: Send + 'static;

    /// Whether this submission is to be opened at all.
    fn wants(&self, summary: &Summary) -> bool;

    /// Nothing that was received before this is wanted.
    fn since(&self) -> Option<Timestamp>;

    /// Whether it is found.
    ///
    /// # Errors
    /// What [`Opening::messages`] fails with.
    fn sift(&self, summary: &Summary, opening: &Opening<'_>) -> Result<Option<Self::Found>, VaultError>;
}

/// A submission that is looked at.
pub struct Opening<'a> {
    /// As it arrived.
    pub content: &'a Content,
    shared: &'a Shared,
    located: &'a Located,
}

impl Opening<'_> {
    /// Opens the messages since, oldest first.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Tampered`], [`VaultError::Unavailable`].
    pub fn messages(&self) -> Result<Vec<Message>, VaultError> {
        let numbers = 0..self.located.list_entry.messages;
        numbers.map(|number| Ok(self.shared.open_message(self.located, number)?.message)).collect()
    }
}

/// A submission that was found.
#[derive(Debug)]
pub struct Hit<T> {
    /// Its place in the list.
    pub arrival: u64,
    /// Which.
    pub record: RecordId,
    /// How many submissions of its stretch were opened up to this one.
    pub looked: u64,
    /// What the sieve told of it.
    pub found: T,
}

/// What came of one stretch of the list.
#[derive(Debug)]
pub struct Piece<T> {
    /// Newest first.
    pub hits: Vec<Hit<T>>,
    /// How many submissions were opened.
    pub looked: u64,
    /// Everything from this arrival number on has been looked through: the search goes on below it. 0 at the end.
    pub below: u64,
}

/// A search under way. Dropped, it ends.
pub struct Search<T> {
    pieces: mpsc::Receiver<Done<T>>,
    /// What came before its turn.
    early: BTreeMap<u64, Result<Piece<T>, VaultError>>,
    run: Arc<Run>,
    arrivals: u64,
}

type Done<T> = (u64, Result<Piece<T>, VaultError>);

/// What the threads of one search share.
struct Run {
    /// Below which arrival number it begins.
    begin: u64,
    /// The stretch that is to be taken next.
    next: AtomicU64,
    /// The stretch that is waited for.
    awaited: AtomicU64,
    /// How many stretches there are; fewer, once one was found to be the last.
    count: AtomicU64,
    stop: AtomicBool,
}

impl Vault {
    /// Writes that a search begins; durable on return.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`], [`VaultError::StorageFull`].
    pub async fn grant_search(&self, act: Act, by: SearchedBy, purposes: &[String]) -> Result<SearchGrant, VaultError> {
        self.record_act(act, Detail::Search { by, purposes: purposes.to_vec(), found: None }).await?;
        Ok(SearchGrant(()))
    }

    /// Begins to look through the list, from below `before` (the newest when `None`) towards the oldest.
    /// What is gone, or not acknowledged yet, is passed over, and so is what does not open (the log tells).
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] when no thread can be had.
    pub fn search<S: Sieve>(
        self: &Arc<Self>,
        _grant: SearchGrant,
        before: Option<u64>,
        sieve: S,
    ) -> Result<Search<S::Found>, VaultError> {
        let arrivals = self.shared.figures.arrivals.load(Ordering::SeqCst);
        let begin = before.map_or(arrivals, |before| before.min(arrivals));
        let run = Arc::new(Run::new(begin));
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let (done, pieces) = mpsc::channel(2 * threads);
        let search = Search { pieces, early: BTreeMap::new(), run: Arc::clone(&run), arrivals };
        let sieve = Arc::new(sieve);
        for _ in 0..threads {
            let (vault, run, sieve, done) = (Arc::clone(self), Arc::clone(&run), Arc::clone(&sieve), done.clone());
            let work = move || {
                threads::step_back();
                while let Some(n) = run.take() {
                    let piece = vault.shared.look_through(&run, n, &*sieve);
                    wipe_stack::<USUAL_DEPTH>();
                    if done.blocking_send((n, piece)).is_err() {
                        return;
                    }
                }
            };
            // The ones that run already stop when the search is dropped here.
            std::thread::Builder::new().name("search".to_owned()).spawn(work).map_err(|error| {
                tracing::error!(%error, "no thread for a search");
                VaultError::Unavailable
            })?;
        }
        Ok(search)
    }

    /// As [`Vault::grant`], for what a search found: nothing, perhaps. Each has a purpose, which is one of those that were named
    /// when it began.
    ///
    /// # Errors
    /// As [`Vault::grant`].
    pub async fn grant_found(
        &self,
        act: Act,
        by: SearchedBy,
        purposes: &[String],
        located: &[Located],
        purpose_of: &[String],
    ) -> Result<Vec<Grant>, VaultError> {
        let detail = Detail::Search { by, purposes: purposes.to_vec(), found: Some(located.len() as u64) };
        self.grant_saying(act, detail, located, |n| purpose_of.get(n).map_or("", String::as_str), None).await
    }
}

impl<T> Search<T> {
    /// What came of the next stretch; `None` at the end. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub async fn next(&mut self) -> Option<Result<Piece<T>, VaultError>> {
        let awaited = self.run.awaited.load(Ordering::SeqCst);
        while !self.early.contains_key(&awaited) {
            match self.pieces.recv().await {
                Some((n, piece)) => drop(self.early.insert(n, piece)),
                None if awaited >= self.run.count.load(Ordering::SeqCst) => return None,
                // A thread broke off.
                None => return Some(Err(VaultError::Unavailable)),
            }
        }
        let piece = self.early.remove(&awaited)?;
        self.run.awaited.store(awaited + 1, Ordering::SeqCst);
        Some(piece)
    }

    /// Below which arrival number it began.
    pub fn begin(&self) -> u64 {
        self.run.begin
    }

    /// Which part of the list has been looked through when the search goes on below this arrival number: 0 to 100.
    pub const fn percent(&self, below: u64) -> u8 {
        match (self.arrivals.saturating_sub(below) * 100).checked_div(self.arrivals) {
            Some(percent) => percent as u8,
            None => 100,
        }
    }
}

impl<T> Drop for Search<T> {
    fn drop(&mut self) {
        self.run.stop.store(true, Ordering::SeqCst);
    }
}

impl Run {
    const fn new(begin: u64) -> Self {
        Self {
            begin,
            next: AtomicU64::new(0),
            awaited: AtomicU64::new(0),
            count: AtomicU64::new(begin.div_ceil(STRETCH)),
            stop: AtomicBool::new(false),
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The next stretch; `None` when there is none left, or nobody wants it.
    fn take(&self) -> Option<u64> {
        let n = self.next.fetch_add(1, Ordering::SeqCst);
        while n >= self.awaited.load(Ordering::SeqCst) + AHEAD && !self.is_stopped() {
            std::thread::sleep(Duration::from_millis(1));
        }
        (n < self.count.load(Ordering::SeqCst) && !self.is_stopped()).then_some(n)
    }

    /// The arrival numbers of a stretch: from, and below.
    const fn stretch(&self, n: u64) -> (u64, u64) {
        let end = self.begin.saturating_sub(n * STRETCH);
        (end.saturating_sub(STRETCH), end)
    }

    /// Nothing older than this stretch is wanted.
    fn end_with(&self, n: u64) {
        self.count.fetch_min(n + 1, Ordering::SeqCst);
    }
}

/// A row of the list.
struct Line {
    arrival: u64,
    place: u64,
    record: RecordId,
    row: Vec<u8>,
}

/// One stretch that is being looked through.
struct Looking<'a, S: Sieve> {
    shared: &'a Shared,
    run: &'a Run,
    sieve: &'a S,
    hits: Vec<Hit<S::Found>>,
    /// What was opened.
    looked: Vec<u64>,
    /// When the newest of it was received.
    newest: Option<Timestamp>,
    /// What did not open: overtaken by a commit, gone, or damaged.
    again: Vec<u64>,
}

/// What came of one submission.
struct Seen<T> {
    arrival: u64,
    received: Timestamp,
    opened: bool,
    hit: Option<Hit<T>>,
}

impl Shared {
    fn look_through<S: Sieve>(&self, run: &Run, n: u64, sieve: &S) -> Result<Piece<S::Found>, VaultError> {
        let (from, end) = run.stretch(n);
        let (hits, looked, again) = (Vec::new(), Vec::new(), Vec::new());
        let mut looking = Looking { shared: self, run, sieve, hits, looked, newest: None, again };
        looking.at_once(from, end)?;
        looking.one_by_one()?;
        let Looking { mut hits, looked, newest, .. } = looking;
        hits.sort_unstable_by_key(|hit| std::cmp::Reverse(hit.arrival));
        for hit in &mut hits {
            hit.looked = looked.iter().filter(|arrival| **arrival >= hit.arrival).count() as u64;
        }
        let is_last = sieve.since().zip(newest).is_some_and(|(since, newest)| newest.plus(SLACK) < since);
        if is_last {
            run.end_with(n);
        }
        Ok(Piece { hits, looked: looked.len() as u64, below: if is_last { 0 } else { from } })
    }
}

impl<S: Sieve> Looking<'_, S> {
    /// On one snapshot of the tree, a page and a keyring are opened once for all that hang on them.
    fn at_once(&mut self, from: u64, end: u64) -> Result<(), VaultError> {
        let shared = self.shared;
        let mut lines = Vec::new();
        for row in shared.engine.scan(&rows::list_key(from), &rows::list_key(end)) {
            let (key, row) = row?;
            let arrival = arrival_of(&key);
            match rows::open_list_place(&shared.keys.places, arrival, &row) {
                Ok((place, record)) => lines.push(Line { arrival, place, record, row }),
                Err(_) => self.again.push(arrival),
            }
        }
        lines.sort_unstable_by_key(|line| line.place);
        let view = shared.view();
        for leaf in lines.chunk_by(|a, b| a.place / FANOUT == b.place / FANOUT) {
            let content = view.leaf_content(&*shared.engine, leaf[0].place / FANOUT).ok().flatten();
            for of_one in leaf.chunk_by(|a, b| a.place == b.place) {
                if self.run.is_stopped() {
                    return Ok(());
                }
                match content.as_ref().and_then(|leaf| shared.pick(leaf, of_one[0].place)) {
                    Some((person, keyring)) => self.of_one(of_one, &person, &keyring)?,
                    None => self.again.extend(of_one.iter().map(|line| line.arrival)),
                }
            }
        }
        Ok(())
    }

    /// The lines of one person.
    fn of_one(&mut self, lines: &[Line], person: &PersonId, keyring: &Keyring) -> Result<(), VaultError> {
        for line in lines {
            let located = keyring.record(&line.record).filter(|entry| entry.arrival == line.arrival);
            let located = located.filter(|_| !self.shared.is_dying(line.place, Some(&line.record)));
            let located = located.ok_or(VaultError::Missing);
            let located =
                located.and_then(|entry| self.shared.open_line(line.place, person, keyring, entry, &line.row));
            match located.and_then(|located| self.look_at(&located)) {
                Ok(seen) => self.note(seen),
                Err(VaultError::Missing | VaultError::Tampered) => self.again.push(line.arrival),
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// What did not open, each by itself, and once more for as long as commits get in between.
    fn one_by_one(&mut self) -> Result<(), VaultError> {
        for arrival in std::mem::take(&mut self.again) {
            if self.run.is_stopped() {
                return Ok(());
            }
            match self.shared.reading(|view| self.look_at(&self.shared.locate_on(view, arrival)?)) {
                Ok(seen) => self.note(seen),
                Err(VaultError::Missing) => {}
                // What is damaged ends the search for nobody; `verify` names it.
                Err(VaultError::Tampered) => {
                    tracing::error!(arrival, "a submission does not open; run `letterlock verify`");
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn look_at(&self, located: &Located) -> Result<Seen<S::Found>, VaultError> {
        let summary = &located.summary;
        let arrival = located.arrival();
        let mut seen = Seen { arrival, received: summary.received, opened: false, hit: None };
        if self.sieve.wants(summary) {
            let content = self.shared.open_stored(located)?.content;
            let found = self.sieve.sift(summary, &Opening { content: &content, shared: self.shared, located })?;
            seen.opened = true;
            seen.hit = found.map(|found| Hit { arrival, record: located.record, looked: 0, found });
        }
        Ok(seen)
    }

    fn note(&mut self, seen: Seen<S::Found>) {
        self.newest = self.newest.max(Some(seen.received));
        self.looked.extend(seen.opened.then_some(seen.arrival));
        self.hits.extend(seen.hit);
    }
}

impl Shared {
    /// A person and their keyring, given the leaf; `None` when one of the two does not open.
    fn pick(&self, leaf: &[u8], place: u64) -> Option<(PersonId, Keyring)> {
        let entry = LeafPage::pick(leaf, (place % FANOUT) as usize).ok()??;
        let read = |part| Ok(self.engine.read(&Keyring::row_key(&entry.person, part))?);
        let keyring = Keyring::open::<VaultError>(&entry.person, &entry.key, read).ok()?;
        Some((entry.person, keyring))
    }
}
