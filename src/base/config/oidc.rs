//! The provider that staff sign in through, as the configuration names it.

use url::Url;

use super::Config;
use super::roles::{BUILT_IN, is_known, is_name};

/// Groups that roles can be given to.
const MOST: usize = 200;

/// What is wrong with the section as a whole.
pub(super) fn check(config: &Config) -> Vec<String> {
    let oidc = &config.oidc;
    if oidc.issuer.is_none() {
        let alone = oidc.client_id.is_some() || !oidc.roles.is_empty() || !oidc.password_sign_in;
        return if alone { vec!["oidc.issuer: say which provider".to_owned()] } else { Vec::new() };
    }
    let mut problems = Vec::new();
    if oidc.client_id.is_none() {
        problems.push("oidc.client_id: say what this service is called at the provider".to_owned());
    }
    for (group, roles) in &oidc.roles {
        for role in roles.iter().filter(|role| !is_known(config, role)) {
            problems.push(format!("oidc.roles: the group {group} is to have the role {role}, which is not there"));
        }
    }
    if oidc.roles.is_empty() {
        problems.push("oidc.roles: say which groups have which roles; without any, nobody is let in".to_owned());
    }
    if config.public_url.is_none() {
        problems.push("public_url: with oidc.issuer, say where people reach the service: https://…".to_owned());
    }
    problems
}

pub(super) fn set_issuer(config: &mut Config, value: &str) -> Result<(), String> {
    let good = Url::parse(value).is_ok_and(|url| {
        let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        url.scheme() == "https" && url.has_host() && bare && url.password().is_none()
    });
    if !good || value.len() > 512 || value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(
            "expected https://, a host and perhaps a path, letter by letter as the provider calls itself".to_owned()
        );
    }
    config.oidc.issuer = Some(value.to_owned());
    Ok(())
}

pub(super) fn set_client_id(config: &mut Config, value: &str) -> Result<(), String> {
    if value.is_empty() || value.len() > 255 || !value.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err("expected 1 to 255 characters of ASCII".to_owned());
    }
    config.oidc.client_id = Some(value.to_owned());
    Ok(())
}

pub(super) fn set_scopes(config: &mut Config, scopes: &[&str]) -> Result<(), String> {
    let good = |scope: &&str| {
        // RFC 6749, 3.3.
        let byte = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        !scope.is_empty() && scope.len() <= 255 && scope.bytes().all(byte)
    };
    if scopes.len() > 20 || !scopes.iter().all(good) {
        return Err("expected a list of scopes such as \"profile\" or \"groups\"".to_owned());
    }
    config.oidc.scopes = scopes.iter().filter(|scope| **scope != "openid").map(|scope| (*scope).to_owned()).collect();
    Ok(())
}

pub(super) fn set_roles_claim(config: &mut Config, value: &str) -> Result<(), String> {
    if value.is_empty() || value.len() > 255 || value.chars().any(char::is_control) {
        return Err("expected the name of a claim, for example groups".to_owned());
    }
    config.oidc.roles_claim = value.to_owned();
    Ok(())
}

/// Reads texts such as `vault-readers: hr support`. A group may have colons of its own: the last one counts.
pub(super) fn set_roles(config: &mut Config, groups: &[&str]) -> Result<(), String> {
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for text in groups {
        let (group, roles) = text.rsplit_once(':').unwrap_or((text, ""));
        let (group, roles) = (group.trim(), roles.split_whitespace().collect::<Vec<_>>());
        let twice = out.iter().any(|(known, _)| known == group);
        if twice
            || roles.is_empty()
            || !roles.iter().all(|role| is_name(role))
            || group.is_empty()
            || group.len() > 512
            || groups.len() > MOST
        {
            let expected = format!(
                "expected texts such as \"vault-readers: hr support\": a group as the claim names it, each once, and its roles out of {}, or \
                 of your own (roles)",
                BUILT_IN.join(", ")
            );
            return Err(expected);
        }
        out.push((group.to_owned(), roles.into_iter().map(str::to_owned).collect()));
    }
    config.oidc.roles = out;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_roles_by_their_exact_names() {
        let mut config = Config::default();
        set_roles(&mut config, &["/staff/hr: hr", "urn:vault:admins: admin auditor"]).unwrap();
        let names: Vec<_> = config.oidc.roles.iter().map(|(group, roles)| (group.as_str(), roles.join(" "))).collect();
        assert_eq!(names, [("/staff/hr", "hr".to_owned()), ("urn:vault:admins", "admin auditor".to_owned())]);
        for bad in ["hr", "x:", ": hr", "x: HR", "x: hr,admin"] {
            assert!(set_roles(&mut config, &[bad]).is_err(), "{bad}");
        }
        assert!(set_roles(&mut config, &["x: hr", "x: admin"]).is_err(), "twice");
        assert_eq!(config.oidc.roles.len(), 2, "what is wrong changes nothing");
        set_roles(&mut config, &["x: interviewer"]).unwrap();
        let told =
            |config: &Config| check(config).iter().any(|problem| problem.contains("interviewer, which is not there"));
        config.oidc.issuer = Some("https://id.example".to_owned());
        assert!(told(&config));
        config.roles = vec![("interviewer".to_owned(), vec!["read-file".to_owned()])];
        assert!(!told(&config));
    }

    #[test]
    fn a_provider_is_reached_by_https_only() {
        let mut config = Config::default();
        for bad in [
            "http://id.example",
            "id.example",
            "https://",
            "https://a:b@id.example",
            "https://id.example?x",
            "file:///x",
        ] {
            assert!(set_issuer(&mut config, bad).is_err(), "{bad}");
        }
        set_issuer(&mut config, "https://id.example:8443/realms/vault").unwrap();
        assert_eq!(check(&config).len(), 3, "client, roles and address are missing");
        config.oidc = super::super::Oidc { password_sign_in: false, ..super::super::Oidc::default() };
        assert_eq!(check(&config).len(), 1, "nobody could sign in");
    }
}
