//! What somebody may act as, by what the provider says of them; and what their account is called.

use serde_json::{Map, Value};

use crate::policy::Role;

/// Groups of one person that are looked at.
const MOST: usize = 2000;
/// Characters of a login that come from the provider: room is left for a number.
const LONGEST: usize = 56;

/// The roles that the groups of a claim have: a text, or a list of texts, compared letter by letter.
pub(super) fn roles(claims: &Map<String, Value>, claim: &str, groups: &[(String, Vec<Role>)]) -> Vec<Role> {
    let found = match find(claims, claim) {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(all)) => all.iter().take(MOST).filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let theirs = groups.iter().filter(|(group, _)| found.contains(&group.as_str()));
    let mut roles: Vec<Role> = theirs.flat_map(|(_, roles)| roles.iter().copied()).collect();
    roles.sort();
    roles.dedup();
    roles
}

/// A claim by its name, which may have dots; else by the names of what it lies in.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        find(claims.get(first)?.as_object()?, rest)
    })
}

/// A login out of what somebody is called at the provider. It is a name and nothing else: whom an account belongs to, it does not
/// decide.
pub(super) fn login(claims: &Map<String, Value>) -> String {
    let called = claims.get("preferred_username").and_then(Value::as_str).unwrap_or_default();
    let called = called.split('@').next().unwrap_or_default();
    let letters = called.chars().take(LONGEST).flat_map(char::to_lowercase);
    let plain = letters.map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' });
    let text: String = plain.take(LONGEST).collect();
    let text = text.trim_matches(['.', '-', '_']);
    if text.is_empty() { "member".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::staff::Login;

    fn of(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn groups_give_roles_letter_by_letter() {
        let groups = [
            ("vault-hr".to_owned(), vec![Role::Hr]),
            ("/vault/admins".to_owned(), vec![Role::Admin, Role::Auditor]),
            ("both".to_owned(), vec![Role::Support, Role::Hr]),
        ];
        let roles = |claims: Value, claim: &str| roles(&of(claims), claim, &groups);
        assert_eq!(
            roles(json!({ "groups": ["vault-hr", "x", "both", "vault-hr"] }), "groups"),
            [Role::Hr, Role::Support]
        );
        assert_eq!(roles(json!({ "groups": "/vault/admins" }), "groups"), [Role::Auditor, Role::Admin]);
        assert_eq!(roles(json!({ "realm_access": { "roles": ["both"] } }), "realm_access.roles").len(), 2);
        assert_eq!(roles(json!({ "https://x.example/r": ["vault-hr"] }), "https://x.example/r"), [Role::Hr]);
        for nothing in [
            json!({}),
            json!({ "groups": [] }),
            json!({ "groups": "Vault-HR" }),
            json!({ "groups": "vault-hr " }),
            json!({ "groups": "vault-hr both" }),
            json!({ "groups": { "vault-hr": true } }),
            json!({ "groups": [["vault-hr"], 1, null] }),
            json!({ "Groups": "vault-hr" }),
        ] {
            assert!(roles(nothing.clone(), "groups").is_empty(), "{nothing}");
        }
    }

    #[test]
    fn whatever_somebody_is_called_becomes_a_login() {
        for (called, wanted) in [
            (json!("Jane.Doe"), "jane.doe"),
            (json!("jane@example.org"), "jane"),
            (json!("JANE DOE"), "jane-doe"),
            (json!("<script>"), "script"),
            (json!("Jürgen"), "j-rgen"),
            (json!("../../etc"), "etc"),
            (json!("@example.org"), "member"),
            (json!(""), "member"),
            (json!(5), "member"),
            (Value::Null, "member"),
            (json!("İ".repeat(100)), "i-i"),
        ] {
            let login = login(&of(json!({ "preferred_username": called })));
            assert!(login.starts_with(wanted) && login.len() <= LONGEST, "{called}: {login}");
            assert!(login.parse::<Login>().is_ok(), "{called}: {login}");
        }
    }
}
