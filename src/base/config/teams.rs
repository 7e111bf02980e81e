//! Teams of staff, as the configuration names them.

use super::Config;

/// Reads texts such as `accounts: jane.doe joe`.
pub(super) fn set_teams(config: &mut Config, teams: &[&str]) -> Result<(), String> {
    let word = |text: &str, more: &[u8]| {
        let first =
            text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || (!more.is_empty() && b.is_ascii_digit()));
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || more.contains(&b);
        first && text.len() <= 64 && text.bytes().all(good)
    };
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for team in teams {
        let (name, members) = team.split_once(':').unwrap_or((team, ""));
        let (name, members) = (name.trim(), members.split_whitespace().collect::<Vec<_>>());
        let twice = out.iter().any(|(known, _)| known == name);
        if twice || members.is_empty() || !word(name, b"") || !members.iter().all(|login| word(login, b"._")) {
            let expected = "expected texts such as \"accounts: jane.doe joe\": a name in lower-case letters, digits and hyphens, each once, \
                            and the logins of its members";
            return Err(expected.to_owned());
        }
        out.push((name.to_owned(), members.into_iter().map(str::to_owned).collect()));
    }
    config.teams = out;
    Ok(())
}
