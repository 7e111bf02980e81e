//! libFuzzer's way into `tests/support/targets/pdf.rs`.
#![no_main]

use letterlock_fuzz::targets::{self, HONEST};

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::pdf::check(data, HONEST));
