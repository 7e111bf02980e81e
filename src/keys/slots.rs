//! The two root slots: the only place on the machine from which the root key can be had.
//!
//! `keys/root` is made once, 8,192 bytes, and never renamed, truncated or copied, so each slot keeps its own 4 KiB block
//! of the disk, and overwriting a slot in place destroys what was there. A slot holds either a sealed root key or random
//! bytes:
//!
//! ```text
//! slot = "LLROOT1\0" (8) ‖ vault (16) ‖ epoch (8) ‖ envelope of the root key (118) ‖ random bytes up to 4,096
//! ```

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::KeyError;
use super::master::MasterKey;
use crate::base::entropy::Entropy;
use crate::base::files;
use crate::base::ids::VaultId;
use crate::base::steps::{Step, Steps};
use crate::crypto::Key;
use crate::crypto::context::{Context, Purpose};
use crate::crypto::envelope;

/// Bytes of a slot: one block.
pub const SLOT_LEN: usize = 4096;
const MAGIC: &[u8; 8] = b"LLROOT1\0";
const ENVELOPE_AT: usize = 32;
/// The sealed root key: 32 bytes and their length, padded to 36.
const ENVELOPE_LEN: usize = envelope::OVERHEAD + 36;

/// Which of the two slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "there are two")]
pub enum SlotNo {
    A,
    B,
}

impl SlotNo {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The one that is not this.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    const fn offset(self) -> u64 {
        match self {
            Self::A => 0,
            Self::B => SLOT_LEN as u64,
        }
    }

    const fn name(self) -> u8 {
        match self {
            Self::A => b'A',
            Self::B => b'B',
        }
    }
}

/// A root key found in a slot.
pub struct FoundRoot {
    /// Where.
    pub slot: SlotNo,
    /// Its epoch.
    pub epoch: u64,
    /// The key.
    pub root: Key,
}

/// The slot file, open for the life of the process.
pub struct RootSlots {
    path: PathBuf,
    file: File,
    vault: VaultId,
    read_past_cache: bool,
    steps: Steps,
}

impl RootSlots {
    /// Makes the slot file, both slots random.
    ///
    /// # Errors
    /// [`KeyError::Io`], also when it exists.
    pub fn create(path: &Path, entropy: &dyn Entropy) -> Result<(), KeyError> {
        let mut content = vec![0; 2 * SLOT_LEN];
        entropy.fill(&mut content)?;
        files::write_new_private(path, &content).map_err(KeyError::io(path))
    }

    /// Opens the slot file. `read_past_cache` reads what was written from the disk itself (`O_DIRECT`); without it a
    /// file system that cannot do so is accepted.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] when the file has not the size that it was made with, or another name.
    pub fn open(path: &Path, vault: VaultId, read_past_cache: bool) -> Result<Self, KeyError> {
        super::refuse_special(path)?;
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(KeyError::io(path))?;
        let meta = file.metadata().map_err(KeyError::io(path))?;
        if meta.nlink() != 1 {
            return Err(KeyError::unusable(path, "has a second name (a hard link); remove the other one"));
        }
        let len = meta.len();
        if len != 2 * SLOT_LEN as u64 {
            return Err(KeyError::unusable(
                path,
                format!("has {len} bytes instead of {}; do not copy or edit it", 2 * SLOT_LEN),
            ));
        }
        Ok(Self { path: path.to_owned(), file, vault, read_past_cache, steps: Steps::default() })
    }

    /// With a listener between the steps of a write, for tests.
    #[must_use]
    pub fn with_steps(self, steps: Steps) -> Self {
        Self { steps, ..self }
    }

    /// Every root key that the slots hold under this master key: none, one, or, after a crash, two.
    ///
    /// # Errors
    /// [`KeyError::Io`].
    pub fn find(&self, master: &MasterKey) -> Result<Vec<FoundRoot>, KeyError> {
        let mut found = Vec::new();
        for slot in SlotNo::ALL {
            let mut content = vec![0; SLOT_LEN];
            self.file.read_exact_at(&mut content, slot.offset()).map_err(KeyError::io(&self.path))?;
            found.extend(parse(self.vault, slot, &content, master));
        }
        Ok(found)
    }

    /// Whether a slot looks like one of another vault, for a clearer refusal.
    ///
    /// # Errors
    /// [`KeyError::Io`].
    pub fn foreign_vault(&self) -> Result<Option<VaultId>, KeyError> {
        for slot in SlotNo::ALL {
            let mut head = [0; 24];
            self.file.read_exact_at(&mut head, slot.offset()).map_err(KeyError::io(&self.path))?;
            let vault = VaultId::from_bytes(head[8..].try_into().expect("16 of 24 bytes"));
            if &head[..8] == MAGIC && vault != self.vault {
                return Ok(Some(vault));
            }
        }
        Ok(None)
    }

    /// Seals a root key into a slot: written in place, on disk, and read back.
    ///
    /// # Errors
    /// [`KeyError::NotWritten`] when it does not read back; [`KeyError::Io`].
    pub fn write(
        &self,
        slot: SlotNo,
        epoch: u64,
        root: &Key,
        master: &MasterKey,
        entropy: &dyn Entropy,
    ) -> Result<(), KeyError> {
        let content = compose(self.vault, slot, epoch, root, master, entropy)?;
        self.overwrite(slot, &content, [Step::SpareSlotPut, Step::SpareSlotSynced])
    }

    /// Destroys a slot: overwritten in place with random bytes, on disk, and read back.
    ///
    /// # Errors
    /// As [`RootSlots::write`].
    pub fn destroy(&self, slot: SlotNo, entropy: &dyn Entropy) -> Result<(), KeyError> {
        let mut content = vec![0; SLOT_LEN];
        entropy.fill(&mut content)?;
        self.overwrite(slot, &content, [Step::OldSlotPut, Step::OldSlotSynced])
    }

    fn overwrite(&self, slot: SlotNo, content: &[u8], [put, synced]: [Step; 2]) -> Result<(), KeyError> {
        let written = self
            .file
            .write_all_at(content, slot.offset())
            .and_then(|()| self.steps.reach(put))
            .and_then(|()| self.file.sync_all())
            .and_then(|()| self.steps.reach(synced))
            .and_then(|()| self.read_back(slot));
        if written.map_err(KeyError::io(&self.path))? != content {
            return Err(KeyError::NotWritten(self.path.clone()));
        }
        Ok(())
    }

    fn read_back(&self, slot: SlotNo) -> std::io::Result<Vec<u8>> {
        if !self.read_past_cache {
            let mut content = vec![0; SLOT_LEN];
            self.file.read_exact_at(&mut content, slot.offset())?;
            return Ok(content);
        }
        files::read_past_cache(&self.path, slot.offset(), SLOT_LEN)
    }
}

/// The bytes of a slot that holds `root`. Public for fuzzing, which needs some that are whole.
///
/// # Errors
/// [`KeyError::Seal`] without randomness.
pub fn compose(
    vault: VaultId,
    slot: SlotNo,
    epoch: u64,
    root: &Key,
    master: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, KeyError> {
    let mut content = vec![0; SLOT_LEN];
    entropy.fill(&mut content)?;
    let row = row(vault, slot);
    let sealed = envelope::seal(master.key(), &context(&row, epoch), root.expose(), entropy)?;
    content[..8].copy_from_slice(MAGIC);
    content[8..24].copy_from_slice(vault.as_bytes());
    content[24..32].copy_from_slice(&epoch.to_be_bytes());
    content[ENVELOPE_AT..ENVELOPE_AT + ENVELOPE_LEN].copy_from_slice(&sealed);
    Ok(content)
}

fn parse(vault: VaultId, slot: SlotNo, content: &[u8], master: &MasterKey) -> Option<FoundRoot> {
    if &content[..8] != MAGIC || content[8..24] != *vault.as_bytes() {
        return None;
    }
    let epoch = u64::from_be_bytes(content[24..32].try_into().ok()?);
    let sealed = &content[ENVELOPE_AT..ENVELOPE_AT + ENVELOPE_LEN];
    let root = envelope::open(master.key(), &context(&row(vault, slot), epoch), sealed).ok()?;
    Some(FoundRoot { slot, epoch, root: Key::from_slice(&root)? })
}

/// Vault and slot, so that neither a foreign slot nor the other one's copy opens.
fn row(vault: VaultId, slot: SlotNo) -> Vec<u8> {
    [vault.as_bytes().as_slice(), &[slot.name()]].concat()
}

const fn context(row: &[u8], epoch: u64) -> Context<'_> {
    Context::new(Purpose::RootSlot).row(row).version(epoch)
}

/// Opens the bytes of a slot and composes them again, for fuzzing: `None` when they are not [`SLOT_LEN`] bytes that hold
/// a root key of this vault under this master key. `entropy` gives the filling of the slot first, then the salt.
pub fn reencode(
    vault: VaultId,
    slot: SlotNo,
    content: &[u8],
    master: &MasterKey,
    entropy: &dyn Entropy,
) -> Option<Vec<u8>> {
    let found = (content.len() == SLOT_LEN).then(|| parse(vault, slot, content, master))??;
    compose(vault, slot, found.epoch, &found.root, master, entropy).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::{SeededEntropy, SystemEntropy};

    struct Fixture {
        _dir: tempfile::TempDir,
        path: PathBuf,
        slots: RootSlots,
        master: MasterKey,
    }

    fn fixture() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let vault = VaultId::from_bytes([1; 16]);
        let master = MasterKey::create(&dir.path().join("master.key"), vault, &SystemEntropy::new()).unwrap();
        let path = dir.path().join("root");
        RootSlots::create(&path, &SystemEntropy::new()).unwrap();
        let slots = RootSlots::open(&path, vault, false).unwrap();
        Fixture { _dir: dir, path, slots, master }
    }

    #[test]
    fn a_root_is_found_where_it_was_put_and_gone_when_destroyed() {
        let f = fixture();
        let entropy = SystemEntropy::new();
        assert!(f.slots.find(&f.master).unwrap().is_empty());
        let root = Key::make_random(&entropy).unwrap();
        f.slots.write(SlotNo::A, 7, &root, &f.master, &entropy).unwrap();
        let before = std::fs::read(&f.path).unwrap();
        let found = f.slots.find(&f.master).unwrap();
        assert!(found.len() == 1 && found[0].slot == SlotNo::A && found[0].epoch == 7 && found[0].root == root);

        f.slots.destroy(SlotNo::A, &entropy).unwrap();
        assert!(f.slots.find(&f.master).unwrap().is_empty());
        let after = std::fs::read(&f.path).unwrap();
        let same = before[..SLOT_LEN].iter().zip(&after).filter(|(a, b)| a == b).count();
        assert!(same < 60, "{same} bytes of the slot survived");
        assert_eq!(before[SLOT_LEN..], after[SLOT_LEN..], "the other slot was touched");
    }

    #[test]
    fn the_slots_lie_apart_and_know_whose_they_are() {
        let f = fixture();
        let entropy = SystemEntropy::new();
        let roots = [Key::make_random(&entropy).unwrap(), Key::make_random(&entropy).unwrap()];
        for (slot, (epoch, root)) in SlotNo::ALL.into_iter().zip((7..).zip(&roots)) {
            assert_eq!(f.slots.foreign_vault().unwrap(), None);
            f.slots.write(slot, epoch, root, &f.master, &entropy).unwrap();
        }
        let found = f.slots.find(&f.master).unwrap();
        assert_eq!(found.iter().map(|f| (f.slot, f.epoch)).collect::<Vec<_>>(), [(SlotNo::A, 7), (SlotNo::B, 8)]);
        assert!(found[0].root == roots[0] && found[1].root == roots[1]);

        // Seen from another vault, either slot is a stranger's; random bytes are nobody's.
        let other = RootSlots::open(&f.path, VaultId::from_bytes([2; 16]), false).unwrap();
        assert!(other.find(&f.master).unwrap().is_empty());
        for slot in SlotNo::ALL {
            assert_eq!(other.foreign_vault().unwrap(), Some(VaultId::from_bytes([1; 16])));
            other.destroy(slot, &entropy).unwrap();
        }
        assert_eq!(other.foreign_vault().unwrap(), None);
    }

    #[test]
    fn a_slot_copied_edited_or_of_another_epoch_does_not_open() {
        let f = fixture();
        let entropy = SystemEntropy::new();
        f.slots.write(SlotNo::A, 1, &Key::make_random(&entropy).unwrap(), &f.master, &entropy).unwrap();
        let good = std::fs::read(&f.path).unwrap();

        let copied = [&good[..SLOT_LEN], &good[..SLOT_LEN]].concat();
        std::fs::write(&f.path, copied).unwrap();
        let found = f.slots.find(&f.master).unwrap();
        assert!(found.len() == 1 && found[0].slot == SlotNo::A);

        for at in 0..ENVELOPE_AT + ENVELOPE_LEN {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&f.path, bad).unwrap();
            assert!(f.slots.find(&f.master).unwrap().is_empty(), "byte {at}");
        }
    }

    #[test]
    fn a_slot_reads_and_composes_back_to_the_same_bytes_in_its_place_only() {
        let f = fixture();
        let vault = VaultId::from_bytes([1; 16]);
        let content =
            compose(vault, SlotNo::B, 7, &Key::from_bytes([2; 32]), &f.master, &SeededEntropy::new(1)).unwrap();
        let again = |vault, slot, content: &[u8]| reencode(vault, slot, content, &f.master, &SeededEntropy::new(1));
        assert!(again(vault, SlotNo::B, &content).as_ref() == Some(&content));
        assert!(again(vault, SlotNo::A, &content).is_none(), "the other slot");
        assert!(again(VaultId::from_bytes([2; 16]), SlotNo::B, &content).is_none(), "another vault");
        assert!(again(vault, SlotNo::B, &content[..SLOT_LEN - 1]).is_none(), "a byte too few");
    }

    #[test]
    fn a_file_with_a_second_name_is_refused() {
        let f = fixture();
        std::fs::hard_link(&f.path, f.path.with_file_name("copy")).unwrap();
        assert!(matches!(
            RootSlots::open(&f.path, VaultId::from_bytes([1; 16]), false),
            Err(KeyError::Unusable { .. })
        ));
    }

    #[test]
    fn a_file_of_another_size_is_refused() {
        let f = fixture();
        std::fs::write(&f.path, [0; SLOT_LEN]).unwrap();
        assert!(matches!(
            RootSlots::open(&f.path, VaultId::from_bytes([1; 16]), false),
            Err(KeyError::Unusable { .. })
        ));
    }
}
