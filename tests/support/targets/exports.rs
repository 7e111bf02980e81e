//! Text that strangers sent, on its way into cells of a spreadsheet and names of an archive.

use letterlock::base::ids::RecordId;
use letterlock::domain::export::{MAX_CELL_CHARS, entry_name, harmless, typed};

use super::Seam;

/// A cell of CSV says all that was sent, but for apostrophes, and does not begin like a formula; a cell of XLSX has no mark-up; a name is one folder and
/// one file in it.
pub fn check(data: &[u8], seam: Seam) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut cell = harmless(text).into_owned().into_bytes();
    (seam.written)(&mut cell);
    let plain = |bytes: &[u8]| bytes.iter().copied().filter(|b| *b != b'\'').collect::<Vec<_>>();
    assert!(plain(&cell) == plain(text.as_bytes()) && cell.len() >= text.len(), "the text was changed");
    let formula = |cell: &[u8]| String::from_utf8_lossy(cell).trim_start().starts_with(['=', '+', '-', '@']);
    assert!(!formula(&cell), "it runs");
    for sign in ['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'] {
        let dangerous = format!("{sign}{text}");
        assert!((seam.refused)(harmless(&dangerous).starts_with('\'')), "{sign:?} is let through");
    }

    let xml = typed(text);
    assert!(!xml.contains(['<', '>', '\0', '\r']), "mark-up");
    // What stands for one character is written with up to twelve.
    assert!(xml.len() <= 12 * 4 * MAX_CELL_CHARS, "too long a cell");

    let record = RecordId::from_bytes([7; 16]);
    let name = entry_name(&record, 3, text);
    let rest = name.strip_prefix(&format!("{record}/03-")).expect("a folder and a number");
    assert!(!rest.is_empty() && !rest.contains(['/', '\\', ':', '\0']) && rest.len() <= 255, "{name:?}");
}

/// Whether something of it has to be made harmless.
pub fn understood(data: &[u8]) -> bool {
    std::str::from_utf8(data).is_ok_and(|text| harmless(text) != text)
}
