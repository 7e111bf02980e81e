//! The master key: seals the root key in its slots, and nothing else. Here it lies in a file; a passphrase or a hardware
//! token can take its place later without a change to anything below it.
//!
//! ```text
//! letterlock master key 1
//! vault <id>
//! key <64 hex digits>
//! ```

use std::path::Path;

use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::KeyError;
use crate::base::entropy::Entropy;
use crate::base::files;
use crate::base::ids::VaultId;
use crate::crypto::Key;

const TITLE: &str = "letterlock master key 1";

/// The master key of one vault.
pub struct MasterKey {
    vault: VaultId,
    key: Key,
}

impl MasterKey {
    /// Makes a fresh key and writes it to a new file (0600).
    ///
    /// # Errors
    /// [`KeyError::Io`], also when the file exists already.
    pub fn create(path: &Path, vault: VaultId, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let key = Key::make_random(entropy)?;
        let hex = Zeroizing::new(HEXLOWER.encode(key.expose()));
        let text = Zeroizing::new(format!("{TITLE}\nvault {vault}\nkey {}\n", *hex));
        files::write_new_private(path, text.as_bytes()).map_err(KeyError::io(path))?;
        Ok(Self { vault, key })
    }

    /// Reads the key from its file.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] when others may read the file, or it is no master key file.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(KeyError::io(path))?);
        if files::loose_permissions(path).map_err(KeyError::io(path))? != 0 {
            let advice = format!("other users may read it; run: chmod 600 {}", path.display());
            return Err(KeyError::unusable(path, advice));
        }
        Self::parse(&text).ok_or_else(|| KeyError::unusable(path, "not a master key file; restore it from your copy"))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        (lines.next()? == TITLE).then_some(())?;
        let vault = lines.next()?.strip_prefix("vault ")?.parse().ok()?;
        let hex = lines.next()?.strip_prefix("key ")?;
        let bytes = Zeroizing::new(HEXLOWER.decode(hex.as_bytes()).ok()?);
        lines.next().is_none().then_some(())?;
        Some(Self { vault, key: Key::from_slice(&bytes)? })
    }

    /// Which vault it belongs to.
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    pub(super) const fn key(&self) -> &Key {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::base::entropy::SystemEntropy;

    #[test]
    fn round_trip_and_refusals() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let vault = VaultId::from_bytes([1; 16]);
        let made = MasterKey::create(&path, vault, &SystemEntropy::new()).unwrap();
        let loaded = MasterKey::load(&path).unwrap();
        assert!(loaded.vault == vault && loaded.key == made.key);
        assert!(MasterKey::create(&path, vault, &SystemEntropy::new()).is_err(), "never overwritten");

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(MasterKey::load(&path), Err(KeyError::Unusable { .. })));
    }

    #[test]
    fn only_the_exact_layout_is_a_key() {
        let good = format!("{TITLE}\nvault {}\nkey {}\n", VaultId::from_bytes([1; 16]), "ab".repeat(32));
        assert!(MasterKey::parse(&good).is_some());
        for bad in [
            good.replace(" 1\n", " 2\n"),
            good.replace("ab", "AB"),
            good.replace("abab\n", "ab\n"),
            format!("{good}more\n"),
            String::new(),
        ] {
            assert!(MasterKey::parse(&bad).is_none(), "{bad}");
        }
    }
}
