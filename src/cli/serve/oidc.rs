//! The provider that staff sign in through, as configured. It is asked for nothing before somebody signs in.

use std::path::Path;

use crate::adapters::oidc::{Provider, Settings};
use crate::base::config::Config;
use crate::base::sensitive::SensitiveString;
use crate::cli::outcome::{CliError, Outcome};
use crate::policy::Role;
use crate::services::sign_in::{CALLBACK, Federation};

/// The provider; `None` without an issuer.
pub(super) fn federation(config: &Config) -> Outcome<Option<Federation>> {
    let oidc = &config.oidc;
    // Checked together, when the configuration was read.
    let (Some(issuer), Some(client_id), Some(url)) = (&oidc.issuer, &oidc.client_id, &config.public_url) else {
        return Ok(None);
    };
    let read =
        |path: &Path| std::fs::read(path).map_err(|error| CliError::refused(format!("{}: {error}", path.display())));
    let secret = oidc.client_secret_file.as_deref().map(|file| {
        let text = String::from_utf8(read(file)?)
            .map_err(|_| CliError::refused(format!("{}: the secret is not UTF-8", file.display())))?;
        match text.trim() {
            "" => Err(CliError::refused(format!("{}: there is no secret in it", file.display()))),
            secret => Ok(SensitiveString::from(secret)),
        }
    });
    let settings = Settings {
        issuer: issuer.clone(),
        client_id: client_id.clone(),
        secret: secret.transpose()?,
        root: oidc.root_certificate.as_deref().map(read).transpose()?,
        scopes: oidc.scopes.clone(),
        redirect_uri: format!("{url}{CALLBACK}"),
    };
    let provider = Provider::new(settings).map_err(CliError::refused)?;
    let parse = |roles: &[String]| roles.iter().filter_map(|role| role.parse().ok()).collect::<Vec<Role>>();
    let groups = oidc.roles.iter().map(|(group, roles)| (group.clone(), parse(roles))).collect();
    let (label, claim) = (oidc.label.clone(), oidc.roles_claim.clone());
    Ok(Some(Federation::new(provider, label, claim, groups, oidc.password_sign_in)))
}
