//! Starts a vault whose parts fit together: from here on things are changed. The losing slot goes, orders from before
//! the last stop are carried out, threads start.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use super::fit::Opening;
use super::{Layout, OpenFailure, OpenReport, Options};
use crate::base::files::{self, FolderLock};
use crate::keys::tree::FANOUT;
use crate::keys::witness::Testimony;
use crate::vault::audit::Draft;
use crate::vault::committer::{Committer, QUEUE};
use crate::vault::hooks::Step;
use crate::vault::intent::{Intent, Stage};
use crate::vault::janitor::{Janitor, Wake, orphans};
use crate::vault::shared::{Parts, Shared};
use crate::vault::txn::{State, Txn};
use crate::vault::{Detail, Vault, VaultError, epoch};

impl Opening {
    pub(super) fn start(
        self,
        options: &Options,
        locks: [FolderLock; 2],
        mut report: OpenReport,
    ) -> Result<(Vault, OpenReport), OpenFailure> {
        let epoch = self.found.epoch;
        self.slots.destroy(self.found.slot.other(), &*options.entropy)?;
        let shared = Arc::new(Shared::new(Parts {
            vault: self.vault,
            data: options.layout.data.clone(),
            engine: self.engine,
            clock: options.clock.clone(),
            entropy: options.entropy.clone(),
            hooks: options.hooks.clone(),
            keys: self.keys,
            view: self.view,
        }));
        shared.step(Step::LosingSlotDestroyed)?;
        end_first_run(&options.layout)
            .map_err(|error| OpenFailure(format!("{}: {error}", options.layout.data.display())))?;
        shared.figures.epoch.store(epoch, Ordering::SeqCst);
        shared.committed(epoch, &self.counters);
        fill_directory(&shared)?;

        let (wake, woken) = std::sync::mpsc::channel();
        let (jobs, queue) = mpsc::channel(QUEUE);
        let mut committer = Committer {
            shared: Arc::clone(&shared),
            state: State {
                root: self.found.root,
                system_key: self.system_key,
                slot: self.found.slot,
                counters: self.counters,
            },
            slots: self.slots,
            master: self.master,
            recovery: self.recovery,
            intents: HashMap::new(),
            janitor: wake.clone(),
        };
        carry_out_orders(&mut committer, &wake, &mut report)?;
        shared.step(Step::OrdersCarriedOut)?;
        let current = shared.view().epoch;
        // Always written anew: what reads back as current may be in memory only since a stop in the middle of a write.
        let held = committer.write_recovery(current);
        if held != Some(current) {
            report.notices.push(format!(
                "The recovery slot {} cannot be written; until it can, erasures are \"pending in backup\".",
                committer.recovery.path().display()
            ));
        }
        shared.step(Step::RecoveryFollowed)?;
        let mut witness = self.witness;
        let written = match self.testimony {
            Some(testimony) => testimony,
            // A vault just made: an end before the first second is over must not leave it without a testimony.
            None => {
                let first = Testimony { epoch: shared.view().epoch, audit: committer.state.counters.audit.clone() };
                witness.write(&first, &shared.derived.witness)?;
                first
            }
        };
        shared.step(Step::TestimonyChecked)?;
        note_opening(&mut committer)?;
        shared.step(Step::OpeningNoted)?;
        match orphans(&shared) {
            Ok(files) => drop(wake.send(Wake::Sweep(files))),
            Err(error) => return Err(OpenFailure(format!("{}: {error}", shared.files_dir().display()))),
        }
        let janitor = Janitor {
            shared: Arc::clone(&shared),
            jobs: jobs.downgrade(),
            witness,
            written,
            last_try: std::time::Instant::now(),
        };
        let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(body)
                .map_err(|error| OpenFailure(format!("no thread could be started: {error}")))
        };
        let threads = vec![
            spawn("committer", Box::new(move || committer.run(queue)))?,
            spawn(
                "janitor",
                Box::new(move || {
                    // The folders stay locked until the last thread that writes to them is done.
                    let _locks = locks;
                    janitor.run(&woken);
                }),
            )?,
        ];
        let waiting = std::sync::atomic::AtomicUsize::new(0);
        let vault = Vault {
            shared,
            jobs: Some(jobs),
            waiting,
            threads: Mutex::new(threads),
            stop: Some(wake),
            postings: Default::default(),
            history: Default::default(),
        };
        Ok((vault, report))
    }
}

/// A first run that stopped right before its last step has left its marker in the data folder.
fn end_first_run(layout: &Layout) -> std::io::Result<()> {
    if layout.data_marker().exists() {
        std::fs::remove_file(layout.data_marker())?;
        files::sync_dir(&layout.data)?;
    }
    Ok(())
}

fn fill_directory(shared: &Shared) -> Result<(), OpenFailure> {
    let view = shared.view();
    let mut directory = shared.directory.write().map_err(|_| VaultError::Unavailable)?;
    for index in view.leaves() {
        let leaf = view.leaf(&*shared.engine, index)?.ok_or(VaultError::Tampered)?;
        for (slot, entry) in leaf.entries() {
            directory.insert(&entry.person, entry.tag.as_ref(), index * FANOUT + slot as u64);
        }
    }
    Ok(())
}

/// Orders that were durable when the vault last stopped: first the keys, then the clean-up.
fn carry_out_orders(
    committer: &mut Committer,
    wake: &std::sync::mpsc::Sender<Wake>,
    report: &mut OpenReport,
) -> Result<(), OpenFailure> {
    let shared = Arc::clone(&committer.shared);
    let mut waiting = Vec::new();
    for intent in Intent::load_all(&shared)? {
        match intent.stage {
            Stage::Ordered => {
                epoch::mark(&shared, &intent);
                waiting.push(intent.id);
                committer.intents.insert(intent.id, intent);
            }
            Stage::Erased(mut outcome) => {
                if outcome.after == shared.view().epoch {
                    // Whether its old root was destroyed before the stop is not known; by now it is.
                    outcome.at = shared.note_destroyed(outcome.after);
                }
                let intent = Intent { stage: Stage::Erased(outcome), ..intent };
                shared.figures.pending_cleanup.fetch_add(1, Ordering::SeqCst);
                let _ = wake.send(Wake::Clean(intent));
            }
        }
    }
    if !waiting.is_empty() {
        committer.epoch(&waiting)?;
        report.notices.push(format!("{} erasure order(s) from before the last stop were carried out.", waiting.len()));
    }
    Ok(())
}

fn note_opening(committer: &mut Committer) -> Result<(), OpenFailure> {
    let shared = Arc::clone(&committer.shared);
    let ready = {
        let mut txn = Txn::new(&shared, &committer.state);
        txn.entry(Draft::system(Detail::Opened(env!("CARGO_PKG_VERSION").to_owned())));
        txn.finish()?
    };
    Ok(committer.commit(ready)?)
}
