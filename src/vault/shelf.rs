//! What lists are filtered and counted by, in memory only: a line for each submission, by form, of what its sealed list entry
//! says, with nobody's name and nothing that they sent. So that a page of an inbox over a hundred thousand submissions opens
//! its own rows and no others.
//!
//! A commit leaves the numbers of the list rows that it wrote; whoever asks next opens those again. An epoch takes out the
//! lines of the erased before it is acknowledged. What is found here is held against the sealed row each time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, TryLockError};

use jiff::civil::Date;

use super::directory::Directory;
use super::list::arrival_of;
use super::read::Located;
use super::{Vault, VaultError};
use crate::base::clock::Timestamp;
use crate::base::ids::{RecordId, StaffId};
use crate::base::tables::Table;
use crate::domain::form::FormId;
use crate::domain::submission::{Nature, Status};
use crate::domain::work::{Assignee, Label, Work};
use crate::store::Batch;

const COLD: u8 = 0;
const FILLING: u8 = 1;
const READY: u8 = 2;

/// Rows that were written since and are looked at again while somebody waits: some tenths of a second. More in the background.
const AT_ONCE: usize = 2_000;
/// Of those in the background, so many at a time, so that nobody waits for all of them.
const CHUNK: usize = 500;

/// Which submissions of a form. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// How far the work is.
    pub status: Option<Status>,
    /// Whose they are: one of these; an empty list is for nobody's.
    pub assignees: Option<Vec<Assignee>>,
    /// With this label.
    pub label: Option<Label>,
    /// Whether this account has seen them.
    pub seen: Option<(StaffId, bool)>,
}

impl Filter {
    /// Whether a submission that stands like this is one of them.
    pub fn fits(&self, status: Status, work: &Work) -> bool {
        self.fits_parts(status, work.assignee.as_ref(), &work.labels, &work.readers)
    }

    fn fits_parts(&self, status: Status, assignee: Option<&Assignee>, labels: &[Label], readers: &[StaffId]) -> bool {
        self.status.is_none_or(|wanted| wanted == status)
            && self.assignees.as_ref().is_none_or(|wanted| match assignee {
                None => wanted.is_empty(),
                Some(assignee) => wanted.contains(assignee),
            })
            && self.label.as_ref().is_none_or(|wanted| labels.iter().any(|label| label.is(wanted)))
            && self.seen.is_none_or(|(account, seen)| readers.contains(&account) == seen)
    }
}

/// How many submissions of a form there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub all: u64,
    /// Those that the account has not seen.
    pub unread: u64,
    /// Those that are the account's, or a team's that it belongs to.
    pub mine: u64,
    /// Those that are nobody's.
    pub nobodys: u64,
    /// Those whose person waits for an answer.
    pub unanswered: u64,
    /// By status.
    pub by_status: BTreeMap<Status, u64>,
    /// By label, as the newest of them has it.
    pub by_label: BTreeMap<Label, u64>,
}

/// How the submissions of a form come in and wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// How many came in on each day (UTC) from the first that was asked for on.
    pub days: BTreeMap<Date, u64>,
    /// Those that wait: new, in progress, or received and not looked into.
    pub open: u64,
    /// Of these, those that came in before the time that was asked for.
    pub overdue: u64,
}

/// All lines.
#[derive(Default)]
pub(super) struct Shelf {
    stage: AtomicU8,
    lines: RwLock<HashMap<FormId, BTreeMap<u64, Line>>>,
    /// Places in the list whose rows were written since they were looked at.
    touched: Mutex<BTreeSet<u64>>,
    /// Whoever looks at those, one at a time.
    looking: Mutex<()>,
    /// Whoever looks at all of them because they are many.
    catching_up: Mutex<()>,
}

struct Line {
    place: u64,
    record: RecordId,
    received: Timestamp,
    status: Status,
    unanswered: bool,
    assignee: Option<Assignee>,
    labels: Vec<Label>,
    readers: Vec<StaffId>,
}

impl Line {
    /// Answers to surveys are in no list.
    fn of(located: &Located) -> Option<Self> {
        let summary = &located.summary;
        (!matches!(summary.nature, Nature::Answer(_))).then(|| Self {
            place: located.place,
            record: located.record,
            received: summary.received,
            status: summary.status,
            unanswered: summary.unanswered > 0,
            assignee: summary.work.assignee.clone(),
            labels: summary.work.labels.clone(),
            readers: summary.work.readers.clone(),
        })
    }

    fn fits(&self, filter: &Filter) -> bool {
        filter.fits_parts(self.status, self.assignee.as_ref(), &self.labels, &self.readers)
    }
}

impl Shelf {
    /// Takes note of the list rows that a commit wrote, once it is published.
    pub(super) fn touch(&self, batch: &Batch) {
        if self.stage.load(Ordering::SeqCst) == COLD {
            return;
        }
        let rows = batch.keys().filter(|key| key.first() == Some(&Table::List.id()));
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.extend(rows.map(|key| arrival_of(key)));
    }

    fn find(&self, form: &FormId, filter: &Filter, before: Option<u64>, most: usize) -> Vec<u64> {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        let Some(form) = lines.get(form) else { return Vec::new() };
        let fitting = form.range(..before.unwrap_or(u64::MAX)).rev().filter(|(_, line)| line.fits(filter));
        fitting.take(most).map(|(arrival, _)| *arrival).collect()
    }

    fn count(&self, form: &FormId, account: Option<StaffId>, mine: &[Assignee]) -> Tally {
        let mut tally = Tally::default();
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        for line in lines.get(form).into_iter().flat_map(BTreeMap::values) {
            tally.all += 1;
            tally.unread += u64::from(account.is_some_and(|account| !line.readers.contains(&account)));
            tally.mine += u64::from(line.assignee.as_ref().is_some_and(|assignee| mine.contains(assignee)));
            tally.nobodys += u64::from(line.assignee.is_none());
            tally.unanswered += u64::from(line.unanswered);
            *tally.by_status.entry(line.status).or_default() += 1;
            for label in &line.labels {
                match tally.by_label.get_mut(label) {
                    Some(count) => *count += 1,
                    None => drop(tally.by_label.insert(label.clone(), 1)),
                }
            }
        }
        tally
    }

    fn flow(&self, form: &FormId, first: Date, before: Timestamp) -> Flow {
        let mut flow = Flow::default();
        let begin = Timestamp::start_of(first);
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        for line in lines.get(form).into_iter().flat_map(BTreeMap::values) {
            let waits = matches!(line.status, Status::New | Status::InProgress | Status::Received);
            flow.open += u64::from(waits);
            flow.overdue += u64::from(waits && line.received < before);
            // A day of the calendar is worked out for those that count only.
            if begin.is_some_and(|begin| line.received >= begin)
                && let Some(day) = line.received.day()
            {
                *flow.days.entry(day).or_default() += 1;
            }
        }
        flow
    }

    /// How many rows were written since they were looked at.
    fn behind(&self) -> usize {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Takes out whoever is being erased.
    pub(super) fn forget(&self, directory: &RwLock<Directory>) {
        // In this order, as in `Vault::keep`.
        let mut lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        let directory = directory.read().unwrap_or_else(PoisonError::into_inner);
        for form in lines.values_mut() {
            form.retain(|_, line| !directory.is_dying(line.place, Some(&line.record)));
        }
    }
}

impl Vault {
    /// Whether lists can be filtered and counted from memory now: they were gone through, and not much has come in since.
    pub fn is_warm(&self) -> bool {
        let shelf = &self.shared.shelf;
        shelf.stage.load(Ordering::SeqCst) == READY && shelf.behind() <= AT_ONCE
    }

    /// Goes through the whole list, once, so that from then on lists are filtered and counted from memory: some seconds for
    /// a hundred thousand submissions. Of several who ask at once, one does it, and the others go on. Later, looks at what has
    /// come in since.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub fn warm_up(&self) -> Result<(), VaultError> {
        let shelf = &self.shared.shelf;
        match shelf.stage.compare_exchange(COLD, FILLING, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => {}
            Err(READY) => {
                // One is enough; the others would wait for it in threads that everybody needs.
                let _only = match shelf.catching_up.try_lock() {
                    Ok(only) => only,
                    Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                    Err(TryLockError::WouldBlock) => return Ok(()),
                };
                while shelf.behind() > 0 && self.look_at(CHUNK)? {}
                return Ok(());
            }
            Err(_) => return Ok(()),
        }
        // From here on commits say what they write. What is written while a row is looked at is looked at again.
        let walked = self.walk_list(None, |listed| {
            self.keep(listed.arrival, Some(&listed.located));
            true
        });
        shelf.stage.store(if walked.is_ok() { READY } else { COLD }, Ordering::SeqCst);
        walked
    }

    /// Where submissions of a form are that fit, below `before`, newest first, at most `most`. `None` until the vault is warm.
    pub fn places(&self, form: &FormId, filter: &Filter, before: Option<u64>, most: usize) -> Option<Vec<u64>> {
        self.look_again()?;
        Some(self.shared.shelf.find(form, filter, before, most))
    }

    /// Counts the submissions of a form for an account, of which `mine` are its own and its teams'. `None` until the vault is
    /// warm.
    pub fn tally(&self, form: &FormId, account: Option<StaffId>, mine: &[Assignee]) -> Option<Tally> {
        self.look_again()?;
        Some(self.shared.shelf.count(form, account, mine))
    }

    /// How the submissions of a form come in, from the day `first` on, and wait; overdue is what came in before `before`. `None`
    /// until the vault is warm.
    pub fn flow(&self, form: &FormId, first: Date, before: Timestamp) -> Option<Flow> {
        self.look_again()?;
        Some(self.shared.shelf.flow(form, first, before))
    }

    /// Where everything is that is given to somebody, newest first. `None` until the vault is warm.
    pub fn places_given_to(&self, assignee: &Assignee) -> Option<Vec<u64>> {
        self.look_again()?;
        let lines = self.shared.shelf.lines.read().unwrap_or_else(PoisonError::into_inner);
        let all = lines.values().flatten().filter(|(_, line)| line.assignee.as_ref() == Some(assignee));
        let mut out: Vec<u64> = all.map(|(arrival, _)| *arrival).collect();
        out.sort_unstable_by_key(|arrival| std::cmp::Reverse(*arrival));
        Some(out)
    }

    /// Opens the rows again that were written since. `None` until the vault is warm.
    fn look_again(&self) -> Option<()> {
        if !self.is_warm() {
            return None;
        }
        // What cannot be read now is looked at the next time.
        let _ = self.look_at(usize::MAX);
        Some(())
    }

    /// Opens so many of them, the newest first; says whether there was any.
    fn look_at(&self, most: usize) -> Result<bool, VaultError> {
        let shelf = &self.shared.shelf;
        let _one_at_a_time = shelf.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let some: Vec<u64> = {
            let mut touched = shelf.touched.lock().unwrap_or_else(PoisonError::into_inner);
            std::iter::from_fn(|| touched.pop_last()).take(most).collect()
        };
        let mut unreadable = Vec::new();
        for &arrival in &some {
            match self.locate_by_arrival(arrival) {
                Ok(located) => self.keep(arrival, Some(&located)),
                Err(VaultError::Unavailable) => unreadable.push(arrival),
                Err(_) => self.keep(arrival, None),
            }
        }
        if unreadable.is_empty() {
            return Ok(!some.is_empty());
        }
        shelf.touched.lock().unwrap_or_else(PoisonError::into_inner).extend(unreadable);
        Err(VaultError::Unavailable)
    }

    /// Keeps what stands at a place now, unless its person is being erased.
    fn keep(&self, arrival: u64, located: Option<&Located>) {
        let shared = &self.shared;
        let mut lines = shared.shelf.lines.write().unwrap_or_else(PoisonError::into_inner);
        let Some(located) = located else {
            lines.values_mut().for_each(|form| drop(form.remove(&arrival)));
            return;
        };
        // Asked under the lock that an epoch takes: what it has taken out does not come back.
        if let Some(line) = Line::of(located).filter(|line| !shared.is_dying(line.place, Some(&line.record))) {
            lines.entry(located.summary.form.clone()).or_default().insert(arrival, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    const MANY: u64 = 100_000;

    fn filled() -> (Shelf, FormId) {
        let (shelf, form): (_, FormId) = (Shelf::default(), "support-request".parse().unwrap());
        let labels = ["billing", "urgent", "waiting"].map(|word| Label::parse(word).unwrap());
        let line = |n: u64| Line {
            place: n,
            received: Timestamp::from_millis(0),
            record: RecordId::from_bytes([(n % 251) as u8; 16]),
            status: [Status::New, Status::InProgress, Status::Answered][(n % 3) as usize],
            unanswered: n.is_multiple_of(7),
            assignee: n.is_multiple_of(5).then(|| Assignee::Account(StaffId::from_bytes([(n % 4) as u8; 16]))),
            labels: if n.is_multiple_of(20_000) {
                vec![Label::parse("rare").unwrap()]
            } else {
                labels[..(n % 4) as usize].to_vec()
            },
            readers: (0..n % 6).map(|reader| StaffId::from_bytes([reader as u8; 16])).collect(),
        };
        shelf.lines.write().unwrap().insert(form.clone(), (0..MANY).map(|n| (n, line(n))).collect());
        (shelf, form)
    }

    #[test]
    fn a_hundred_thousand_are_filtered_and_counted_while_somebody_waits() {
        let (shelf, form) = filled();
        let account = StaffId::from_bytes([3; 16]);
        let rare = Filter { label: Label::parse("RARE").ok(), ..Filter::default() };
        let unread = Filter { seen: Some((account, false)), ..Filter::default() };
        let none = Filter { status: Some(Status::Closed), ..Filter::default() };
        for (what, filter, before, expected) in [
            ("rare", &rare, None, 5),
            ("unread", &unread, None, 50),
            ("unread, last page", &unread, Some(60), 40),
            ("none", &none, None, 0),
        ] {
            let began = Instant::now();
            let found = shelf.find(&form, filter, before, 50);
            println!("{what}: {} of {MANY} in {:?}", found.len(), began.elapsed());
            assert_eq!(found.len(), expected, "{what}");
            assert!(found.is_sorted_by(|a, b| a > b) && began.elapsed() < Duration::from_secs(2), "{what}");
        }
        let began = Instant::now();
        let tally = shelf.count(&form, Some(account), &[Assignee::Account(account)]);
        println!("{MANY} counted in {:?}", began.elapsed());
        assert_eq!((tally.all, tally.nobodys, tally.mine), (MANY, 80_000, 5_000));
        assert_eq!((tally.by_status[&Status::New], tally.by_label.values().max()), (33_334, Some(&75_000)));
        assert!(began.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn whoever_is_erased_is_taken_out_and_nobody_else() {
        let (shelf, form) = filled();
        let mut directory = Directory::default();
        directory.mark_person(17);
        let directory = RwLock::new(directory);
        shelf.forget(&directory);
        let found = shelf.find(&form, &Filter::default(), Some(19), 3);
        assert_eq!(found, [18, 16, 15]);
    }
}
