//! The language of an answer: chosen by a link, else by the browser, else the installation's first.
//!
//! A choice needs no cookie: it stands as `?lang=` in the address, and the links and forms of a page carry it on.

use std::convert::Infallible;
use std::fmt::{self, Display};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, Uri, header};

use super::extract::urlencoded;
use crate::base::clock::Timestamp;
use crate::domain::country::Country;
use crate::domain::language::{Arg, Catalogue, Lang, Languages, Said};
use crate::domain::operator::Operator;

/// The query parameter of a choice.
pub(super) const LANG: &str = "lang";
/// Parameters of a query that are looked at.
const MOST: usize = 32;

/// What one request is answered in.
#[derive(Clone, Debug)]
pub(super) struct Speech {
    languages: Arc<Languages>,
    operator: Arc<Operator>,
    words: Arc<Catalogue>,
    /// By a link, and not by the browser.
    chosen: bool,
    /// Where the same page is found in another language; `None` for a page that is there only once.
    place: Option<String>,
}

impl Default for Speech {
    /// English, as programs get it that ask for nothing.
    fn default() -> Self {
        let languages = Languages::shipped();
        let words = languages.first().clone();
        Self { languages: languages.clone(), operator: Arc::default(), words, chosen: false, place: None }
    }
}

/// A language to change to.
pub(super) struct Switch {
    pub(super) tag: String,
    pub(super) name: String,
    pub(super) url: String,
    /// Whether the page is in it already.
    pub(super) current: bool,
}

impl Speech {
    /// The language of a request. `known` says that the address is one of ours.
    pub(super) fn choose(
        languages: &Arc<Languages>,
        operator: &Arc<Operator>,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        known: bool,
    ) -> Self {
        let pairs = urlencoded::parse(uri.query().unwrap_or("").as_bytes(), MOST).unwrap_or_default();
        let asked = pairs.into_iter().find(|(name, _)| name == LANG).and_then(|(_, tag)| tag.parse::<Lang>().ok());
        let chosen = asked.and_then(|lang| languages.get(&lang));
        let accepted = || {
            let lines: Vec<&str> =
                headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok()).collect();
            languages.for_browser(&lines.join(","))
        };
        let read = method == Method::GET || method == Method::HEAD;
        // What an unknown address looks like is up to whoever wrote it: it may begin with two slashes and lead elsewhere.
        let place = read.then(|| if known { uri.path().to_owned() } else { "/".to_owned() });
        Self {
            words: chosen.unwrap_or_else(accepted).clone(),
            languages: languages.clone(),
            operator: operator.clone(),
            chosen: chosen.is_some(),
            place,
        }
    }

    /// The language of the request that these belong to.
    pub(super) fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// The language.
    pub(super) fn lang(&self) -> &Lang {
        self.words.lang()
    }

    /// The language of whoever asks for none that is offered.
    pub(super) fn first(&self) -> Option<&Lang> {
        Some(self.languages.first().lang())
    }

    /// Who runs the service.
    pub(super) fn operator(&self) -> &Operator {
        &self.operator
    }

    /// Whom to tell of something that is broken, in a sentence.
    pub(super) fn whom_to_ask(&self) -> String {
        let Operator { name, email, phone, .. } = self.operator();
        let known: Vec<&str> = [name, email, phone].into_iter().flatten().map(String::as_str).collect();
        match known.as_slice() {
            [] => self.say("page.tell-them"),
            known => self.fill("page.tell-us").with("contact", known.join(", ")).to_string(),
        }
    }

    /// Whether there is a message of this key.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.words.has(key)
    }

    /// The message of this key, which has no placeholders.
    pub(super) fn say(&self, key: &'static str) -> String {
        self.words.tell(&Said::new(key))
    }

    /// The message of this key, to be filled in.
    pub(super) fn fill(&self, key: &'static str) -> Filled<'_> {
        Filled { words: &self.words, said: Said::new(key) }
    }

    /// The name of a country.
    pub(super) fn country(&self, country: Country) -> String {
        self.tell(&Said::of(format!("country.{}", country.code())))
    }

    /// What is said, in words.
    pub(super) fn tell(&self, said: &Said) -> String {
        self.words.tell(said)
    }

    /// What is said, as a sentence by itself.
    pub(super) fn sentence(&self, said: &Said) -> String {
        capital(&self.tell(said))
    }

    /// As [`Speech::sentence`], for a page: a sentence that there is in English only gives way to `instead`.
    pub(super) fn translated(&self, said: &Said, instead: &Said) -> String {
        let english = said.key().is_none() && *self.lang() != Lang::english();
        self.sentence(if english { instead } else { said })
    }

    /// The words before and after the placeholder `name`.
    pub(super) fn around(&self, key: &'static str, name: &'static str) -> (String, String) {
        self.words.around(key, name)
    }

    /// A message that depends on a number.
    pub(super) fn count(&self, key: &'static str, n: u64) -> String {
        self.words.tell(&Said::new(key).with("n", n))
    }

    /// A number of bytes.
    pub(super) fn size(&self, bytes: u64) -> String {
        self.words.tell(&Said::size(bytes))
    }

    /// A time to the minute, which is what a person wants to read.
    pub(super) fn time(&self, time: Timestamp) -> String {
        let text = time.to_string();
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or("").to_owned();
        let said = Said::new("time.minute").with("year", part(0, 4)).with("month", part(5, 7)).with("day", part(8, 10));
        self.tell(&said.with("hour", part(11, 13)).with("minute", part(14, 16)))
    }

    /// The address of a page of ours, with the choice of a language if there was one.
    pub(super) fn link(&self, path: &str) -> String {
        if !self.chosen {
            return path.to_owned();
        }
        let (path, fragment) =
            path.split_once('#').map_or((path, String::new()), |(path, at)| (path, format!("#{at}")));
        let sign = if path.contains('?') { '&' } else { '?' };
        format!("{path}{sign}{LANG}={}{fragment}", self.lang())
    }

    /// As [`Speech::link`], with a part that varies.
    pub(super) fn path(&self, before: &str, part: impl Display, after: &str) -> String {
        self.link(&format!("{before}{part}{after}"))
    }

    /// The tag of words in another language than the page's, for a `lang` attribute.
    pub(super) fn foreign<'a>(&self, lang: &'a Lang) -> Option<&'a Lang> {
        Some(lang).filter(|lang| *lang != self.lang())
    }

    /// A `lang` attribute for words in another language than the page's; nothing for words in its own.
    pub(super) fn mark(&self, lang: &Lang) -> String {
        // A tag holds letters, digits and hyphens only.
        self.foreign(lang).map_or_else(String::new, |lang| format!(" lang=\"{lang}\""))
    }

    /// The languages to change to; none where the page is there only once, or where there is no other.
    pub(super) fn switches(&self) -> Vec<Switch> {
        let Some(place) = &self.place else { return Vec::new() };
        let switch = |words: &Arc<Catalogue>| Switch {
            tag: words.lang().to_string(),
            name: words.tell(&Said::new("language")),
            url: format!("{place}?{LANG}={}", words.lang()),
            current: words.lang() == self.lang(),
        };
        let all: Vec<Switch> = self.languages.iter().map(switch).collect();
        if all.len() > 1 { all } else { Vec::new() }
    }

    /// What says to caches and programs which language an answer is in, and that it depends on the question.
    pub(super) fn label(&self, headers: &mut HeaderMap) {
        if let Ok(tag) = HeaderValue::from_str(self.lang().as_str()) {
            headers.insert(header::CONTENT_LANGUAGE, tag);
        }
        vary(headers);
    }
}

/// Says that an answer depends on the language that is asked for.
pub(super) fn vary(headers: &mut HeaderMap) {
    let there = headers.get_all(header::VARY).iter().any(|value| value == "accept-language");
    if !there {
        headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Speech {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

/// A message being filled in.
pub(super) struct Filled<'a> {
    words: &'a Catalogue,
    said: Said,
}

impl Filled<'_> {
    /// With these words at the placeholder `name`.
    pub(super) fn with(self, name: &'static str, words: impl Display) -> Self {
        let said = self.said.with(name, Arg::Text(words.to_string()));
        Self { said, ..self }
    }
}

impl Display for Filled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.tell(&self.said))
    }
}

/// With a capital letter at the beginning.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speech(uri: &str, accepted: &str, known: bool) -> Speech {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
        Speech::choose(Languages::shipped(), &Arc::default(), &Method::GET, &uri.parse().unwrap(), &headers, known)
    }

    #[test]
    fn a_choice_comes_before_what_the_browser_wants_and_is_carried_on() {
        let by_browser = speech("/f/survey", "de-AT, en;q=0.5", true);
        assert_eq!((by_browser.lang().as_str(), by_browser.link("/my")), ("de", "/my".to_owned()));
        let chosen = speech("/f/survey?x=1&lang=fr", "de", true);
        assert_eq!(chosen.lang().as_str(), "fr");
        assert_eq!(chosen.link("/my"), "/my?lang=fr");
        assert_eq!(chosen.link("/my?a=b#c"), "/my?a=b&lang=fr#c");
        for other in ["/?lang=xx", "/?lang=", "/?lang=%22%3E", "/?lang=de;fr"] {
            assert_eq!(
                (speech(other, "fr", true).lang().as_str(), speech(other, "fr", true).chosen),
                ("fr", false),
                "{other}"
            );
        }
        assert_eq!(speech("/", "xx", true).lang().as_str(), "en");
    }

    #[test]
    fn a_page_can_be_changed_to_another_language_where_it_stands() {
        let urls = |speech: Speech| speech.switches().into_iter().map(|switch| switch.url).collect::<Vec<_>>();
        assert_eq!(urls(speech("/f/survey?lang=de", "", true))[0], "/f/survey?lang=en");
        // Nobody can have a link made that leads elsewhere.
        assert!(urls(speech("//evil.example/x", "", false)).iter().all(|url| url.starts_with("/?lang=")));
        let posted = Speech::choose(
            Languages::shipped(),
            &Arc::default(),
            &Method::POST,
            &Uri::from_static("/my"),
            &HeaderMap::new(),
            true,
        );
        assert!(posted.switches().is_empty());
    }

    #[test]
    fn times_read_well() {
        let time = Timestamp::from_millis(1_764_090_480_000);
        assert_eq!(speech("/", "en", true).time(time), "2025-11-25 at 17:08 UTC");
        assert_eq!(speech("/", "de", true).time(time), "25.11.2025 um 17:08 Uhr (UTC)");
    }
}
