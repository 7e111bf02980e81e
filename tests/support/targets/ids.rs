//! Everything that names something in an address or a command: handles, forms, accounts, roles, statuses, cursors, files to be handed out and links to them.

use std::fmt::Display;
use std::path::{Component, Path};
use std::str::FromStr;

use letterlock::base::ids::{FileId, Handle, PersonId, RecordId, StaffId, TokenId, VaultId};
use letterlock::crypto::Key;
use letterlock::crypto::link::Link;
use letterlock::crypto::receipt::Locators;
use letterlock::domain::form::FormId;
use letterlock::domain::resource::ResourceName;
use letterlock::domain::staff::{Login, Role};
use letterlock::domain::submission::Status;
use letterlock::services::review::rewrite_cursor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Seam, pick};

/// What is read is written as it was, in text and in JSON; no other spelling of it is read, and nothing that could be a
/// path.
pub fn check(data: &[u8], seam: Seam) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    id::<Handle>(text, seam);
    id::<RecordId>(text, seam);
    id::<PersonId>(text, seam);
    id::<FileId>(text, seam);
    id::<StaffId>(text, seam);
    id::<TokenId>(text, seam);
    id::<VaultId>(text, seam);
    id::<FormId>(text, seam);
    id::<Login>(text, seam);
    id::<Role>(text, seam);
    id::<Status>(text, seam);
    if let Ok(handle) = text.parse::<Handle>() {
        assert_eq!(RecordId::from_bytes(*handle.as_bytes()).to_string(), text);
    }
    resource(text, seam);
    link(text, seam);
    cursor(text, seam);
}

/// Whether it is the name of anything.
pub fn understood(data: &[u8]) -> bool {
    let named = |text: &str| {
        text.parse::<Handle>().is_ok()
            || text.parse::<FormId>().is_ok()
            || text.parse::<Login>().is_ok()
            || rewrite_cursor(text).is_some()
            || text.parse::<ResourceName>().is_ok()
            || Link::parse(text).is_some()
    };
    std::str::from_utf8(data).is_ok_and(named)
}

fn id<T: FromStr + Display + Serialize + DeserializeOwned>(text: &str, seam: Seam) {
    let Ok(id) = text.parse::<T>() else {
        let quoted = serde_json::to_string(text).unwrap();
        assert!((seam.refused)(serde_json::from_str::<T>(&quoted).is_err()), "{text:?} is refused, but not in JSON");
        return;
    };
    let mut again = id.to_string().into_bytes();
    (seam.written)(&mut again);
    assert_eq!(again, text.as_bytes(), "two spellings of one id");
    let quoted = serde_json::to_string(&id).unwrap();
    assert_eq!(quoted, format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<T>(&quoted).unwrap().to_string(), text);

    let tame = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    assert!(text.bytes().all(tame) && !text.starts_with('.') && (1..=64).contains(&text.len()), "a wild id");
    let at = pick(text.as_bytes(), text.len());
    let wide = char::from_u32(0xfee0 + u32::from(text.as_bytes()[at])).unwrap();
    let upper = text.to_ascii_uppercase();
    for changed in [
        format!("{text} "),
        format!(" {text}"),
        format!("{text}\n"),
        format!("{text}\0"),
        format!("./{text}"),
        format!("../{text}"),
        format!("{text}/"),
        format!("{}%2f{}", &text[..at], &text[at..]),
        format!("{}{wide}{}", &text[..at], &text[at + 1..]),
        format!("{}\u{200b}{}", &text[..at], &text[at..]),
        format!("{}\u{430}{}", &text[..at], &text[at + 1..]),
    ] {
        assert!((seam.refused)(changed.parse::<T>().is_err()), "{changed:?} is taken");
    }
    assert!((seam.refused)(upper == text || upper.parse::<T>().is_err()), "{upper:?} is taken");
}

/// The name of a file to be handed out is written as it was, and leads out of no folder.
fn resource(text: &str, seam: Seam) {
    let Ok(name) = text.parse::<ResourceName>() else {
        let quoted = serde_json::to_string(text).unwrap();
        assert!(
            (seam.refused)(serde_json::from_str::<ResourceName>(&quoted).is_err()),
            "{text:?} is refused, but not in JSON"
        );
        return;
    };
    let mut again = name.to_string().into_bytes();
    (seam.written)(&mut again);
    assert_eq!(again, text.as_bytes(), "two spellings of one name");
    let path = Path::new("resources").join(name.as_str());
    let below: Vec<_> = path.components().skip(1).collect();
    assert!(matches!(below[..], [Component::Normal(one)] if one == text), "a name that is a path");
    for changed in
        [format!("../{text}"), format!("{text}/"), format!("/{text}"), format!(".{text}"), format!("{text}\0")]
    {
        assert!((seam.refused)(changed.parse::<ResourceName>().is_err()), "{changed:?} is taken");
    }
}

/// A link is written as it was, and is for nothing that it was not made for.
fn link(text: &str, seam: Seam) {
    let Some(link) = Link::parse(text) else { return };
    let mut again = link.to_text().expose().as_bytes().to_vec();
    (seam.written)(&mut again);
    assert_eq!(again, text.as_bytes(), "two spellings of one link");
    let key = Key::from_bytes([2; 32]);
    assert!((seam.refused)(!link.is_for(&key, "guide.pdf")), "a link that nobody made");
    let made = Link::make(&key, link.locator, link.until, link.nonce, "guide.pdf");
    assert!(made.is_for(&key, "guide.pdf") && (seam.refused)(!made.is_for(&key, "guide.pd")));
    for changed in [format!("{text}="), format!("{text}A"), format!(" {text}"), text.replace(&text[3..4], "/")] {
        assert!((seam.refused)(Link::parse(&changed).is_none()), "{changed:?} is taken");
    }
}

/// A cursor is the same again, and leads to one place at most.
fn cursor(text: &str, seam: Seam) {
    let Some(again) = rewrite_cursor(text) else { return };
    let mut again = again.into_bytes();
    (seam.written)(&mut again);
    assert_eq!(again, text.as_bytes(), "two spellings of one cursor");
    for changed in [format!("{text}="), format!("{text}A"), format!(" {text}"), text.replace(&text[3..4], "/")] {
        assert!((seam.refused)(rewrite_cursor(&changed).is_none()), "{changed:?} is taken");
    }
    let hidden = text.bytes().fold(0_u64, |sum, b| sum.wrapping_mul(61).wrapping_add(b.into())) >> 28;
    let cursors = Locators::for_cursors(&Key::from_bytes([1; 32]));
    match cursors.reveal(hidden) {
        Some(arrival) => assert_eq!(cursors.hide(arrival), Some(hidden)),
        None => assert!(hidden >> 35 != 0),
    }
}
