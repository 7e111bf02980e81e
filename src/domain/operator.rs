//! Who runs the service, in their own words: what the pages about privacy, cookies and accessibility are made from.

use std::collections::BTreeMap;

use super::language::Lang;
use super::markdown::Markdown;

/// Whoever runs the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operator {
    /// Name of the organisation.
    pub name: Option<String>,
    /// Postal address, line by line.
    pub address: Vec<String>,
    /// Address for mails about data.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// The data protection officer, in words: a name, an address.
    pub officer: Option<String>,
    /// The supervisory authority, in words.
    pub authority: Option<String>,
    /// Pages of one's own.
    pub pages: BTreeMap<PageName, Markdown>,
}

/// Which page of one's own, and in which language; `None` for the language that files have that name none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageName {
    /// About what.
    pub about: About,
    /// Beside the text that is made, and not in its place.
    pub more: bool,
    /// In which language.
    pub lang: Option<Lang>,
}

/// What such a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// What happens with data.
    Privacy,
    /// Which cookies there are.
    Cookies,
    /// How accessible the pages are.
    Accessibility,
}

impl About {
    /// All of them, in the order of the footer.
    pub const ALL: [Self; 3] = [Self::Privacy, Self::Cookies, Self::Accessibility];

    /// Its name in addresses and file names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Privacy => "privacy",
            Self::Cookies => "cookies",
            Self::Accessibility => "accessibility",
        }
    }
}

impl PageName {
    /// The page that a file of this name (without its ending) holds: `privacy`, `privacy.de`, `cookies-more`.
    pub fn of_file(stem: &str) -> Option<Self> {
        let (name, lang) = match stem.split_once('.') {
            Some((name, lang)) => (name, Some(lang.parse().ok()?)),
            None => (stem, None),
        };
        let (name, more) = name.strip_suffix("-more").map_or((name, false), |name| (name, true));
        let about = About::ALL.into_iter().find(|about| about.as_str() == name)?;
        Some(Self { about, more, lang })
    }
}

impl Operator {
    /// What a page of one's own says about this, in `lang` or the nearest that fits, and in which language.
    pub fn page(&self, about: About, more: bool, lang: &Lang) -> Option<(&Markdown, Option<&Lang>)> {
        // The language itself, then the one it stands within, then the one that names none; no other.
        let rank = |own: &Option<Lang>| match own {
            Some(own) if own == lang => Some(0),
            Some(own) if lang.is_within(own) => Some(1),
            None => Some(2),
            Some(_) => None,
        };
        let of = self.pages.iter().filter(|(name, _)| name.about == about && name.more == more);
        let found =
            of.filter_map(|(name, words)| Some((rank(&name.lang)?, name, words))).min_by_key(|(rank, ..)| *rank);
        found.map(|(_, name, words)| (words, name.lang.as_ref()))
    }

    /// The keys of the configuration without which the privacy page cannot say who is responsible.
    pub fn missing(&self) -> Vec<&'static str> {
        let contact = self.email.is_some() || self.phone.is_some();
        let all = [
            ("operator.name", self.name.is_some()),
            ("operator.address", !self.address.is_empty()),
            ("operator.email", contact),
        ];
        all.into_iter().filter(|(_, there)| !there).map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lang(tag: &str) -> Lang {
        tag.parse().unwrap()
    }

    #[test]
    fn files_are_told_by_their_names() {
        let name = |stem: &str| PageName::of_file(stem).map(|name| (name.about, name.more, name.lang));
        assert_eq!(name("privacy"), Some((About::Privacy, false, None)));
        assert_eq!(name("cookies-more.de"), Some((About::Cookies, true, Some(lang("de")))));
        for other in ["imprint", "privacy.", "privacy.deutsch", "privacy-less", "more", ""] {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn the_nearest_language_is_found() {
        let page = |text: &str| Markdown::parse(text).unwrap();
        let mut operator = Operator::default();
        assert_eq!(operator.page(About::Privacy, false, &lang("de")), None);
        for (stem, text) in [("privacy", "Own."), ("privacy.de", "Eigenes."), ("privacy-more", "More.")] {
            operator.pages.insert(PageName::of_file(stem).unwrap(), page(text));
        }
        let said = |tag: &str| operator.page(About::Privacy, false, &lang(tag)).unwrap().0.paragraphs()[0].clone();
        assert_eq!([said("de"), said("de-at"), said("fr")], ["Eigenes.", "Eigenes.", "Own."]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut operator = Operator::default();
        assert_eq!(operator.missing(), ["operator.name", "operator.address", "operator.email"]);
        operator.name = Some("Example".into());
        operator.phone = Some("1".into());
        assert_eq!(operator.missing(), ["operator.address"]);
    }
}
