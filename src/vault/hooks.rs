//! Where tests take hold of the vault: points between the steps of an erasure at which it can be stopped, and what
//! stands between it and its store.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::VaultError;
use crate::store::Engine;

/// A point between two steps at which a crash test can stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the steps in `epoch`")]
pub enum Step {
    Order,
    Ordered,
    SpareSlot,
    SpareSlotWritten,
    RedoWritten,
    Committed,
    OldSlotDestroyed,
    RecoveryWritten,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 8] = [
        Self::Order,
        Self::Ordered,
        Self::SpareSlot,
        Self::SpareSlotWritten,
        Self::RedoWritten,
        Self::Committed,
        Self::OldSlotDestroyed,
        Self::RecoveryWritten,
    ];
}

/// What tests hook in; empty in a running service.
#[derive(Clone, Default)]
pub struct Hooks {
    /// Called at each step; `Break` stops the vault there, as a crash would.
    #[allow(clippy::type_complexity, reason = "it is the whole of it")]
    pub at_step: Option<Arc<dyn Fn(Step) -> ControlFlow<()> + Send + Sync>>,
    /// Put around the store as it opens: a recorder, or a disk that fails.
    #[allow(clippy::type_complexity, reason = "it is the whole of it")]
    pub engine: Option<Arc<dyn Fn(Box<dyn Engine>) -> Box<dyn Engine> + Send + Sync>>,
    /// Stands in for the free bytes of the data disk.
    pub free_bytes: Option<Arc<std::sync::atomic::AtomicU64>>,
}

impl Hooks {
    pub(super) fn around(&self, engine: impl Engine + 'static) -> Box<dyn Engine> {
        let engine: Box<dyn Engine> = Box::new(engine);
        match &self.engine {
            Some(wrap) => wrap(engine),
            None => engine,
        }
    }

    pub(super) fn reach(&self, step: Step) -> Result<(), VaultError> {
        match self.at_step.as_ref().map(|hook| hook(step)) {
            Some(ControlFlow::Break(())) => Err(VaultError::Unavailable),
            _ => Ok(()),
        }
    }
}
