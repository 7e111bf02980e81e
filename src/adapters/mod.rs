//! Everything that talks to something outside: the mail server, the virus scanner, the provider that staff sign in through, where heads of the trail are kept, and the locked-in process that makes previews.

pub mod clamd;
pub mod heads;
pub mod mail;
pub mod oidc;
pub mod preview;
