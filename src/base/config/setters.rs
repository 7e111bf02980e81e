//! Values that are one of a few words, and addresses.

use super::{Config, HeadsSyslog, LogFormat, MailSecurity, ProxyHeader};

pub(super) fn set_mail_security(config: &mut Config, value: &str) -> Result<(), String> {
    config.mail.security = match value {
        "starttls" => MailSecurity::StartTls,
        "tls" => MailSecurity::Tls,
        "none" => MailSecurity::None,
        _ => return Err("expected \"starttls\", \"tls\" or \"none\"".to_owned()),
    };
    Ok(())
}

pub(super) fn set_proxy_header(config: &mut Config, value: &str) -> Result<(), String> {
    config.proxies.header = match value {
        "x-forwarded-for" => ProxyHeader::XForwardedFor,
        "forwarded" => ProxyHeader::Forwarded,
        _ => return Err("expected \"x-forwarded-for\" or \"forwarded\"".to_owned()),
    };
    Ok(())
}

pub(super) fn set_scanner(config: &mut Config, value: &str) -> Result<(), String> {
    let address = value.parse::<super::Listen>().map(|listen| listen.address()).ok();
    let here = address.filter(|address| address.ip().is_loopback());
    // clamd knows no encryption: files of people do not go over a network in clear.
    config.scanner.address = Some(here.ok_or("expected an address of this machine and a port: localhost:3310")?);
    Ok(())
}

pub(super) fn set_heads_syslog(config: &mut Config, value: &str) -> Result<(), String> {
    config.audit.heads_syslog = Some(match (value, value.strip_prefix("udp:")) {
        ("local", _) => HeadsSyslog::Local,
        (_, Some(address)) => HeadsSyslog::Udp(
            address.parse().map_err(|_| "expected udp: and an address with a port: udp:192.0.2.7:514")?,
        ),
        (path, None) if path.starts_with('/') => HeadsSyslog::Socket(path.into()),
        _ => return Err("expected \"local\", the path of a socket from / on, or udp:ADDRESS:PORT".to_owned()),
    });
    Ok(())
}

pub(super) fn set_heads_mail(config: &mut Config, value: &str) -> Result<(), String> {
    if !value.contains('@') || value.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("expected an e-mail address".to_owned());
    }
    config.audit.heads_mail = Some(value.to_owned());
    Ok(())
}

pub(super) fn set_log(config: &mut Config, value: &str) -> Result<(), String> {
    config.log = match value {
        "text" => LogFormat::Text,
        "json" => LogFormat::Json,
        _ => return Err("expected \"text\" or \"json\"".to_owned()),
    };
    Ok(())
}
