//! Passwords as people choose them: long enough, and not one that everybody tries first. No rules about kinds of characters
//! (NIST SP 800-63B, section 3.1.1).

use unicode_normalization::UnicodeNormalization;
use zxcvbn::Score;

use super::staff::Login;
use crate::base::sensitive::SensitiveString;

/// Fewest characters.
pub const SHORTEST: usize = 12;
/// Most bytes, as typed: enough for any passphrase, and nothing to keep a server busy with.
pub const LONGEST: usize = 512;

/// A password, in the one form that is hashed: NFKC, so that it is the same from every keyboard.
#[derive(Debug)]
pub struct Password(SensitiveString);

/// Why a password cannot be chosen.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum BadPassword {
    /// Fewer than [`SHORTEST`] characters.
    #[error("Please use at least 12 characters. Three or four words that do not belong together are good.")]
    TooShort,
    /// More than [`LONGEST`] bytes.
    #[error("This is longer than 512 bytes.")]
    TooLong,
    /// In the lists of common passwords, or made of a pattern that programs try early.
    #[error("Programs that guess passwords would find this one quickly. Please choose another.")]
    Common,
    /// Not much more than the login.
    #[error("This is too much like your login name. Please choose another.")]
    LikeLogin,
}

impl Password {
    /// A password as typed at sign-in: nothing is asked of it but a bounded length.
    pub fn typed(text: &str) -> Option<Self> {
        (text.len() <= LONGEST).then(|| Self(normal(text)))
    }

    /// A password that somebody chooses for this login.
    ///
    /// # Errors
    /// [`BadPassword`], in words for whoever chose it.
    pub fn choose(text: &str, login: &Login) -> Result<Self, BadPassword> {
        if text.len() > LONGEST {
            return Err(BadPassword::TooLong);
        }
        let password = normal(text);
        if password.expose().chars().count() < SHORTEST {
            return Err(BadPassword::TooShort);
        }
        let lower = SensitiveString::from(password.expose().to_lowercase());
        let rest = SensitiveString::from(lower.expose().replace(login.as_str(), ""));
        if rest.expose() != lower.expose() && rest.expose().chars().count() < SHORTEST / 2 {
            return Err(BadPassword::LikeLogin);
        }
        // The lists and patterns of zxcvbn (Wheeler, USENIX Security 2016): below 10^8 guesses is too few.
        let looked_at: String = password.expose().chars().take(100).collect();
        let score = zxcvbn::zxcvbn(&looked_at, &[login.as_str(), "letterlock"]).score();
        if score < Score::Three { Err(BadPassword::Common) } else { Ok(Self(password)) }
    }

    /// The text that is hashed.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

fn normal(text: &str) -> SensitiveString {
    SensitiveString::from(text.nfkc().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(text: &str) -> Result<(), BadPassword> {
        Password::choose(text, &"jane.doe".parse().unwrap()).map(drop)
    }

    #[test]
    fn long_and_uncommon_is_all_that_is_asked() {
        for good in
            ["correct horse battery staple", "purple otter eats soap", "Zwölf Boxkämpfer jagen", "xk29qmv8r1ztp"]
        {
            assert_eq!(choose(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", BadPassword::TooShort),
            ("short1A!", BadPassword::TooShort),
            ("ééééééé", BadPassword::TooShort),
            ("password1234", BadPassword::Common),
            ("123456789012", BadPassword::Common),
            ("qwertyuiop12", BadPassword::Common),
            ("aaaaaaaaaaaaaaaaaa", BadPassword::Common),
            ("letterlock2026", BadPassword::Common),
            ("jane.doe12345", BadPassword::LikeLogin),
            ("JANE.DOE-2026", BadPassword::LikeLogin),
        ] {
            assert_eq!(choose(bad), Err(why), "{bad}");
        }
        assert_eq!(choose(&"long words ".repeat(50)), Err(BadPassword::TooLong));
    }

    #[test]
    fn the_same_from_every_keyboard() {
        let composed = Password::typed("caf\u{e9} au lait \u{2460}").unwrap();
        let parted = Password::typed("cafe\u{301} au lait 1").unwrap();
        assert_eq!(composed.expose(), parted.expose());
        assert!(Password::typed(&"x".repeat(LONGEST + 1)).is_none());
        assert!(!format!("{composed:?}").contains("caf"));
    }
}
