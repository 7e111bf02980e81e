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
    /// Acknowledged, and not asked to be erased.
    kept: Vec<Kept>,
    /// Submissions whose erasure was certified: by themselves, with their person, or with a batch of people.
    erased: Vec<String>,
    /// Submissions whose erasure was asked for without an answer: either way is right.
    open: Vec<String>,
    /// Marks acknowledged, single records deleted, batches of people erased: so that the load is known to have had all.
    marked: usize,
    deleted: usize,
    batches: usize,
    /// Acts that came to their end.
    acts: usize,
}

#[derive(Clone)]
struct Kept {
    submission: String,
    email: String,
    /// What it may be marked as: one status, or two where the answer to a mark never came.
    statuses: Vec<&'static str>,
}

impl Told {
    /// Asked, and no answer yet.
    fn asked(&mut self, submissions: &[String]) {
        self.open.extend_from_slice(submissions);
    }

    /// Answered.
    fn gone(&mut self, submissions: &[String]) {
        self.open.retain(|one| !submissions.contains(one));
        self.erased.extend_from_slice(submissions);
    }
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
            .env("LETTERLOCK_READING__MOST", "0")
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

    /// The handle of the person whose submission it is.
    async fn subject(&self, token: &str, submission: &str) -> Option<String> {
        let path = format!("/api/v1/submissions/{submission}?purpose=subject-request");
        Some(self.get(token, &path).await?["subject"].as_str()?.to_owned())
    }

    async fn erase(&self, token: &str, submission: &str) -> Option<()> {
        let path = format!("/api/v1/subjects/{}/erasure", self.subject(token, submission).await?);
        self.certified(self.client.post(self.url(&path)).bearer_auth(token)).await
    }

    async fn delete(&self, token: &str, submission: &str) -> Option<()> {
        self.certified(self.client.delete(self.url(&format!("/api/v1/submissions/{submission}"))).bearer_auth(token))
            .await
    }

    async fn certified(&self, request: reqwest::RequestBuilder) -> Option<()> {
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let certificate: Value = answer.json().await.ok()?;
        (status.is_success() && certificate["signature"].is_string()).then_some(())
    }

    /// Erases people together, as the owner does at the command line beside the service.
    async fn erase_together(self: &Arc<Self>, token: &str, submissions: &[String]) -> Option<()> {
        let mut arguments: Vec<String> = ["subject", "erase", "--as", "privacy", "--yes"].map(str::to_owned).to_vec();
        for submission in submissions {
            arguments.push(self.subject(token, submission).await?);
        }
        let installation = Arc::clone(self);
        let erase = move || installation.command().args(&arguments).output().unwrap();
        tokio::task::spawn_blocking(erase).await.unwrap().status.success().then_some(())
    }

    async fn mark(&self, token: &str, submission: &str, status: &str) -> Option<()> {
        let request = self.client.patch(self.url(&format!("/api/v1/submissions/{submission}"))).bearer_auth(token);
        let answer = request.json(&json!({ "status": status })).send().await.ok()?;
        answer.status().is_success().then_some(())
    }

    async fn get(&self, token: &str, path: &str) -> Option<Value> {
        let answer = self.client.get(self.url(path)).bearer_auth(token).send().await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
    }

    /// The answer to a reading, and what the submission is marked as.
    async fn status_of(&self, token: &str, submission: &str) -> (StatusCode, String) {
        let path = format!("/api/v1/submissions/{submission}?purpose=subject-request");
        let answer = self.client.get(self.url(&path)).bearer_auth(token).send().await.unwrap();
        let code = answer.status();
        let body: Value = answer.json().await.unwrap();
        (code, body["status"].as_str().unwrap_or_default().to_owned())
    }
}

/// Submits, marks and erases until the service is gone.
async fn load(installation: Arc<Installation>, told: Arc<Mutex<Told>>, tokens: Tokens, name: String, first: usize) {
    for n in first.. {
        if step(&installation, &told, &tokens, n, &format!("{name}-{n}")).await.is_none() {
            return;
        }
    }
}

/// Bearer tokens by what they are for.
#[derive(Clone)]
struct Tokens {
    officer: String,
    reader: String,
}

/// One act; `None` when the service went away in the middle.
async fn step(
    installation: &Arc<Installation>,
    told: &Mutex<Told>,
    tokens: &Tokens,
    n: usize,
    name: &str,
) -> Option<()> {
    let email = format!("{name}@example.org");
    let with_file = n.is_multiple_of(2);
    let submission = installation.submit(&email, with_file).await?;
    let one = [submission.clone()];
    match n % 8 {
        1 | 7 => {
            told.lock().unwrap().asked(&one);
            installation.erase(&tokens.officer, &submission).await?;
            told.lock().unwrap().gone(&one);
        }
        3 => {
            told.lock().unwrap().asked(&one);
            installation.delete(&tokens.officer, &submission).await?;
            let mut told = told.lock().unwrap();
            told.gone(&one);
            told.deleted += 1;
        }
        5 => {
            let mut all = one.to_vec();
            // Nothing is known of one that was acknowledged until it is asked to go.
            for more in ["x", "y"] {
                all.push(installation.submit(&format!("{name}{more}@example.org"), false).await?);
            }
            told.lock().unwrap().asked(&all);
            installation.erase_together(&tokens.officer, &all).await?;
            let mut told = told.lock().unwrap();
            told.gone(&all);
            told.batches += 1;
        }
        rest => {
            let first = if with_file { "received" } else { "new" };
            told.lock().unwrap().kept.push(Kept { submission: submission.clone(), email, statuses: vec![first] });
            if rest == 2 || rest == 6 {
                let set = |statuses| {
                    let mut told = told.lock().unwrap();
                    told.kept.iter_mut().find(|kept| kept.submission == submission).unwrap().statuses = statuses;
                };
                set(vec![first, "shortlisted"]);
                installation.mark(&tokens.reader, &submission, "shortlisted").await?;
                set(vec!["shortlisted"]);
                told.lock().unwrap().marked += 1;
            }
        }
    }
    told.lock().unwrap().acts += 1;
    Some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_erased_returns() {
    let deep = std::env::var_os("LETTERLOCK_TEST_DEEP").is_some();
    let rounds: u64 = if deep { 300 } else { 8 };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let installation = Arc::new(Installation::new(folder.path()));
    let told = Arc::new(Mutex::new(Told::default()));

    let mut child = installation.start().await;
    let token = |login, role| {
        let made = installation.cli(&["token", "create", "--login", login, "--role", role]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    };
    let tokens = Tokens { officer: token("officer", "privacy"), reader: token("reader", "hr") };

    let mut round = 0;
    // Should too little have happened all the same, there are more rounds.
    let enough = |told: &Told| {
        told.kept.len() > 20 && told.erased.len() > 5 && told.marked > 0 && told.deleted > 0 && told.batches > 0
    };
    while round < rounds || (round < 40 && !enough(&told.lock().unwrap())) {
        let acts = told.lock().unwrap().acts;
        let mut tasks = tokio::task::JoinSet::new();
        for worker in 0..6 {
            let name = format!("r{round}w{worker}");
            // Each begins with another act, so that all come to pass where a round is over soon.
            let first = 3 * round as usize + worker;
            tasks.spawn(load(Arc::clone(&installation), Arc::clone(&told), tokens.clone(), name, first));
        }
        // Different moments, the same ones in each run.
        tokio::time::sleep(Duration::from_millis(400 + (round * 7919) % 900)).await;
        // A busy machine gets longer, so that a round is not over before anything happened.
        let begin = Instant::now();
        while told.lock().unwrap().acts < acts + 10 && begin.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
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
        // The newest, and of the older ones a share by turns: all of them each time would take as long as the square of
        // the rounds. The last round looks at all.
        let last = round + 1 >= rounds && enough(&told.lock().unwrap());
        let looked_at = |n: usize, len: usize| last || n + 200 > len || n as u64 % 16 == round % 16;
        for (n, Kept { submission, email, statuses }) in kept.iter().enumerate() {
            if !looked_at(n, kept.len()) {
                continue;
            }
            let (code, status) = installation.status_of(&tokens.officer, submission).await;
            assert_eq!(code, StatusCode::OK, "round {round}: {submission} of {email} was acknowledged and is lost");
            assert!(statuses.iter().any(|s| *s == status), "round {round}: {submission} is {status}, not {statuses:?}");
        }
        for (n, submission) in erased.iter().enumerate() {
            if !looked_at(n, erased.len()) {
                continue;
            }
            let (code, _) = installation.status_of(&tokens.officer, submission).await;
            assert_eq!(code, StatusCode::NOT_FOUND, "round {round}: {submission} was erased and is back");
        }
        round += 1;
    }
    let told = told.lock().unwrap();
    let (kept, erased) = (told.kept.len(), told.erased.len());
    assert!(enough(&told), "the load was too light to show anything: {kept} kept, {erased} erased");
    println!(
        "{round} rounds: {kept} submissions kept, {} marks, {erased} erased, {} of them by themselves, {} batches",
        told.marked, told.deleted, told.batches
    );
    child.kill();
}
