//! A disk as a power cut can leave it. Of the writes to a file since its last `fsync` or `fdatasync`, any may be there, and
//! of each any sectors; of the changes to names since the last `fsync` of their folder, any number of the earliest.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::trace::{Call, Event};

const SECTOR: u64 = 512;

/// What becomes of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Kept,
    Dropped,
    /// Some writes are there, others not.
    Some,
    /// Of some writes, some sectors are there.
    Torn,
}

impl Rule {
    pub const ALL: [Self; 4] = [Self::Kept, Self::Dropped, Self::Some, Self::Torn];
}

/// A change to the content of a file, or the promise that those before are on disk.
enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    SetLen(u64),
    Sync,
}

/// A change to names.
enum Name {
    Made {
        path: PathBuf,
        node: usize,
    },
    Moved {
        from: PathBuf,
        to: PathBuf,
    },
    Removed(PathBuf),
    /// All changes so far to names in this folder are on disk.
    Synced(PathBuf),
}

struct At<T> {
    what: T,
    began: usize,
    over: usize,
}

/// A file or folder, whatever it is called.
#[derive(Default)]
struct Node {
    is_folder: bool,
    changes: Vec<At<Change>>,
}

/// A recorded run.
pub struct Recording {
    nodes: Vec<Node>,
    names: Vec<At<Name>>,
}

/// Files by path, with their bytes; folders without.
pub type Image = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Things that a faulty disk, or a faulty program, would do.
#[derive(Clone, Default)]
pub struct Faults {
    /// `fsync` and `fdatasync` of this file do nothing.
    pub never_synced: Option<PathBuf>,
    /// This write to this file, by the line at which it began, never happens.
    pub lost_write: Option<(PathBuf, usize)>,
}

impl Recording {
    /// Of a run that began in an empty folder.
    pub fn new(events: &[Event]) -> Self {
        let mut recording = Self { nodes: Vec::new(), names: Vec::new() };
        let mut live: BTreeMap<PathBuf, usize> = BTreeMap::new();
        for event in events {
            recording.take(event, &mut live);
        }
        recording
    }

    fn take(&mut self, event: &Event, live: &mut BTreeMap<PathBuf, usize>) {
        let (began, over) = (event.began, event.over);
        let change = |recording: &mut Self, path: &Path, what| {
            // A folder synced, or a file without a name by now.
            if let Some(&node) = live.get(path) {
                recording.nodes[node].changes.push(At { what, began, over });
            }
        };
        match &event.call {
            Call::Write { path, offset, bytes } => {
                change(self, path, Change::Write { offset: *offset, bytes: bytes.clone() });
            }
            Call::SetLen { path, len } => change(self, path, Change::SetLen(*len)),
            Call::Sync { path, .. } => {
                change(self, path, Change::Sync);
                self.names.push(At { what: Name::Synced(path.clone()), began, over });
            }
            Call::Create { path, empty } if live.contains_key(path) => {
                if *empty {
                    change(self, path, Change::SetLen(0));
                }
            }
            Call::Create { path, .. } | Call::MakeDir(path) => {
                let node = self.nodes.len();
                let is_folder = matches!(event.call, Call::MakeDir(_));
                self.nodes.push(Node { is_folder, ..Node::default() });
                live.insert(path.clone(), node);
                self.names.push(At { what: Name::Made { path: path.clone(), node }, began, over });
            }
            Call::Rename { from, to } => {
                if let Some(node) = live.remove(from) {
                    live.insert(to.clone(), node);
                }
                self.names.push(At { what: Name::Moved { from: from.clone(), to: to.clone() }, began, over });
            }
            Call::Remove(path) => {
                live.remove(path);
                self.names.push(At { what: Name::Removed(path.clone()), began, over });
            }
        }
    }

    /// What the disk can hold when power is cut right before this line of the trace.
    pub fn at(&self, cut: usize, rule: Rule, chance: &mut Chance, faults: &Faults) -> Image {
        let mut image = Image::new();
        for (path, node) in self.names_at(cut, rule, chance) {
            let node = &self.nodes[node];
            let content = (!node.is_folder).then(|| node.content(&path, cut, rule, chance, faults));
            image.insert(path, content);
        }
        image
    }

    fn names_at(&self, cut: usize, rule: Rule, chance: &mut Chance) -> BTreeMap<PathBuf, usize> {
        let begun: Vec<&At<Name>> = self.names.iter().filter(|name| name.began < cut).collect();
        // Names reach the disk in order, so a promise about one folder carries those before with it.
        let synced: Vec<_> = begun.iter().filter(|name| name.over < cut).collect();
        let promised = |at: &At<Name>| {
            synced.iter().any(|sync| match &sync.what {
                Name::Synced(folder) => sync.began > at.over && at.what.folders().contains(folder),
                _ => false,
            })
        };
        let sure = begun.iter().rposition(|at| promised(at)).map_or(0, |last| last + 1);
        let end = match rule {
            Rule::Kept => begun.len(),
            Rule::Dropped => sure,
            Rule::Some | Rule::Torn => sure + chance.below(begun.len() - sure + 1),
        };
        let mut live = BTreeMap::new();
        for at in &begun[..end] {
            match &at.what {
                Name::Made { path, node } => drop(live.insert(path.clone(), *node)),
                Name::Moved { from, to } => {
                    if let Some(node) = live.remove(from) {
                        live.insert(to.clone(), node);
                    }
                }
                Name::Removed(path) => drop(live.remove(path)),
                Name::Synced(_) => {}
            }
        }
        live
    }
}

impl Name {
    fn folders(&self) -> BTreeSet<PathBuf> {
        let parent = |path: &Path| path.parent().unwrap_or(Path::new("")).to_owned();
        match self {
            Self::Made { path, .. } | Self::Removed(path) => BTreeSet::from([parent(path)]),
            Self::Moved { from, to } => BTreeSet::from([parent(from), parent(to)]),
            Self::Synced(_) => BTreeSet::new(),
        }
    }
}

impl Node {
    fn content(&self, path: &Path, cut: usize, rule: Rule, chance: &mut Chance, faults: &Faults) -> Vec<u8> {
        let synced = self
            .changes
            .iter()
            .filter(|at| matches!(at.what, Change::Sync) && at.over < cut)
            .filter(|_| faults.never_synced.as_deref() != Some(path))
            .map(|at| at.began)
            .max();
        let mut content = Vec::new();
        for at in self.changes.iter().filter(|at| at.began < cut) {
            if faults.lost_write.as_ref().is_some_and(|(file, line)| file == path && *line == at.began) {
                continue;
            }
            let sure = synced.is_some_and(|sync| at.over < sync);
            match &at.what {
                Change::Sync => {}
                Change::SetLen(len) => {
                    if sure || rule == Rule::Kept || (rule != Rule::Dropped && chance.half()) {
                        content.resize(*len as usize, 0);
                    }
                }
                Change::Write { offset, bytes } => {
                    // The end of the file, for a file that is only appended to.
                    let offset = if *offset == u64::MAX { content.len() as u64 } else { *offset };
                    let there = sure || rule == Rule::Kept || (rule != Rule::Dropped && chance.half());
                    match (there, sure || rule != Rule::Torn) {
                        (false, _) => {}
                        (true, true) => put(&mut content, offset, bytes),
                        (true, false) => tear(&mut content, offset, bytes, chance),
                    }
                }
            }
        }
        content
    }
}

fn put(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let (from, to) = (offset as usize, offset as usize + bytes.len());
    if content.len() < to {
        content.resize(to, 0);
    }
    content[from..to].copy_from_slice(bytes);
}

/// Puts some sectors of a write.
fn tear(content: &mut Vec<u8>, offset: u64, bytes: &[u8], chance: &mut Chance) {
    let mut from = 0;
    while from < bytes.len() {
        let to_boundary = (SECTOR - (offset + from as u64) % SECTOR) as usize;
        let to = bytes.len().min(from + to_boundary);
        if chance.half() {
            put(content, offset + from as u64, &bytes[from..to]);
        }
        from = to;
    }
}

/// Writes an image into an empty folder.
pub fn lay_out(image: &Image, folder: &Path) {
    for (path, content) in image {
        let path = folder.join(path);
        match content {
            None => std::fs::create_dir_all(&path).unwrap(),
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
        }
        // As all that the program makes; modes are not traced.
        let mode = if content.is_none() { 0o700 } else { 0o600 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// Chance that is the same in every run (xorshift).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn half(&mut self) -> bool {
        self.next() & 1 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording() -> Recording {
        let path = || PathBuf::from("d/f");
        let calls = [
            Call::MakeDir("d".into()),                                          // 0
            Call::Sync { path: "".into(), all: true },                          // 1
            Call::Create { path: path(), empty: false },                        // 2
            Call::Write { path: path(), offset: 0, bytes: vec![b'a'; 2000] },   // 3
            Call::Sync { path: path(), all: true },                             // 4
            Call::Sync { path: "d".into(), all: true },                         // 5
            Call::Write { path: path(), offset: 100, bytes: vec![b'b'; 2000] }, // 6
            Call::Rename { from: path(), to: "d/g".into() },                    // 7
            Call::Sync { path: "d/g".into(), all: false },                      // 8
        ];
        let events: Vec<_> = (0..).zip(calls).map(|(line, call)| Event { call, began: line, over: line }).collect();
        Recording::new(&events)
    }

    fn at(cut: usize, rule: Rule, seed: u64) -> Image {
        recording().at(cut, rule, &mut Chance::new(seed), &Faults::default())
    }

    #[test]
    fn what_was_synced_is_there_and_what_was_not_may_be() {
        assert!(at(1, Rule::Dropped, 0).is_empty() && at(1, Rule::Kept, 0).len() == 1);
        assert_eq!(at(4, Rule::Dropped, 0).len(), 1, "a name is not there before its folder was synced");
        let a = Some(vec![b'a'; 2000]);
        let synced = at(6, Rule::Dropped, 0);
        assert_eq!(synced[Path::new("d/f")], a);
        assert_eq!(at(7, Rule::Dropped, 0)[Path::new("d/f")], a);
        assert_eq!(at(7, Rule::Kept, 0)[Path::new("d/f")].as_ref().unwrap().len(), 2100);
        // Content is sure, the new name is not.
        let moved = at(9, Rule::Dropped, 0);
        assert_eq!(moved[Path::new("d/f")].as_ref().unwrap()[100..], [b'b'; 2000]);
        assert!(at(9, Rule::Kept, 0).contains_key(Path::new("d/g")));
    }

    #[test]
    fn a_torn_write_is_torn_at_sectors() {
        let mut seen = BTreeSet::new();
        for seed in 0..200 {
            let image = at(7, Rule::Torn, seed);
            let content = image[Path::new("d/f")].as_ref().unwrap().clone();
            for (sector, bytes) in content.chunks(512).enumerate().take(4) {
                let inside = &bytes[if sector == 0 { 100 } else { 0 }..bytes.len().min(2000 - 512 * sector)];
                assert!(inside.iter().all(|b| *b == inside[0]), "sector {sector} is torn inside");
            }
            seen.insert(content);
        }
        assert!(seen.len() > 10, "always the same");
    }

    #[test]
    fn a_faulty_disk_can_be_had() {
        let faults = Faults { never_synced: Some("d/f".into()), lost_write: None };
        let image = recording().at(6, Rule::Dropped, &mut Chance::new(0), &faults);
        assert_eq!(image[Path::new("d/f")], Some(Vec::new()));
        let faults = Faults { never_synced: None, lost_write: Some(("d/f".into(), 3)) };
        let image = recording().at(6, Rule::Kept, &mut Chance::new(0), &faults);
        assert_eq!(image[Path::new("d/f")], Some(Vec::new()));
    }
}
