//! The pages of one's own about privacy, cookies and accessibility, from their folder.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::markdown::Markdown;
use crate::domain::operator::PageName;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Reads the Markdown files in `folder`, which may be missing if `may_be_missing`. Each is named for its page: `privacy.md`
/// stands in the place of the text that is made, `privacy-more.md` below it, `privacy.de.md` in German.
///
/// # Errors
/// In a sentence, with file and line.
pub fn pages(folder: &Path, may_be_missing: bool) -> Result<BTreeMap<PageName, Markdown>, String> {
    let mut out = BTreeMap::new();
    let entries = match std::fs::read_dir(folder) {
        Err(e) if may_be_missing && e.kind() == std::io::ErrorKind::NotFound => return Ok(out),
        entries => entries.map_err(|e| format!("{}: cannot be read: {e}", folder.display()))?,
    };
    for entry in entries {
        let path = entry.map_err(|e| format!("{}: cannot be read: {e}", folder.display()))?.path();
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden || path.extension().is_none_or(|end| end != "md") {
            continue;
        }
        let told = |message: String| format!("{}: {message}", path.display());
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let expected =
            "expected privacy.md, cookies.md or accessibility.md, with -more or a language as in privacy.de.md";
        let name = PageName::of_file(&stem).ok_or_else(|| told(expected.to_owned()))?;
        let unreadable = |e: std::io::Error| told(format!("cannot be read: {e}"));
        if std::fs::metadata(&path).map_err(unreadable)?.len() > LARGEST {
            return Err(told(format!("expected a file of at most {LARGEST} bytes")));
        }
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        let words = Markdown::parse(&text).map_err(|e| {
            let line = 1 + text.bytes().take(e.at).filter(|b| *b == b'\n').count();
            format!("{}, line {line}: {}", path.display(), e.message)
        })?;
        out.insert(name, words);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_and_mistakes_told_with_their_place() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing");
        assert!(pages(&missing, true).unwrap().is_empty() && pages(&missing, false).is_err());
        std::fs::write(dir.path().join("privacy.de.md"), "# Eigenes\n\nWorte.\n").unwrap();
        std::fs::write(dir.path().join("notes.txt"), "no page").unwrap();
        assert_eq!(pages(dir.path(), false).unwrap().len(), 1);
        std::fs::write(dir.path().join("cookies.md"), "Words.\n\n<b>HTML</b>\n").unwrap();
        let told = pages(dir.path(), false).unwrap_err();
        assert!(told.contains("cookies.md, line 3") && told.contains("HTML"), "{told}");
        std::fs::rename(dir.path().join("cookies.md"), dir.path().join("imprint.md")).unwrap();
        assert!(pages(dir.path(), false).unwrap_err().contains("imprint.md: expected privacy.md"));
    }
}
