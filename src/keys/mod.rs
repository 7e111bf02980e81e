//! The key hierarchy, apart from the store: the master key, the two root slots, the recovery slot, pages of the key
//! tree, keyrings, system keys and the witness. What is erased here is erased for good.

pub mod keyring;
pub mod master;
pub mod recovery;
pub mod slots;
pub mod system;
pub mod tree;
pub mod witness;

use std::io;
use std::path::PathBuf;

use crate::base::codec::BadLayout;
use crate::base::entropy::EntropyError;
use crate::crypto::{OpenError, SealError};

/// Something is wrong with key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is not what it should be. The text says what to do.
    #[error("{path}: {reason}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// A page or keyring did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A page or keyring opened, but its content makes no sense.
    #[error(transparent)]
    Layout(#[from] BadLayout),
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What was written did not read back.
    #[error("{0}: what was written did not read back; the disk is failing")]
    NotWritten(PathBuf),
}

impl From<EntropyError> for KeyError {
    fn from(error: EntropyError) -> Self {
        Self::Seal(error.into())
    }
}

impl KeyError {
    fn io(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| match source.kind() {
            io::ErrorKind::NotFound => {
                Self::unusable(path, "it is missing; keys/README.md says what it is, and what to do without it")
            }
            io::ErrorKind::UnexpectedEof => {
                Self::unusable(path, "it is cut short; keys/README.md says what it is, and what to do without it")
            }
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    fn unusable(path: &std::path::Path, reason: impl Into<String>) -> Self {
        Self::Unusable { path: path.to_owned(), reason: reason.into() }
    }
}

/// Refuses a symbolic link where key material is overwritten: what it leads to may lie on another file system than the
/// one that was found to overwrite in place. Refuses a pipe, a socket and a device too: they keep nothing, and opening one
/// may never end. That the file is missing, or a folder, is for the caller to say.
fn refuse_special(path: &std::path::Path) -> Result<(), KeyError> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => Err(KeyError::unusable(
            path,
            "is a symbolic link, so overwriting it may not destroy what it holds; put the file itself in its place",
        )),
        Ok(meta) if !meta.is_file() && !meta.is_dir() => {
            Err(KeyError::unusable(path, "is a pipe, a socket or a device; put a file in its place, or remove it"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_short_file_says_where_to_read_on_and_other_trouble_what_it_is() {
        let words = |kind: io::ErrorKind| KeyError::io(std::path::Path::new("keys/root"))(kind.into()).to_string();
        let help = "keys/README.md says what it is";
        let missing = words(io::ErrorKind::NotFound);
        assert!(missing.starts_with("keys/root: it is missing") && missing.contains(help), "{missing}");
        let short = words(io::ErrorKind::UnexpectedEof);
        assert!(short.starts_with("keys/root: it is cut short") && short.contains(help), "{short}");
        assert_eq!(words(io::ErrorKind::PermissionDenied), "keys/root: permission denied");
    }
}
