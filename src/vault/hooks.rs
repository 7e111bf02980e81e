//! Where tests take hold of the vault: points between its steps at which it can be stopped, and what stands between it
//! and its store.

use std::sync::Arc;

pub use crate::base::steps::Step;
use crate::base::steps::{Listener, Steps};
use crate::store::Engine;

/// What tests hook in; empty in a running service.
#[derive(Clone, Default)]
pub struct Hooks {
    /// Called at each step; `Break` stops the vault there, as a crash would.
    pub at_step: Option<Arc<Listener>>,
    /// Stands in for the store, which is then not opened at all: thousands of openings cost no disk.
    #[allow(clippy::type_complexity, reason = "it is the whole of it")]
    pub instead: Option<Arc<dyn Fn() -> Box<dyn Engine> + Send + Sync>>,
    /// Put around the store as it opens: a recorder, or a disk that fails.
    #[allow(clippy::type_complexity, reason = "it is the whole of it")]
    pub engine: Option<Arc<dyn Fn(Box<dyn Engine>) -> Box<dyn Engine> + Send + Sync>>,
    /// Stands in for the free bytes of the data disk.
    pub free_bytes: Option<Arc<std::sync::atomic::AtomicU64>>,
}

impl Hooks {
    pub(super) fn around(&self, engine: Box<dyn Engine>) -> Box<dyn Engine> {
        match &self.engine {
            Some(wrap) => wrap(engine),
            None => engine,
        }
    }

    pub(super) fn steps(&self) -> Steps {
        Steps::new(self.at_step.clone())
    }
}
