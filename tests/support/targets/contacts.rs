//! Text for everybody to read, looked through for addresses and numbers.

use letterlock::domain::contact::Contacts;

use super::Seam;

/// Whatever stands around them: an e-mail address and a card number that follow are found, and what is found is said in words.
pub fn check(data: &[u8], seam: Seam) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let found = Contacts::find(text);
    assert_eq!(found.any(), found.said().is_some());
    assert_eq!(Contacts::find(text), found);

    let mut card = b"4111111111111111".to_vec();
    (seam.written)(&mut card);
    let with_card = format!("{text}\n;{}", String::from_utf8_lossy(&card));
    assert!(Contacts::find(&with_card).card, "a card number is overlooked");
    let with_address = format!("{text}\n; jane@example.org");
    assert!((seam.refused)(Contacts::find(&with_address).email), "an address is overlooked");
}

/// Whether anything is found.
pub fn understood(data: &[u8]) -> bool {
    std::str::from_utf8(data).is_ok_and(|text| Contacts::find(text).any())
}
