//! The Unix socket by which commands talk to a running service, and the one dispatcher behind it.
//!
//! The store belongs to one process. While a service runs, a command such as `status` or `token create` sends a
//! [`Command`] over `control.sock` in the data folder; when none runs, the command opens the vault itself and hands
//! the same [`Command`] to the same [`start`]. What it does is therefore the same either way.
//!
//! Whoever may connect (the service's own user, and root) could open the folders anyway: the socket gives nobody
//! more than the file permissions do. Policy and audit apply as everywhere; the actor is the machine's owner in a role.

mod client;
mod command;
pub mod frame;
mod render;
mod run;
mod server;
mod socket;

pub use client::{Client, ClientError};
pub use command::{Command, Failure, FailureKind, Reply};
pub use run::{Desk, start};
pub use server::serve;
pub use socket::{Listener, NAME};
