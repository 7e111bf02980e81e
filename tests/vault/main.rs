//! The vault from the inside: submissions, reads, erasure, crashes, tampering, through the services, without HTTP.

#![allow(missing_docs, unreachable_pub, reason = "nothing outside this test binary sees its items")]

mod crash;
mod durable;
mod erasure;
mod faults;
mod inbox;
mod life;
mod races;
mod races_direct;
mod remnants;
mod searches;
mod support;
mod talk;
mod tamper;
