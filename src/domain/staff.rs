//! Staff and service accounts: roles and logins.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a member of staff is there to do. Role names are exact: lower case, no aliases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// What the configuration says of this name; without it, nothing.
    Custom(CustomRole),
}

/// The text is not the name of a role.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error(
    "not a role: expected hr, support, training, partner, marketing, privacy, auditor, admin, guest, or the name of one that the configuration makes"
)]
pub struct BadRole;

impl Role {
    /// Every role that is always there, readers first.
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

    /// Whether a form may name it as a reader, or it reads everywhere.
    pub const fn reads(self) -> bool {
        match self {
            Self::Hr | Self::Support | Self::Training | Self::Partner | Self::Marketing | Self::Privacy => true,
            Self::Custom(_) => true,
            Self::Auditor | Self::Admin | Self::Guest => false,
        }
    }

    /// The exact name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Custom(role) => role.as_str(),
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
        let built_in = Self::ALL.into_iter().find(|role| role.as_str() == text);
        built_in.map_or_else(|| CustomRole::new(text).map(Self::Custom), Ok)
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(self.as_str());
        }
        stored::Role::from(*self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return String::deserialize(deserializer)?.parse().map_err(D::Error::custom);
        }
        stored::Role::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

/// The name of a role that the configuration makes: 1 to 31 lower-case letters, digits and hyphens, beginning with a letter; no
/// built-in role's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomRole {
    text: [u8; Self::LONGEST],
    len: u8,
}

impl CustomRole {
    const LONGEST: usize = 31;

    /// The role of this name.
    ///
    /// # Errors
    /// [`BadRole`].
    pub fn new(name: &str) -> Result<Self, BadRole> {
        let good = name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let built_in = Role::ALL.iter().any(|role| role.as_str() == name);
        if !good || built_in || !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.len() > Self::LONGEST {
            return Err(BadRole);
        }
        let mut text = [0; Self::LONGEST];
        text[..name.len()].copy_from_slice(name.as_bytes());
        Ok(Self { text, len: u8::try_from(name.len()).map_err(|_| BadRole)? })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        let text = self.text.get(..usize::from(self.len)).and_then(|text| std::str::from_utf8(text).ok());
        text.unwrap_or_default()
    }
}

impl std::fmt::Debug for CustomRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl std::fmt::Display for CustomRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How roles are stored: built-in ones by number, others by name.
mod stored {
    use serde::{Deserialize, Serialize};

    use super::{BadRole, CustomRole};

    // New ones come last.
    #[derive(Serialize, Deserialize)]
    pub(super) enum Role {
        Hr,
        Support,
        Privacy,
        Auditor,
        Admin,
        Training,
        Partner,
        Marketing,
        Guest,
        Custom(String),
    }

    impl From<super::Role> for Role {
        fn from(role: super::Role) -> Self {
            match role {
                super::Role::Hr => Self::Hr,
                super::Role::Support => Self::Support,
                super::Role::Privacy => Self::Privacy,
                super::Role::Auditor => Self::Auditor,
                super::Role::Admin => Self::Admin,
                super::Role::Training => Self::Training,
                super::Role::Partner => Self::Partner,
                super::Role::Marketing => Self::Marketing,
                super::Role::Guest => Self::Guest,
                super::Role::Custom(role) => Self::Custom(role.as_str().to_owned()),
            }
        }
    }

    impl TryFrom<Role> for super::Role {
        type Error = BadRole;

        fn try_from(role: Role) -> Result<Self, BadRole> {
            Ok(match role {
                Role::Hr => Self::Hr,
                Role::Support => Self::Support,
                Role::Privacy => Self::Privacy,
                Role::Auditor => Self::Auditor,
                Role::Admin => Self::Admin,
                Role::Training => Self::Training,
                Role::Partner => Self::Partner,
                Role::Marketing => Self::Marketing,
                Role::Guest => Self::Guest,
                Role::Custom(name) => Self::Custom(CustomRole::new(&name)?),
            })
        }
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
        let long = "a".repeat(32);
        for bad in ["HR", "Hr", " hr", "hr ", "", "hr,admin", "-hr", "7", "h\u{e9}", "a_b", "a.b", "a\0", long.as_str()]
        {
            assert_eq!(bad.parse::<Role>(), Err(BadRole), "{bad:?}");
            assert!(serde_json::from_value::<Role>(bad.into()).is_err(), "{bad:?}");
        }
        for name in ["interviewer", "a", "hr2", "human-resources", &"a".repeat(31)] {
            let role: Role = name.parse().unwrap();
            assert!(matches!(role, Role::Custom(_)), "{name}");
            assert_eq!((role.as_str(), role.to_string().as_str()), (name, name));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{name}\""));
            assert_eq!(serde_json::from_value::<Role>(name.into()).unwrap(), role);
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
        let custom: Role = "at".parse().unwrap();
        assert_eq!(postcard::to_stdvec(&custom).unwrap(), [9, 2, b'a', b't']);
        assert_eq!(postcard::from_bytes::<Role>(&[9, 2, b'a', b't']).unwrap(), custom);
        // Nobody becomes an administrator by a row that spells the name.
        assert!(postcard::from_bytes::<Role>(b"\x09\x05admin").is_err());
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
