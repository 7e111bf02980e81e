//! The certificate of the service: the one configured, or one made here on the first run.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::outcome::{CliError, Outcome};
use crate::base::clock::Clock;
use crate::base::config::Config;
use crate::http::{Certificate, tls};

/// The certificate to serve with.
pub(super) struct Chosen {
    pub(super) certificate: Certificate,
    /// No authority stands behind it.
    pub(super) is_self_made: bool,
    /// Files made just now, each with what it is.
    pub(super) made: Vec<(PathBuf, &'static str)>,
}

/// Takes the configured certificate, or the one under `tls/` in the key folder, which is made when it is not there.
pub(super) fn choose(config: &Config, clock: &dyn Clock) -> Outcome<Chosen> {
    if let (Some(chain), Some(key)) = (&config.tls.certificate, &config.tls.key) {
        let certificate = Certificate::Files { chain: chain.clone(), key: key.clone() };
        return Ok(Chosen { certificate, is_self_made: false, made: Vec::new() });
    }
    let folder = config.keys.join("tls");
    let (chain, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let made = match (chain.exists(), key.exists()) {
        (true, true) => Vec::new(),
        (false, true) => {
            let told = format!(
                "{} is there without {}; restore the certificate, or move the key away to have both made anew",
                key.display(),
                chain.display()
            );
            return Err(CliError::refused(told));
        }
        (_, false) => {
            let names = [config.listen.address().ip()].into_iter().filter(|ip| !ip.is_unspecified());
            let names: Vec<_> = names.map(|ip| ip.to_string()).collect();
            let (chain_pem, key_pem) =
                tls::make_self_signed(&names, clock.now()).map_err(|e| CliError::failed(e.to_string()))?;
            make_folder(&folder)?;
            // The key last: a certificate without one is made anew, so a crash in between leaves nothing odd.
            write(&chain, chain_pem.as_bytes(), false)?;
            write(&key, key_pem.expose().as_bytes(), true)?;
            vec![(chain.clone(), "TLS certificate, self-made"), (key.clone(), "private key of the certificate")]
        }
    };
    Ok(Chosen { certificate: Certificate::Files { chain, key }, is_self_made: true, made })
}

fn make_folder(folder: &Path) -> Outcome {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|e| CliError::failed(format!("cannot make {}: {e}", folder.display())))
}

fn write(path: &Path, content: &[u8], new: bool) -> Outcome {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if new {
        options.create_new(true)
    } else {
        options.create(true).truncate(true)
    };
    let written = options.open(path).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.map_err(|e| CliError::failed(format!("cannot write {}: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::base::clock::{ManualClock, Timestamp};

    fn config(keys: &Path) -> Config {
        Config { keys: keys.to_owned(), ..Config::default() }
    }

    #[test]
    fn made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_millis(1_795_453_726_042));
        let config = config(dir.path());
        assert_eq!(choose(&config, &clock).unwrap().made.len(), 2);
        let key = dir.path().join("tls/key.pem");
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        let before = std::fs::read(&key).unwrap();
        assert!(choose(&config, &clock).unwrap().made.is_empty());
        assert_eq!(std::fs::read(&key).unwrap(), before);

        std::fs::remove_file(dir.path().join("tls/cert.pem")).unwrap();
        assert!(choose(&config, &clock).is_err(), "a key is never thrown away");
    }
}
