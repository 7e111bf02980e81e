//! Folders that do not belong together: a clear refusal that says what to do, exit code 3, and nothing changed.

use std::path::Path;

use crate::support::{Server, copy, expect, folder, letterlock, tree};

/// Every command must refuse, and leave the named folders as they are. (A snapshot of the store's own is derived from its
/// log and made anew whenever the store is opened.)
#[track_caller]
fn refused(at: &Path, words: &[&str], folders: &[&str]) {
    let state = |name: &str| {
        let mut files = tree(&at.join(name));
        files.retain(|path, _| !path.to_string_lossy().starts_with("store/snap."));
        files
    };
    let before: Vec<_> = folders.iter().map(|name| state(name)).collect();
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["status"], &["record", "list", "--as", "hr"]] {
        let (out, err) = expect(&letterlock(at, args), 3);
        assert!(out.is_empty() && words.iter().any(|word| err.contains(word)), "{args:?}: {err}");
    }
    for (name, before) in folders.iter().zip(before) {
        let after = state(name);
        let names =
            |tree: &std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&before), names(&after), "files of {name}");
        for (path, content) in before {
            assert!(after[&path] == content, "{name}/{} was changed", path.display());
        }
    }
}

#[test]
fn commands_do_not_make_a_vault() {
    let at = folder("no-vault");
    for args in
        [&["status"][..], &["verify"], &["audit", "verify"], &["token", "create", "--login", "a", "--role", "hr"]]
    {
        let (_, err) = expect(&letterlock(&at, args), 3);
        assert!(err.contains("letterlock:"), "{err}");
    }
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 0, "nothing was made");
}

#[test]
fn commands_wait_for_each_other_but_not_for_ever() {
    let at = folder("waiting");
    expect(&letterlock(&at, &["init"]), 0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| expect(&letterlock(&at, &["status"]), 0));
        }
    });
    // A service that nobody can talk to.
    let server = Server::start(&at, &[]);
    std::fs::remove_file(at.join("data/control.sock")).unwrap();
    let (_, err) = expect(&letterlock(&at, &["status"]), 3);
    assert!(err.contains("another letterlock holds the data folder"), "{err}");
    server.stop();
}

#[test]
fn a_lost_foreign_or_damaged_key_folder() {
    let at = folder("keys");
    expect(&letterlock(&at, &["init"]), 0);
    expect(&letterlock(&at, &["init", "--data", "other-data", "--keys", "other-keys"]), 0);
    let rename = |from: &str, to: &str| std::fs::rename(at.join(from), at.join(to)).unwrap();

    rename("keys", "good");
    refused(&at, &["key"], &["data"]);
    assert!(!at.join("keys").exists(), "no keys were made for a vault that has some");
    std::fs::create_dir(at.join("keys")).unwrap();
    refused(&at, &["key"], &["data", "keys"]);
    std::fs::remove_dir(at.join("keys")).unwrap();

    rename("other-keys", "keys");
    refused(&at, &["another vault", "vault"], &["data", "keys"]);
    rename("keys", "other-keys");

    rename("good", "keys");
    let master = std::fs::read(at.join("keys/master.key")).unwrap();
    // Written over, so that the file keeps its permissions.
    std::fs::write(at.join("keys/master.key"), std::fs::read(at.join("other-keys/master.key")).unwrap()).unwrap();
    refused(&at, &["master key", "key"], &["data", "keys"]);
    std::fs::write(at.join("keys/master.key"), master).unwrap();
    expect(&letterlock(&at, &["verify"]), 0);
}

#[test]
fn an_older_data_folder() {
    let at = folder("older");
    expect(&letterlock(&at, &["init"]), 0);
    copy(&at.join("data"), &at.join("yesterday"));
    expect(&letterlock(&at, &["token", "create", "--login", "a", "--role", "hr"]), 0);
    std::fs::rename(at.join("data"), at.join("today")).unwrap();
    copy(&at.join("yesterday"), &at.join("data"));
    refused(&at, &["older"], &["data", "keys"]);
    std::fs::remove_dir_all(at.join("data")).unwrap();
    std::fs::rename(at.join("today"), at.join("data")).unwrap();
    expect(&letterlock(&at, &["verify"]), 0);
}
