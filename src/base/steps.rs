//! Points between the steps of whatever must survive a crash, at which a test can stop. In a running service nobody
//! listens, and passing a point costs one look at an empty option.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A point between two steps.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Step {
            $($(#[$doc])* $name,)*
        }

        impl Step {
            /// Every point.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

steps! {
    // A first run, file by file.
    /// The marker in the key folder is there.
    KeyMarkerMade,
    /// The marker in the data folder is there.
    DataMarkerMade,
    /// The folders are there.
    FoldersMade,
    /// The master key is there.
    MasterKeyMade,
    /// The recovery private key is there.
    IdentityMade,
    /// The recovery public key is there.
    RecoveryPublicMade,
    /// The slot file is there, both slots random.
    SlotsMade,
    /// The witness is there, and says nothing.
    WitnessMade,
    /// The store is there, and empty.
    StoreMade,
    /// The first rows are in the store.
    FirstRowsWritten,
    /// The first root is in its slot.
    FirstRootWritten,
    /// The marker in the key folder is gone: the vault is complete.
    KeyMarkerRemoved,
    /// The marker in the data folder is gone.
    DataMarkerRemoved,

    // A start.
    /// A commit that the store had lost is put back.
    RedoPutBack,
    /// The slot that lost is destroyed.
    LosingSlotDestroyed,
    /// Orders from before the last stop are carried out.
    OrdersCarriedOut,
    /// The recovery slot is at the present epoch, or known to be out of reach.
    RecoveryFollowed,
    /// The witness says something.
    TestimonyChecked,
    /// The opening is in the trail.
    OpeningNoted,

    // A file on its way in.
    /// The file is there with its header.
    UploadBegun,
    /// A segment is written.
    SegmentWritten,
    /// The file is on disk, its name is not.
    UploadSynced,
    /// The file is on disk with its name.
    UploadFinished,

    // Any commit but that of an epoch.
    /// Its rows are composed.
    Composed,
    /// It is on disk, and not published.
    Stored,
    /// It is published, and nobody has been told.
    Published,

    // An erasure.
    /// The order is composed.
    Order,
    /// The order is on disk.
    Ordered,
    /// The epoch begins.
    SpareSlot,
    /// The fresh root is in the spare slot, perhaps in memory only.
    SpareSlotPut,
    /// It is on disk.
    SpareSlotSynced,
    /// It was read back.
    SpareSlotWritten,
    /// The redo copy is on disk under its temporary name.
    RedoPut,
    /// It has its name, perhaps in memory only.
    RedoRenamed,
    /// It is on disk with its name.
    RedoWritten,
    /// The epoch is on disk.
    EpochStored,
    /// The victims were found absent.
    AbsenceChecked,
    /// The epoch is published.
    Committed,
    /// A slot is overwritten with random bytes, perhaps in memory only.
    OldSlotPut,
    /// That is on disk.
    OldSlotSynced,
    /// That was read back: the instant of deletion is over.
    OldSlotDestroyed,
    /// The recovery slot is overwritten, perhaps in memory only.
    RecoveryPut,
    /// That is on disk.
    RecoverySynced,
    /// That was read back.
    RecoveryWritten,

    // Tidying up.
    /// A file of the erased is unlinked.
    FileUnlinked,
    /// That is on disk.
    UnlinksSynced,
    /// Rows of the erased are removed.
    RowsRemoved,
    /// The order is removed.
    OrderRemoved,
    /// A file that an abandoned upload left is removed.
    OrphanRemoved,
    /// A testimony is written, perhaps in memory only.
    TestimonyPut,
    /// It is on disk.
    TestimonyWritten,
}

impl Step {
    /// Those at which a running vault, told to erase, can stop before it answers, in their order.
    pub const ERASURE: &'static [Self] = &[
        Self::Order,
        Self::Ordered,
        Self::SpareSlot,
        Self::SpareSlotPut,
        Self::SpareSlotSynced,
        Self::SpareSlotWritten,
        Self::RedoPut,
        Self::RedoRenamed,
        Self::RedoWritten,
        Self::EpochStored,
        Self::AbsenceChecked,
        Self::Committed,
        Self::OldSlotPut,
        Self::OldSlotSynced,
        Self::OldSlotDestroyed,
        Self::RecoveryWritten,
    ];
}

/// Who listens at the steps: nobody in a running service.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<Listener>>);

/// Called at each step; `Break` stops there.
pub type Listener = dyn Fn(Step) -> ControlFlow<()> + Send + Sync;

impl Steps {
    /// With a listener, for tests.
    pub fn new(listener: Option<Arc<Listener>>) -> Self {
        Self(listener)
    }

    /// Passes a step.
    ///
    /// # Errors
    /// Only when a test stops here.
    pub fn reach(&self, step: Step) -> io::Result<()> {
        match self.0.as_ref().map(|listener| listener(step)) {
            Some(ControlFlow::Break(())) => Err(io::Error::other(format!("stopped by a test at {step:?}"))),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps").finish_non_exhaustive()
    }
}
