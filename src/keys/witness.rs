//! The witness: what the key folder remembers of the data folder (epoch and audit head, at most a second old), so that a
//! data folder older than its keys is noticed.
//!
//! Two blocks, written in turn, so that a torn write leaves the other one:
//!
//! ```text
//! block = "LLWITN1\0" (8) ‖ vault (16) ‖ epoch (8) ‖ audit size (8) ‖ peaks (1) ‖ peak hashes (32 each)
//!         ‖ HMAC-SHA-256 of all before, under the witness key (32) ‖ zeros up to 4,096
//! ```

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;

use super::KeyError;
use crate::base::codec::{BadLayout, Reader, Writer};
use crate::base::files;
use crate::base::ids::VaultId;
use crate::base::sensitive::SecretBytes;
use crate::base::steps::{Step, Steps};
use crate::crypto::derive::Prf;
use crate::crypto::merkle::Frontier;

const BLOCK_LEN: usize = 4096;
const MAGIC: &[u8; 8] = b"LLWITN1\0";

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Testimony {
    /// Epoch of the root key.
    pub epoch: u64,
    /// Head of the audit tree.
    pub audit: Frontier,
}

/// The witness file.
pub struct Witness {
    path: PathBuf,
    file: File,
    vault: VaultId,
    next_block: u64,
    steps: Steps,
}

impl Witness {
    /// Makes the file, empty of testimony.
    ///
    /// # Errors
    /// [`KeyError::Io`], also when it exists.
    pub fn create(path: &Path) -> Result<(), KeyError> {
        files::write_new_private(path, &[0; 2 * BLOCK_LEN]).map_err(KeyError::io(path))
    }

    /// Opens the file.
    ///
    /// # Errors
    /// [`KeyError::Io`].
    pub fn open(path: &Path, vault: VaultId) -> Result<Self, KeyError> {
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(KeyError::io(path))?;
        Ok(Self { path: path.to_owned(), file, vault, next_block: 0, steps: Steps::default() })
    }

    /// With a listener between the steps of a write, for tests.
    #[must_use]
    pub fn with_steps(self, steps: Steps) -> Self {
        Self { steps, ..self }
    }

    /// The highest epoch that either block claims, unchecked: for a clear refusal when no slot opens.
    pub fn claimed_epoch(&self) -> Option<u64> {
        self.blocks().ok()?.iter().filter_map(|block| decode(self.vault, block).ok()).map(|(t, ..)| t.epoch).max()
    }

    /// The latest testimony that checks under `key`; `None` when there is none.
    ///
    /// # Errors
    /// [`KeyError::Io`].
    pub fn read(&mut self, key: &Prf) -> Result<Option<Testimony>, KeyError> {
        let mut best: Option<(u64, Testimony)> = None;
        for (n, block) in (0..).zip(self.blocks()?) {
            let Some(testimony) = checked(self.vault, &block, key) else { continue };
            let rank = |t: &Testimony| (t.epoch, t.audit.size());
            if best.as_ref().is_none_or(|(_, b)| rank(&testimony) > rank(b)) {
                best = Some((n, testimony));
            }
        }
        self.next_block = best.as_ref().map_or(0, |(n, _)| 1 - n);
        Ok(best.map(|(_, testimony)| testimony))
    }

    /// Writes a testimony; on disk when this returns.
    ///
    /// # Errors
    /// [`KeyError::Io`].
    pub fn write(&mut self, testimony: &Testimony, key: &Prf) -> Result<(), KeyError> {
        self.file
            .write_all_at(&encode(self.vault, testimony, key), self.next_block * BLOCK_LEN as u64)
            .and_then(|()| self.steps.reach(Step::TestimonyPut))
            .and_then(|()| self.file.sync_data())
            .and_then(|()| self.steps.reach(Step::TestimonyWritten))
            .map_err(KeyError::io(&self.path))?;
        self.next_block = 1 - self.next_block;
        Ok(())
    }

    fn blocks(&self) -> Result<[Vec<u8>; 2], KeyError> {
        let mut blocks = [vec![0; BLOCK_LEN], vec![0; BLOCK_LEN]];
        for (block, at) in blocks.iter_mut().zip([0, BLOCK_LEN as u64]) {
            self.file.read_exact_at(block, at).map_err(KeyError::io(&self.path))?;
        }
        Ok(blocks)
    }
}

fn encode(vault: VaultId, testimony: &Testimony, key: &Prf) -> SecretBytes {
    let mut out = Writer::with_capacity(BLOCK_LEN);
    out.bytes(MAGIC).bytes(vault.as_bytes()).u64(testimony.epoch).u64(testimony.audit.size());
    out.u8(testimony.audit.peaks().len() as u8);
    for peak in testimony.audit.peaks() {
        out.bytes(peak);
    }
    let mut block = out.finish();
    let check = key.value(&[&block]);
    block.extend_from_slice(&check);
    block.resize(BLOCK_LEN, 0);
    block
}

/// The testimony of a block, if it checks under `key`.
fn checked(vault: VaultId, block: &[u8], key: &Prf) -> Option<Testimony> {
    let (testimony, signed, check) = decode(vault, block).ok()?;
    bool::from(key.value(&[signed]).ct_eq(check)).then_some(testimony)
}

fn decode(vault: VaultId, block: &[u8]) -> Result<(Testimony, &[u8], &[u8]), BadLayout> {
    let mut reader = Reader::new(block);
    if reader.bytes(8)? != MAGIC || reader.bytes(16)? != vault.as_bytes() {
        return Err(BadLayout);
    }
    let (epoch, size) = (reader.u64()?, reader.u64()?);
    let count = usize::from(reader.u8()?);
    let mut peaks = Vec::new();
    for _ in 0..count {
        peaks.push(reader.array()?);
    }
    let signed = &block[..block.len() - reader.remaining()];
    let check = reader.bytes(32)?;
    let audit = Frontier::from_parts(size, peaks).ok_or(BadLayout)?;
    // One spelling a testimony; a torn write that left something of an earlier one here counts as torn.
    if reader.bytes(reader.remaining())?.iter().any(|&b| b != 0) {
        return Err(BadLayout);
    }
    Ok((Testimony { epoch, audit }, signed, check))
}

/// Reads the bytes of a block and writes them again, for fuzzing: `None` when they are not 4,096 bytes that hold a
/// testimony of this vault under this key.
pub fn reencode(vault: VaultId, block: &[u8], key: &Prf) -> Option<SecretBytes> {
    let testimony = (block.len() == BLOCK_LEN).then(|| checked(vault, block, key))??;
    Some(encode(vault, &testimony, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Key;
    use crate::crypto::derive::Label;
    use crate::crypto::merkle::leaf_hash;

    fn testimony(epoch: u64, size: u64) -> Testimony {
        let mut audit = Frontier::default();
        (0..size).for_each(|n| audit.push(leaf_hash(&n.to_be_bytes())));
        Testimony { epoch, audit }
    }

    #[test]
    fn writes_take_turns_also_when_each_is_by_a_new_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("witness");
        let vault = VaultId::from_bytes([1; 16]);
        let key = Prf::new(&Key::from_bytes([1; 32]), Label::Witness);
        Witness::create(&path).unwrap();
        let mut before = std::fs::read(&path).unwrap();
        let mut last = None;
        for n in 1..=4 {
            let mut witness = Witness::open(&path, vault).unwrap();
            assert_eq!(witness.read(&key).unwrap(), last);
            last = Some(testimony(n, n * 3));
            witness.write(last.as_ref().unwrap(), &key).unwrap();
            let after = std::fs::read(&path).unwrap();
            assert_eq!(after.len(), 2 * BLOCK_LEN);
            let changed = [0, BLOCK_LEN].map(|at| before[at..at + BLOCK_LEN] != after[at..at + BLOCK_LEN]);
            assert_eq!(changed, [n % 2 == 1, n % 2 == 0], "write {n}");
            before = after;
        }
    }

    #[test]
    fn a_block_reads_and_writes_back_to_the_same_bytes_under_its_key_only() {
        let vault = VaultId::from_bytes([1; 16]);
        let key = |byte| Prf::new(&Key::from_bytes([byte; 32]), Label::Witness);
        let block = encode(vault, &testimony(3, 9), &key(1));
        assert!(reencode(vault, &block, &key(1)).is_some_and(|again| *again == *block));
        assert!(reencode(vault, &block, &key(2)).is_none(), "another key");
        assert!(reencode(VaultId::from_bytes([2; 16]), &block, &key(1)).is_none(), "another vault");
        assert!(reencode(vault, &block[..BLOCK_LEN - 1], &key(1)).is_none(), "a byte too few");
    }

    #[test]
    fn the_latest_whole_block_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("witness");
        let vault = VaultId::from_bytes([1; 16]);
        let key = Prf::new(&Key::from_bytes([1; 32]), Label::Witness);
        Witness::create(&path).unwrap();
        let mut witness = Witness::open(&path, vault).unwrap();
        assert_eq!(witness.read(&key).unwrap(), None);
        for n in 1..=5 {
            witness.write(&testimony(n, n * 3), &key).unwrap();
        }
        let mut witness = Witness::open(&path, vault).unwrap();
        assert_eq!(witness.claimed_epoch(), Some(5));
        assert_eq!(witness.read(&key).unwrap(), Some(testimony(5, 15)));

        // The next write is torn: the one before it still stands.
        let block = witness.next_block as usize;
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[block * BLOCK_LEN + 20..block * BLOCK_LEN + 600].fill(0x55);
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(witness.read(&key).unwrap(), Some(testimony(5, 15)));
        bytes[block * BLOCK_LEN..(block + 1) * BLOCK_LEN].fill(0);
        bytes[(2 - block) * BLOCK_LEN - 1] = 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(witness.read(&key).unwrap(), None, "bytes behind a testimony");
        bytes[(2 - block) * BLOCK_LEN - 1] = 0;
        std::fs::write(&path, &bytes).unwrap();
        let other = Prf::new(&Key::from_bytes([2; 32]), Label::Witness);
        assert_eq!(Witness::open(&path, vault).unwrap().read(&other).unwrap(), None);
        assert_eq!(Witness::open(&path, VaultId::from_bytes([2; 16])).unwrap().read(&key).unwrap(), None);
    }
}
