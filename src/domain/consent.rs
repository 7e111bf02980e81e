//! Consents and the wording they are given under.

use serde::{Deserialize, Serialize};

use super::language::Lang;

/// A box that a person may tick. It starts unticked, and nothing depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Its name in posts and in the API.
    pub name: String,
    /// The exact words that stand beside the box.
    pub wording: String,
    /// Version of these words.
    pub version: String,
    /// The name of the file that they come from; `None` for words within the form.
    pub file: Option<String>,
    /// The language of these words.
    pub lang: Lang,
    /// Whether they are a translation.
    pub translated: bool,
}

impl Consent {
    /// What is recorded of the words with each answer: their version; of a translation its own version and its language,
    /// `2026-11/de`.
    pub fn recorded(&self) -> String {
        super::notice::recorded(&self.version, &self.lang, self.translated)
    }
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
