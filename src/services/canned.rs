//! Answers that are kept ready: `answers/FORM/NAME.txt` in the folder of forms. The first line is the title, an empty line
//! follows, then the text, in which `{name}` stands for what the person answered in that field, `{login}` for who answers,
//! and `{form}` for the title of the form. What is filled in is never read again, and what it makes is typed into a box, where
//! whoever answers reads it first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{App, ServiceError, blocking};
use crate::domain::form::Form;
use crate::domain::message::MAX_CHARS;
use crate::domain::submission::{FieldValue, Fields};

/// Most answers of one form.
const MOST: usize = 50;
/// Longest name of one, in bytes.
const LONGEST_NAME: usize = 64;
/// Longest title, in characters.
const LONGEST_TITLE: usize = 100;

/// An answer that is kept ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canned {
    /// The name of its file, without the ending: `a`–`z`, `0`–`9`, `-`.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// The text, with placeholders.
    pub text: String,
}

/// The answers of a form, by name. A file that is none is passed over, and the log tells.
///
/// # Errors
/// [`ServiceError::Internal`].
pub async fn list(app: &Arc<App>, form: &Form) -> Result<Vec<Canned>, ServiceError> {
    let Some(folder) = app.answers.get().map(|folder| folder.join(form.id.as_str())) else { return Ok(Vec::new()) };
    blocking(move || read(&folder)).await
}

impl App {
    /// Says where answers are kept ready. Only the first folder counts.
    pub fn set_answers(&self, folder: PathBuf) {
        let _ = self.answers.set(folder);
    }
}

/// The text with its placeholders filled in, once from left to right. One that stands for nothing stays as it is, so that whoever
/// answers sees it.
pub fn fill(text: &str, form: &Form, fields: &Fields, login: &str) -> String {
    let value = |name: &str| match name {
        "login" => Some(login.to_owned()),
        "form" => Some(form.title.clone()),
        name => form.field(name).map(|field| match fields.get(name) {
            Some(FieldValue::Text(text)) => field.label_of(text.expose()).unwrap_or(text.expose()).to_owned(),
            value => value.map_or_else(String::new, in_words),
        }),
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}').and_then(|(name, after)| Some((value(name)?, after))) {
            Some((value, after)) => {
                out.push_str(&value);
                rest = after;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out.chars().take(MAX_CHARS).collect()
}

fn in_words(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => text.expose().to_owned(),
        FieldValue::Bool(true) => "yes".to_owned(),
        FieldValue::Bool(false) => "no".to_owned(),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Many(picked) => picked.iter().map(|text| text.expose().to_owned()).collect::<Vec<_>>().join(", "),
        FieldValue::Address(address) => {
            let parts = address.parts().into_iter().map(|(_, text)| text.expose().to_owned());
            parts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
        }
    }
}

fn read(folder: &Path) -> Vec<Canned> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut out = BTreeMap::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let named = path.extension().is_some_and(|ending| ending == "txt") && is_name(stem);
        let plain =
            std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_file() && about.len() <= 4 * MAX_CHARS as u64);
        let parsed =
            if named && plain { std::fs::read_to_string(&path).ok().and_then(|text| parse(stem, &text)) } else { None };
        match parsed {
            Some(canned) if out.len() < MOST => drop(out.insert(canned.name.clone(), canned)),
            _ => {
                tracing::warn!(file = %path.display(), "not an answer: expected NAME.txt with a title, an empty line and a text")
            }
        }
    }
    out.into_values().collect()
}

/// Whether it can be the name of an answer.
fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn parse(name: &str, text: &str) -> Option<Canned> {
    let text = text.replace("\r\n", "\n");
    let (title, rest) = text.split_once('\n')?;
    let rest = rest.strip_prefix('\n')?.trim();
    let good =
        (1..=LONGEST_TITLE).contains(&title.trim().chars().count()) && (1..=MAX_CHARS).contains(&rest.chars().count());
    good.then(|| Canned { name: name.to_owned(), title: title.trim().to_owned(), text: rest.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::form::FormSet;

    #[test]
    fn what_is_filled_in_is_never_read_again() {
        let forms = FormSet::default();
        let form = forms.iter().find(|form| form.id.as_str() == "job-application").unwrap();
        let typed = "{login} {email} {{name}} <script>{form}</script>";
        let fields = Fields::from([("name".to_owned(), FieldValue::Text(typed.into()))]);
        let filled = |text: &str| fill(text, form, &fields, "hanna");
        assert_eq!(filled("Dear {name}, {login}"), format!("Dear {typed}, hanna"));
        assert_eq!(filled("{vacancy}|"), "|", "not answered");
        assert_eq!(filled("{nobody} {name {login}"), "{nobody} {name hanna", "what stands for nothing stays");
        assert_eq!(filled("{"), "{");
        assert_eq!(filled(&"{name}".repeat(10_000)).chars().count(), MAX_CHARS);
    }

    #[test]
    fn files_are_answers_or_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        put("thanks.txt", "Thank you\r\n\r\nDear {name},\r\nthank you.\r\n");
        put("Upper.txt", "Title\n\ntext");
        put("no-text.txt", "Title\n\n");
        put("no-title.txt", "\n\ntext");
        put("other.md", "Title\n\ntext");
        put("large.txt", &format!("Title\n\n{}", "x".repeat(50_000)));
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link.txt")).unwrap();
        let found = read(folder.path());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].name.as_str(), found[0].text.as_str()), ("thanks", "Dear {name},\nthank you."));
        assert!(read(&folder.path().join("none")).is_empty());
    }
}
