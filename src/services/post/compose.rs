//! The words of a mail that waits, with the links that only its person gets.

use super::Post;
use super::words::Words;
use crate::adapters::mail::Outgoing;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::Form;
use crate::domain::language::Lang;
use crate::domain::mail::{Mail, MailKind};
use crate::domain::markdown::Markdown;
use crate::domain::subscription::CONFIRM_WITHIN;
use crate::policy::Permit;
use crate::services::resources::{self, Offer};
use crate::services::{App, newsletter};
use crate::vault::{MailName, VaultError};

/// What comes of a mail that waits.
pub(super) enum Composed {
    /// It goes.
    Mail(Box<Outgoing>),
    /// Its person has withdrawn meanwhile.
    Withdrawn,
    /// It cannot be written now; the reason is for the log and names nobody.
    Not(String),
}

/// Writes it. `count` is how many arrivals it tells of.
pub(super) fn compose(app: &App, post: &Post, permit: &Permit, name: &MailName, mail: &Mail, count: usize) -> Composed {
    let written = write(app, post, permit, name, mail, count).and_then(|outgoing| {
        let Some(outgoing) = outgoing else { return Ok(None) };
        let id = app.vault.mail_id(permit, name).map_err(|error| error.to_string())?;
        Ok(Some(Outgoing { id: Some(id.to_string()), ..outgoing }))
    });
    match written {
        Ok(Some(outgoing)) => Composed::Mail(Box::new(outgoing)),
        Ok(None) => Composed::Withdrawn,
        Err(reason) => Composed::Not(reason),
    }
}

/// What is proposed to be written in a letter, in words of `lang`, and the subject of its mail. Without a mail server in the
/// shipped words.
pub(in crate::services) fn proposal(
    app: &App,
    form: &Form,
    kind: &str,
    lang: &Lang,
) -> Result<(String, String), String> {
    with_words(app, form, lang, |words, first, values| {
        let text = words.proposal(kind, lang, first, values)?;
        let mail = words.write(kind, lang, first, &"".into(), &[values, &[("text", "")][..]].concat(), "")?;
        Ok((mail.subject, text))
    })
}

/// A letter as it will be read in a mail: subject and text.
pub(in crate::services) fn written(
    app: &App,
    form: &Form,
    kind: &str,
    lang: &Lang,
    text: &str,
) -> Result<(String, SensitiveString), String> {
    with_words(app, form, lang, |words, first, values| {
        let mail = words.write(kind, lang, first, &"".into(), &[values, &[("text", text)][..]].concat(), "")?;
        Ok((mail.subject, mail.text))
    })
}

fn with_words<T>(
    app: &App,
    form: &Form,
    lang: &Lang,
    say: impl FnOnce(&Words, &Lang, &[(&str, &str)]) -> Result<T, String>,
) -> Result<T, String> {
    let (forms, languages) = (app.forms(), app.languages());
    let title = forms.get_in(&form.id, lang).map_or_else(|| form.title.clone(), |form| form.title.clone());
    let first = languages.first().lang();
    let (url, name) = match app.post() {
        Some(post) => (post.url.clone(), post.name.clone()),
        None => (app.origin().unwrap_or_default().to_owned(), String::new()),
    };
    let my = format!("{url}/my");
    let values = [("form", title.as_str()), ("my", my.as_str()), ("url", url.as_str()), ("name", name.as_str())];
    match app.post() {
        Some(post) => say(&post.words, first, &values),
        None => say(&Words::load(None)?, first, &values),
    }
}

fn write(
    app: &App,
    post: &Post,
    permit: &Permit,
    name: &MailName,
    mail: &Mail,
    count: usize,
) -> Result<Option<Outgoing>, String> {
    let told = |error: VaultError| error.to_string();
    let (forms, languages) = (app.forms(), app.languages());
    let first = languages.first().lang();
    // Words for the people inside are in the language of the installation.
    let own = || match mail.kind {
        MailKind::Arrived | MailKind::ArrivedFor(_) => None,
        _ => forms.get(&mail.form).map(|form| form.lang.clone()),
    };
    let lang = mail.lang.clone().or_else(own).unwrap_or_else(|| first.clone());
    let title = forms.get_in(&mail.form, &lang).map_or_else(|| mail.form.to_string(), |form| form.title.clone());
    let my = format!("{}/my", post.url);
    let count = count.to_string();
    let mut values =
        vec![("form", title.as_str()), ("my", &my), ("url", &post.url), ("name", &post.name), ("count", &count)];
    let kind = mail.kind.as_str();
    match mail.kind {
        MailKind::Received | MailKind::Answered | MailKind::Arrived | MailKind::ArrivedFor(_) => {
            post.words.write(kind, &lang, first, &mail.to, &values, "").map(Some)
        }
        MailKind::Invitation(_) | MailKind::Rejection(_) => {
            let text = app.vault.open_letter(permit, name, mail).map_err(told)?;
            values.push(("text", text.expose()));
            post.words.write(kind, &lang, first, &mail.to, &values, "").map(Some)
        }
        MailKind::Unlocked => {
            let form = app.forms().get(&mail.form).cloned().ok_or("its form is gone")?;
            let offers = resources::offers_by_mail(app, &form, name.record).map_err(|error| error.to_string())?;
            let line = |offer: &Offer| format!("{}\t{}/r/{}", offer.title, post.url, offer.token.expose());
            // One a line, title and address with a tab between them.
            let links = SensitiveString::from(offers.iter().map(line).collect::<Vec<_>>().join("\n").as_str());
            let until = offers.first().map_or_else(String::new, |offer| offer.until.to_string());
            values.extend([("links", links.expose()), ("until", until.get(..16).unwrap_or_default())]);
            post.words.write(kind, &lang, first, &mail.to, &values, "").map(Some)
        }
        MailKind::Confirm => {
            let Some(newsletter) = newsletter::of_form(app, &mail.form) else { return Ok(None) };
            let Some(token) = app.vault.confirmation_link(permit, name, &newsletter).map_err(told)? else {
                return Ok(None);
            };
            let link = format!("{}/f/{}/confirm/{}", post.url, mail.form, token.expose());
            let days = (CONFIRM_WITHIN.as_secs() / (24 * 60 * 60)).to_string();
            values.extend([("link", link.as_str()), ("days", &days)]);
            post.words.write(kind, &lang, first, &mail.to, &values, "").map(Some)
        }
        MailKind::Issue(id) => {
            let issue = newsletter::load_issue(app, &id).map_err(told)?;
            let Some(token) = app.vault.unsubscribe_link(permit, name, &issue.newsletter()).map_err(told)? else {
                return Ok(None);
            };
            let link = format!("{}/f/{}/unsubscribe/{}", post.url, mail.form, token.expose());
            let markdown = issue.markdown.as_deref().map(Markdown::parse).transpose().map_err(|e| e.to_string())?;
            values.extend([("link", link.as_str()), ("subject", issue.subject.trim()), ("text", issue.text.trim())]);
            let written = post.words.write(
                kind,
                &lang,
                first,
                &mail.to,
                &values,
                markdown.as_ref().map_or("", Markdown::html),
            )?;
            Ok(Some(Outgoing { unsubscribe: Some(link.as_str().into()), ..written }))
        }
    }
}
