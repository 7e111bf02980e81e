//! The janitor: a thread that removes the rows and files of the erased, in small batches; sweeps what abandoned uploads
//! left; and keeps the witness at most a second behind. Nothing here is needed for data to be gone: the keys are.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::audit::Draft;
use super::committer::Job;
use super::deed::Deed;
use super::hooks::Step;
use super::intent::{Intent, Line};
use super::shared::Shared;
use super::{Detail, VaultError, rows};
use crate::base::files;
use crate::base::ids::FileId;
use crate::base::sensitive::{USUAL_DEPTH, wipe_stack};
use crate::base::tables::Table;
use crate::keys::keyring::Keyring;
use crate::keys::witness::{Testimony, Witness};
use crate::store::Row;

/// How often the witness is brought up to date.
const TICK: Duration = Duration::from_millis(500);
/// How often a recovery slot that is behind is tried again.
const RECOVERY_TICK: Duration = Duration::from_secs(2);
/// Lines of an order removed in one commit.
const CHUNK: usize = 200;

pub(super) enum Wake {
    /// Rows and files of a carried-out order.
    Clean(Intent),
    /// Files that belonged to no record when the vault was opened.
    Sweep(Vec<FileId>),
}

pub(super) struct Janitor {
    pub(super) shared: Arc<Shared>,
    /// Weak, so that the committer ends when the vault goes.
    pub(super) jobs: mpsc::WeakSender<Box<Job>>,
    pub(super) witness: Witness,
    pub(super) written: Testimony,
    pub(super) last_try: Instant,
}

impl Drop for Janitor {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Nobody keeps the witness any more.
            self.shared.witness_failed.store(true, Ordering::SeqCst);
        }
    }
}

impl Janitor {
    pub(super) fn run(mut self, wake: &Receiver<Wake>) {
        loop {
            match wake.recv_timeout(TICK) {
                Ok(Wake::Clean(intent)) => self.clean(&intent),
                Ok(Wake::Sweep(files)) => self.sweep(&files),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.keep_witness();
                    return;
                }
            }
            self.keep_witness();
            self.keep_recovery();
            wipe_stack::<USUAL_DEPTH>();
        }
    }

    fn keep_witness(&mut self) {
        let Ok(current) = self.shared.testimony.lock().map(|testimony| testimony.clone()) else { return };
        // A second sync could claim success for what the first one lost, so a failure stays one until the next start.
        if current == self.written || self.shared.witness_failed.load(Ordering::SeqCst) {
            return;
        }
        match self.witness.write(&current, &self.shared.derived.witness) {
            Ok(()) => self.written = current,
            Err(error) => {
                tracing::error!(%error, "the witness could not be written: submissions are taken, nothing is read or erased");
                self.shared.witness_failed.store(true, Ordering::SeqCst);
            }
        }
    }

    /// Tries again to bring a recovery slot that was out of reach up to date.
    pub(super) fn keep_recovery(&mut self) {
        let figures = &self.shared.figures;
        let behind = figures.recovery_epoch.load(Ordering::SeqCst) != figures.epoch.load(Ordering::SeqCst);
        if !behind || self.last_try.elapsed() < RECOVERY_TICK {
            return;
        }
        self.last_try = Instant::now();
        if let Some(jobs) = self.jobs.upgrade() {
            // The committer holds the root; it needs no answer from here.
            let _ = jobs.blocking_send(Box::new(Job::Recovery));
        }
    }

    fn clean(&mut self, intent: &Intent) {
        match self.remove(intent) {
            Ok(()) => {
                let pending = self.shared.figures.pending_cleanup.fetch_sub(1, Ordering::SeqCst);
                if pending == 1
                    && let Ok(mut destroyed) = self.shared.destroyed.lock()
                {
                    destroyed.clear();
                }
            }
            // The order stays; the next start goes on with it.
            Err(error) => tracing::warn!(%error, "clean-up after an erasure stopped; it goes on at the next start"),
        }
    }

    fn remove(&mut self, intent: &Intent) -> Result<(), VaultError> {
        let mut deeds = Deed::of(intent).into_iter();
        for chunk in intent.lines.chunks(CHUNK) {
            let (mut kept, mut keys) = (Vec::new(), Vec::new());
            let mut unlinked = false;
            for line in chunk {
                match line {
                    Line::Person { person, keyring_parts, consent_parts, .. } => {
                        keys.extend((0..*keyring_parts).map(|part| Keyring::row_key(person, part)));
                        keys.extend((0..*consent_parts).map(|part| rows::consent_key(person, part)));
                    }
                    Line::Record { .. } => {}
                    Line::Rows { record, arrival, files } => {
                        for file in files {
                            unlinked |= std::fs::remove_file(self.shared.file_path(file)).is_ok();
                            self.shared.step(Step::FileUnlinked)?;
                            keys.push(rows::file_key(file));
                        }
                        keys.extend(self.shared.keys_beside(record)?);
                        keys.push(rows::record_key(record));
                        keys.push(rows::list_key(*arrival));
                    }
                }
                if line.place().is_some() {
                    kept.extend(deeds.next().map(|deed| deed.rows(&self.shared)).transpose()?.into_iter().flatten());
                }
            }
            if unlinked {
                files::sync_dir(&self.shared.files_dir()).map_err(super::upload::to_error)?;
                self.shared.step(Step::UnlinksSynced)?;
            }
            self.change(kept, keys)?;
            self.shared.step(Step::RowsRemoved)?;
            self.keep_witness();
        }
        self.change(Vec::new(), intent.row_keys())?;
        self.shared.step(Step::OrderRemoved)
    }

    fn change(&self, kept: Vec<Row>, removed: Vec<Vec<u8>>) -> Result<(), VaultError> {
        let (reply, answer) = oneshot::channel();
        let draft = Draft::system(Detail::Removed(removed.len() as u64));
        let jobs = self.jobs.upgrade().ok_or(VaultError::Unavailable)?;
        let job = Box::new(Job::CleanUp { kept, removed, draft, reply });
        jobs.blocking_send(job).map_err(|_| VaultError::Unavailable)?;
        drop(jobs);
        answer.blocking_recv().map_err(|_| VaultError::Unavailable)?
    }

    pub(super) fn sweep(&self, files: &[FileId]) {
        let mut swept = 0;
        for file in files {
            let orphan = self.shared.engine.read(&rows::file_key(file)).is_ok_and(|row| row.is_none());
            let in_use = self.shared.uploads.lock().is_ok_and(|uploads| uploads.contains(file));
            if orphan && !in_use && std::fs::remove_file(self.shared.file_path(file)).is_ok() {
                swept += 1;
                if self.shared.step(Step::OrphanRemoved).is_err() {
                    return;
                }
            }
        }
        if swept > 0 {
            tracing::info!(files = swept, "removed what abandoned uploads left");
        }
    }
}

/// The files in the folder that no row names, when the vault is opened.
pub(super) fn orphans(shared: &Shared) -> std::io::Result<Vec<FileId>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(shared.files_dir())? {
        let name = entry?.file_name();
        let Some(file) = name.to_str().and_then(|name| name.parse::<FileId>().ok()) else { continue };
        if shared.engine.read(&Table::Files.key(&[file.as_bytes()])).is_ok_and(|row| row.is_none()) {
            out.push(file);
        }
    }
    Ok(out)
}
