//! Why a use-case did not happen, whatever layer below said so.

use crate::domain::Problem;
use crate::domain::language::Said;
use crate::domain::scan::Scan;
use crate::policy::Denial;
use crate::vault::VaultError;

/// Why a use-case did not happen. The one type that `http::error` and `cli` map to answers.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No such thing, or the actor may not know of it: the answer is the same.
    #[error("not found")]
    NotFound,
    /// Seen, but the act is not allowed.
    #[error("not allowed")]
    Forbidden,
    /// No token, or a bad, expired or revoked one.
    #[error("not signed in")]
    Unauthenticated,
    /// The input breaks the rules; all mistakes at once.
    #[error("the input is not valid")]
    Invalid(Vec<Problem>),
    /// Reading needs a purpose out of this list.
    #[error("a purpose is needed")]
    PurposeNeeded {
        /// What may be named.
        allowed: Vec<String>,
    },
    /// The account reads unusually much, and is to say why before it goes on.
    #[error("unusually much was read; say why, then go on")]
    ReasonNeeded,
    /// The form is of a kind that takes nothing yet; nothing was stored.
    #[error("this form is not open yet")]
    NotYetOpen,
    /// The mail server did not take a mail that the act is nothing without; nothing was stored.
    #[error("the mail server did not take the mail")]
    MailNotTaken,
    /// The file may not be opened: the virus scanner found something in it, has still to look at it, or never managed to.
    #[error("the file is withheld: {}", match .scan {
        Scan::Infected => "the virus scanner found something in it",
        Scan::Unscannable => "the virus scanner never managed to look at it",
        _ => "it is not scanned yet",
    })]
    Withheld {
        /// What the scanner said.
        scan: Scan,
    },
    /// Too much was tried; it may be tried again after so long.
    #[error("too much was tried")]
    Later(std::time::Duration),
    /// A link that was good once: it was used, or is too old.
    #[error("this link does not work any more")]
    LinkSpent,
    /// A file that is to be handed out is not where it should be. Nothing was used up.
    #[error("the file is not there")]
    FileMissing,
    /// Body or file above the limit, in bytes.
    #[error("too large")]
    TooLarge {
        /// The field, when one is at fault.
        field: Option<String>,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The same idempotency key is still being worked on.
    #[error("a request with this idempotency key is still running")]
    StillRunning,
    /// The idempotency key was used with another body.
    #[error("this idempotency key was used with a different body")]
    KeyReused,
    /// The disk is full; nothing was stored.
    #[error("the storage is full")]
    StorageFull,
    /// Stopping, or the store or audit cannot write; nothing was stored.
    #[error("the vault cannot take this now")]
    Unavailable,
    /// What is stored does not open: somebody changed it, or the disk did. Nothing was given out.
    #[error("what is stored was changed and does not open")]
    Damaged,
    /// Something that should not happen; the details are in the log only.
    #[error("internal error")]
    Internal,
}

impl From<Denial> for ServiceError {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Hidden => Self::NotFound,
            Denial::Forbidden => Self::Forbidden,
        }
    }
}

impl From<VaultError> for ServiceError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Missing | VaultError::Elsewhere => Self::NotFound,
            VaultError::StorageFull => Self::StorageFull,
            VaultError::Unavailable => Self::Unavailable,
            VaultError::Tampered => {
                tracing::error!(%error, "vault");
                Self::Damaged
            }
            VaultError::TooLarge => Self::Invalid(vec![Problem::overall("too-large", Said::new("problem.too-much"))]),
        }
    }
}
