//! Office files, RTF and plain text, as the locked-in process takes them apart.

use std::io::{Cursor, Write};

use letterlock::adapters::preview::frames::{Listener, Word};
use letterlock::adapters::preview::worker::preview;
use letterlock::adapters::preview::{Failure, MOST_TEXT, Preview};
use letterlock::domain::file::FileKind;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::Seam;

/// A whole archive, RTF, or the XML of a document, which is put into an archive first: mutations would hardly ever get past the
/// check sums. Text keeps to its bound and reaches the service as it is; a document type is never taken.
pub fn check(data: &[u8], seam: Seam) {
    for (kind, file) in files(data) {
        let Ok(text) = text(kind, file) else { continue };
        assert!(text.len() <= MOST_TEXT, "{kind}: {} bytes", text.len());
        let mut said = Vec::new();
        [Word::Ready, Word::Text(&text, false), Word::End].iter().for_each(|word| word.say(&mut said).unwrap());
        (seam.written)(&mut said);
        let mut listener = Listener::new(1);
        assert!(listener.hear(&said).is_ok() && listener.has_ended(), "{kind}: what is said is not heard");
        match listener.harvest(None) {
            Ok(Preview::Text { .. }) | Err(Failure::Empty) => {}
            other => panic!("{kind}: {other:?}"),
        }
    }
    if is_xml(data) {
        let typed = [b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>", data].concat();
        for (kind, file) in files(&typed) {
            assert!((seam.refused)(text(kind, file).is_err()), "{kind}: a document type is taken");
        }
    }
}

/// Whether words come out of it.
pub fn understood(data: &[u8]) -> bool {
    files(data).into_iter().any(|(kind, file)| text(kind, file).is_ok_and(|text| !text.trim().is_empty()))
}

fn is_xml(data: &[u8]) -> bool {
    data.starts_with(b"<")
}

fn files(data: &[u8]) -> Vec<(FileKind, Vec<u8>)> {
    match data {
        [b'P', b'K', ..] => vec![(FileKind::Docx, data.to_vec()), (FileKind::Odt, data.to_vec())],
        _ if is_xml(data) => {
            vec![(FileKind::Docx, archive("word/document.xml", data)), (FileKind::Odt, archive("content.xml", data))]
        }
        _ => vec![(FileKind::Rtf, data.to_vec()), (FileKind::Txt, data.to_vec())],
    }
}

fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let plain = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file(name, plain).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap().into_inner()
}

fn text(kind: FileKind, file: Vec<u8>) -> Result<String, Failure> {
    let mut out = String::new();
    preview(kind, file, 1, &mut |word| {
        if let Word::Text(text, _) = word {
            out = text.to_owned();
        }
        true
    })?;
    Ok(out)
}
