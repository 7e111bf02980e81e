//! The files of the key folder and the redo copy, which somebody may have edited: root slots, witness, recovery slot.

use std::path::PathBuf;
use std::sync::OnceLock;

use letterlock::base::entropy::SeededEntropy;
use letterlock::base::ids::VaultId;
use letterlock::base::sensitive::Secret;
use letterlock::crypto::Key;
use letterlock::crypto::derive::{Label, Prf};
use letterlock::crypto::kem::PrivateKey;
use letterlock::keys::master::MasterKey;
use letterlock::keys::recovery::{self, RecoverySlot};
use letterlock::keys::slots::{self, RootSlots, SLOT_LEN, SlotNo};
use letterlock::keys::witness::{self, Witness};
use letterlock::vault::reencode_redo;
use ring::digest;

use super::{Replay, Seam, flip};

/// The vault that all of it is of.
pub const VAULT: VaultId = VaultId::from_bytes([3; 16]);
/// Bytes of a root slot, and of a recovery slot, that are not filling.
const ROOT_LEN: usize = 32 + 118;
const RECOVERY_LEN: usize = 8 + 16 + 8 + 32 + 32 + 118 + 32;
const EPHEMERAL: [u8; 32] = [0x77; 32];

/// Of what kind an input is, by its first byte; the others come after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// The bytes of slot A; what lacks of a block is filled.
    A,
    /// The bytes of slot B.
    B,
    /// The bytes of a block of the witness; what lacks is zeros.
    Witness,
    /// What a block of the witness authenticates; the right check is put behind it.
    Testimony,
    /// The bytes of a recovery slot; what lacks is filled.
    Recovery,
    /// The redo copy.
    Redo,
    /// The rows of a redo copy with what stands before them; the right digest is put behind it.
    Rows,
    /// A whole file, opened as each of them.
    File,
}

const KINDS: [Kind; 8] =
    [Kind::A, Kind::B, Kind::Witness, Kind::Testimony, Kind::Recovery, Kind::Redo, Kind::Rows, Kind::File];

/// What parses is written byte for byte as it was; with a bit flipped in what is not filling it is refused, and so it is in
/// another place.
pub fn check(data: &[u8], seam: Seam) {
    let Some((kind, bytes)) = split(data) else { return };
    if kind == Kind::File {
        return file(bytes, seam);
    }
    let bytes = complete(kind, bytes);
    let Some(mut again) = reencode(kind, &bytes) else { return };
    (seam.written)(&mut again);
    assert_eq!(again, bytes, "two spellings of one {kind:?}");

    let mut changed = bytes.clone();
    match kind {
        Kind::A | Kind::B => flip(&mut changed[..ROOT_LEN], data),
        Kind::Recovery => flip(&mut changed[..RECOVERY_LEN], data),
        _ => flip(&mut changed, data),
    }
    assert!((seam.refused)(reencode(kind, &changed).is_none()), "a {kind:?} with a bit flipped is taken");
    let other = match kind {
        Kind::A => Kind::B,
        Kind::B => Kind::A,
        Kind::Redo | Kind::Rows => Kind::Witness,
        _ => Kind::Redo,
    };
    assert!((seam.refused)(reencode(other, &bytes).is_none()), "a {kind:?} is taken for a {other:?}");
}

/// Whether it holds something whole.
pub fn understood(data: &[u8]) -> bool {
    let Some((kind, bytes)) = split(data) else { return false };
    reencode(kind, &complete(kind, bytes)).is_some()
}

/// The input of this kind.
pub fn input(kind: Kind, bytes: &[u8]) -> Vec<u8> {
    let at = KINDS.iter().position(|k| *k == kind).unwrap();
    [&[at as u8], bytes].concat()
}

fn split(data: &[u8]) -> Option<(Kind, &[u8])> {
    data.split_first().map(|(kind, bytes)| (KINDS[usize::from(*kind) % KINDS.len()], bytes))
}

/// The bytes as they would lie on the disk.
fn complete(kind: Kind, bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    match kind {
        Kind::A | Kind::B | Kind::Recovery => out.resize(SLOT_LEN, 0xa5),
        Kind::Witness => out.resize(SLOT_LEN, 0),
        Kind::Testimony => {
            out.extend_from_slice(&witness_key().value(&[bytes]));
            out.resize(SLOT_LEN, 0);
        }
        Kind::Rows => out.extend_from_slice(digest::digest(&digest::SHA256, bytes).as_ref()),
        Kind::Redo | Kind::File => {}
    }
    out
}

fn reencode(kind: Kind, bytes: &[u8]) -> Option<Vec<u8>> {
    match kind {
        Kind::A | Kind::B => {
            let slot = if kind == Kind::A { SlotNo::A } else { SlotNo::B };
            let replay = Replay::new(&[bytes, bytes.get(34..66)?]);
            slots::reencode(VAULT, slot, bytes, master(), &replay)
        }
        Kind::Witness | Kind::Testimony => witness::reencode(VAULT, bytes, &witness_key()).map(|block| block.to_vec()),
        Kind::Recovery => {
            let replay = Replay::new(&[&EPHEMERAL, bytes.get(98..130)?, bytes]);
            recovery::reencode(VAULT, bytes, &private(), &replay)
        }
        Kind::Redo | Kind::Rows => reencode_redo(VAULT, bytes).map(|copy| copy.to_vec()),
        Kind::File => None,
    }
}

/// Bytes as the files themselves: what the folder's code finds in them is what their blocks hold, and a file of another size
/// is none. An odd first byte spreads the rest over two blocks.
fn file(bytes: &[u8], seam: Seam) {
    let content = match bytes.split_first() {
        Some((how, rest)) if how % 2 == 1 => {
            let (first, second) = rest.split_at(rest.len() / 2);
            [complete(Kind::A, first), complete(Kind::B, second)].concat()
        }
        _ => bytes.to_vec(),
    };
    let folder = folder();
    let path = folder.join("file");
    std::fs::write(&path, &content).unwrap();
    match RootSlots::open(&path, VAULT, false) {
        Ok(slots) => {
            assert!((seam.refused)(content.len() == 2 * SLOT_LEN), "a slot file of {} bytes is taken", content.len());
            let found: Vec<SlotNo> = slots.find(master()).unwrap().iter().map(|root| root.slot).collect();
            let hold = |slot: &SlotNo| {
                let kind = if *slot == SlotNo::A { Kind::A } else { Kind::B };
                let at = if *slot == SlotNo::A { 0 } else { SLOT_LEN };
                reencode(kind, &content[at..at + SLOT_LEN]).is_some()
            };
            assert_eq!(found, SlotNo::ALL.into_iter().filter(hold).collect::<Vec<_>>());
            let _ = slots.foreign_vault().unwrap();
        }
        Err(_) => assert_ne!(content.len(), 2 * SLOT_LEN),
    }
    if let Ok(mut witness) = Witness::open(&path, VAULT) {
        let hold = content.chunks(SLOT_LEN).take(2).any(|block| reencode(Kind::Witness, block).is_some());
        let _ = witness.claimed_epoch();
        assert_eq!(witness.read(&witness_key()).ok().flatten().is_some(), hold && content.len() >= 2 * SLOT_LEN);
    }
    let _ = RecoverySlot::new(path, VAULT, private().public(), false).epoch();
    let _ = RecoverySlot::open(&content, &private());
}

/// A root slot that is whole, without its filling.
pub fn root(slot: SlotNo, epoch: u64) -> Vec<u8> {
    let root = Key::from_bytes([0x44; 32]);
    let mut out = slots::compose(VAULT, slot, epoch, &root, master(), &SeededEntropy::new(epoch)).unwrap();
    out.truncate(ROOT_LEN);
    out
}

/// A recovery slot that is whole, without its filling.
pub fn recovery_slot(epoch: u64) -> Vec<u8> {
    let replay = Replay::new(&[&EPHEMERAL, &[0x66; 32], &[0; SLOT_LEN]]);
    let root = Key::from_bytes([0x44; 32]);
    let mut out = recovery::compose(VAULT, &private().public(), epoch, &root, &replay).unwrap();
    out.truncate(RECOVERY_LEN);
    out
}

/// A block of the witness with this testimony, without the zeros behind it.
pub fn witness_block(testimony: &[u8]) -> Vec<u8> {
    let mut out = complete(Kind::Testimony, testimony);
    out.truncate(testimony.len() + 32);
    out
}

/// A redo copy with these rows, with or without its digest.
pub fn redo(rows: &[u8], digest: bool) -> Vec<u8> {
    let bytes = [b"LLREDO1\0", VAULT.as_bytes().as_slice(), rows].concat();
    if digest { complete(Kind::Rows, &bytes) } else { bytes }
}

/// A master key that is always the same.
fn master() -> &'static MasterKey {
    static MASTER: OnceLock<MasterKey> = OnceLock::new();
    MASTER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        MasterKey::create(&folder.path().join("master.key"), VAULT, &SeededEntropy::new(1)).unwrap()
    })
}

fn private() -> PrivateKey {
    PrivateKey::from_bytes(&Secret::from_slice(&[0x55; 32]).unwrap())
}

fn witness_key() -> Prf {
    Prf::new(&Key::from_bytes([0x33; 32]), Label::Witness)
}

/// A folder of each thread's own, for files.
fn folder() -> PathBuf {
    thread_local! {
        static FOLDER: tempfile::TempDir = super::store::fast_folder();
    }
    FOLDER.with(|folder| folder.path().to_owned())
}
