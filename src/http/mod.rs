//! The HTTPS service: forms and their pages for everybody, the API for staff.
//!
//! A handler parses, calls one service, and renders; it decides nothing about keys, roles or storage. What surrounds
//! it:
//!
//! ```text
//!   socket ─ conn (places, idle, age) ─ TLS (rustls) ─ hyper (header limits) ─ layers::outer (id, rate, pace, headers,
//!   log) ─ routes (the table) ─ layers::public | layers::bearer (who asks) ─ handler ─ services
//! ```
//!
//! [`mod@routes`] is the one table that the router, the OpenAPI document and the tests are made from, [`error`] the one
//! mapping from what a service says to what a client sees.

mod api;
#[doc(hidden)]
pub mod around;
mod assets;
mod body;
mod clear;
mod client;
mod config;
mod conn;
mod cors;
mod error;
mod export;
mod extract;
mod gate;
mod headers;
mod layers;
mod newsletter;
mod openapi;
mod pages;
mod portal;
#[doc(hidden)]
pub mod probe;
mod public;
mod rates;
mod routes;
mod server;
mod speech;
mod staff;
pub mod tls;

use std::sync::Arc;

pub use config::{Certificate, HttpConfig, Limits};
pub use routes::{Route, Who, routes};
pub use server::{ServeError, serve};

use crate::base::clock::Timestamp;
use crate::services::{App, health};
use error::HttpError;

/// What every handler works with.
struct Web {
    app: Arc<App>,
    limits: Limits,
    outer: Arc<layers::Outer>,
    gate: gate::Gate,
    shown: Shown,
}

/// The certificate that is shown.
#[derive(Clone, Copy)]
struct Shown {
    /// When it ends, where that can be read.
    ends: Option<Timestamp>,
    /// No authority stands behind it.
    is_self_made: bool,
}

impl Web {
    /// Puts off what comes from the public while there is much to do, or little room, so that staff can read and people
    /// can have their data erased.
    fn brake(&self) -> Result<(), HttpError> {
        if self.limits.put_off(health::load(&self.app)) { Err(HttpError::busy()) } else { Ok(()) }
    }
}
