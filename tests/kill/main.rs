//! `kill -9` under load, again and again, on one installation: nothing acknowledged is lost, nothing erased returns, and
//! `verify` finds nothing wrong. `LETTERLOCK_TEST_DEEP=1` runs hundreds of rounds instead of a few.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

/// What the clients were told.
#[derive(Default)]
struct Told {
    /// Submission and its subject's address, acknowledged and not asked to be erased.
    kept: Vec<(String, String)>,
    /// Submissions whose person's erasure was certified.
    erased: Vec<String>,
    /// Submissions whose person's erasure was asked for without an answer: either way is right.
    open: Vec<String>,
}

/// The service; ended with the value, also when the test fails.
struct Running(Child);

impl Running {
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Installation {
    folder: PathBuf,
    port: u16,
    client: Client,
}

impl Installation {
    fn new(folder: &Path) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client =
            Client::builder().danger_accept_invalid_certs(true).timeout(Duration::from_secs(20)).build().unwrap();
        Self { folder: folder.to_owned(), port, client }
    }

    fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_letterlock"));
        command
            .current_dir(&self.folder)
            .env("LETTERLOCK_ACCEPT_UNSAFE_FS", "true")
            .env_remove("LETTERLOCK_TEST_DEEP")
            .stdin(Stdio::null());
        command
    }

    fn cli(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    async fn start(&self) -> Running {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log")).unwrap();
        let child = self
            .command()
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port)])
            .env("LETTERLOCK_LIMITS__PER_ADDRESS_PER_MINUTE", "0")
            .env("LETTERLOCK_LIMITS__PER_FORM_PER_MINUTE", "0")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut child = Running(child);
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let ready = self.client.get(self.url("/health/ready")).send().await;
            if ready.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return child;
            }
            let ended = child.0.try_wait().unwrap();
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap();
            assert!(ended.is_none(), "the service did not start again:\n{}", log());
            assert!(Instant::now() < deadline, "the service does not become ready:\n{}", log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends one submission, with a file every other time. `None` when the service went away in the middle.
    async fn submit(&self, email: &str, with_file: bool) -> Option<String> {
        let request = if with_file {
            let cv = format!("%PDF-1.4\n% {}\n%%EOF\n", "x".repeat(100_000));
            let form = Form::new()
                .text("name", "Jane Roe")
                .text("email", email.to_owned())
                .part("cv", Part::bytes(cv.into_bytes()).file_name("cv.pdf"));
            self.client.post(self.url("/api/v1/forms/job-application/submissions")).multipart(form)
        } else {
            let fields = json!({"name": "Jane Roe", "email": email, "subject-line": "Help", "message": "It broke."});
            let body = json!({"fields": fields, "consents": {}});
            self.client.post(self.url("/api/v1/forms/support-request/submissions")).json(&body)
        };
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let body: Value = answer.json().await.ok()?;
        if status != StatusCode::CREATED {
            // On its way down it may say so; it never says anything else.
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
            return None;
        }
        Some(body["submission"].as_str().unwrap().to_owned())
    }

    async fn erase(&self, token: &str, submission: &str) -> Option<()> {
        let summary: Value =
            self.get(token, &format!("/api/v1/submissions/{submission}?purpose=subject-request")).await?;
        let subject = summary["subject"].as_str()?;
        let path = format!("/api/v1/subjects/{subject}/erasure");
        let answer = self.client.post(self.url(&path)).bearer_auth(token).send().await.ok()?;
        let status = answer.status();
        let certificate: Value = answer.json().await.ok()?;
        (status.is_success() && certificate["signature"].is_string()).then_some(())
    }

    async fn get(&self, token: &str, path: &str) -> Option<Value> {
        let answer = self.client.get(self.url(path)).bearer_auth(token).send().await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
    }

    async fn status_of(&self, token: &str, submission: &str) -> StatusCode {
        let path = format!("/api/v1/submissions/{submission}?purpose=subject-request");
        self.client.get(self.url(&path)).bearer_auth(token).send().await.unwrap().status()
    }
}

/// Submits and erases until the service is gone.
async fn load(installation: Arc<Installation>, told: Arc<Mutex<Told>>, token: String, name: String) {
    for n in 0.. {
        let email = format!("{name}-{n}@example.org");
        let Some(submission) = installation.submit(&email, n % 2 == 0).await else { return };
        if n % 3 == 1 {
            told.lock().unwrap().open.push(submission.clone());
            if installation.erase(&token, &submission).await.is_none() {
                return;
            }
            let mut told = told.lock().unwrap();
            told.open.retain(|one| *one != submission);
            told.erased.push(submission);
        } else {
            told.lock().unwrap().kept.push((submission, email));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_erased_returns() {
    let deep = std::env::var_os("LETTERLOCK_TEST_DEEP").is_some();
    let rounds: u64 = if deep { 300 } else { 8 };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let installation = Arc::new(Installation::new(folder.path()));
    let told = Arc::new(Mutex::new(Told::default()));

    let mut child = installation.start().await;
    let made = installation.cli(&["token", "create", "--login", "officer", "--role", "privacy"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();

    let mut round = 0;
    // On a busy machine little happens in a round, so there are more of them.
    let enough = |told: &Told| told.kept.len() > 20 && told.erased.len() > 5;
    while round < rounds || (round < 40 && !enough(&told.lock().unwrap())) {
        let mut tasks = tokio::task::JoinSet::new();
        for worker in 0..6 {
            let name = format!("r{round}w{worker}");
            tasks.spawn(load(Arc::clone(&installation), Arc::clone(&told), token.clone(), name));
        }
        // Different moments, the same ones in each run.
        tokio::time::sleep(Duration::from_millis(400 + (round * 7919) % 900)).await;
        child.kill();
        tasks.join_all().await;

        let checked = installation.cli(&["verify", "--json"]);
        let report = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(checked.status.success(), "round {round}: {report}\n{}", String::from_utf8_lossy(&checked.stderr));
        child = installation.start().await;
        let (kept, erased) = {
            let told = told.lock().unwrap();
            (told.kept.clone(), told.erased.clone())
        };
        for (submission, email) in &kept {
            let status = installation.status_of(&token, submission).await;
            assert_eq!(status, StatusCode::OK, "round {round}: {submission} of {email} was acknowledged and is lost");
        }
        for submission in &erased {
            let status = installation.status_of(&token, submission).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "round {round}: {submission} was erased and is back");
        }
        round += 1;
    }
    let (kept, erased) = {
        let told = told.lock().unwrap();
        (told.kept.len(), told.erased.len())
    };
    assert!(kept > 20 && erased > 5, "the load was too light to show anything: {kept} kept, {erased} erased");
    println!("{round} rounds: {kept} submissions kept, {erased} erased");
    child.kill();
}
