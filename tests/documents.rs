//! What the pages for people name, exists: files, tests, configuration keys.

use std::fs;
use std::path::{Path, PathBuf};

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
