//! Staff and service accounts: roles and logins.

use serde::{Deserialize, Serialize};

/// What a member of staff is there to do. Role names are exact: lower case, no aliases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reads applications.
    Hr,
    /// Reads support requests.
    Support,
    /// Runs people's requests: finds and erases.
    Privacy,
    /// Reads and verifies the audit trail, and nothing else.
    Auditor,
    /// Manages staff, forms and keys; never reads submissions.
    Admin,
    // Stored by number: new roles come last.
    /// Reads what is asked about training.
    Training,
    /// Reads what partners send.
    Partner,
    /// Reads newsletter subscriptions and surveys.
    Marketing,
    /// Reads nothing by itself: single submissions, where a pass lets it in for some days.
    Guest,
}

/// The text is not the exact name of a role.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not a role: expected hr, support, training, partner, marketing, privacy, auditor, admin or guest")]
pub struct BadRole;

impl Role {
    /// Every role, readers first.
    pub const ALL: [Self; 9] = [
        Self::Hr,
        Self::Support,
        Self::Training,
        Self::Partner,
        Self::Marketing,
        Self::Privacy,
        Self::Auditor,
        Self::Admin,
        Self::Guest,
    ];

    /// Whether it may read submissions at all, where a form names it or everywhere.
    pub const fn reads(self) -> bool {
        match self {
            Self::Hr | Self::Support | Self::Training | Self::Partner | Self::Marketing | Self::Privacy => true,
            Self::Auditor | Self::Admin | Self::Guest => false,
        }
    }

    /// The exact name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hr => "hr",
            Self::Support => "support",
            Self::Privacy => "privacy",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
            Self::Training => "training",
            Self::Partner => "partner",
            Self::Marketing => "marketing",
            Self::Guest => "guest",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = BadRole;

    fn from_str(text: &str) -> Result<Self, BadRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(BadRole)
    }
}

/// The name of an account: lower-case letters, digits, `.`, `-`, `_`; starts with a letter or digit; 1 to 64.
///
/// One spelling only, so that a lock-out or an audit entry cannot be dodged by case or spaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Login(String);

/// The text is not a login name.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error(
    "not a login name: expected 1 to 64 lower-case letters, digits, dots, hyphens or underscores, starting with a letter or digit"
)]
pub struct BadLogin;

impl Login {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Login {
    type Error = BadLogin;

    fn try_from(text: String) -> Result<Self, BadLogin> {
        let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let chars_well = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_'));
        if starts_well && chars_well && text.len() <= 64 { Ok(Self(text)) } else { Err(BadLogin) }
    }
}

impl std::str::FromStr for Login {
    type Err = BadLogin;

    fn from_str(text: &str) -> Result<Self, BadLogin> {
        text.to_owned().try_into()
    }
}

impl From<Login> for String {
    fn from(login: Login) -> Self {
        login.0
    }
}

impl std::fmt::Display for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_names_are_exact() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        for bad in ["HR", "Hr", " hr", "hr ", "", "human-resources", "administrator", "hr,admin", "root"] {
            assert_eq!(bad.parse::<Role>(), Err(BadRole), "{bad:?}");
        }
    }

    /// Accounts, tokens and the audit trail hold the numbers.
    #[test]
    fn stored_numbers_never_change() {
        let order = ["hr", "support", "privacy", "auditor", "admin", "training", "partner", "marketing", "guest"];
        for (number, name) in (0_u8..).zip(order) {
            assert_eq!(postcard::to_stdvec(&name.parse::<Role>().unwrap()).unwrap(), [number], "{name}");
        }
        assert_eq!(order.len(), Role::ALL.len());
    }

    #[test]
    fn login_has_one_spelling() {
        for good in ["a", "7", "jane.doe", "ci-reader_2", &"x".repeat(64)] {
            assert_eq!(good.parse::<Login>().unwrap().as_str(), good);
        }
        for bad in ["", "Jane", "jane ", " jane", ".jane", "-jane", "_jane", "jane doe", "jané", "jane\n", "a/b"] {
            assert_eq!(bad.parse::<Login>(), Err(BadLogin), "{bad:?}");
        }
        assert_eq!("x".repeat(65).parse::<Login>(), Err(BadLogin));
        assert!(serde_json::from_str::<Login>("\"Jane\"").is_err());
    }
}
