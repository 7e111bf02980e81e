//! The written reasons for mutants that no test needs to notice: `docs/mutants.md` and `.cargo/mutants.toml` say the same,
//! and name code that exists.

#![allow(missing_docs, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A row of the table: file, function, mutation in the words of cargo-mutants, reason.
struct Row {
    file: String,
    function: String,
    mutation: String,
    reason: String,
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn rows(page: &str) -> Vec<Row> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim().trim_matches('|').replace("\\|", "\u{1}");
        line.split('|').map(|cell| cell.trim().trim_matches('`').replace('\u{1}', "|")).collect()
    };
    let table = page.split("## Reasons").nth(1).unwrap_or_default();
    let lines = table.lines().filter(|line| line.starts_with("| `src/"));
    lines
        .map(|line| {
            let [file, function, mutation, reason] = <[String; 4]>::try_from(cells(line)).unwrap();
            Row { file, function, mutation, reason }
        })
        .collect()
}

/// The pattern that leaves the mutant out, wherever in its file it stands.
fn pattern(row: &Row) -> String {
    let place = if row.mutation.contains(" -> ") { String::new() } else { format!(" in {}", row.function) };
    let mut out = String::from("^");
    for part in [&row.file, ":", "\u{0}", &row.mutation, &place] {
        for c in part.chars() {
            match c {
                '\u{0}' => out.push_str(r"\d+:\d+: "),
                c if r"\.+*?()|[]{}^$".contains(c) => out.extend(['\\', c]),
                c => out.push(c),
            }
        }
    }
    out + "$"
}

fn missing(row: &Row) -> Option<String> {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&row.file));
    let name = row.function.rsplit("::").next().unwrap_or_default();
    match source {
        Ok(source) if source.contains(&format!("fn {name}(")) || source.contains(&format!("fn {name}<")) => None,
        Ok(_) => Some(format!("{} has no function {}", row.file, row.function)),
        Err(_) => Some(format!("there is no {}", row.file)),
    }
}

#[test]
fn every_exclusion_has_a_reason_and_every_reason_an_exclusion() {
    let rows = rows(&read("docs/mutants.md"));
    let settings: toml::Table = read(".cargo/mutants.toml").parse().unwrap();
    let excluded: BTreeSet<String> =
        settings["exclude_re"].as_array().unwrap().iter().map(|re| re.as_str().unwrap().to_owned()).collect();
    let explained: BTreeSet<String> = rows.iter().map(pattern).collect();
    assert_eq!(explained, excluded, "docs/mutants.md is on the left, .cargo/mutants.toml on the right");
    let bare: Vec<&str> = rows.iter().filter(|row| row.reason.len() < 20).map(|row| row.mutation.as_str()).collect();
    assert!(bare.is_empty(), "without a reason: {bare:?}");
    println!("{} mutants left out, each with a reason", rows.len());
}

#[test]
fn the_reasons_name_code_that_exists() {
    let page = read("docs/mutants.md");
    let found: Vec<String> = rows(&page).iter().filter_map(missing).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_reason_for_code_that_is_gone_is_noticed() {
    let row = |file: &str, function: &str| Row {
        file: file.to_owned(),
        function: function.to_owned(),
        mutation: "replace < with <=".to_owned(),
        reason: String::new(),
    };
    assert!(missing(&row("src/crypto/pad.rs", "padded_len")).is_none());
    assert!(missing(&row("src/crypto/pad.rs", "no_such_function")).is_some());
    assert!(missing(&row("src/crypto/nowhere.rs", "padded_len")).is_some());
    assert_eq!(
        pattern(&row("src/crypto/pad.rs", "padded_len")),
        r"^src/crypto/pad\.rs:\d+:\d+: replace < with <= in padded_len$"
    );
    let table = "## Reasons\n| `src/a.rs` | `f` | `replace \\| with ^` | because the bits are apart |\n";
    assert!(rows(table).len() == 1 && rows(table)[0].mutation == "replace | with ^");
}
