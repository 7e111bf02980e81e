//! The configuration: defaults, then `letterlock.toml`, then the environment, then flags; the later wins.
//!
//! Every key stands once, in [`keys`], with its type and range; the file and the environment are read against that
//! table. An unknown key, a wrong type or a value out of range is an error that names the key and the line (for the
//! environment, the variable), and all of them are told at once.

mod file;
mod folders;
mod keys;
mod listen;
mod oidc;
mod proxies;
mod roles;
mod safeguards;
mod setters;
mod teams;
mod values;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use folders::{FolderError, check_folders, check_heads, check_resources};
pub use keys::{describe as describe_keys, is_region};
pub use listen::{BadListen, Listen};
pub use proxies::{Proxies, ProxyHeader};
pub use values::{
    Audit, Config, HeadsSyslog, Limits, LogFormat, Mail, MailSecurity, Oidc, Operator, Preview, Recovery, Scanner,
    SignIn, Tls,
};

/// The file read when no other is named, in the current folder; it need not exist.
pub const DEFAULT_FILE: &str = "letterlock.toml";

/// What every variable begins with. Two underscores stand for the dot of a nested key.
pub const ENV_PREFIX: &str = "LETTERLOCK_";

/// Variable that names the configuration file, as `--config` does.
pub const ENV_FILE: &str = "LETTERLOCK_CONFIG";

/// What the command line overrides. `None` and `false` leave what the file and the environment say.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--keys`.
    pub keys: Option<PathBuf>,
    /// `serve --listen`.
    pub listen: Option<String>,
    /// `--accept-unsafe-fs`.
    pub accept_unsafe_fs: bool,
}

/// The configuration cannot be used. Holds one sentence a mistake, each naming its place; shows one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// Reads the configuration from all its sources and checks it as a whole.
///
/// # Errors
/// [`ConfigError`] with every mistake found.
pub fn load(env: impl IntoIterator<Item = (OsString, OsString)>, flags: &Flags) -> Result<Config, ConfigError> {
    let (env, mut problems) = own_variables(env);
    let mut config = Config::default();

    let named = flags.config.clone().or_else(|| env.iter().find(|(k, _)| k == ENV_FILE).map(|(_, v)| v.into()));
    if let Some(text) = read_file(named.as_deref(), &mut problems) {
        let path = named.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        file::apply(&mut config, &text, path, &mut problems);
    }
    for (variable, value) in env.iter().filter(|(k, _)| k != ENV_FILE) {
        apply_variable(&mut config, variable, value, &mut problems);
    }
    apply_flags(&mut config, flags, &mut problems);

    if config.tls.certificate.is_some() != config.tls.key.is_some() {
        problems.push("tls.certificate and tls.key: give both, or neither for a certificate made here".to_owned());
    }
    if config.scanner.socket.is_some() && config.scanner.address.is_some() {
        problems.push("scanner.socket and scanner.address: give one of them".to_owned());
    }
    problems.extend(oidc::check(&config));
    if config.limits.max_upload_bytes < config.limits.max_body_bytes {
        problems.push("limits.max_upload_bytes must not be below limits.max_body_bytes".to_owned());
    }
    // A mistake above may have left a folder at its default, so folders are compared only when all else is well.
    if problems.is_empty()
        && let Err(e) = check_folders(&config.data, &config.keys, config.recovery.folder.as_deref())
            .and_then(|()| check_resources(&config.resources, &config.data, &config.keys))
            .and_then(|()| check_heads(config.audit.heads_file.as_deref(), &config.data, &config.keys))
    {
        problems.push(e.to_string());
    }
    if problems.is_empty() { Ok(config) } else { Err(ConfigError(problems)) }
}

fn own_variables(env: impl IntoIterator<Item = (OsString, OsString)>) -> (Vec<(String, String)>, Vec<String>) {
    let (mut own, mut problems) = (Vec::new(), Vec::new());
    for (name, value) in env {
        let Ok(name) = name.into_string() else { continue };
        if !name.starts_with(ENV_PREFIX) {
            continue;
        }
        match value.into_string() {
            Ok(value) => own.push((name, value)),
            Err(_) => problems.push(format!("environment variable {name}: not valid UTF-8")),
        }
    }
    own.sort();
    (own, problems)
}

fn read_file(named: Option<&Path>, problems: &mut Vec<String>) -> Option<String> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => None,
        Err(e) => {
            problems.push(format!("{}: cannot read the configuration file: {e}", path.display()));
            None
        }
    }
}

fn apply_variable(config: &mut Config, variable: &str, value: &str, problems: &mut Vec<String>) {
    let name = variable[ENV_PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
    // One spelling: `LETTERLOCK_listen` is not `LETTERLOCK_LISTEN`.
    let key = keys::find(&name).filter(|_| variable.chars().all(|c| !c.is_lowercase()));
    match key {
        None => {
            problems.push(format!("environment variable {variable}: there is no key \"{name}\"{}", keys::hint(&name)))
        }
        Some(key) => {
            if let Err(e) = key.set_text(config, value) {
                problems.push(format!("environment variable {variable} (key \"{name}\"): {e}"));
            }
        }
    }
}

fn apply_flags(config: &mut Config, flags: &Flags, problems: &mut Vec<String>) {
    if let Some(data) = &flags.data {
        config.data.clone_from(data);
    }
    if let Some(keys) = &flags.keys {
        config.keys.clone_from(keys);
    }
    config.accept_unsafe_fs |= flags.accept_unsafe_fs;
    match flags.listen.as_deref().map(str::parse) {
        Some(Ok(listen)) => config.listen = listen,
        Some(Err(e)) => problems.push(format!("--listen: {e}")),
        None => {}
    }
    for (flag, path) in [("--data", &config.data), ("--keys", &config.keys)] {
        if path.as_os_str().is_empty() {
            problems.push(format!("{flag}: the path is empty"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(k, v)| (k.into(), v.into())).collect()
    }

    fn with_file(text: &str) -> (tempfile::TempDir, Flags) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("conf.toml");
        std::fs::write(&path, text).unwrap();
        (dir, Flags { config: Some(path), ..Flags::default() })
    }

    fn problems(text: &str) -> Vec<String> {
        let (_dir, flags) = with_file(text);
        load(env(&[]), &flags).unwrap_err().0
    }

    #[test]
    fn later_sources_win() {
        let (dir, mut flags) = with_file(
            "listen = '127.0.0.1:1'\ndata = 'data'\nregion = 'eu'\n[limits]\nper_form_per_minute = 7\nidle_seconds = 20\n",
        );
        let vars = env(&[
            ("LETTERLOCK_LISTEN", "127.0.0.1:2"),
            ("LETTERLOCK_LIMITS__PER_FORM_PER_MINUTE", "0"),
            ("PATH", "/bin"),
        ]);
        let config = load(vars.clone(), &flags).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:2");
        assert_eq!((config.region.as_str(), config.limits.idle_seconds), ("eu", 20));
        assert_eq!(config.limits.lifted(), ["limits.per_form_per_minute"]);
        assert_eq!(config.data, dir.path().join("data"), "the file's folder is where its relative paths start");

        flags.listen = Some("[::1]:3".to_owned());
        flags.data = Some("elsewhere".into());
        let config = load(vars, &flags).unwrap();
        assert_eq!(config.listen.to_string(), "[::1]:3");
        assert_eq!(config.data, Path::new("elsewhere"));
    }

    #[test]
    fn unknown_keys_name_key_and_line() {
        let found = problems("region = 'uk'\n\nlistn = 'x'\n[limits]\nper_minute = 3\n\n[tsl]\nkey = 'k'\n");
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[0].contains("line 3") && found[0].contains("\"listn\"") && found[0].contains("listen"),
            "{found:?}"
        );
        assert!(found[1].contains("line 5") && found[1].contains("\"limits.per_minute\""), "{found:?}");
        assert!(found[2].contains("line 7") && found[2].contains("\"tsl\""), "{found:?}");
        let found = load(env(&[("LETTERLOCK_LISTN", "x")]), &Flags::default()).unwrap_err().0;
        assert!(found[0].contains("LETTERLOCK_LISTN"), "{found:?}");
    }

    #[test]
    fn wrong_types_and_ranges_name_key_and_line() {
        for (text, line, word) in [
            ("region = 5", 1, "region"),
            ("accept_unsafe_fs = 'yes'", 1, "accept_unsafe_fs"),
            ("\ncache_mib = 0", 2, "cache_mib"),
            ("cache_mib = 99999999999999999999999", 1, "cache_mib"),
            ("cache_mib = -4", 1, "cache_mib"),
            ("cache_mib = 1.5", 1, "cache_mib"),
            ("[limits]\nheader_seconds = 0", 2, "limits.header_seconds"),
            ("limits = 5", 1, "limits"),
            ("[listen]\na = 1", 1, "listen"),
            ("log = 'xml'", 1, "log"),
            ("listen = 'nowhere'", 1, "listen"),
            ("region = 'a b'", 1, "region"),
            ("data = ''", 1, "data"),
            ("trusted_proxies = ['nowhere']", 1, "trusted_proxies"),
            ("trusted_proxies = [5]", 1, "trusted_proxies"),
            ("proxy_header = 'x-real-ip'", 1, "proxy_header"),
            ("[scanner]\naddress = '192.0.2.7:3310'", 2, "scanner.address"),
            ("[scanner]\naddress = 'clamd:3310'", 2, "scanner.address"),
            ("[scanner]\nseconds = 0", 2, "scanner.seconds"),
            ("[audit]\nheads_minutes = 0", 2, "audit.heads_minutes"),
            ("[audit]\nheads_syslog = 'udp:nowhere'", 2, "audit.heads_syslog"),
            ("[audit]\nheads_syslog = 'relative/socket'", 2, "audit.heads_syslog"),
            ("[audit]\nheads_mail = 'nobody'", 2, "audit.heads_mail"),
            ("languages = ['de', 'd e']", 1, "languages"),
        ] {
            let found = problems(text);
            let ok = found.len() == 1 && found[0].contains(&format!("line {line}:")) && found[0].contains(word);
            assert!(ok, "{text:?} gave {found:?}");
        }
        assert!(problems("a = ]")[0].contains("line 1"));
        assert!(problems("region = 'a'\nregion = 'b'")[0].contains("line 2"));
    }

    #[test]
    fn environment_is_checked_alike() {
        for (name, value) in [
            ("LETTERLOCK_CACHE_MIB", "lots"),
            ("LETTERLOCK_LIMITS__GRACE_SECONDS", "999999"),
            ("LETTERLOCK_ACCEPT_UNSAFE_FS", "perhaps"),
            ("LETTERLOCK_LIMITS", "5"),
            ("LETTERLOCK_listen", "localhost:1"),
        ] {
            let found = load(env(&[(name, value)]), &Flags::default()).unwrap_err().0;
            assert!(found.len() == 1 && found[0].contains(name), "{name}: {found:?}");
        }
    }

    #[test]
    fn halves_and_missing_files_are_refused() {
        assert!(problems("[tls]\ncertificate = 'c.pem'")[0].contains("tls.key"));
        let found = problems("[scanner]\nsocket = 'clamd'\naddress = '127.0.0.1:3310'");
        assert!(found[0].contains("scanner.address"), "{found:?}");
        for inside in ["data", "keys"] {
            let found = problems(&format!("data = 'data'\nkeys = 'keys'\n[audit]\nheads_file = '{inside}/heads'"));
            assert!(found[0].contains("heads"), "{found:?}");
        }
        assert!(problems("[limits]\nmax_upload_bytes = 1024\n")[0].contains("max_body_bytes"));
        let flags = Flags { config: Some("/nowhere/letterlock.toml".into()), ..Flags::default() };
        assert!(load(env(&[]), &flags).unwrap_err().to_string().contains("/nowhere/letterlock.toml"));
    }

    #[test]
    fn proxies_are_a_list_in_the_file_and_in_the_environment() {
        let (_dir, flags) = with_file("trusted_proxies = ['192.0.2.7', '10.0.0.0/8']\nproxy_header = 'forwarded'");
        let config = load(env(&[]), &flags).unwrap();
        assert_eq!(config.proxies.header, ProxyHeader::Forwarded);
        assert!(config.proxies.contains("10.1.2.3".parse().unwrap()));
        let config = load(env(&[("LETTERLOCK_TRUSTED_PROXIES", "192.0.2.8, 192.0.2.9")]), &flags).unwrap();
        assert!(config.proxies.contains("192.0.2.9".parse().unwrap()));
        assert!(!config.proxies.contains("10.1.2.3".parse().unwrap()));
        assert!(load(env(&[("LETTERLOCK_TRUSTED_PROXIES", "")]), &flags).unwrap().proxies.is_empty());
    }

    #[test]
    fn the_file_can_be_named_by_the_environment() {
        let (_dir, flags) = with_file("region = 'za'");
        let named = flags.config.unwrap();
        let vars = vec![(OsString::from(ENV_FILE), named.into_os_string())];
        assert_eq!(load(vars, &Flags::default()).unwrap().region, "za");
    }
}
