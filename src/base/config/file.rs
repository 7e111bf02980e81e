//! Reads the TOML file against the table of keys.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Config, keys};

/// Applies the file's `text` to `config`; mistakes go to `problems`, each with its line.
pub(super) fn apply(config: &mut Config, text: &str, path: &Path, problems: &mut Vec<String>) {
    let place = |offset: usize| {
        let line = 1 + text.bytes().take(offset).filter(|b| *b == b'\n').count();
        format!("{}, line {line}", path.display())
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(e) => {
            let at = e.span().map_or_else(|| path.display().to_string(), |span| place(span.start));
            problems.push(format!("{at}: {}", e.message().replace('\n', "; ")));
            return;
        }
    };

    let mut found = Vec::new();
    flatten(&table, "", &mut found);
    found.sort_by_key(|(_, offset, _)| *offset);
    let base = path.parent().unwrap_or(Path::new(""));
    for (name, offset, value) in found {
        let done = match keys::find(&name) {
            None if keys::SECTIONS.contains(&name.as_str()) => Err("expected a section".to_owned()),
            None => {
                problems.push(format!("{}: there is no key \"{name}\"{}", place(offset), keys::hint(&name)));
                continue;
            }
            Some(key) => match value {
                DeValue::String(text) => key.set_string(config, text, base),
                DeValue::Integer(number) => {
                    key.set_number(config, u64::from_str_radix(number.as_str(), number.radix()).ok())
                }
                DeValue::Boolean(value) => key.set_bool(config, *value),
                DeValue::Array(items) => {
                    let texts: Option<Vec<_>> = items.iter().map(|item| item.get_ref().as_str()).collect();
                    texts.map_or_else(|| Err(key.expected("something else")), |texts| key.set_list(config, &texts))
                }
                other => Err(key.expected(match other {
                    DeValue::Float(_) => "a number with a fraction",
                    DeValue::Table(_) => "a section",
                    _ => "a date",
                })),
            },
        };
        if let Err(e) = done {
            problems.push(format!("{}: {name}: {e}", place(offset)));
        }
    }
}

/// Every value by its full name and the offset of its key. Only known sections are entered.
fn flatten<'t>(table: &'t DeTable<'t>, prefix: &str, out: &mut Vec<(String, usize, &'t DeValue<'t>)>) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) if prefix.is_empty() && keys::SECTIONS.contains(&name.as_str()) => {
                flatten(inner, &format!("{name}."), out);
            }
            other => out.push((name, Spanned::span(key).start, other)),
        }
    }
}
