//! The coercion game: every byte that is ever written to the data folder is recorded through inserts, erasures, kills and
//! restarts, and somebody who holds all of it, and today's keys, tries to get at the erased.

#![allow(missing_docs, unreachable_pub, reason = "nothing outside this test binary sees its items")]

mod attacker;
mod bytes;
mod game;
mod model;
mod recorder;
mod run;
mod scenario;
mod search;
#[path = "../vault/support.rs"]
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod support;
mod trace;
