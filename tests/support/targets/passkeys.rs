//! What a browser answers when it was asked to make a passkey, or to prove one.

use letterlock::base::entropy::SeededEntropy;
use letterlock::base::ids::StaffId;
use letterlock::crypto::passkey::{Answer, Making, Passkey, Proving, Site};
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::Seam;

const HERE: &str = "https://vault.example.org";
const ID: &[u8] = b"the passkey";

/// An answer that is taken belongs to its question, its site and its key; what was made is stored and read again as it was; and a
/// proof counts once.
pub fn check(data: &[u8], seam: Seam) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = site(HERE).made(&making(1).1, text) {
        let mut stored = serde_json::to_vec(&key).unwrap();
        (seam.written)(&mut stored);
        assert_eq!(serde_json::from_slice::<Passkey>(&stored).ok(), Some(key), "stored as something else");
        assert!((seam.refused)(site(HERE).made(&making(2).1, text).is_err()), "another question");
        for elsewhere in ["https://vault.example.org:8443", "https://evil.example"] {
            assert!((seam.refused)(site(elsewhere).made(&making(1).1, text).is_err()), "{elsewhere}");
        }
        assert!((seam.refused)(Answer::parse(text).is_err()), "both a passkey and a proof of one");
    }
    let Ok(answer) = Answer::parse(text) else { return };
    let mut key = known();
    if site(HERE).proven(&proving(1).1, &answer, &mut key).is_err() {
        assert_eq!(key, known(), "refused, and changed all the same");
        return;
    }
    assert_eq!(answer.id(), key.id());
    assert!((seam.refused)(site(HERE).proven(&proving(1).1, &answer, &mut key).is_err()), "a second time");
    assert!((seam.refused)(site(HERE).proven(&proving(2).1, &answer, &mut known()).is_err()), "another question");
    assert!((seam.refused)(site("https://evil.example").proven(&proving(1).1, &answer, &mut known()).is_err()));
}

/// Whether there is an answer in it.
pub fn understood(data: &[u8]) -> bool {
    std::str::from_utf8(data)
        .is_ok_and(|text| Answer::parse(text).is_ok() || site(HERE).made(&making(1).1, text).is_ok())
}

/// What a browser answers, truly, when it is asked to make a passkey.
pub fn registration() -> String {
    let start = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
    let length = u16::try_from(ID.len()).unwrap().to_be_bytes();
    let data = [&head(0x45, 0), [0; 16].as_slice(), &length, ID, &start, device().public_key().as_ref()].concat();
    let client = client("webauthn.create", &making(1).0);
    json!({ "id": encode(ID), "authenticatorData": encode(&data), "clientDataJSON": encode(&client) }).to_string()
}

/// And when it is asked to prove that its user has it.
pub fn proof() -> String {
    let (data, client) = (head(0x05, 7), client("webauthn.get", &proving(1).0));
    let signature = device().sign(&[data.as_slice(), digest(&SHA256, &client).as_ref()].concat());
    json!({
        "id": encode(ID), "authenticatorData": encode(&data), "clientDataJSON": encode(&client),
        "signature": encode(signature.as_ref()), "userHandle": encode(&[1; 16]),
    })
    .to_string()
}

fn site(origin: &str) -> Site {
    Site::new(origin, "Vault").unwrap()
}

fn making(seed: u64) -> (String, Making) {
    site(HERE).make(StaffId::from_bytes([1; 16]), "jane", &[], &SeededEntropy::new(seed)).unwrap()
}

fn proving(seed: u64) -> (String, Proving) {
    site(HERE).prove(&[], &SeededEntropy::new(seed)).unwrap()
}

fn known() -> Passkey {
    site(HERE).made(&making(1).1, &registration()).unwrap()
}

fn device() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

fn head(flags: u8, counter: u32) -> Vec<u8> {
    [digest(&SHA256, b"vault.example.org").as_ref(), &[flags], &counter.to_be_bytes()].concat()
}

fn client(kind: &str, options: &str) -> Vec<u8> {
    let options: Value = serde_json::from_str(options).unwrap();
    let client = json!({ "type": kind, "challenge": options["publicKey"]["challenge"], "origin": HERE });
    client.to_string().into_bytes()
}

fn encode(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}
