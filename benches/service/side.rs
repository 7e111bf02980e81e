//! The two sides that are compared, each a process with folders of its own: the real `letterlock serve`, and the twin.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::args::Args;
use crate::client::{Done, Load, Until, Work, run_apart};
use crate::{Outcome, TWIN};

/// The service, built by the same profile as this program.
pub(crate) const LETTERLOCK: &str = env!("CARGO_BIN_EXE_letterlock");

/// In which Linux counts processor time for programs, whatever it uses itself.
const TICKS_A_SECOND: f64 = 100.0;

/// A running service; killed when dropped, its folders removed.
pub(crate) struct Side {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: PathBuf,
    /// A bearer token that may read everything.
    pub(crate) token: String,
    child: Child,
    folder: TempDir,
    is_twin: bool,
    settings: &'static [Setting],
}

/// A variable of Letterlock's environment, and its value.
pub(crate) type Setting = (&'static str, &'static str);

impl Side {
    /// A fresh Letterlock, with the limits of frequency lifted and all else as it comes.
    pub(crate) fn letterlock(args: &Args) -> Outcome<Self> {
        Self::letterlock_on(args.folder("letterlock")?)
    }

    /// The same on folders that may be there already.
    pub(crate) fn letterlock_on(folder: TempDir) -> Outcome<Self> {
        Self::letterlock_with(folder, &[])
    }

    /// The same with further settings.
    pub(crate) fn letterlock_with(folder: TempDir, settings: &'static [Setting]) -> Outcome<Self> {
        let (child, address) = start_letterlock(folder.path(), settings)?;
        let certificate = folder.path().join("keys/tls/cert.pem");
        let mut side = Self { address, certificate, token: String::new(), child, folder, is_twin: false, settings };
        side.wait_until_ready()?;
        side.token = letterlock_token(side.folder.path(), "bench", "hr,support")?;
        Ok(side)
    }

    /// A fresh twin.
    pub(crate) fn twin(args: &Args) -> Outcome<Self> {
        let folder = args.folder("twin")?;
        let token = "llt_the-twin-takes-any-word-for-a-token".to_owned();
        let (child, address) = start_twin(folder.path(), &token)?;
        let certificate = folder.path().join("cert.pem");
        Ok(Self { address, certificate, token, child, folder, is_twin: true, settings: &[] })
    }

    /// Starts it anew, with none of its files in memory.
    pub(crate) fn start_cold(&mut self) -> Outcome {
        self.child.kill()?;
        self.child.wait()?;
        forget(self.folder.path())?;
        (self.child, self.address) = match self.is_twin {
            true => start_twin(self.folder.path(), &self.token)?,
            false => start_letterlock(self.folder.path(), self.settings)?,
        };
        self.wait_until_ready()
    }

    /// Puts a load on it.
    pub(crate) fn load(&self, connections: usize, until: Until, work: Work) -> Outcome<Done> {
        let certificate = self.certificate.clone();
        run_apart(&Load { address: self.address, certificate, connections, until, work })
    }

    /// Where all its files are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Processor time it has used so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Outcome<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        // After the name, which may hold anything, stand the fields from the third on.
        let fields: Vec<&str> = stat.rsplit_once(')').ok_or("stat")?.1.split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / TICKS_A_SECOND)
    }

    /// Resident memory in KiB.
    pub(crate) fn memory_kib(&self) -> Outcome<u64> {
        memory_kib(self.pid())
    }

    fn wait_until_ready(&mut self) -> Outcome {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            if std::net::TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            if self.child.try_wait()?.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = std::fs::read_to_string(self.folder.path().join("log"))?;
        Err(format!("letterlock did not start:\n{log}").into())
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_letterlock(folder: &Path, settings: &[Setting]) -> Outcome<(Child, SocketAddr)> {
    // Free a moment ago; nobody else takes ports here.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let log = File::create(folder.join("log"))?;
    let child = letterlock(folder)
        .args(["serve", "--listen", &address.to_string()])
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    Ok((child, address))
}

fn start_twin(folder: &Path, token: &str) -> Outcome<(Child, SocketAddr)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args([TWIN.as_ref(), folder.as_os_str(), token.as_ref()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(folder.join("log"))?)
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("the twin has no output")?).read_line(&mut line)?;
    let address = line.trim().parse().map_err(|_| "the twin did not start")?;
    Ok((child, address))
}

/// Has the operating system drop what it keeps in memory of the files under a folder.
fn forget(folder: &Path) -> Outcome {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.is_dir() {
            forget(&entry.path())?;
        } else if meta.is_file() {
            let file = File::open(entry.path())?;
            file.sync_all()?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    Ok(())
}

/// Resident memory of a process in KiB.
pub(crate) fn memory_kib(pid: u32) -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("the process is gone")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The command line of Letterlock on the folders `data` and `keys` in `folder`.
pub(crate) fn letterlock(folder: &Path) -> Command {
    let mut command = Command::new(LETTERLOCK);
    command
        .current_dir(folder)
        .arg("--accept-unsafe-fs")
        .env("LETTERLOCK_LIMITS__PER_ADDRESS_PER_MINUTE", "0")
        .env("LETTERLOCK_LIMITS__PER_FORM_PER_MINUTE", "0")
        // Whoever measures reads unusually much.
        .env("LETTERLOCK_READING__MOST", "0")
        .env("LETTERLOCK_READING__TIMES", "0");
    command
}

/// Makes a token for these roles.
pub(crate) fn letterlock_token(folder: &Path, login: &str, roles: &str) -> Outcome<String> {
    let output = letterlock(folder).args(["token", "create", "--login", login, "--role", roles]).output()?;
    if !output.status.success() {
        return Err(format!("no token: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
