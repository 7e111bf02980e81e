//! What anybody may ask for: the pages, the forms as data, submissions, health, the erasure key.

pub(super) mod about;
pub(super) mod board;
pub(super) mod filling;
pub(super) mod forms;
mod guard;
pub(super) mod page;
pub(super) mod resource;
pub(super) mod service;
