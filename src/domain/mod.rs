//! Forms, fields, submissions, files, consents, people and staff: parsed into types that are never half-valid.
//!
//! Pure: no clock, no randomness, no input or output. What arrives from outside is parsed here, once, at the edge.

pub mod consent;
pub mod form;
pub mod staff;
pub mod subject;
pub mod submission;
