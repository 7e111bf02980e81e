//! What is made of files as honest people send them.

use letterlock::adapters::preview::{Bounds, Preview, Previewer};
use letterlock::domain::file::FileKind;
use zeroize::Zeroizing;

use crate::{make, pages, patient, preview, program, words};

#[test]
fn pages_of_a_pdf_are_pictures_with_ink_on_them() {
    let Preview::Pages { pictures, total: 2, broke_off: false } = preview(FileKind::Pdf, &make::pages(2)).unwrap()
    else {
        panic!()
    };
    let dark = |picture: &[u8]| {
        let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let size = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((size.width, size.height), (1000, 1415));
        pixels.chunks(3).map(|pixel| pixel[0] < 100).collect::<Vec<_>>()
    };
    let (one, two) = (dark(&pictures[0]), dark(&pictures[1]));
    let ink = one.iter().filter(|dark| **dark).count();
    assert!((1_000..200_000).contains(&ink), "{ink} dark pixels");
    assert!(one != two, "each page is its own");
}

#[test]
fn the_first_pages_are_shown_and_all_are_counted() {
    let bounds = Bounds { pages: 3, ..patient() };
    let made = Previewer::new(program(), bounds).make(FileKind::Pdf, vec![Zeroizing::new(make::pages(30))]);
    let (sizes, total, broke_off) = pages(made.unwrap());
    assert_eq!((sizes.len(), total, broke_off), (3, 30, false));
}

#[test]
fn words_of_office_files_and_of_plain_ones() {
    let docx = make::docx(&["Jane Doe", "Baker &amp; smith"]);
    assert_eq!(words(preview(FileKind::Docx, &docx).unwrap()), "Jane Doe\nBaker & smith\n");
    let odt = make::odt(&["Jane Doe", "Zoë &#8364;"]);
    assert_eq!(words(preview(FileKind::Odt, &odt).unwrap()), "Jane Doe\nZoë €\n");
    let rtf = b"{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}\\f0 Jane \\b Doe\\b0\\par Caf\\'e9}";
    assert_eq!(words(preview(FileKind::Rtf, rtf).unwrap()), "Jane Doe\nCafé");
    assert_eq!(words(preview(FileKind::Txt, "Zoë\r\n\u{202e}x\u{1b}[1m".as_bytes()).unwrap()), "Zoë\nx[1m");
}

#[test]
fn a_file_in_several_pieces_is_one_file() {
    let whole = make::pages(1);
    let pieces = whole.chunks(100).map(|piece| Zeroizing::new(piece.to_vec())).collect();
    let made = Previewer::new(program(), patient()).make(FileKind::Pdf, pieces);
    assert_eq!(pages(made.unwrap()).0.len(), 1);
}
