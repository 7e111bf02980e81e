//! Somebody who can write to the folders: every row, every segment of every file and every clear file of a small vault,
//! changed in every way that a thief, a bad disk or a careless restore could change it. Opening refuses or `verify`
//! reports, always; and no reader is ever given anything but the truth.

#![allow(missing_docs, unreachable_pub, reason = "nothing outside this test binary sees its items")]
#![allow(dead_code, reason = "of the common support, a part is used here")]

mod beside;
mod changes;
mod files;
#[path = "../support/letterbox.rs"]
mod letterbox;
mod overlay;
mod public;
mod rows;
#[path = "../vault/support.rs"]
mod support;
mod trial;
