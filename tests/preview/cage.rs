//! The worker does what it may not, as told by a word that only builds for tests know: each is stopped. And with the protection
//! switched off that stops it, it is not, so that each is seen to matter.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use letterlock::adapters::preview::{Barrier, Bounds, Failure, Preview, Previewer};
use letterlock::domain::file::FileKind;
use zeroize::Zeroizing;

use crate::{patient, program};

const SIGSYS: i32 = 31;

const NO_LANDLOCK: &str = "without-landlock";
const NO_SECCOMP: &str = "without-seccomp";
const NO_LIMITS: &str = "without-limits";

/// Has a worker do it. What it says of it, and how it ended.
fn attempt(act: &str, without: &[&str]) -> (String, ExitStatus) {
    attempt_within(act, without, 300, 2)
}

fn attempt_within(act: &str, without: &[&str], memory: u64, seconds: u64) -> (String, ExitStatus) {
    let mut child = Command::new(program())
        .args(["preview-worker", &memory.to_string(), &seconds.to_string(), "1", act])
        .args(without)
        .env("LETTERLOCK_SECRET_OF_THE_SERVICE", "x")
        .env("LD_LIBRARY_PATH", "/tmp")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut said).unwrap();
    (String::from_utf8_lossy(&said).into_owned(), child.wait().unwrap())
}

/// It is ended by the filter, and by nothing less.
fn is_killed(act: &str, without: &[&str]) {
    let (said, status) = attempt(act, without);
    assert_eq!(status.signal(), Some(SIGSYS), "{act} {without:?}: {status} {said:?}");
    assert!(!said.contains("done") && !said.contains("refused"), "{act}: {said:?}");
}

fn is_refused(act: &str, without: &[&str]) {
    let (said, status) = attempt(act, without);
    assert!(said.contains("refused") && status.success(), "{act} {without:?}: {status} {said:?}");
}

fn is_done(act: &str, without: &[&str]) {
    let (said, status) = attempt(act, without);
    assert!(said.contains("done") && status.success(), "{act} {without:?}: {status} {said:?}");
}

#[test]
fn no_file_is_opened_and_landlock_and_the_filter_both_see_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    std::fs::write(&file, "x").unwrap();
    let (open, list) = (format!("open={}", file.display()), "list=/proc/self".to_owned());
    let write = format!("write={}", dir.path().join("made").display());
    for act in [&open, &list, &write] {
        is_killed(act, &[]);
        is_killed(act, &[NO_LANDLOCK]);
        // Without a limit on descriptors, which would stop it as well.
        is_killed(act, &[NO_LANDLOCK, NO_LIMITS]);
        is_refused(act, &[NO_SECCOMP, NO_LIMITS]);
    }
    assert!(!dir.path().join("made").exists());
    for act in [&open, &list] {
        is_refused(act, &[NO_SECCOMP, NO_LANDLOCK]);
        is_done(act, &[NO_SECCOMP, NO_LANDLOCK, NO_LIMITS]);
    }
    is_done(&write, &[NO_SECCOMP, NO_LANDLOCK, NO_LIMITS]);
    assert!(dir.path().join("made").exists());
}

#[test]
fn nothing_is_connected_to() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let heard = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("socket");
    let _unix = std::os::unix::net::UnixListener::bind(&place).unwrap();
    let connect = format!("connect={}", listener.local_addr().unwrap());
    let datagram = format!("datagram={}", heard.local_addr().unwrap());
    let socket = format!("socket={}", place.display());
    for act in [&connect, &datagram, &socket] {
        is_killed(act, &[]);
        is_killed(act, &[NO_LANDLOCK, NO_LIMITS]);
        is_refused(act, &[NO_SECCOMP]);
        is_done(act, &[NO_SECCOMP, NO_LANDLOCK, NO_LIMITS]);
    }
}

#[test]
fn nothing_is_started_and_nobody_is_sent_a_signal() {
    for act in ["start", "thread", "signal"] {
        is_killed(act, &[]);
        is_killed(act, &[NO_LANDLOCK, NO_LIMITS]);
        is_done(act, &[NO_SECCOMP, NO_LANDLOCK, NO_LIMITS]);
    }
    is_refused("start", &[NO_SECCOMP, NO_LIMITS]);
}

#[test]
fn memory_ends() {
    // 300 MiB are allowed.
    let (said, status) = attempt("hold=1000", &[]);
    assert!(!said.contains("done"), "{status} {said:?}");
    let (said, _) = attempt("hold=100", &[]);
    assert!(said.contains("done: 100"), "{said:?}");
    is_done("hold=1000", &[NO_LIMITS]);
}

#[test]
fn time_ends() {
    let begun = Instant::now();
    let (_, status) = attempt_within("spin", &[], 300, 1);
    assert!(status.signal().is_some() && begun.elapsed() < Duration::from_secs(60), "{status}");
    // Without that limit the service ends it, see below.
}

#[test]
fn the_stack_ends_and_a_panic_says_nothing() {
    let (said, status) = attempt("recurse", &[]);
    assert!(status.signal().is_some() && said.is_empty(), "{status} {said:?}");
    let (said, status) = attempt("panic", &[]);
    assert!(!status.success() && said.is_empty(), "{status} {said:?}");
}

#[test]
fn it_has_nothing_of_the_service_but_three_descriptors() {
    let outside = [NO_SECCOMP, NO_LANDLOCK, NO_LIMITS];
    // One that no Rust program would leave open, as a shell does.
    let leaky = |act: &str| {
        let script = format!("exec 7</etc/passwd; exec \"$0\" preview-worker 300 2 1 {act} {}", outside.join(" "));
        let out = Command::new("/bin/sh").args(["-c", &script]).arg(program()).stdin(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let said = leaky("descriptors");
    assert!(said.contains("done: 3"), "{said:?}");
    let (said, _) = attempt("environment", &[]);
    assert!(said.contains("done: 0"), "{said:?}");
}

#[test]
fn without_its_limits_it_does_not_begin() {
    // As if somebody started the second half by itself.
    let out = Command::new(program())
        .args(["preview-worker", "limited", "300", "2", "1"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(out.stdout, [b'B', 1, 0, 0, 0, b'l'], "{:?}", out.status);
    for bad in [&["preview-worker"][..], &["preview-worker", "x", "y", "z"], &["preview-worker", "300"]] {
        let out = Command::new(program()).args(bad).stdin(Stdio::null()).output().unwrap();
        assert_eq!(out.stdout, [b'B', 1, 0, 0, 0, b's'], "{bad:?}");
    }
}

fn tried(bounds: Bounds, trial: &[&str]) -> Result<Preview, Failure> {
    Previewer::on_trial(program(), bounds, trial).make(FileKind::Txt, vec![Zeroizing::new(b"words".to_vec())])
}

#[test]
fn the_service_ends_what_does_not_end() {
    // It would go on for a minute of processor time.
    let begun = Instant::now();
    let bounds = Bounds { seconds: 1, ..Bounds::default() };
    assert_eq!(tried(bounds, &["silence", NO_LIMITS]).unwrap_err(), Failure::TooSlow);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    // The processor time that it may use ends first here: the same words for the same reason.
    let cpu = Bounds { seconds: 1, ..Bounds::default() };
    assert_eq!(tried(cpu, &["silence"]).unwrap_err(), Failure::TooSlow);
    assert_eq!(tried(patient(), &["chatter"]).unwrap_err(), Failure::Died);
    let Ok(Preview::Pages { pictures, broke_off: false, .. }) = tried(patient(), &["flood"]) else { panic!() };
    assert_eq!(pictures.len(), patient().pages as usize, "what is said beyond the pages is not kept");
    let Ok(Preview::Pages { pictures, total: 3, broke_off: true }) = tried(patient(), &["break-off"]) else { panic!() };
    assert_eq!(pictures.len(), 2);
    assert_eq!(tried(patient(), &["recurse"]).unwrap_err(), Failure::Died);
    assert_eq!(tried(patient(), &["open=/etc/passwd"]).unwrap_err(), Failure::Died);
}

/// Processes of which this thread is the parent, zombies included.
fn children() -> String {
    let own = std::fs::read_link("/proc/thread-self").unwrap();
    std::fs::read_to_string(std::path::Path::new("/proc").join(own).join("children")).unwrap()
}

#[test]
fn nothing_of_it_is_left_not_even_as_a_zombie() {
    // A thread of its own, as other tests have children, too.
    std::thread::spawn(|| {
        let mut left = Command::new("/bin/true").spawn().unwrap();
        assert_eq!(children().split_whitespace().count(), 1, "a child that nobody waits for is seen");
        left.wait().unwrap();
        for trial in [&["silence"][..], &["recurse"], &["chatter"], &["break-off"], &[]] {
            let _ = tried(Bounds { seconds: 1, ..Bounds::default() }, trial);
            assert_eq!(children(), "", "{trial:?}");
        }
    })
    .join()
    .unwrap();
}

#[test]
fn what_cannot_be_started_or_locked_in_is_given_nothing() {
    let failure = |program: &str| {
        Previewer::new(program.into(), patient())
            .make(FileKind::Txt, vec![Zeroizing::new(b"words".to_vec())])
            .unwrap_err()
    };
    assert_eq!(failure("/nowhere/letterlock"), Failure::Barred(Barrier::Start));
    // Starts, and says nothing that a worker says.
    assert_eq!(failure("/bin/true"), Failure::Died);
    assert_eq!(failure("/bin/echo"), Failure::Died);
    assert_eq!(Previewer::new("/bin/true".into(), patient()).probe(), Err(Barrier::Start));
    assert_eq!(Previewer::new(program(), patient()).probe(), Ok(()));
}
