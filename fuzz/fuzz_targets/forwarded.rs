//! libFuzzer's way into `tests/support/targets/forwarded.rs`.
#![no_main]

use letterlock_fuzz::targets::{self, HONEST};

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::forwarded::check(data, HONEST));
