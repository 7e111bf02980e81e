//! Requests that may be repeated: for a day, the same key with the same body gets the same answer.
//!
//! The map lives in memory; what it needs stands sealed in each submission's list entry, so it is filled again from the
//! last day's entries when the first keyed request after a start comes.
//!
//! A second such map knows the same content from the same sender, for ten minutes, where no key came with it. That one is
//! never written anywhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::{App, ServiceError, blocking};
use crate::base::clock::Timestamp;
use crate::base::ids::RecordId;

/// How long a key is remembered.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long content is remembered that came without a key.
const LIFE_OF_CONTENT: Duration = Duration::from_secs(10 * 60);
/// Contents remembered, at most. Beyond that a duplicate is a submission of its own, which harms nobody.
const MOST_CONTENTS: usize = 50_000;

#[derive(Default)]
pub(super) struct Requests {
    keys: Mutex<HashMap<[u8; 32], Seen>>,
    contents: Mutex<HashMap<[u8; 32], Seen>>,
    warm: OnceCell<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Map {
    Keys,
    Contents,
}

impl Requests {
    const fn map(&self, map: Map) -> &Mutex<HashMap<[u8; 32], Seen>> {
        match map {
            Map::Keys => &self.keys,
            Map::Contents => &self.contents,
        }
    }
}

impl Map {
    const fn life(self) -> Duration {
        match self {
            Self::Keys => LIFE,
            Self::Contents => LIFE_OF_CONTENT,
        }
    }
}

#[derive(Clone, Copy)]
enum Seen {
    Running,
    Done { body: [u8; 32], record: RecordId, at: Timestamp },
}

/// A key held by a request under way. Dropped without [`Held::done`], the key is free again.
pub(super) struct Held {
    app: Arc<App>,
    map: Map,
    pub(super) key: [u8; 32],
    /// The submission that an earlier request with this key made.
    pub(super) earlier: Option<Earlier>,
}

#[derive(Clone, Copy)]
pub(super) struct Earlier {
    pub(super) body: [u8; 32],
    pub(super) record: RecordId,
}

/// Takes hold of a key.
pub(super) async fn hold(app: &Arc<App>, key: [u8; 32]) -> Result<Held, ServiceError> {
    app.requests.warm.get_or_try_init(|| warm(app)).await?;
    take(app, Map::Keys, key)
}

/// Takes hold of a content, given as a keyed hash of it and its sender; `None` when no more of them can be remembered.
pub(super) fn hold_content(app: &Arc<App>, hash: [u8; 32]) -> Result<Option<Held>, ServiceError> {
    let held = take(app, Map::Contents, hash)?;
    let full = app.requests.contents.lock().map_err(|_| ServiceError::Internal)?.len() > MOST_CONTENTS;
    Ok((held.earlier.is_some() || !full).then_some(held))
}

fn take(app: &Arc<App>, map: Map, key: [u8; 32]) -> Result<Held, ServiceError> {
    let life = map.life();
    let now = app.clock.now();
    let mut seen = app.requests.map(map).lock().map_err(|_| ServiceError::Internal)?;
    // Before the table grows, what has expired is cleared out: seldom, and in proportion to what lives.
    if seen.len() == seen.capacity() || map == Map::Contents && seen.len() >= MOST_CONTENTS {
        seen.retain(|_, entry| !matches!(entry, Seen::Done { at, .. } if now.since(*at) >= life));
    }
    let earlier = match seen.get(&key).copied() {
        Some(Seen::Running) => return Err(ServiceError::StillRunning),
        // The entry stays as it is: a repetition changes nothing.
        Some(Seen::Done { body, record, at }) if now.since(at) < life => Some(Earlier { body, record }),
        _ => {
            seen.insert(key, Seen::Running);
            None
        }
    };
    drop(seen);
    Ok(Held { app: Arc::clone(app), map, key, earlier })
}

impl Held {
    /// The request made this submission.
    pub(super) fn done(mut self, body: [u8; 32], record: RecordId, at: Timestamp) {
        if let Ok(mut seen) = self.app.requests.map(self.map).lock() {
            seen.insert(self.key, Seen::Done { body, record, at });
        }
        // Nothing to free any more.
        self.earlier = Some(Earlier { body, record });
    }

    /// The earlier submission was erased: the key is as good as new, for the first of those who find out.
    ///
    /// # Errors
    /// [`ServiceError::StillRunning`] for the others.
    pub(super) fn forget_earlier(&mut self) -> Result<(), ServiceError> {
        let Some(Earlier { record: gone, .. }) = self.earlier else { return Ok(()) };
        let mut seen = self.app.requests.map(self.map).lock().map_err(|_| ServiceError::Internal)?;
        match seen.get(&self.key) {
            Some(Seen::Done { record, .. }) if *record == gone => {}
            _ => return Err(ServiceError::StillRunning),
        }
        seen.insert(self.key, Seen::Running);
        self.earlier = None;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.earlier.is_none()
            && let Ok(mut seen) = self.app.requests.map(self.map).lock()
        {
            seen.remove(&self.key);
        }
    }
}

async fn warm(app: &Arc<App>) -> Result<(), ServiceError> {
    let vault = Arc::clone(&app.vault);
    let now = app.clock.now();
    let since = Timestamp::from_millis(now.as_millis().saturating_sub(LIFE.as_millis() as i64));
    let recent = blocking(move || vault.recent_requests(since)).await??;
    let mut seen = app.requests.keys.lock().map_err(|_| ServiceError::Internal)?;
    for (idempotency, summary) in recent {
        let done = Seen::Done { body: idempotency.body, record: summary.id, at: summary.received };
        seen.entry(idempotency.key).or_insert(done);
    }
    Ok(())
}
