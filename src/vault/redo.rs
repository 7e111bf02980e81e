//! The redo copy: the rows of the epoch being committed, all of them sealed already, on disk before the commit. Should
//! the store lose the commit after the old root is gone, they are put back at the next start.
//!
//! ```text
//! file = "LLREDO1\0" (8) ‖ vault (16) ‖ epoch (8) ‖ count (4) ‖ rows ‖ SHA-256 of all before (32)
//! row  = key length (2) ‖ key ‖ 1 ‖ value length (4) ‖ value, or 0 for a removal
//! ```
//!
//! Rows stand in order of their keys, each once.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::digest;

use crate::base::codec::{BadLayout, Reader, Writer};
use crate::base::files;
use crate::base::ids::VaultId;
use crate::base::sensitive::SecretBytes;
use crate::base::steps::{Step, Steps};
use crate::store::Batch;

const MAGIC: &[u8; 8] = b"LLREDO1\0";

/// Writes the copy; on disk with its name on return. Replacing the file by renaming is right here: it holds no key.
pub(super) fn write(folder: &Path, vault: VaultId, epoch: u64, batch: &Batch, steps: &Steps) -> std::io::Result<()> {
    let content = encode(vault, epoch, batch);
    let temporary = folder.join("redo.new");
    put(&temporary, &content).inspect_err(|_| {
        // On a full disk half a copy would keep the next start from room that it needs.
        let _ = std::fs::remove_file(&temporary);
    })?;
    steps.reach(Step::RedoPut)?;
    std::fs::rename(&temporary, folder.join("redo"))?;
    steps.reach(Step::RedoRenamed)?;
    files::sync_dir(folder)
}

fn put(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Reads the copy: its epoch and rows. `None` when there is none, or it is torn or of another vault.
pub(super) fn read(folder: &Path, vault: VaultId) -> std::io::Result<Option<(u64, Batch)>> {
    match std::fs::read(folder.join("redo")) {
        Ok(content) => Ok(parse(&content, vault).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn encode(vault: VaultId, epoch: u64, batch: &Batch) -> SecretBytes {
    let mut out = Writer::default();
    out.bytes(MAGIC).bytes(vault.as_bytes()).u64(epoch).u32(batch.len() as u32);
    for (key, value) in batch {
        out.u16(key.len() as u16).bytes(key);
        match value {
            Some(value) => out.u8(1).u32(value.len() as u32).bytes(value),
            None => out.u8(0),
        };
    }
    let mut content = out.finish();
    let check = digest::digest(&digest::SHA256, &content);
    content.extend_from_slice(check.as_ref());
    content
}

/// Reads the bytes of a copy and writes them again, for fuzzing: `None` when they are none of this vault.
pub fn reencode(vault: VaultId, content: &[u8]) -> Option<SecretBytes> {
    parse(content, vault).ok().map(|(epoch, batch)| encode(vault, epoch, &batch))
}

fn parse(content: &[u8], vault: VaultId) -> Result<(u64, Batch), BadLayout> {
    let body = content.len().checked_sub(32).ok_or(BadLayout)?;
    if digest::digest(&digest::SHA256, &content[..body]).as_ref() != &content[body..] {
        return Err(BadLayout);
    }
    let mut reader = Reader::new(&content[..body]);
    if reader.bytes(8)? != MAGIC || reader.bytes(16)? != vault.as_bytes() {
        return Err(BadLayout);
    }
    let (epoch, count) = (reader.u64()?, reader.u32()?);
    let mut batch = Batch::new();
    for _ in 0..count {
        let key_len = usize::from(reader.u16()?);
        let key = reader.bytes(key_len)?.to_vec();
        let value = match reader.u8()? {
            0 => None,
            1 => {
                let len = reader.u32()? as usize;
                Some(reader.bytes(len)?.to_vec())
            }
            _ => return Err(BadLayout),
        };
        if batch.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(BadLayout);
        }
        batch.insert(key, value);
    }
    reader.end()?;
    Ok((epoch, batch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_disorder_or_twice_are_refused() {
        let vault = VaultId::from_bytes([1; 16]);
        for (keys, good) in [(["a", "b"], true), (["b", "a"], false), (["a", "a"], false)] {
            let mut out = Writer::default();
            out.bytes(MAGIC).bytes(vault.as_bytes()).u64(1).u32(2);
            for key in keys {
                out.u16(1).bytes(key.as_bytes()).u8(0);
            }
            let mut content = out.finish();
            let check = digest::digest(&digest::SHA256, &content);
            content.extend_from_slice(check.as_ref());
            assert_eq!(parse(&content, vault).is_ok(), good, "{keys:?}");
        }
    }

    #[test]
    fn a_copy_that_does_not_fit_on_the_disk_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.path().join("redo.new")).unwrap();
        let full = write(dir.path(), VaultId::from_bytes([1; 16]), 3, &Batch::new(), &Steps::default());
        assert_eq!(full.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn comes_back_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let vault = VaultId::from_bytes([1; 16]);
        let batch = Batch::from([(b"a".to_vec(), Some(b"1".to_vec())), (b"b".to_vec(), None)]);
        assert_eq!(read(dir.path(), vault).unwrap(), None);
        write(dir.path(), vault, 3, &Batch::new(), &Steps::default()).unwrap();
        write(dir.path(), vault, 4, &batch, &Steps::default()).unwrap();
        assert_eq!(read(dir.path(), vault).unwrap(), Some((4, batch)));
        assert_eq!(read(dir.path(), VaultId::from_bytes([2; 16])).unwrap(), None);
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::create_dir(elsewhere.path().join("redo")).unwrap();
        assert!(read(elsewhere.path(), vault).is_err(), "one that cannot be read is not one that is missing");
        let good = std::fs::read(dir.path().join("redo")).unwrap();
        for len in 0..good.len() {
            assert!(parse(&good[..len], vault).is_err());
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(parse(&bad, vault).is_err());
        }
        assert!(reencode(vault, &good).is_some_and(|again| *again == *good));
        assert!(reencode(VaultId::from_bytes([2; 16]), &good).is_none());
    }
}
