//! Folders that are half there, loose, or on a file system that keeps what is overwritten.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::vault::OpenFailure;

fn open(options: Options) -> Result<(), OpenFailure> {
    Vault::open(options).map(|_| ())
}

#[test]
fn either_key_file_alone_belongs_to_a_vault() {
    let (dir, vault) = home();
    drop(vault);
    std::fs::remove_dir_all(dir.path().join("data")).unwrap();
    for (name, other) in [("root", "master.key"), ("master.key", "root")] {
        let (path, aside) = (dir.path().join("keys").join(name), dir.path().join("aside"));
        std::fs::rename(&path, &aside).unwrap();
        let refused = open(options(dir.path(), Hooks::default())).unwrap_err().0;
        assert!(refused.contains("belongs to a vault, but the data folder"), "{other} alone: {refused}");
        std::fs::rename(&aside, &path).unwrap();
    }
}

#[test]
fn a_vault_that_must_exist_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let must_exist = || Options { must_exist: true, ..options(dir.path(), Hooks::default()) };
    let refused = open(must_exist()).unwrap_err().0;
    assert!(refused.contains("there is no vault"), "{refused}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "and nothing was made");
    open(options(dir.path(), Hooks::default())).unwrap();
    open(must_exist()).unwrap();
}

#[test]
fn folders_that_others_may_list_become_private() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["keys", "data"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
        std::fs::set_permissions(dir.path().join(folder), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    open(options(dir.path(), Hooks::default())).unwrap();
    for folder in ["keys", "data"] {
        let mode = std::fs::metadata(dir.path().join(folder)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{folder}");
    }
}

/// `/dev/shm` is a file system in memory, which may be swapped out, on every Linux.
#[test]
fn keys_on_a_file_system_not_known_to_destroy_need_leave() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let strict = Options { accept_unsafe_fs: false, ..options(dir.path(), Hooks::default()) };
    let refused = open(strict).unwrap_err().0;
    assert!(refused.contains("--accept-unsafe-fs"), "{refused}");
    open(options(dir.path(), Hooks::default())).unwrap();
}
