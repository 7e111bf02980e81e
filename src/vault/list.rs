//! The list of submissions, newest first.

use std::sync::atomic::Ordering;

use super::read::Located;
use super::rows::{self, Idempotency};
use super::{Vault, VaultError};
use crate::base::clock::Timestamp;
use crate::domain::submission::Summary;

/// A line of the list with its place in it.
pub struct Listed {
    /// Its arrival number: the next page begins before it.
    pub arrival: u64,
    /// The record.
    pub located: Located,
}

/// Rows read at a time.
const CHUNK: usize = 256;

impl Vault {
    /// Walks the list from below `before` (the newest when `None`) towards the oldest. `visit` returns whether to go on.
    /// Records that are gone, or not yet acknowledged, are passed over, and so are rows that do not open (the log tells).
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub fn walk_list(&self, before: Option<u64>, mut visit: impl FnMut(Listed) -> bool) -> Result<(), VaultError> {
        let shared = &self.shared;
        let arrivals = shared.figures.arrivals.load(Ordering::SeqCst);
        let mut end = before.map_or(arrivals, |before| before.min(arrivals));
        loop {
            let numbers: Vec<u64> = shared
                .engine
                .scan(&rows::list_key(0), &rows::list_key(end))
                .rev()
                .take(CHUNK)
                .map(|row| row.map(|(key, _)| arrival_of(&key)))
                .collect::<Result<_, _>>()?;
            let Some(&last) = numbers.last() else { return Ok(()) };
            for arrival in numbers {
                match self.locate_by_arrival(arrival) {
                    Ok(located) => {
                        if !visit(Listed { arrival, located }) {
                            return Ok(());
                        }
                    }
                    Err(VaultError::Missing) => {}
                    // One damaged row must not close the list for everybody; `verify` names it.
                    Err(VaultError::Tampered) => {
                        tracing::error!(arrival, "a list row does not open; run `letterlock verify`")
                    }
                    Err(other) => return Err(other),
                }
            }
            end = last;
        }
    }

    /// What a cursor says instead of an arrival number, from which whoever lists a few submissions could tell how many
    /// others arrived in between. `None` past 2³⁵ arrivals.
    pub fn hide_arrival(&self, arrival: u64) -> Option<u64> {
        self.shared.derived.cursors.hide(arrival)
    }

    /// The arrival number that [`Vault::hide_arrival`] hid; `None` for what it never gives.
    pub fn reveal_arrival(&self, hidden: u64) -> Option<u64> {
        self.shared.derived.cursors.reveal(hidden)
    }

    /// The keyed hash under which an idempotency key is remembered: of the form's name and the key.
    pub fn hash_idempotency_key(&self, form: &str, key: &str) -> [u8; 32] {
        self.shared.derived.idempotency_key.value(&[form.as_bytes(), &[0], key.as_bytes()])
    }

    /// A keyed hash of an address, to count by in memory.
    pub fn hash_address(&self, address: &str) -> [u8; 32] {
        self.shared.derived.idempotency_key.value(&[b"address", &[0], address.as_bytes()])
    }

    /// Begins a keyed hash over what a request means.
    pub fn hash_request_body(&self) -> crate::crypto::derive::PrfStream {
        self.shared.derived.request_body.stream()
    }

    /// Requests with an idempotency key that arrived since `since`, newest first.
    ///
    /// # Errors
    /// As [`Vault::walk_list`].
    pub fn recent_requests(&self, since: Timestamp) -> Result<Vec<(Idempotency, Summary)>, VaultError> {
        let mut out = Vec::new();
        self.walk_list(None, |listed| {
            let recent = listed.located.summary.received >= since;
            if let Some(idempotency) = listed.located.list_entry.idempotency.filter(|_| recent) {
                out.push((idempotency, listed.located.summary));
            }
            recent
        })?;
        Ok(out)
    }
}

pub(super) fn arrival_of(key: &[u8]) -> u64 {
    key.get(1..9).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
}
