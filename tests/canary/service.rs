//! The service under test: the real program, with data, keys, temporary folder, home and log of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::image::Process;
use crate::scan::{Hit, Scanner};

/// Lets a build with debug assertions be looked into; see `src/cli/harden.rs`.
pub(crate) const PERMIT_DUMP: &str = "LETTERLOCK_TEST_DUMPABLE";

/// What an upload may have, in bytes.
pub(crate) const MAX_UPLOAD: usize = 1 << 20;

pub(crate) struct Service {
    child: Child,
    folder: TempDir,
    pub(crate) url: String,
    /// Sockets that are open when nobody is connected.
    idle_sockets: usize,
}

impl Service {
    /// Starts a fresh installation whose memory may be looked at.
    pub(crate) fn start(log: &str) -> Self {
        Self::start_with(log, &[])
    }

    /// The same with more settings.
    pub(crate) fn start_with(log: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("canary-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for name in ["tmp", "home", "work", "logs", "desk"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let output = fs::File::create(folder.path().join("logs/serve")).unwrap();
        let mut command = command(folder.path());
        if cfg!(debug_assertions) {
            command.env(PERMIT_DUMP, "true");
        } else {
            // A release build cannot be made to permit it; root may look nonetheless.
            assert!(rustix::process::geteuid().is_root(), "a release build can be searched by root only");
        }
        let child = command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("LETTERLOCK_LOG", log)
            .env("LETTERLOCK_READING__MOST", "0")
            .envs(settings.iter().copied())
            // Low, so that a body beyond it is soon sent.
            .env("LETTERLOCK_LIMITS__MAX_BODY_BYTES", "262144")
            .env("LETTERLOCK_LIMITS__MAX_UPLOAD_BYTES", MAX_UPLOAD.to_string())
            // High: the process stands still while it is looked at, and its clients must not be cut for that.
            .env("LETTERLOCK_LIMITS__HEADER_SECONDS", "300")
            .env("LETTERLOCK_LIMITS__IDLE_SECONDS", "3600")
            .env("LETTERLOCK_LIMITS__BODY_BYTES_PER_SECOND", "0")
            .env("LETTERLOCK_LIMITS__PER_ADDRESS_PER_MINUTE", "0")
            .env("LETTERLOCK_LIMITS__PER_FORM_PER_MINUTE", "0")
            .env("LETTERLOCK_LIMITS__AUTH_FAILURES_PER_MINUTE", "0")
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut service = Self { child, folder, url: String::new(), idle_sockets: 0 };
        service.url = service.wait_for_url();
        service.idle_sockets = service.process().sockets();
        service
    }

    fn wait_for_url(&mut self) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let log = self.log();
            if let Some(line) = log.lines().find_map(|line| line.strip_prefix("Letterlock serves ")) {
                return line.trim().to_owned();
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "the service does not start:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("logs/serve")).unwrap()
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Waits until every connection has ended and the service is at rest.
    pub(crate) fn wait_until_quiet(&self) {
        self.wait_until_quiet_but_for(0);
    }

    /// The same while this many connections stay open.
    pub(crate) fn wait_until_quiet_but_for(&self, connections: usize) {
        self.process().wait_until_quiet(self.idle_sockets + connections);
    }

    /// Looks through all that the service keeps on disk, and what it wrote to its log. Prints what was looked at.
    pub(crate) fn search_disk(&self, scanner: &Scanner) -> Vec<Hit> {
        let (mut hits, mut files) = (Vec::new(), 0);
        for name in ["data", "keys", "tmp", "home", "work", "logs"] {
            let (more, count) = scanner.scan_folder(&self.path(name));
            hits.extend(more);
            files += count;
        }
        println!(
            "  {files} files, {} needles in {} spellings: {} found",
            scanner.needles(),
            scanner.patterns(),
            hits.len()
        );
        hits
    }

    /// Looks through the memory of the service. Prints what was looked at.
    pub(crate) fn search_memory(&self, scanner: &Scanner) -> Vec<Hit> {
        let seen = self.process().search(scanner);
        println!(
            "  {} mappings, {} MiB of memory, {} needles in {} spellings: {} found",
            seen.mappings,
            seen.bytes >> 20,
            scanner.needles(),
            scanner.patterns(),
            seen.hits.len()
        );
        // A search that sees next to nothing proves nothing.
        assert!(seen.mappings > 20 && seen.bytes > 16 << 20);
        seen.hits
    }

    /// Keeps a copy of data and keys, as they are at this moment.
    pub(crate) fn copy_aside(&self, name: &str) -> PathBuf {
        let to = self.folder.path().join(name);
        self.process().stopped(|| {
            copy(&self.path("data"), &to.join("data"));
            copy(&self.path("keys"), &to.join("keys"));
        });
        to
    }

    /// Runs a command beside the service, with `input` on its standard input; it must end with `code`.
    #[track_caller]
    pub(crate) fn cli(&self, arguments: &[&str], input: &str, code: i32) -> String {
        let mut command = command(self.folder.path());
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr).into_owned());
        assert_eq!(status.code(), Some(code), "letterlock {arguments:?}:\n{out}\n{err}");
        out
    }

    pub(crate) fn token(&self, login: &str, roles: &str) -> String {
        self.cli(&["token", "create", "--login", login, "--role", roles], "", 0).trim().to_owned()
    }

    /// How many files of people there are, sealed.
    pub(crate) fn sealed_files(&self) -> usize {
        fs::read_dir(self.path("data/files")).unwrap().count()
    }

    /// Waits until the erased people's rows and files have been removed.
    pub(crate) fn wait_for_clean_up(&self, files: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let status: Value = serde_json::from_str(&self.cli(&["status", "--json"], "", 0)).unwrap();
            if status["pending_cleanup"] == 0 && self.sealed_files() == files {
                return;
            }
            assert!(Instant::now() < deadline, "{} files instead of {files}; {status}", self.sealed_files());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let last = log.lines().count().saturating_sub(20);
            eprintln!("--- the last of the service's log ---");
            log.lines().skip(last).for_each(|line| eprintln!("{line}"));
        }
    }
}

/// The program in an environment of its own. Whatever asks libraries to log more is set, and must not matter.
fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_letterlock"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TMPDIR", folder.join("tmp"))
        .env("HOME", folder.join("home"))
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        // The folder of the tests may lie on a file system that Letterlock does not know.
        .env("LETTERLOCK_ACCEPT_UNSAFE_FS", "true")
        .env("LETTERLOCK_DATA", folder.join("data"))
        .env("LETTERLOCK_KEYS", folder.join("keys"))
        .current_dir(folder.join("work"));
    command
}

/// A client with connections of its own, which end with it.
pub(crate) fn client(http2: bool) -> Client {
    let builder = builder();
    let builder = if http2 { builder } else { builder.http1_only() };
    builder.build().unwrap()
}

/// A client that lets itself be sent little that it has not asked for, so that the service has to wait for it.
pub(crate) fn slow_client() -> Client {
    builder().http2_initial_stream_window_size(65_535).http2_initial_connection_window_size(65_535).build().unwrap()
}

fn builder() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().danger_accept_invalid_certs(true).timeout(Duration::from_secs(300))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&path, &target);
        } else if kind.is_file() {
            fs::copy(&path, &target).unwrap();
        }
    }
}
