//! What was used once: solutions and waits, remembered until they would not count any more.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::base::clock::Timestamp;

/// Most that are remembered. Where so many are in use at once, no further one is taken until some have run out.
const MOST: usize = 100_000;

/// The table.
#[derive(Default)]
pub(super) struct Used {
    entries: Mutex<HashMap<[u8; 32], Entry>>,
}

struct Entry {
    until: Timestamp,
    /// The idempotency key of the request that used it: that request may come again.
    request: Option<String>,
}

/// Something that was used, so that it can be given back.
#[must_use = "a request that came to nothing gives back what it claimed"]
pub(in crate::http) struct Claim {
    id: [u8; 32],
    /// Whether it was claimed just now, not by the same request before.
    fresh: bool,
}

impl Used {
    /// Marks `id`, which is good until `until`, as used by `request`; `None` if another request has used it.
    pub(super) fn claim(&self, id: [u8; 32], until: Timestamp, request: Option<&str>, now: Timestamp) -> Option<Claim> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(&id) {
            let again = request.is_some() && entry.request.as_deref() == request;
            return again.then_some(Claim { id, fresh: false });
        }
        if entries.len() >= MOST {
            entries.retain(|_, entry| entry.until > now);
        }
        if entries.len() >= MOST {
            return None;
        }
        entries.insert(id, Entry { until, request: request.map(str::to_owned) });
        Some(Claim { id, fresh: true })
    }

    /// Forgets a claim.
    pub(super) fn release(&self, claim: Claim) {
        if claim.fresh {
            self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(&claim.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_bounded_and_forgets_what_has_run_out() {
        let used = Used::default();
        let time = Timestamp::from_millis;
        let id = |n: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_le_bytes());
            id
        };
        for n in 0..MOST {
            assert!(used.claim(id(n), time(10), None, time(0)).is_some());
        }
        assert!(used.claim(id(MOST), time(20), None, time(9)).is_none());
        assert!(used.claim(id(MOST), time(20), None, time(10)).is_some());
        assert_eq!(used.entries.lock().unwrap().len(), 1);
    }
}
