//! Everything that talks to something outside: the mail server, the virus scanner, the provider that staff sign in through, and where heads of the trail are kept.

pub mod clamd;
pub mod heads;
pub mod mail;
pub mod oidc;
