//! All languages of an installation.

use std::sync::{Arc, OnceLock};

use super::{Catalogue, Lang, Mistake, accept};

macro_rules! shipped {
    ($($tag:literal),* $(,)?) => {
        [$(($tag, include_str!(concat!("../../../messages/", $tag, ".toml")))),*]
    };
}

/// The languages that come with the program.
const SHIPPED: [(&str, &str); 3] = shipped!["en", "de", "fr"];

/// The languages that are offered, the first of which is spoken to whoever asks for none of them.
#[derive(Clone, Debug)]
pub struct Languages {
    offered: Vec<Arc<Catalogue>>,
    tags: Vec<Lang>,
}

impl Languages {
    /// The shipped ones, English first.
    pub fn shipped() -> &'static Arc<Self> {
        static ALL: OnceLock<Arc<Languages>> = OnceLock::new();
        ALL.get_or_init(|| {
            let read = |(tag, text): &(&str, &str)| {
                // A test reads each.
                let lang = tag.parse::<Lang>().expect("shipped tags are valid");
                Arc::new(Catalogue::parse(lang, text).expect("shipped messages are valid"))
            };
            Arc::new(Self::of(SHIPPED.iter().map(read).collect()))
        })
    }

    /// The shipped languages, with `files` (language, file name, text) over them, as far as they are in `wanted` and in its
    /// order; all of them, English first, when it is empty. What a file does not say is said in the shipped words of its
    /// language, or in English.
    ///
    /// # Errors
    /// Every mistake in a file, with the file's name; a language that is wanted and not there.
    pub fn with_files(files: &[(Lang, String, String)], wanted: &[Lang]) -> Result<Self, Vec<(String, Mistake)>> {
        let shipped = Self::shipped();
        let mut all = shipped.offered.clone();
        let mut mistakes = Vec::new();
        for (lang, file, text) in files {
            let base = shipped.get(lang).unwrap_or_else(|| shipped.first());
            match Catalogue::parse(lang.clone(), text) {
                Err(mistake) => mistakes.push((file.clone(), mistake)),
                Ok(own) => {
                    // What is missing is taken from elsewhere, so that only what is there can be wrong.
                    let found = own.clone().over(base);
                    mistakes.extend(found.compare(shipped.first()).into_iter().map(|mistake| (file.clone(), mistake)));
                    match all.iter_mut().find(|known| known.lang() == lang) {
                        Some(known) => *known = Arc::new(found),
                        None => all.push(Arc::new(found)),
                    }
                }
            }
        }
        if !wanted.is_empty() {
            let find = |lang: &Lang| all.iter().find(|known| known.lang() == lang).cloned();
            for lang in wanted.iter().filter(|lang| find(lang).is_none()) {
                let message =
                    format!("there are no messages in {lang}; expected a file {lang}.toml in the folder of messages");
                mistakes.push(("languages".to_owned(), Mistake { line: None, message }));
            }
            all = wanted.iter().filter_map(find).collect();
        }
        if mistakes.is_empty() { Ok(Self::of(all)) } else { Err(mistakes) }
    }

    fn of(offered: Vec<Arc<Catalogue>>) -> Self {
        let tags = offered.iter().map(|catalogue| catalogue.lang().clone()).collect();
        Self { offered, tags }
    }

    /// What is spoken to whoever asks for nothing that is offered.
    pub fn first(&self) -> &Arc<Catalogue> {
        // Never empty: it is made of the shipped ones, or of those wanted, each found.
        &self.offered[0]
    }

    /// The words of `lang`, if it is offered.
    pub fn get(&self, lang: &Lang) -> Option<&Arc<Catalogue>> {
        self.offered.iter().find(|catalogue| catalogue.lang() == lang)
    }

    /// The words of `lang`, or of the language that stands in for it.
    pub fn nearest(&self, lang: &Lang) -> &Arc<Catalogue> {
        let near = || self.offered.iter().find(|catalogue| lang.is_within(catalogue.lang()));
        self.get(lang).or_else(near).unwrap_or_else(|| self.first())
    }

    /// What a browser that sends this `Accept-Language` is spoken to in.
    pub fn for_browser(&self, accepted: &str) -> &Arc<Catalogue> {
        accept::best(accepted, &self.tags).and_then(|lang| self.get(lang)).unwrap_or_else(|| self.first())
    }

    /// All that are offered, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Catalogue>> {
        self.offered.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Said;

    fn lang(text: &str) -> Lang {
        text.parse().unwrap()
    }

    #[test]
    fn every_shipped_language_has_every_message_with_its_placeholders() {
        let shipped = Languages::shipped();
        assert_eq!(shipped.first().lang(), &Lang::english());
        for catalogue in shipped.iter() {
            assert_eq!(catalogue.compare(shipped.first()), [], "{}", catalogue.lang());
        }
    }

    #[test]
    fn no_shipped_translation_was_left_in_english() {
        let shipped = Languages::shipped();
        let english = shipped.first();
        for catalogue in shipped.iter().skip(1) {
            let same = english.keys().filter(|key| {
                let said = Said::of((*key).to_owned());
                let text = english.tell(&said);
                // Single words may be the same in both.
                let words =
                    text.split_whitespace().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 1);
                words.count() > 1
                    && !key.starts_with("country.")
                    && !key.starts_with("file.")
                    && text == catalogue.tell(&said)
            });
            assert_eq!(same.collect::<Vec<_>>(), [] as [&str; 0], "{}", catalogue.lang());
        }
    }

    /// A country that was left in another language, or forgotten, shows in the list of an address.
    #[test]
    fn every_country_has_a_name_in_every_language() {
        use crate::domain::country::Country;
        let shipped = Languages::shipped();
        for catalogue in shipped.iter() {
            let name = |country: Country| catalogue.tell(&Said::of(format!("country.{}", country.code())));
            let names: std::collections::BTreeSet<String> = Country::all().map(name).collect();
            assert_eq!(names.len(), Country::all().count(), "{}: each its own", catalogue.lang());
            let same = Country::all().filter(|country| name(*country) == country.name()).count();
            let (known, english) =
                (catalogue.keys().filter(|key| key.starts_with("country.")).count(), Country::all().count());
            assert_eq!(known, english, "{}: nothing that is no country", catalogue.lang());
            let own = *catalogue.lang() == Lang::english();
            assert!(if own { same == english } else { same < english / 2 }, "{}: {same}", catalogue.lang());
        }
        let german = shipped.get(&lang("de")).unwrap();
        assert_eq!(german.tell(&Said::new("country.AT")), "Österreich");
    }

    #[test]
    fn files_add_languages_and_replace_words() {
        let file = |tag: &str, text: &str| (lang(tag), format!("{tag}.toml"), text.to_owned());
        let files = [file("nl", "language = 'Nederlands'"), file("de", "[form]\noptional = '(muss nicht)'")];
        let all = Languages::with_files(&files, &[]).unwrap();
        assert_eq!(all.get(&lang("nl")).unwrap().tell(&Said::new("language")), "Nederlands");
        assert_eq!(all.get(&lang("nl")).unwrap().tell(&Said::new("form.optional")), "(optional)");
        assert_eq!(all.get(&lang("de")).unwrap().tell(&Said::new("form.optional")), "(muss nicht)");
        assert_eq!(all.get(&lang("de")).unwrap().tell(&Said::new("language")), "Deutsch");
        let some = Languages::with_files(&files, &[lang("nl"), lang("en")]).unwrap();
        assert_eq!((some.first().lang(), some.iter().count()), (&lang("nl"), 2));
        assert_eq!(some.for_browser("fr, en;q=0.5").lang(), &lang("en"));
        assert_eq!(some.for_browser("fr").lang(), &lang("nl"));
        assert_eq!(some.nearest(&lang("en-gb")).lang(), &lang("en"));
    }

    #[test]
    fn mistakes_are_told_by_file() {
        let files = [(lang("de"), "m/de.toml".to_owned(), "[form]\noptionl = 'x'".to_owned())];
        let told = Languages::with_files(&files, &[lang("xx")]).unwrap_err();
        assert_eq!((told[0].0.as_str(), told[0].1.line), ("m/de.toml", Some(2)));
        assert!(told[0].1.message.contains("form.optionl") && told[1].1.message.contains("xx.toml"), "{told:?}");
    }
}
