//! The engine on sled 0.34, with the settings under which it was measured to be durable:
//!
//! - one tree, for batches over several are not atomic;
//! - segments of 8 MiB and rows of at most 64 KiB, so that nothing goes to sled's `blobs/`, which it never syncs;
//! - no background flushing; each commit is one batch, one blocking `flush` and one `fdatasync` on our own handle, since
//!   sled's flush is `sync_file_range` only. Commits are serialised: concurrent flushes can deadlock.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Batch, Engine, MAX_ROW, Rows, StoreError};
use crate::base::files;
use crate::base::sensitive::wipe_stack;

const SEGMENT_BYTES: usize = 8 << 20;
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// How far down sled may build what it keeps, in bytes; wiped before each call, at less than a microsecond. What sled leaves
/// for later clean-up is of a fixed size, so its unused end is a copy of whatever stood on the stack: it must be clean.
const REACH: usize = 16 * 1024;

/// A sled store in a folder.
pub struct SledEngine {
    tree: sled::Tree,
    // Dropped after the tree: sled writes its last buffers when the database goes.
    _db: sled::Db,
    log: File,
    blobs: PathBuf,
    commits: Mutex<u64>,
    poisoned: AtomicBool,
}

impl std::fmt::Debug for SledEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledEngine").finish_non_exhaustive()
    }
}

/// A store just opened.
#[derive(Debug)]
pub struct OpenedStore {
    /// The engine.
    pub engine: SledEngine,
    /// Files that were kept aside because the store would not open with them.
    pub kept_aside: Vec<PathBuf>,
}

impl SledEngine {
    /// Whether there is a store in `folder`. Opening makes one where there is none, and moves what does not fit it aside.
    pub fn is_in(folder: &Path) -> bool {
        std::fs::metadata(folder.join("db")).is_ok_and(|meta| meta.is_file() && meta.len() > 0)
    }

    /// Opens or makes the store in `folder`, with a page cache of `cache_bytes`.
    ///
    /// Snapshots (`snap.*`) only speed up opening; after an abrupt stop one can be broken. If the store does not open,
    /// they are moved to `kept-aside/` beside it, never deleted, and it is tried once more.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn open(folder: &Path, cache_bytes: u64) -> Result<OpenedStore, StoreError> {
        files::make_private_dir(folder)?;
        let mut kept_aside = Vec::new();
        let db = match open_db_patiently(folder, cache_bytes) {
            Err(StoreError::Damaged(first)) => {
                kept_aside = keep_snapshots_aside(folder)?;
                if kept_aside.is_empty() {
                    return Err(StoreError::Damaged(first));
                }
                open_db(folder, cache_bytes)?
            }
            other => other?,
        };
        let tree = db.open_tree(b"letterlock").map_err(to_error)?;
        let log = File::open(folder.join("db"))?;
        log.sync_all()?;
        // sled writes its settings in two pieces and syncs neither; torn, they keep the store from opening.
        File::open(folder.join("conf"))?.sync_all()?;
        files::sync_dir(folder)?;
        let engine = Self {
            tree,
            _db: db,
            log,
            blobs: folder.join("blobs"),
            commits: Mutex::new(0),
            poisoned: AtomicBool::new(false),
        };
        engine.refuse_blobs()?;
        Ok(OpenedStore { engine, kept_aside })
    }

    fn refuse_blobs(&self) -> Result<(), StoreError> {
        let any = match std::fs::read_dir(&self.blobs) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => return Err(error.into()),
        };
        if any { Err(StoreError::Damaged("it wrote to blobs/, which is not durable".to_owned())) } else { Ok(()) }
    }

    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut sled_batch = sled::Batch::default();
        for (key, value) in batch {
            match value {
                Some(value) => sled_batch.insert(key.as_slice(), value.as_slice()),
                None => sled_batch.remove(key.as_slice()),
            }
        }
        self.tree.apply_batch(sled_batch).map_err(to_error)?;
        self.tree.flush().map_err(to_error)?;
        self.log.sync_data()?;
        Ok(())
    }
}

impl Engine for SledEngine {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        wipe_stack::<REACH>();
        Ok(self.tree.get(key).map_err(to_error)?.map(|v| v.to_vec()))
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        Box::new(
            OnCleanStack(self.tree.range(from.to_vec()..to.to_vec()))
                .map(|r| r.map(|(k, v)| (k.to_vec(), v.to_vec())).map_err(to_error)),
        )
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        if let Some(value) = batch.values().flatten().find(|v| v.len() > MAX_ROW) {
            return Err(StoreError::RowTooLarge(value.len()));
        }
        wipe_stack::<REACH>();
        let mut commits = self.commits.lock().map_err(|_| StoreError::Poisoned)?;
        if !self.is_writable() {
            return Err(StoreError::Poisoned);
        }
        let result = catch_unwind(AssertUnwindSafe(|| self.write(batch)))
            .unwrap_or_else(|_| Err(StoreError::Damaged("the engine gave up while writing".to_owned())))
            // Listing an empty folder is cheap, but not cheaper than a commit.
            .and_then(|()| if commits.is_multiple_of(256) { self.refuse_blobs() } else { Ok(()) });
        *commits += 1;
        if result.is_err() {
            self.poisoned.store(true, Ordering::SeqCst);
        }
        result
    }

    fn is_writable(&self) -> bool {
        !self.poisoned.load(Ordering::SeqCst)
    }
}

/// Calls sled with a clean stack below it, as the other calls do.
struct OnCleanStack<I>(I);

impl<I: Iterator> Iterator for OnCleanStack<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        wipe_stack::<REACH>();
        self.0.next()
    }
}

impl<I: DoubleEndedIterator> DoubleEndedIterator for OnCleanStack<I> {
    fn next_back(&mut self) -> Option<I::Item> {
        wipe_stack::<REACH>();
        self.0.next_back()
    }
}

/// sled's threads may hold its lock for a moment after the database was dropped.
fn open_db_patiently(folder: &Path, cache_bytes: u64) -> Result<sled::Db, StoreError> {
    for _ in 0..LOCK_TRIES {
        match open_db(folder, cache_bytes) {
            Err(StoreError::InUse) => std::thread::sleep(LOCK_PAUSE),
            other => return other,
        }
    }
    Err(StoreError::InUse)
}

fn open_db(folder: &Path, cache_bytes: u64) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new()
        .path(folder)
        .segment_size(SEGMENT_BYTES)
        .cache_capacity(cache_bytes)
        .flush_every_ms(None)
        .use_compression(false);
    // sled asserts on some kinds of damage where it should return an error.
    catch_unwind(AssertUnwindSafe(|| config.open()))
        .unwrap_or_else(|_| Err(sled::Error::ReportableBug("opening panicked".to_owned())))
        .map_err(to_error)
}

fn keep_snapshots_aside(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let aside = folder.with_file_name("kept-aside");
    let mut moved = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            files::make_private_dir(&aside)?;
            let mut target = aside.join(entry.file_name());
            for n in 1.. {
                if !target.exists() {
                    break;
                }
                target = aside.join(format!("{}.{n}", entry.file_name().to_string_lossy()));
            }
            std::fs::rename(entry.path(), &target)?;
            moved.push(target);
        }
    }
    if !moved.is_empty() {
        files::sync_dir(&aside)?;
        files::sync_dir(folder)?;
    }
    Ok(moved)
}

fn to_error(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => StoreError::InUse,
        sled::Error::Io(error) => match error.kind() {
            // What sled reports for bytes that do not parse.
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::Other => {
                StoreError::Damaged(error.to_string())
            }
            _ => StoreError::Io(error),
        },
        other => StoreError::Damaged(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(rows: &[(&[u8], Option<&[u8]>)]) -> Batch {
        rows.iter().map(|(k, v)| (k.to_vec(), v.map(<[u8]>::to_vec))).collect()
    }

    #[test]
    fn a_batch_is_there_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("store");
        let engine = SledEngine::open(&folder, 8 << 20).unwrap().engine;
        engine.commit(&batch(&[(b"a", Some(b"1")), (b"b", Some(b"2"))])).unwrap();
        engine.commit(&batch(&[(b"a", None), (b"c", Some(b"3"))])).unwrap();
        assert!(matches!(SledEngine::open(&folder, 8 << 20), Err(StoreError::InUse)));
        drop(engine);
        let engine = SledEngine::open(&folder, 8 << 20).unwrap().engine;
        let keys: Vec<_> = engine.scan(b"", b"z").map(|r| r.unwrap().0).collect();
        assert_eq!(keys, [b"b", b"c"]);
        assert_eq!(engine.read(b"a").unwrap(), None);
    }

    #[test]
    fn a_row_above_the_limit_is_refused_whole_and_large_rows_make_no_blobs() {
        let dir = tempfile::tempdir().unwrap();
        let engine = SledEngine::open(&dir.path().join("store"), 8 << 20).unwrap().engine;
        let large = vec![1; MAX_ROW + 1];
        let refused = engine.commit(&batch(&[(b"a", Some(b"1")), (b"b", Some(&large))]));
        assert!(matches!(refused, Err(StoreError::RowTooLarge(_))));
        assert_eq!(engine.read(b"a").unwrap(), None);
        assert!(engine.is_writable());
        for n in 0..100u8 {
            engine.commit(&batch(&[(&[n], Some(&large[..MAX_ROW]))])).unwrap();
        }
        engine.refuse_blobs().unwrap();
    }

    #[test]
    fn a_broken_snapshot_is_kept_aside_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("store");
        let engine = SledEngine::open(&folder, 8 << 20).unwrap().engine;
        engine.commit(&batch(&[(b"a", Some(b"1"))])).unwrap();
        drop(engine);
        // The next start writes a snapshot of what it found.
        drop(SledEngine::open(&folder, 8 << 20).unwrap());
        let snapshot = std::fs::read_dir(&folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .find(|p| p.file_name().unwrap().to_string_lossy().starts_with("snap."))
            .expect("a start writes a snapshot");
        let mut bytes = std::fs::read(&snapshot).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(&snapshot, &bytes).unwrap();
        let opened = SledEngine::open(&folder, 8 << 20).unwrap();
        assert_eq!(opened.engine.read(b"a").unwrap().as_deref(), Some(&b"1"[..]));
        assert_eq!(opened.kept_aside.len(), 1);
        assert_eq!(std::fs::read(&opened.kept_aside[0]).unwrap(), bytes);
    }
}
