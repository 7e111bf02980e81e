//! What the pages for people name, exists: files, tests, configuration keys.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use letterlock::base::config;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown page of the repository that people write, with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let mut pages = Vec::new();
    for folder in ["", "docs", "keys", "fuzz"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "md") {
                pages.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(pages.len() >= 8, "only {} pages found", pages.len());
    pages
}

/// What is wrong with the references of one page, in sentences.
fn broken(page: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for link in after_each(text, "](").map(|rest| rest.split([')', '#']).next().unwrap_or_default()) {
        let elsewhere = link.is_empty() || link.contains("://");
        if !elsewhere && !page.parent().unwrap().join(link).exists() {
            found.push(format!("{}: links to {link}, which does not exist", page.display()));
        }
    }
    for code in text.split('`').skip(1).step_by(2) {
        let (path, test) = code.split_once("::").map_or((code, None), |(path, test)| (path, Some(test)));
        let ours =
            ["src/", "tests/", "docs/", "forms/", "scripts/", "fuzz/", ".ci/"].iter().any(|p| path.starts_with(p));
        let made_later = path.contains("artifacts") || path.contains(|c: char| c.is_whitespace() || c.is_uppercase());
        if !ours || (made_later && !path.ends_with(".md")) {
            continue;
        }
        match (fs::read_to_string(root().join(path)), test) {
            (Ok(source), Some(test)) if !source.contains(&format!("fn {test}(")) => {
                found.push(format!("{}: names a test {test} that is not in {path}", page.display()));
            }
            (Err(_), _) if test.is_some() || !root().join(path).exists() => {
                found.push(format!("{}: names {path}, which does not exist", page.display()));
            }
            _ => {}
        }
    }
    found
}

fn after_each<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(mark).map(move |(at, _)| &text[at + mark.len()..])
}

#[test]
fn pages_refer_to_what_exists() {
    let found: Vec<String> = pages().iter().flat_map(|(page, text)| broken(page, text)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_broken_reference_is_found() {
    let page = root().join("README.md");
    for text in [
        "see [this](docs/nowhere.md)",
        "in `src/nowhere.rs`",
        "shown by `tests/documents.rs::no_such_test`",
        "shown by `tests/nowhere.rs::x`",
    ] {
        assert_eq!(broken(&page, text).len(), 1, "{text}");
    }
    let fine =
        "[a](SECURITY.md#x) [b](https://example.org) `src/lib.rs` `tests/documents.rs::a_broken_reference_is_found`";
    assert_eq!(broken(&page, fine), Vec::<String>::new());
}

#[test]
fn the_readme_names_every_configuration_key() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let described = config::describe_keys();
    let keys: Vec<&str> = described.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(keys.contains(&"listen") && keys.len() > 10, "{keys:?}");
    let missing: Vec<&&str> = keys.iter().filter(|key| !readme.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "README.md lacks {missing:?}");
}

/// The cells of the rows of a page's tables, without their heads.
fn table_rows(text: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = text.lines().collect();
    let head = |at: usize| lines.get(at + 1).is_some_and(|next| next.starts_with("|---"));
    let rows = lines.iter().enumerate().filter(|(at, line)| line.starts_with("| ") && !head(*at));
    rows.map(|(_, line)| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The tests that a cell names, as `path::name`.
fn tests_in(cell: &str) -> Vec<&str> {
    let code = cell.split('`').skip(1).step_by(2);
    code.filter(|c| (c.starts_with("src/") || c.starts_with("tests/")) && c.contains(".rs::")).collect()
}

fn prove(arguments: &[&str]) -> Output {
    Command::new(root().join("scripts/prove")).args(arguments).output().unwrap()
}

/// Rows of `docs/others-bugs.md` that show nothing, in sentences.
fn unshown_bugs(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for row in table_rows(text) {
        match row[..] {
            [bug, why, shown] if !bug.is_empty() && !why.is_empty() => {
                let later = shown.rsplit("comes with: ").next().is_some_and(|feature| feature.len() > 3);
                if tests_in(shown).is_empty() && !(shown.contains("comes with: ") && later) {
                    found.push(format!("{bug}: neither a test nor the feature that it comes with"));
                }
            }
            _ => found.push(format!("{row:?}: not three cells")),
        }
    }
    found
}

#[test]
fn every_bug_that_others_had_is_shown_not_to_be_ours_or_comes_with_a_feature() {
    let text = fs::read_to_string(root().join("docs/others-bugs.md")).unwrap();
    assert_eq!(unshown_bugs(&text), Vec::<String>::new());
    let rows = table_rows(&text);
    assert!(rows.len() >= 45, "only {} rows", rows.len());
    let names: Vec<&str> = rows.iter().flat_map(|row| tests_in(row[2])).collect();
    let output = prove(&[&["--dry-run"][..], &names].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    println!("{} bugs of others, {} names of tests", rows.len(), names.len());

    let head = "| the bug | why | shown by |\n|---|---|---|\n";
    for bad in
        ["| a | b | later |", "| a | b | `docs/formats.md` |", "| a | b | comes with: |", "| a | `tests/x.rs::y` |"]
    {
        assert_eq!(unshown_bugs(&format!("{head}{bad}\n")).len(), 1, "{bad}");
    }
    assert_eq!(unshown_bugs(&format!("{head}| a | b | comes with: mail |\n")), Vec::<String>::new());
}

/// Claims of SECURITY.md without an id of their own, or with nothing that shows them, in sentences.
fn bad_claims(text: &str) -> Vec<String> {
    let boundaries = text.split("\n## ").filter(|section| section.starts_with("Boundary: "));
    let (mut found, mut ids) = (Vec::new(), Vec::new());
    for row in boundaries.flat_map(table_rows) {
        let [id, threat, _, shown] = row[..] else {
            found.push(format!("{row:?}: not four cells"));
            continue;
        };
        let number = id.strip_prefix('C').and_then(|n| n.parse::<u32>().ok());
        if number.is_none() || ids.contains(&id) {
            found.push(format!("{threat}: {id:?} is not an id, or another claim has it"));
        }
        if tests_in(shown).is_empty() && !shown.contains("not shown by a test") {
            found.push(format!("{id}: names no test"));
        }
        ids.push(id);
    }
    found
}

#[test]
fn every_claim_of_the_security_page_has_an_id_and_tests_that_can_be_run_by_it() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    assert_eq!(bad_claims(&text), Vec::<String>::new());
    let head = "\n## Boundary: x\n\n| # | threat | what | shown by |\n|---|---|---|---|\n";
    let good = "| C1 | a | b | `tests/documents.rs::x` |\n";
    assert_eq!(bad_claims(&format!("{head}{good}")), Vec::<String>::new());
    for bad in [good, "| 2 | a | b | `src/x.rs::x` |\n", "| C2 | a | b | nothing |\n", "| C2 | a | `src/x.rs::x` |\n"] {
        assert_eq!(bad_claims(&format!("{head}{good}{bad}")).len(), 1, "{bad}");
    }

    let output = prove(&["--dry-run"]);
    let planned = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{planned}{}", String::from_utf8_lossy(&output.stderr));
    let named: usize =
        text.split("\n## Boundary: ").skip(1).flat_map(table_rows).map(|row| tests_in(row[3]).len()).sum();
    assert_eq!(planned.matches("cargo test --locked ").count(), named);
    assert!(planned.contains("cargo test --locked --test tamper -- rows::…no_row_can_be_changed_unnoticed"));
    assert!(planned.contains("cargo test --locked --lib -- crypto::envelope::…opens_nowhere_else"));
    println!("{named} names of tests behind the claims");
}

#[test]
fn a_name_that_leads_to_no_test_is_told() {
    for bad in [
        "C9999",
        "tests/nowhere.rs::x",
        "tests/documents.rs::no_such_test",
        "tests/documents.rs::root",
        "tests/support/mod.rs::start",
        "no_such_test_anywhere",
        "README.md::x",
    ] {
        let output = prove(&["--dry-run", bad]);
        assert_eq!(output.status.code(), Some(2), "{bad}");
        assert!(!output.stderr.is_empty(), "{bad}");
    }
    assert_eq!(prove(&[]).status.code(), Some(2));
    let one = prove(&["--dry-run", "a_name_that_leads_to_no_test_is_told"]);
    assert_eq!(
        String::from_utf8_lossy(&one.stdout),
        "cargo test --locked --test documents -- …a_name_that_leads_to_no_test_is_told\n"
    );
}
