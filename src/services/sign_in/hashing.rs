//! Passwords are hashed a few at a time, as each takes tens of MiB; who waits for that stands in one of three lines.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::place::{Place, Shares};
use super::queue::Queue;
use super::throttle::Key;
use crate::services::{ServiceError, blocking};

/// Passwords that are hashed at the same time.
const AT_ONCE: usize = 2;
/// Of those that wait for that.
const WAITING: usize = 64;
/// Of these, those of one address (IPv6: one /64), of its site's network, and of its provider's.
const WAITING_OF_ONE: Shares = [8, 16, 32];
/// Of those that wait by invitation, those by one.
const WAITING_BY_ONE: usize = 8;

/// Who waits for a password to be hashed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Somebody who was here before, or is signed in: goes before all strangers but those whose turn it is.
    Known,
    /// Anybody, from a place: many of one place leave room for the others.
    Any(Place),
    /// Somebody with an invitation, of which this is the hash.
    Invited(Key),
}

/// The lines, and what stands at their head.
pub(super) struct Hashing {
    turns: Semaphore,
    /// Where strangers wait: whoever is known stands behind those of them who have come through, and no others.
    strangers: Semaphore,
    waiting: Queue,
    /// Those who were invited: strangers fill no queue of theirs.
    invited: Queue,
    done: AtomicU64,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(AT_ONCE),
            strangers: Semaphore::new(AT_ONCE),
            waiting: Queue::default(),
            invited: Queue::default(),
            done: AtomicU64::new(0),
        }
    }
}

impl Hashing {
    /// Runs what takes a lot of memory: a few at a time, and not many strangers waiting.
    ///
    /// # Errors
    /// [`ServiceError::Later`] while too many wait.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let waiting = match lane {
            Lane::Known => None,
            Lane::Any(place) => Some(self.waiting.enter(place.levels(), WAITING, WAITING_OF_ONE)),
            Lane::Invited(by) => Some(self.invited.enter(&[by; 3], WAITING, [WAITING_BY_ONE; 3])),
        };
        let _waiting = match waiting {
            None => None,
            Some(waiting) => {
                let waiting = waiting.ok_or(ServiceError::Later(Duration::from_secs(5)))?;
                Some((waiting, self.strangers.acquire().await.map_err(|_| ServiceError::Unavailable)?))
            }
        };
        let _turn = self.turns.acquire().await.map_err(|_| ServiceError::Unavailable)?;
        self.done.fetch_add(1, Ordering::Relaxed);
        blocking(work).await
    }

    /// How often it ran.
    pub(super) fn count(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}
