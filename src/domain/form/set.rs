//! The forms of an installation: those shipped, and those of its own, with the notices and wordings that they name.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::civil::Date;

use super::{Form, FormError, FormId, parse};
use crate::domain::country::Country;
use crate::domain::notice::{Notice, Wording};

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

const NOTICES: [(&str, &str); 6] = shipped![
    "forms/notices/general.md",
    "forms/notices/newsletter.md",
    "forms/notices/public-comment.md",
    "forms/notices/recruitment.md",
    "forms/notices/referral.md",
    "forms/notices/survey.md",
];

const WORDINGS: [(&str, &str); 3] =
    shipped!["forms/consents/marketing.md", "forms/consents/newsletter.md", "forms/consents/talent-pool.md",];

/// Notices and wordings by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    notices: BTreeMap<String, Notice>,
    wordings: BTreeMap<String, Wording>,
}

impl Default for Library {
    /// The shipped ones.
    fn default() -> Self {
        Self::shipped().clone()
    }
}

impl Library {
    fn shipped() -> &'static Self {
        static SHIPPED: OnceLock<Library> = OnceLock::new();
        SHIPPED.get_or_init(Self::read_shipped)
    }

    fn read_shipped() -> Self {
        let notice = |(file, text): &(&str, &str)| {
            // A test reads every shipped file.
            (stem(file), Notice::parse(text, &stem(file), file).expect("shipped notices are valid"))
        };
        let wording =
            |(file, text): &(&str, &str)| (stem(file), Wording::parse(text, file).expect("shipped wordings are valid"));
        Self { notices: NOTICES.iter().map(notice).collect(), wordings: WORDINGS.iter().map(wording).collect() }
    }

    /// The notice of this name.
    pub fn notice(&self, name: &str) -> Option<&Notice> {
        self.notices.get(name)
    }

    /// The wording of this name.
    pub fn wording(&self, name: &str) -> Option<&Wording> {
        self.wordings.get(name)
    }
}

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
    /// The country of forms that name none.
    pub country: Option<Country>,
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
        for (file, text) in FORMS {
            match check_with(text, file, &library) {
                Ok(form) => forms.push(Entry { file: None, form: Arc::new(form.with_country(sources.country)) }),
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
            let entry = Entry { file: Some(source.file.clone()), form };
            match forms.iter_mut().find(|known| known.form.id == entry.form.id) {
                Some(Entry { file: Some(first), form }) => {
                    let message = format!("the form {} is already defined in {first}", form.id);
                    mistakes.push(FormError { file: source.file.clone(), line: None, message });
                }
                Some(shipped) => *shipped = entry,
                None => forms.push(entry),
            }
        }
        (Self { forms, library }, mistakes)
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
        let notices = notices.map(|(name, notice)| ("notice", name, notice.review_by));
        let used = |wording: &Wording| {
            self.iter().flat_map(|form| &form.consents).any(|consent| consent.wording == wording.words)
        };
        let wordings = self.library.wordings.iter().filter(|(_, one)| one.review_by < today && used(one));
        let wordings = wordings.map(|(name, one)| ("wording", name, Some(one.review_by)));
        notices
            .chain(wordings)
            .filter_map(|(what, name, date)| Some(format!("the {what} {name} was to be reviewed by {}", date?)))
            .collect()
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
    parse::parse(text, file, library)
}

fn library(sources: &Sources, previous: Option<&FormSet>, mistakes: &mut Vec<FormError>) -> Library {
    let mut library = Library::default();
    for source in &sources.notices {
        let name = stem(&source.file);
        match source.read().and_then(|text| Notice::parse(text, &name, &source.file)) {
            Ok(notice) => drop(library.notices.insert(name, notice)),
            Err(mistake) => {
                mistakes.push(mistake);
                let old = previous.and_then(|set| set.library.notices.get(&name)).cloned();
                old.map(|old| library.notices.insert(name, old));
            }
        }
    }
    for source in &sources.consents {
        let name = stem(&source.file);
        match source.read().and_then(|text| Wording::parse(text, &source.file)) {
            Ok(wording) => drop(library.wordings.insert(name, wording)),
            Err(mistake) => {
                mistakes.push(mistake);
                let old = previous.and_then(|set| set.library.wordings.get(&name)).cloned();
                old.map(|old| library.wordings.insert(name, old));
            }
        }
    }
    library
}

/// The file's name without folder and ending.
fn stem(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}
