//! The only code that joins keys and store: it seals, opens and shreds.
//!
//! - [`Vault`] is the door. What it takes and gives are domain types; keys and rows never leave.
//! - One thread, the [`committer`], composes every change: it alone resolves an address to a person, writes tree pages,
//!   keyrings and audit entries, and runs epochs. Jobs that wait together share one durable commit ([`txn`]).
//! - Readers work on a published snapshot of the tree ([`view`]) and retry when a commit overtakes them.
//! - A [`crate::policy::Permit`] becomes a [`Grant`] once its audit entry is durable; content opens with a grant only.
//! - [`epoch`] is erasure: a fresh root, the old one destroyed. [`open`] finishes at start-up whatever a crash left.

mod aim;
mod answers;
pub mod audit;
mod board;
pub mod certificate;
mod change;
mod committer;
mod deed;
mod digest;
mod directory;
mod download;
mod downloads;
mod epoch;
mod figures;
mod grant;
mod held;
mod history;
mod hooks;
mod intent;
mod janitor;
mod list;
mod mailings;
mod notes;
pub mod open;
mod outbox;
mod people;
mod read;
mod redo;
mod rekey;
mod rows;
mod search;
mod shared;
mod shelf;
mod subscribers;
pub mod system_rows;
#[cfg(test)]
mod tests;
mod txn;
pub mod upload;
pub mod verify;
mod view;
mod work;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::base::entropy::EntropyError;
use crate::base::ids::RequestId;
use crate::crypto::{OpenError, SealError};
use crate::keys::KeyError;
pub use crate::keys::keyring::MAX_FILES;
use crate::policy::Permit;
use crate::store::{MAX_ROW, StoreError};

pub use answers::{Answer, AnswersGrant, AnswersState};
pub use audit::{Detail, EntryView, Ordered, SearchedBy, SubjectView};
pub use board::Posting;
pub use certificate::Certificate;
pub use change::{ConsentChange, NewMessage};
pub use download::FileReader;
pub use downloads::{AGAIN, Claim, Worth};
pub use epoch::Target;
pub use figures::Load;
pub use grant::Grant;
pub use held::Held;
pub use history::Past;
pub use hooks::{Hooks, Step};
pub use list::Listed;
pub use mailings::{Fate, Plan, Progress, Recipients};
pub use open::{Layout, OpenFailure, OpenReport, Options};
pub use outbox::MailName;
pub use people::{NewSubmission, Stored};
pub use read::{LedgerLine, Located, Opened};
pub use redo::reencode as reencode_redo;
pub use rows::Idempotency;
pub use search::{Hit, Opening, Piece, Search, SearchGrant, Sieve};
pub use shelf::{Filter, Tally};
pub use subscribers::{Newsletter, Subscriber, Turn};
pub use upload::{SealedFile, Upload};
pub use work::{LabelChange, WorkChange};

use committer::Job;
use shared::Shared;

/// Why the vault did not do something. The details are in the log, never in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no such person, record or file, or not any more.
    #[error("there is no such thing")]
    Missing,
    /// It is kept in a region from which the actor may not read it.
    #[error("it may not be read from there")]
    Elsewhere,
    /// A row or file does not open although it should: it was changed by somebody else.
    #[error("a row or file does not open; run `letterlock verify`")]
    Tampered,
    /// The disk is full; nothing was written.
    #[error("the disk is full")]
    StorageFull,
    /// The vault is stopping, or a write failed and it must be restarted.
    #[error("the vault cannot write now")]
    Unavailable,
    /// More than the format has room for.
    #[error("too large")]
    TooLarge,
}

/// Bytes of the outer layer of a row with two, at most.
const OUTER_LAYER: usize = 256;

/// Refuses a row of so many bytes by itself: the store would refuse it with everything else that is in its commit.
const fn check_row(bytes: usize) -> Result<(), VaultError> {
    if bytes <= MAX_ROW { Ok(()) } else { Err(VaultError::TooLarge) }
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store");
        match error {
            StoreError::RowTooLarge(_) => Self::TooLarge,
            _ => Self::Unavailable,
        }
    }
}

impl From<KeyError> for VaultError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Open(_) | KeyError::Layout(_) => Self::Tampered,
            other => {
                tracing::error!(error = %other, "keys");
                Self::Unavailable
            }
        }
    }
}

impl From<OpenError> for VaultError {
    fn from(_: OpenError) -> Self {
        Self::Tampered
    }
}

impl From<SealError> for VaultError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::TooLarge => Self::TooLarge,
            SealError::Entropy(_) => Self::Unavailable,
        }
    }
}

impl From<EntropyError> for VaultError {
    fn from(error: EntropyError) -> Self {
        tracing::error!(%error, "entropy");
        Self::Unavailable
    }
}

/// Proof that an act was allowed, and on whose behalf: what every change needs to be written into the audit trail.
#[derive(Debug)]
pub struct Act {
    /// The permit.
    pub permit: Permit,
    /// The request that it belongs to.
    pub request: RequestId,
    /// What it was done for, when it opens nothing: a search, a mark, an erasure. A name such as `subject-request`,
    /// never free text. The purpose of a reading stands in the entry's inner layer instead.
    pub purpose: Option<String>,
}

/// An open vault. Dropping it stops its threads; what was acknowledged is on disk anyway.
pub struct Vault {
    shared: Arc<Shared>,
    jobs: Option<mpsc::Sender<Box<Job>>>,
    /// Callers that wait for the committer.
    waiting: AtomicUsize,
    threads: Mutex<Vec<JoinHandle<()>>>,
    stop: Option<std::sync::mpsc::Sender<janitor::Wake>>,
    postings: board::Postings,
    history: history::Index,
}

impl Vault {
    /// Hands a job to the committer and waits for its answer. A job that is dropped unanswered is refused.
    async fn ask<T>(&self, make: impl FnOnce(Reply<T>) -> Job) -> Result<T, VaultError> {
        let (reply, answer) = oneshot::channel();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        let jobs = self.jobs.as_ref().ok_or(VaultError::Unavailable)?;
        jobs.send(Box::new(make(reply))).await.map_err(|_| VaultError::Unavailable)?;
        answer.await.map_err(|_| VaultError::Unavailable)?
    }

    /// Finishes what was accepted and writes the witness. Later calls fail with [`VaultError::Unavailable`].
    pub async fn close(&self) {
        let _ = self.ask(Job::Stop).await;
    }
}

/// A caller that waits; counted until it is dropped, answered or not.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.jobs = None;
        self.stop = None;
        if let Ok(mut threads) = self.threads.lock() {
            for thread in threads.drain(..) {
                let _ = thread.join();
            }
        }
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

type Reply<T> = oneshot::Sender<Result<T, VaultError>>;
