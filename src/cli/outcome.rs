//! Exit codes, and the one error type that carries them.

use crate::base::config::ConfigError;
use crate::control::{ClientError, Failure, FailureKind};
use crate::services::OpenError;

/// What a command comes to.
pub(super) type Outcome<T = ()> = Result<T, CliError>;

/// Exit codes other than 0. They are part of the interface; `letterlock --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// Something is wrong, or could not be done.
    Failed = 1,
    /// The command line, the configuration or a form file is wrong.
    Usage = 2,
    /// The vault was not opened; nothing was changed.
    Refused = 3,
    /// There is no such thing, or the role may not do this.
    NotFound = 4,
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct CliError {
    pub(super) code: Code,
    /// For standard error. Empty when everything was said already.
    pub(super) message: String,
}

impl CliError {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self { code: Code::Failed, message: message.into() }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { code: Code::Usage, message: message.into() }
    }

    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self { code: Code::Refused, message: message.into() }
    }
}

impl From<ConfigError> for CliError {
    fn from(e: ConfigError) -> Self {
        Self::usage(format!("the configuration is not valid; nothing was done\n{e}").replace('\n', "\n  "))
    }
}

impl From<OpenError> for CliError {
    fn from(e: OpenError) -> Self {
        Self::refused(e.message)
    }
}

impl From<ClientError> for CliError {
    fn from(e: ClientError) -> Self {
        match e {
            ClientError::Connect(_) => Self::refused(e.to_string()),
            ClientError::Talk(_) => Self::failed(e.to_string()),
        }
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        let code = match failure.kind {
            FailureKind::NotFoundOrForbidden => Code::NotFound,
            FailureKind::Invalid => Code::Usage,
            FailureKind::Failed => Code::Failed,
        };
        Self { code, message: failure.message }
    }
}
