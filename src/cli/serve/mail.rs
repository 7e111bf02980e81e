//! The mail server as configured.

use std::sync::Arc;

use crate::adapters::mail::{Security, Settings, Smtp};
use crate::base::config::{Config, MailSecurity};
use crate::base::sensitive::SensitiveString;
use crate::cli::outcome::{CliError, Outcome};
use crate::services::post::Post;

/// The post office; `None` without a mail server.
pub(super) fn post(config: &Config) -> Outcome<Option<Post>> {
    let mail = &config.mail;
    let Some(server) = &mail.server else { return Ok(None) };
    let refused = |message: String| CliError::refused(message);
    let from =
        mail.from.clone().ok_or_else(|| refused("mail.from: say whom mails come from, Name <address>".to_owned()))?;
    let url = config.public_url.clone().ok_or_else(|| {
        refused("public_url: with a mail server, say where people reach the service: https://…".to_owned())
    })?;
    let read =
        |path: &std::path::Path| std::fs::read(path).map_err(|error| refused(format!("{}: {error}", path.display())));
    let login = match (&mail.login, &mail.password_file) {
        (Some(login), Some(file)) => {
            let text = String::from_utf8(read(file)?)
                .map_err(|_| refused(format!("{}: the password is not UTF-8", file.display())))?;
            Some((login.clone(), SensitiveString::from(text.trim_end_matches(['\r', '\n']))))
        }
        (None, None) => None,
        _ => return Err(refused("mail.login and mail.password_file: give both, or neither".to_owned())),
    };
    let settings = Settings {
        server: server.clone(),
        port: mail.port,
        security: match mail.security {
            MailSecurity::StartTls => Security::StartTls,
            MailSecurity::Tls => Security::Tls,
            MailSecurity::None => Security::None,
        },
        login,
        root: mail.root_certificate.as_deref().map(read).transpose()?,
        from,
    };
    let smtp = Smtp::new(&settings).map_err(refused)?;
    let name = mail.name.clone().unwrap_or_else(|| url.trim_start_matches("https://").to_owned());
    Post::new(Arc::new(smtp), mail.templates.as_deref(), &url, &name)
        .map(Some)
        .map_err(|e| refused(format!("mail: {e}")))
}
