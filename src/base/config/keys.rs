//! Every configuration key, once: its name, type, range and meaning.

use std::path::PathBuf;

use super::Config;
use super::oidc::{set_client_id, set_issuer, set_roles, set_roles_claim, set_scopes};
use super::roles::set_roles as set_own_roles;
use super::safeguards::set_safeguards;
use super::setters::{set_heads_mail, set_heads_syslog, set_log, set_mail_security, set_proxy_header, set_scanner};
use super::teams::set_teams;

/// One key. Nested keys carry their section, `limits.grace_seconds`.
pub(super) struct Key {
    pub(super) name: &'static str,
    kind: Kind,
    help: &'static str,
}

enum Kind {
    Text(fn(&mut Config, &str) -> Result<(), String>),
    Path(fn(&mut Config, PathBuf)),
    Flag(fn(&mut Config, bool)),
    List(fn(&mut Config, &[&str]) -> Result<(), String>),
    Number(u64, u64, fn(&mut Config, u64)),
}

/// The sections of the file.
pub(super) const SECTIONS: [&str; 11] =
    ["operator", "reading", "tls", "recovery", "sign_in", "oidc", "mail", "scanner", "preview", "audit", "limits"];

const DAY: u64 = 86_400;

const KEYS: &[Key] = &[
    text("listen", set_listen, "address and port of the service; localhost means this machine only"),
    path("data", |c, v| c.data = v, "the data folder: sealed records and files"),
    path("keys", |c, v| c.keys = v, "the key folder; never inside the data folder"),
    text("region", set_region, "storage region written into each record"),
    path("forms", |c, v| c.forms = v, "folder of your own forms; they may replace shipped ones"),
    list(
        "languages",
        set_languages,
        "the languages that are offered, the first unless somebody asks for another; else all",
    ),
    path("messages", |c, v| c.messages = v, "folder of your own messages, a file a language"),
    path("resources", |c, v| c.resources = v, "folder of the files that forms unlock"),
    number("resource_link_hours", 1, 720, |c, v| c.resource_link_hours = small(v), "how long a link to one is good"),
    number(
        "overdue_days",
        1,
        365,
        |c, v| c.overdue_days = small(v),
        "days after which what waits for an answer is overdue",
    ),
    text("country", set_country, "country of telephone numbers without a calling code, for example GB"),
    flag("accept_unsafe_fs", |c, v| c.accept_unsafe_fs = v, "work on a file system not known to overwrite in place"),
    number("cache_mib", 8, 65_536, |c, v| c.cache_mib = v, "memory for the store's cache, MiB"),
    text("log", set_log, "form of the log: text or json"),
    list(
        "trusted_proxies",
        |c, v| c.proxies.trust(v),
        "addresses and networks of the proxies in front; their word about the client's address is taken",
    ),
    text("proxy_header", set_proxy_header, "the header in which they say it: x-forwarded-for or forwarded"),
    list(
        "safeguards",
        set_safeguards,
        "what is kept in one region may be read from another: \"STORED > READER: SAFEGUARD\"",
    ),
    list("roles", set_own_roles, "roles of one's own, each as \"NAME: ACTION ACTION\""),
    list("teams", set_teams, "teams of staff that submissions can be given to, each as \"NAME: LOGIN LOGIN\""),
    path("tls.certificate", |c, v| c.tls.certificate = Some(v), "certificate chain, PEM"),
    path("tls.key", |c, v| c.tls.key = Some(v), "private key of the certificate, PEM"),
    path("recovery.folder", |c, v| c.recovery.folder = Some(v), "where the recovery slot lies; best on another disk"),
    number(
        "sign_in.memory_mib",
        19,
        4096,
        |c, v| c.sign_in.memory_mib = v,
        "memory that hashing a staff password takes, MiB; 19 is the least",
    ),
    number("sign_in.passes", 2, 64, |c, v| c.sign_in.passes = v, "passes over that memory; 2 is the least"),
    text("oidc.issuer", set_issuer, "provider that staff sign in through, as it calls itself: https://…"),
    text("oidc.client_id", set_client_id, "what this service is called there"),
    path(
        "oidc.client_secret_file",
        |c, v| c.oidc.client_secret_file = Some(v),
        "file that holds its secret there; without one it is a public client",
    ),
    path("oidc.root_certificate", |c, v| c.oidc.root_certificate = Some(v), "root certificate of the provider, PEM"),
    list("oidc.scopes", set_scopes, "what is asked for beside openid"),
    text("oidc.roles_claim", set_roles_claim, "claim of the ID token that names groups; a.b looks into a"),
    list("oidc.roles", set_roles, "what each group may do, each as \"GROUP: ROLE ROLE\""),
    text("oidc.label", |c, v| set_words(&mut c.oidc.label, v), "what the provider is called on the page"),
    flag("oidc.password_sign_in", |c, v| c.oidc.password_sign_in = v, "whether passwords and passkeys count as well"),
    text("public_url", set_public_url, "where the service is reached, for links in mails: https://…"),
    text("operator.name", |c, v| set_some(&mut c.operator.name, v), "who runs the service: it stands on every page"),
    list("operator.address", set_address, "their postal address, line by line"),
    text("operator.email", |c, v| set_some(&mut c.operator.email, v), "their address for mails about data"),
    text("operator.phone", |c, v| set_some(&mut c.operator.phone, v), "their telephone number"),
    text("operator.officer", |c, v| set_some(&mut c.operator.officer, v), "their data protection officer"),
    text("operator.authority", |c, v| set_some(&mut c.operator.authority, v), "the supervisory authority"),
    path("pages", |c, v| c.pages = v, "folder of your own pages about privacy, cookies and accessibility"),
    text("mail.server", |c, v| set_some(&mut c.mail.server, v), "the mail server; without one no mail is sent"),
    number("mail.port", 1, 65_535, |c, v| c.mail.port = u16::try_from(v).ok(), "its port; else the usual one"),
    text("mail.security", set_mail_security, "starttls, tls, or none for a server on this machine"),
    text("mail.from", |c, v| set_some(&mut c.mail.from, v), "whom mails come from: Name <address>"),
    text("mail.login", |c, v| set_some(&mut c.mail.login, v), "login at the mail server"),
    path("mail.password_file", |c, v| c.mail.password_file = Some(v), "file that holds the password"),
    path("mail.root_certificate", |c, v| c.mail.root_certificate = Some(v), "root certificate of the server, PEM"),
    path("mail.templates", |c, v| c.mail.templates = Some(v), "folder of your own words for mails"),
    text("mail.name", |c, v| set_some(&mut c.mail.name, v), "whom mails are from, in words"),
    path("scanner.socket", |c, v| c.scanner.socket = Some(v), "Unix socket of clamd; it scans files for viruses"),
    text("scanner.address", set_scanner, "or its address on this machine, for example localhost:3310"),
    number("scanner.seconds", 1, 600, |c, v| c.scanner.seconds = v, "how long one file may wait for it in all"),
    flag(
        "preview.on",
        |c, v| c.preview.on = v,
        "whether staff see previews of files, made in a process that is locked in",
    ),
    number("preview.seconds", 1, 120, |c, v| c.preview.seconds = v, "how long making one may take"),
    number("preview.memory_mib", 256, 8_192, |c, v| c.preview.memory_mib = v, "memory that making one may take, MiB"),
    number("preview.pages", 1, 100, |c, v| c.preview.pages = small(v), "pages that are shown of one file"),
    number("preview.at_once", 1, 32, |c, v| c.preview.at_once = small(v), "previews that are made at a time"),
    path(
        "audit.heads_file",
        |c, v| c.audit.heads_file = Some(v),
        "file that signed heads of the trail are appended to",
    ),
    text(
        "audit.heads_syslog",
        set_heads_syslog,
        "syslog that they are sent to: local, a socket's path or udp:ADDRESS:PORT",
    ),
    number(
        "reading.most",
        0,
        1_000_000,
        |c, v| c.reading.most = small(v),
        "submissions that one account opens in ten minutes without being asked why; 0 for no limit",
    ),
    number(
        "reading.times",
        0,
        1000,
        |c, v| c.reading.times = small(v),
        "times one's own usual day that need a reason; 0 for no limit",
    ),
    text("audit.heads_mail", set_heads_mail, "address that they are mailed to; needs a mail server"),
    number("audit.heads_minutes", 1, 10_080, |c, v| c.audit.heads_minutes = v, "how often, in minutes"),
    limit(
        "limits.per_address_per_minute",
        |c, v| c.limits.per_address_per_minute = small(v),
        "requests a minute from one address; 0 lifts it",
    ),
    limit(
        "limits.auth_failures_per_minute",
        |c, v| c.limits.auth_failures_per_minute = small(v),
        "wrong tokens a minute from one address; 0 lifts it",
    ),
    limit(
        "limits.per_form_per_minute",
        |c, v| c.limits.per_form_per_minute = small(v),
        "submissions a minute to one form; 0 lifts it",
    ),
    limit(
        "limits.per_key_per_minute",
        |c, v| c.limits.per_key_per_minute = small(v),
        "submissions a minute by one server's key; 0 lifts it",
    ),
    limit(
        "limits.per_key_upload_mib_per_hour",
        |c, v| c.limits.per_key_upload_mib_per_hour = small(v),
        "MiB of files an hour by one server's key; 0 lifts it",
    ),
    limit(
        "limits.per_address_and_form_per_minute",
        |c, v| c.limits.per_address_and_form_per_minute = small(v),
        "submissions a minute to one form from one address; 0 lifts it",
    ),
    limit(
        "limits.upload_mib_per_hour",
        |c, v| c.limits.upload_mib_per_hour = small(v),
        "MiB of files an hour from one address; 0 lifts it",
    ),
    number(
        "limits.min_page_seconds",
        0,
        60,
        |c, v| c.limits.min_page_seconds = small(v),
        "how long a form page has to be open before it is sent; 0 lifts it",
    ),
    number(
        "limits.busy_jobs",
        0,
        100_000,
        |c, v| c.limits.busy_jobs = small(v),
        "requests waiting for the disk at which submissions are put off; 0 lifts it",
    ),
    limit(
        "limits.min_free_mib",
        |c, v| c.limits.min_free_mib = v,
        "free MiB below which submissions are put off; 0 lifts it",
    ),
    number("limits.header_seconds", 1, 300, |c, v| c.limits.header_seconds = v, "time for a request's head"),
    number("limits.body_seconds", 1, 3_600, |c, v| c.limits.body_seconds = v, "time for a request's body"),
    limit(
        "limits.body_bytes_per_second",
        |c, v| c.limits.body_bytes_per_second = v,
        "slowest body accepted, bytes a second; 0 lifts it",
    ),
    number("limits.idle_seconds", 1, 3_600, |c, v| c.limits.idle_seconds = v, "time a connection may idle"),
    number("limits.max_age_seconds", 10, DAY, |c, v| c.limits.max_age_seconds = v, "longest life of a connection"),
    number(
        "limits.max_connections",
        1,
        100_000,
        |c, v| c.limits.max_connections = small(v),
        "connections at the same time",
    ),
    number(
        "limits.max_body_bytes",
        1_024,
        64 << 20,
        |c, v| c.limits.max_body_bytes = v,
        "bytes of a body without files",
    ),
    number(
        "limits.max_upload_bytes",
        1_024,
        4 << 30,
        |c, v| c.limits.max_upload_bytes = v,
        "bytes of a body with files",
    ),
    number(
        "limits.grace_seconds",
        0,
        3_600,
        |c, v| c.limits.grace_seconds = v,
        "time to finish requests when stopping",
    ),
];

/// The key of that name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// A few words for somebody who named a key that does not exist: the nearest one, or all of the section.
pub(super) fn hint(name: &str) -> String {
    let nearest = KEYS.iter().map(|key| (distance(key.name, name), key.name)).min();
    if let Some((far, near)) = nearest
        && far <= near.len() / 4
    {
        return format!(" (did you mean \"{near}\"?)");
    }
    let section = name.split_once('.').map(|(section, _)| section).filter(|s| SECTIONS.contains(s));
    let same = |key: &&Key| key.name.split_once('.').map(|(s, _)| s) == section;
    let known: Vec<_> = KEYS.iter().filter(same).map(|key| key.name).collect();
    format!(" (known: {})", known.join(", "))
}

/// All keys for the help text, one a line with its variable and meaning.
pub fn describe() -> String {
    let mut out = String::new();
    for key in KEYS {
        let range = match key.kind {
            Kind::Number(min, max, _) => format!(" ({min} to {max})"),
            Kind::Text(_) | Kind::Path(_) | Kind::Flag(_) | Kind::List(_) => String::new(),
        };
        out.push_str(&format!("  {:<31} {}{range}\n", key.name, key.help));
    }
    out
}

impl Key {
    /// Sets the value from a variable's text.
    pub(super) fn set_text(&self, config: &mut Config, value: &str) -> Result<(), String> {
        match self.kind {
            Kind::Text(set) => set(config, value),
            Kind::Path(_) => self.set_path(config, value.into()),
            Kind::Flag(set) => match value {
                "true" | "false" => {
                    set(config, value == "true");
                    Ok(())
                }
                _ => Err("expected true or false".to_owned()),
            },
            Kind::Number(..) => self.set_number(config, value.parse().ok()),
            Kind::List(set) if value.trim().is_empty() => set(config, &[]),
            Kind::List(set) => set(config, &value.split(',').collect::<Vec<_>>()),
        }
    }

    /// Sets a text or path from the file; relative paths start at `base`.
    pub(super) fn set_string(&self, config: &mut Config, value: &str, base: &std::path::Path) -> Result<(), String> {
        match self.kind {
            Kind::Text(set) => set(config, value),
            Kind::Path(_) if value.is_empty() => self.set_path(config, PathBuf::new()),
            Kind::Path(_) => self.set_path(config, base.join(value)),
            Kind::Flag(_) | Kind::Number(..) | Kind::List(_) => Err(self.expected("a text")),
        }
    }

    /// Sets a list of texts from the file.
    pub(super) fn set_list(&self, config: &mut Config, values: &[&str]) -> Result<(), String> {
        match self.kind {
            Kind::List(set) => set(config, values),
            _ => Err(self.expected("a list")),
        }
    }

    /// Sets a boolean from the file.
    pub(super) fn set_bool(&self, config: &mut Config, value: bool) -> Result<(), String> {
        match self.kind {
            Kind::Flag(set) => {
                set(config, value);
                Ok(())
            }
            Kind::Text(_) | Kind::Path(_) | Kind::Number(..) | Kind::List(_) => Err(self.expected("a boolean")),
        }
    }

    /// Sets a whole number; `None` stands for one that no 64 bits hold, or for no number.
    pub(super) fn set_number(&self, config: &mut Config, value: Option<u64>) -> Result<(), String> {
        let Kind::Number(min, max, set) = self.kind else { return Err(self.expected("a number")) };
        match value {
            Some(value) if (min..=max).contains(&value) => {
                set(config, value);
                Ok(())
            }
            _ => Err(format!("expected a whole number from {min} to {max}")),
        }
    }

    /// Says that `found` stands where something else should.
    pub(super) fn expected(&self, found: &str) -> String {
        let wanted = match self.kind {
            Kind::Text(_) => "a text in quotes".to_owned(),
            Kind::Path(_) => "a path in quotes".to_owned(),
            Kind::Flag(_) => "true or false".to_owned(),
            Kind::List(_) => "a list of texts in quotes".to_owned(),
            Kind::Number(min, max, _) => format!("a whole number from {min} to {max}"),
        };
        format!("expected {wanted}, found {found}")
    }

    fn set_path(&self, config: &mut Config, value: PathBuf) -> Result<(), String> {
        let Kind::Path(set) = self.kind else { return Err(self.expected("a path")) };
        if value.as_os_str().is_empty() {
            Err("the path is empty".to_owned())
        } else {
            set(config, value);
            Ok(())
        }
    }
}

const fn text(name: &'static str, set: fn(&mut Config, &str) -> Result<(), String>, help: &'static str) -> Key {
    Key { name, kind: Kind::Text(set), help }
}

const fn path(name: &'static str, set: fn(&mut Config, PathBuf), help: &'static str) -> Key {
    Key { name, kind: Kind::Path(set), help }
}

const fn list(name: &'static str, set: fn(&mut Config, &[&str]) -> Result<(), String>, help: &'static str) -> Key {
    Key { name, kind: Kind::List(set), help }
}

const fn flag(name: &'static str, set: fn(&mut Config, bool), help: &'static str) -> Key {
    Key { name, kind: Kind::Flag(set), help }
}

const fn number(name: &'static str, min: u64, max: u64, set: fn(&mut Config, u64), help: &'static str) -> Key {
    Key { name, kind: Kind::Number(min, max, set), help }
}

const fn limit(name: &'static str, set: fn(&mut Config, u64), help: &'static str) -> Key {
    Key { name, kind: Kind::Number(0, 1_000_000, set), help }
}

/// A number that its range has already kept within 32 bits.
fn small(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn set_listen(config: &mut Config, value: &str) -> Result<(), String> {
    config.listen = value.parse().map_err(|e: super::BadListen| e.to_string())?;
    Ok(())
}

fn set_region(config: &mut Config, value: &str) -> Result<(), String> {
    if !is_region(value) {
        return Err("expected 1 to 32 lower-case letters, digits and hyphens".to_owned());
    }
    value.clone_into(&mut config.region);
    Ok(())
}

/// Whether `text` can be the name of a storage region.
pub fn is_region(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn set_address(config: &mut Config, lines: &[&str]) -> Result<(), String> {
    let good = |line: &&str| !line.trim().is_empty() && !line.chars().any(char::is_control);
    if lines.len() > 10 || !lines.iter().all(good) {
        return Err("expected a list of at most ten lines, each with some words".to_owned());
    }
    config.operator.address = lines.iter().map(|line| line.trim().to_owned()).collect();
    Ok(())
}

fn set_languages(config: &mut Config, tags: &[&str]) -> Result<(), String> {
    let tag = |tag: &&str| {
        let tag = tag.trim().to_ascii_lowercase();
        let good = (2..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if good { Ok(tag) } else { Err("expected a list of languages such as \"en\", \"de\" or \"pt-br\"".to_owned()) }
    };
    config.languages = tags.iter().map(tag).collect::<Result<_, _>>()?;
    Ok(())
}

fn set_country(config: &mut Config, value: &str) -> Result<(), String> {
    if value.len() != 2 || !value.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err("expected the two capital letters of a country, for example GB".to_owned());
    }
    config.country = Some(value.to_owned());
    Ok(())
}

fn set_some(place: &mut Option<String>, value: &str) -> Result<(), String> {
    if value.trim().is_empty() || value.chars().any(char::is_control) {
        return Err("expected some words in one line".to_owned());
    }
    *place = Some(value.trim().to_owned());
    Ok(())
}

fn set_words(place: &mut String, value: &str) -> Result<(), String> {
    let mut words = None;
    set_some(&mut words, value)?;
    *place = words.filter(|words| words.chars().count() <= 60).ok_or("expected at most 60 characters")?;
    Ok(())
}

fn set_public_url(config: &mut Config, value: &str) -> Result<(), String> {
    let host = value.strip_prefix("https://").map(|rest| rest.trim_end_matches('/'));
    let good = host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
    });
    if !good {
        return Err("expected https:// and a host, perhaps with a port, without a path".to_owned());
    }
    config.public_url = Some(value.trim_end_matches('/').to_owned());
    Ok(())
}

/// Levenshtein distance, for names of a few dozen bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let cost = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        for key in KEYS {
            if let Kind::Number(min, max, _) = key.kind {
                assert!(min < max, "{}", key.name);
            }
            if let Some((section, _)) = key.name.split_once('.') {
                assert!(SECTIONS.contains(&section), "{}", key.name);
            }
        }
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
        for key in KEYS {
            assert!(readme.contains(&format!("`{}`", key.name)), "the README does not tell of {}", key.name);
        }
        assert_eq!((distance("listen", "listn"), distance("a", "")), (1, 1));
    }
}
