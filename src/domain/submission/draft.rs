//! A submission before it has been checked: what arrived, in the order it arrived, and the check that tells every
//! mistake at once.

mod answer;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ConsentGiven, FieldValue, Fields, PostalAddress};
use crate::domain::Problem;
use crate::domain::file::FileKind;
use crate::domain::form::{Field, FieldKind, FileField, Form, FormId, FormKind, ShownWhen, Wanted};
use crate::domain::language::Said;
use crate::domain::subject::EmailAddress;
use answer::{Answer, Given};

/// Most text that one submission can carry, in bytes of UTF-8, names of fields included. With what is stored beside it,
/// it stays under the row limit of the store.
pub const MAX_TEXT_BYTES: usize = 48 * 1024;

/// Most fields, consents and files together. No form has as many.
const MAX_PARTS: usize = 512;
/// Most mistakes told of one kind that the form does not know, so that the answer stays small.
const MAX_UNKNOWN: usize = 20;
const REPEATED: Said = Said::new("problem.repeated");

/// What arrived so far. Holds at most [`MAX_TEXT_BYTES`] of text, whatever is sent.
#[derive(Default)]
pub struct Draft {
    answers: Vec<(String, Answer)>,
    consents: Vec<(String, Option<bool>)>,
    files: Vec<(String, SentFile)>,
    problems: Vec<Problem>,
    bytes: usize,
    overfull: bool,
}

/// A file that arrived whole. An untouched file input (no name, no bytes) is none and is not told to the draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentFile {
    /// Size in bytes.
    pub size: u64,
    /// Kind as judged by content; `None` for anything that no form takes.
    pub kind: Option<FileKind>,
}

/// The fields came to more than [`MAX_TEXT_BYTES`]. The draft remembers it; carrying on is allowed but pointless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text comes to more than {MAX_TEXT_BYTES} bytes")]
pub struct TooMuchText;

/// A submission that keeps the rules of its form.
#[derive(Debug)]
pub struct Valid {
    /// The answers, normalised. An optional field that was left empty is absent; an unticked yes/no box is `false`.
    pub fields: Fields,
    /// Every consent of the form, given or not, with the version of its wording.
    pub consents: BTreeMap<String, ConsentGiven>,
    /// Whom the submission is about; `None` when the form asks for no address.
    pub email: Option<EmailAddress>,
}

impl Draft {
    /// A field as text: form posts, and strings in JSON.
    ///
    /// # Errors
    /// [`TooMuchText`]; the field is then not kept, and [`Draft::validate`] will refuse the draft.
    pub fn text(&mut self, name: &str, value: String) -> Result<(), TooMuchText> {
        self.take(name, value.len())?;
        self.answers.push((name.to_owned(), Answer::Text(value.into())));
        Ok(())
    }

    /// A field as JSON: a string, a boolean, a number, a list of strings, or an object of strings. Anything else is
    /// remembered as a mistake.
    ///
    /// # Errors
    /// As [`Draft::text`].
    pub fn json(&mut self, name: &str, value: Value) -> Result<(), TooMuchText> {
        let answer = Answer::from_json(value);
        self.take(name, answer.bytes())?;
        self.answers.push((name.to_owned(), answer));
        Ok(())
    }

    /// A consent box.
    ///
    /// # Errors
    /// As [`Draft::text`]: names count, too.
    pub fn consent(&mut self, name: &str, given: bool) -> Result<(), TooMuchText> {
        self.take(name, 0)?;
        self.consents.push((name.to_owned(), Some(given)));
        Ok(())
    }

    /// A consent box as text (`on`, `true`, `false` …) in a form post. Anything unclear is a mistake, never a consent.
    ///
    /// # Errors
    /// As [`Draft::text`].
    pub fn consent_text(&mut self, name: &str, value: &str) -> Result<(), TooMuchText> {
        self.take(name, 0)?;
        self.consents.push((name.to_owned(), answer::ticked(value)));
        Ok(())
    }

    /// A file that has arrived.
    ///
    /// # Errors
    /// As [`Draft::text`]: names count, too.
    pub fn file(&mut self, field: &str, file: SentFile) -> Result<(), TooMuchText> {
        self.take(field, 0)?;
        self.files.push((field.to_owned(), file));
        Ok(())
    }

    /// The whole of a JSON submission, `{"fields": {…}, "consents": {…}}`; either part may be missing. Whatever is not of
    /// this shape is remembered as a mistake, for [`Draft::validate`] to tell with all others.
    pub fn from_json(body: Value) -> Self {
        let mut draft = Self::default();
        let Value::Object(body) = body else {
            let message = "The submission has to be a JSON object with \"fields\" and \"consents\".";
            draft.problems.push(Problem::overall("wrong-type", message));
            return draft;
        };
        for (key, part) in body {
            match (key.as_str(), part) {
                ("fields", Value::Object(fields)) => {
                    for (name, value) in fields {
                        // The draft itself remembers having been filled too full.
                        let _ = draft.json(&name, value);
                    }
                }
                ("consents", Value::Object(consents)) => {
                    for (name, value) in consents {
                        let _ = draft.take(&name, 0).map(|()| draft.consents.push((name, value.as_bool())));
                    }
                }
                ("fields" | "consents", _) => {
                    draft.problems.push(Problem::in_field(
                        &key,
                        "wrong-type",
                        format!("\"{key}\" has to be an object."),
                    ));
                }
                _ if draft.problems.len() < MAX_UNKNOWN => {
                    draft.problems.push(unknown(
                        &key,
                        "unknown-field",
                        "Only \"fields\" and \"consents\" are expected here.",
                    ));
                }
                _ => {}
            }
        }
        draft
    }

    /// Checks everything against the rules of `form`.
    ///
    /// # Errors
    /// Every mistake: those of the form's fields, files and consents in the order of the form, then what it
    /// does not know.
    pub fn validate(mut self, form: &Form) -> Result<Valid, Vec<Problem>> {
        let mut problems = std::mem::take(&mut self.problems);
        let fields = self.check_fields(form, &mut problems);
        // Normalisation makes some rare characters up to three times as long, after they were counted on arrival.
        self.overfull |= bytes_of(&fields) > MAX_TEXT_BYTES;
        self.check_files(form, &mut problems);
        let consents = self.check_consents(form, &mut problems);
        self.check_unknown(form, &mut problems);
        if self.overfull {
            let message = Said::new("problem.too-much-text").with("n", MAX_TEXT_BYTES);
            problems.push(Problem::overall("too-much-text", message));
        }
        let email = form.subject.as_ref().and_then(|name| match fields.get(name) {
            Some(FieldValue::Text(text)) => EmailAddress::parse(text.expose()).ok(),
            _ => None,
        });
        if problems.is_empty() { Ok(Valid { fields, consents, email }) } else { Err(problems) }
    }

    fn take(&mut self, name: &str, value_bytes: usize) -> Result<(), TooMuchText> {
        let bytes = self.bytes.saturating_add(name.len()).saturating_add(value_bytes);
        let parts = self.answers.len() + self.consents.len() + self.files.len();
        if bytes > MAX_TEXT_BYTES || parts >= MAX_PARTS {
            self.overfull = true;
            return Err(TooMuchText);
        }
        self.bytes = bytes;
        Ok(())
    }

    fn check_fields(&self, form: &Form, problems: &mut Vec<Problem>) -> Fields {
        let mut fields = Fields::new();
        for field in &form.fields {
            if !is_shown(field, &fields) {
                continue;
            }
            match self.answer_to(field).and_then(|given| answer::check(field, form.country, given)) {
                Ok(Some(value)) => drop(fields.insert(field.name.clone(), value)),
                Ok(None) => {}
                // What was cut off is not missing.
                Err(found) => problems.extend(found.into_iter().filter(|p| !self.overfull || p.code != "required")),
            }
        }
        fields
    }

    /// What came for a field. The options of a choice of many may come one by one, and the parts of an address each under
    /// a name of their own (`address.town`).
    fn answer_to(&self, field: &Field) -> Result<Given<'_>, Vec<Problem>> {
        let mut given: Vec<&Answer> = self.of(&field.name).collect();
        let repeated = || Err(vec![Problem::in_field(&field.name, "repeated-field", REPEATED)]);
        match &field.kind {
            FieldKind::PostalAddress(_) => {
                let mut parts = Vec::new();
                let prefix = format!("{}.", field.name);
                for (name, answer) in &self.answers {
                    let part = name.strip_prefix(&prefix);
                    let Some(part) = PostalAddress::PARTS.into_iter().find(|known| part == Some(known)) else {
                        continue;
                    };
                    if parts.iter().any(|(known, _)| *known == part) {
                        return repeated();
                    }
                    parts.push((part, answer));
                }
                if !parts.is_empty() && given.is_empty() {
                    return Ok(Given::Parts(parts));
                }
                if !parts.is_empty() {
                    return repeated();
                }
            }
            FieldKind::Choices(_) if given.len() > 1 => return Ok(Given::Several(given)),
            _ => {}
        }
        match (given.pop(), given.pop()) {
            (None, _) => Ok(Given::Nothing),
            (Some(answer), None) => Ok(Given::One(answer)),
            (Some(_), Some(_)) => repeated(),
        }
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(move |(given, _)| given == name).map(|(_, answer)| answer)
    }

    fn check_files(&self, form: &Form, problems: &mut Vec<Problem>) {
        for field in &form.files {
            let sent: Vec<SentFile> =
                self.files.iter().filter(|(name, _)| *name == field.name).map(|(_, file)| *file).collect();
            if sent.is_empty() && field.required && !self.answers.iter().any(|(name, _)| *name == field.name) {
                let message = Said::new("problem.choose-file").about(&field.label);
                problems.push(Problem::in_field(&field.name, "required", message));
            }
            if sent.len() as u64 > u64::from(field.max_files) {
                let message = Said::new("problem.at-most-files").with("n", field.max_files).about(&field.label);
                problems.push(Problem::in_field(&field.name, "too-many-files", message));
            }
            problems.extend(sent.into_iter().find_map(|file| check_file(field, file)));
        }
    }

    fn check_consents(&self, form: &Form, problems: &mut Vec<Problem>) -> BTreeMap<String, ConsentGiven> {
        let mut consents = BTreeMap::new();
        for consent in &form.consents {
            let mut sent = self.consents.iter().filter(|(name, _)| *name == consent.name).map(|(_, given)| *given);
            let given = sent.next();
            if sent.next().is_some() {
                problems.push(Problem::in_field(&consent.name, "repeated-field", REPEATED));
            } else if given == Some(None) {
                problems.push(Problem::in_field(&consent.name, "wrong-type", Said::new("problem.consent-type")));
            } else if needs_consent(form, &consent.name) && given != Some(Some(true)) && !self.overfull {
                let message = Said::new("problem.tick-consent");
                problems.push(Problem::in_field(&consent.name, "required", message));
            }
            let given = given.flatten().unwrap_or(false);
            consents.insert(consent.name.clone(), ConsentGiven { given, wording: consent.recorded() });
        }
        consents
    }

    fn check_unknown(&self, form: &Form, problems: &mut Vec<Problem>) {
        let mut found = Vec::new();
        for (name, _) in &self.answers {
            if form.file(name).is_some() {
                found.push(Problem::in_field(name, "wrong-type", Said::new("problem.is-a-file")));
            } else if form.field(name).is_none() && !is_part(form, name) {
                found.push(unknown(name, "unknown-field", Said::new("problem.no-such-field")));
            }
        }
        for (name, _) in &self.files {
            if form.field(name).is_some() || form.consent(name).is_some() {
                found.push(Problem::in_field(name, "wrong-type", Said::new("problem.takes-no-file")));
            } else if form.file(name).is_none() {
                found.push(unknown(name, "unknown-field", Said::new("problem.no-such-field")));
            }
        }
        for (name, _) in &self.consents {
            if form.consent(name).is_none() {
                found.push(unknown(name, "unknown-consent", Said::new("problem.no-such-consent")));
            }
        }
        found.truncate(MAX_UNKNOWN);
        problems.extend(found);
    }
}

/// Names of fields are typed, too, so only counts are shown.
impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (answers, consents, files) = (self.answers.len(), self.consents.len(), self.files.len());
        write!(f, "Draft({answers} answers, {consents} consents, {files} files)")
    }
}

fn bytes_of(fields: &Fields) -> usize {
    fields.iter().map(|(name, value)| name.len() + value.text_bytes()).sum()
}

/// Whether the field is asked, given the answers to those above it.
fn is_shown(field: &Field, above: &Fields) -> bool {
    field.shown_when.as_ref().is_none_or(|when| holds(when, above))
}

/// Whether one of the answers in question was given.
pub fn holds(when: &ShownWhen, above: &Fields) -> bool {
    let has = |wanted: &Wanted| match (above.get(&when.field), wanted) {
        (Some(FieldValue::Bool(ticked)), Wanted::Box(wanted)) => ticked == wanted,
        (Some(FieldValue::Number(mark)), Wanted::Mark(wanted)) => mark.whole() == Some(i64::from(*wanted)),
        (Some(FieldValue::Text(picked)), Wanted::Option(wanted)) => picked.expose() == wanted,
        (Some(FieldValue::Many(picked)), Wanted::Option(wanted)) => picked.iter().any(|one| one.expose() == wanted),
        _ => false,
    };
    when.is.iter().any(has)
}

/// Whether the form makes no sense without this consent: a newsletter is sent under it.
fn needs_consent(form: &Form, name: &str) -> bool {
    matches!(&form.kind, FormKind::Newsletter { consent } if consent == name)
}

/// Whether `name` is that of a part of an address of the form.
fn is_part(form: &Form, name: &str) -> bool {
    let Some((field, part)) = name.split_once('.') else { return false };
    let address = form.field(field).is_some_and(|field| matches!(field.kind, FieldKind::PostalAddress(_)));
    address && PostalAddress::PARTS.contains(&part)
}

/// A name that the form does not know is repeated only if it could be the name of a field at all.
fn unknown(name: &str, code: &'static str, message: impl Into<Said>) -> Problem {
    match name.parse::<FormId>() {
        Ok(name) => Problem::in_field(name.as_str(), code, message),
        Err(_) => Problem::overall(code, message),
    }
}

fn check_file(field: &FileField, file: SentFile) -> Option<Problem> {
    let (code, message) = if file.size == 0 {
        ("empty-file", Said::new("problem.empty-file"))
    } else if file.size > field.max_bytes {
        ("file-too-large", Said::new("problem.file-too-large").with("size", Said::size(field.max_bytes)))
    } else if file.kind.is_none_or(|kind| !field.kinds.contains(&kind)) {
        let kinds: Vec<Said> = field.kinds.iter().map(|kind| kind.said()).collect();
        ("wrong-file-type", Said::new("problem.wrong-file-type").with("kinds", kinds))
    } else {
        return None;
    };
    Some(Problem::in_field(&field.name, code, message.about(&field.label)))
}
