//! The forms of an installation: those shipped, and those of its own, with the notices and wordings that they name.

mod library;

use std::sync::Arc;

use jiff::civil::Date;

use super::{Form, FormError, FormId, parse};
use crate::domain::country::Country;
use crate::domain::language::Lang;
use crate::domain::notice::language_of;
use crate::domain::staff::CustomRole;
use crate::domain::vacancy::Offered;
pub use library::Library;
use library::library;

macro_rules! shipped {
    ($($file:literal),* $(,)?) => {
        [$(($file, include_str!(concat!("../../../", $file)))),*]
    };
}

/// The forms that come with the program: (file name, text), in the order in which a visitor finds them.
pub(super) const FORMS: [(&str, &str); 11] = shipped![
    "forms/general-enquiry.toml",
    "forms/support-request.toml",
    "forms/problem-report.toml",
    "forms/partner-enquiry.toml",
    "forms/training-request.toml",
    "forms/job-application.toml",
    "forms/newsletter.toml",
    "forms/survey.toml",
    "forms/refer-a-friend.toml",
    "forms/public-comment.toml",
    "forms/privacy-contact.toml",
];

macro_rules! translated {
    ($($tag:literal: $($id:literal),* $(,)?);* $(;)?) => {
        [$($(($tag, $id, include_str!(concat!("../../../forms/", $tag, "/", $id, ".toml")))),*),*]
    };
}

/// Their words in other languages: (language, id, text).
const TRANSLATIONS: [(&str, &str, &str); 22] = translated![
    "de": "general-enquiry", "support-request", "problem-report", "partner-enquiry", "training-request", "job-application",
        "newsletter", "survey", "refer-a-friend", "public-comment", "privacy-contact";
    "fr": "general-enquiry", "support-request", "problem-report", "partner-enquiry", "training-request", "job-application",
        "newsletter", "survey", "refer-a-friend", "public-comment", "privacy-contact";
];

/// A file: what errors call it, and its text, or why it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name.
    pub file: String,
    /// Its text, or in a sentence why there is none.
    pub text: Result<String, String>,
}

impl Source {
    /// The text, or the error that it cannot be read.
    fn read(&self) -> Result<&str, FormError> {
        let error = |message: &String| FormError { file: self.file.clone(), line: None, message: message.clone() };
        self.text.as_deref().map_err(error)
    }
}

/// The files of an installation, each kind in a fixed order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Forms.
    pub forms: Vec<Source>,
    /// Notices; the name is the file's without its ending.
    pub notices: Vec<Source>,
    /// Wordings of consents, likewise.
    pub consents: Vec<Source>,
    /// The words of forms in other languages; the name is the form's id.
    pub translations: Vec<(Lang, Source)>,
    /// The country of forms that name none.
    pub country: Option<Country>,
    /// The language of forms, notices and wordings that name none; English unless told.
    pub lang: Option<Lang>,
    /// The roles of the configuration, which forms may name.
    pub roles: Vec<CustomRole>,
}

/// The forms of this installation, in a fixed order. The default are the shipped ones.
#[derive(Clone, Debug)]
pub struct FormSet {
    forms: Vec<Entry>,
    library: Library,
}

#[derive(Clone, Debug)]
struct Entry {
    /// The file it came from; `None` for a shipped form.
    file: Option<String>,
    form: Arc<Form>,
    translations: Vec<Translation>,
}

#[derive(Clone, Debug)]
struct Translation {
    /// The file it came from; `None` for a shipped one.
    file: Option<String>,
    form: Arc<Form>,
}

impl Default for FormSet {
    fn default() -> Self {
        Self::build(&Sources::default(), None).0
    }
}

impl FormSet {
    /// The shipped forms and those in `files` (name, text): a file with the id of a shipped form replaces it, any other
    /// adds one.
    ///
    /// # Errors
    /// [`FormError`] for the first file that is not a valid form, and for two files with the same id.
    pub fn with_files<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, FormError> {
        let source = |(file, text): (&str, &str)| Source { file: file.to_owned(), text: Ok(text.to_owned()) };
        Self::from_sources(&Sources { forms: files.into_iter().map(source).collect(), ..Sources::default() })
    }

    /// The shipped forms, notices and wordings, and over them those of `sources`.
    ///
    /// # Errors
    /// [`FormError`] for the first file that is not in order, and for two forms with the same id.
    pub fn from_sources(sources: &Sources) -> Result<Self, FormError> {
        let (set, mistakes) = Self::build(sources, None);
        mistakes.into_iter().next().map_or(Ok(set), Err)
    }

    /// As [`FormSet::from_sources`], but a file that is not in order is told, and what `previous` had from it stays.
    pub fn build(sources: &Sources, previous: Option<&Self>) -> (Self, Vec<FormError>) {
        let mut mistakes = Vec::new();
        let library = library(sources, previous, &mut mistakes);
        let mut forms: Vec<Entry> = Vec::new();
        let entry = |file, form: Arc<Form>| Entry { file, form, translations: Vec::new() };
        for (file, text) in FORMS {
            match parse::parse(text, file, &library, &Lang::english()) {
                Ok(form) => forms.push(entry(None, Arc::new(form.with_country(sources.country)))),
                // A test checks every shipped form, and nothing takes a shipped notice away.
                Err(mistake) => mistakes.push(mistake),
            }
        }
        for source in &sources.forms {
            let parsed = source.read().and_then(|text| check_with(text, &source.file, &library));
            let form = match parsed {
                Ok(form) => Arc::new(form.with_country(sources.country)),
                Err(mistake) => {
                    mistakes.push(mistake);
                    match previous.and_then(|set| set.of_file(&source.file)) {
                        Some(old) => Arc::clone(old),
                        None => continue,
                    }
                }
            };
            let entry = entry(Some(source.file.clone()), form);
            match forms.iter_mut().find(|known| known.form.id == entry.form.id) {
                Some(Entry { file: Some(first), form, .. }) => {
                    let message = format!("the form {} is already defined in {first}", form.id);
                    mistakes.push(FormError { file: source.file.clone(), line: None, message });
                }
                Some(shipped) => *shipped = entry,
                None => forms.push(entry),
            }
        }
        translate(&mut forms, &library, sources, previous, &mut mistakes);
        (Self { forms, library }, mistakes)
    }

    /// The same forms, where those fields that take vacancies begin with the ones that are open.
    #[must_use]
    pub fn offering(&self, vacancies: &[Offered]) -> Self {
        let offering = |form: &Arc<Form>| match form.fields.iter().any(|field| field.vacancies.is_some()) {
            true => Arc::new(form.offering(vacancies)),
            false => Arc::clone(form),
        };
        let translation = |one: &Translation| Translation { file: one.file.clone(), form: offering(&one.form) };
        let entry = |entry: &Entry| Entry {
            file: entry.file.clone(),
            form: offering(&entry.form),
            translations: entry.translations.iter().map(translation).collect(),
        };
        Self { forms: self.forms.iter().map(entry).collect(), library: self.library.clone() }
    }

    /// The form of this id in `lang`, or in the words of its own where there are none in that language.
    pub fn get_in(&self, id: &FormId, lang: &Lang) -> Option<&Arc<Form>> {
        self.forms.iter().find(|entry| entry.form.id == *id).map(|entry| entry.in_language(lang))
    }

    /// All forms in `lang`, in order, each in the words of its own where there are none in that language.
    pub fn iter_in<'a>(&'a self, lang: &'a Lang) -> impl Iterator<Item = &'a Arc<Form>> {
        self.forms.iter().map(move |entry| entry.in_language(lang))
    }

    /// The languages that a form is translated into, in order.
    pub fn languages_of(&self, id: &FormId) -> Vec<Lang> {
        let translations = self.forms.iter().filter(|entry| entry.form.id == *id).flat_map(|entry| &entry.translations);
        let mut out: Vec<Lang> = translations.map(|one| one.form.lang.clone()).collect();
        out.sort();
        out.dedup();
        out
    }

    /// The form of this id in the language that a recorded version of one of its texts names.
    pub fn as_recorded(&self, id: &FormId, recorded: &str) -> Option<&Arc<Form>> {
        match language_of(recorded) {
            Some(lang) => self.get_in(id, &lang),
            None => self.get(id),
        }
    }

    /// The form of this id.
    pub fn get(&self, id: &FormId) -> Option<&Arc<Form>> {
        self.iter().find(|form| form.id == *id)
    }

    /// All forms, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Form>> {
        self.forms.iter().map(|entry| &entry.form)
    }

    /// The notices and wordings.
    pub const fn library(&self) -> &Library {
        &self.library
    }

    /// The texts that should have been read again before `today`, each in a sentence. Only those that a form uses.
    pub fn overdue(&self, today: Date) -> Vec<String> {
        let notices = self.library.notices.iter().filter(|(name, notice)| {
            notice.is_overdue(today) && self.iter().any(|form| form.notice.name.as_deref() == Some(name))
        });
        let notices = notices.map(|(name, notice)| ("notice", name.clone(), notice.review_by));
        let translated = self.library.translated_notices.iter().filter(|((name, _), notice)| {
            notice.is_overdue(today) && self.iter().any(|form| form.notice.name.as_deref() == Some(name))
        });
        let translated =
            translated.map(|((name, lang), notice)| ("notice", format!("{name}.{lang}"), notice.review_by));
        let used = |name: &str| {
            self.iter().flat_map(|form| &form.consents).any(|consent| consent.file.as_deref() == Some(name))
        };
        let wordings = self.library.wordings.iter().filter(|(name, (_, one))| one.review_by < today && used(name));
        let wordings = wordings.map(|(name, (_, one))| ("wording", name.clone(), Some(one.review_by)));
        let own = self.library.translated_wordings.iter();
        let own = own.filter(|((name, _), one)| one.review_by < today && used(name));
        let own = own.map(|((name, lang), one)| ("wording", format!("{name}.{lang}"), Some(one.review_by)));
        notices
            .chain(translated)
            .chain(wordings)
            .chain(own)
            .filter_map(|(what, name, date)| Some(format!("the {what} {name} was to be reviewed by {}", date?)))
            .collect()
    }

    fn translation_of(&self, file: &str) -> Option<&Arc<Form>> {
        let mut all = self.forms.iter().flat_map(|entry| &entry.translations);
        all.find(|one| one.file.as_deref() == Some(file)).map(|one| &one.form)
    }

    fn of_file(&self, file: &str) -> Option<&Arc<Form>> {
        self.forms.iter().find(|entry| entry.file.as_deref() == Some(file)).map(|entry| &entry.form)
    }
}

/// Parses and checks the text of a form file beside the shipped notices; `file` is what errors call it.
///
/// # Errors
/// [`FormError`] with the line and what was expected there.
pub fn check(text: &str, file: &str) -> Result<Form, FormError> {
    check_with(text, file, Library::shipped())
}

/// Parses and checks the text of a form file beside these notices and wordings.
///
/// # Errors
/// As [`check`].
pub fn check_with(text: &str, file: &str, library: &Library) -> Result<Form, FormError> {
    parse::parse(text, file, library, &library.lang)
}

/// Checks the words of `form` in `lang`, beside these notices and wordings; `file` is what errors call it.
///
/// # Errors
/// [`FormError`] for a key that is missing or unknown, and for words of another version of the form.
pub fn check_translation(
    text: &str,
    file: &str,
    form: &Form,
    lang: &Lang,
    library: &Library,
) -> Result<Form, FormError> {
    parse::translate(text, file, form, lang, library)
}

impl Entry {
    fn in_language(&self, lang: &Lang) -> &Arc<Form> {
        let find = |fits: &dyn Fn(&Form) -> bool| {
            self.translations.iter().map(|one| &one.form).chain([&self.form]).find(|form| fits(form))
        };
        // A form of its own language first: it is what everything else was translated from.
        if self.form.lang == *lang {
            return &self.form;
        }
        find(&|form| form.lang == *lang).or_else(|| find(&|form| lang.is_within(&form.lang))).unwrap_or(&self.form)
    }
}

/// Lays the words in other languages over the forms: the shipped ones over shipped forms, and the installation's own over any.
fn translate(
    forms: &mut [Entry],
    library: &Library,
    sources: &Sources,
    previous: Option<&FormSet>,
    mistakes: &mut Vec<FormError>,
) {
    for (tag, id, text) in TRANSLATIONS {
        let Ok(lang) = tag.parse::<Lang>() else { continue };
        let Some(entry) = forms.iter_mut().find(|entry| entry.file.is_none() && entry.form.id.as_str() == id) else {
            continue;
        };
        match parse::translate(text, &format!("forms/{tag}/{id}.toml"), &entry.form, &lang, library) {
            Ok(form) => entry.translations.push(Translation { file: None, form: Arc::new(form) }),
            // A test checks every shipped one.
            Err(mistake) => mistakes.push(mistake),
        }
    }
    for (lang, source) in &sources.translations {
        let id = stem(&source.file);
        let Some(entry) = forms.iter_mut().find(|entry| entry.form.id.as_str() == id) else {
            let message = format!("there is no form {id}: a translation has the name of its form");
            mistakes.push(FormError { file: source.file.clone(), line: None, message });
            continue;
        };
        let laid = source.read().and_then(|text| parse::translate(text, &source.file, &entry.form, lang, library));
        let form = match laid {
            Ok(form) => Arc::new(form),
            Err(mistake) => {
                mistakes.push(mistake);
                let old = previous.and_then(|set| set.translation_of(&source.file));
                match old.filter(|old| old.version == entry.form.version) {
                    Some(old) => Arc::clone(old),
                    None => continue,
                }
            }
        };
        entry.translations.retain(|known| known.form.lang != *lang);
        entry.translations.push(Translation { file: Some(source.file.clone()), form });
    }
}

/// The file's name without folder and ending.
fn stem(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}
