//! Everything that talks to something outside: so far the mail server.

pub mod mail;
