//! A served installation in folders of its own: the real binary, its own keys, data and self-made certificate.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running `letterlock serve`; stopped on drop, its folders removed.
pub(crate) struct Served {
    /// Where it listens, for example `https://localhost:40001`.
    pub(crate) url: String,
    child: Child,
    folder: TempDir,
}

impl Served {
    /// Starts an installation from nothing and waits until it is ready.
    pub(crate) async fn start() -> Self {
        Self::with_forms(&[]).await
    }

    /// With form files of its own, by name and text.
    pub(crate) async fn with_forms(forms: &[(&str, &str)]) -> Self {
        Self::with_settings(forms, &[]).await
    }

    /// With form files and further configuration, as variables of its environment.
    pub(crate) async fn with_settings(forms: &[(&str, &str)], settings: &[(&str, &str)]) -> Self {
        Self::at(free_port(), forms, settings).await
    }

    /// As [`Served::with_settings`], at this port.
    pub(crate) async fn at(port: u16, forms: &[(&str, &str)], settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("served-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for (name, text) in forms {
            fs::create_dir_all(folder.path().join("forms")).unwrap();
            fs::write(folder.path().join("forms").join(name), text).unwrap();
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = command(folder.path())
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--accept-unsafe-fs"])
            .env("LETTERLOCK_LIMITS__PER_ADDRESS_PER_MINUTE", "0")
            .env("LETTERLOCK_LIMITS__PER_FORM_PER_MINUTE", "0")
            .env("LETTERLOCK_LIMITS__MIN_PAGE_SECONDS", "0")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut served = Self { url: format!("https://localhost:{port}"), child, folder };
        served.wait_until_ready().await;
        served
    }

    /// What it has printed so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The id of its process.
    #[allow(dead_code, reason = "for the test that measures its memory")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A folder of the test's own, beside data and keys.
    pub(crate) fn scratch(&self) -> PathBuf {
        let path = self.folder.path().join("scratch");
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Runs another command on the same folders and returns what it printed.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let output = command(self.folder.path()).args(arguments).stdin(Stdio::null()).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "letterlock {arguments:?}: {}\n{out}{err}", output.status);
        out.into_owned()
    }

    /// A bearer token for these roles.
    pub(crate) fn token(&self, login: &str, roles: &str) -> String {
        self.cli(&["token", "create", "--login", login, "--role", roles]).trim().to_owned()
    }

    async fn wait_until_ready(&mut self) {
        let client = client();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(60) {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("serve ended with {status}:\n{}", self.log());
            }
            if let Ok(answer) = client.get(format!("{}/health/ready", self.url)).send().await
                && answer.status().is_success()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not ready within a minute:\n{}", self.log());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- what serve printed ---\n{}", self.log());
        }
    }
}

/// An HTTPS client that takes the self-made certificate.
pub(crate) fn client() -> reqwest::Client {
    // A second test in the same process finds the provider installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().danger_accept_invalid_certs(true).build().unwrap()
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_letterlock"));
    command.arg("--data").arg(folder.join("data")).arg("--keys").arg(folder.join("keys")).current_dir(folder);
    // Set by `scripts/test --deep`; to the program it is a key that it does not know.
    command.env_remove("LETTERLOCK_TEST_DEEP");
    command
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
