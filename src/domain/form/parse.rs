//! From the text of a form file to a checked [`Form`], with every mistake placed on its line.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use super::{Choice, Field, FieldKind, FileField, Form, FormError, FormId, FormKind, Length, Notice};
use crate::domain::consent::Consent;
use crate::domain::file::FileKind;
use crate::domain::staff::Role;
use crate::domain::text::is_unfit;

/// Longest answer that a form may ask for, in characters. A submission's text as a whole is limited as well.
const LONGEST_TEXT: usize = 20_000;
const SHORT_TEXT: Length = Length { min: 0, max: 200 };
const LONG_TEXT: Length = Length { min: 0, max: 5_000 };
const LARGEST_FILE: u64 = 1 << 30;
/// Of a form, all its file fields together.
const MOST_FILES: u32 = 20;
/// More than any form for people has, so that what is made of a form stays small.
const MOST_QUESTIONS: usize = 200;
/// Of the parser's words, in characters.
const LONGEST_MESSAGE: usize = 300;
/// Each is compared with all before it.
const MOST_PURPOSES: usize = 50;
/// Ten years.
const LONGEST_RETENTION: u32 = 3_660;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawForm {
    id: Spanned<String>,
    version: Spanned<u32>,
    title: Spanned<String>,
    #[serde(default)]
    intro: String,
    submit: Spanned<String>,
    #[serde(default = "request")]
    kind: FormKind,
    purposes: Spanned<Vec<Spanned<String>>>,
    legal_basis: Spanned<String>,
    roles: Spanned<Vec<Spanned<String>>>,
    retention_days: Spanned<u32>,
    notice: RawNotice,
    subject: Option<Spanned<String>>,
    #[serde(default)]
    summary: Vec<Spanned<String>>,
    fields: Spanned<Vec<RawField>>,
    #[serde(default)]
    files: Vec<RawFile>,
    #[serde(default)]
    consents: Vec<RawConsent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNotice {
    version: Spanned<String>,
    text: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawField {
    name: Spanned<String>,
    label: Spanned<String>,
    #[serde(default)]
    help: String,
    #[serde(default)]
    required: bool,
    kind: Spanned<String>,
    min_length: Option<Spanned<usize>>,
    max_length: Option<Spanned<usize>>,
    options: Option<Spanned<Vec<Choice>>>,
    autocomplete: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    name: Spanned<String>,
    label: Spanned<String>,
    #[serde(default)]
    help: String,
    #[serde(default)]
    required: bool,
    max_bytes: Spanned<u64>,
    #[serde(default = "one")]
    max_files: Spanned<u32>,
    kinds: Spanned<Vec<FileKind>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConsent {
    name: Spanned<String>,
    wording: Spanned<String>,
    version: Spanned<String>,
}

fn request() -> FormKind {
    FormKind::Request
}

fn one() -> Spanned<u32> {
    Spanned::new(0..0, 1)
}

/// A mistake at a byte range of the text.
struct Mistake(std::ops::Range<usize>, String);

fn at<T>(place: &Spanned<T>, message: impl Into<String>) -> Mistake {
    Mistake(place.span(), message.into())
}

/// Parses and checks `text`; `file` is what errors call it.
pub(super) fn parse(text: &str, file: &str) -> Result<Form, FormError> {
    let error = |span: Option<std::ops::Range<usize>>, message: String| FormError {
        file: file.to_owned(),
        line: span.map(|span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count()),
        message,
    };
    let raw: RawForm = toml::from_str(text).map_err(|e| {
        let place = e.span().or_else(|| place(text, e.message()));
        error(place, one_line(e.message()))
    })?;
    build(raw).map_err(|Mistake(span, message)| error(Some(span), message))
}

/// The place of the one mistake that the parser does not place, a key of too many parts: the end of the first lines that
/// have it among them.
fn place(text: &str, message: &str) -> Option<std::ops::Range<usize>> {
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).chain([text.len()]).collect();
    let has_it = |end: usize| toml::from_str::<RawForm>(&text[..end]).is_err_and(|e| e.message() == message);
    ends.get(ends.partition_point(|end| !has_it(*end))).map(|&end| end..end)
}

/// The parser's words in one line. It repeats names out of the file, which may be long and full of control characters.
fn one_line(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let kept = line.chars().take(LONGEST_MESSAGE).map(|c| if is_unfit(c) { char::REPLACEMENT_CHARACTER } else { c });
    let cut = line.chars().nth(LONGEST_MESSAGE).map(|_| '…');
    kept.chain(cut).collect()
}

fn build(raw: RawForm) -> Result<Form, Mistake> {
    let id = raw.id.get_ref().parse::<FormId>().map_err(|e| at(&raw.id, e.to_string()))?;
    at_least_one(&raw.version)?;
    at_least_one(&raw.retention_days)?;
    if *raw.retention_days.get_ref() > LONGEST_RETENTION {
        return Err(at(&raw.retention_days, format!("expected at most {LONGEST_RETENTION} days")));
    }
    let purposes = purposes(&raw.purposes)?;
    let roles = roles(&raw.roles)?;

    let mut names = Names::default();
    let questions = raw.fields.get_ref().len() + raw.files.len() + raw.consents.len();
    if raw.fields.get_ref().is_empty() || questions > MOST_QUESTIONS {
        return Err(at(&raw.fields, format!("expected 1 to {MOST_QUESTIONS} fields, files and consents")));
    }
    let fields =
        raw.fields.into_inner().into_iter().map(|raw| field(raw, &mut names)).collect::<Result<Vec<_>, _>>()?;
    let mut most_files = MOST_FILES;
    let mut files = Vec::new();
    for raw in raw.files {
        files.push(file_field(raw, &mut names, &mut most_files)?);
    }
    let consents = raw.consents.into_iter().map(|raw| consent(raw, &mut names)).collect::<Result<Vec<_>, _>>()?;

    if let Some(subject) = &raw.subject {
        let found = fields.iter().find(|field| field.name == *subject.get_ref());
        if !found.is_some_and(|field| field.kind == FieldKind::Email && field.required) {
            return Err(at(subject, "expected the name of a required field of kind \"email\""));
        }
    }
    let mut summary = Vec::new();
    for name in raw.summary {
        if !fields.iter().any(|field| field.name == *name.get_ref()) || summary.contains(name.get_ref()) {
            return Err(at(&name, "expected the name of a field of this form, each once"));
        }
        summary.push(name.into_inner());
    }

    Ok(Form {
        id,
        version: raw.version.into_inner(),
        title: words(raw.title)?,
        intro: raw.intro.trim().to_owned(),
        submit: words(raw.submit)?,
        kind: raw.kind,
        purposes,
        legal_basis: words(raw.legal_basis)?,
        roles,
        retention_days: raw.retention_days.into_inner(),
        notice: Notice { version: version_label(raw.notice.version)?, text: words(raw.notice.text)? },
        subject: raw.subject.map(Spanned::into_inner),
        summary,
        fields,
        files,
        consents,
        _checked: (),
    })
}

fn purposes(raw: &Spanned<Vec<Spanned<String>>>) -> Result<Vec<String>, Mistake> {
    if raw.get_ref().len() > MOST_PURPOSES {
        return Err(at(raw, format!("expected at most {MOST_PURPOSES} purposes")));
    }
    let mut out = Vec::new();
    for purpose in raw.get_ref() {
        if !is_name(purpose.get_ref()) || out.contains(purpose.get_ref()) {
            return Err(at(purpose, format!("expected a purpose of its own: {NAME}")));
        }
        if purpose.get_ref() == "subject-request" {
            return Err(at(purpose, "subject-request holds for every form and is not listed"));
        }
        out.push(purpose.get_ref().clone());
    }
    if out.is_empty() { Err(at(raw, "expected at least one purpose, for example \"recruitment\"")) } else { Ok(out) }
}

fn roles(raw: &Spanned<Vec<Spanned<String>>>) -> Result<Vec<Role>, Mistake> {
    let mut out = Vec::new();
    for name in raw.get_ref() {
        let role = name.get_ref().parse::<Role>().map_err(|e| at(name, e.to_string()))?;
        if matches!(role, Role::Auditor | Role::Admin) {
            return Err(at(name, format!("{role} never reads submissions: expected hr, support or privacy")));
        }
        if out.contains(&role) {
            return Err(at(name, format!("{role} is named twice")));
        }
        out.push(role);
    }
    if out.is_empty() { Err(at(raw, "expected at least one role that reads the submissions")) } else { Ok(out) }
}

fn field(raw: RawField, names: &mut Names) -> Result<Field, Mistake> {
    let kind = field_kind(&raw)?;
    if let Some(token) = raw.autocomplete.as_ref().filter(|token| !is_name(token.get_ref())) {
        return Err(at(token, "expected an HTML autocomplete value, for example \"email\""));
    }
    Ok(Field {
        name: names.take(raw.name)?,
        label: words(raw.label)?,
        help: raw.help.trim().to_owned(),
        required: raw.required,
        kind,
        autocomplete: raw.autocomplete.map(Spanned::into_inner),
    })
}

fn field_kind(raw: &RawField) -> Result<FieldKind, Mistake> {
    let kind = match raw.kind.get_ref().as_str() {
        "short-text" => FieldKind::ShortText(length(raw, SHORT_TEXT)?),
        "long-text" => FieldKind::LongText(length(raw, LONG_TEXT)?),
        "email" => FieldKind::Email,
        "phone" => FieldKind::Phone,
        "choice" => FieldKind::Choice(choices(raw)?),
        "yes-no" => FieldKind::YesNo,
        _ => {
            let expected = "expected a kind out of short-text, long-text, email, phone, choice, yes-no";
            return Err(at(&raw.kind, expected));
        }
    };
    let takes_length = matches!(kind, FieldKind::ShortText(_) | FieldKind::LongText(_));
    if let Some(length) = raw.min_length.as_ref().or(raw.max_length.as_ref()).filter(|_| !takes_length) {
        return Err(at(length, format!("a field of kind {} has no length", kind.as_str())));
    }
    if let Some(options) = raw.options.as_ref().filter(|_| !matches!(kind, FieldKind::Choice(_))) {
        return Err(at(options, format!("a field of kind {} has no options", kind.as_str())));
    }
    Ok(kind)
}

fn length(raw: &RawField, default: Length) -> Result<Length, Mistake> {
    let max = raw.max_length.as_ref().map_or(default.max, |max| *max.get_ref());
    let min = raw.min_length.as_ref().map_or(default.min, |min| *min.get_ref());
    if let Some(place) = raw.max_length.as_ref().filter(|_| max == 0 || max > LONGEST_TEXT) {
        return Err(at(place, format!("expected 1 to {LONGEST_TEXT} characters")));
    }
    if let Some(place) = raw.min_length.as_ref().filter(|_| min > max) {
        return Err(at(place, format!("expected at most max_length, which is {max}")));
    }
    Ok(Length { min, max })
}

fn choices(raw: &RawField) -> Result<Vec<Choice>, Mistake> {
    let Some(options) = &raw.options else {
        return Err(at(&raw.kind, "a choice needs options = [{ value = \"…\", label = \"…\" }]"));
    };
    let mut seen = BTreeSet::new();
    for option in options.get_ref() {
        if !is_name(&option.value) || option.label.trim().is_empty() || !seen.insert(&option.value) {
            let expected = format!("expected options each with a label and a value of its own: {NAME}");
            return Err(at(options, expected));
        }
    }
    if seen.is_empty() {
        return Err(at(options, "expected at least one option"));
    }
    Ok(options.get_ref().clone())
}

fn file_field(raw: RawFile, names: &mut Names, most_files: &mut u32) -> Result<FileField, Mistake> {
    let (max_bytes, max_files) = (*raw.max_bytes.get_ref(), *raw.max_files.get_ref());
    if max_bytes == 0 || max_bytes > LARGEST_FILE {
        return Err(at(&raw.max_bytes, format!("expected 1 to {LARGEST_FILE} bytes")));
    }
    *most_files = match most_files.checked_sub(max_files).filter(|_| max_files > 0) {
        Some(left) => left,
        None => {
            // Where it is left out, it is 1.
            let place = if raw.max_files.span().is_empty() { raw.name.span() } else { raw.max_files.span() };
            return Err(Mistake(place, format!("expected 1 to {MOST_FILES} files, in the whole form")));
        }
    };
    let distinct: BTreeSet<_> = raw.kinds.get_ref().iter().collect();
    if distinct.is_empty() || distinct.len() < raw.kinds.get_ref().len() {
        return Err(at(&raw.kinds, "expected at least one kind of file, each once"));
    }
    Ok(FileField {
        name: names.take(raw.name)?,
        label: words(raw.label)?,
        help: raw.help.trim().to_owned(),
        required: raw.required,
        max_bytes,
        max_files,
        kinds: raw.kinds.into_inner(),
    })
}

fn consent(raw: RawConsent, names: &mut Names) -> Result<Consent, Mistake> {
    Ok(Consent { name: names.take(raw.name)?, wording: words(raw.wording)?, version: version_label(raw.version)? })
}

const NAME: &str = "a letter, then letters, digits and hyphens, all lower case, at most 64";

fn is_name(text: &str) -> bool {
    text.parse::<FormId>().is_ok()
}

/// Fields, files and consents share one set of names, as they do in a form post.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn take(&mut self, name: Spanned<String>) -> Result<String, Mistake> {
        if !is_name(name.get_ref()) {
            return Err(at(&name, format!("expected a name: {NAME}")));
        }
        if !self.0.insert(name.get_ref().clone()) {
            return Err(at(&name, format!("the name {} is used twice", name.get_ref())));
        }
        Ok(name.into_inner())
    }
}

fn words(text: Spanned<String>) -> Result<String, Mistake> {
    match text.get_ref().trim() {
        "" => Err(at(&text, "expected some words")),
        words => Ok(words.to_owned()),
    }
}

fn version_label(text: Spanned<String>) -> Result<String, Mistake> {
    let ok = !text.get_ref().is_empty()
        && text.get_ref().len() <= 32
        && text.get_ref().bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    if ok {
        Ok(text.into_inner())
    } else {
        Err(at(&text, "expected a version of 1 to 32 letters, digits, dots and hyphens, for example \"2026-11\""))
    }
}

fn at_least_one(number: &Spanned<u32>) -> Result<(), Mistake> {
    if *number.get_ref() == 0 { Err(at(number, "expected at least 1")) } else { Ok(()) }
}
