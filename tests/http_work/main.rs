//! What staff do with submissions among themselves, by the interface and in the console: whose it is, labels, read and unread,
//! private notes, the history, going back to the former status.

#[path = "../support/mod.rs"]
mod support;

mod desk;
mod inbox;
mod masks;
mod notes;
mod record;
