//! Who acts, and from where.

use serde::{Deserialize, Serialize};

use super::{Reach, Role, Scope, Transfer};
use crate::base::ids::{KeyId, StaffId};
use crate::domain::form::FormId;

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// Anybody on the network who sends a form.
    Public,
    /// A signed-in account.
    Staff {
        /// The account.
        id: StaffId,
        /// Its login name.
        login: String,
        /// The roles it acts in.
        roles: Vec<Role>,
        /// What the token it came with takes away, and where the account is. Not written down with the act.
        #[serde(skip)]
        scope: Scope,
    },
    /// The machine's owner at the command line, acting as a role.
    Owner {
        /// The role named with `--as`.
        role: Role,
    },
    /// The software itself: start-up, clean-up.
    System,
    /// A person whom a submission is about, by its receipt. Which one stands with the act, sealed under their key.
    Subject,
    /// A server that posts forms on behalf of people.
    Key {
        /// Its key.
        id: KeyId,
        /// The name of the key.
        name: String,
    },
}

impl Actor {
    /// As it stands to a form and what came by it: a token of other forms has no role there.
    pub fn at(&self, form: &FormId) -> Self {
        match self {
            Self::Staff { id, login, roles, scope } => {
                let (roles, scope) = match scope.at(form) {
                    Some(scope) => (roles.clone(), scope),
                    None => (Vec::new(), Scope::default()),
                };
                Self::Staff { id: *id, login: login.clone(), roles, scope }
            }
            _ => self.clone(),
        }
    }

    /// Whether what is kept in this region may be read from where the actor is. Only accounts are somewhere.
    pub fn reaches(&self, stored: &str) -> bool {
        self.reach().is_none_or(|reach| reach.covers(stored))
    }

    /// What it is to read submissions that are kept in these regions; `None` if one of them may not be read from here.
    pub fn transfers<'a>(&self, stored: impl IntoIterator<Item = &'a str>) -> Option<Vec<Transfer>> {
        self.reach().map_or_else(|| Some(Vec::new()), |reach| reach.transfers(stored))
    }

    /// The account that acts; only of staff.
    pub const fn account(&self) -> Option<StaffId> {
        match self {
            Self::Staff { id, .. } => Some(*id),
            _ => None,
        }
    }

    fn reach(&self) -> Option<&Reach> {
        match self {
            Self::Staff { scope, .. } => scope.reach(),
            _ => None,
        }
    }
}

/// As logs and the audit trail name the actor: `public`, `staff:jane.doe`, `owner:hr`, `system`, `subject`, `key:shop`.
impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Staff { login, .. } => write!(f, "staff:{login}"),
            Self::Owner { role } => write!(f, "owner:{role}"),
            Self::System => f.write_str("system"),
            Self::Subject => f.write_str("subject"),
            Self::Key { name, .. } => write!(f, "key:{name}"),
        }
    }
}
