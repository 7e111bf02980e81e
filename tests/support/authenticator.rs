//! A device that keeps a passkey, with the browser in front of it: WebAuthn level 3 as far as a relying party sees it. It answers
//! truly, or with a lie of the test's choice.

use letterlock::base::entropy::{Entropy, SystemEntropy};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// Where the browser is, and what the device does. Everything else is true.
#[derive(Clone)]
pub(crate) struct Truth {
    /// The origin of the page.
    pub(crate) origin: String,
    /// The relying party, in place of the one that is asked for.
    pub(crate) party: Option<&'static str>,
    /// Whether the device has seen who its holder is.
    pub(crate) verified: bool,
    /// Whether somebody has touched it.
    pub(crate) present: bool,
    /// What the browser says that this is, in place of what it is.
    pub(crate) kind: Option<&'static str>,
    /// The challenge, in place of the one that is asked for.
    pub(crate) challenge: Option<String>,
}

impl Truth {
    /// A page at this origin, and a device that does as it should.
    pub(crate) fn at(origin: &str) -> Self {
        Self { origin: origin.to_owned(), party: None, verified: true, present: true, kind: None, challenge: None }
    }
}

/// The device.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    /// The name of the passkey.
    pub(crate) id: Vec<u8>,
    /// Whose it is, as it was told.
    pub(crate) user: Vec<u8>,
    /// Uses so far.
    pub(crate) counter: u32,
}

#[allow(clippy::disallowed_methods, reason = "the device has randomness of its own")]
fn randomness() -> SystemRandom {
    SystemRandom::new()
}

impl Authenticator {
    /// A new one, with nothing on it.
    pub(crate) fn new() -> Self {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &randomness()).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref(), &randomness()).unwrap();
        let mut id = vec![0; 32];
        SystemEntropy::new().fill(&mut id).unwrap();
        Self { key, id, user: Vec::new(), counter: 0 }
    }

    /// What the browser answers to options for making a passkey.
    pub(crate) fn make(&mut self, options: &Value, truth: &Truth) -> Value {
        let asked = &options["publicKey"];
        self.user = bytes(&asked["user"]["id"]);
        let public = self.key.public_key().as_ref();
        // COSE_Key (RFC 9052): EC2, ES256, P-256, x, y.
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        cose.extend_from_slice(&public[1..33]);
        cose.extend_from_slice(&[0x22, 0x58, 0x20]);
        cose.extend_from_slice(&public[33..65]);
        let mut data = self.data(asked["rp"]["id"].as_str().unwrap(), truth, 0x40);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend_from_slice(&self.id);
        data.extend_from_slice(&cose);
        let client = client("webauthn.create", asked, truth);
        json!({ "id": text(&self.id), "authenticatorData": text(&data), "clientDataJSON": text(&client) })
    }

    /// What the browser answers to options for proving one.
    pub(crate) fn prove(&mut self, options: &Value, truth: &Truth) -> Value {
        let asked = &options["publicKey"];
        self.counter += 1;
        let data = self.data(asked["rpId"].as_str().unwrap(), truth, 0);
        let client = client("webauthn.get", asked, truth);
        let signed = [data.as_slice(), digest(&SHA256, &client).as_ref()].concat();
        let signature = self.key.sign(&randomness(), &signed).unwrap();
        json!({
            "id": text(&self.id), "authenticatorData": text(&data), "clientDataJSON": text(&client),
            "signature": text(signature.as_ref()), "userHandle": text(&self.user),
        })
    }

    fn data(&self, party: &str, truth: &Truth, flags: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, truth.party.unwrap_or(party).as_bytes()).as_ref().to_vec();
        data.push(flags | u8::from(truth.present) | u8::from(truth.verified) << 2);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }
}

fn client(kind: &str, asked: &Value, truth: &Truth) -> Vec<u8> {
    let challenge = truth.challenge.clone().unwrap_or_else(|| asked["challenge"].as_str().unwrap().to_owned());
    let kind = truth.kind.unwrap_or(kind);
    let client = json!({ "type": kind, "challenge": challenge, "origin": truth.origin, "crossOrigin": false });
    client.to_string().into_bytes()
}

fn bytes(text: &Value) -> Vec<u8> {
    data_encoding::BASE64URL_NOPAD.decode(text.as_str().unwrap().as_bytes()).unwrap()
}

fn text(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}
