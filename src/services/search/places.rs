//! How many searches there may be at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::policy::Actor;
use crate::services::ServiceError;

/// Searches at a time, in all.
const MOST: usize = 4;
/// Searches of one person at a time.
const MOST_OF_ONE: usize = 2;
/// How long one waits for a place.
const PATIENCE: Duration = Duration::from_secs(3);
/// When whoever was turned away may come again.
const LATER: Duration = Duration::from_secs(2);

/// The places for searches.
pub(in crate::services) struct Places {
    all: Arc<Semaphore>,
    by_person: Arc<Mutex<HashMap<String, usize>>>,
    patience: Duration,
}

impl Default for Places {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(MOST)), by_person: Arc::default(), patience: PATIENCE }
    }
}

/// A place of a search, free again when it is dropped.
pub(super) struct Place {
    _own: Own,
    _all: OwnedSemaphorePermit,
}

struct Own {
    by_person: Arc<Mutex<HashMap<String, usize>>>,
    person: String,
}

impl Places {
    /// Takes a place, and waits for one if it must.
    ///
    /// # Errors
    /// [`ServiceError::Later`] for who searches too much at a time, and when there is no place for too long.
    pub(super) async fn take(&self, actor: &Actor) -> Result<Place, ServiceError> {
        let own = self.count(actor)?;
        let all = tokio::time::timeout(self.patience, Arc::clone(&self.all).acquire_owned()).await;
        let all = all.map_err(|_| ServiceError::Later(LATER))?.map_err(|_| ServiceError::Unavailable)?;
        Ok(Place { _own: own, _all: all })
    }

    /// Searches under way.
    pub(in crate::services) fn taken(&self) -> usize {
        MOST - self.all.available_permits()
    }

    fn count(&self, actor: &Actor) -> Result<Own, ServiceError> {
        let person = match actor {
            Actor::Staff { id, .. } => id.to_string(),
            other => other.to_string(),
        };
        let mut counts = self.by_person.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(person.clone()).or_default();
        if *count >= MOST_OF_ONE {
            return Err(ServiceError::Later(LATER));
        }
        *count += 1;
        Ok(Own { by_person: Arc::clone(&self.by_person), person })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let mut counts = self.by_person.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.person) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::StaffId;
    use crate::policy::{Role, Scope};

    fn staff(n: u8) -> Actor {
        Actor::Staff {
            id: StaffId::from_bytes([n; 16]),
            login: format!("s{n}"),
            roles: vec![Role::Hr],
            scope: Scope::default(),
        }
    }

    #[tokio::test]
    async fn nobody_takes_all_places_and_each_comes_back() {
        let places = Places { patience: Duration::from_millis(50), ..Places::default() };
        let first = places.take(&staff(1)).await.unwrap();
        let _second = places.take(&staff(1)).await.unwrap();
        assert!(matches!(places.take(&staff(1)).await, Err(ServiceError::Later(_))), "a third of one person");
        let _third = places.take(&staff(2)).await.unwrap();
        let _fourth = places.take(&staff(3)).await.unwrap();
        assert_eq!(places.taken(), 4);
        assert!(matches!(places.take(&staff(4)).await, Err(ServiceError::Later(_))), "after it has waited");
        let waiting = tokio::spawn({
            let places = Arc::new(Places { patience: PATIENCE, ..places });
            let theirs = Arc::clone(&places);
            async move { (theirs.take(&staff(4)).await.is_ok(), theirs) }
        });
        tokio::task::yield_now().await;
        drop(first);
        let (got, places) = waiting.await.unwrap();
        assert!(got, "whoever waits gets the next one");
        assert!(places.by_person.lock().unwrap().len() < 4, "who has none is forgotten");
        assert!(places.take(&staff(1)).await.is_ok());
    }
}
