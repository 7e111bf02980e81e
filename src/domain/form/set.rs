//! The forms of an installation: those shipped, and those of its own.

use std::sync::Arc;

use super::{Form, FormError, FormId, parse};

/// The forms that come with the program: (file name, text).
const SHIPPED: [(&str, &str); 2] = [
    ("forms/job-application.toml", include_str!("../../../forms/job-application.toml")),
    ("forms/support-request.toml", include_str!("../../../forms/support-request.toml")),
];

/// The forms of this installation, in a fixed order. The default are the shipped ones.
#[derive(Clone, Debug)]
pub struct FormSet(Vec<Arc<Form>>);

impl Default for FormSet {
    fn default() -> Self {
        let shipped = SHIPPED.iter().map(|(file, text)| {
            // A test checks every shipped form.
            Arc::new(check(text, file).expect("shipped forms are valid"))
        });
        Self(shipped.collect())
    }
}

impl FormSet {
    /// The shipped forms and those in `files` (name, text): a file with the id of a shipped form replaces it, any other
    /// adds one.
    ///
    /// # Errors
    /// [`FormError`] for the first file that is not a valid form, and for two files with the same id.
    pub fn with_files<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, FormError> {
        let mut set = Self::default();
        let mut own: Vec<(FormId, &str)> = Vec::new();
        for (file, text) in files {
            let form = check(text, file)?;
            if let Some((id, first)) = own.iter().find(|(id, _)| *id == form.id) {
                let message = format!("the form {id} is already defined in {first}");
                return Err(FormError { file: file.to_owned(), line: None, message });
            }
            own.push((form.id.clone(), file));
            match set.0.iter_mut().find(|known| known.id == form.id) {
                Some(known) => *known = Arc::new(form),
                None => set.0.push(Arc::new(form)),
            }
        }
        Ok(set)
    }

    /// The form of this id.
    pub fn get(&self, id: &FormId) -> Option<&Arc<Form>> {
        self.0.iter().find(|form| form.id == *id)
    }

    /// All forms, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Form>> {
        self.0.iter()
    }
}

/// Parses and checks the text of a form file; `file` is what errors call it.
///
/// # Errors
/// [`FormError`] with the line and what was expected there.
pub fn check(text: &str, file: &str) -> Result<Form, FormError> {
    parse::parse(text, file)
}
