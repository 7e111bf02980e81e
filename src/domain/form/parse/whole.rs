//! The form as a whole: who reads it and why, its kind, and that whatever it names exists.

use std::ops::Range;

use toml::Spanned;

use super::fields::{MOST_FILES, consent, field, file_field};
use super::raw::{RawForm, RawNotice, RawUnlock};
use super::roles::{readers, some_of};
use super::routing::{labels, routes};
use super::site::site;
use super::{Mistake, NAME, Names, at, at_least_one, country, is_name, version_label, words};
use crate::base::config::is_region;
use crate::domain::consent::Consent;
use crate::domain::form::set::Library;
use crate::domain::form::{
    Announce, Field, FieldKind, FileField, Form, FormId, FormKind, LEGAL_BASIS, SUBJECT_REQUEST,
};
use crate::domain::language::Lang;
use crate::domain::notice::{Notice, NoticeText};
use crate::domain::resource::{BadResourceName, ResourceName, Unlock, UnlockBy};
use crate::domain::scan::Unscanned;
use crate::domain::staff::Role;
use crate::domain::subject::EmailAddress;

/// More than any form for people has, so that what is made of a form stays small.
const MOST_QUESTIONS: usize = 200;
/// Each is compared with all before it.
const MOST_PURPOSES: usize = 50;
/// Each gets a mail.
const MOST_ANNOUNCED: usize = 20;
/// Each has a link on one page.
const MOST_UNLOCKED: usize = 10;
/// Ten years.
const LONGEST_RETENTION: u32 = 3_660;
/// No person should have to wait longer for a form.
const LONGEST_WAIT: u32 = 60;
/// Fewest answers that a survey may tell about, and how many it waits for unless told.
const SMALLEST_K: u32 = 5;
const LARGEST_K: u32 = 1_000;

pub(super) fn build(mut raw: RawForm, library: &Library, lang: &Lang) -> Result<Form, Mistake> {
    let id = raw.id.get_ref().parse::<FormId>().map_err(|e| at(&raw.id, e.to_string()))?;
    at_least_one(&raw.version)?;
    at_least_one(&raw.retention_days)?;
    if *raw.retention_days.get_ref() > LONGEST_RETENTION {
        return Err(at(&raw.retention_days, format!("expected at most {LONGEST_RETENTION} days")));
    }
    let purposes = purposes(&raw.purposes)?;
    let roles = readers(&raw.roles, library.roles())?;
    let former_fields = raw.former_fields.as_ref().map(|raw| some_of(raw, &roles)).transpose()?;
    let announce = raw.announce.as_ref().map_or(Ok(Vec::new()), |raw| announce(raw, &roles))?;
    if let Some(region) = raw.region.as_ref().filter(|region| !is_region(region.get_ref())) {
        return Err(at(region, "expected a region of 1 to 32 lower-case letters, digits and hyphens"));
    }
    if let Some(seconds) = raw.min_seconds.as_ref().filter(|seconds| *seconds.get_ref() > LONGEST_WAIT) {
        return Err(at(seconds, format!("expected 0 to {LONGEST_WAIT} seconds")));
    }
    let min_seconds = raw.min_seconds.take().map(Spanned::into_inner);
    let country = raw.country.as_ref().map(country).transpose()?;
    let lang = match &raw.language {
        Some(tag) => &tag.get_ref().parse::<Lang>().map_err(|e| at(tag, e.to_string()))?,
        None => lang,
    };

    let mut names = Names::default();
    let place = raw.fields.span();
    let questions = raw.fields.get_ref().len() + raw.files.len() + raw.consents.len();
    if raw.fields.get_ref().is_empty() || questions > MOST_QUESTIONS {
        return Err(Mistake(place, format!("expected 1 to {MOST_QUESTIONS} fields, files and consents")));
    }
    let mut fields = Vec::new();
    for raw in std::mem::replace(&mut raw.fields, Spanned::new(place, Vec::new())).into_inner() {
        fields.push(field(raw, &fields, &roles, &mut names)?);
    }
    let mut most_files = MOST_FILES;
    let mut files = Vec::new();
    let file_place = raw.files.first().map(|file| file.name.span());
    for raw in std::mem::take(&mut raw.files) {
        files.push(file_field(raw, &roles, &mut names, &mut most_files)?);
    }
    let mut consents = Vec::new();
    for raw in std::mem::take(&mut raw.consents) {
        consents.push(consent(raw, &mut names, library, lang)?);
    }

    if let Some(subject) = &raw.subject
        && !is_address(&fields, subject.get_ref())
    {
        return Err(at(subject, "expected the name of a required field of kind \"email\" that is always shown"));
    }
    let kind = kind(&raw, &fields, &consents)?;
    if let (FormKind::Survey { .. }, Some(place)) = (&kind, file_place) {
        return Err(Mistake(place, "a survey takes no files: nobody reads its answers one by one".to_owned()));
    }
    if let (FormKind::Survey { .. }, Some(field)) = (&kind, fields.iter().find(|field| field.vacancies.is_some())) {
        let message =
            format!("a survey counts answers that stay the same: the field {} cannot take vacancies", field.name);
        return Err(Mistake(raw.id.span(), message));
    }
    let hidden_from_guests = hidden(std::mem::take(&mut raw.hidden_from_guests), &fields, &files)?;
    let site = site(&raw)?;
    let unlock_by = unlock_by(&raw)?;
    let routes = routes(std::mem::take(&mut raw.routes), &fields, &kind)?;
    Ok(Form {
        id,
        version: raw.version.into_inner(),
        lang: lang.clone(),
        title: words(raw.title)?,
        intro: raw.intro.trim().to_owned(),
        submit: words(raw.submit)?,
        kind,
        purposes,
        legal_basis: words(raw.legal_basis)?,
        roles,
        former_fields,
        retention_days: raw.retention_days.into_inner(),
        region: raw.region.map(Spanned::into_inner),
        announce,
        country,
        notice: notice(raw.notice, library, lang)?,
        min_seconds,
        proof_of_work: raw.proof_of_work,
        site,
        unscanned: raw.unscanned.as_ref().map(unscanned).transpose()?,
        subject: raw.subject.map(Spanned::into_inner),
        summary: summary(raw.summary, &fields)?,
        fields,
        files,
        consents,
        unlocks: unlocks(raw.unlocks, lang)?,
        unlock_by,
        labels: labels(raw.labels)?,
        acknowledge: raw.acknowledge.unwrap_or(true),
        hidden_from_guests,
        routes,
        _checked: (),
    })
}

fn unscanned(raw: &Spanned<String>) -> Result<Unscanned, Mistake> {
    let found = Unscanned::ALL.into_iter().find(|one| one.as_str() == raw.get_ref());
    found.ok_or_else(|| at(raw, "expected \"refuse\", \"hold\" or \"accept\""))
}

/// Whether `name` is a field that always holds an e-mail address.
fn is_address(fields: &[Field], name: &str) -> bool {
    let found = fields.iter().find(|field| field.name == name);
    found.is_some_and(|field| field.kind == FieldKind::Email && field.required && field.shown_when.is_none())
}

fn kind(raw: &RawForm, fields: &[Field], consents: &[Consent]) -> Result<FormKind, Mistake> {
    let name = raw.kind.as_ref().map_or("request", |kind| kind.get_ref().as_str());
    let place = raw.kind.as_ref().map_or_else(|| raw.id.span(), Spanned::span);
    for (key, place, of) in [
        ("k", raw.k.as_ref().map(Spanned::span), "survey"),
        ("texts", raw.texts.as_ref().map(Spanned::span), "survey"),
        ("public", raw.public.as_ref().map(Spanned::span), "board"),
        ("friend", raw.friend.as_ref().map(Spanned::span), "referral"),
        ("consent", raw.consent.as_ref().map(Spanned::span), "newsletter"),
    ] {
        if let Some(place) = place.filter(|_| name != of) {
            return Err(Mistake(place, format!("{key} is for forms of kind {of}; this one is of kind {name}")));
        }
    }
    match name {
        "request" => Ok(FormKind::Request),
        "application" => Ok(FormKind::Application),
        "board" => board(raw, fields, place),
        "survey" => survey(raw, fields),
        "referral" => {
            let expected = "expected friend = the name of a required field of kind \"email\" other than the subject";
            let friend = raw.friend.as_ref().ok_or_else(|| Mistake(place, expected.to_owned()))?;
            let subject = raw.subject.as_ref().is_some_and(|subject| subject.get_ref() == friend.get_ref());
            if subject || !is_address(fields, friend.get_ref()) {
                return Err(at(friend, expected));
            }
            Ok(FormKind::Referral { friend: friend.get_ref().clone() })
        }
        "newsletter" => {
            let expected = "expected consent = the name of the consent under which the newsletter is sent";
            let consent = raw.consent.as_ref().ok_or_else(|| Mistake(place.clone(), expected.to_owned()))?;
            if !consents.iter().any(|one| one.name == *consent.get_ref()) {
                return Err(at(consent, expected));
            }
            if raw.subject.is_none() {
                return Err(Mistake(
                    place,
                    "a newsletter needs subject = the field with the address it goes to".to_owned(),
                ));
            }
            Ok(FormKind::Newsletter { consent: consent.get_ref().clone() })
        }
        _ => Err(Mistake(place, format!("expected a kind out of {}", FormKind::NAMES.join(", ")))),
    }
}

/// Nobody reads a single answer, so there is nothing to list of one, and nobody to open a file.
fn survey(raw: &RawForm, fields: &[Field]) -> Result<FormKind, Mistake> {
    let k = match &raw.k {
        None => SMALLEST_K,
        Some(k) if (SMALLEST_K..=LARGEST_K).contains(k.get_ref()) => *k.get_ref(),
        Some(k) => return Err(at(k, format!("expected {SMALLEST_K} to {LARGEST_K}"))),
    };
    if let Some(name) = raw.summary.first() {
        return Err(at(name, "a survey has no summary: nobody reads its answers one by one"));
    }
    Ok(FormKind::Survey { k, texts: texts(raw.texts.as_ref(), fields)? })
}

/// What everybody reads is text that was typed to be read; never an address or a number.
fn board(raw: &RawForm, fields: &[Field], place: Range<usize>) -> Result<FormKind, Mistake> {
    let expected = "expected public = the names of the text fields that everybody reads: first the required one with the \
                    author's name, last the required one with the comment";
    let public = texts(raw.public.as_ref(), fields)?;
    let is_required = |name: Option<&String>| {
        fields.iter().any(|field| Some(&field.name) == name && field.required && field.shown_when.is_none())
    };
    if public.len() < 2 || !is_required(public.first()) || !is_required(public.last()) {
        return Err(raw
            .public
            .as_ref()
            .map_or_else(|| Mistake(place, expected.to_owned()), |public| at(public, expected)));
    }
    for name in raw.public.iter().flat_map(|names| names.get_ref()) {
        if fields.iter().any(|field| field.name == *name.get_ref() && field.seen_by.is_some()) {
            return Err(at(name, "everybody reads this field: it cannot have roles of its own"));
        }
    }
    Ok(FormKind::Board { public })
}

/// The names of text fields.
fn texts(raw: Option<&Spanned<Vec<Spanned<String>>>>, fields: &[Field]) -> Result<Vec<String>, Mistake> {
    let mut out = Vec::new();
    for name in raw.iter().flat_map(|names| names.get_ref()) {
        let field = fields.iter().find(|field| field.name == *name.get_ref());
        let is_text = field.is_some_and(|field| matches!(field.kind, FieldKind::ShortText(_) | FieldKind::LongText(_)));
        if !is_text || out.contains(name.get_ref()) {
            return Err(at(name, "expected the name of a field of kind \"short-text\" or \"long-text\", each once"));
        }
        out.push(name.get_ref().clone());
    }
    Ok(out)
}

fn notice(raw: Spanned<RawNotice>, library: &Library, lang: &Lang) -> Result<Notice, Mistake> {
    let place = raw.span();
    match raw.into_inner() {
        RawNotice::Named(name) => library.notice(&name).cloned().ok_or_else(|| {
            Mistake(place, "expected the name of a file in notices/, without its ending, or a table".to_owned())
        }),
        RawNotice::Inline(raw) => Ok(Notice {
            name: None,
            version: version_label(raw.version)?,
            review_by: None,
            text: NoticeText::Plain(words(raw.text)?),
            lang: lang.clone(),
            translated: false,
        }),
    }
}

fn unlocks(raw: Vec<RawUnlock>, lang: &Lang) -> Result<Vec<Unlock>, Mistake> {
    let mut out: Vec<Unlock> = Vec::new();
    for raw in raw {
        let file =
            raw.file.get_ref().parse::<ResourceName>().map_err(|e: BadResourceName| at(&raw.file, e.to_string()))?;
        if out.iter().any(|one| one.file == file) {
            return Err(at(&raw.file, format!("the file {file} is unlocked twice")));
        }
        if out.len() == MOST_UNLOCKED {
            return Err(at(&raw.file, format!("expected at most {MOST_UNLOCKED} files")));
        }
        out.push(Unlock { file, title: words(raw.title)?, lang: lang.clone() });
    }
    Ok(out)
}

fn unlock_by(raw: &RawForm) -> Result<UnlockBy, Mistake> {
    let Some(by) = &raw.unlock_by else { return Ok(UnlockBy::Page) };
    if raw.unlocks.is_empty() {
        return Err(at(by, "unlock_by is for forms with unlocks; this one has none"));
    }
    match by.get_ref().as_str() {
        "page" => Ok(UnlockBy::Page),
        "mail" if raw.subject.is_none() => {
            Err(at(by, "to unlock by mail, the form needs subject = the field with the address that it goes to"))
        }
        "mail" => Ok(UnlockBy::Mail),
        _ => Err(at(by, "expected \"page\" or \"mail\"")),
    }
}

fn summary(raw: Vec<Spanned<String>>, fields: &[Field]) -> Result<Vec<String>, Mistake> {
    let mut out = Vec::new();
    for name in raw {
        if !fields.iter().any(|field| field.name == *name.get_ref()) || out.contains(name.get_ref()) {
            return Err(at(&name, "expected the name of a field of this form, each once"));
        }
        out.push(name.into_inner());
    }
    Ok(out)
}

fn hidden(raw: Vec<Spanned<String>>, fields: &[Field], files: &[FileField]) -> Result<Vec<String>, Mistake> {
    let mut out = Vec::new();
    for name in raw {
        let known = |text: &str| fields.iter().any(|one| one.name == text) || files.iter().any(|one| one.name == text);
        if !known(name.get_ref()) || out.contains(name.get_ref()) {
            return Err(at(&name, "expected the name of a field or of files of this form, each once"));
        }
        out.push(name.into_inner());
    }
    Ok(out)
}

fn purposes(raw: &Spanned<Vec<Spanned<String>>>) -> Result<Vec<String>, Mistake> {
    if raw.get_ref().len() > MOST_PURPOSES {
        return Err(at(raw, format!("expected at most {MOST_PURPOSES} purposes")));
    }
    let mut out = Vec::new();
    for purpose in raw.get_ref() {
        if !is_name(purpose.get_ref()) || out.contains(purpose.get_ref()) {
            return Err(at(purpose, format!("expected a purpose of its own: {NAME}")));
        }
        if purpose.get_ref() == SUBJECT_REQUEST {
            return Err(at(purpose, "subject-request holds for every form and is not listed"));
        }
        if purpose.get_ref() == LEGAL_BASIS {
            return Err(at(purpose, "legal-basis is what two people agree on for one person, and is not listed"));
        }
        out.push(purpose.get_ref().clone());
    }
    if out.is_empty() { Err(at(raw, "expected at least one purpose, for example \"recruitment\"")) } else { Ok(out) }
}

fn announce(raw: &Spanned<Vec<Spanned<String>>>, roles: &[Role]) -> Result<Vec<Announce>, Mistake> {
    if raw.get_ref().len() > MOST_ANNOUNCED {
        return Err(at(raw, format!("expected at most {MOST_ANNOUNCED} roles and addresses")));
    }
    let mut out = Vec::new();
    for name in raw.get_ref() {
        let one = if name.get_ref().contains('@') {
            let address = EmailAddress::parse(name.get_ref()).map_err(|e| at(name, e.to_string()))?;
            Announce::Address(address.canonical().to_owned())
        } else {
            let role = name.get_ref().parse::<Role>().ok().filter(|role| roles.contains(role));
            Announce::Role(role.ok_or_else(|| at(name, "expected an e-mail address, or a role that reads the form"))?)
        };
        if out.contains(&one) {
            return Err(at(name, "expected each role and address once"));
        }
        out.push(one);
    }
    Ok(out)
}
