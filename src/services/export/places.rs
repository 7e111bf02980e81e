//! Exports under way: how many there may be at a time, and how far each is. In memory; the trail says what was handed out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::base::ids::{ApprovalId, StaffId};
use crate::services::ServiceError;

/// Exports at a time, in all.
const MOST: usize = 4;
/// Exports whose progress is remembered, at most.
const REMEMBERED: usize = 200;
/// When whoever was turned away may come again.
const LATER: Duration = Duration::from_secs(30);

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Submissions that were handed out.
    pub sent: u32,
    /// Of so many.
    pub of: u32,
    /// What became of it.
    pub state: State,
}

/// What became of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is under way.
    Running,
    /// Everything was handed out.
    Complete,
    /// It ended before that: the reader left, or something went wrong.
    BrokenOff,
}

impl Progress {
    /// As the interface shows it.
    pub fn to_json(self) -> Value {
        let state = match self.state {
            State::Running => "running",
            State::Complete => "complete",
            State::BrokenOff => "broken-off",
        };
        json!({ "sent": self.sent, "of": self.of, "state": state })
    }
}

/// The places for exports.
#[derive(Default)]
pub(in crate::services) struct Places(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// Counts up: which was begun last.
    begun: u64,
    rows: BTreeMap<ApprovalId, Row>,
}

struct Row {
    number: u64,
    by: StaffId,
    progress: Progress,
}

/// The place of one export, free again when it is dropped.
pub(super) struct Place {
    known: Arc<Mutex<Known>>,
    id: ApprovalId,
}

impl Places {
    /// Takes a place.
    ///
    /// # Errors
    /// [`ServiceError::Later`] for who has one already, and while there is none.
    pub(super) fn take(&self, id: ApprovalId, by: StaffId, of: u32) -> Result<Place, ServiceError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = || known.rows.values().filter(|row| row.progress.state == State::Running);
        if running().count() >= MOST || running().any(|row| row.by == by) {
            return Err(ServiceError::Later(LATER));
        }
        known.begun += 1;
        let number = known.begun;
        known.rows.insert(id, Row { number, by, progress: Progress { sent: 0, of, state: State::Running } });
        if known.rows.len() > REMEMBERED {
            let over = known.rows.iter().filter(|(_, row)| row.progress.state != State::Running);
            if let Some(oldest) = over.min_by_key(|(_, row)| row.number).map(|(id, _)| *id) {
                known.rows.remove(&oldest);
            }
        }
        Ok(Place { known: Arc::clone(&self.0), id })
    }

    /// How far an export is.
    pub(in crate::services) fn progress(&self, id: ApprovalId) -> Option<Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).rows.get(&id).map(|row| row.progress)
    }
}

impl Place {
    /// So many were handed out.
    pub(super) fn sent(&self, sent: u32) {
        self.change(|progress| progress.sent = sent);
    }

    /// Everything was.
    pub(super) fn complete(&self) {
        self.change(|progress| progress.state = State::Complete);
    }

    /// It was not begun after all.
    pub(super) fn give_back(self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).rows.remove(&self.id);
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = known.rows.get_mut(&self.id) {
            change(&mut row.progress);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.change(|progress| {
            if progress.state == State::Running {
                progress.state = State::BrokenOff;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_at_a_time_and_one_for_each() {
        let places = Places::default();
        let (id, by) = (|n| ApprovalId::from_bytes([n; 16]), |n| StaffId::from_bytes([n; 16]));
        let first = places.take(id(1), by(1), 10).unwrap();
        assert!(matches!(places.take(id(2), by(1), 10), Err(ServiceError::Later(_))), "one for each");
        let others: Vec<_> = (2..5).map(|n| places.take(id(n), by(n), 10).unwrap()).collect();
        assert!(matches!(places.take(id(5), by(5), 10), Err(ServiceError::Later(_))), "four in all");
        first.sent(7);
        drop(first);
        assert_eq!(places.progress(id(1)), Some(Progress { sent: 7, of: 10, state: State::BrokenOff }));
        let again = places.take(id(6), by(1), 1).unwrap();
        again.complete();
        drop(again);
        assert_eq!(places.progress(id(6)).unwrap().state, State::Complete);
        places.take(id(7), by(7), 1).unwrap().give_back();
        assert_eq!(places.progress(id(7)), None);
        drop(others);
        for n in 0..300_u16 {
            let [high, low] = n.to_be_bytes();
            let id = ApprovalId::from_bytes([high, low, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
            drop(places.take(id, by(9), 1).unwrap());
        }
        assert_eq!(places.0.lock().unwrap().rows.len(), REMEMBERED);
    }
}
