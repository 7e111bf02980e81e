//! The `letterlock` command.
fn main() {}
