//! The text of a form file.

use letterlock::domain::form::{Announce, Field, FieldKind, FileField, Form, FormKind, Wanted, check as read};
use letterlock::domain::notice::NoticeText;
use letterlock::domain::resource::Unlock;
use letterlock::policy::Role;

use super::Seam;

/// Longest message about a mistake, in bytes.
const LONGEST_MESSAGE: usize = 400;

/// What is a form means the same once it is written anew; what is none is told in one plain line that names a line of the
/// text.
pub fn check(data: &[u8], seam: Seam) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let form = match read(text, "f.toml") {
        Ok(form) => form,
        Err(error) => {
            let lines = text.split('\n').count();
            assert!(error.line.is_some_and(|line| (1..=lines).contains(&line)), "no line: {error:?}");
            assert!(
                !error.message.is_empty() && error.message.len() <= LONGEST_MESSAGE,
                "{} bytes",
                error.message.len()
            );
            assert!(!error.message.contains(char::is_control), "control characters: {error:?}");
            return;
        }
    };
    let mut written = write(&form).into_bytes();
    let twice = [b"notice = { version = \"1\", text = \"t\" }\n", &written[..]].concat();
    let twice = read(std::str::from_utf8(&twice).unwrap(), "f.toml");
    assert!((seam.refused)(twice.is_err()), "a table that stands there twice is taken");
    (seam.written)(&mut written);
    let again =
        read(std::str::from_utf8(&written).unwrap(), "f.toml").expect("what was a form is one when written anew");
    assert_eq!(again, form);
}

/// Whether it is a form.
pub fn understood(data: &[u8]) -> bool {
    std::str::from_utf8(data).is_ok_and(|text| read(text, "f.toml").is_ok())
}

fn write(form: &Form) -> String {
    let list = |items: Vec<String>| format!("[{}]", items.join(", "));
    let names = |items: &[String]| list(items.iter().map(|item| quote(item)).collect());
    let mut out = format!(
        "id = {}\nversion = {}\ntitle = {}\nintro = {}\nsubmit = {}\nkind = {}\npurposes = {}\nlegal_basis = {}\n\
         roles = {}\nretention_days = {}\nsummary = {}\n",
        quote(form.id.as_str()),
        form.version,
        quote(&form.title),
        quote(&form.intro),
        quote(&form.submit),
        quote(form.kind.as_str()),
        names(&form.purposes),
        quote(&form.legal_basis),
        list(form.roles.iter().map(|role| quote(role.as_str())).collect()),
        form.retention_days,
        names(&form.summary),
    );
    if let Some(roles) = &form.former_fields {
        out += &format!("former_fields = {}\n", write_roles(roles));
    }
    if let Some(subject) = &form.subject {
        out += &format!("subject = {}\n", quote(subject));
    }
    match &form.kind {
        FormKind::Survey { k, texts } => out += &format!("k = {k}\ntexts = {}\n", names(texts)),
        FormKind::Referral { friend } => out += &format!("friend = {}\n", quote(friend)),
        FormKind::Newsletter { consent } => out += &format!("consent = {}\n", quote(consent)),
        FormKind::Board { public } => out += &format!("public = {}\n", names(public)),
        FormKind::Request | FormKind::Application => {}
    }
    if let Some(region) = &form.region {
        out += &format!("region = {}\n", quote(region));
    }
    if let Some(country) = form.country {
        out += &format!("country = {}\n", quote(country.code()));
    }
    if let Some(seconds) = form.min_seconds {
        out += &format!("min_seconds = {seconds}\n");
    }
    out += &format!("proof_of_work = {}\nreturn_at_once = {}\n", form.proof_of_work, form.site.return_at_once);
    out += &format!("origins = {}\n", list(form.site.origins.iter().map(|origin| quote(origin.as_str())).collect()));
    out += &format!("return_to = {}\n", list(form.site.return_to.iter().map(|rule| quote(rule.as_str())).collect()));
    if let Some(thanks) = &form.site.thanks {
        out += &format!("thanks = {}\n", quote(thanks.as_str()));
    }
    let announced = form.announce.iter().map(|one| match one {
        Announce::Role(role) => quote(role.as_str()),
        Announce::Address(address) => quote(address),
    });
    out += &format!("announce = {}\n", list(announced.collect()));
    if !form.unlocks.is_empty() {
        let one =
            |unlock: &Unlock| format!("{{ file = {}, title = {} }}", quote(unlock.file.as_str()), quote(&unlock.title));
        out += &format!("unlocks = {}\n", list(form.unlocks.iter().map(one).collect()));
        out += &format!("unlock_by = {}\n", quote(form.unlock_by.as_str()));
    }
    match (&form.notice.name, &form.notice.text) {
        (Some(name), _) => out += &format!("notice = {}\n", quote(name)),
        (None, NoticeText::Plain(text)) => {
            out += &format!("[notice]\nversion = {}\ntext = {}\n", quote(&form.notice.version), quote(text));
        }
        (None, NoticeText::Markdown(_)) => panic!("Markdown without a file"),
    }
    form.fields.iter().for_each(|field| out += &write_field(field));
    form.files.iter().for_each(|file| out += &write_file(file));
    for consent in &form.consents {
        out += &format!("[[consents]]\nname = {}\n", quote(&consent.name));
        out += &match &consent.file {
            Some(file) => format!("words = {}\n", quote(file)),
            None => {
                format!("wording = {}\nversion = {}\n", quote(&consent.wording), quote(&consent.version))
            }
        };
    }
    out
}

fn write_field(field: &Field) -> String {
    let mut out = format!(
        "[[fields]]\nname = {}\nlabel = {}\nhelp = {}\nrequired = {}\nkind = \"{}\"\n",
        quote(&field.name),
        quote(&field.label),
        quote(&field.help),
        field.required,
        field.kind.as_str(),
    );
    match &field.kind {
        FieldKind::ShortText(rules) | FieldKind::LongText(rules) => {
            out += &format!("min_length = {}\nmax_length = {}\n", rules.length.min, rules.length.max);
            if let Some(pattern) = &rules.pattern {
                out += &format!("pattern = {}\npattern_help = {}\n", quote(pattern.source()), quote(pattern.help()));
            }
        }
        FieldKind::Choices(many) => out += &format!("min_picked = {}\nmax_picked = {}\n", many.min, many.max),
        FieldKind::Number(range) => {
            out += &format!("decimals = {}\n", range.decimals);
            out += &range.min.map(|n| format!("min = {n}\n")).unwrap_or_default();
            out += &range.max.map(|n| format!("max = {n}\n")).unwrap_or_default();
        }
        FieldKind::Date(range) => {
            out += &range.earliest.map(|day| format!("earliest = {day}\n")).unwrap_or_default();
            out += &range.latest.map(|day| format!("latest = {day}\n")).unwrap_or_default();
        }
        FieldKind::Rating(rating) => {
            let (low, high) = (quote(&rating.low), quote(&rating.high));
            out += &format!("scale = {}\nlow = {low}\nhigh = {high}\n", rating.scale);
        }
        FieldKind::Phone(Some(country)) | FieldKind::PostalAddress(Some(country)) => {
            out += &format!("country = {}\n", quote(country.code()));
        }
        _ => {}
    }
    if !field.kind.options().is_empty() {
        let option = |value: &str, label: &str| format!("{{ value = {}, label = {} }}", quote(value), quote(label));
        let options: Vec<String> = field.kind.options().iter().map(|o| option(&o.value, &o.label)).collect();
        out += &format!("options = [{}]\n", options.join(", "));
    }
    if let Some(when) = &field.shown_when {
        let answer = |wanted: &Wanted| match wanted {
            Wanted::Box(ticked) => ticked.to_string(),
            Wanted::Mark(mark) => mark.to_string(),
            Wanted::Option(value) => quote(value),
        };
        let answers: Vec<String> = when.is.iter().map(answer).collect();
        out += &format!("shown_when = {{ field = {}, is = [{}] }}\n", quote(&when.field), answers.join(", "));
    }
    if let Some(token) = &field.autocomplete {
        out += &format!("autocomplete = {}\n", quote(token));
    }
    if let Some(roles) = &field.seen_by {
        out += &format!("roles = {}\n", write_roles(roles));
    }
    out
}

fn write_roles(roles: &[Role]) -> String {
    let names: Vec<String> = roles.iter().map(|role| quote(role.as_str())).collect();
    format!("[{}]", names.join(", "))
}

fn write_file(file: &FileField) -> String {
    let kinds: Vec<String> = file.kinds.iter().map(|kind| quote(kind.extension())).collect();
    let roles = file.seen_by.as_ref().map(|roles| format!("roles = {}\n", write_roles(roles))).unwrap_or_default();
    format!(
        "[[files]]\nname = {}\nlabel = {}\nhelp = {}\nrequired = {}\nmax_bytes = {}\nmax_files = {}\nkinds = [{}]\n{roles}",
        quote(&file.name),
        quote(&file.label),
        quote(&file.help),
        file.required,
        file.max_bytes,
        file.max_files,
        kinds.join(", "),
    )
}

/// A basic string of TOML with everything escaped that could have a meaning.
fn quote(text: &str) -> String {
    let escape = |c: char| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}
