//! The socket file: made, found and removed by way of the open folder.
//!
//! A socket address holds 108 bytes, paths may be longer; `/proc/self/fd/N/control.sock` always fits.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use tokio::net::{UnixListener, UnixStream};

use crate::services::App;

/// Name of the socket in the data folder.
pub const NAME: &str = "control.sock";

/// The bound socket. Its file goes when this is dropped.
pub struct Listener {
    pub(super) inner: UnixListener,
    folder: Folder,
}

impl Listener {
    /// Binds `control.sock` in the data folder `data`, for the owner only (0600). An old socket is replaced: holding the
    /// opened application, which holds the folder's lock, shows that nobody is behind it.
    ///
    /// # Errors
    /// What the operating system says; [`io::ErrorKind::AlreadyExists`] when something that is no socket has the name.
    pub fn bind(data: &Path, _lock: &App) -> io::Result<Self> {
        Self::bind_locked(data)
    }

    pub(super) fn bind_locked(data: &Path) -> io::Result<Self> {
        let folder = Folder::open(data)?;
        let path = folder.socket();
        match std::fs::symlink_metadata(&path) {
            Ok(meta) if meta.file_type().is_socket() => std::fs::remove_file(&path)?,
            Ok(_) => {
                let told = format!("{} exists and is no socket", data.join(NAME).display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, told));
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        let inner = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { inner, folder })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Best effort: a file left behind is replaced at the next start.
        let _ = std::fs::remove_file(self.folder.socket());
    }
}

/// Connects to the service of this data folder; `None` when none listens there.
///
/// # Errors
/// [`io::ErrorKind::PermissionDenied`] for a socket of somebody else's; what the operating system says.
pub(super) async fn connect(data: &Path) -> io::Result<Option<UnixStream>> {
    let none = |e: &io::Error| {
        use io::ErrorKind::{ConnectionRefused, NotADirectory, NotFound};
        matches!(e.kind(), NotFound | ConnectionRefused | NotADirectory)
    };
    let folder = match Folder::open(data) {
        Ok(folder) => folder,
        Err(e) if none(&e) => return Ok(None),
        Err(e) => return Err(e),
    };
    match UnixStream::connect(folder.socket()).await {
        Ok(stream) => {
            let (own, owner) = (rustix::process::geteuid().as_raw(), std::fs::metadata(folder.path())?.uid());
            let peer = stream.peer_cred()?.uid();
            // Personal text is about to go there: it must be ourselves, or whom the data folder belongs to.
            if peer == own || peer == 0 || (own == 0 && peer == owner) {
                Ok(Some(stream))
            } else {
                Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "another user's process answers the control socket",
                ))
            }
        }
        Err(e) if none(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

struct Folder(OwnedFd);

impl Folder {
    fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }

    fn socket(&self) -> PathBuf {
        self.path().join(NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a".repeat(120)).join("b".repeat(120));
        std::fs::create_dir_all(&path).unwrap();
        (dir, path)
    }

    #[tokio::test]
    async fn long_paths_stale_sockets_and_removal() {
        let (_dir, data) = long();
        assert!(connect(&data).await.unwrap().is_none());
        assert!(connect(&data.join("missing")).await.unwrap().is_none());

        let listener = Listener::bind_locked(&data).unwrap();
        let mode = std::fs::metadata(data.join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(connect(&data).await.unwrap().is_some());
        drop(listener);
        assert!(!data.join(NAME).exists());

        // As after a crash: the file is there and nobody listens.
        drop(std::os::unix::net::UnixListener::bind(Folder::open(&data).unwrap().socket()).unwrap());
        assert!(data.join(NAME).exists());
        assert!(connect(&data).await.unwrap().is_none());
        let _listener = Listener::bind_locked(&data).unwrap();
        assert!(connect(&data).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn something_else_of_that_name_is_left_alone() {
        let (_dir, data) = long();
        std::fs::write(data.join(NAME), "mine").unwrap();
        assert!(Listener::bind_locked(&data).is_err());
        assert_eq!(std::fs::read(data.join(NAME)).unwrap(), b"mine");
    }
}
