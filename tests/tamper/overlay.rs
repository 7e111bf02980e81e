//! Engines that stand in for the store: one in memory, so that a trial costs no disk, and one that keeps every state that
//! the store was ever in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use letterlock::store::{Batch, Engine, Rows as Scan, StoreError};
use letterlock::vault::Hooks;

pub type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Rows in memory; shared, so that they outlive the vault that works on them.
#[derive(Clone, Default)]
pub struct Memory(pub Arc<Mutex<Rows>>);

impl Memory {
    pub fn new(rows: Rows) -> Self {
        Self(Arc::new(Mutex::new(rows)))
    }

    /// Hooks that put these rows in the place of the store.
    pub fn hooks(&self) -> Hooks {
        let memory = self.clone();
        Hooks { instead: Some(Arc::new(move || Box::new(memory.clone()))), ..Hooks::default() }
    }
}

impl Engine for Memory {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Scan<'_> {
        let rows: Vec<_> = match from < to {
            true => {
                self.0.lock().unwrap().range(from.to_vec()..to.to_vec()).map(|(k, v)| (k.clone(), v.clone())).collect()
            }
            false => Vec::new(),
        };
        Box::new(rows.into_iter().map(Ok))
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        apply(&mut self.0.lock().unwrap(), batch);
        Ok(())
    }

    fn is_writable(&self) -> bool {
        true
    }
}

pub fn apply(rows: &mut Rows, batch: &Batch) {
    for (key, value) in batch {
        match value {
            Some(value) => drop(rows.insert(key.clone(), value.clone())),
            None => drop(rows.remove(key)),
        }
    }
}

/// Keeps the state after each commit of whatever it stands in front of.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Rows>>>);

struct Recording {
    inner: Box<dyn Engine>,
    states: Recorder,
}

impl Recorder {
    pub fn hooks(&self) -> Hooks {
        let states = self.clone();
        let wrap = move |inner| -> Box<dyn Engine> { Box::new(Recording { inner, states: states.clone() }) };
        Hooks { engine: Some(Arc::new(wrap)), ..Hooks::default() }
    }

    /// The states, oldest first.
    pub fn states(&self) -> Vec<Rows> {
        self.0.lock().unwrap().clone()
    }
}

impl Engine for Recording {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(key)
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Scan<'_> {
        self.inner.scan(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.inner.commit(batch)?;
        let mut states = self.states.0.lock().unwrap();
        let mut rows = states.last().cloned().unwrap_or_default();
        apply(&mut rows, batch);
        states.push(rows);
        Ok(())
    }

    fn is_writable(&self) -> bool {
        self.inner.is_writable()
    }
}
