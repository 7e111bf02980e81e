//! libFuzzer's way into `tests/support/targets/approvals.rs`.
#![no_main]

use letterlock_fuzz::targets::{self, HONEST};

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::approvals::check(data, HONEST));
