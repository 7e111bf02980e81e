//! Runs the play once, under strace, and gathers what an attacker would have: shared by all tests of this binary.

use std::collections::{BTreeMap, HashSet};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use letterlock::base::ids::FileId;
use letterlock::store::{Engine, SledEngine};

use crate::attacker::{Haul, Id, Row};
use crate::recorder::recorded;
use crate::scenario::{Part, Sent, parts, sent};
use crate::support::copy_dir;
use crate::trace::{Write, traced, writes};

/// The variable by which a process of this binary knows which act to play, and where.
const ACT: &str = "LETTERLOCK_TEST_ACT";

/// The play is over; this is what is left.
pub struct Run {
    _folder: tempfile::TempDir,
    pub home: PathBuf,
    pub sent: Vec<Sent>,
    /// Every row that ever went to the store.
    pub recorded: Vec<Row>,
    /// Every piece that was ever written below the data folder.
    pub writes: Vec<Write>,
    pub kills: usize,
    /// How much had been sent when the key folder was saved.
    pub sent_then: usize,
}

/// If this process was started to play an act, plays it and returns true.
pub fn play_if_asked() -> bool {
    let Some(act) = std::env::var_os(ACT) else { return false };
    let act = act.into_string().unwrap();
    let (number, home) = act.split_once(' ').unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(parts()[number.parse::<usize>().unwrap()].play(Path::new(home)));
    true
}

/// The run, made when first asked for. `test` is the test that plays an act when it is asked to.
pub fn run() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| Run::make("bytes::every_byte_ever_written_is_one_that_the_attacker_had"))
}

impl Run {
    fn make(test: &str) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let home = folder.path().canonicalize().unwrap();
        std::fs::create_dir(home.join("trace")).unwrap();
        let (mut kills, mut sent_then) = (0, 0);
        for (number, part) in parts().into_iter().enumerate() {
            play(test, &home, number, part);
            kills += usize::from(part.is_killed());
            copy_dir(&home.join("data"), &home.join(format!("backup-{number}")));
            if part == Part::Fill {
                copy_dir(&home.join("keys"), &home.join("keys-then"));
                sent_then = sent(&home).len();
            }
        }
        let mut all = Vec::new();
        for number in 0..parts().len() {
            all.extend(writes(&home.join(format!("trace/{number}")), &home.join("data")));
        }
        let (sent, recorded) = (sent(&home), recorded(&home.join("rows")));
        Self { _folder: folder, home, sent, recorded, writes: all, kills, sent_then }
    }

    /// All data ever, and today's key folder.
    pub fn haul(&self) -> Haul {
        let mut haul = Haul { rows: self.recorded.clone(), files: self.files(), ..Haul::default() };
        haul.redo = self.pieces_of("redo.new").filter(|bytes| bytes.starts_with(b"LLREDO1\0")).collect();
        haul.rows.extend(self.rows_of_backups());
        let key_file = |name: &str| vec![std::fs::read(self.home.join("keys").join(name)).unwrap()];
        haul.masters = key_file("master.key");
        haul.roots = key_file("root");
        haul.recovery_slots = key_file("recovery/slot");
        haul.identities = key_file("recovery/identity");
        haul
    }

    /// The rows as they are after the last act.
    pub fn rows_at_the_end(&self) -> Vec<Row> {
        self.rows_of_backup(parts().len() - 1)
    }

    fn rows_of_backup(&self, number: usize) -> Vec<Row> {
        // On a copy, for the engine tidies its files, and two tests may look at once.
        let copy = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        copy_dir(&self.home.join(format!("backup-{number}/store")), copy.path());
        let engine = SledEngine::open(copy.path(), 8 << 20).unwrap().engine;
        engine.scan(&[], &[0xff]).map(Result::unwrap).collect()
    }

    /// The rows in the backups, all of which the recorder must have seen.
    fn rows_of_backups(&self) -> Vec<Row> {
        let seen: HashSet<&Row> = self.recorded.iter().collect();
        let rows: Vec<_> = (0..parts().len()).flat_map(|number| self.rows_of_backup(number)).collect();
        assert!(rows.iter().all(|row| seen.contains(row)), "a row of a backup did not go through the recorder");
        rows
    }

    /// Everything that was ever written under `data/files`.
    fn files(&self) -> BTreeMap<Id, Vec<u8>> {
        let folder = self.home.join("data/files");
        let mut files: BTreeMap<Id, Vec<u8>> = BTreeMap::new();
        for write in self.writes.iter().filter(|write| write.path.starts_with(&folder)) {
            let id: FileId = write.path.file_name().unwrap().to_str().unwrap().parse().unwrap();
            assert_eq!(write.offset, None, "files are written front to back");
            files.entry(*id.as_bytes()).or_default().extend(&write.bytes);
        }
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let id: FileId = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), files[id.as_bytes()], "the trace has the file as it is on disk");
        }
        files
    }

    fn pieces_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Vec<u8>> + 'a {
        self.writes.iter().filter(move |write| write.path.ends_with(name)).map(|write| write.bytes.clone())
    }
}

fn play(test: &str, home: &Path, number: usize, part: Part) {
    let log = home.join(format!("trace/{number}"));
    let output = traced(&log, &std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ACT, format!("{number} {}", home.display()))
        .stdin(Stdio::null())
        .output()
        .expect("the test needs `strace` (Debian package strace)");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if part.is_killed() {
        assert_eq!(output.status.signal(), Some(9), "{part:?}: {}\n{text}", output.status);
    } else {
        assert!(output.status.success(), "{part:?}: {}\n{text}", output.status);
        assert!(text.contains("1 passed"), "no act was played: {text}");
    }
}
