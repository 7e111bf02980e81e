//! Where heads of the audit trail are kept beside the vault, as configured.

use std::sync::Arc;
use std::time::Duration;

use crate::adapters::heads::{HeadsFile, LOCAL_SYSLOG, Place, Syslog, SyslogAddress};
use crate::base::config::{Config, HeadsSyslog};
use crate::cli::outcome::{CliError, Outcome};
use crate::cli::terminal::say;
use crate::services::App;
use crate::services::audit::keep::{HeadsMail, Keeper};

/// Gives the installation its second places. The mail server has to be known by then.
pub(super) fn set(config: &Config, app: &App) -> Outcome {
    let audit = &config.audit;
    let mut places: Vec<Box<dyn Place>> = Vec::new();
    if let Some(path) = &audit.heads_file {
        places.push(Box::new(HeadsFile(path.clone())));
    }
    if let Some(syslog) = &audit.heads_syslog {
        let address = match syslog {
            HeadsSyslog::Local => SyslogAddress::Socket(LOCAL_SYSLOG.into()),
            HeadsSyslog::Socket(path) => SyslogAddress::Socket(path.clone()),
            HeadsSyslog::Udp(address) => SyslogAddress::Udp(*address),
        };
        places.push(Box::new(Syslog::new(address)));
    }
    if let Some(to) = &audit.heads_mail {
        let post = app.post().ok_or_else(|| {
            CliError::refused("audit.heads_mail: there is no mail server to send them by (mail.server)".to_owned())
        })?;
        places.push(Box::new(HeadsMail::new(Arc::clone(post), to.clone())));
    }
    if places.is_empty() {
        say(
            "letterlock: note: heads of the audit trail are kept nowhere else (audit.heads_file), so a trail rolled back with its keys would not show",
        );
        return Ok(());
    }
    app.set_keeper(Keeper::new(places, Duration::from_secs(60 * audit.heads_minutes)));
    Ok(())
}
