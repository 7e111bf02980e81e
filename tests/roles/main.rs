//! `docs/roles.md` is what the rules say. `LETTERLOCK_UPDATE_DOCS=1 cargo test --test roles` writes it anew.

use letterlock::policy::table;

#[test]
fn the_committed_table_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/roles.md");
    let page = table::markdown();
    if std::env::var_os("LETTERLOCK_UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == page, "docs/roles.md is out of date: LETTERLOCK_UPDATE_DOCS=1 cargo test --test roles");
}
