//! What somebody acts by, for work that goes on after it was asked for: it ends with what let it in.

use super::{App, sign_in, staff};
use crate::base::ids::{Handle, StaffId, TokenId};
use crate::crypto::token::Token;
use crate::services::sign_in::Session;

/// A session or a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential(By);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Session(StaffId, Handle),
    Token(TokenId),
}

impl Credential {
    /// By a session of the console.
    pub const fn of_session(session: &Session) -> Self {
        Self(By::Session(session.staff, session.id))
    }

    /// By a bearer token that was found to be good; `None` for what is none.
    pub fn of_bearer(bearer: &str) -> Option<Self> {
        Token::parse(bearer).ok().map(|token| Self(By::Token(token.id())))
    }

    /// Whether it was neither ended nor revoked, and its time is not over.
    pub(super) fn is_good(&self, app: &App) -> bool {
        match self.0 {
            By::Session(staff, session) => sign_in::has_session(app, staff, session),
            By::Token(id) => staff::is_token_good(app, id),
        }
    }
}
