//! Files that are made to break what takes them apart. Each ends in a failure or in a preview, within its bounds, and nothing else
//! happens.

use std::time::{Duration, Instant};

use letterlock::adapters::preview::{Bounds, Failure, Preview, Previewer};
use letterlock::domain::file::FileKind;
use zeroize::Zeroizing;

use crate::{make, pages, patient, preview, program};

fn packed(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_page_as_large_as_a_field_is_a_picture_like_any_other() {
    for (media_box, most) in [
        ("[0 0 1000000000 1000000000]", (1000, 1000)),
        ("[0 0 1 1000000]", (1, 2000)),
        ("[0 0 1000000 1]", (1000, 1)),
        ("[-5 -5 0.0001 0.0001]", (1000, 2000)),
        ("[0 0 0 0]", (1000, 2000)),
        ("[1e30 1e30 -1e30 -1e30]", (1000, 2000)),
    ] {
        let file = make::pdf(&make::page(media_box, "", b"1 0 0 rg 0 0 10 10 re f"));
        match preview(FileKind::Pdf, &file) {
            Ok(made) => {
                let (sizes, ..) = pages(made);
                assert!(sizes.iter().all(|size| size.0 <= most.0 && size.1 <= most.1), "{media_box}: {sizes:?}");
            }
            Err(failure) => println!("{media_box}: {failure}"),
        }
    }
}

/// A file that would take for ever or very much. It is given up within its time, and says so or shows what there is.
fn is_bounded(what: &str, kind: FileKind, file: Vec<u8>) -> Result<Preview, Failure> {
    let bounds = Bounds { seconds: 5, memory_mib: 512, ..Bounds::default() };
    let begun = Instant::now();
    let size = file.len();
    let made = Previewer::new(program(), bounds).make(kind, vec![Zeroizing::new(file)]);
    let took = begun.elapsed();
    println!(
        "{what}: {size} bytes, {took:?}, {}",
        made.as_ref().map_or_else(ToString::to_string, |_| "shown".to_owned())
    );
    assert!(took < Duration::from_secs(20), "{what}: {took:?}");
    made
}

#[test]
fn bombs_in_a_pdf_go_off_in_their_cage() {
    let pages = |resources: &str, content: &[u8], more: Vec<Vec<u8>>| {
        let mut objects = make::page("[0 0 595 842]", resources, content);
        objects.extend(more);
        make::pdf(&objects)
    };
    // A stream that unpacks to a gigabyte, three times packed.
    let zeros = packed(&packed(&packed(&vec![0; 256 << 20])));
    let bomb = make::stream("/Filter [/FlateDecode /FlateDecode /FlateDecode]", &zeros);
    let mut objects = make::page("[0 0 595 842]", "", b"");
    objects[3] = bomb;
    let _ = is_bounded("a stream that unpacks to very much", FileKind::Pdf, make::pdf(&objects));

    let huge = "/Type /XObject /Subtype /Image /Width 60000 /Height 60000 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode";
    let image = make::stream(huge, &packed(&vec![0; 1 << 20]));
    let file = pages("/Resources << /XObject << /I 5 0 R >> >>", b"q 500 0 0 500 0 0 cm /I Do Q", vec![image]);
    let _ = is_bounded("a picture of 60,000 × 60,000", FileKind::Pdf, file);

    // Forms that draw each other for ever, and ones that draw ten of the next.
    let form = |inner: &str, next: usize| {
        let entries =
            format!("/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F {next} 0 R >> >>");
        make::stream(&entries, inner.as_bytes())
    };
    let file = pages("/Resources << /XObject << /F 5 0 R >> >>", b"/F Do", vec![form("/F Do", 6), form("/F Do", 5)]);
    let _ = is_bounded("forms that draw each other", FileKind::Pdf, file);
    let many = "/F Do ".repeat(10);
    let chain: Vec<_> = (0..20).map(|n| form(&many, 6 + n)).chain([make::stream("", b"")]).collect();
    let file = pages("/Resources << /XObject << /F 5 0 R >> >>", many.as_bytes(), chain);
    let _ = is_bounded("10²⁰ forms", FileKind::Pdf, file);

    let deep = [b"[".repeat(200_000), b"]".repeat(200_000)].concat();
    let _ = is_bounded("an array 200,000 deep", FileKind::Pdf, make::pdf(&[deep.clone(), deep]));
    let _ = is_bounded(
        "200,000 saved states",
        FileKind::Pdf,
        make::pdf(&make::page("[0 0 9 9]", "", &b"q ".repeat(200_000))),
    );
    let dashes = b"[0.0001 0.0001] 0 d 0 0 m 595 842 l S ".repeat(50);
    let _ =
        is_bounded("a line of millions of dashes", FileKind::Pdf, make::pdf(&make::page("[0 0 595 842]", "", &dashes)));
}

#[test]
fn a_pdf_that_leads_in_circles_leads_nowhere() {
    let looped = make::pdf_with(&make::page("[0 0 9 9]", "", b""), "/Prev 9");
    let own =
        b"%PDF-1.7\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 1 /Root 1 0 R /Prev 9 >>\nstartxref\n9\n%%EOF"
            .to_vec();
    let _ = is_bounded("a table that is its own predecessor", FileKind::Pdf, looped);
    let _ = is_bounded("nothing but such a table", FileKind::Pdf, own);
    let kids = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 99999999 >>".to_vec(),
        b"<< /Type /Pages /Kids [2 0 R] /Count 99999999 >>".to_vec(),
    ];
    let _ = is_bounded("pages that hold each other", FileKind::Pdf, make::pdf(&kids));
    let selves = vec![b"1 0 R".to_vec(), b"3 0 R".to_vec(), b"2 0 R".to_vec()];
    let _ = is_bounded("objects that are each other", FileKind::Pdf, make::pdf(&selves));
    let length = b"<< /Length 4 0 R >>\nstream\nx\nendstream".to_vec();
    let mut objects = make::page("[0 0 9 9]", "", b"");
    objects[3] = length;
    let _ = is_bounded("a stream that is its own length", FileKind::Pdf, make::pdf(&objects));
}

#[test]
fn a_pdf_whose_table_is_broken_is_read_all_the_same_or_not_at_all() {
    let whole = make::pages(1);
    let at = whole.windows(4).position(|part| part == b"xref").unwrap();
    let without = &whole[..at];
    match preview(FileKind::Pdf, without) {
        Ok(made) => assert_eq!(pages(made).1, 1),
        Err(failure) => assert_eq!(failure, Failure::Unreadable),
    }
    for bad in [
        &b"%PDF-1.7"[..],
        b"%PDF-1.7\n%%EOF",
        &whole[..whole.len() / 2],
        &[b"%PDF-".as_slice(), &[0xff; 5000]].concat(),
    ] {
        let failure = preview(FileKind::Pdf, bad);
        assert!(matches!(failure, Ok(_) | Err(Failure::Unreadable | Failure::Empty)), "{failure:?}");
    }
}

#[test]
fn scripts_and_launches_in_a_pdf_do_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut objects = make::page("[0 0 200 200]", "/AA << /O 6 0 R >> /Annots [7 0 R]", b"0 0 50 50 re f");
    objects[0] =
        b"<< /Type /Catalog /Pages 2 0 R /OpenAction 5 0 R /Names << /JavaScript << /Names [(a) 5 0 R] >> >> >>"
            .to_vec();
    let address = listener.local_addr().unwrap();
    objects.extend([
        format!("<< /S /JavaScript /JS (app.launchURL\\('http://{address}/'\\);) >>").into_bytes(),
        format!("<< /S /Launch /F (/bin/touch) /Win << /F (/bin/touch) /P ({}) >> >>", made.display()).into_bytes(),
        format!("<< /Type /Annot /Subtype /Link /Rect [0 0 200 200] /A << /S /URI /URI (http://{address}/) >> >>")
            .into_bytes(),
    ]);
    let (sizes, ..) = pages(preview(FileKind::Pdf, &make::pdf(&objects)).unwrap());
    assert_eq!(sizes, [(800, 800)]);
    assert!(!made.exists());
    assert!(listener.accept().is_err(), "nobody called");
}

#[test]
fn what_is_locked_with_a_password_says_so() {
    let encrypt = "/Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -4 \
         /O <28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A> \
         /U <28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A> >> \
         /ID [<00112233445566778899AABBCCDDEEFF> <00112233445566778899AABBCCDDEEFF>]";
    let file = make::pdf_with(&make::page("[0 0 9 9]", "", b""), encrypt);
    assert_eq!(preview(FileKind::Pdf, &file).unwrap_err(), Failure::Encrypted);
}

#[test]
fn office_files_neither_blow_up_nor_reach_out() {
    let words = format!("<w:p><w:t>{}</w:t></w:p>", "ha ".repeat(1 << 10)).repeat(20 << 10);
    let bomb = make::docx_of(&words);
    assert!(bomb.len() < 512 << 10, "{}", bomb.len());
    let Ok(Preview::Text { is_cut: true, text }) = is_bounded("60 MB of words in a DOCX", FileKind::Docx, bomb) else {
        panic!()
    };
    assert!(text.expose().len() <= 512 << 10);

    let laughs: String =
        (1..12).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let xml = format!("<?xml version=\"1.0\"?><!DOCTYPE d [<!ENTITY l0 \"ha\">{laughs}]><d><t>&l11;</t></d>");
    let outside =
        "<!DOCTYPE d [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><office:body><text:p>&x;</text:p></office:body>";
    for (kind, part) in [(FileKind::Docx, "word/document.xml"), (FileKind::Odt, "content.xml")] {
        for xml in [xml.as_str(), outside] {
            let made = is_bounded("entities", kind, make::archive(&[(part, xml.as_bytes())]));
            assert_eq!(made.unwrap_err(), Failure::Unreadable);
        }
        let deep = [b"<a>".repeat(500_000), b"</a>".repeat(500_000)].concat();
        let made = is_bounded("500,000 elements deep", kind, make::archive(&[(part, &deep)]));
        assert_eq!(made.unwrap_err(), Failure::Unreadable);
    }
    let sly =
        [("../../../../tmp/letterlock-was-here", b"x".as_slice()), ("word/document.xml", b"<w:p><w:t>yes</w:t></w:p>")];
    assert_eq!(crate::words(preview(FileKind::Docx, &make::archive(&sly)).unwrap()), "yes\n");
    assert!(!std::path::Path::new("/tmp/letterlock-was-here").exists());
    let groups = [b"{\\rtf1".as_slice(), &b"{".repeat(3 << 20)].concat();
    assert_eq!(is_bounded("RTF 3,000,000 deep", FileKind::Rtf, groups).unwrap_err(), Failure::Unreadable);
}

#[test]
fn a_file_that_is_too_large_is_not_begun_with() {
    let pieces = (0..33).map(|_| Zeroizing::new(vec![b'x'; 1 << 20])).collect();
    assert_eq!(
        Previewer::new("/nowhere".into(), patient()).make(FileKind::Txt, pieces).unwrap_err(),
        Failure::TooLarge
    );
}
