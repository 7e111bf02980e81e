//! Receipt codes, as a person types them.

use letterlock::crypto::Key;
use letterlock::crypto::receipt::{Locators, ReceiptSecret};

use super::{Seam, pick};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Any text: what is a code is written in the one spelling that it stands for. And any bytes as an arrival number and a
/// record key: their code reads back, however it is typed, and not with a wrong character.
pub fn check(data: &[u8], seam: Seam) {
    let locators = Locators::new(&Key::from_bytes([1; 32]));
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok((arrival, secret)) = locators.parse(text)
    {
        let code = locators.code(arrival, &secret).expect("an arrival number out of a code");
        let mut again = code.expose().as_bytes().to_vec();
        (seam.written)(&mut again);
        assert_eq!(again, canonical(text).as_bytes(), "read otherwise than it was typed");
        wrong(&locators, code.expose(), data, seam);
    }

    let mut bytes = [0; 40];
    bytes.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
    let arrival = u64::from_be_bytes(bytes[..8].try_into().unwrap()) >> (pick(data, 36) + 20);
    let secret = ReceiptSecret::derive(&Key::from_slice(&bytes[8..]).unwrap());
    let Some(code) = locators.code(arrival, &secret) else { return assert!(arrival >> 35 != 0) };
    assert!(arrival >> 35 == 0, "an arrival number past the last one has a code");
    let code = code.expose();
    let typed = match pick(data, 6) {
        0 => code.to_owned(),
        1 => code.to_lowercase(),
        2 => code.replace('-', " "),
        3 => code.replace('-', ""),
        4 => code.replace('0', "o").replace('1', if pick(data, 2) == 0 { "l" } else { "I" }),
        _ => format!("\t{}\u{a0}\n", code.replace('-', "\u{2003}")),
    };
    let (found, read) = locators.parse(&typed).expect("a code that was issued reads back");
    assert!(found == arrival && read == secret);
    wrong(&locators, code, data, seam);
}

/// Whether it is a code.
pub fn understood(data: &[u8]) -> bool {
    let locators = Locators::new(&Key::from_bytes([1; 32]));
    std::str::from_utf8(data).is_ok_and(|text| locators.parse(text).is_ok())
}

/// The code of this arrival number, for seeds.
pub fn code(arrival: u64) -> String {
    let secret = ReceiptSecret::derive(&Key::from_bytes([2; 32]));
    Locators::new(&Key::from_bytes([1; 32])).code(arrival, &secret).unwrap().expose().to_owned()
}

/// One wrong character, one too few, one too many, and characters that no code has.
fn wrong(locators: &Locators, code: &str, data: &[u8], seam: Seam) {
    let places: Vec<usize> = (0..code.len()).filter(|at| at % 5 != 4).collect();
    let at = places[pick(data, places.len())];
    let others: Vec<char> = ALPHABET.iter().map(|c| char::from(*c)).filter(|c| !code[at..].starts_with(*c)).collect();
    let other = others[pick(data, others.len())];
    for replacement in [other.to_string(), String::new(), format!("{other}{}", &code[at..=at]), "U".into(), "０".into()]
    {
        let typed = [&code[..at], &replacement, &code[at + 1..]].concat();
        assert!((seam.refused)(locators.parse(&typed).is_err()), "a wrong character goes unnoticed");
    }
}

/// The rules for typing, once more: case, spaces and hyphens do not count, O is 0, I and L are 1.
fn canonical(typed: &str) -> String {
    let plain: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let plain = plain.to_ascii_uppercase().replace('O', "0").replace(['I', 'L'], "1");
    let groups: Vec<&str> = (0..7).map(|n| &plain[4 * n..4 * n + 4]).collect();
    groups.join("-")
}
