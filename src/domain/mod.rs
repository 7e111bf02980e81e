//! Forms, fields, submissions, files, consents, people and staff: parsed into types that are never half-valid.
//!
//! Pure: no clock, no randomness, and no input or output but for reading the folder of forms. What arrives from outside
//! is parsed here, once, at the edge.

pub mod alert;
pub mod approval;
pub mod browser;
pub mod consent;
pub mod contact;
pub mod country;
pub mod decimal;
pub mod export;
pub mod file;
pub mod form;
pub mod language;
pub mod legal;
pub mod mail;
pub mod markdown;
pub mod message;
pub mod notice;
pub mod operator;
pub mod pass;
pub mod password;
mod phone;
pub mod problem;
pub mod region;
pub mod resource;
pub mod scan;
pub mod search;
pub mod staff;
pub mod subject;
pub mod submission;
pub mod subscription;
pub mod survey;
pub(crate) mod text;
pub mod vacancy;
pub mod work;

pub use problem::Problem;
