//! A mail server of this machine that takes everything, for tests in which only what is in the mails matters.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Where mails arrive.
pub(crate) struct Mailbox {
    /// The port that it listens on.
    port: String,
    mails: Receiver<String>,
}

impl Mailbox {
    /// Opens one.
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let (tell, mails) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let tell = tell.clone();
                std::thread::spawn(move || drop(take(stream, &tell)));
            }
        });
        Self { port, mails }
    }

    /// What a service is told to use it.
    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        vec![
            ("LETTERLOCK_PUBLIC_URL", "https://letterlock.example"),
            ("LETTERLOCK_MAIL__SERVER", "localhost"),
            ("LETTERLOCK_MAIL__PORT", &self.port),
            ("LETTERLOCK_MAIL__SECURITY", "none"),
            ("LETTERLOCK_MAIL__FROM", "Example <office@example.org>"),
        ]
    }

    /// The next mail, with what quoted-printable broke put together again.
    pub(crate) fn next(&self) -> String {
        let mail = self.mails.recv_timeout(Duration::from_secs(60)).expect("no mail came");
        mail.replace("=\r\n", "").replace("=3D", "=")
    }

    /// The path of the first link in the next mail that begins with `url` and has `word` in it.
    pub(crate) fn next_path(&self, url: &str, word: &str) -> String {
        let mail = self.next();
        path(&mail, url, word).unwrap_or_else(|| panic!("no {word} in {mail}"))
    }

    /// The same of the next mail that has such a link: others are passed over.
    pub(crate) fn wait_for_path(&self, url: &str, word: &str) -> String {
        loop {
            if let Some(path) = path(&self.next(), url, word) {
                return path;
            }
        }
    }
}

fn path(mail: &str, url: &str, word: &str) -> Option<String> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || "-_/".contains(c));
    let mut paths = mail.split(url).skip(1).map(|rest| rest.split(ends).next().unwrap().to_owned());
    paths.find(|path| path.contains(word))
}

/// One connection, as far as SMTP goes here (RFC 5321).
fn take(stream: TcpStream, tell: &Sender<String>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream);
    out.write_all(b"220 mailbox\r\n")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or("").to_ascii_uppercase();
        if verb != "DATA" {
            out.write_all(if verb == "QUIT" { b"221 bye\r\n" } else { b"250 ok\r\n" })?;
            continue;
        }
        out.write_all(b"354 go on\r\n")?;
        let mut mail = String::new();
        loop {
            let mut line = String::new();
            lines.read_line(&mut line)?;
            if line == ".\r\n" || line.is_empty() {
                break;
            }
            mail.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
        let _ = tell.send(mail);
        out.write_all(b"250 ok\r\n")?;
    }
}
