//! The words of mails: two templates a mail, plain text and HTML, shipped and replaceable by files of the same name.
//!
//! The text begins with a line `Subject: …`. What is filled in is never read as a template, and is escaped in HTML.

use std::path::Path;

use minijinja::{AutoEscape, Environment};

use crate::adapters::mail::Outgoing;
use crate::base::sensitive::SensitiveString;
use crate::domain::language::Lang;

macro_rules! shipped {
    ($($lang:literal)* : $kinds:tt) => {
        [$(shipped!(@ $lang $kinds)),*]
    };
    (@ $lang:literal [$($kind:literal)*]) => {
        ($lang, [$(
            (concat!($kind, ".txt"), include_str!(concat!("../../../templates/mail/", $lang, "/", $kind, ".txt"))),
            (concat!($kind, ".html"), include_str!(concat!("../../../templates/mail/", $lang, "/", $kind, ".html"))),
        )*])
    };
}

/// By language.
const SHIPPED: [(&str, [(&str, &str); 20]); 3] = shipped!["en" "de" "fr" : [
    "received" "answered" "arrived" "unlocked" "referral" "link" "confirm" "issue" "invitation" "rejection"
]];
macro_rules! proposed {
    ($($lang:literal)*) => {
        [$(($lang, [
            ("invitation.proposal", include_str!(concat!("../../../templates/mail/", $lang, "/invitation.proposal"))),
            ("rejection.proposal", include_str!(concat!("../../../templates/mail/", $lang, "/rejection.proposal"))),
        ])),*]
    };
}
/// What is proposed to be written in letters, by language.
const PROPOSED: [(&str, [(&str, &str); 2]); 3] = proposed!["en" "de" "fr"];
/// What every language can fall back to.
const ENGLISH: &str = "en";
/// Where files stand that name no language.
const OWN: &str = "own";

/// All templates, read and checked: `LANGUAGE/NAME`.
pub(super) struct Words(Environment<'static>);

impl Words {
    /// The shipped templates, and over them those in `folder`: in folders of their language, or for the first language of the
    /// installation beside these.
    pub(super) fn load(folder: Option<&Path>) -> Result<Self, String> {
        let mut env = Environment::new();
        env.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        env.set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
        for (lang, templates) in SHIPPED {
            for (name, text) in templates {
                add(&mut env, &format!("{lang}/{name}"), text.to_owned(), name)?;
            }
        }
        for (lang, templates) in PROPOSED {
            for (name, text) in templates {
                add(&mut env, &format!("{lang}/{name}"), text.to_owned(), name)?;
            }
        }
        if let Some(folder) = folder {
            add_folder(&mut env, folder, OWN)?;
            let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| path.is_dir()) {
                let name = path.file_name().and_then(|name| name.to_str()).map(str::parse::<Lang>);
                if let Some(Ok(lang)) = name {
                    add_folder(&mut env, &path, lang.as_str())?;
                }
            }
        }
        let words = Self(env);
        // A name that a template should not use is found now, and not when a mail is to be sent.
        let values = [
            "form", "my", "url", "name", "link", "minutes", "who", "words", "links", "until", "count", "days",
            "subject", "text",
        ];
        // Of links, title and address.
        let values = values.map(|name| (name, if name == "links" { "x\tx" } else { "x" }));
        let all: Vec<String> = words.0.templates().map(|(name, _)| name.to_owned()).collect();
        for name in all {
            words.render(&name, &values, "")?;
        }
        Ok(words)
    }

    /// A mail in words of `lang`; where it has none, in those of `first`, the installation's language, or in English.
    /// `html` is filled in as `content`, as it is: it comes from where nothing but our own tags come from.
    pub(super) fn write(
        &self,
        kind: &str,
        lang: &Lang,
        first: &Lang,
        to: &SensitiveString,
        values: &[(&str, &str)],
        html: &str,
    ) -> Result<Outgoing, String> {
        let own = if lang == first { OWN } else { lang.as_str() };
        let pick = |ending: &str| {
            let places = [own, lang.as_str(), OWN, first.as_str(), ENGLISH];
            let names = places.iter().map(|place| format!("{place}/{kind}.{ending}"));
            let found = names.into_iter().find(|name| self.0.get_template(name).is_ok());
            self.render(&found.ok_or_else(|| format!("there is no template {kind}.{ending}"))?, values, html)
        };
        let text = pick("txt")?;
        let (subject, body) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(Outgoing {
            to: to.expose().into(),
            subject: subject.trim_start_matches("Subject:").trim().to_owned(),
            text: body.trim_start().into(),
            html: pick("html")?.into(),
            id: None,
            unsubscribe: None,
        })
    }

    /// What is proposed to be written in a letter, in the words that [`Words::write`] would choose.
    pub(super) fn proposal(
        &self,
        kind: &str,
        lang: &Lang,
        first: &Lang,
        values: &[(&str, &str)],
    ) -> Result<String, String> {
        let own = if lang == first { OWN } else { lang.as_str() };
        let places = [own, lang.as_str(), OWN, first.as_str(), ENGLISH];
        let names = places.iter().map(|place| format!("{place}/{kind}.proposal"));
        let found = names.into_iter().find(|name| self.0.get_template(name).is_ok());
        self.render(&found.ok_or_else(|| format!("there is no template {kind}.proposal"))?, values, "")
    }

    fn render(&self, name: &str, values: &[(&str, &str)], html: &str) -> Result<String, String> {
        let template = self.0.get_template(name).map_err(|error| error.to_string())?;
        let pairs = values.iter().map(|(name, value)| (*name, minijinja::Value::from(*value)));
        let pairs = pairs.chain([("content", minijinja::Value::from_safe_string(html.to_owned()))]);
        template.render(minijinja::Value::from_pairs(pairs)).map_err(|e| format!("{name}: {e}"))
    }
}

/// Adds the templates in `folder` that have the name of a shipped one.
fn add_folder(env: &mut Environment<'static>, folder: &Path, lang: &str) -> Result<(), String> {
    for (name, _) in SHIPPED[0].1.iter().chain(&PROPOSED[0].1) {
        let path = folder.join(name);
        if path.exists() {
            let place = path.display().to_string();
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{place}: {error}"))?;
            add(env, &format!("{lang}/{name}"), text, &place)?;
        }
    }
    Ok(())
}

fn add(env: &mut Environment<'static>, name: &str, text: String, place: &str) -> Result<(), String> {
    if name.ends_with(".txt") && !text.starts_with("Subject: ") {
        return Err(format!("{place}: expected a first line that begins with \"Subject: \""));
    }
    env.add_template_owned(name.to_owned(), text).map_err(|error| format!("{place}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn en() -> Lang {
        Lang::english()
    }

    #[test]
    fn values_are_filled_in_and_never_read_as_templates() {
        let words = Words::load(None).unwrap();
        let values =
            [("form", "{{ name }} <b>"), ("my", "https://example.org/my"), ("url", ""), ("name", "Example & Co")];
        let mail = words.write("received", &en(), &en(), &"jane@example.org".into(), &values, "").unwrap();
        assert_eq!(mail.subject, "We have received what you sent: {{ name }} <b>");
        assert!(mail.text.expose().contains("\"{{ name }} <b>\"") && mail.text.expose().contains("Example & Co"));
        let html = mail.html.expose();
        assert!(
            html.contains("{{ name }} &lt;b&gt;") && html.contains("Example &amp; Co") && !html.contains("<b>"),
            "{html}"
        );
        assert!(
            words.write("received", &en(), &en(), &"jane@example.org".into(), &[], "").is_err(),
            "a value that is missing"
        );
    }

    #[test]
    fn files_replace_the_shipped_words_and_mistakes_are_told_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("answered.txt");
        std::fs::write(&path, "Subject: Post for you\n\nSee {{ my }}\n").unwrap();
        let words = Words::load(Some(dir.path())).unwrap();
        let values = [("form", "F"), ("my", "M"), ("url", "U"), ("name", "N")];
        let mail = words.write("answered", &en(), &en(), &"a@example.org".into(), &values, "").unwrap();
        assert_eq!((mail.subject.as_str(), mail.text.expose()), ("Post for you", "See M"));
        for bad in ["Hello\n", "Subject: x\n{{ nothing }}", "Subject: x\n{% if %}"] {
            std::fs::write(&path, bad).unwrap();
            let told = Words::load(Some(dir.path())).err().unwrap();
            assert!(told.contains("answered.txt"), "{bad}: {told}");
        }
    }

    #[test]
    fn a_mail_speaks_the_language_of_its_reader_or_the_nearest_there_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("nl")).unwrap();
        std::fs::write(dir.path().join("nl/answered.txt"), "Subject: Antwoord\n\n{{ my }}\n").unwrap();
        std::fs::write(dir.path().join("answered.txt"), "Subject: Ours\n\n{{ my }}\n").unwrap();
        let words = Words::load(Some(dir.path())).unwrap();
        let values = [("form", "F"), ("my", "M"), ("url", "U"), ("name", "N")];
        let subject = |kind: &str, lang: &str, first: &str| {
            let (lang, first) = (lang.parse().unwrap(), first.parse().unwrap());
            words.write(kind, &lang, &first, &"a@example.org".into(), &values, "").unwrap().subject
        };
        assert_eq!(subject("answered", "de", "en"), "Eine Antwort für Sie: F");
        assert_eq!(subject("answered", "nl", "en"), "Antwoord");
        assert_eq!(subject("answered", "en", "en"), "Ours");
        assert_eq!(subject("answered", "xx", "de"), "Ours");
        assert_eq!(subject("received", "nl", "fr"), "Nous avons reçu votre envoi : F");
        assert_eq!(subject("received", "nl", "nl"), "We have received what you sent: F");
    }

    #[test]
    fn every_shipped_mail_is_in_every_shipped_language_and_says_so() {
        for (lang, templates) in SHIPPED {
            assert!(crate::domain::language::Languages::shipped().get(&lang.parse().unwrap()).is_some());
            for (name, text) in templates {
                let says = format!("<html lang=\"{lang}\">");
                assert!(name.ends_with(".txt") || text.contains(&says), "{lang}/{name}");
            }
        }
    }
}
