//! One-time codes by time (RFC 6238): six digits, thirty seconds, HMAC-SHA-1, as every authenticator program takes them.

use serde::{Deserialize, Serialize};
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::{Zeroize, Zeroizing};

use crate::base::clock::Timestamp;
use crate::base::entropy::{Entropy, EntropyError, random};
use crate::base::sensitive::SensitiveString;

/// Steps before and after the present one that count: clocks differ, and people take their time (RFC 6238, section 5.2).
const SKEW: u16 = 1;
/// Seconds of a step.
const STEP: u64 = 30;

/// What an authenticator program and the vault share: 160 random bits (RFC 4226, section 4, R6).
#[derive(Clone, Serialize, Deserialize)]
pub struct TotpSecret([u8; 20]);

impl TotpSecret {
    /// A fresh secret.
    ///
    /// # Errors
    /// Without randomness.
    pub fn make_random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Ok(Self(random(entropy)?))
    }

    /// The step that `code` is of, when it is one of those that count at `now`. Whoever asks sees to it that a step counts
    /// once. Blanks within the code are passed over: programs show it in groups.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        let code: Zeroizing<String> = Zeroizing::new(code.chars().filter(|c| !c.is_whitespace()).collect());
        if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let seconds = u64::try_from(now.as_millis() / 1000).ok()?;
        let totp = self.totp("Letterlock", "letterlock")?;
        let found = totp.check(&code, seconds)?;
        Some(found)
    }

    /// The secret as people type it into a program: 32 characters of base32, in groups of four.
    pub fn grouped(&self) -> SensitiveString {
        let text = Zeroizing::new(data_encoding::BASE32_NOPAD.encode(&self.0));
        let groups: Vec<&str> = (0..text.len()).step_by(4).filter_map(|at| text.get(at..at + 4)).collect();
        SensitiveString::from(groups.join(" "))
    }

    /// The address that a QR code holds (Key Uri Format).
    pub fn uri(&self, issuer: &str, login: &str) -> Option<SensitiveString> {
        // Colons part the label.
        let issuer = issuer.replace(':', " ");
        self.totp(&issuer, login)?.to_url().ok().map(SensitiveString::from)
    }

    /// The code of a moment, for tests of what asks for codes.
    pub fn code(&self, now: Timestamp) -> Option<SensitiveString> {
        let seconds = u64::try_from(now.as_millis() / 1000).ok()?;
        Some(SensitiveString::from(self.totp("Letterlock", "letterlock")?.generate(seconds).to_string()))
    }

    fn totp(&self, issuer: &str, login: &str) -> Option<Totp> {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(SKEW)
            .with_step_duration(STEP)
            .with_secret(self.0.to_vec())
            .with_account_name(login)
            .with_issuer(Some(issuer))
            .build()
            .ok()
    }
}

impl Drop for TotpSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// RFC 6238, appendix B: the last six digits of the eight.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = TotpSecret(*b"12345678901234567890");
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code(at(time)).unwrap().expose(), code);
            assert_eq!(secret.step_of(code, at(time)), Some(time as u64 / 30));
        }
    }

    #[test]
    fn one_step_to_each_side_and_no_further() {
        let secret = TotpSecret(*b"12345678901234567890");
        let code = secret.code(at(1_111_111_109)).unwrap();
        let step = 1_111_111_109 / 30;
        for (seconds, found) in [(-30, true), (0, true), (30, true), (-60, false), (62, false)] {
            let time = step * 30 + seconds;
            assert_eq!(secret.step_of(code.expose(), at(time)).is_some(), found, "{seconds}");
        }
        assert_eq!(secret.step_of("081 804", at(1_111_111_109)), Some(step as u64));
        for bad in ["", "0", "00000", "0818040", "08180a", "٠٨١٨٠٤", "-81804", "+81804"] {
            assert_eq!(secret.step_of(bad, at(1_111_111_109)), None, "{bad}");
        }
    }

    #[test]
    fn the_secret_is_shown_in_groups_and_as_an_address() {
        let secret = TotpSecret(*b"12345678901234567890");
        assert_eq!(secret.grouped().expose(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let uri = secret.uri("Acme: Vault", "jane.doe").unwrap();
        assert!(uri.expose().starts_with("otpauth://totp/"), "{}", uri.expose());
        assert!(uri.expose().contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"));
    }
}
