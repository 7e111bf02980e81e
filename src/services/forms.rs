//! Loads the forms of an installation from its folder.

use std::path::Path;

use crate::domain::form::{FormError, FormSet, check};

/// Largest form file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The shipped forms, and over them those in `dir`: every file there whose name ends in `.toml`, in order of name. A
/// form with the id of a shipped one replaces it.
///
/// # Errors
/// [`FormError`] when the folder or a file cannot be read, for the first file that is not a valid form, and for two
/// files with the same id.
pub fn load(dir: Option<&Path>) -> Result<FormSet, FormError> {
    let Some(dir) = dir else { return Ok(FormSet::default()) };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| unreadable(dir, &e))? {
        let path = entry.map_err(|e| unreadable(dir, &e))?.path();
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.extension().is_some_and(|end| end == "toml") && !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    let files =
        paths.iter().map(|path| Ok((path.display().to_string(), read(path)?))).collect::<Result<Vec<_>, _>>()?;
    FormSet::with_files(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

/// Checks one form file, without adding it.
///
/// # Errors
/// [`FormError`] when the file cannot be read or is not a valid form.
pub fn check_file(path: &Path) -> Result<crate::domain::form::Form, FormError> {
    check(&read(path)?, &path.display().to_string())
}

fn read(path: &Path) -> Result<String, FormError> {
    let size = std::fs::metadata(path).map_err(|e| unreadable(path, &e))?.len();
    if size > LARGEST {
        let message = format!("expected a form file of at most {LARGEST} bytes");
        return Err(FormError { file: path.display().to_string(), line: None, message });
    }
    std::fs::read_to_string(path).map_err(|e| unreadable(path, &e))
}

fn unreadable(path: &Path, error: &std::io::Error) -> FormError {
    FormError { file: path.display().to_string(), line: None, message: format!("cannot be read: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_forms_is_laid_over_the_shipped_ones() {
        let dir = tempfile::tempdir().unwrap();
        let shipped = include_str!("../../forms/support-request.toml");
        std::fs::write(dir.path().join("support.toml"), shipped.replace("version = 1", "version = 2")).unwrap();
        std::fs::write(dir.path().join("notes.txt"), "not a form").unwrap();
        std::fs::write(dir.path().join(".#support.toml"), "an editor's lock file").unwrap();
        let set = load(Some(dir.path())).unwrap();
        let form = set.get(&"support-request".parse().unwrap()).unwrap();
        assert_eq!((set.iter().count(), form.version), (2, 2));
        assert_eq!(load(None).unwrap().iter().count(), 2);
    }

    #[test]
    fn a_mistake_names_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("broken.toml");
        std::fs::write(&path, "id = \"broken\"\nversion = one\n").unwrap();
        for error in [load(Some(dir.path())).unwrap_err(), check_file(&path).unwrap_err()] {
            assert_eq!((error.file.as_str(), error.line), (path.to_str().unwrap(), Some(2)));
        }
        std::fs::write(&path, [b'#', 0xff]).unwrap();
        assert!(check_file(&path).unwrap_err().message.contains("cannot be read"));
        assert!(load(Some(&dir.path().join("missing"))).unwrap_err().message.contains("cannot be read"));
        std::fs::write(&path, vec![b'#'; (LARGEST + 1) as usize]).unwrap();
        assert!(check_file(&path).unwrap_err().message.contains("at most"));
    }
}
