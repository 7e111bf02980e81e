//! Proof of work in the format of ALTCHA's first version: which number, after the salt, has this SHA-256?
//!
//! The `altcha` crate speaks the second version only, which its widget and our script of a few lines do not need, and reads the
//! clock itself; what is left is one hash and one tag, both ring's.

use ring::{digest, hmac};
use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::entropy::{Entropy, EntropyError, random};
use crate::domain::form::FormId;

/// The largest number to be found: half a second or so in a browser, on average.
const MAX_NUMBER: u32 = 50_000;
const ALGORITHM: &str = "SHA-256";
/// Longest solution that is looked at, in bytes.
const LONGEST: usize = 1024;

/// A challenge, as it goes out.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Challenge {
    algorithm: &'static str,
    challenge: String,
    maxnumber: u32,
    salt: String,
    signature: String,
}

/// A solution, as it comes in: JSON in Base64.
#[derive(Deserialize)]
struct Solution {
    algorithm: String,
    challenge: String,
    number: u32,
    salt: String,
    signature: String,
}

/// A challenge to whoever sends `form`, good until `until`.
pub(super) fn make(
    key: &hmac::Key,
    form: &FormId,
    until: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Challenge, EntropyError> {
    let secret = u64::from_le_bytes(random(entropy)?) % (u64::from(MAX_NUMBER) + 1);
    let salt = data_encoding::HEXLOWER.encode(&random::<12>(entropy)?);
    // The `&` at the end keeps a digit of the number from passing as one of the salt.
    let salt = format!("{salt}?expires={}&form={form}&", until.as_millis() / 1000);
    let challenge = hash(&salt, u32::try_from(secret).unwrap_or(MAX_NUMBER));
    let signature = data_encoding::HEXLOWER.encode(sign(key, &challenge).as_ref());
    Ok(Challenge { algorithm: ALGORITHM, challenge, maxnumber: MAX_NUMBER, salt, signature })
}

/// Checks a solution: the challenge it answers, and when that runs out. `None` when it is wrong or late.
pub(super) fn check(key: &hmac::Key, form: &FormId, solution: &str, now: Timestamp) -> Option<([u8; 32], Timestamp)> {
    if solution.len() > LONGEST {
        return None;
    }
    let json = data_encoding::BASE64.decode(solution.as_bytes()).ok()?;
    let Solution { algorithm, challenge, number, salt, signature } = serde_json::from_slice(&json).ok()?;
    let signature = data_encoding::HEXLOWER.decode(signature.as_bytes()).ok()?;
    hmac::verify(key, &words(&challenge), &signature).ok()?;
    // From here on the challenge is ours; the salt is, once it has the hash.
    if algorithm != ALGORITHM || hash(&salt, number) != challenge {
        return None;
    }
    let rest = salt.split_once("?expires=")?.1;
    let seconds: i64 = rest.strip_suffix(&format!("&form={form}&"))?.parse().ok()?;
    let until = Timestamp::from_millis(seconds.checked_mul(1000)?);
    let id = data_encoding::HEXLOWER.decode(challenge.as_bytes()).ok()?.try_into().ok()?;
    (now < until).then_some((id, until))
}

fn hash(salt: &str, number: u32) -> String {
    let digest = digest::digest(&digest::SHA256, format!("{salt}{number}").as_bytes());
    data_encoding::HEXLOWER.encode(digest.as_ref())
}

fn sign(key: &hmac::Key, challenge: &str) -> hmac::Tag {
    hmac::sign(key, &words(challenge))
}

fn words(challenge: &str) -> Vec<u8> {
    format!("challenge {challenge}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SystemEntropy;
    use serde_json::json;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_millis(1_795_453_726_000);

    fn encode(c: &Challenge, number: u32, salt: &str) -> String {
        let solution = json!({ "algorithm": "SHA-256", "challenge": c.challenge, "number": number, "salt": salt,
            "signature": c.signature, "took": 12 });
        data_encoding::BASE64.encode(solution.to_string().as_bytes())
    }

    #[test]
    fn a_solution_counts_for_its_form_until_it_runs_out() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let form: FormId = "contact".parse().unwrap();
        let until = NOW.plus(Duration::from_secs(60));
        let c = make(&key, &form, until, &SystemEntropy::new()).unwrap();
        let number = (0..=c.maxnumber).find(|n| hash(&c.salt, *n) == c.challenge).unwrap();
        let solution = encode(&c, number, &c.salt);
        let last = Timestamp::from_millis(until.as_millis() - 1);
        assert_eq!(check(&key, &form, &solution, last).unwrap().1, until);
        assert!(check(&key, &form, &solution, until).is_none());
        assert!(check(&key, &"support".parse().unwrap(), &solution, NOW).is_none());
        assert!(check(&hmac::Key::new(hmac::HMAC_SHA256, &[2; 32]), &form, &solution, NOW).is_none());
        assert!(check(&key, &form, &encode(&c, number + 1, &c.salt), NOW).is_none());
        // Digits cannot wander from the number into the salt, nor a later time come into it.
        let digits = number.to_string();
        let moved = format!("{}{}", c.salt, &digits[..1]);
        assert!(check(&key, &form, &encode(&c, digits[1..].parse().unwrap_or(0), &moved), NOW).is_none());
        let later = c.salt.replace("?expires=", "?expires=9");
        assert!(check(&key, &form, &encode(&c, number, &later), NOW).is_none());
        for bad in ["", "x", "e30=", &"A".repeat(2000)] {
            assert!(check(&key, &form, bad, NOW).is_none());
        }
    }
}
