//! A mail server that takes everything and keeps nothing, for forms that are open only where there is one.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server; stopped on drop.
pub(crate) struct Sink {
    child: Child,
    port: String,
}

impl Sink {
    /// Starts it, and waits until it listens.
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("/usr/bin/python3")
            .args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}"), "-c", "aiosmtpd.handlers.Sink"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 is not installed; scripts/needs installs it or says how");
        let sink = Self { child, port: port.to_string() };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20), "the mail server does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        sink
    }

    /// What a service is told to use it.
    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        vec![
            ("LETTERLOCK_PUBLIC_URL", "https://letterlock.example"),
            ("LETTERLOCK_MAIL__SERVER", "127.0.0.1"),
            ("LETTERLOCK_MAIL__PORT", &self.port),
            ("LETTERLOCK_MAIL__SECURITY", "none"),
            ("LETTERLOCK_MAIL__FROM", "Office <office@example.org>"),
        ]
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
