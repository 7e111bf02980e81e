//! Roles of one's own, as the configuration makes them. What the actions are called, the policy says.

use super::Config;

/// The roles that are always there.
pub(super) const BUILT_IN: [&str; 9] =
    ["hr", "support", "training", "partner", "marketing", "privacy", "auditor", "admin", "guest"];

/// Reads texts such as `interviewer: list-submissions read-submission write-note`.
pub(super) fn set_roles(config: &mut Config, roles: &[&str]) -> Result<(), String> {
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for text in roles {
        let (role, actions) = text.split_once(':').unwrap_or((text, ""));
        let (role, actions) = (role.trim(), actions.split_whitespace().collect::<Vec<_>>());
        let taken = BUILT_IN.contains(&role) || out.iter().any(|(known, _)| known == role);
        if taken || actions.is_empty() || !is_name(role) {
            let expected = "expected texts such as \"interviewer: list-submissions read-submission write-note\": a name of up to 31 \
                            lower-case letters, digits and hyphens, each once and none that is built in, and the actions of the role, as \
                            docs/roles.md names them";
            return Err(expected.to_owned());
        }
        out.push((role.to_owned(), actions.into_iter().map(str::to_owned).collect()));
    }
    config.roles = out;
    Ok(())
}

/// Whether a role may be called so.
pub(super) fn is_name(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= 31 && text.bytes().all(good)
}

/// Whether there is such a role.
pub(super) fn is_known(config: &Config, role: &str) -> bool {
    BUILT_IN.contains(&role) || config.roles.iter().any(|(known, _)| known == role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_names_of_their_own_and_something_to_do() {
        let mut config = Config::default();
        set_roles(&mut config, &["interviewer: list-submissions  read-submission", "desk-2:read-status"]).unwrap();
        assert_eq!(config.roles[0].1, ["list-submissions", "read-submission"]);
        assert!(is_known(&config, "desk-2") && is_known(&config, "hr") && !is_known(&config, "desk"));
        let long = format!("{}: read-audit", "a".repeat(32));
        for bad in [
            "",
            "x",
            "x:",
            ": read-audit",
            "hr: read-audit",
            "admin: read-audit",
            "X: read-audit",
            "2x: read-audit",
            &long,
        ] {
            assert!(set_roles(&mut config, &[bad]).is_err(), "{bad}");
        }
        assert!(set_roles(&mut config, &["x: read-audit", "x: read-status"]).is_err(), "twice");
        assert_eq!(config.roles.len(), 2, "what is wrong changes nothing");
    }
}
