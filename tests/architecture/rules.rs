//! The rules, each a sentence that names the file and what is wrong with it.

use crate::scan::{Token, tokens};

/// Files stay shorter than this.
pub(crate) const MAX_LINES: usize = 500;
/// `main.rs` parses and calls; it stays shorter than this.
pub(crate) const MAX_MAIN_LINES: usize = 30;

/// From the top down. A layer may import itself and what stands below it.
const LAYERS: [&str; 13] = [
    "main", "cli", "http", "control", "services", "adapters", "vault", "policy", "domain", "keys", "store", "crypto",
    "base",
];

/// Further imports that the order alone would allow: (layer, what it must not name, why).
const WALLS: [(&str, &[&str], &str); 5] = [
    ("http", &["vault", "keys", "store"], "handlers call services"),
    ("services", &["keys", "store"], "only the vault joins keys and store"),
    ("adapters", &["vault", "keys", "store"], "adapters talk to the outside"),
    ("policy", &["keys", "store", "crypto"], "policy is pure"),
    ("domain", &["keys", "store", "crypto"], "domain values are plain"),
];

/// Crates and modules that only some layers may name: (path, the layers that may, why).
const FENCES: [(&[&str], &[&str], &str); 10] = [
    (&["sled"], &["store"], "the store engine is replaceable"),
    (&["axum"], &["http"], "only http speaks HTTP"),
    (&["aes_gcm"], &["crypto"], "there is one way to seal"),
    (&["aes"], &["crypto"], "there is one way to seal"),
    (&["ring", "aead"], &[], "there is one way to seal"),
    (&["tokio", "net", "TcpStream"], &["http", "adapters"], "only adapters call somebody"),
    (&["std", "net", "TcpStream"], &["adapters"], "only adapters call somebody"),
    (&["std", "net", "ToSocketAddrs"], &["adapters"], "only adapters call somebody"),
    (&["tokio", "net", "lookup_host"], &["adapters"], "only adapters call somebody"),
    (&["reqwest"], &["adapters"], "only adapters call somebody"),
];

/// What pure layers must not name.
const IMPURE: [&[&str]; 6] =
    [&["tokio"], &["std", "fs"], &["std", "net"], &["std", "env"], &["std", "process"], &["reqwest"]];
const PURE: [&str; 2] = ["policy", "domain"];

/// A source file; `path` is relative to the repository, with forward slashes.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Everything in `sources` that breaks a rule, in sentences.
pub(crate) fn violations(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(|source| check(source).into_iter().map(|v| format!("{}: {v}", source.path))).collect()
}

fn check(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let modules = module_path(&source.path);
    let layer = modules.first().map_or("lib", String::as_str);
    let lines = source.text.lines().count();
    let limit = if layer == "main" { MAX_MAIN_LINES } else { MAX_LINES };
    if lines >= limit {
        found.push(format!("{lines} lines; fewer than {limit} are allowed"));
    }
    if !source.text.lines().next().is_some_and(|l| l.starts_with("//! ") && l.len() > 4) {
        found.push("does not begin with `//!` and what the module is for".into());
    }
    let tokens = tokens(&source.text);
    if tokens.contains(&Token::Word("unsafe")) {
        found.push("contains `unsafe`".into());
    }
    if layer == "lib" {
        return found;
    }
    let Some(rank) = rank(layer) else {
        found.push(format!("{layer} is not a layer of the architecture"));
        return found;
    };
    for path in paths(&tokens, &modules) {
        found.extend(check_path(layer, rank, &path));
    }
    found.sort();
    found.dedup();
    found
}

fn check_path(layer: &str, from: usize, path: &[&str]) -> Option<String> {
    if let ["crate", target, ..] = path {
        if *target == "*" {
            return Some("imports the whole crate".into());
        }
        if rank(target).is_some_and(|to| to < from) {
            return Some(format!("{layer} imports {target}, which stands above it"));
        }
        let wall = WALLS.iter().find(|(l, targets, _)| *l == layer && targets.contains(target));
        return wall.map(|(_, _, why)| format!("{layer} imports {target}: {why}"));
    }
    if PURE.contains(&layer) && IMPURE.iter().any(|impure| path.starts_with(impure)) {
        return Some(format!("{layer} names {}, but must be pure", path.join("::")));
    }
    let fence = FENCES.iter().find(|(named, layers, _)| path.starts_with(named) && !layers.contains(&layer));
    fence.map(|(named, _, why)| format!("{layer} names {}: {why}", named.join("::")))
}

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|l| *l == layer)
}

/// `src/http/api/mod.rs` → `["http", "api"]`; `src/lib.rs` → `[]`.
fn module_path(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod" || (parts.len() == 1 && last == "lib")) {
        parts.pop();
    }
    parts
}

/// Every path in the code of two segments or more; `super`, `self` and the crate's own name are resolved to `crate`,
/// and groups in braces are spread out.
fn paths<'a>(tokens: &[Token<'a>], module: &'a [String]) -> Vec<Vec<&'a str>> {
    let mut out = Vec::new();
    // Inline modules we are in, each with the brace depth at which it ends.
    let mut inline: Vec<(&'a str, usize)> = Vec::new();
    let (mut depth, mut at) = (0_usize, 0);
    while at < tokens.len() {
        match tokens[at..] {
            [Token::Word("mod"), Token::Word(name), Token::Punct('{'), ..] => {
                inline.push((name, depth));
                depth += 1;
                at += 3;
            }
            [Token::Punct('{'), ..] => {
                depth += 1;
                at += 1;
            }
            [Token::Punct('}'), ..] => {
                depth = depth.saturating_sub(1);
                inline.pop_if(|(_, ends)| *ends == depth);
                at += 1;
            }
            // `$crate` in a macro names the crate of the macro, which is checked where the macro is written.
            [Token::Punct('$'), Token::Word("crate"), ..] => at += 2,
            [Token::Word("use"), ..] => {
                let before = out.len();
                at = tree(tokens, at + 1, &mut Vec::new(), &mut out);
                resolve(&mut out[before..], module, &inline);
            }
            [Token::Word(_), Token::Path, ..] => {
                let before = out.len();
                at = tree(tokens, at, &mut Vec::new(), &mut out);
                resolve(&mut out[before..], module, &inline);
            }
            // `pub(in crate::x)` is covered by the arm above; a bare word is no path.
            _ => at += 1,
        }
    }
    out
}

/// Reads one path, or a `use` tree, from `at`; returns where it ends.
fn tree<'a>(tokens: &[Token<'a>], mut at: usize, prefix: &mut Vec<&'a str>, out: &mut Vec<Vec<&'a str>>) -> usize {
    let length = prefix.len();
    loop {
        match tokens.get(at) {
            Some(Token::Word(word)) => prefix.push(word),
            Some(Token::Punct('*')) => prefix.push("*"),
            Some(Token::Punct('{')) if at > 0 && tokens[at - 1] == Token::Path => {
                at += 1;
                while at < tokens.len() && tokens[at] != Token::Punct('}') {
                    let next = tree(tokens, at, prefix, out);
                    at = next.max(at + 1);
                }
                prefix.truncate(length);
                return at + 1;
            }
            Some(Token::Path) if prefix.len() == length => {
                at += 1;
                continue;
            }
            _ => break,
        }
        at += 1;
        if tokens.get(at) == Some(&Token::Path) {
            at += 1;
        } else {
            break;
        }
    }
    if prefix.len() > length {
        out.push(prefix.clone());
    }
    prefix.truncate(length);
    at
}

fn resolve<'a>(paths: &mut [Vec<&'a str>], module: &'a [String], inline: &[(&'a str, usize)]) {
    for path in paths {
        match path.first() {
            Some(&"letterlock") => path[0] = "crate",
            Some(&("super" | "self")) => {
                let mut full: Vec<&str> = module.iter().map(String::as_str).chain(inline.iter().map(|i| i.0)).collect();
                let ups = path.iter().take_while(|p| **p == "super").count();
                full.truncate(full.len().saturating_sub(ups));
                full.insert(0, "crate");
                full.extend(path.iter().skip_while(|p| matches!(**p, "super" | "self")));
                *path = full;
            }
            _ => {}
        }
    }
}
