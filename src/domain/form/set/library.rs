//! The notices and wordings of consents that forms name, shipped and of an installation's own, in every language there is.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::{FormSet, Sources, stem};
use crate::domain::form::FormError;
use crate::domain::language::Lang;
use crate::domain::notice::{Notice, Wording};
use crate::domain::staff::CustomRole;

macro_rules! shipped {
    ($($file:literal),* $(,)?) => {
        [$(($file, include_str!(concat!("../../../../", $file)))),*]
    };
}

const NOTICES: [(&str, &str); 18] = shipped![
    "forms/notices/general.md",
    "forms/notices/general.de.md",
    "forms/notices/general.fr.md",
    "forms/notices/newsletter.md",
    "forms/notices/newsletter.de.md",
    "forms/notices/newsletter.fr.md",
    "forms/notices/public-comment.md",
    "forms/notices/public-comment.de.md",
    "forms/notices/public-comment.fr.md",
    "forms/notices/recruitment.md",
    "forms/notices/recruitment.de.md",
    "forms/notices/recruitment.fr.md",
    "forms/notices/referral.md",
    "forms/notices/referral.de.md",
    "forms/notices/referral.fr.md",
    "forms/notices/survey.md",
    "forms/notices/survey.de.md",
    "forms/notices/survey.fr.md",
];

const WORDINGS: [(&str, &str); 9] = shipped![
    "forms/consents/marketing.md",
    "forms/consents/marketing.de.md",
    "forms/consents/marketing.fr.md",
    "forms/consents/newsletter.md",
    "forms/consents/newsletter.de.md",
    "forms/consents/newsletter.fr.md",
    "forms/consents/talent-pool.md",
    "forms/consents/talent-pool.de.md",
    "forms/consents/talent-pool.fr.md",
];

/// Notices and wordings by name, and their translations by name and language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    pub(super) notices: BTreeMap<String, Notice>,
    pub(super) wordings: BTreeMap<String, (Lang, Wording)>,
    pub(super) translated_notices: BTreeMap<(String, Lang), Notice>,
    pub(super) translated_wordings: BTreeMap<(String, Lang), Wording>,
    /// The language of files that name none.
    pub(super) lang: Lang,
    /// The roles that forms may name besides the built-in ones.
    pub(super) roles: Vec<CustomRole>,
}

impl Default for Library {
    /// The shipped ones.
    fn default() -> Self {
        Self::shipped().clone()
    }
}

impl Library {
    pub(super) fn shipped() -> &'static Self {
        static SHIPPED: OnceLock<Library> = OnceLock::new();
        SHIPPED.get_or_init(Self::read_shipped)
    }

    fn read_shipped() -> Self {
        let mut library = Self {
            notices: BTreeMap::new(),
            wordings: BTreeMap::new(),
            translated_notices: BTreeMap::new(),
            translated_wordings: BTreeMap::new(),
            lang: Lang::english(),
            roles: Vec::new(),
        };
        // A test reads every shipped file.
        for (file, text) in NOTICES {
            library.read_notice(file, text).expect("shipped notices are valid");
        }
        for (file, text) in WORDINGS {
            library.read_wording(file, text).expect("shipped wordings are valid");
        }
        library
    }

    fn read_notice(&mut self, file: &str, text: &str) -> Result<(), FormError> {
        let (name, lang) = name_of(file);
        let notice = Notice::parse(text, &name, file)?;
        match lang {
            Some(lang) => drop(self.translated_notices.insert((name, lang.clone()), notice.in_language(&lang, true))),
            None => drop(self.notices.insert(name, notice.in_language(&self.lang, false))),
        }
        Ok(())
    }

    fn read_wording(&mut self, file: &str, text: &str) -> Result<(), FormError> {
        let (name, lang) = name_of(file);
        let wording = Wording::parse(text, file)?;
        match lang {
            Some(lang) => drop(self.translated_wordings.insert((name, lang), wording)),
            None => drop(self.wordings.insert(name, (self.lang.clone(), wording))),
        }
        Ok(())
    }

    /// Takes over what `previous` had from a file that is broken now.
    fn keep(&mut self, file: &str, previous: &Self, is_notice: bool) {
        fn keep<K: Ord, V: Clone>(to: &mut BTreeMap<K, V>, from: &BTreeMap<K, V>, key: K) {
            if let Some(old) = from.get(&key) {
                to.insert(key, old.clone());
            }
        }
        match (name_of(file), is_notice) {
            ((name, None), true) => keep(&mut self.notices, &previous.notices, name),
            ((name, None), false) => keep(&mut self.wordings, &previous.wordings, name),
            ((name, Some(lang)), true) => {
                keep(&mut self.translated_notices, &previous.translated_notices, (name, lang));
            }
            ((name, Some(lang)), false) => {
                keep(&mut self.translated_wordings, &previous.translated_wordings, (name, lang));
            }
        }
    }

    /// The roles that forms may name besides the built-in ones.
    pub(in crate::domain::form) fn roles(&self) -> &[CustomRole] {
        &self.roles
    }

    /// The notice of this name in `lang`, if there is a translation.
    pub fn notice_in(&self, name: &str, lang: &Lang) -> Option<&Notice> {
        let found = self.translated_notices.get(&(name.to_owned(), lang.clone()));
        found.or_else(|| self.notice(name).filter(|notice| notice.lang == *lang))
    }

    /// The wording of this name in `lang`, if there is a translation.
    pub fn wording_in(&self, name: &str, lang: &Lang) -> Option<&Wording> {
        self.translated_wordings.get(&(name.to_owned(), lang.clone()))
    }

    /// The language of the wording of this name.
    pub(in crate::domain::form) fn lang_of(&self, wording: &str) -> &Lang {
        self.wordings.get(wording).map_or(&self.lang, |(lang, _)| lang)
    }

    /// The notice of this name.
    pub fn notice(&self, name: &str) -> Option<&Notice> {
        self.notices.get(name)
    }

    /// The wording of this name.
    pub fn wording(&self, name: &str) -> Option<&Wording> {
        self.wordings.get(name).map(|(_, wording)| wording)
    }
}

/// The shipped ones, and over them those of `sources`; what is not in order is told, and what `previous` had from it stays.
pub(super) fn library(sources: &Sources, previous: Option<&FormSet>, mistakes: &mut Vec<FormError>) -> Library {
    let mut library = Library { roles: sources.roles.clone(), ..Library::default() };
    if let Some(lang) = &sources.lang {
        library.lang = lang.clone();
    }
    // Words of one's own are not what the shipped translations translate.
    for source in sources.notices.iter().filter(|source| name_of(&source.file).1.is_none()) {
        let (own, _) = name_of(&source.file);
        library.translated_notices.retain(|(name, _), _| *name != own);
    }
    for source in sources.consents.iter().filter(|source| name_of(&source.file).1.is_none()) {
        let (own, _) = name_of(&source.file);
        library.translated_wordings.retain(|(name, _), _| *name != own);
    }
    let notices = sources.notices.iter().map(|source| (source, true));
    for (source, is_notice) in notices.chain(sources.consents.iter().map(|source| (source, false))) {
        let read = source.read().and_then(|text| match is_notice {
            true => library.read_notice(&source.file, text),
            false => library.read_wording(&source.file, text),
        });
        if let Err(mistake) = read {
            mistakes.push(mistake);
            if let Some(previous) = previous {
                library.keep(&source.file, previous.library(), is_notice);
            }
        }
    }
    library
}

/// The name of a notice or a wording, and the language if the file is a translation: `general.de.md`.
fn name_of(file: &str) -> (String, Option<Lang>) {
    let stem = stem(file);
    match stem.rsplit_once('.').map(|(name, tag)| (name.to_owned(), tag.parse::<Lang>())) {
        Some((name, Ok(lang))) => (name, Some(lang)),
        _ => (stem, None),
    }
}
