//! Just enough of Rust's lexical grammar to tell code from comments, strings and characters.

/// A piece of code: a word, a `::`, or one other character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Word(&'a str),
    Path,
    Punct(char),
}

/// The tokens of `text`, without comments, strings, characters and lifetimes.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = raw_string(rest) {
            length
        } else if c == '"' || rest.starts_with("b\"") || rest.starts_with("c\"") {
            quoted(rest, rest.find('"').unwrap_or(0), '"')
        } else if c == '\'' || rest.starts_with("b'") {
            character(rest)
        } else if c.is_alphanumeric() || c == '_' {
            let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            out.push(Token::Word(&rest[..length]));
            length
        } else if rest.starts_with("::") {
            out.push(Token::Path);
            2
        } else {
            if !c.is_whitespace() {
                out.push(Token::Punct(c));
            }
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    out
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Length of a raw string (`r"…"`, `br#"…"#` and the like) at the start of `text`.
fn raw_string(text: &str) -> Option<usize> {
    let body = text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let inner = body.trim_start_matches('#');
    let hashes = body.len() - inner.len();
    let inner = inner.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inner.find(&end).map_or(inner.len(), |at| at + end.len());
    Some(text.len() - inner.len() + length)
}

/// Length of a quoted literal whose opening quote is at `open`.
fn quoted(text: &str, open: usize, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at <= open) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// Length of a character literal, or of a lifetime.
fn character(text: &str) -> usize {
    let open = text.find('\'').unwrap_or(0);
    let mut inner = text[open + 1..].chars();
    match (inner.next(), inner.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(text, open, '\''),
        _ => {
            let name = &text[open + 1..];
            open + 1 + name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len())
        }
    }
}
