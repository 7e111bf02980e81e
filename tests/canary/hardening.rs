//! What keeps others out of the memory of a running service: it cannot be read by other programs of the same user, no core
//! is dumped, and where the system lets it, it is not swapped out. Each is also looked at in a process that does nothing of
//! the kind.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::service::PERMIT_DUMP;

/// Somebody without rights, for root can look into everything. Debian's `nobody`.
const NOBODY: u32 = 65_534;
/// Bit of `CAP_IPC_LOCK` in the capability masks.
const CAP_IPC_LOCK: u64 = 1 << 14;
const SWAP_NOTE: &str = "keys may reach the swap space";

/// The program in a folder of a user without rights; of the user who runs the test, if that is not root.
struct Place {
    folder: TempDir,
    user: u32,
}

impl Place {
    fn new() -> Self {
        let is_root = rustix::process::geteuid().is_root();
        let user = if is_root { NOBODY } else { rustix::process::geteuid().as_raw() };
        // Not below the sources, which that user may not be allowed to reach.
        let folder = tempfile::Builder::new().prefix("letterlock-hardening-").tempdir().unwrap();
        let program = folder.path().join("letterlock");
        fs::copy(env!("CARGO_BIN_EXE_letterlock"), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        for path in [folder.path(), &program] {
            chown(path, Some(user), Some(user)).unwrap();
        }
        Self { folder, user }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir(self.folder.path());
        command.env("LETTERLOCK_ACCEPT_UNSAFE_FS", "true").stdin(Stdio::null());
        if rustix::process::geteuid().is_root() {
            command.uid(self.user).gid(self.user);
        }
        command
    }

    /// A service of that user, ready to serve. It may dump core as far as its own start does not rule that out.
    fn serve(&self, with: &[(&str, &str)]) -> Watched {
        let output = fs::File::create(self.path("output")).unwrap();
        let mut command = self.command(Path::new("/bin/sh"));
        command.args(["-c", "ulimit -c $(ulimit -Hc); exec ./letterlock serve --listen 127.0.0.1:0"]);
        command.envs(with.iter().copied()).stdout(output.try_clone().unwrap()).stderr(output);
        let mut watched = Watched(command.spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.output().contains("Letterlock serves") {
            let ended = watched.0.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "it does not start:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(20));
        }
        watched
    }

    fn output(&self) -> String {
        fs::read_to_string(self.path("output")).unwrap()
    }

    /// What another program of that user gets to see of a file of the process in `/proc`, or the error.
    fn peek(&self, process: &Watched, name: &str) -> Result<usize, String> {
        let path = format!("/proc/{}/{name}", process.0.id());
        let output = self.command(Path::new("/bin/cat")).arg(path).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(output.stdout.len()) } else { Err(error) }
    }
}

/// A process, ended with the value.
struct Watched(Child);

impl Watched {
    fn read(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.0.id())).unwrap()
    }

    /// A number of `/proc/PID/status`.
    fn status(&self, field: &str, radix: u32) -> u64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{field}:"))).unwrap();
        u64::from_str_radix(line.split_whitespace().next().unwrap(), radix).unwrap()
    }

    /// Soft and hard limit of this name.
    fn limit(&self, name: &str) -> [String; 2] {
        let limits = self.read("limits");
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let mut words = line.split_whitespace().map(str::to_owned);
        [words.next().unwrap(), words.next().unwrap()]
    }

    fn may_lock_memory(&self) -> bool {
        self.limit("Max locked memory")[0] == "unlimited" || self.status("CapEff", 16) & CAP_IPC_LOCK != 0
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const OF_THE_MEMORY: [&str; 3] = ["maps", "environ", "auxv"];

#[test]
fn other_programs_of_the_same_user_cannot_look_into_a_running_service() {
    let place = Place::new();
    let service = place.serve(&[]);
    for name in OF_THE_MEMORY.iter().chain(&["mem"]) {
        let refused = place.peek(&service, name).unwrap_err();
        assert!(refused.contains("Permission denied"), "{name}: {refused}");
    }
    assert_eq!(service.limit("Max core file size"), ["0", "0"]);
    assert_eq!(service.status("Umask", 8), 0o077);
    println!("user {} cannot read {OF_THE_MEMORY:?} or the memory of their own service", place.user);
    drop(service);

    // The controls: a process that does nothing of the kind, and a test build that was told not to.
    let mut sleep = place.command(Path::new("/bin/sh"));
    let other = Watched(sleep.args(["-c", "ulimit -c $(ulimit -Hc); exec sleep 600"]).spawn().unwrap());
    // A process that has just changed its user cannot be looked into before it runs another program.
    let deadline = Instant::now() + Duration::from_secs(60);
    while other.read("comm").trim() != "sleep" {
        assert!(Instant::now() < deadline, "no sleep");
        std::thread::sleep(Duration::from_millis(5));
    }
    for name in OF_THE_MEMORY {
        assert!(place.peek(&other, name).unwrap() > 0, "{name}");
    }
    match other.limit("Max core file size") {
        [_, hard] if hard == "0" => println!("this system allows no core dumps at all, so their limit has no control"),
        [soft, hard] => assert_eq!(soft, hard),
    }
}

#[test]
fn only_a_test_build_can_be_told_to_let_itself_be_looked_into() {
    let place = Place::new();
    if cfg!(debug_assertions) {
        let open = place.serve(&[(PERMIT_DUMP, "true")]);
        for name in OF_THE_MEMORY {
            assert!(place.peek(&open, name).unwrap() > 0, "{name}");
        }
        assert!(place.output().contains(PERMIT_DUMP), "it says so:\n{}", place.output());
    } else {
        let mut serve = place.command(&place.path("letterlock"));
        let refused = serve.args(["serve", "--listen", "127.0.0.1:0"]).env(PERMIT_DUMP, "true").output().unwrap();
        assert!(String::from_utf8_lossy(&refused.stderr).contains(PERMIT_DUMP));
        assert_eq!(refused.status.code(), Some(2));
    }
}

#[test]
fn memory_is_locked_where_that_is_allowed_and_said_where_not() {
    let place = Place::new();
    let service = place.serve(&[]);
    let check = |service: &Watched, output: &str| {
        let (locked, resident) = (service.status("VmLck", 10), service.status("VmRSS", 10));
        let allowed = service.may_lock_memory();
        println!("may lock: {allowed}; {locked} of {resident} KiB locked");
        assert_eq!(allowed, locked >= resident, "{locked} of {resident} KiB locked");
        assert_eq!(allowed, !output.contains(SWAP_NOTE), "{output}");
    };
    check(&service, &place.output());
    drop(service);
    if rustix::process::geteuid().is_root() {
        // Root usually may.
        let own = Place { folder: tempfile::tempdir().unwrap(), user: 0 };
        fs::copy(env!("CARGO_BIN_EXE_letterlock"), own.path("letterlock")).unwrap();
        check(&own.serve(&[]), &own.output());
    } else {
        println!("what root may was not looked at: this needs root");
    }
}
