//! What stands in the place of the store: rows in memory that outlive the vault, or the real store behind it; with faults
//! that a test orders, and plants that betray the vault.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use letterlock::base::tables::Table;
use letterlock::store::{Batch, Engine, Rows, StoreError};

/// A store that lies. Each plant strikes once, at the third occasion.
#[derive(Clone, Copy, Debug)]
pub enum Plant {
    /// A batch is acknowledged without one of its rows of this table.
    Lose(Table),
    /// After a batch, an earlier version of a row of this table that it changed or removed is back.
    BringBack(Table),
}

#[derive(Default)]
struct State {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Commits left until one fails, and whether that one is written all the same.
    fault: Option<(u8, bool)>,
    poisoned: bool,
    plant: Option<Plant>,
    occasions: u32,
}

#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    pub fn new(plant: Option<Plant>) -> Self {
        let disk = Self::default();
        disk.0.lock().unwrap().plant = plant;
        disk
    }

    /// Orders a fault at the `nth` commit from now.
    pub fn fail_at(&self, nth: u8, written: bool) {
        self.0.lock().unwrap().fault = Some((nth, written));
    }

    /// A new start: no faults left.
    pub fn heal(&self) {
        let mut state = self.0.lock().unwrap();
        (state.fault, state.poisoned) = (None, false);
    }

    /// This disk in the place of the store, or in front of it.
    pub fn around(&self, store: Box<dyn Engine>, on_disk: bool) -> Box<dyn Engine> {
        Box::new(Front { disk: self.clone(), store: on_disk.then_some(store) })
    }

    /// The rows in memory, and no store behind them.
    pub fn alone(&self) -> Box<dyn Engine> {
        Box::new(Front { disk: self.clone(), store: None })
    }
}

struct Front {
    disk: Disk,
    store: Option<Box<dyn Engine>>,
}

impl Front {
    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        if let Some(store) = &self.store {
            return store.commit(batch);
        }
        let rows = &mut self.disk.0.lock().unwrap().rows;
        for (key, value) in batch {
            match value {
                Some(value) => drop(rows.insert(key.clone(), value.clone())),
                None => drop(rows.remove(key)),
            }
        }
        Ok(())
    }

    /// The batch as a lying store would write it.
    fn betray(&self, batch: &Batch) -> Batch {
        let mut out = batch.clone();
        let plant = self.disk.0.lock().unwrap().plant;
        let struck = match plant {
            None => None,
            Some(Plant::Lose(table)) => {
                let key = batch.iter().find(|(key, value)| key[0] == table.id() && value.is_some());
                key.map(|(key, _)| (key.clone(), None))
            }
            Some(Plant::BringBack(table)) => batch.keys().filter(|key| key[0] == table.id()).find_map(|key| {
                let old = self.read(key).ok().flatten()?;
                Some((key.clone(), Some(old)))
            }),
        };
        if let Some((key, old)) = struck {
            let mut state = self.disk.0.lock().unwrap();
            state.occasions += 1;
            if state.occasions == 3 {
                match old {
                    None => drop(out.remove(&key)),
                    Some(old) => drop(out.insert(key, Some(old))),
                }
            }
        }
        out
    }
}

impl Engine for Front {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match &self.store {
            Some(store) => store.read(key),
            None => Ok(self.disk.0.lock().unwrap().rows.get(key).cloned()),
        }
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        if let Some(store) = &self.store {
            return store.scan(from, to);
        }
        let state = self.disk.0.lock().unwrap();
        let rows: Vec<_> = match from < to {
            true => state.rows.range(from.to_vec()..to.to_vec()).map(|(k, v)| (k.clone(), v.clone())).collect(),
            false => Vec::new(),
        };
        Box::new(rows.into_iter().map(Ok))
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let due = {
            let mut state = self.disk.0.lock().unwrap();
            if state.poisoned {
                return Err(StoreError::Poisoned);
            }
            match &mut state.fault {
                Some((left, written)) if *left == 1 => {
                    let written = *written;
                    (state.fault, state.poisoned) = (None, true);
                    Some(written)
                }
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            }
        };
        if due != Some(false) {
            self.write(&self.betray(batch))?;
        }
        match due {
            Some(_) => Err(StoreError::Io(std::io::Error::other("the disk fails, as ordered"))),
            None => Ok(()),
        }
    }

    fn is_writable(&self) -> bool {
        !self.disk.0.lock().unwrap().poisoned && self.store.as_ref().is_none_or(|store| store.is_writable())
    }
}
