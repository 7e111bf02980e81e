//! Staff and service accounts: roles, logins, tokens.

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
}
