//! Consents and the wording they are given under.

use serde::{Deserialize, Serialize};

/// A box that a person may tick. It starts unticked, and nothing depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Its name in posts and in the API.
    pub name: String,
    /// The exact words that stand beside the box.
    pub wording: String,
    /// Version of these words, recorded with each answer.
    pub version: String,
}

/// How a consent was given or taken back.
///
/// Sealed by number: new ones come last.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentSource {
    /// A box on a form, with a submission.
    Form,
    /// The page that a receipt opens.
    Receipt,
    /// A server's word, with a submission that it posted on behalf of the person.
    Server {
        /// The name of its key.
        name: String,
    },
    /// The link in the mail that asked for a confirmation.
    Confirmation,
    /// The link in a mail that was sent under it.
    UnsubscribeLink,
}

impl std::fmt::Display for ConsentSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Form => f.write_str("form"),
            Self::Receipt => f.write_str("receipt"),
            Self::Server { name } => write!(f, "server key {name}"),
            Self::Confirmation => f.write_str("confirmation"),
            Self::UnsubscribeLink => f.write_str("unsubscribe-link"),
        }
    }
}
