//! Documents of office programs, honest and hostile.

use std::io::Write;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::adapters::preview::MOST_TEXT;

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn word(body: &str) -> Vec<u8> {
    let xml = format!("<?xml version=\"1.0\"?><w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>");
    archive(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", xml.as_bytes())])
}

fn shown(text: Result<Text, Failure>) -> String {
    text.unwrap().as_str().to_owned()
}

fn failure(text: Result<Text, Failure>) -> Failure {
    text.map(|text| text.as_str().to_owned()).unwrap_err()
}

#[test]
fn a_document_of_word_reads_as_on_paper() {
    let body = "<w:p><w:r><w:t>Jane &amp; </w:t><w:t xml:space=\"preserve\">Doe&#233;</w:t></w:r></w:p>\
        <w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>\
        <mc:AlternateContent><mc:Choice><w:p><w:t>box</w:t></w:p></mc:Choice><mc:Fallback><w:p><w:t>box</w:t></w:p></mc:Fallback></mc:AlternateContent>\
        <w:tbl><w:tr><w:tc><w:p><w:t>1</w:t></w:p></w:tc></w:tr></w:tbl><w:instrText>HYPERLINK x</w:instrText>";
    assert_eq!(shown(docx(&word(body))), "Jane & Doeé\na\tb\nc\nbox\n1\n\t\n");
}

#[test]
fn letter_heads_come_first_and_foot_notes_last() {
    let part = |words: &str| format!("<w:x><w:p><w:t>{words}</w:t></w:p></w:x>");
    let parts = [
        ("word/footnotes.xml", part("note")),
        ("word/document.xml", part("body")),
        ("word/header2.xml", part("second")),
        ("word/header1.xml", part("head")),
        ("word/media/header.xml", part("no")),
        ("word/theme.xml", part("no")),
    ];
    let entries: Vec<(&str, &[u8])> = parts.iter().map(|(name, xml)| (*name, xml.as_bytes())).collect();
    assert_eq!(shown(docx(&archive(&entries))), "head\nsecond\nbody\nnote\n");
}

#[test]
fn an_open_document_reads_as_on_paper() {
    let xml = "<office:body><text:tracked-changes><text:p>gone</text:p></text:tracked-changes><text:h>Life</text:h>\
        <text:p>one<text:s text:c=\"3\"/>two<text:tab/>three<text:line-break/><text:span>four\n five</text:span>\
        <office:annotation><text:p>aside</text:p></office:annotation></text:p><text:p/></office:body>";
    let whole = archive(&[("content.xml", xml.as_bytes()), ("META-INF/manifest.xml", b"<m/>")]);
    assert_eq!(shown(odt(&whole)), "Life\none   two\tthree\nfour  five\n\n");
    let hidden = archive(&[("content.xml", b"\x01\x02"), ("META-INF/manifest.xml", b"<m:encryption-data/>")]);
    assert_eq!(failure(odt(&hidden)), Failure::Encrypted);
    let blanks = archive(&[("content.xml", b"<text:p>a<text:s text:c=\"4000000000\"/>b</text:p>")]);
    assert_eq!(shown(odt(&blanks)).len(), 2 + MOST_BLANKS + 1);
}

#[test]
fn entities_are_neither_expanded_nor_fetched() {
    let laughs = "<!DOCTYPE w [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;\">]>\
                  <w:document><w:p><w:t>&c;</w:t></w:p></w:document>";
    let outside =
        "<!DOCTYPE w [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><w:document><w:p><w:t>&x;</w:t></w:p></w:document>";
    let undeclared = "<w:document><w:p><w:t>a&x;b</w:t></w:p></w:document>";
    for xml in [laughs, outside, undeclared] {
        assert_eq!(failure(docx(&archive(&[("word/document.xml", xml.as_bytes())]))), Failure::Unreadable, "{xml}");
    }
}

#[test]
fn what_unpacks_to_too_much_is_cut_or_refused() {
    // All words: they end at the bound of what is shown.
    let words = format!("<w:document><w:t>{}</w:t></w:document>", "a ".repeat(8 << 20));
    let bomb = archive(&[("word/document.xml", words.as_bytes())]);
    assert!(bomb.len() < 128 << 10, "{}", bomb.len());
    let text = docx(&bomb).unwrap();
    assert!(text.is_cut() && text.as_str().len() == MOST_TEXT);
    // No words at all: it ends at the bound of what is read.
    let blank = [b"<w:document>".to_vec(), vec![b' '; MOST_XML as usize + 1]].concat();
    assert_eq!(failure(docx(&archive(&[("word/document.xml", &blank)]))), Failure::TooLarge);
    // Many parts share one bound.
    let head = [b"<w:hdr>".to_vec(), vec![b' '; 20 << 20], b"</w:hdr>".to_vec()].concat();
    let parts = archive(&[("word/header1.xml", &head), ("word/header2.xml", &head), ("word/document.xml", b"<a/>")]);
    assert_eq!(failure(docx(&parts)), Failure::TooLarge);
}

#[test]
fn nesting_has_an_end() {
    let deep = |n: usize| word(&format!("{}{}", "<w:sdt>".repeat(n), "</w:sdt>".repeat(n)));
    assert!(docx(&deep(DEEPEST - 2)).is_ok());
    assert_eq!(failure(docx(&deep(DEEPEST))), Failure::Unreadable);
    assert_eq!(failure(docx(&word("<w:p>"))), Failure::Unreadable, "what does not match is no XML");
}

#[test]
fn names_that_lead_elsewhere_lead_nowhere() {
    let sly = archive(&[
        ("../../../../tmp/letterlock-preview-was-here", b"x"),
        ("/tmp/letterlock-preview-was-here", b"x"),
        ("word/header/../../../x.xml", b"<w:t>no</w:t>"),
        ("word/document.xml", b"<w:document><w:p><w:t>yes</w:t></w:p></w:document>"),
    ]);
    assert_eq!(shown(docx(&sly)), "yes\n");
    assert!(!std::path::Path::new("/tmp/letterlock-preview-was-here").exists());
}

#[test]
fn what_is_no_archive_or_lacks_its_part_cannot_be_read() {
    for bad in [&b""[..], b"PK\x03\x04", b"not a zip", &archive(&[("other.xml", b"<a/>")])] {
        assert_eq!(failure(docx(bad)), Failure::Unreadable);
        assert_eq!(failure(odt(bad)), Failure::Unreadable);
    }
    let whole = word("<w:p><w:t>Jane</w:t></w:p>");
    for end in 0..whole.len() {
        let _ = docx(&whole[..end]);
    }
}
