//! The text of a form file.

use letterlock::domain::form::{Field, FieldKind, FileField, Form, check as read};

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
    let twice = [&written[..], b"\n[notice]\nversion = \"1\"\ntext = \"t\"\n"].concat();
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
    let kind = serde_json::to_string(&form.kind).unwrap();
    let mut out = format!(
        "id = {}\nversion = {}\ntitle = {}\nintro = {}\nsubmit = {}\nkind = {kind}\npurposes = {}\nlegal_basis = {}\n\
         roles = {}\nretention_days = {}\nsummary = {}\n",
        quote(form.id.as_str()),
        form.version,
        quote(&form.title),
        quote(&form.intro),
        quote(&form.submit),
        names(&form.purposes),
        quote(&form.legal_basis),
        list(form.roles.iter().map(|role| quote(role.as_str())).collect()),
        form.retention_days,
        names(&form.summary),
    );
    if let Some(subject) = &form.subject {
        out += &format!("subject = {}\n", quote(subject));
    }
    out += &format!("[notice]\nversion = {}\ntext = {}\n", quote(&form.notice.version), quote(&form.notice.text));
    form.fields.iter().for_each(|field| out += &write_field(field));
    form.files.iter().for_each(|file| out += &write_file(file));
    for consent in &form.consents {
        let (name, wording, version) = (quote(&consent.name), quote(&consent.wording), quote(&consent.version));
        out += &format!("[[consents]]\nname = {name}\nwording = {wording}\nversion = {version}\n");
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
        FieldKind::ShortText(length) | FieldKind::LongText(length) => {
            out += &format!("min_length = {}\nmax_length = {}\n", length.min, length.max);
        }
        FieldKind::Choice(options) => {
            let option = |value: &str, label: &str| format!("{{ value = {}, label = {} }}", quote(value), quote(label));
            let options: Vec<String> = options.iter().map(|o| option(&o.value, &o.label)).collect();
            out += &format!("options = [{}]\n", options.join(", "));
        }
        _ => {}
    }
    if let Some(token) = &field.autocomplete {
        out += &format!("autocomplete = {}\n", quote(token));
    }
    out
}

fn write_file(file: &FileField) -> String {
    let kinds: Vec<String> = file.kinds.iter().map(|kind| quote(kind.extension())).collect();
    format!(
        "[[files]]\nname = {}\nlabel = {}\nhelp = {}\nrequired = {}\nmax_bytes = {}\nmax_files = {}\nkinds = [{}]\n",
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
