//! What several integration tests share. Each test binary uses a part of it.
#![allow(dead_code, reason = "each test binary uses a part of the support module")]

pub(crate) mod pdf;
pub(crate) mod served;
