//! The data folder, the key folder and the recovery folder must lie apart: whoever copies one must not get the other.

use std::io;
use std::path::{Component, Path, PathBuf};

/// The folders do not lie apart.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The same folder twice.
    #[error("the {0} folder and the {1} folder are the same ({path}); give each its own", path = .2.display())]
    Same(&'static str, &'static str, PathBuf),
    /// One inside the other.
    #[error("the {inner} folder ({}) lies inside the {outer} folder ({}); a copy of one must not carry the other: put them side by side", .inner_path.display(), .outer_path.display())]
    Nested {
        /// What the inner one is.
        inner: &'static str,
        /// Where it is.
        inner_path: PathBuf,
        /// What the outer one is.
        outer: &'static str,
        /// Where it is.
        outer_path: PathBuf,
    },
    /// A path could not be followed.
    #[error("cannot follow the path of the {what} folder, {path}: {source}", path = .path.display())]
    Unreadable {
        /// What the folder is.
        what: &'static str,
        /// Its path as given.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Refuses a data and a key folder of which one lies inside the other, and a recovery folder inside the data folder.
/// Symbolic links are followed; folders need not exist yet.
///
/// # Errors
/// [`FolderError`].
pub fn check_folders(data: &Path, keys: &Path, recovery: Option<&Path>) -> Result<(), FolderError> {
    let follow = |what, path: &Path| {
        resolve(path).map_err(|source| FolderError::Unreadable { what, path: path.to_owned(), source })
    };
    let data = follow("data", data)?;
    let keys = follow("key", keys)?;
    apart(("data", &data), ("key", &keys))?;
    if let Some(recovery) = recovery {
        let recovery = follow("recovery", recovery)?;
        if recovery.starts_with(&data) {
            return apart(("data", &data), ("recovery", &recovery));
        }
    }
    Ok(())
}

/// Refuses a folder of files to hand out that is, or lies in, the data or the key folder.
///
/// # Errors
/// [`FolderError`].
pub fn check_resources(resources: &Path, data: &Path, keys: &Path) -> Result<(), FolderError> {
    let follow = |what, path: &Path| {
        resolve(path).map_err(|source| FolderError::Unreadable { what, path: path.to_owned(), source })
    };
    let resources = follow("resource", resources)?;
    for (what, path) in [("data", data), ("key", keys)] {
        let path = follow(what, path)?;
        if resources.starts_with(&path) {
            return apart((what, &path), ("resource", &resources));
        }
    }
    Ok(())
}

/// Refuses a file of heads that lies in the data or the key folder: whoever changes those would change it as well.
///
/// # Errors
/// [`FolderError`].
pub fn check_heads(file: Option<&Path>, data: &Path, keys: &Path) -> Result<(), FolderError> {
    let Some(file) = file else { return Ok(()) };
    let follow = |what, path: &Path| {
        resolve(path).map_err(|source| FolderError::Unreadable { what, path: path.to_owned(), source })
    };
    let heads = follow("audit heads", file.parent().unwrap_or(file))?;
    for (what, path) in [("data", data), ("key", keys)] {
        let path = follow(what, path)?;
        if heads.starts_with(&path) {
            return apart((what, &path), ("audit heads", &heads));
        }
    }
    Ok(())
}

fn apart(a: (&'static str, &Path), b: (&'static str, &Path)) -> Result<(), FolderError> {
    if a.1 == b.1 {
        return Err(FolderError::Same(a.0, b.0, a.1.to_owned()));
    }
    let nested = |inner: (&'static str, &Path), outer: (&'static str, &Path)| FolderError::Nested {
        inner: inner.0,
        inner_path: inner.1.to_owned(),
        outer: outer.0,
        outer_path: outer.1.to_owned(),
    };
    if a.1.starts_with(b.1) {
        return Err(nested(a, b));
    }
    if b.1.starts_with(a.1) {
        return Err(nested(b, a));
    }
    Ok(())
}

/// The path with all links followed, as far as it exists; the rest is appended as it stands.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    follow(&std::env::current_dir()?, path, 0)
}

fn follow(base: &Path, path: &Path, links: u32) -> io::Result<PathBuf> {
    // The kernel's own limit for nested links.
    if links > 40 {
        return Err(io::Error::other("too many symbolic links"));
    }
    let mut at = base.to_owned();
    for part in path.components() {
        match part {
            Component::RootDir | Component::Prefix(_) => at = PathBuf::from("/"),
            Component::CurDir => {}
            Component::ParentDir => {
                at.pop();
            }
            Component::Normal(name) => {
                let next = at.join(name);
                match std::fs::symlink_metadata(&next) {
                    // Also one that dangles: the folder will be made where it points.
                    Ok(meta) if meta.is_symlink() => at = follow(&at, &std::fs::read_link(&next)?, links + 1)?,
                    Ok(_) => at = next,
                    Err(e) if e.kind() == io::ErrorKind::NotFound => at = next,
                    Err(e) => return Err(e),
                }
            }
        }
    }
    // The base may itself have been reached by a link (a current folder under one).
    Ok(std::fs::canonicalize(&at).unwrap_or(at))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nesting_is_seen_through_links_and_missing_folders() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("real/data")).unwrap();
        symlink(at("real/data"), at("link")).unwrap();
        symlink(at("real/data/later"), at("dangling")).unwrap();
        symlink("loop", at("loop")).unwrap();

        check_folders(&at("data"), &at("keys"), None).unwrap();
        check_folders(&at("data"), &at("data-keys"), Some(&at("keys/recovery"))).unwrap();
        for (data, keys) in [
            ("data", "data"),
            ("data", "data/keys"),
            ("keys/data", "keys"),
            ("data", "other/../data/keys"),
            ("real/data", "link/keys"),
            ("link", "real/data"),
            ("real", "link"),
            ("real/data", "dangling"),
            ("real/data", "dangling/deeper"),
            ("data", "loop"),
        ] {
            assert!(check_folders(&at(data), &at(keys), None).is_err(), "{data} {keys}");
        }
        assert!(check_folders(&at("link"), &at("keys"), Some(&at("real/data/r"))).is_err());
        check_resources(&at("resources"), &at("data"), &at("keys")).unwrap();
        for bad in ["link", "real/data/files", "keys"] {
            assert!(check_resources(&at(bad), &at("real/data"), &at("keys")).is_err(), "{bad}");
        }
        let told = check_folders(&at("data"), &at("data/keys"), None).unwrap_err().to_string();
        assert!(told.contains("inside") && told.contains("side by side"), "{told}");
    }
}
