//! The languages of an installation: the shipped ones, and over them the files of its folder of messages.

use std::path::Path;

use crate::domain::language::{Lang, Languages};

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Reads every `LANGUAGE.toml` in `folder`, which may be missing if `may_be_missing`. Of all languages, those in `wanted`
/// are offered, in this order; all if it is empty.
///
/// # Errors
/// In sentences: each mistake with its file and line, a file that cannot be read, a language that is wanted and not there.
pub fn load(folder: &Path, may_be_missing: bool, wanted: &[Lang]) -> Result<Languages, String> {
    let mut files = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Err(e) if may_be_missing && e.kind() == std::io::ErrorKind::NotFound => None,
        entries => Some(entries.map_err(|e| unreadable(folder, &e))?),
    };
    for entry in entries.into_iter().flatten() {
        let path = entry.map_err(|e| unreadable(folder, &e))?.path();
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden || path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let lang = name.parse::<Lang>().map_err(|e| format!("{}: {e}", path.display()))?;
        if std::fs::metadata(&path).map_err(|e| unreadable(&path, &e))?.len() > LARGEST {
            return Err(format!("{}: expected a file of at most {LARGEST} bytes", path.display()));
        }
        let text = std::fs::read_to_string(&path).map_err(|e| unreadable(&path, &e))?;
        files.push((lang, path.display().to_string(), text));
    }
    files.sort();
    Languages::with_files(&files, wanted).map_err(|mistakes| {
        let told = mistakes.into_iter().map(|(file, mistake)| match mistake.line {
            Some(line) => format!("{file}, line {line}: {}", mistake.message),
            None => format!("{file}: {}", mistake.message),
        });
        told.collect::<Vec<_>>().join("\n")
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("{}: cannot be read: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_adds_languages_and_tells_mistakes_with_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let tags = |wanted: &[Lang]| {
            let all = load(dir.path(), false, wanted)?;
            Ok::<_, String>(all.iter().map(|words| words.lang().to_string()).collect::<Vec<_>>())
        };
        std::fs::write(dir.path().join("nl.toml"), "language = 'Nederlands'\n").unwrap();
        std::fs::write(dir.path().join("README.md"), "not messages").unwrap();
        assert!(tags(&[]).unwrap().contains(&"nl".to_owned()));
        assert_eq!(tags(&["nl".parse().unwrap(), "en".parse().unwrap()]).unwrap(), ["nl", "en"]);
        std::fs::write(dir.path().join("nl.toml"), "language = 'Nederlands'\n[form]\nno-such-key = 'x'\n").unwrap();
        let told = tags(&[]).unwrap_err();
        assert!(told.contains("nl.toml, line 3: there is no message form.no-such-key"), "{told}");
        std::fs::rename(dir.path().join("nl.toml"), dir.path().join("dutch.toml")).unwrap();
        assert!(tags(&[]).unwrap_err().contains("dutch.toml: not a language"));
        let missing = dir.path().join("missing");
        assert!(load(&missing, true, &[]).is_ok() && load(&missing, false, &[]).is_err());
    }
}
