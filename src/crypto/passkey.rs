//! Passkeys: the relying party's side of WebAuthn level 3. What a browser is asked (section 5), and whether what it answers is true
//! (sections 7.1 and 7.2).
//!
//! The device has always to see that its holder is there and who it is (user verification), so that a passkey is enough by itself.
//! Where devices were made is not asked (attestation `none`), so that nothing is left of an attestation to look at, and a browser
//! sends the authenticator data alone. What remains is to compare six values and to verify one signature, which ring does. That is
//! why webauthn-rs was left out: it brings eighty crates, among them release candidates of a second provider of cryptography, and
//! draws its challenges from no parameter.

mod cose;
mod data;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use url::Url;

use crate::base::entropy::{Entropy, EntropyError, random};
use crate::base::ids::StaffId;
use cose::PublicKey;
use data::{AuthData, Flags, sha256};

/// Longest answer of a browser that is looked at, in bytes.
pub const LONGEST_ANSWER: usize = 16 * 1024;
/// How long a browser waits for its user, in milliseconds: as long as what was asked is good.
const WAIT: u32 = 300_000;

/// Where passkeys are good: one origin, whose host is the relying party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// As browsers write it: scheme, host and port, unless that is the usual one.
    origin: String,
    /// The host.
    party: String,
    /// What devices show.
    name: String,
}

/// There can be no passkeys at this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("passkeys need an address of https:// and a name, not a number")]
pub struct BadSite;

/// Why an answer is not taken. Which of its checks failed is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not what was asked, not from here, not by this passkey, or not to be read.
    #[error("the answer is not taken")]
    Wrong,
    /// Right in all, but its counter does not go on: there may be a copy of the passkey.
    #[error("the counter of the passkey went back")]
    Copied,
}

/// The public half of a passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    id: Vec<u8>,
    key: PublicKey,
    /// Of the last use; stays 0 at devices that do not count.
    counter: u32,
    /// Whether it may be carried to other devices of its holder. Never changes.
    portable: bool,
}

/// That a browser was asked to make a passkey. Good for one answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Making([u8; 32]);

/// That a browser was asked to prove that its user has one. Good for one answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Proving([u8; 32]);

/// A proof that was read and not yet checked.
#[derive(Debug)]
pub struct Answer {
    id: Vec<u8>,
    staff: Option<StaffId>,
    data: Vec<u8>,
    client: Vec<u8>,
    signature: Vec<u8>,
}

impl Site {
    /// The site at `origin`, for example `https://vault.example.org`; `name` is what devices show.
    ///
    /// # Errors
    /// [`BadSite`] for anything but HTTPS at a name.
    pub fn new(origin: &str, name: &str) -> Result<Self, BadSite> {
        let url = Url::parse(origin).map_err(|_| BadSite)?;
        let (true, Some(host)) = (url.scheme() == "https", url.domain()) else { return Err(BadSite) };
        let origin = url.origin().ascii_serialization();
        Ok(Self { origin, party: host.to_owned(), name: name.to_owned() })
    }

    /// Scheme, host and port, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What asks a browser to make a passkey, as JSON for `navigator.credentials.create`. A device that has one of `known` makes no
    /// second.
    ///
    /// # Errors
    /// Without randomness.
    pub fn make(
        &self,
        staff: StaffId,
        login: &str,
        known: &[Passkey],
        entropy: &dyn Entropy,
    ) -> Result<(String, Making), EntropyError> {
        let challenge = random(entropy)?;
        let kinds: Vec<Value> =
            cose::ALGORITHMS.iter().map(|alg| json!({ "type": "public-key", "alg": alg })).collect();
        let options = json!({ "publicKey": {
            "rp": { "id": self.party, "name": self.name },
            "user": { "id": encode(staff.as_bytes()), "name": login, "displayName": login },
            "challenge": encode(&challenge),
            "pubKeyCredParams": kinds,
            "timeout": WAIT,
            "excludeCredentials": named(known),
            // It knows whose it is, so that nobody has to type a login.
            "authenticatorSelection":
                { "residentKey": "required", "requireResidentKey": true, "userVerification": "required" },
            "attestation": "none",
        } });
        Ok((options.to_string(), Making(challenge)))
    }

    /// The passkey that was made.
    ///
    /// # Errors
    /// [`Refused::Wrong`].
    pub fn made(&self, asked: &Making, answer: &str) -> Result<Passkey, Refused> {
        let answer: Made = read(answer)?;
        let (id, data) = (decode(&answer.id)?, decode(&answer.authenticator_data)?);
        self.check_client(&decode(&answer.client_data)?, "webauthn.create", &asked.0)?;
        let data = AuthData::parse(&data).ok_or(Refused::Wrong)?;
        self.check_data(&data)?;
        let made = data.made.ok_or(Refused::Wrong)?;
        if made.id != id {
            return Err(Refused::Wrong);
        }
        let portable = data.flags.has(Flags::PORTABLE);
        Ok(Passkey { id, key: made.key, counter: data.counter, portable })
    }

    /// What asks for one of these passkeys, as JSON for `navigator.credentials.get`; for any that the browser has, when there are
    /// none.
    ///
    /// # Errors
    /// Without randomness.
    pub fn prove(&self, of: &[Passkey], entropy: &dyn Entropy) -> Result<(String, Proving), EntropyError> {
        let challenge = random(entropy)?;
        let options = json!({ "publicKey": {
            "challenge": encode(&challenge),
            "timeout": WAIT,
            "rpId": self.party,
            "allowCredentials": named(of),
            "userVerification": "required",
        } });
        Ok((options.to_string(), Proving(challenge)))
    }

    /// Whether `answer` is by `key`, which its caller has found by [`Answer::id`]. Takes its counter on.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn proven(&self, asked: &Proving, answer: &Answer, key: &mut Passkey) -> Result<(), Refused> {
        self.check_client(&answer.client, "webauthn.get", &asked.0)?;
        let data = AuthData::parse(&answer.data).ok_or(Refused::Wrong)?;
        self.check_data(&data)?;
        if answer.id != key.id || data.flags.has(Flags::PORTABLE) != key.portable {
            return Err(Refused::Wrong);
        }
        let signed = [answer.data.as_slice(), &sha256(&answer.client)].concat();
        if !key.key.verifies(&signed, &answer.signature) {
            return Err(Refused::Wrong);
        }
        if (data.counter > 0 || key.counter > 0) && data.counter <= key.counter {
            return Err(Refused::Copied);
        }
        key.counter = data.counter;
        Ok(())
    }

    /// The browser did what it was asked, here and now.
    fn check_client(&self, client: &[u8], kind: &str, challenge: &[u8; 32]) -> Result<(), Refused> {
        let client: Client = serde_json::from_slice(client).map_err(|_| Refused::Wrong)?;
        let ours = decode(&client.challenge).is_ok_and(|sent| bool::from(sent.as_slice().ct_eq(challenge)));
        let good = ours && client.kind == kind && client.origin == self.origin && !client.cross_origin;
        if good { Ok(()) } else { Err(Refused::Wrong) }
    }

    /// The device did it for this site, with its holder there and recognised.
    fn check_data(&self, data: &AuthData) -> Result<(), Refused> {
        let carried = data.flags.has(Flags::CARRIED) && !data.flags.has(Flags::PORTABLE);
        let seen = data.flags.has(Flags::PRESENT) && data.flags.has(Flags::VERIFIED);
        if data.party == sha256(self.party.as_bytes()) && seen && !carried { Ok(()) } else { Err(Refused::Wrong) }
    }
}

impl Answer {
    /// Reads what a browser sends.
    ///
    /// # Errors
    /// [`Refused::Wrong`] for what is no answer, or longer than [`LONGEST_ANSWER`].
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let proof: Proof = read(text)?;
        let staff = match proof.user_handle {
            None => None,
            Some(text) => {
                let bytes: [u8; 16] = decode(&text)?.try_into().map_err(|_| Refused::Wrong)?;
                Some(StaffId::from_bytes(bytes))
            }
        };
        Ok(Self {
            id: decode(&proof.id)?,
            staff,
            data: decode(&proof.authenticator_data)?,
            client: decode(&proof.client_data)?,
            signature: decode(&proof.signature)?,
        })
    }

    /// Whose it says it is. To be checked.
    pub const fn staff(&self) -> Option<StaffId> {
        self.staff
    }

    /// By which passkey, as [`Passkey::id`]. To be checked.
    pub fn id(&self) -> &[u8] {
        &self.id
    }
}

impl Passkey {
    /// Its name at the device: some bytes, unlike any other's.
    pub fn id(&self) -> &[u8] {
        &self.id
    }
}

/// What our script sends of a passkey that was made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Made {
    id: String,
    authenticator_data: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
}

/// What it sends of a proof.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Proof {
    id: String,
    authenticator_data: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    signature: String,
    user_handle: Option<String>,
}

/// What the browser says of itself (section 5.8.1). It may say more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Client {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    /// In a frame of another site, which the pages do not allow.
    #[serde(default)]
    cross_origin: bool,
}

fn named(keys: &[Passkey]) -> Vec<Value> {
    keys.iter().map(|key| json!({ "type": "public-key", "id": encode(&key.id) })).collect()
}

fn read<T: serde::de::DeserializeOwned>(answer: &str) -> Result<T, Refused> {
    if answer.len() > LONGEST_ANSWER {
        return Err(Refused::Wrong);
    }
    serde_json::from_str(answer).map_err(|_| Refused::Wrong)
}

fn encode(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

fn decode(text: &str) -> Result<Vec<u8>, Refused> {
    data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| Refused::Wrong)
}

#[cfg(test)]
mod tests;
