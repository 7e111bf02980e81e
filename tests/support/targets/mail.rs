//! The head of a mail: addresses, subjects and links as an attacker could give them.

use letterlock::adapters::mail::{Outgoing, formatted};

use super::Seam;

const FROM: &str = "Exämple <office@example.org>";
const HEADERS: [&str; 8] =
    ["From", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version", "Date", "Content-Type"];

/// Address, subject, text and link, one after the other with a zero byte between them. What comes out has exactly the headers
/// that are meant, each once, in lines that every mail server takes; it goes to the one address; and nothing is taken that
/// could begin another.
pub fn check(data: &[u8], seam: Seam) {
    let Some(mail) = mail_of(data) else { return };
    let Ok((to, bytes)) = formatted(FROM, &mail) else { return };
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head and a body");
    let head = std::str::from_utf8(&bytes[..at]).expect("a head in UTF-8");
    assert!(!head.replace("\r\n", "").contains(['\r', '\n', '\0']), "a bare line end in the head: {head:?}");
    assert!(to.expose().is_ascii() == head.is_ascii() || head.is_ascii(), "a head beyond ASCII: {head:?}");
    for line in bytes.split(|b| *b == b'\n') {
        assert!(line.len() <= 999, "a line of {} bytes", line.len());
    }
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let lines: Vec<(&str, &str)> = unfolded.split("\r\n").map(|line| line.split_once(':').expect("a header")).collect();

    let mut names: Vec<&str> = lines.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let mut expected = HEADERS.to_vec();
    if mail.unsubscribe.is_some() {
        expected.extend(["List-Unsubscribe", "List-Unsubscribe-Post"]);
    }
    expected.sort_unstable();
    let mut written = names.join("\n").into_bytes();
    (seam.written)(&mut written);
    assert_eq!(written, expected.join("\n").into_bytes(), "other headers than those meant: {head:?}");

    let value = |name: &str| lines.iter().find(|(n, _)| *n == name).map(|(_, value)| value.trim()).unwrap();
    assert_eq!(value("To").replace(' ', ""), to.expose(), "it says another address than it goes to");
    assert_eq!(to.expose().matches('@').count(), 1);
    if let Some(link) = &mail.unsubscribe {
        assert_eq!(value("List-Unsubscribe"), format!("<{}>", link.expose()));
        assert_eq!(value("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    }

    for more in ["\r\nBcc: b@example.org", "\nX: y", ", b@example.org", "> <b@example.org", "\0"] {
        let other = Outgoing { to: format!("{}{more}", mail.to.expose()).into(), ..mail.clone() };
        assert!((seam.refused)(formatted(FROM, &other).is_err()), "a second address: {more:?}");
        let other = Outgoing { unsubscribe: Some(format!("https://example.org/{more}").into()), ..mail.clone() };
        assert!((seam.refused)(formatted(FROM, &other).is_err()), "another header by the link: {more:?}");
        let other = Outgoing { id: Some(format!("a{more}")), ..mail.clone() };
        assert!((seam.refused)(formatted(FROM, &other).is_err()), "another header by the name: {more:?}");
    }
}

/// Whether it is a mail that can be sent.
pub fn understood(data: &[u8]) -> bool {
    mail_of(data).is_some_and(|mail| formatted(FROM, &mail).is_ok())
}

fn mail_of(data: &[u8]) -> Option<Outgoing> {
    let text = std::str::from_utf8(data).ok()?;
    let mut parts = text.splitn(4, '\0');
    let to = parts.next()?.into();
    let subject = parts.next()?.to_owned();
    let text = parts.next()?;
    let unsubscribe = parts.next().map(Into::into);
    Some(Outgoing { to, subject, text: text.into(), html: text.into(), id: Some("abc234".to_owned()), unsubscribe })
}
