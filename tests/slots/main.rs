//! The key folder on its disk: the blocks of its slots stay where they are, and folders that were copied, torn, aged or
//! mixed up are refused, with nothing changed, or recovered.

#![allow(missing_docs, unreachable_pub, reason = "nothing outside this test binary sees its items")]

mod damage;
mod extents;
#[path = "../vault/support.rs"]
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod support;
