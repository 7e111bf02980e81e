//! The words of mails: two templates a mail, plain text and HTML, shipped and replaceable by files of the same name.
//!
//! The text begins with a line `Subject: …`. What is filled in is never read as a template, and is escaped in HTML.

use std::path::Path;

use minijinja::{AutoEscape, Environment};

use crate::adapters::mail::Outgoing;
use crate::base::sensitive::SensitiveString;

const SHIPPED: [(&str, &str); 16] = [
    ("received.txt", include_str!("../../../templates/mail/received.txt")),
    ("received.html", include_str!("../../../templates/mail/received.html")),
    ("answered.txt", include_str!("../../../templates/mail/answered.txt")),
    ("answered.html", include_str!("../../../templates/mail/answered.html")),
    ("arrived.txt", include_str!("../../../templates/mail/arrived.txt")),
    ("arrived.html", include_str!("../../../templates/mail/arrived.html")),
    ("unlocked.txt", include_str!("../../../templates/mail/unlocked.txt")),
    ("unlocked.html", include_str!("../../../templates/mail/unlocked.html")),
    ("referral.txt", include_str!("../../../templates/mail/referral.txt")),
    ("referral.html", include_str!("../../../templates/mail/referral.html")),
    ("link.txt", include_str!("../../../templates/mail/link.txt")),
    ("link.html", include_str!("../../../templates/mail/link.html")),
    ("confirm.txt", include_str!("../../../templates/mail/confirm.txt")),
    ("confirm.html", include_str!("../../../templates/mail/confirm.html")),
    ("issue.txt", include_str!("../../../templates/mail/issue.txt")),
    ("issue.html", include_str!("../../../templates/mail/issue.html")),
];

/// All templates, read and checked.
pub(super) struct Words(Environment<'static>);

impl Words {
    /// The shipped templates, and over them those in `folder`.
    pub(super) fn load(folder: Option<&Path>) -> Result<Self, String> {
        let mut env = Environment::new();
        env.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        env.set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
        for (name, shipped) in SHIPPED {
            let own = folder.map(|folder| folder.join(name)).filter(|path| path.exists());
            let text = match &own {
                Some(path) => std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?,
                None => shipped.to_owned(),
            };
            let place = own.map_or_else(|| name.to_owned(), |path| path.display().to_string());
            if name.ends_with(".txt") && !text.starts_with("Subject: ") {
                return Err(format!("{place}: expected a first line that begins with \"Subject: \""));
            }
            env.add_template_owned(name, text).map_err(|error| format!("{place}: {error}"))?;
        }
        let words = Self(env);
        // A name that the template should not use is found now, and not when a mail is to be sent.
        let values = [
            "form", "my", "url", "name", "link", "minutes", "who", "words", "links", "until", "count", "days",
            "subject", "text",
        ];
        // Of links, title and address.
        let values = values.map(|name| (name, if name == "links" { "x\tx" } else { "x" }));
        for kind in ["received", "answered", "arrived", "link", "referral", "unlocked", "confirm", "issue"] {
            words.write(kind, &"a@example.org".into(), &values, "")?;
        }
        Ok(words)
    }

    /// A mail in words. `html` is filled in as `content`, as it is: it comes from where nothing but our own tags come from.
    pub(super) fn write(
        &self,
        kind: &str,
        to: &SensitiveString,
        values: &[(&str, &str)],
        html: &str,
    ) -> Result<Outgoing, String> {
        let render = |name: &str| {
            let template = self.0.get_template(name).map_err(|error| error.to_string())?;
            template
                .render(minijinja::Value::from_pairs(
                    values
                        .iter()
                        .map(|(name, value)| (*name, minijinja::Value::from(*value)))
                        .chain([("content", minijinja::Value::from_safe_string(html.to_owned()))]),
                ))
                .map_err(|e| format!("{name}: {e}"))
        };
        let text = render(&format!("{kind}.txt"))?;
        let (subject, body) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(Outgoing {
            to: to.expose().into(),
            subject: subject.trim_start_matches("Subject:").trim().to_owned(),
            text: body.trim_start().into(),
            html: render(&format!("{kind}.html"))?.into(),
            id: None,
            unsubscribe: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filled_in_and_never_read_as_templates() {
        let words = Words::load(None).unwrap();
        let values =
            [("form", "{{ name }} <b>"), ("my", "https://example.org/my"), ("url", ""), ("name", "Example & Co")];
        let mail = words.write("received", &"jane@example.org".into(), &values, "").unwrap();
        assert_eq!(mail.subject, "We have received what you sent: {{ name }} <b>");
        assert!(mail.text.expose().contains("\"{{ name }} <b>\"") && mail.text.expose().contains("Example & Co"));
        let html = mail.html.expose();
        assert!(
            html.contains("{{ name }} &lt;b&gt;") && html.contains("Example &amp; Co") && !html.contains("<b>"),
            "{html}"
        );
        assert!(words.write("received", &"jane@example.org".into(), &[], "").is_err(), "a value that is missing");
    }

    #[test]
    fn files_replace_the_shipped_words_and_mistakes_are_told_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("answered.txt");
        std::fs::write(&path, "Subject: Post for you\n\nSee {{ my }}\n").unwrap();
        let words = Words::load(Some(dir.path())).unwrap();
        let values = [("form", "F"), ("my", "M"), ("url", "U"), ("name", "N")];
        let mail = words.write("answered", &"a@example.org".into(), &values, "").unwrap();
        assert_eq!((mail.subject.as_str(), mail.text.expose()), ("Post for you", "See M"));
        for bad in ["Hello\n", "Subject: x\n{{ nothing }}", "Subject: x\n{% if %}"] {
            std::fs::write(&path, bad).unwrap();
            let told = Words::load(Some(dir.path())).err().unwrap();
            assert!(told.contains("answered.txt"), "{bad}: {told}");
        }
    }
}
