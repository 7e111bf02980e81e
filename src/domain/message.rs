//! A conversation on a submission: what the person and the staff write to each other.

use serde::{Deserialize, Serialize};

use super::Problem;
use super::language::Said;
use super::staff::Role;
use super::submission::FileInfo;
use super::text::{is_unfit, normalise};
use crate::base::clock::Timestamp;
use crate::base::sensitive::SensitiveString;

/// Longest message, in characters (Unicode scalar values, after normalisation).
pub const MAX_CHARS: usize = 10_000;
/// Most messages of one conversation.
pub const MAX_MESSAGES: u32 = 1_000;
/// Of these, those that only staff can still write.
pub const FOR_STAFF: u32 = 100;
/// Most messages that a person can write one after the other before somebody answers: a conversation is opened as a whole, and
/// whoever holds a receipt must not make it a burden.
pub const MAX_UNANSWERED: u32 = 20;

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Author {
    /// The person whom the submission is about, by their receipt.
    Subject,
    /// Somebody inside.
    Staff {
        /// In which role.
        role: Role,
        /// The account's login; `None` for the owner of the machine. Shown to staff, not to the person.
        login: Option<String>,
    },
}

/// One message. Never changed once written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// When it came.
    pub at: Timestamp,
    /// Who wrote it.
    pub author: Author,
    /// The text; empty when only files were sent.
    pub text: MessageText,
    /// The files, numbered on from those of the submission.
    pub files: Vec<FileInfo>,
}

/// The text of a message: normalised (NFC, `\n` for line ends), without control characters, at most [`MAX_CHARS`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageText(SensitiveString);

impl MessageText {
    /// Checks what was typed. Empty is for the caller to judge: a message may be a file alone.
    ///
    /// # Errors
    /// A [`Problem`] in the field `text`.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let text = normalise(typed);
        let text = text.trim();
        if text.chars().any(is_unfit_in_lines) {
            let message = Said::new("problem.message-characters");
            return Err(Problem::in_field("text", "control-characters", message));
        }
        if text.chars().count() > MAX_CHARS {
            let message = Said::new("problem.message-length").with("n", MAX_CHARS);
            return Err(Problem::in_field("text", "too-long", message));
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.expose().is_empty()
    }
}

fn is_unfit_in_lines(c: char) -> bool {
    !matches!(c, '\n' | '\t') && is_unfit(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_normalised_and_checked() {
        let parsed = |text: &str| MessageText::parse(text).map(|text| text.expose().to_owned());
        assert_eq!(parsed("  Grüße\r\n\tzwei  ").as_deref(), Ok("Grüße\n\tzwei"));
        assert_eq!(parsed("Cafe\u{301}").as_deref(), Ok("Café"));
        assert!(MessageText::parse(" \n ").unwrap().is_empty());
        assert_eq!(parsed("a\0b").unwrap_err().code, "control-characters");
        assert_eq!(parsed("a\u{1b}[2Jb").unwrap_err().code, "control-characters");
        assert!(parsed(&"ü".repeat(MAX_CHARS)).is_ok());
        assert_eq!(parsed(&"ü".repeat(MAX_CHARS + 1)).unwrap_err().code, "too-long");
    }
}
