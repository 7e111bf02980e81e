//! Runs the program, and a service with a client beside it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// A folder of this test's own, empty.
pub(crate) fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

pub(crate) fn letterlock(at: &Path, args: &[&str]) -> Output {
    with_env(at, args, &[])
}

pub(crate) fn with_env(at: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    command(at, args).envs(env.iter().copied()).stdin(Stdio::null()).output().unwrap()
}

/// Runs the program with `input` on standard input.
pub(crate) fn with_input(at: &Path, args: &[&str], input: &str) -> Output {
    let mut command = command(at, args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn command(at: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_letterlock"));
    command.current_dir(at).args(args);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LETTERLOCK_")) {
        command.env_remove(name);
    }
    // The folder of the tests may lie on a file system that Letterlock does not know.
    command.env("LETTERLOCK_ACCEPT_UNSAFE_FS", "true");
    command
}

/// The exit code must be `code`. Returns both outputs.
#[track_caller]
pub(crate) fn expect(output: &Output, code: i32) -> (String, String) {
    let out = String::from_utf8(output.stdout.clone()).unwrap();
    let err = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "stdout:\n{out}\nstderr:\n{err}");
    (out, err)
}

/// Runs the program with `--json`; the exit code must be 0.
#[track_caller]
pub(crate) fn json(at: &Path, args: &[&str]) -> Value {
    let args: Vec<_> = args.iter().copied().chain(["--json"]).collect();
    let (out, _) = expect(&letterlock(at, &args), 0);
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}:\n{out}"))
}

/// A service that runs in a folder. It is ended with this value.
pub(crate) struct Server {
    child: Child,
    at: PathBuf,
    /// `https://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// Standard output up to the address, and what stands right after it.
    pub(crate) banner: String,
}

impl Server {
    /// Starts a service in `at` and waits until it says its address.
    #[track_caller]
    pub(crate) fn start(at: &Path, args: &[&str]) -> Self {
        let args: Vec<_> = ["serve", "--listen", "127.0.0.1:0"].iter().chain(args).copied().collect();
        let errors = std::fs::File::create(at.join("serve.err")).unwrap();
        let mut command = command(at, &args);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (send, lines_in) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // The test may be over.
                let _ = send.send(line);
            }
        });
        let (mut banner, mut url) = (String::new(), None);
        loop {
            // Once the address is known, the rest follows at once.
            let patience = if url.is_some() { Duration::from_millis(300) } else { Duration::from_secs(60) };
            let Ok(line) = lines_in.recv_timeout(patience) else { break };
            if let Some(found) = line.strip_prefix("Letterlock serves ") {
                url = Some(found.trim().to_owned());
            }
            banner.push_str(&line);
            banner.push('\n');
        }
        let Some(url) = url else {
            let _ = child.kill();
            panic!("no address:\n{banner}\n{}", std::fs::read_to_string(at.join("serve.err")).unwrap());
        };
        Self { child, at: at.to_owned(), url, banner }
    }

    /// What the service wrote to standard error so far.
    pub(crate) fn errors(&self) -> String {
        std::fs::read_to_string(self.at.join("serve.err")).unwrap()
    }

    /// Asks for a clean stop, which must come within a few seconds, with code 0.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.errors());
    }

    /// Asks the service to look at its files now, as `kill -HUP` does.
    pub(crate) fn hang_up(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    /// Ends the service as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that takes the self-made certificate.
pub(crate) fn client() -> reqwest::Client {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().danger_accept_invalid_certs(true).build().unwrap()
}

/// A small PDF that is one.
pub(crate) fn pdf() -> Vec<u8> {
    let mut out =
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n".to_vec();
    out.extend((0..200_000_u32).flat_map(|n| format!("% {n}\n").into_bytes()));
    out.extend_from_slice(b"trailer<</Root 1 0 R>>\n%%EOF\n");
    out
}

/// Sends an application. Returns the id of the submission.
pub(crate) async fn apply(url: &str, name: &str, email: &str) -> String {
    let cv = reqwest::multipart::Part::bytes(pdf()).file_name("cv.pdf").mime_str("application/pdf").unwrap();
    let form = reqwest::multipart::Form::new()
        .text("name", name.to_owned())
        .text("email", email.to_owned())
        .text("letter", "Dear all,\nI should like to join.".to_owned())
        .text("talent-pool", "true")
        .part("cv", cv);
    let answer =
        client().post(format!("{url}/api/v1/forms/job-application/submissions")).multipart(form).send().await.unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    let answer: Value = answer.json().await.unwrap();
    answer["submission"].as_str().unwrap().to_owned()
}

/// Every file below `path` with its content, by relative path.
pub(crate) fn tree(path: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    fn walk(root: &Path, at: &Path, into: &mut std::collections::BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                walk(root, &entry.path(), into);
            } else if kind.is_file() {
                let name = entry.path().strip_prefix(root).unwrap().to_owned();
                into.insert(name, std::fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut files = std::collections::BTreeMap::new();
    walk(path, path, &mut files);
    files
}

/// Copies a folder with all in it, permissions too; sockets are left out.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, target) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
