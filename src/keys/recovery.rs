//! The recovery slot: the present root key sealed to a public key whose private half should be kept elsewhere. With it,
//! the key rows of the same epoch and any bulk backup, everyone alive opens again, and nobody erased does.
//!
//! The slot is overwritten in place at each epoch and never kept in versions:
//!
//! ```text
//! slot = "LLRECOV1" (8) ‖ vault (16) ‖ epoch (8) ‖ recipient (32) ‖ encapsulated key (32) ‖ envelope (118)
//!        ‖ SHA-256 of all before (32) ‖ random bytes up to 4,096
//! ```

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ring::digest;
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::KeyError;
use crate::base::entropy::Entropy;
use crate::base::files;
use crate::base::ids::VaultId;
use crate::base::sensitive::Secret;
use crate::base::steps::{Step, Steps};
use crate::crypto::context::{Context, Purpose};
use crate::crypto::kem::{self, PUBLIC_LEN, PrivateKey};
use crate::crypto::{Key, OpenError, envelope};

/// So many bytes of a damaged slot's vault or recipient may differ and it is still taken for this vault's.
const DAMAGED_BYTES: usize = 4;
const SLOT_LEN: usize = 4096;
const MAGIC: &[u8; 8] = b"LLRECOV1";
const ENVELOPE_LEN: usize = envelope::OVERHEAD + 36;
const CHECK_AT: usize = 8 + 16 + 8 + PUBLIC_LEN + PUBLIC_LEN + ENVELOPE_LEN;
const IDENTITY_TITLE: &str = "letterlock recovery key 1";

/// Makes a recovery key pair: the private key in a new file (0600), to be moved away by the owner; returns the public one.
///
/// # Errors
/// [`KeyError::Io`], also when the file exists.
pub fn create_identity(path: &Path, vault: VaultId, entropy: &dyn Entropy) -> Result<[u8; PUBLIC_LEN], KeyError> {
    let private = PrivateKey::make_random(entropy)?;
    let hex = Zeroizing::new(HEXLOWER.encode(private.to_secret().expose()));
    let text = Zeroizing::new(format!("{IDENTITY_TITLE}\nvault {vault}\nkey {}\n", *hex));
    files::write_new_private(path, text.as_bytes()).map_err(KeyError::io(path))?;
    Ok(private.public())
}

/// Reads a private recovery key from the text of its file.
pub fn parse_identity(text: &str) -> Option<PrivateKey> {
    let mut lines = text.lines();
    (lines.next()? == IDENTITY_TITLE).then_some(())?;
    lines.next()?.strip_prefix("vault ")?.parse::<VaultId>().ok()?;
    let bytes = Zeroizing::new(HEXLOWER.decode(lines.next()?.strip_prefix("key ")?.as_bytes()).ok()?);
    Some(PrivateKey::from_bytes(&Secret::from_slice(&bytes)?))
}

/// Writes the public key beside the master key.
///
/// # Errors
/// [`KeyError::Io`].
pub fn create_public(path: &Path, public: &[u8; PUBLIC_LEN]) -> Result<(), KeyError> {
    let text = format!("{}\n", HEXLOWER.encode(public));
    files::write_new_private(path, text.as_bytes()).map_err(KeyError::io(path))
}

/// Reads the public key.
///
/// # Errors
/// [`KeyError::Unusable`] when it is not 64 hex digits.
pub fn load_public(path: &Path) -> Result<[u8; PUBLIC_LEN], KeyError> {
    let text = std::fs::read_to_string(path).map_err(KeyError::io(path))?;
    HEXLOWER
        .decode(text.trim().as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| KeyError::unusable(path, "not a recovery public key (64 hex digits); restore it from your copy"))
}

/// The recovery slot of a vault.
pub struct RecoverySlot {
    path: PathBuf,
    vault: VaultId,
    recipient: [u8; PUBLIC_LEN],
    read_past_cache: bool,
    steps: Steps,
}

impl RecoverySlot {
    /// The slot at `path`, whether or not it can be reached now: it may be on another machine's disk.
    /// `read_past_cache` reads what was written from the disk itself.
    pub fn new(path: PathBuf, vault: VaultId, recipient: [u8; PUBLIC_LEN], read_past_cache: bool) -> Self {
        Self { path, vault, recipient, read_past_cache, steps: Steps::default() }
    }

    /// With a listener between the steps of a write, for tests.
    #[must_use]
    pub fn with_steps(self, steps: Steps) -> Self {
        Self { steps, ..self }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The epoch that it holds; `None` when it is missing, torn, or of another vault or recipient.
    pub fn epoch(&self) -> Option<u64> {
        epoch_of(self.vault, &self.recipient, &self.content().ok()?)
    }

    /// Makes sure that what stands in the slot's place is this vault's to overwrite: nothing, what is no slot, or a slot of
    /// this vault sealed to this recipient, whole or torn. The slot of another vault may be the only way back into it, and a
    /// damaged one its owner's to judge.
    ///
    /// # Errors
    /// [`KeyError::Unusable`].
    pub fn refuse_foreign(&self) -> Result<(), KeyError> {
        super::refuse_special(&self.path)?;
        // Out of reach, it cannot be overwritten either.
        let Ok(content) = self.content() else { return Ok(()) };
        let Some(head) = content.get(..64).filter(|head| head[..8] == *MAGIC) else { return Ok(()) };
        // Damage turns a few bits of our own slot; another's differs in most bytes.
        let whole = content.get(CHECK_AT..CHECK_AT + 32)
            == Some(digest::digest(&digest::SHA256, &content[..CHECK_AT.min(content.len())]).as_ref());
        let allowed = if whole { 0 } else { DAMAGED_BYTES };
        let differ = |ours: &[u8], theirs: &[u8]| ours.iter().zip(theirs).filter(|(a, b)| a != b).count() > allowed;
        if differ(self.vault.as_bytes(), &head[8..24]) {
            let vault = VaultId::from_bytes(head[8..24].try_into().expect("16 bytes"));
            let reason = format!("belongs to vault {vault}; name the recovery folder of this vault, or an empty one");
            return Err(KeyError::unusable(&self.path, reason));
        }
        if differ(&self.recipient, &head[32..]) {
            return Err(KeyError::unusable(
                &self.path,
                "is sealed to another key than the one in recovery.pub, so one of the two is not of this vault; put back \
                 recovery.pub from your copy. If that is the right one, remove the slot: it is written anew",
            ));
        }
        Ok(())
    }

    /// Seals the root key of `epoch` into the slot, over whatever of this vault was there.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] when what is there is not this vault's; [`KeyError::Io`] when the slot cannot be reached.
    /// The vault works on without it, and certificates say so.
    pub fn write(&self, epoch: u64, root: &Key, entropy: &dyn Entropy) -> Result<(), KeyError> {
        self.refuse_foreign()?;
        let content = compose(self.vault, &self.recipient, epoch, root, entropy)?;
        self.overwrite(&content).map_err(KeyError::io(&self.path))?;
        let read = if self.read_past_cache {
            files::read_past_cache(&self.path, 0, SLOT_LEN).map_err(KeyError::io(&self.path))?
        } else {
            self.content()?
        };
        if read != content {
            return Err(KeyError::NotWritten(self.path.clone()));
        }
        Ok(())
    }

    /// What stands in the slot's place, as far as a slot is long: the file may be anybody's. A link is followed.
    fn content(&self) -> Result<Vec<u8>, KeyError> {
        // Opening a pipe would wait for somebody who writes to it.
        let without_waiting = OFlags::NONBLOCK.bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(without_waiting).open(&self.path);
        let file = file.map_err(KeyError::io(&self.path))?;
        if !file.metadata().map_err(KeyError::io(&self.path))?.is_file() {
            return Err(KeyError::unusable(&self.path, "is not a file"));
        }
        let mut content = Vec::with_capacity(SLOT_LEN);
        file.take(SLOT_LEN as u64).read_to_end(&mut content).map_err(KeyError::io(&self.path))?;
        Ok(content)
    }

    fn overwrite(&self, content: &[u8]) -> std::io::Result<()> {
        let exists = self.path.exists();
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
        file.write_all_at(content, 0)?;
        self.steps.reach(Step::RecoveryPut)?;
        file.sync_all()?;
        if !exists {
            self.path.parent().map_or(Ok(()), files::sync_dir)?;
        }
        self.steps.reach(Step::RecoverySynced)
    }

    /// The epoch and root key in the slot, for the holder of the private key.
    ///
    /// # Errors
    /// [`OpenError`], whatever the reason.
    pub fn open(content: &[u8], private: &PrivateKey) -> Result<(u64, Key), OpenError> {
        let content = content.get(..CHECK_AT).ok_or(OpenError)?;
        if content[..8] != *MAGIC {
            return Err(OpenError);
        }
        let epoch = u64::from_be_bytes(content[24..32].try_into().map_err(|_| OpenError)?);
        let encapsulated: [u8; PUBLIC_LEN] = content[64..96].try_into().map_err(|_| OpenError)?;
        let key = private.decapsulate(&encapsulated)?;
        let context = Context::new(Purpose::RecoverySlot).row(&content[8..24]).version(epoch);
        let root = envelope::open(&key, &context, &content[96..])?;
        Ok((epoch, Key::from_slice(&root).ok_or(OpenError)?))
    }
}

/// The bytes of a slot that holds `root`. Public for fuzzing, which needs some that are whole; `entropy` gives the
/// private half of the encapsulated key first, then the salt, then the filling.
///
/// # Errors
/// [`KeyError::Seal`] without randomness, or for a recipient of low order.
pub fn compose(
    vault: VaultId,
    recipient: &[u8; PUBLIC_LEN],
    epoch: u64,
    root: &Key,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, KeyError> {
    let (key, encapsulated) = kem::encapsulate(recipient, entropy)?;
    let context = Context::new(Purpose::RecoverySlot).row(vault.as_bytes()).version(epoch);
    let sealed = envelope::seal(&key, &context, root.expose(), entropy)?;
    let mut content = vec![0; SLOT_LEN];
    entropy.fill(&mut content)?;
    let head = [MAGIC.as_slice(), vault.as_bytes(), &epoch.to_be_bytes(), recipient, &encapsulated, &sealed].concat();
    content[..CHECK_AT].copy_from_slice(&head);
    content[CHECK_AT..CHECK_AT + 32].copy_from_slice(digest::digest(&digest::SHA256, &head).as_ref());
    Ok(content)
}

/// The epoch of a slot that is whole and of this vault and recipient.
fn epoch_of(vault: VaultId, recipient: &[u8; PUBLIC_LEN], content: &[u8]) -> Option<u64> {
    let check = digest::digest(&digest::SHA256, content.get(..CHECK_AT)?);
    let ours = content[..8] == *MAGIC
        && content[8..24] == *vault.as_bytes()
        && content[32..64] == *recipient
        && content.get(CHECK_AT..CHECK_AT + 32)? == check.as_ref();
    ours.then(|| u64::from_be_bytes(content[24..32].try_into().expect("8 bytes")))
}

/// Opens the bytes of a slot and composes them again, for fuzzing: `None` when they are not 4,096 bytes that are whole, of
/// this vault, and open with this key. `entropy` as for [`compose`].
pub fn reencode(vault: VaultId, content: &[u8], private: &PrivateKey, entropy: &dyn Entropy) -> Option<Vec<u8>> {
    let recipient = private.public();
    let epoch = (content.len() == SLOT_LEN).then(|| epoch_of(vault, &recipient, content))??;
    let (opened, root) = RecoverySlot::open(content, private).ok()?;
    (opened == epoch).then(|| compose(vault, &recipient, epoch, &root, entropy).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::{SeededEntropy, SystemEntropy};

    #[test]
    fn the_private_key_opens_the_present_root_and_only_that() {
        let dir = tempfile::tempdir().unwrap();
        let entropy = SystemEntropy::new();
        let vault = VaultId::from_bytes([1; 16]);
        let identity = dir.path().join("identity");
        let public = create_identity(&identity, vault, &entropy).unwrap();
        let public_file = dir.path().join("recovery.pub");
        create_public(&public_file, &public).unwrap();
        let slot = RecoverySlot::new(dir.path().join("slot"), vault, load_public(&public_file).unwrap(), false);
        assert_eq!(slot.epoch(), None);

        let (first, second) = (Key::make_random(&entropy).unwrap(), Key::make_random(&entropy).unwrap());
        slot.write(1, &first, &entropy).unwrap();
        let old = std::fs::read(slot.path()).unwrap();
        slot.write(2, &second, &entropy).unwrap();
        assert_eq!(slot.epoch(), Some(2));

        let private = parse_identity(&std::fs::read_to_string(&identity).unwrap()).unwrap();
        let content = std::fs::read(slot.path()).unwrap();
        let (epoch, root) = RecoverySlot::open(&content, &private).unwrap();
        assert!(epoch == 2 && root == second);
        let surviving = old[64..].iter().zip(&content[64..]).filter(|(a, b)| a == b).count();
        assert!(surviving < 60, "{surviving} bytes of the old slot survived");
        assert!(RecoverySlot::open(&content, &PrivateKey::make_random(&entropy).unwrap()).is_err());

        let elsewhere = |vault, recipient| RecoverySlot::new(slot.path().to_owned(), vault, recipient, false).epoch();
        assert_eq!(elsewhere(vault, public), Some(2));
        assert_eq!(elsewhere(VaultId::from_bytes([2; 16]), public), None, "of another vault");
        assert_eq!(elsewhere(vault, [9; PUBLIC_LEN]), None, "for another recipient");

        let mut torn = content;
        torn[100] ^= 1;
        std::fs::write(slot.path(), &torn).unwrap();
        assert_eq!(slot.epoch(), None);
        assert!(RecoverySlot::open(&torn, &private).is_err());
    }

    #[test]
    fn the_slot_of_another_vault_or_key_and_a_link_are_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let entropy = SystemEntropy::new();
        let root = Key::make_random(&entropy).unwrap();
        let ours = PrivateKey::make_random(&entropy).unwrap().public();
        let theirs = PrivateKey::make_random(&entropy).unwrap().public();
        let path = dir.path().join("slot");
        let slot =
            |vault: u8, recipient| RecoverySlot::new(path.clone(), VaultId::from_bytes([vault; 16]), recipient, false);
        slot(1, ours).write(1, &root, &entropy).unwrap();
        let before = std::fs::read(&path).unwrap();
        for foreign in [slot(2, ours), slot(1, theirs)] {
            assert!(matches!(foreign.write(1, &root, &entropy), Err(KeyError::Unusable { .. })));
            assert_eq!(std::fs::read(&path).unwrap(), before);
        }
        std::fs::rename(&path, dir.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &path).unwrap();
        assert!(matches!(slot(1, ours).write(2, &root, &entropy), Err(KeyError::Unusable { .. })));
        std::fs::remove_file(&path).unwrap();
        // Torn, it is of no use here, but still another's.
        for torn in [&before[..CHECK_AT], &before[..64], &[&before[..700], &[0; 4096 - 700]].concat()] {
            std::fs::write(&path, torn).unwrap();
            assert!(matches!(slot(2, ours).write(2, &root, &entropy), Err(KeyError::Unusable { .. })));
            assert_eq!(std::fs::read(&path).unwrap(), torn);
            slot(1, ours).write(2, &root, &entropy).unwrap();
        }
        std::fs::write(&path, &before[..63]).unwrap();
        slot(2, theirs).write(2, &root, &entropy).unwrap();

        // Without its title it is no slot, whatever its check says.
        let mut untitled = before.clone();
        untitled[0] ^= 1;
        let check = digest::digest(&digest::SHA256, &untitled[..CHECK_AT]);
        untitled[CHECK_AT..CHECK_AT + 32].copy_from_slice(check.as_ref());
        std::fs::write(&path, untitled).unwrap();
        slot(2, theirs).write(3, &root, &entropy).unwrap();
        assert_eq!(slot(2, theirs).epoch(), Some(3));
    }

    #[test]
    fn a_pipe_or_a_device_in_the_slots_place_is_refused_and_does_not_hold_up() {
        let dir = tempfile::tempdir().unwrap();
        let entropy = SystemEntropy::new();
        let root = Key::make_random(&entropy).unwrap();
        let recipient = PrivateKey::make_random(&entropy).unwrap().public();
        let pipe = dir.path().join("slot");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
        for path in [pipe, "/dev/zero".into()] {
            let slot = RecoverySlot::new(path, VaultId::from_bytes([1; 16]), recipient, false);
            assert_eq!(slot.epoch(), None);
            assert!(matches!(slot.refuse_foreign(), Err(KeyError::Unusable { .. })));
            assert!(matches!(slot.write(1, &root, &entropy), Err(KeyError::Unusable { .. })));
        }
    }

    #[test]
    fn damage_to_our_own_slot_is_told_from_the_slot_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let entropy = SystemEntropy::new();
        let root = Key::make_random(&entropy).unwrap();
        let recipient = PrivateKey::make_random(&entropy).unwrap().public();
        let slot = RecoverySlot::new(dir.path().join("slot"), VaultId::from_bytes([1; 16]), recipient, false);
        slot.write(1, &root, &entropy).unwrap();
        let good = std::fs::read(slot.path()).unwrap();
        for from in [8, 32] {
            for (bytes, mend_check, ours) in
                [(1, false, true), (DAMAGED_BYTES, false, true), (DAMAGED_BYTES + 1, false, false), (1, true, false)]
            {
                let mut changed = good.clone();
                changed[from..from + bytes].iter_mut().for_each(|byte| *byte ^= 0x80);
                if mend_check {
                    let check = digest::digest(&digest::SHA256, &changed[..CHECK_AT]);
                    changed[CHECK_AT..CHECK_AT + 32].copy_from_slice(check.as_ref());
                }
                std::fs::write(slot.path(), &changed).unwrap();
                assert_eq!(slot.write(2, &root, &entropy).is_ok(), ours, "{bytes} bytes from {from}, {mend_check}");
                assert_eq!(std::fs::read(slot.path()).unwrap() == changed, !ours);
            }
        }
    }

    #[test]
    fn a_slot_reads_and_composes_back_to_the_same_bytes_for_its_vault_and_key_only() {
        let entropy = SeededEntropy::new(1);
        let vault = VaultId::from_bytes([1; 16]);
        let (private, other) = (PrivateKey::make_random(&entropy).unwrap(), PrivateKey::make_random(&entropy).unwrap());
        let root = Key::from_bytes([2; 32]);
        let content = compose(vault, &private.public(), 7, &root, &SeededEntropy::new(2)).unwrap();
        let again = |vault, content: &[u8], key| reencode(vault, content, key, &SeededEntropy::new(2));
        assert!(again(vault, &content, &private).as_ref() == Some(&content));
        assert!(again(vault, &content, &other).is_none(), "another key");
        assert!(again(VaultId::from_bytes([3; 16]), &content, &private).is_none(), "another vault");
        assert!(again(vault, &content[..SLOT_LEN - 1], &private).is_none(), "a byte too few");
    }
}
