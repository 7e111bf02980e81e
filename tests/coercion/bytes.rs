//! That the attacker of the game had every byte: whatever stands in the traced writes to the store is a row that was
//! recorded, or the engine's own framing, too short between two rows for an envelope.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::attacker::Row;
use crate::run::{play_if_asked, run};
use crate::search::not_in_zeros;
use crate::trace::Write;

/// The shortest envelope: header, length, tag.
const SHORTEST: usize = 66 + 4 + 16;

/// Rows by the salt of their first envelope, with where in the value that envelope begins. Two versions of a row of two
/// layers may share the outer one.
struct Index<'a>(HashMap<&'a [u8], Vec<(usize, &'a Row)>>);

impl<'a> Index<'a> {
    fn new(rows: &'a [Row]) -> Self {
        let mut index: HashMap<_, Vec<_>> = HashMap::new();
        for row in rows {
            // Records, list rows and waiting mails begin with the length of their outer layer.
            let at = if matches!(row.0.first(), Some(3 | 4 | 13)) { 2 } else { 0 };
            if row.1.get(at..at + 2) == Some(&[1, 1]) && row.1.len() >= at + SHORTEST {
                index.entry(&row.1[at + 2..at + 34]).or_default().push((at, row));
            }
        }
        Self(index)
    }

    /// The rows that stand around the envelope at `at`.
    fn around(&self, bytes: &[u8], at: usize) -> impl Iterator<Item = (usize, &'a Row)> {
        let known = bytes.get(at + 2..at + 34).and_then(|salt| self.0.get(salt)).map_or(&[][..], Vec::as_slice);
        let starts = known.iter().filter_map(move |(before, row)| Some((at.checked_sub(*before)?, *row)));
        starts.filter(move |(from, row)| bytes[*from..].starts_with(&row.1))
    }
}

/// The store's keys as the engine packs them: a length, then the key, without what it shares with its neighbours at the
/// front, and, where it only parts two pages, cut off at the end.
struct PackedKeys(HashSet<Vec<u8>>);

impl PackedKeys {
    fn new(rows: &[Row]) -> Self {
        let keys: HashSet<&Vec<u8>> = rows.iter().map(|(key, _)| key).collect();
        let mut packed = HashSet::new();
        for key in keys {
            for from in 0..key.len().min(9) {
                packed.extend((from + 2..=key.len()).map(|to| key[from..to].to_vec()));
            }
        }
        // So are the few values that stand in clear.
        packed.extend(rows.iter().filter(|(key, _)| key[0] == 0 && key != b"\0state").map(|(_, value)| value.clone()));
        Self(packed)
    }

    /// How many bytes the packed key at the front of `bytes` takes; 0 when there is none.
    fn len_at(&self, bytes: &[u8]) -> usize {
        let Some((&len, rest)) = bytes.split_first() else { return 0 };
        let key = rest.get(..usize::from(len)).filter(|_| (2..=32).contains(&len));
        if key.is_some_and(|key| self.0.contains(key)) { 1 + usize::from(len) } else { 0 }
    }
}

#[derive(Default)]
struct Coverage {
    bytes: usize,
    /// Bytes of whole rows.
    rows: usize,
    /// Bytes of neither rows nor zeros.
    framing: usize,
    /// Places at which an envelope could begin that is none of the rows.
    strange: Vec<String>,
    /// The rows that were found.
    found: HashSet<Vec<u8>>,
}

impl Coverage {
    fn add(&mut self, index: &Index<'_>, keys: &PackedKeys, write: &Write) {
        let bytes = &write.bytes;
        let mut covered = vec![false; bytes.len()];
        for at in heads(bytes) {
            for (from, row) in index.around(bytes, at) {
                covered[from..from + row.1.len()].fill(true);
                if !self.found.contains(&row.1) {
                    self.found.insert(row.1.clone());
                }
            }
        }
        self.bytes += bytes.len();
        self.rows += covered.iter().filter(|c| **c).count();
        for at in not_in_zeros(bytes).filter(|&at| bytes[at] != 0) {
            if !covered[at] {
                let len = keys.len_at(&bytes[at..]);
                covered[at..at + len].fill(true);
                self.framing += len.max(1);
            }
        }
        for at in heads(bytes).filter(|&at| !covered[at]) {
            let room = covered[at..].iter().take_while(|c| !**c).count();
            if room >= SHORTEST && looks_random(&bytes[at + 2..at + 66]) {
                let hex = data_encoding::HEXLOWER.encode(&bytes[at..at + room.min(160)]);
                self.strange.push(format!("{} at {:?} + {at}: {hex}", write.path.display(), write.offset));
            }
        }
    }
}

/// Where an envelope may begin: version 1, suite 1.
fn heads(bytes: &[u8]) -> impl Iterator<Item = usize> {
    not_in_zeros(bytes).filter(|&at| bytes[at] == 1 && bytes[at + 1] == 1)
}

/// Salt and commitment of an envelope have 57 different bytes among their 64 on average, and fewer than 40 never
/// (less than once in 10¹² envelopes); the engine's numbers have far fewer.
fn looks_random(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    bytes.iter().for_each(|&b| seen[usize::from(b)] = true);
    seen.iter().filter(|seen| **seen).count() >= 40
}

#[test]
fn every_byte_ever_written_is_one_that_the_attacker_had() {
    if play_if_asked() {
        return;
    }
    let run = run();
    let (index, keys) = (Index::new(&run.recorded), PackedKeys::new(&run.recorded));
    let mut coverage = Coverage::default();
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for write in &run.writes {
        let name = write.path.strip_prefix(run.home.join("data")).unwrap().to_str().unwrap();
        let kind = match name {
            "store/db" | "store/conf" => name,
            _ if name.starts_with("store/snap.") => "store/snap",
            // The attacker gets these whole.
            _ if name.starts_with("files/") => "files",
            "redo.new" if write.bytes.starts_with(b"LLREDO1\0") || write.bytes.len() == 32 => name,
            "initialising" if write.bytes.len() == 26 => name,
            _ => panic!("{name} was written, and the attacker knows nothing of it"),
        };
        let (pieces, bytes) = kinds.entry(kind).or_default();
        *pieces += 1;
        *bytes += write.bytes.len();
        if kind.starts_with("store/") {
            coverage.add(&index, &keys, write);
        }
    }
    println!("written below the data folder, in pieces and bytes: {kinds:?}");
    println!(
        "the store: {} bytes, of which {} stand in {} recorded rows, {} are keys and the engine's framing, and the rest are zeros",
        coverage.bytes,
        coverage.rows,
        coverage.found.len(),
        coverage.framing,
    );
    assert_eq!(coverage.strange, Vec::<String>::new(), "an envelope may stand here that was not recorded");
    let rows = index.0.values().flatten().map(|(_, row)| &row.1).collect::<HashSet<_>>();
    assert!(rows.iter().all(|row| coverage.found.contains(*row)), "a recorded row is not in the trace");
    assert!(coverage.found.len() > 1000 && coverage.framing * 4 < coverage.rows);
}

#[test]
fn a_row_that_bypassed_the_recorder_is_noticed() {
    use letterlock::base::entropy::SystemEntropy;
    use letterlock::crypto::context::{Context, Purpose};
    use letterlock::crypto::{Key, envelope};
    let seal = |content: &[u8]| {
        let key = Key::make_random(&SystemEntropy::new()).unwrap();
        envelope::seal(&key, &Context::new(Purpose::Deed), content, &SystemEntropy::new()).unwrap()
    };
    let known: Row = ([[11; 17].as_slice(), &[0, 0]].concat(), seal(b"known"));
    let rows = [known.clone()];
    let look = |bytes: Vec<u8>| {
        let mut coverage = Coverage::default();
        let write = Write { time: 0, path: "db".into(), offset: None, bytes };
        coverage.add(&Index::new(&rows), &PackedKeys::new(&rows), &write);
        coverage.strange.len()
    };
    let frame = [vec![0, 7, 1, 1], known.0, known.1.clone(), vec![0; 9000]].concat();
    assert_eq!(look(frame.clone()), 0);
    assert_eq!(look([frame.clone(), seal(b""), vec![5]].concat()), 1, "another envelope");
    let mut changed = frame;
    changed[known.1.len() / 2] ^= 1;
    assert_eq!(look(changed), 1, "another version of the same row");
}
