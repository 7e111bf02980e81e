//! A device of the tests' own against a site: what is true is taken, and nothing else.

use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::*;
use crate::base::entropy::SystemEntropy;

const ORIGIN: &str = "https://vault.example.org";

fn site() -> Site {
    Site::new(ORIGIN, "Vault").unwrap()
}

struct Device(Ed25519KeyPair);

impl Device {
    #[allow(clippy::disallowed_methods, reason = "the device has randomness of its own")]
    fn new() -> Self {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap())
    }

    fn make(&self, options: &str, flags: u8) -> String {
        let start = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
        let head = head(flags | 0x40, 0);
        let data = [head.as_slice(), &[0; 16], &[0, 3], b"key", &start, self.0.public_key().as_ref()];
        let client = client("webauthn.create", options, ORIGIN);
        json!({ "id": encode(b"key"), "authenticatorData": encode(&data.concat()), "clientDataJSON": client })
            .to_string()
    }

    fn prove(&self, options: &str, flags: u8, counter: u32) -> Answer {
        self.prove_with(&client("webauthn.get", options, ORIGIN), head(flags, counter))
    }

    fn prove_with(&self, client: &str, data: Vec<u8>) -> Answer {
        let signed = [data.as_slice(), &sha256(&decode(client).unwrap())].concat();
        let signature = encode(self.0.sign(&signed).as_ref());
        let (id, data) = (encode(b"key"), encode(&data));
        let proof = json!({ "id": id, "authenticatorData": data, "clientDataJSON": client, "signature": signature });
        Answer::parse(&proof.to_string()).unwrap()
    }
}

fn head(flags: u8, counter: u32) -> Vec<u8> {
    [sha256(b"vault.example.org").as_slice(), &[flags], &counter.to_be_bytes()].concat()
}

fn client(kind: &str, options: &str, origin: &str) -> String {
    let options: Value = serde_json::from_str(options).unwrap();
    let client = json!({ "type": kind, "challenge": options["publicKey"]["challenge"], "origin": origin });
    encode(client.to_string().as_bytes())
}

fn made(device: &Device, flags: u8) -> Result<Passkey, Refused> {
    let (options, asked) = site().make(StaffId::from_bytes([1; 16]), "jane", &[], &SystemEntropy::new()).unwrap();
    site().made(&asked, &device.make(&options, flags))
}

fn proven(device: &Device, key: &mut Passkey, flags: u8, counter: u32) -> Result<(), Refused> {
    let (options, asked) = site().prove(&[], &SystemEntropy::new()).unwrap();
    site().proven(&asked, &device.prove(&options, flags, counter), key)
}

#[test]
fn only_a_device_that_has_recognised_its_holder_counts() {
    let device = Device::new();
    let mut key = made(&device, 0x05).unwrap();
    for flags in 0..=0x3f_u8 {
        let seen = flags & 0x05 == 0x05;
        let carried = flags & 0x18;
        // Carried without being portable is a contradiction.
        assert_eq!(made(&device, flags).is_ok(), seen && carried != 0x10, "{flags:#x}");
        // And what was not portable never becomes it.
        assert_eq!(proven(&device, &mut key, flags, 0).is_ok(), seen && carried == 0, "{flags:#x}");
    }
}

#[test]
fn counters_go_on_or_are_not_used() {
    let device = Device::new();
    let mut key = made(&device, 0x05).unwrap();
    assert_eq!(proven(&device, &mut key, 0x05, 0), Ok(()), "a device that does not count");
    assert_eq!(proven(&device, &mut key, 0x05, 7), Ok(()));
    for back in [7, 6, 1, 0] {
        assert_eq!(proven(&device, &mut key, 0x05, back), Err(Refused::Copied), "{back}");
    }
    assert_eq!(proven(&device, &mut key, 0x05, 8), Ok(()));
    assert_eq!(proven(&device, &mut key, 0x05, u32::MAX), Ok(()));
}

#[test]
fn an_answer_holds_for_its_question_site_key_and_signature_only() {
    let (device, other) = (Device::new(), Device::new());
    let mut key = made(&device, 0x05).unwrap();
    let (options, asked) = site().prove(&[], &SystemEntropy::new()).unwrap();
    let (_, another) = site().prove(&[], &SystemEntropy::new()).unwrap();
    let good = device.prove(&options, 0x05, 0);
    assert_eq!(site().proven(&another, &good, &mut key), Err(Refused::Wrong), "another question");
    assert_eq!(site().proven(&asked, &other.prove(&options, 0x05, 0), &mut key), Err(Refused::Wrong), "another key");
    for site in ["https://vault.example.org:8443", "https://other.example.org", "https://example.org"] {
        let site = Site::new(site, "Vault").unwrap();
        assert_eq!(site.proven(&asked, &good, &mut key), Err(Refused::Wrong));
    }
    for (kind, origin) in [
        ("webauthn.create", ORIGIN),
        ("webauthn.get", "https://evil.example"),
        ("webauthn.get", "https://vault.example.org."),
        ("webauthn.get", "https://vault.example.org/"),
        ("webauthn.get", "http://vault.example.org"),
    ] {
        let answer = device.prove_with(&client(kind, &options, origin), head(0x05, 0));
        assert_eq!(site().proven(&asked, &answer, &mut key), Err(Refused::Wrong), "{kind} at {origin}");
    }
    let framed = String::from_utf8(decode(&client("webauthn.get", &options, ORIGIN)).unwrap()).unwrap();
    let framed = encode(framed.replace('}', ",\"crossOrigin\":true}").as_bytes());
    let answer = device.prove_with(&framed, head(0x05, 0));
    assert_eq!(site().proven(&asked, &answer, &mut key), Err(Refused::Wrong), "in a frame");
    // Each bit of what is signed, and of the signature.
    for bit in 0..good.data.len() * 8 + good.client.len() * 8 + good.signature.len() * 8 {
        let mut changed = device.prove(&options, 0x05, 0);
        let parts = [&mut changed.data, &mut changed.client, &mut changed.signature];
        let mut at = bit;
        for part in parts {
            if at < part.len() * 8 {
                part[at / 8] ^= 1 << (at % 8);
                break;
            }
            at -= part.len() * 8;
        }
        assert!(site().proven(&asked, &changed, &mut key).is_err(), "bit {bit}");
    }
    assert_eq!(site().proven(&asked, &good, &mut key), Ok(()));
}

#[test]
fn a_site_is_https_at_a_name() {
    for bad in
        ["", "vault.example.org", "http://vault.example.org", "https://127.0.0.1", "https://[::1]:8443", "https://"]
    {
        assert_eq!(Site::new(bad, "x"), Err(BadSite), "{bad}");
    }
    let site = Site::new("https://Vault.Example.org:443/", "x").unwrap();
    assert_eq!((site.origin.as_str(), site.party.as_str()), ("https://vault.example.org", "vault.example.org"));
}

#[test]
fn stored_passkeys_are_read_again() {
    let key = made(&Device::new(), 0x0d).unwrap();
    let stored = postcard::to_stdvec(&key).unwrap();
    assert_eq!(postcard::from_bytes::<Passkey>(&stored).unwrap(), key);
}
