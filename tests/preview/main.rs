//! Previews of files: how the process is locked in that makes them, what it makes of real and of hostile files, and how staff come
//! to see them.

#[path = "../support/staff.rs"]
mod staff;
#[path = "../support/mod.rs"]
mod support;

mod cage;
mod console;
mod files;
mod hostile;
mod make;

use std::path::PathBuf;

use letterlock::adapters::preview::{Bounds, Failure, Preview, Previewer};
use letterlock::domain::file::FileKind;
use zeroize::Zeroizing;

/// The program whose hidden command is the worker.
fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_letterlock").into()
}

/// Time enough for a build that is not optimised, on a machine that has other things to do.
fn patient() -> Bounds {
    Bounds { seconds: 60, ..Bounds::default() }
}

fn preview(kind: FileKind, content: &[u8]) -> Result<Preview, Failure> {
    Previewer::new(program(), patient()).make(kind, vec![Zeroizing::new(content.to_vec())])
}

/// Sizes of the pictures, and how many pages there are.
fn pages(preview: Preview) -> (Vec<(u32, u32)>, u32, bool) {
    let Preview::Pages { pictures, total, broke_off } = preview else { panic!("no pages: {preview:?}") };
    let size = |png: &Zeroizing<Vec<u8>>| letterlock::adapters::preview::frames::picture_size(png).unwrap();
    (pictures.iter().map(size).collect(), total, broke_off)
}

fn words(preview: Preview) -> String {
    let Preview::Text { text, .. } = preview else { panic!("no text: {preview:?}") };
    text.expose().to_owned()
}
