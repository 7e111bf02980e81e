//! A disk that is really full: the service itself, on a small file system of its own.
//!
//! Below 64 MiB of room nothing new is taken in, while erasing, marking and reading go on; below 8 MiB nothing is written
//! at all, so nothing is read either, for a read leaves a trace. Where something else takes the room faster than the
//! service looks (once a second), a write can fail; then the service stops, and the next start puts right what was
//! half-done.

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

/// A file system in a file; unmounted with the value, also when the test fails.
struct Small {
    point: PathBuf,
    _folder: tempfile::TempDir,
}

impl Small {
    /// The reason when it cannot be had here.
    fn make(megabytes: u64) -> Result<Self, String> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        if !rustix::process::geteuid().is_root() {
            return Err("mounting needs root".to_owned());
        }
        let (image, point) = (folder.path().join("image"), folder.path().join("disk"));
        File::create(&image).unwrap().set_len(megabytes << 20).unwrap();
        std::fs::create_dir(&point).unwrap();
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image))?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&point))?;
        Ok(Self { point, _folder: folder })
    }

    /// Takes all room but so much. Returns what was written, to be removed again.
    fn fill(&self, leave: u64) -> PathBuf {
        let path = self.point.join(format!("filler-{leave}"));
        let mut file = File::create(&path).unwrap();
        let piece = vec![0x5a; 1 << 16];
        loop {
            let stat = rustix::fs::statvfs(&self.point).unwrap();
            let free = stat.f_bavail * stat.f_frsize;
            if free <= leave && leave > 0 {
                return path;
            }
            // To the last block: in ever smaller pieces, until not a byte is taken.
            let mut len = piece.len();
            while let Err(error) = file.write_all(&piece[..len]) {
                assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
                len /= 2;
                if len == 0 {
                    return path;
                }
            }
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily, should somebody still look into it.
        for how in [&[][..], &["-l"]] {
            if Command::new("umount").args(how).arg(&self.point).status().is_ok_and(|status| status.success()) {
                return;
            }
        }
        eprintln!("{} is still mounted", self.point.display());
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {words}")) }
}

struct Service {
    folder: PathBuf,
    port: u16,
    client: Client,
    child: Option<Child>,
}

impl Service {
    fn new(folder: &Path) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = Client::builder().danger_accept_invalid_certs(true).timeout(Duration::from_secs(20));
        Self { folder: folder.to_owned(), port, client: client.build().unwrap(), child: None }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_letterlock"));
        command.current_dir(&self.folder).env_remove("LETTERLOCK_TEST_DEEP").stdin(Stdio::null());
        command
    }

    fn cli(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.with_extension("log")).unwrap_or_default()
    }

    fn spawn(&mut self) {
        // Beside the small disk: what it says must not be lost with the room.
        let log = File::options().create(true).append(true).open(self.folder.with_extension("log")).unwrap();
        let child = self
            .command()
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port)])
            .env("LETTERLOCK_READING__MOST", "0")
            .env("LETTERLOCK_LIMITS__PER_ADDRESS_PER_MINUTE", "0")
            .env("LETTERLOCK_LIMITS__PER_FORM_PER_MINUTE", "0")
            .env("LETTERLOCK_LIMITS__MIN_FREE_MIB", "0")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
    }

    async fn start(&mut self) {
        self.spawn();
        let begin = Instant::now();
        while self.get("/health/live").await.is_none() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && begin.elapsed() < Duration::from_secs(60), "it does not start:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        child.wait().unwrap().code()
    }

    fn runs(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_none()
    }

    async fn ask(&self, method: Method, path: &str, token: &str) -> Option<(StatusCode, Value)> {
        let url = format!("https://127.0.0.1:{}{path}", self.port);
        let answer = self.client.request(method, url).bearer_auth(token).send().await.ok()?;
        Some((answer.status(), answer.json().await.unwrap_or(Value::Null)))
    }

    async fn get(&self, path: &str) -> Option<StatusCode> {
        self.ask(Method::GET, path, "").await.map(|(status, _)| status)
    }

    async fn read(&self, token: &str, submission: &str) -> (StatusCode, Value) {
        let path = format!("/api/v1/submissions/{submission}?purpose=subject-request");
        self.ask(Method::GET, &path, token).await.unwrap()
    }

    async fn delete(&self, token: &str, submission: &str) -> StatusCode {
        self.ask(Method::DELETE, &format!("/api/v1/submissions/{submission}"), token).await.unwrap().0
    }

    /// The status, and the submission when it was taken; `None` when the service went away.
    async fn submit(&self, n: usize) -> Option<(StatusCode, Option<String>)> {
        let cv = format!("%PDF-1.4\n% {}\n%%EOF\n", "x".repeat(300_000));
        let form = Form::new()
            .text("name", "Jane Roe")
            .text("email", format!("p{n}@example.org"))
            .part("cv", Part::bytes(cv.into_bytes()).file_name("cv.pdf"));
        let url = format!("https://127.0.0.1:{}/api/v1/forms/job-application/submissions", self.port);
        let answer = self.client.post(url).multipart(form).send().await.ok()?;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap_or(Value::Null);
        Some((status, body["submission"].as_str().map(str::to_owned)))
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.folder.join("data/files")).unwrap().count()
    }

    /// Everything acknowledged is there, everything erased is not, nothing half-written lies about, `verify` is clean.
    async fn is_sound(&self, token: &str, kept: &[String], gone: &[String]) {
        for submission in kept {
            assert_eq!(
                self.read(token, submission).await.0,
                StatusCode::OK,
                "{submission} was acknowledged and is lost"
            );
        }
        for submission in gone {
            assert_eq!(self.read(token, submission).await.0, StatusCode::NOT_FOUND, "{submission} is back");
        }
        let begin = Instant::now();
        while self.files() != kept.len() {
            assert!(begin.elapsed() < Duration::from_secs(20), "{} files for {} records", self.files(), kept.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let checked = self.cli(&["verify", "--json"]);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- what serve printed ---\n{}", self.log());
        }
    }
}

/// What the service takes as the free room is at most this old.
const A_LOOK: Duration = Duration::from_millis(1200);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_disk_full_to_the_last_block_loses_nothing_and_half_writes_nothing() {
    let disk = match Small::make(192) {
        Ok(disk) => disk,
        Err(reason) => {
            // Past the capture of a passing test's output: nobody shall think that this was shown.
            let _ = writeln!(std::io::stderr(), "a real full disk: NOT RUN, {reason}");
            return;
        }
    };
    let mut service = Service::new(&disk.point);
    service.start().await;
    let made = service.cli(&["token", "create", "--login", "officer", "--role", "privacy"]);
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let (mut kept, mut gone) = (Vec::new(), Vec::new());
    for n in 0..4 {
        kept.push(service.submit(n).await.unwrap().1.unwrap());
    }

    // Little room: nothing comes in, everything else goes on.
    let filler = disk.fill(40 << 20);
    tokio::time::sleep(A_LOOK).await;
    assert_eq!(service.submit(4).await.unwrap(), (StatusCode::INSUFFICIENT_STORAGE, None));
    assert_eq!(service.read(&token, &kept[0]).await.0, StatusCode::OK);
    assert_eq!(service.delete(&token, &kept[3]).await, StatusCode::OK);
    gone.extend(kept.pop());
    service.is_sound(&token, &kept, &gone).await;

    // No room: not a block is left, nothing is written, and the service says so and lives.
    let last = disk.fill(0);
    tokio::time::sleep(A_LOOK).await;
    for n in 5..8 {
        assert_eq!(service.submit(n).await.unwrap(), (StatusCode::INSUFFICIENT_STORAGE, None));
    }
    assert_eq!(service.read(&token, &kept[0]).await.0, StatusCode::INSUFFICIENT_STORAGE, "read without a trace");
    assert_eq!(service.delete(&token, &kept[0]).await, StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(service.get("/health/ready").await, Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!((service.files(), service.runs()), (3, true));

    // Stopped and started there: refused in plain words.
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    service.spawn();
    let status = service.child.take().unwrap().wait().unwrap();
    assert!(!status.success() && service.log().contains("the disk is full"), "{}", service.log());

    // Room again: all is well.
    std::fs::remove_file(last).unwrap();
    std::fs::remove_file(filler).unwrap();
    service.start().await;
    service.is_sound(&token, &kept, &gone).await;
    assert_eq!(service.delete(&token, &kept[0]).await, StatusCode::OK);
    gone.push(kept.remove(0));

    // Filled in one go, under load: the service may find the store's own write failing.
    let (mut refused, mut stops) = (0, 0);
    for round in 0..if crate::deep() { 20 } else { 2 } {
        let mut load = tokio::task::JoinSet::new();
        let (service_at, taken) = (Arc::new(Service::at(&service)), Arc::new(AtomicUsize::new(0)));
        for worker in 0..4 {
            let (service, taken) = (Arc::clone(&service_at), Arc::clone(&taken));
            load.spawn(async move {
                let mut answers = Vec::new();
                for n in 0..30 {
                    let answer = service.submit(1000 * (round + 1) + 100 * worker + n).await;
                    let is_taken = answer.as_ref().is_some_and(|(status, _)| *status == StatusCode::CREATED);
                    taken.fetch_add(usize::from(is_taken), Ordering::SeqCst);
                    answers.push(answer);
                }
                answers
            });
        }
        // Until some have come in.
        while taken.load(Ordering::SeqCst) < 4 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let filler = disk.fill(0);
        for (status, submission) in load.join_all().await.into_iter().flatten().flatten() {
            match status {
                StatusCode::CREATED => kept.extend(submission),
                StatusCode::INSUFFICIENT_STORAGE | StatusCode::SERVICE_UNAVAILABLE => refused += 1,
                other => panic!("{other}\n{}", service.log()),
            }
        }
        // Long enough for a service that has failed to end.
        tokio::time::sleep(A_LOOK).await;
        stops += usize::from(!service.runs());
        std::fs::remove_file(filler).unwrap();
        service.stop();
        service.start().await;
        service.is_sound(&token, &kept, &gone).await;
    }
    assert!(refused > 0, "the disk was not full");
    println!("{} submissions kept, {} erased, {refused} refused under load, {stops} stops", kept.len(), gone.len());
    service.stop();
}

impl Service {
    /// The same service for another task, which neither starts nor ends it.
    fn at(other: &Self) -> Self {
        Self { folder: other.folder.clone(), port: other.port, client: other.client.clone(), child: None }
    }
}
