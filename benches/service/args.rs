//! What the command line asks for.

use std::path::{Path, PathBuf};

use crate::Outcome;

/// The command line, read.
pub(crate) struct Args {
    /// Words, each a part of a row group's name; empty for all groups.
    pub(crate) rows: Vec<String>,
    /// Small sizes: shows that the benchmark works, measures little.
    pub(crate) quick: bool,
    /// Where the JSON goes.
    pub(crate) json: PathBuf,
    /// Folder on the real disk in which each measurement makes folders of its own.
    pub(crate) scratch: PathBuf,
}

impl Args {
    pub(crate) fn parse(words: &[&str]) -> Outcome<Self> {
        let scratch = target_folder()?.join("bench");
        let mut args = Self { rows: Vec::new(), quick: false, json: scratch.join("service.json"), scratch };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                // Cargo says so to every benchmark.
                "--bench" => {}
                "--quick" => args.quick = true,
                "--json" => args.json = words.next().ok_or("--json wants a file")?.into(),
                option if option.starts_with('-') => return Err(format!("unknown option {option}").into()),
                _ => args.rows.push(word.to_owned()),
            }
        }
        Ok(args)
    }

    /// Whether a group of rows was asked for.
    pub(crate) fn wants(&self, group: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|word| group.contains(word.as_str()))
    }

    /// The usual size, or the small one of a quick run.
    pub(crate) fn size<T>(&self, usual: T, quick: T) -> T {
        if self.quick { quick } else { usual }
    }

    /// A fresh folder for one measurement, removed when dropped.
    pub(crate) fn folder(&self, name: &str) -> Outcome<tempfile::TempDir> {
        Ok(tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(&self.scratch)?)
    }
}

/// Cargo's target folder: the one that this program was built into.
fn target_folder() -> Outcome<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(3).filter(|folder| folder.join("release").is_dir());
    Ok(folder.unwrap_or(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/target"))).to_owned())
}
