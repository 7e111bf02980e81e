//! The words of a form in another language: a file that says everything a form says, by the names of its fields, and nothing
//! else. Laid over the form it makes the same form in that language.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::raw::RawInline;
use super::{Mistake, at, one_line, version_label, words};
use crate::domain::consent::Consent;
use crate::domain::form::set::Library;
use crate::domain::form::{Choice, Field, FieldKind, FileField, Form, FormError};
use crate::domain::language::Lang;
use crate::domain::notice::{Notice, NoticeText};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWords {
    version: Spanned<u32>,
    title: Spanned<String>,
    intro: Option<Spanned<String>>,
    submit: Spanned<String>,
    legal_basis: Spanned<String>,
    notice: Option<Spanned<RawInline>>,
    #[serde(default)]
    fields: BTreeMap<Spanned<String>, RawField>,
    #[serde(default)]
    files: BTreeMap<Spanned<String>, RawFile>,
    #[serde(default)]
    consents: BTreeMap<Spanned<String>, RawConsent>,
    /// Titles by the names of files; one that is not there stays in the form's own language.
    #[serde(default)]
    unlocks: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawField {
    label: Spanned<String>,
    help: Option<Spanned<String>>,
    pattern_help: Option<Spanned<String>>,
    low: Option<Spanned<String>>,
    high: Option<Spanned<String>>,
    #[serde(default)]
    options: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    label: Spanned<String>,
    help: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConsent {
    wording: Spanned<String>,
    version: Spanned<String>,
}

/// Lays the words in `text` over `form`; `file` is what errors call it. Notices and wordings that have a file of their own
/// come from `library`, in `lang` where they are there.
pub(in crate::domain::form) fn translate(
    text: &str,
    file: &str,
    form: &Form,
    lang: &Lang,
    library: &Library,
) -> Result<Form, FormError> {
    let error = |span: Option<Range<usize>>, message: String| FormError {
        file: file.to_owned(),
        line: span.map(|span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count()),
        message,
    };
    let raw: RawWords = toml::from_str(text).map_err(|e| error(e.span(), one_line(e.message())))?;
    lay_over(raw, form, lang, library).map_err(|Mistake(span, message)| {
        // What is missing has no place.
        error(Some(span).filter(|span| *span != NOWHERE), message)
    })
}

const NOWHERE: Range<usize> = 0..0;

fn missing(what: impl std::fmt::Display) -> Mistake {
    Mistake(NOWHERE, format!("{what} is missing: a translation says everything that the form says"))
}

fn lay_over(mut raw: RawWords, form: &Form, lang: &Lang, library: &Library) -> Result<Form, Mistake> {
    if *raw.version.get_ref() != form.version {
        let message = format!("expected {}, the version of the form that this translates", form.version);
        return Err(at(&raw.version, message));
    }
    let fields = form.fields.iter().map(|field| self::field(field, take(&mut raw.fields, &field.name, "fields")?));
    let fields = fields.collect::<Result<_, _>>()?;
    let files = form.files.iter().map(|field| self::file(field, take(&mut raw.files, &field.name, "files")?));
    let files = files.collect::<Result<_, _>>()?;
    let mut consents = Vec::new();
    for consent in &form.consents {
        consents.push(match &consent.file {
            Some(name) => match library.wording_in(name, lang) {
                Some(found) => Consent {
                    wording: found.words.clone(),
                    version: found.version.clone(),
                    lang: lang.clone(),
                    translated: true,
                    ..consent.clone()
                },
                None => consent.clone(),
            },
            None => {
                let raw = take(&mut raw.consents, &consent.name, "consents")?;
                Consent {
                    wording: words(raw.wording)?,
                    version: version_label(raw.version)?,
                    lang: lang.clone(),
                    translated: true,
                    ..consent.clone()
                }
            }
        });
    }
    let mut unlocks = form.unlocks.clone();
    for unlock in &mut unlocks {
        let key = raw.unlocks.keys().find(|key| key.get_ref() == unlock.file.as_str()).cloned();
        if let Some(title) = key.and_then(|key| raw.unlocks.remove(&key)) {
            (unlock.title, unlock.lang) = (words(title)?, lang.clone());
        }
    }
    no_more(&raw.unlocks, "unlocked file")?;
    no_more(&raw.fields, "field")?;
    no_more(&raw.files, "file")?;
    no_more(&raw.consents, "consent with words of its own")?;
    let notice = match (&form.notice.name, raw.notice) {
        (Some(name), None) => library.notice_in(name, lang).unwrap_or(&form.notice).clone(),
        (Some(_), Some(place)) => return Err(at(&place, "the notice of this form has a file of its own")),
        (None, None) => return Err(missing("notice, with version and text,")),
        (None, Some(raw)) => {
            let raw = raw.into_inner();
            Notice {
                version: version_label(raw.version)?,
                text: NoticeText::Plain(words(raw.text)?),
                lang: lang.clone(),
                translated: true,
                ..form.notice.clone()
            }
        }
    };
    Ok(Form {
        lang: lang.clone(),
        title: words(raw.title)?,
        intro: same(&form.intro, raw.intro, "intro")?,
        submit: words(raw.submit)?,
        legal_basis: words(raw.legal_basis)?,
        notice,
        fields,
        files,
        consents,
        unlocks,
        ..form.clone()
    })
}

fn field(field: &Field, raw: RawField) -> Result<Field, Mistake> {
    let name = &field.name;
    let key = |key: &str| format!("{key} of the field {name}");
    let mut options = raw.options;
    let mut kind = field.kind.clone();
    let (mut pattern_help, mut low, mut high) = (raw.pattern_help, raw.low, raw.high);
    match &mut kind {
        FieldKind::ShortText(rules) | FieldKind::LongText(rules) => {
            if let Some(pattern) = &mut rules.pattern {
                let help = same(pattern.help(), pattern_help.take(), &key("pattern_help"))?;
                *pattern = pattern.with_help(&help);
            }
        }
        FieldKind::Choice(choices) => translate_options(choices, &mut options, name)?,
        FieldKind::Choices(many) => translate_options(&mut many.options, &mut options, name)?,
        FieldKind::Rating(rating) => {
            rating.low = same(&rating.low, low.take(), &key("low"))?;
            rating.high = same(&rating.high, high.take(), &key("high"))?;
        }
        _ => {}
    }
    for (key, place) in [("pattern_help", &pattern_help), ("low", &low), ("high", &high)] {
        if let Some(place) = place {
            return Err(at(place, format!("the field {name} has no {key}")));
        }
    }
    no_more(&options, "option")?;
    Ok(Field { label: words(raw.label)?, help: same(&field.help, raw.help, &key("help"))?, kind, ..field.clone() })
}

fn file(field: &FileField, raw: RawFile) -> Result<FileField, Mistake> {
    let help = same(&field.help, raw.help, &format!("help of the field {}", field.name))?;
    Ok(FileField { label: words(raw.label)?, help, ..field.clone() })
}

fn translate_options(
    choices: &mut [Choice],
    options: &mut BTreeMap<Spanned<String>, Spanned<String>>,
    field: &str,
) -> Result<(), Mistake> {
    for choice in choices {
        choice.label = words(take(options, &choice.value, &format!("fields.{field}.options"))?)?;
    }
    Ok(())
}

/// Words where the form has some, none where it has none.
fn same(own: &str, raw: Option<Spanned<String>>, what: &str) -> Result<String, Mistake> {
    match (own.is_empty(), raw) {
        (true, None) => Ok(String::new()),
        (true, Some(place)) => Err(at(&place, format!("the form has no {what}"))),
        (false, None) => Err(missing(what)),
        (false, Some(text)) => words(text),
    }
}

fn take<T>(from: &mut BTreeMap<Spanned<String>, T>, name: &str, section: &str) -> Result<T, Mistake> {
    let key = from.keys().find(|key| key.get_ref() == name).cloned();
    key.and_then(|key| from.remove(&key)).ok_or_else(|| missing(format!("{section}.{name}")))
}

fn no_more<T>(left: &BTreeMap<Spanned<String>, T>, what: &str) -> Result<(), Mistake> {
    match left.keys().next() {
        Some(name) => Err(at(name, format!("the form has no {what} {}", name.get_ref()))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::form::check;

    const FORM: &str = include_str!("../../../../forms/problem-report.toml");
    const WORDS: &str = include_str!("../../../../forms/de/problem-report.toml");

    fn lay(text: &str) -> Result<Form, FormError> {
        let form = check(FORM, "problem-report.toml").unwrap();
        translate(text, "de/problem-report.toml", &form, &"de".parse().unwrap(), &Library::default())
    }

    /// Titles of unlocked files are translated where the translation has them; who reads another says so to screen readers.
    #[test]
    fn titles_of_unlocked_files_are_words_too() {
        let unlocks = "unlocks = [{ file = \"a.pdf\", title = \"Prices\" }, { file = \"b.pdf\", title = \"Guide\" }]\n";
        let text = FORM.replacen("[[fields]]", &format!("{unlocks}\n[[fields]]"), 1);
        let form = check(&text, "problem-report.toml").unwrap();
        let lang: Lang = "de".parse().unwrap();
        let lay = |more: &str| translate(&format!("{WORDS}\n{more}"), "x", &form, &lang, &Library::default());
        let titles = |more: &str| -> Vec<_> {
            lay(more).unwrap().unlocks.into_iter().map(|unlock| (unlock.title, unlock.lang == lang)).collect()
        };
        let title = |text: &str, translated| (text.to_owned(), translated);
        assert_eq!(titles(""), [title("Prices", false), title("Guide", false)]);
        assert_eq!(titles("[unlocks]\n\"a.pdf\" = \"Preise\"\n"), [title("Preise", true), title("Guide", false)]);
        assert!(lay("[unlocks]\n\"c.pdf\" = \"Mehr\"\n").unwrap_err().message.contains("no unlocked file c.pdf"));
        assert!(lay("[unlocks]\n\"a.pdf\" = \" \"\n").is_err());
    }

    #[test]
    fn a_translation_is_the_same_form_in_other_words() {
        let (form, german) = (check(FORM, "x").unwrap(), lay(WORDS).unwrap());
        assert_eq!((german.lang.as_str(), german.title.as_str()), ("de", "Ein Problem melden"));
        assert_eq!((german.id.clone(), german.version, german.roles.clone()), (form.id, form.version, form.roles));
        let names = |fields: &[Field]| fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&german.fields), names(&form.fields));
        assert_eq!((german.notice.lang.as_str(), german.notice.recorded()), ("de", "2026-11/de".to_owned()));
        let area = german.field("area").unwrap().kind.options();
        assert_eq!((area[1].value.as_str(), area[1].label.as_str()), ("product", "In einem Produkt"));
    }

    #[test]
    fn whatever_is_missing_or_too_much_is_told_with_its_line() {
        for (from, to, line, words) in [
            ("version = 1", "version = 2", Some(1), "expected 1, the version of the form"),
            ("title = ", "titel = ", Some(2), "unknown field"),
            ("[fields.page]", "[fields.pages]", None, "fields.page is missing"),
            ("options.other", "options.another", None, "fields.area.options.other is missing"),
            ("low = \"kaum\"\n", "", None, "low of the field severity is missing"),
            ("submit = \"Meldung senden\"", "submit = \" \"", Some(9), "some words"),
            ("[fields.contact]\n", "[fields.contact]\nhelp = \"x\"\n", Some(42), "no help of the field contact"),
            ("[files.evidence]", "[fields.x]\nlabel = \"x\"\n[files.evidence]", Some(47), "the form has no field x"),
        ] {
            let error = lay(&WORDS.replacen(from, to, 1)).unwrap_err();
            assert!(error.message.contains(words), "{from}: {error}");
            assert_eq!(error.line, line, "{from}: {error}");
        }
    }
}
