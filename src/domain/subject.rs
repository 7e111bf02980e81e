//! Who a record is about: the holder of an e-mail address, as claimed.

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

use super::text::is_invisible;
use crate::base::sensitive::SensitiveString;

/// Longest local part, in bytes (RFC 5321).
const LOCAL_MAX: usize = 64;
/// Longest address, in bytes (RFC 5321).
const ADDRESS_MAX: usize = 254;

/// An e-mail address in the one spelling by which a person is found.
///
/// Trimmed, Unicode normal form C, the domain as IDNA ASCII, ASCII letters in lower case. Dots and plus tags in the
/// local part are kept: whether they matter is the mailbox provider's business.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(SensitiveString);

/// The text is not an e-mail address that mail could be sent to. Does not repeat it.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not an e-mail address: expected one like name@example.org")]
pub struct BadEmail;

impl EmailAddress {
    /// Parses an address as somebody typed it.
    ///
    /// Refused besides what has no single `@`: quoted local parts, comments, literal IP addresses, domains without a dot,
    /// and invisible characters anywhere, since nobody types them on purpose.
    ///
    /// # Errors
    /// [`BadEmail`].
    pub fn parse(text: &str) -> Result<Self, BadEmail> {
        let text = text.trim();
        // Normal form C is at most three times as long in UTF-8, and much shorter in truth.
        if text.len() > 4 * ADDRESS_MAX || text.chars().any(is_invisible) {
            return Err(BadEmail);
        }
        let text: String = if text.is_ascii() { text.to_owned() } else { text.nfc().collect() };
        let (local, domain) = text.split_once('@').ok_or(BadEmail)?;
        let local = local_part(local)?;
        let domain = domain_part(domain)?;
        let canonical = format!("{local}@{domain}");
        if canonical.len() > ADDRESS_MAX { Err(BadEmail) } else { Ok(Self(canonical.into())) }
    }

    /// The address as mail is sent to it: the domain as IDNA ASCII, the local part as it was typed, since whether its case
    /// matters is the mailbox provider's business. Only a local part beyond ASCII then needs a server that takes it (RFC 6531).
    ///
    /// # Errors
    /// [`BadEmail`].
    pub fn for_sending(text: &str) -> Result<SensitiveString, BadEmail> {
        let canonical = Self::parse(text)?;
        let (_, domain) = canonical.canonical().split_once('@').ok_or(BadEmail)?;
        let composed: String = text.trim().nfc().collect();
        let (local, _) = composed.split_once('@').ok_or(BadEmail)?;
        Ok(format!("{local}@{domain}").into())
    }

    /// The address in its one spelling. Every call is a place to review.
    pub fn canonical(&self) -> &str {
        self.0.expose()
    }
}

impl std::fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

fn local_part(local: &str) -> Result<String, BadEmail> {
    let fit = |c: char| !c.is_control() && !c.is_whitespace() && !"\"(),:;<>@[\\]".contains(c);
    let dots_well = local.split('.').all(|atom| !atom.is_empty());
    let ok = dots_well && local.len() <= LOCAL_MAX && local.chars().all(fit);
    if ok { Ok(local.to_ascii_lowercase()) } else { Err(BadEmail) }
}

fn domain_part(domain: &str) -> Result<String, BadEmail> {
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map_err(|_| BadEmail)?;
    let top = ascii.rsplit_once('.').ok_or(BadEmail)?.1;
    // A numeric top-level domain would be an IP address.
    if top.bytes().all(|b| b.is_ascii_digit()) { Err(BadEmail) } else { Ok(ascii.into_owned()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_spelling_each() {
        for (typed, canonical) in [
            ("jane@example.org", "jane@example.org"),
            ("  Jane.Doe@Example.ORG\t", "jane.doe@example.org"),
            ("j.a.n.e+jobs@gmail.com", "j.a.n.e+jobs@gmail.com"),
            ("o'hara@example.ie", "o'hara@example.ie"),
            ("a/b=c!#$%&*?^_`{|}~-@example.org", "a/b=c!#$%&*?^_`{|}~-@example.org"),
            ("info@bücher.example", "info@xn--bcher-kva.example"),
            ("info@BÜCHER.example", "info@xn--bcher-kva.example"),
            ("info@bu\u{308}cher.example", "info@xn--bcher-kva.example"),
            ("info@xn--bcher-kva.example", "info@xn--bcher-kva.example"),
            ("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
            ("rene\u{301}@example.org", "ren\u{e9}@example.org"),
            // Only ASCII is folded: é and É are two mailboxes to those who run them.
            ("RENÉ@example.org", "renÉ@example.org"),
            ("a@example。org", "a@example.org"),
            ("a@b.co", "a@b.co"),
            ("a@r3---sn-abc.example.org", "a@r3---sn-abc.example.org"),
            ("a@1.example.org", "a@1.example.org"),
        ] {
            assert_eq!(EmailAddress::parse(typed).unwrap().canonical(), canonical, "{typed:?}");
        }
    }

    #[test]
    fn mail_goes_to_the_ascii_form_of_the_domain_and_the_local_part_as_typed() {
        for (typed, sent) in [
            ("Jane.Doe@Example.ORG", "Jane.Doe@example.org"),
            (" info@bücher.example ", "info@xn--bcher-kva.example"),
            ("rene\u{301}@bücher.example", "ren\u{e9}@xn--bcher-kva.example"),
        ] {
            assert_eq!(EmailAddress::for_sending(typed).unwrap().expose(), sent, "{typed:?}");
        }
        assert!(EmailAddress::for_sending("jane@example.org\r\nBcc: x@example.org").is_err());
    }

    #[test]
    fn what_is_not_an_address() {
        for bad in [
            "",
            " ",
            "@",
            "a@",
            "@b.example",
            "a",
            "example.org",
            "a@b@example.org",
            "a@@example.org",
            "a b@example.org",
            "a@exam ple.org",
            "a@ example.org",
            "a @example.org",
            "jane\n@example.org",
            "jane@example.org\nbcc: x@example.org",
            "jane@example.org\0",
            "ja\u{7f}ne@example.org",
            "jane@localhost",
            "jane@[127.0.0.1]",
            "jane@127.0.0.1",
            "jane@example.123",
            "jane@example.org.",
            "jane@.example.org",
            "jane@example..org",
            "jane@-example.org",
            "jane@example-.org",
            "jane@exa_mple.org",
            ".jane@example.org",
            "jane.@example.org",
            "ja..ne@example.org",
            "\"jane\"@example.org",
            "jane(work)@example.org",
            "<jane@example.org>",
            "Jane <jane@example.org>",
            "mailto:jane@example.org",
            "jane@example.org,joe@example.org",
            "jane@example.org;joe@example.org",
            "jane\\@example.org",
            "ja\u{200b}ne@example.org",
            "jane@exam\u{ad}ple.org",
            "\u{feff}jane@example.org",
            "ja\u{a0}ne@example.org",
            "jane\u{202e}@example.org",
            "jane\u{ff20}example.org",
            "jane@example.org/",
            "jane@example.org?subject=x",
            "jane@xn--a.example",
            "jane@example.org:25",
            "jane%40example.org",
        ] {
            assert_eq!(EmailAddress::parse(bad), Err(BadEmail), "{bad:?}");
        }
    }

    #[test]
    fn lengths_are_those_of_rfc_5321() {
        let domain = format!("{}.{}.{}", "d".repeat(63), "e".repeat(63), "f".repeat(57));
        let longest = format!("{}@{domain}.o", "l".repeat(64));
        assert_eq!(longest.len(), 252);
        assert!(EmailAddress::parse(&format!("{longest}rg")).is_ok());
        assert!(EmailAddress::parse(&format!("{longest}rgs")).is_err());
        assert!(EmailAddress::parse(&format!("{}@example.org", "l".repeat(64))).is_ok());
        assert!(EmailAddress::parse(&format!("{}@example.org", "l".repeat(65))).is_err());
        // 33 letters of two bytes each.
        assert!(EmailAddress::parse(&format!("{}@example.org", "é".repeat(33))).is_err());
        assert!(EmailAddress::parse(&format!("a@{}.org", "d".repeat(64))).is_err());
        assert!(EmailAddress::parse(&"a".repeat(1_000_000)).is_err());
    }

    #[test]
    fn never_printed() {
        let address = EmailAddress::parse("jane@example.org").unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(..)");
        assert!(!BadEmail.to_string().contains("jane"));
    }

    proptest! {
        #[test]
        fn the_one_spelling_is_its_own(text in "[ -~é漢\u{200b}]{0,20}@[a-zA-Zü漢ß。.-]{1,30}\\.[a-z]{2,4}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                let again = EmailAddress::parse(address.canonical()).unwrap();
                prop_assert_eq!(again.canonical(), address.canonical());
                prop_assert_eq!(address.canonical().matches('@').count(), 1);
                prop_assert!(!address.canonical().contains(|c: char| c.is_ascii_uppercase() || c.is_whitespace()));
            }
        }

        #[test]
        fn anything_may_come(text in "\\PC{0,60}") {
            let _ = EmailAddress::parse(&text);
        }
    }
}
