//! What can be asked over the control socket, and what comes back.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::ids::{Handle, KeyId, PersonId, RecordId, TokenId};
use crate::base::sensitive::SensitiveString;
use crate::domain::form::FormId;
use crate::domain::region::Region;
use crate::domain::submission::Status;
use crate::policy::{Action, Role};
use crate::services::ServiceError;
use crate::services::audit::Head;

/// One command. Those on records name the role that the machine's owner acts as; the others have a fixed one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are named as in the services they go to")]
pub enum Command {
    /// Figures and the address. Done: an object.
    Status,
    /// Items: lines of the statistics, then of the downloads. Done: null.
    Statistics,
    /// Adds an account. Done: the account.
    StaffAdd {
        login: String,
        service: bool,
        email: Option<SensitiveString>,
    },
    /// Invites somebody to sign in. Done: `{"login","link","expires"}`.
    StaffInvite {
        login: String,
        roles: Vec<Role>,
        ttl_seconds: u64,
        email: Option<SensitiveString>,
    },
    /// Sets a work address; `None` removes it. Done: null.
    StaffEmail {
        login: String,
        email: Option<SensitiveString>,
    },
    /// Says where somebody reads; `None` for where the vault is. Done: null.
    StaffRegion {
        login: String,
        region: Option<Region>,
    },
    /// Lets somebody begin anew. Done: as for an invitation.
    StaffRecover {
        login: String,
        ttl_seconds: u64,
    },
    /// Gives an account other roles. Done: null.
    StaffRoles {
        login: String,
        roles: Vec<Role>,
    },
    /// Items: what needs two people, as the role sees it.
    Approvals {
        role: Role,
    },
    /// Items: accounts.
    StaffList,
    /// Done: null.
    StaffDisable {
        login: String,
    },
    /// Done: `{"id","bearer"}`. A life of `None` means until revoked.
    TokenCreate {
        login: String,
        roles: Vec<Role>,
        /// None for all.
        #[serde(default)]
        actions: Vec<Action>,
        /// None for all.
        #[serde(default)]
        forms: Vec<FormId>,
        ttl_seconds: Option<u64>,
    },
    /// Done: null.
    TokenRevoke {
        id: TokenId,
    },
    /// Makes a server's key. Done: `{"id","bearer"}`. A life of `None` means until revoked.
    KeyCreate {
        name: String,
        forms: Vec<FormId>,
        ttl_seconds: Option<u64>,
    },
    /// Items: keys.
    KeyList,
    /// Done: null.
    KeyRevoke {
        id: KeyId,
    },
    /// Items: submissions. Done: `{"next"}`.
    RecordList {
        role: Role,
        purpose: Option<String>,
        form: Option<FormId>,
        status: Option<Status>,
        after: Option<String>,
        limit: Option<u32>,
    },
    /// Items: submissions that say this. Done: `{"next","looked"}`. Days as in `2026-11-25`; purposes with commas between.
    RecordSearch {
        role: Role,
        purpose: Option<String>,
        words: SensitiveString,
        form: Option<FormId>,
        status: Option<Status>,
        from: Option<String>,
        until: Option<String>,
        after: Option<String>,
        limit: Option<u32>,
    },
    /// Done: the submission.
    RecordShow {
        role: Role,
        purpose: Option<String>,
        id: RecordId,
    },
    /// Item: `{"n","name","kind","size"}`, then chunks. Done: null.
    RecordFile {
        role: Role,
        purpose: Option<String>,
        id: RecordId,
        n: u32,
    },
    /// Marks how far the work is. Done: the submission without content.
    RecordMark {
        role: Role,
        purpose: Option<String>,
        id: RecordId,
        status: Status,
    },
    /// Done: the certificate.
    RecordErase {
        role: Role,
        purpose: Option<String>,
        id: RecordId,
    },
    /// Items: `{"subject","submissions"}`.
    SubjectFind {
        role: Role,
        purpose: Option<String>,
        email: SensitiveString,
    },
    /// Items in the order of the ids: `{"id","certificate"}` or `{"id","error"}`.
    /// The certificate of an erasure carried out before.
    ErasureShow {
        role: Role,
        purpose: Option<String>,
        handle: Handle,
    },
    SubjectErase {
        role: Role,
        purpose: Option<String>,
        ids: Vec<PersonId>,
    },
    /// Publishes a comment, or declines it. Done: the submission without content.
    BoardModerate {
        role: Role,
        purpose: Option<String>,
        id: RecordId,
        /// `None` publishes it.
        reason: Option<SensitiveString>,
    },
    /// Done: what a survey comes to.
    SurveyResults {
        role: Role,
        purpose: Option<String>,
        form: FormId,
    },
    /// Items: words of a field of a survey. Done: `{"next"}`.
    SurveyTexts {
        role: Role,
        purpose: Option<String>,
        form: FormId,
        field: String,
        after: Option<String>,
        limit: Option<u32>,
    },
    /// Items: problems as text. Done: `{"entries","head"}`.
    AuditVerify {
        known: Vec<Head>,
    },
    /// Done: the entry with its proof.
    AuditProve {
        number: u64,
        size: Option<u64>,
    },
    /// Items: problems as text. Done: the proof, or null.
    AuditContinues {
        known: Head,
    },
    /// Done: the head.
    AuditHead,
    /// Items: lines of the register of transfers, newest first. Done: the cursor of the next page or null.
    Transfers {
        after: Option<String>,
        limit: Option<u32>,
    },
    /// Items: entries, newest first. Done: the cursor of the next page or null.
    AuditTail {
        after: Option<String>,
        limit: Option<u32>,
    },
    /// Items: problems as text. Done: the counts.
    Verify,
}

/// One piece of an answer. An answer ends with `Done` or `Error`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// How far a long command is; also sent now and then to show that the service lives.
    Progress {
        /// Units done.
        done: u64,
        /// Units in all; 0 while unknown.
        total: u64,
    },
    /// One element of a list.
    Item {
        /// The element.
        value: Value,
    },
    /// A piece of a file, at most 64 KiB before encoding.
    Chunk {
        /// The bytes; base64 in the frame.
        #[serde(with = "base64")]
        data: bytes::Bytes,
    },
    /// The command is done.
    Done {
        /// Its result.
        value: Value,
    },
    /// The command failed.
    Error(Failure),
}

/// Why a command failed, for the person at the terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The sort of failure, from which the exit code comes.
    pub kind: FailureKind,
    /// A sentence or more.
    pub message: String,
}

/// Sorts of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// No such thing, or the role may not know of it or do this.
    NotFoundOrForbidden,
    /// What was asked breaks the rules.
    Invalid,
    /// It could not be done now, or something went wrong.
    Failed,
}

impl Failure {
    /// A failure of kind [`FailureKind::Failed`].
    pub fn failed(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Failed, message: message.into() }
    }

    /// A failure of kind [`FailureKind::Invalid`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Invalid, message: message.into() }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        let (kind, message) = match error {
            ServiceError::NotFound => {
                (FailureKind::NotFoundOrForbidden, "not found, or the role may not know of it".to_owned())
            }
            ServiceError::Forbidden => (FailureKind::NotFoundOrForbidden, "the role does not allow this".to_owned()),
            ServiceError::Unauthenticated => (FailureKind::NotFoundOrForbidden, "not signed in".to_owned()),
            ServiceError::Invalid(problems) => {
                let each = problems.into_iter().map(|p| match p.field {
                    Some(field) => format!("{field}: {}", p.message),
                    None => p.message.to_string(),
                });
                (FailureKind::Invalid, each.collect::<Vec<_>>().join("; "))
            }
            ServiceError::PurposeNeeded { allowed } => (
                FailureKind::Invalid,
                format!("reading needs a purpose that this form allows: --purpose {}", allowed.join(" or ")),
            ),
            ServiceError::TooLarge { limit, .. } => {
                (FailureKind::Invalid, format!("too large: the limit is {limit} bytes"))
            }
            ServiceError::StorageFull => {
                (FailureKind::Failed, "the disk is full; nothing was changed. Make room and try again".to_owned())
            }
            ServiceError::Unavailable => (
                FailureKind::Failed,
                "the vault cannot do this now: it is stopping, or its store or audit trail cannot write".to_owned(),
            ),
            ServiceError::StillRunning
            | ServiceError::Later(_)
            | ServiceError::KeyReused
            | ServiceError::NotYetOpen
            | ServiceError::MailNotTaken
            | ServiceError::ReasonNeeded
            | ServiceError::Withheld { .. }
            | ServiceError::LinkSpent
            | ServiceError::FileMissing => (FailureKind::Failed, error.to_string()),
            ServiceError::Damaged => (
                FailureKind::Failed,
                "what is stored was changed and does not open, so nothing was given out; run `letterlock verify`, and restore the data folder from a backup".to_owned(),
            ),
            ServiceError::Internal => (FailureKind::Failed, "internal error; the log says more".to_owned()),
        };
        Self { kind, message }
    }
}

mod base64 {
    use data_encoding::BASE64;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(data: &bytes::Bytes, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&BASE64.encode(data))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<bytes::Bytes, D::Error> {
        let text = String::deserialize(d)?;
        BASE64.decode(text.as_bytes()).map(Into::into).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_replies_round_trip() {
        let text =
            serde_json::to_string(&Command::SubjectFind { role: Role::Hr, purpose: None, email: "a@b.c".into() })
                .unwrap();
        assert_eq!(text, r#"{"command":"subject-find","role":"hr","purpose":null,"email":"a@b.c"}"#);
        assert!(matches!(serde_json::from_str(&text).unwrap(), Command::SubjectFind { role: Role::Hr, .. }));
        assert!(serde_json::from_str::<Command>(r#"{"command":"subject-find","role":"HR","email":""}"#).is_err());
        assert!(serde_json::from_str::<Command>(r#"{"command":"staff-disable","login":"a","x":1}"#).is_err());
        assert!(serde_json::from_str::<Command>(r#"{"command":"shell"}"#).is_err());

        let chunk = serde_json::to_string(&Reply::Chunk { data: vec![0, 255, 7].into() }).unwrap();
        assert!(matches!(serde_json::from_str(&chunk).unwrap(), Reply::Chunk { data } if data[..] == [0, 255, 7]));
        let error = Reply::Error(Failure::from(ServiceError::Forbidden));
        let text = serde_json::to_string(&error).unwrap();
        assert!(
            matches!(serde_json::from_str(&text).unwrap(), Reply::Error(f) if f.kind == FailureKind::NotFoundOrForbidden)
        );
    }

    #[test]
    fn an_address_is_not_shown_by_debug() {
        let command = Command::SubjectFind { role: Role::Hr, purpose: None, email: "jane@example.org".into() };
        assert!(!format!("{command:?}").contains("jane"));
        let text = r#"{"command":"record-search","role":"hr","words":"jane"}"#;
        let command: Command = serde_json::from_str(text).unwrap();
        assert!(
            matches!(&command, Command::RecordSearch { limit: None, .. }) && !format!("{command:?}").contains("jane")
        );
    }
}
