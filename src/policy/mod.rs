//! Who may do what: actor × action × resource, decided by one exhaustive match. Pure.

use serde::{Deserialize, Serialize};

use crate::base::ids::StaffId;
pub use crate::domain::staff::Role;

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
        /// The roles of the token it came with.
        roles: Vec<Role>,
    },
    /// The machine's owner at the command line, acting as a role.
    Owner {
        /// The role named with `--as`.
        role: Role,
    },
    /// The software itself: start-up, clean-up.
    System,
}
