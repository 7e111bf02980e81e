//! Operations on the store, decoded from bytes and run on the real engine beside a map in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;

use letterlock::store::{Batch, Engine, MAX_ROW, SledEngine, StoreError};
use tempfile::TempDir;

use super::Seam;

const CACHE_BYTES: u64 = 8 << 20;
/// Most operations of one input, and most of them that open the store anew.
const MOST: usize = 64;
const MOST_REOPENINGS: usize = 2;
/// After so many inputs the store begins again in an empty folder; its log only ever grows.
const INPUTS_A_FOLDER: usize = 100;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// An operation, by its first byte modulo 8; a key is the next byte's low two bits in length and then so many bytes.
#[derive(Debug, PartialEq)]
pub enum Op {
    /// Into the batch at hand: a row with a value of so many bytes, each the last byte of the number.
    Put(Vec<u8>, usize),
    /// Into the batch at hand: no row of this key.
    Remove(Vec<u8>),
    /// The batch at hand.
    Commit,
    /// The rows from the first key up to the second.
    Scan(Vec<u8>, Vec<u8>),
    /// The store closed and opened; the batch at hand is lost.
    Reopen,
}

/// The engine answers as the map does, at every step and after it was opened anew.
pub fn check(data: &[u8], seam: Seam) {
    let operations = decode(data);
    if operations.is_empty() {
        return;
    }
    SLOT.with_borrow_mut(|slot| {
        // What another input's failure left behind is not this one's: the store is put back only when all went well.
        let mut store = slot.take().filter(|store| store.inputs < INPUTS_A_FOLDER).unwrap_or_else(Store::new);
        store.inputs += 1;
        let leftover = store.rows();
        store.engine().commit(&leftover.into_keys().map(|key| (key, None)).collect()).unwrap();
        run(&mut store, operations, seam);
        *slot = Some(store);
    });
}

/// Whether anything is committed.
pub fn understood(data: &[u8]) -> bool {
    let operations = decode(data);
    let written = operations.iter().position(|op| matches!(op, Op::Put(..)));
    written.is_some_and(|at| operations[at..].contains(&Op::Commit))
}

fn run(store: &mut Store, operations: Vec<Op>, seam: Seam) {
    let (mut model, mut batch) = (Rows::new(), Batch::new());
    for operation in operations {
        match operation {
            Op::Put(key, len) => drop(batch.insert(key, Some(vec![len as u8; len]))),
            Op::Remove(key) => drop(batch.insert(key, None)),
            Op::Commit => {
                commit(store.engine(), &batch, &mut model, seam);
                batch.clear();
            }
            Op::Scan(from, to) => scan(store.engine(), &from, &to, &model),
            Op::Reopen => {
                batch.clear();
                store.reopen();
                assert_eq!(store.rows(), model, "after opening anew");
            }
        }
    }
    let mut rows = flat(&store.rows());
    (seam.written)(&mut rows);
    assert_eq!(rows, flat(&model), "at the end");
}

fn commit(engine: &SledEngine, batch: &Batch, model: &mut Rows, seam: Seam) {
    let too_large = batch.values().flatten().any(|value| value.len() > MAX_ROW);
    match engine.commit(batch) {
        Ok(()) => {
            assert!((seam.refused)(!too_large), "a row above the limit is taken");
            for (key, value) in batch {
                match value {
                    Some(value) => drop(model.insert(key.clone(), value.clone())),
                    None => drop(model.remove(key)),
                }
            }
        }
        // Then nothing of it may be there, which the next lines show.
        Err(StoreError::RowTooLarge(_)) => assert!(too_large),
        Err(error) => panic!("{error}"),
    }
    assert!(engine.is_writable());
    for key in batch.keys() {
        assert_eq!(engine.read(key).unwrap().as_ref(), model.get(key));
    }
}

fn scan(engine: &SledEngine, from: &[u8], to: &[u8], model: &Rows) {
    let expected: Vec<_> = match from < to {
        true => model.range(from.to_vec()..to.to_vec()).map(|(k, v)| (k.clone(), v.clone())).collect(),
        false => Vec::new(),
    };
    let forwards: Vec<_> = engine.scan(from, to).map(Result::unwrap).collect();
    let mut backwards: Vec<_> = engine.scan(from, to).rev().map(Result::unwrap).collect();
    backwards.reverse();
    assert_eq!(forwards, expected, "from {from:?} to {to:?}");
    assert_eq!(backwards, expected, "backwards, from {from:?} to {to:?}");
}

fn flat(rows: &Rows) -> Vec<u8> {
    let part = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    rows.iter().flat_map(|(key, value)| [part(key), part(value)].concat()).collect()
}

fn decode(data: &[u8]) -> Vec<Op> {
    let mut bytes = data.iter().copied();
    let mut out = Vec::new();
    let mut reopenings = 0;
    while let Some(op) = bytes.next().filter(|_| out.len() < MOST) {
        let mut key = || -> Option<Vec<u8>> {
            let len = usize::from(bytes.next()? % 4);
            (0..len).map(|_| bytes.next()).collect()
        };
        let operation = match op % 8 {
            0 | 1 => key().zip(bytes.next()).map(|(key, len)| Op::Put(key, len.into())),
            // Around the limit of a row, and now and then above it.
            2 => key().zip(bytes.next()).map(|(key, len)| Op::Put(key, MAX_ROW - 128 + usize::from(len % 130))),
            3 => key().map(Op::Remove),
            4 | 5 => Some(Op::Commit),
            6 => key().and_then(|from| Some(Op::Scan(from, key()?))),
            _ if reopenings < MOST_REOPENINGS => {
                reopenings += 1;
                Some(Op::Reopen)
            }
            _ => Some(Op::Commit),
        };
        out.extend(operation);
    }
    out
}

thread_local! {
    static SLOT: RefCell<Option<Store>> = const { RefCell::new(None) };
}

struct Store {
    engine: Option<SledEngine>,
    folder: TempDir,
    inputs: usize,
}

impl Store {
    fn new() -> Self {
        let mut store = Self { engine: None, folder: fast_folder(), inputs: 0 };
        store.reopen();
        store
    }

    fn reopen(&mut self) {
        self.engine = None;
        let opened = SledEngine::open(&self.folder.path().join("store"), CACHE_BYTES).unwrap();
        assert!(opened.kept_aside.is_empty(), "a snapshot was found broken");
        self.engine = Some(opened.engine);
    }

    fn engine(&self) -> &SledEngine {
        self.engine.as_ref().unwrap()
    }

    fn rows(&self) -> Rows {
        self.engine().scan(&[], &[0xff; 5]).map(Result::unwrap).collect()
    }
}

/// A folder in memory where there is one: what is tested here is not the disk, and flushing to one takes milliseconds.
pub fn fast_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
