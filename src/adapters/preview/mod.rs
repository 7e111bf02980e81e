//! Previews of files that strangers sent: the pages of a PDF as pictures, the words of DOCX, ODT, RTF and plain text.
//!
//! What takes such a file apart is the most attacked code there is, so it never runs in the service. For each preview this program
//! is started once more ([`worker`]); it locks itself in, says so, and only then is given the file. It has no network, no files, no
//! environment, bounded memory and time, and speaks in frames ([`frames`]) that are believed as little as the file. [`Previewer`]
//! starts it, feeds it, listens, and ends it. Whatever goes wrong, there is no preview and nothing else.

mod child;
pub mod frames;
pub mod worker;

use crate::base::sensitive::{SecretBytes, SensitiveString};
use crate::domain::file::FileKind;

pub use child::{Content, Previewer};

/// Pixels of a page's picture: so wide at most, and so high.
pub const WIDEST: u32 = 1000;
/// See [`WIDEST`].
pub const HIGHEST: u32 = 2000;
/// Bytes of text, at most; about 150 pages.
pub const MOST_TEXT: usize = 512 << 10;
/// Bytes of a file that is previewed, at most. Above what forms take unless told otherwise.
pub const LARGEST: u64 = 32 << 20;

/// What one preview may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Seconds from start to end, and of processor time.
    pub seconds: u64,
    /// Memory, in MiB, the program itself included.
    pub memory_mib: u64,
    /// Pages that are shown; the others are counted.
    pub pages: u32,
    /// Previews that are made at a time.
    pub at_once: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { seconds: 10, memory_mib: 768, pages: 20, at_once: 2 }
    }
}

/// What there is to be seen of a file.
#[derive(Debug)]
pub enum Preview {
    /// Pages, as PNG.
    Pages {
        /// The first ones, in order; at least one.
        pictures: Vec<SecretBytes>,
        /// Pages that the file has.
        total: u32,
        /// Making them was not finished: time or memory ran out, or a page could not be drawn.
        broke_off: bool,
    },
    /// Words, without control characters but for line ends and tabs; not empty.
    Text {
        /// The words.
        text: SensitiveString,
        /// There are more.
        is_cut: bool,
    },
}

/// Why there is no preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The worker could not lock itself in, so it was given nothing.
    #[error("the process that makes previews cannot be locked in: {0}")]
    Barred(Barrier),
    /// The file wants a password.
    #[error("the file is encrypted")]
    Encrypted,
    /// It does not hold what its kind promises.
    #[error("the file cannot be read")]
    Unreadable,
    /// There is nothing in it to be seen.
    #[error("there is nothing to show")]
    Empty,
    /// It took too long.
    #[error("it took too long")]
    TooSlow,
    /// It is too large, or came to too much.
    #[error("it is too large")]
    TooLarge,
    /// Nobody wants it any more: what it is made of is gone.
    #[error("it is not wanted any more")]
    Unwanted,
    /// The worker ended: out of memory, out of stack, or it did what it may not.
    #[error("the process that made it ended")]
    Died,
}

/// What the worker could not do before it would have been given anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Barrier {
    /// It could not be started.
    #[error("it cannot be started")]
    Start,
    /// Limits of the process could not be set.
    #[error("the system does not let it limit itself")]
    Limits,
    /// The kernel has no Landlock, or it is not switched on.
    #[error("this kernel has no Landlock")]
    Landlock,
    /// The kernel has no seccomp filters, or this kind of processor is not known.
    #[error("this kernel has no seccomp filters for this processor")]
    Seccomp,
}

impl Barrier {
    const ALL: [(Self, u8); 4] =
        [(Self::Start, b's'), (Self::Limits, b'l'), (Self::Landlock, b'f'), (Self::Seccomp, b'c')];

    const fn code(self) -> u8 {
        match self {
            Self::Start => b's',
            Self::Limits => b'l',
            Self::Landlock => b'f',
            Self::Seccomp => b'c',
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == code).map(|(barrier, _)| barrier)
    }
}

/// The kind of a file, by the media type that downloads declare.
pub fn kind_of(media_type: &str) -> Option<FileKind> {
    FileKind::ALL.into_iter().find(|kind| kind.media_type() == media_type)
}
