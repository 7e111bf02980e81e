//! What `serve` and `init` tell the person at the terminal, on standard output.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::base::config::Config;
use crate::cli::outcome::Outcome;
use crate::cli::output::line;
use crate::cli::terminal::{clean, say};
use crate::services::{App, Opened};

/// Says what was made and mended.
pub(super) fn made(config: &Config, opened: &Opened, also: &[(PathBuf, &'static str)]) -> Outcome {
    for notice in &opened.notices {
        say(&format!("letterlock: note: {notice}"));
    }
    let made: Vec<_> = opened.made.iter().chain(also).collect();
    if opened.first_run {
        line("A new vault. Made:")?;
    } else if !made.is_empty() {
        line("Made:")?;
    }
    let width = made.iter().map(|(path, _)| path.display().to_string().len()).max().unwrap_or(0);
    for (path, what) in made {
        line(&format!("  {:<width$}  {what}", path.display().to_string()))?;
    }
    if opened.first_run {
        let slot = config.recovery.folder.clone().unwrap_or_else(|| config.keys.join("recovery"));
        line("")?;
        line("Look after these:")?;
        let keys = config.keys.display();
        line(&format!("  {keys}  opens everything. Never let it into a backup that keeps old versions: an old copy"))?;
        line("      of it still opens what was erased since.")?;
        let identity = slot.join("identity");
        line(&format!(
            "  {}  is the recovery identity: it opens the recovery slot in {}.",
            identity.display(),
            slot.display()
        ))?;
        line("      Move it offline now (on paper, or on a stick in a safe), and delete it here.")?;
    }
    Ok(())
}

/// Says what to do after `init`.
pub(super) fn next_steps(config: &Config) -> Outcome {
    line("")?;
    line("Run the service:")?;
    line(&format!("  {} serve", command(config)))?;
    line("Make the first token:")?;
    line(&format!("  {} token create --login reader --role hr", command(config)))
}

/// What is to be told once the service listens.
pub(super) struct Listening {
    host: String,
    forms: Vec<(String, String)>,
    command: String,
    first_run: bool,
    self_made: Option<PathBuf>,
}

impl Listening {
    pub(super) fn new(config: &Config, app: &App, first_run: bool, is_self_made: bool) -> Self {
        let unspecified = config.listen.address().ip().is_unspecified();
        Self {
            host: if unspecified { "localhost".to_owned() } else { config.listen.host().to_owned() },
            forms: app.forms().iter().map(|form| (form.id.to_string(), clean(&form.title))).collect(),
            command: command(config),
            first_run,
            self_made: is_self_made.then(|| config.keys.join("tls/cert.pem")),
        }
    }

    /// Prints it. Returns the service's URL.
    pub(super) fn print(&self, address: SocketAddr) -> String {
        let url = format!("https://{}:{}", self.host, address.port());
        // A closed standard output must not stop the service.
        let _ = self.lines(&url, address);
        url
    }

    fn lines(&self, url: &str, address: SocketAddr) -> Outcome {
        if self.first_run {
            line("")?;
        }
        let everywhere =
            if address.ip().is_unspecified() { format!(" (on every address: {address})") } else { String::new() };
        line(&format!("Letterlock serves {url}{everywhere}"))?;
        for (id, title) in &self.forms {
            line(&format!("  {url}/f/{id}  {title}"))?;
        }
        if !self.first_run {
            return Ok(());
        }
        if let Some(path) = &self.self_made {
            line("")?;
            line("The certificate is self-made, so browsers warn. Clients can be told to trust it:")?;
            line(&format!("  curl --cacert {} {url}/health/ready", quoted(path)))?;
            line("For the public, put one from an authority under [tls] in letterlock.toml.")?;
        }
        line("")?;
        line("Invite somebody to the console, in another terminal:")?;
        line(&format!("  {} staff invite NAME --role hr", self.command))?;
        line("Or make a token for a program:")?;
        line(&format!("  {} token create --login reader --role hr", self.command))
    }
}

/// How this program is called with these folders.
fn command(config: &Config) -> String {
    let program = std::env::args_os().next().map_or_else(|| PathBuf::from("letterlock"), PathBuf::from);
    let mut out = quoted(&program);
    let defaults = Config::default();
    for (flag, path, usual) in [("--data", &config.data, &defaults.data), ("--keys", &config.keys, &defaults.keys)] {
        if path != usual {
            out.push_str(&format!(" {flag} {}", quoted(path)));
        }
    }
    out
}

/// The path, in quotes if a shell would make something else of it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_a_shell() {
        assert_eq!(quoted(Path::new("/srv/data")), "/srv/data");
        assert_eq!(quoted(Path::new("my data")), "'my data'");
        assert_eq!(quoted(Path::new("it's")), "'it'\\''s'");
    }
}
