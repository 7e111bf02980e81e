//! Stands between the vault and its store and writes down every row of every batch, outside the data folder, before the
//! batch goes on.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use letterlock::store::{Batch, Engine, Rows, StoreError};
use letterlock::vault::Hooks;

use crate::attacker::Row;

struct Recorder {
    inner: Box<dyn Engine>,
    out: Arc<Mutex<File>>,
}

impl Engine for Recorder {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(key)
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        self.inner.scan(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut record = Vec::new();
        for (key, value) in batch.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            for bytes in [key, value] {
                record.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
                record.extend_from_slice(bytes);
            }
        }
        self.out.lock().unwrap().write_all(&record).unwrap();
        self.inner.commit(batch)
    }

    fn is_writable(&self) -> bool {
        self.inner.is_writable()
    }
}

/// Hooks that record into `file`, after what is in it.
pub fn recording(file: &Path) -> Hooks {
    let out = OpenOptions::new().create(true).append(true).open(file).unwrap();
    let out = Arc::new(Mutex::new(out));
    let wrap = move |inner| -> Box<dyn Engine> { Box::new(Recorder { inner, out: Arc::clone(&out) }) };
    Hooks { engine: Some(Arc::new(wrap)), ..Hooks::default() }
}

/// The rows that were recorded.
pub fn recorded(file: &Path) -> Vec<Row> {
    let bytes = std::fs::read(file).unwrap();
    let mut rest = bytes.as_slice();
    let mut next = || {
        let (len, tail) = rest.split_first_chunk::<4>()?;
        let (piece, tail) = tail.split_at(u32::from_be_bytes(*len) as usize);
        rest = tail;
        Some(piece.to_vec())
    };
    let mut rows = Vec::new();
    while let (Some(key), Some(value)) = (next(), next()) {
        rows.push((key, value));
    }
    rows
}
