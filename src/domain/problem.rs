//! Mistakes in what somebody sent, told so that they can be mended.

use super::language::Said;

/// A mistake in one field of the input, for the person who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field's name; `None` when the input as a whole is at fault.
    pub field: Option<String>,
    /// Stable name of the mistake, kebab-case: `required`, `too-long`, `bad-email`, `wrong-file-type` …
    pub code: &'static str,
    /// A sentence for people. Never repeats what they typed.
    pub message: Said,
}

impl Problem {
    /// A mistake in one field.
    pub fn in_field(field: &str, code: &'static str, message: impl Into<Said>) -> Self {
        Self { field: Some(field.to_owned()), code, message: message.into() }
    }

    /// A mistake of the input as a whole.
    pub fn overall(code: &'static str, message: impl Into<Said>) -> Self {
        Self { field: None, code, message: message.into() }
    }
}
