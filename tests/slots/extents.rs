//! Erasing means overwriting the old root in place, so the blocks of the slots must not move, however many epochs pass.
//! `filefrag` (Debian package e2fsprogs) tells which blocks of the disk a file has.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use letterlock::base::entropy::SystemEntropy;
use letterlock::base::files;
use letterlock::base::ids::VaultId;
use letterlock::crypto::Key;
use letterlock::crypto::derive::{Label, Prf};
use letterlock::crypto::kem::PrivateKey;
use letterlock::crypto::merkle::{Frontier, leaf_hash};
use letterlock::keys::master::MasterKey;
use letterlock::keys::recovery::RecoverySlot;
use letterlock::keys::slots::{RootSlots, SlotNo};
use letterlock::keys::witness::{Testimony, Witness};
use letterlock::services::{App, health};

use crate::support::*;

/// A folder on a file system that is known to overwrite in place: that of the tests, or an ext4 of its own.
struct PlainDisk {
    dir: tempfile::TempDir,
    mounted: bool,
}

impl PlainDisk {
    fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut disk = Self { dir, mounted: false };
        if files::overwriting_destroys(disk.dir.path()).unwrap().is_err() {
            let image = disk.dir.path().join("image");
            std::fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
            std::fs::create_dir(disk.folder_of_mount()).unwrap();
            run(Command::new("mkfs.ext4").arg("-q").arg(&image));
            run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(disk.folder_of_mount()));
            disk.mounted = true;
        }
        disk
    }

    fn folder_of_mount(&self) -> PathBuf {
        self.dir.path().join("mount")
    }

    fn path(&self) -> PathBuf {
        if self.mounted { self.folder_of_mount() } else { self.dir.path().to_owned() }
    }
}

impl Drop for PlainDisk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg(self.folder_of_mount()).status();
        }
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?}: {error} (this test needs an ext4 or xfs folder, or root to mount one, and e2fsprogs)"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Where a file lies: its inode, its length, and each extent as (first block of the file, first block of the disk, blocks).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Whereabouts {
    inode: u64,
    len: u64,
    extents: Vec<(u64, u64, u64)>,
}

fn whereabouts(file: &Path) -> Whereabouts {
    let meta = std::fs::metadata(file).unwrap();
    let text = run(Command::new("filefrag").arg("-v").arg(file));
    let number = |text: &str| text.trim().trim_end_matches('.').parse::<u64>().ok();
    let extents: Vec<_> = text
        .lines()
        .filter_map(|line| {
            // ` 0:        0..       1:   12345..   12346:      2:             last,eof`
            let fields: Vec<&str> = line.split(':').collect();
            number(fields.first()?)?;
            let logical = number(fields.get(1)?.split("..").next()?)?;
            let physical = number(fields.get(2)?.split("..").next()?)?;
            Some((logical, physical, number(fields.get(3)?)?))
        })
        .collect();
    assert!(!extents.is_empty() && !text.contains("delalloc") && !text.contains("inline"), "{text}");
    Whereabouts { inode: meta.ino(), len: meta.len(), extents }
}

fn deep() -> bool {
    std::env::var_os("LETTERLOCK_TEST_DEEP").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slots_keep_their_blocks_while_people_are_erased() {
    let disk = PlainDisk::new();
    let epochs = if deep() { 1000 } else { 60 };
    let home = Home::new();
    let options = || {
        let path = disk.path();
        letterlock::services::OpenOptions {
            data: path.join("data"),
            keys: path.join("keys"),
            accept_unsafe_fs: false,
            ..home.options()
        }
    };
    let open = || App::open(options()).unwrap().0;
    drop(open());
    let app = open(); // from here on everything has been written once
    let keys = disk.path().join("keys");
    let files = ["root", "witness", "recovery/slot"].map(|name| keys.join(name));
    let before = files.each_ref().map(|file| whereabouts(file));
    for n in 0..epochs {
        let email = format!("n{n}@example.org");
        apply(&app, &email, b"%PDF-1.4\n%%EOF\n").await.unwrap();
        let person = person_of(&app, &email).await.unwrap();
        erase_person(&app, person).await.unwrap();
    }
    assert_eq!(health::figures(&app).epoch, 1 + epochs);
    assert_eq!(health::figures(&app).recovery_epoch, Some(1 + epochs));
    app.close().await;
    drop(app);
    assert_eq!(files.each_ref().map(|file| whereabouts(file)), before);
    println!("{epochs} epochs of the vault, and nothing moved: {before:?}");
}

#[test]
fn the_slots_keep_their_blocks_over_a_thousand_epochs() {
    let disk = PlainDisk::new();
    let entropy = SystemEntropy::new();
    let vault = VaultId::from_bytes([7; 16]);
    let [root_path, witness_path, recovery_path] = ["root", "witness", "slot"].map(|name| disk.path().join(name));
    let master = MasterKey::create(&disk.path().join("master.key"), vault, &entropy).unwrap();
    RootSlots::create(&root_path, &entropy).unwrap();
    Witness::create(&witness_path).unwrap();
    let slots = RootSlots::open(&root_path, vault, true).unwrap();
    let mut witness = Witness::open(&witness_path, vault).unwrap();
    let private = PrivateKey::make_random(&entropy).unwrap();
    let recovery = RecoverySlot::new(recovery_path.clone(), vault, private.public(), true);
    let check = Prf::new(&Key::from_bytes([1; 32]), Label::Witness);
    let mut audit = Frontier::default();

    let mut slot = SlotNo::A;
    let mut epoch = |epoch: u64| {
        let root = Key::make_random(&entropy).unwrap();
        slots.write(slot, epoch, &root, &master, &entropy).unwrap();
        slots.destroy(slot.other(), &entropy).unwrap();
        recovery.write(epoch, &root, &entropy).unwrap();
        audit.push(leaf_hash(&epoch.to_be_bytes()));
        witness.write(&Testimony { epoch, audit: audit.clone() }, &check).unwrap();
        slot = slot.other();
    };
    epoch(1);
    let files = [&root_path, &witness_path, &recovery_path];
    let before = files.map(|file| whereabouts(file));
    (2..=1000).for_each(&mut epoch);
    assert_eq!(files.map(|file| whereabouts(file)), before);
    assert_eq!(slots.find(&master).unwrap().iter().map(|found| found.epoch).collect::<Vec<_>>(), [1000]);
    assert_eq!(recovery.epoch(), Some(1000));
    println!("1000 epochs, and nothing moved: {before:?}");

    // The usual way to replace a file leaves the old blocks as they were; the check sees that.
    for path in files {
        let content = std::fs::read(path).unwrap();
        let temporary = disk.path().join("temporary");
        files::write_new_private(&temporary, &content).unwrap();
        std::fs::rename(&temporary, path).unwrap();
    }
    for (file, before) in files.iter().zip(&before) {
        let after = whereabouts(file);
        assert_ne!(after.extents, before.extents);
        assert_ne!(after.inode, before.inode);
    }
}
