//! A real clamd on a socket of the test's own, with one signature, and a false one that does what it is told.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use letterlock::adapters::clamd::Address;
use letterlock::services::scan::Scanner;

/// The EICAR test file, in two parts: as one it would have this file taken for it.
pub(crate) fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

/// What a false clamd is never done with.
pub(crate) const ENDLESS: &[u8] = b"round and round";

/// The largest file that the real clamd takes here, in bytes.
pub(crate) const LARGEST: usize = 2 << 20;

/// A folder for a socket: its path has to be short.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::Builder::new().prefix("clamd-").tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("s")
    }

    /// What the service has, with whatever listens there.
    pub(crate) fn scanner(&self, patience: Duration) -> Scanner {
        Scanner::new(Address::Socket(self.socket()), patience)
    }
}

/// A running clamd; ended by its id when dropped.
pub(crate) struct Clamd(Child);

impl Clamd {
    pub(crate) fn start(place: &Place) -> Self {
        for folder in ["db", "tmp"] {
            std::fs::create_dir_all(place.path(folder)).unwrap();
        }
        let hex = data_encoding::HEXLOWER.encode(&eicar());
        std::fs::write(place.path("db").join("test.ndb"), format!("Eicar-Test:0:*:{hex}\n")).unwrap();
        let config = format!(
            "LocalSocket {}\nDatabaseDirectory {}\nTemporaryDirectory {}\nForeground yes\nFixStaleSocket yes\n\
             StreamMaxLength {LARGEST}\nMaxThreads 4\n",
            place.socket().display(),
            place.path("db").display(),
            place.path("tmp").display(),
        );
        std::fs::write(place.path("clamd.conf"), config).unwrap();
        let log = std::fs::File::create(place.path("log")).unwrap();
        let child = Command::new("clamd")
            .arg(format!("--config-file={}", place.path("clamd.conf").display()))
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("clamd; scripts/test installs it or says how");
        let clamd = Self(child);
        let begun = Instant::now();
        while UnixStream::connect(place.socket()).is_err() {
            let said = || std::fs::read_to_string(place.path("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(60), "clamd does not start: {}", said());
            std::thread::sleep(Duration::from_millis(50));
        }
        clamd
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a false clamd does with each stream.
#[derive(Clone)]
pub(crate) enum Trick {
    /// Takes the connection and nothing more.
    Hang,
    /// Hangs up after so many bytes.
    HangUp(usize),
    /// Says this once the stream is complete.
    Say(Vec<u8>),
    /// Says this after so many bytes, and hangs up.
    SayEarly(usize, Vec<u8>),
    /// Says this after so many bytes, and neither reads on nor hangs up.
    SayAndStop(usize, Vec<u8>),
    /// Talks without an end once the stream is complete.
    Babble,
    /// Says that all is well, but of what has [`ENDLESS`] in it nothing at all.
    Choosy,
    /// Says that all is well, and reads no further than so many bytes until the other end of the channel is dropped.
    Slow(usize, Arc<Mutex<Receiver<()>>>),
}

/// A false clamd. Its thread ends with the test.
pub(crate) struct Fake {
    /// Streams begun.
    pub(crate) streams: Arc<AtomicUsize>,
    /// Bytes read, framing included.
    pub(crate) read: Arc<AtomicUsize>,
}

impl Fake {
    pub(crate) fn start(socket: &Path, trick: Trick) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let (streams, read) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let fake = Self { streams: streams.clone(), read: read.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (trick, streams, read) = (trick.clone(), streams.clone(), read.clone());
                std::thread::spawn(move || serve(stream, &trick, &streams, &read));
            }
        });
        fake
    }
}

fn serve(mut stream: UnixStream, trick: &Trick, streams: &AtomicUsize, read: &AtomicUsize) -> Option<()> {
    let mut command = Vec::new();
    while command.last() != Some(&0) {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        command.push(byte[0]);
    }
    if command == b"zVERSION\0" {
        return stream.write_all(b"ClamAV 0.0.0\0").ok();
    }
    assert_eq!(command, b"zINSTREAM\0");
    streams.fetch_add(1, Ordering::SeqCst);
    let whole = |stream: &mut UnixStream| {
        let mut buffer = vec![0; 1 << 20];
        loop {
            let mut length = [0; 4];
            stream.read_exact(&mut length).ok()?;
            let length = u32::from_be_bytes(length) as usize;
            if length == 0 {
                return Some(());
            }
            stream.read_exact(&mut buffer[..length]).ok()?;
            read.fetch_add(4 + length, Ordering::SeqCst);
        }
    };
    let some = |stream: &mut UnixStream, bytes: usize| stream.read_exact(&mut vec![0; bytes]).ok();
    match trick {
        Trick::Hang => {
            std::thread::sleep(Duration::from_secs(120));
            Some(())
        }
        Trick::HangUp(bytes) => some(&mut stream, *bytes),
        Trick::Say(words) => {
            whole(&mut stream)?;
            stream.write_all(words).ok()
        }
        Trick::SayEarly(bytes, words) => {
            some(&mut stream, *bytes)?;
            stream.write_all(words).ok()
        }
        Trick::SayAndStop(bytes, words) => {
            some(&mut stream, *bytes)?;
            stream.write_all(words).ok()?;
            std::thread::sleep(Duration::from_secs(120));
            Some(())
        }
        Trick::Choosy => {
            let mut content = Vec::new();
            loop {
                let mut length = [0; 4];
                stream.read_exact(&mut length).ok()?;
                let (from, length) = (content.len(), u32::from_be_bytes(length) as usize);
                if length == 0 {
                    break;
                }
                content.resize(from + length, 0);
                stream.read_exact(&mut content[from..]).ok()?;
            }
            if content.windows(ENDLESS.len()).any(|window| window == ENDLESS) {
                std::thread::sleep(Duration::from_secs(120));
            }
            stream.write_all(b"stream: OK\0").ok()
        }
        Trick::Babble => {
            whole(&mut stream)?;
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
            Some(())
        }
        Trick::Slow(bytes, gate) => {
            let mut done = 0;
            while done < *bytes {
                let mut length = [0; 4];
                stream.read_exact(&mut length).ok()?;
                let length = u32::from_be_bytes(length) as usize;
                some(&mut stream, length)?;
                done += 4 + length;
                read.fetch_add(4 + length, Ordering::SeqCst);
            }
            let _ = gate.lock().unwrap().recv();
            whole(&mut stream)?;
            stream.write_all(b"stream: OK\0").ok()
        }
    }
}
