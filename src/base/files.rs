//! Folders and files with the right permissions, and what the file system underneath is.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, IoSliceMut, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::{Errno, ReadWriteFlags};

/// Makes a folder that only its owner can enter (0700), with its parents; leaves an existing one alone.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().mode(0o700).recursive(true).create(path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Writes a new file that only its owner can read (0600), on disk with its name when this returns.
///
/// # Errors
/// `AlreadyExists` when there is one; nothing is overwritten.
pub fn write_new_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a folder durable.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

/// Permission bits that let others than the owner at a file; 0 when there are none.
pub fn loose_permissions(path: &Path) -> io::Result<u32> {
    Ok(std::fs::metadata(path)?.mode() & 0o077)
}

/// Holds a folder for this process until dropped.
#[derive(Debug)]
pub struct FolderLock(#[allow(dead_code, reason = "held for its lock")] File);

/// Takes the lock of a folder; `None` when another process has it.
pub fn lock_folder(folder: &Path) -> io::Result<Option<FolderLock>> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(FolderLock(file))),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Bytes that an unprivileged process can still write on the file system that holds `path`.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Reads from the disk itself, past the page cache (`O_DIRECT`). `offset` and `len` are multiples of 4,096.
///
/// # Errors
/// `InvalidInput` also where the file system cannot do so.
pub fn read_past_cache(path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    const BLOCK: usize = 4096;
    let file = OpenOptions::new().read(true).custom_flags(OFlags::DIRECT.bits() as i32).open(path)?;
    // Memory has to be aligned like the disk's blocks.
    let mut buffer = vec![0; len + BLOCK];
    let start = buffer.as_ptr().align_offset(BLOCK);
    file.read_exact_at(&mut buffer[start..start + len], offset)?;
    Ok(buffer[start..start + len].to_vec())
}

/// Fills `buffer` from `offset` if that takes no waiting for the disk: what is asked for is in memory already
/// (`RWF_NOWAIT`, Linux 4.14 and later). `false` when it is not, or the file system cannot tell.
///
/// # Errors
/// Those of reading.
pub fn read_in_memory(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
    let len = buffer.len();
    let read = rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT);
    match read {
        Ok(read) => Ok(read == len),
        Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Opens a file to read it, and tells its length. Nothing but a plain file is opened: no link, no folder, no device, and a pipe
/// is not waited for.
///
/// # Errors
/// `InvalidInput` for what is no plain file; those of opening.
pub fn open_plain(path: &Path) -> io::Result<(File, u64)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path).map_err(|error| {
        if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) {
            io::ErrorKind::InvalidInput.into()
        } else {
            error
        }
    })?;
    let about = file.metadata()?;
    if about.is_file() { Ok((file, about.len())) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// The flag with which a file is opened so that reading it leaves no time behind.
pub const NO_ACCESS_TIME: i32 = OFlags::NOATIME.bits() as i32;

/// Whether overwriting a file in place is known to destroy what was there; if not, the reason, for people.
///
/// Known good: ext4 unless mounted `data=journal`, and xfs. Layers below the file system are not seen from here.
pub fn overwriting_destroys(path: &Path) -> io::Result<Result<(), String>> {
    let path = path.canonicalize()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    Ok(match mount_of(&mounts, &path) {
        Some((kind, options)) if kind == "ext4" && options.split(',').any(|o| o == "data=journal") => {
            Err("ext4 mounted data=journal keeps copies in its journal".to_owned())
        }
        Some((kind, _)) if kind == "ext4" || kind == "xfs" => Ok(()),
        Some((kind, _)) => Err(format!("the file system is {kind}")),
        None => Err("the file system could not be told".to_owned()),
    })
}

/// Type and super options of the mount that holds `path`: the deepest mount point, the last one mounted there.
fn mount_of(mountinfo: &str, path: &Path) -> Option<(String, String)> {
    let mut best: Option<(PathBuf, String, String)> = None;
    for line in mountinfo.lines() {
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let Some(point) = before.split(' ').nth(4).map(|p| PathBuf::from(unescape(p))) else { continue };
        let mut after = after.split(' ');
        let (Some(kind), options) = (after.next(), after.nth(1).unwrap_or("")) else { continue };
        let deeper = best.as_ref().is_none_or(|(b, ..)| point.components().count() >= b.components().count());
        if path.starts_with(&point) && deeper {
            best = Some((point, kind.to_owned(), options.to_owned()));
        }
    }
    best.map(|(_, kind, options)| (kind, options))
}

/// Mount points write space, tab, newline and backslash in octal.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n\
        30 22 0:25 / /tmp rw - tmpfs tmpfs rw\n\
        31 22 8:1 / /with\\040space rw - ext4 /dev/sda rw,data=journal\n\
        32 30 8:2 / /tmp/deep rw - xfs /dev/sdb rw\n";

    #[test]
    fn finds_the_deepest_mount() {
        let kind = |path: &str| mount_of(MOUNTS, Path::new(path)).map(|(k, _)| k);
        assert_eq!(kind("/home/x").as_deref(), Some("ext4"));
        assert_eq!(kind("/tmp/x").as_deref(), Some("tmpfs"));
        assert_eq!(kind("/tmp/deep/x").as_deref(), Some("xfs"));
        assert_eq!(mount_of(MOUNTS, Path::new("/with space/x")).unwrap().1, "rw,data=journal");
    }

    #[test]
    fn a_folder_is_locked_once_and_files_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = lock_folder(dir.path()).unwrap();
        assert!(first.is_some());
        assert!(lock_folder(dir.path()).unwrap().is_none());
        drop(first);
        assert!(lock_folder(dir.path()).unwrap().is_some());

        let file = dir.path().join("file");
        write_new_private(&file, b"x").unwrap();
        assert_eq!(loose_permissions(&file).unwrap(), 0);
        assert_eq!(write_new_private(&file, b"y").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn nothing_but_a_plain_file_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("plain"), "words").unwrap();
        assert_eq!(open_plain(&at("plain")).unwrap().1, 5);
        std::os::unix::fs::symlink(at("plain"), at("link")).unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RUSR).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for bad in [at("link"), at("folder"), at("pipe"), at("socket"), "/dev/zero".into()] {
            assert!(open_plain(&bad).is_err(), "{}", bad.display());
        }
        assert_eq!(open_plain(&at("missing")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_is_in_memory_is_read_at_once_and_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let content: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let file = File::open(&path).unwrap();
        let mut buffer = vec![0; 70_000];
        // Just written, so it is in the page cache, on every file system that can tell.
        if read_in_memory(&file, &mut buffer, 30_000).unwrap() {
            assert!(buffer == content[30_000..]);
        } else {
            println!("the file system under {} cannot tell", dir.path().display());
        }
        assert!(!read_in_memory(&file, &mut buffer, 30_001).unwrap(), "the file ends before the buffer is full");
        let unreadable = OpenOptions::new().write(true).open(&path).unwrap();
        assert!(read_in_memory(&unreadable, &mut buffer, 0).is_err());
    }
}
