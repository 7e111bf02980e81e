//! Everything that talks to something outside: the mail server, the virus scanner.

pub mod clamd;
pub mod mail;
