//! Places outside the vault where heads of the audit trail are kept: a file that only grows, and syslog. What is kept there is a
//! line of text; what it says is the services' affair.

use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{UdpSocket, UnixDatagram, UnixStream};
use tokio::time::timeout;

use crate::base::clock::Timestamp;

/// How long a place may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes at the end of a file that are looked at for what was kept last.
const TAIL: u64 = 64 << 10;
/// Log audit (RFC 5424, table 1) at the level of a notice.
const PRIORITY: u8 = 13 * 8 + 5;
/// The socket of the machine's own syslog.
pub const LOCAL_SYSLOG: &str = "/dev/log";

/// A place that keeps lines.
pub trait Place: Send + Sync {
    /// What it is, for people: its kind, and where.
    fn name(&self) -> String;

    /// Keeps a line. When this returns, the place has it, as far as it lets one know.
    fn keep<'a>(&'a self, line: &'a str, at: Timestamp) -> Keeping<'a>;

    /// The last lines, oldest first, of a place that can be read.
    ///
    /// # Errors
    /// When it cannot be read now.
    fn last_lines(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// A line on its way. The error says why not, without naming what was kept.
pub type Keeping<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// A file that lines are appended to, each on disk before it counts. It is opened anew for each, so that it may be moved aside, and
/// only ever to append, so that it may be made append-only (`chattr +a`).
#[derive(Clone, Debug)]
pub struct HeadsFile(pub PathBuf);

impl HeadsFile {
    fn append(&self, line: &str) -> io::Result<()> {
        let fresh = !self.0.exists();
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.0)?;
        // What a stop in the middle of a write left does not swallow the next line.
        let text = if ends_within_a_line(&mut file)? { format!("\n{line}\n") } else { format!("{line}\n") };
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if fresh {
            let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

impl Place for HeadsFile {
    fn name(&self) -> String {
        format!("file {}", self.0.display())
    }

    fn keep<'a>(&'a self, line: &'a str, _at: Timestamp) -> Keeping<'a> {
        let (place, line) = (self.clone(), line.to_owned());
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || place.append(&line)).await;
            done.map_err(|_| "stopped".to_owned())?.map_err(|error| error.to_string())
        })
    }

    fn last_lines(&self) -> io::Result<Vec<String>> {
        let mut file = match File::open(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        // The first may be the end of a longer one.
        let skip = usize::from(length > TAIL);
        Ok(text.lines().skip(skip).map(str::to_owned).collect())
    }
}

fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Where syslog listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyslogAddress {
    /// A Unix socket, datagrams or a stream.
    Socket(PathBuf),
    /// UDP (RFC 5426): nobody says whether it arrived.
    Udp(SocketAddr),
}

/// Messages to syslog (RFC 5424): facility *log audit*, level *notice*, message id `audit-head`.
#[derive(Clone, Debug)]
pub struct Syslog {
    address: SyslogAddress,
    host: String,
}

impl Syslog {
    /// Syslog at an address.
    pub fn new(address: SyslogAddress) -> Self {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        // A name is of visible ASCII, at most 255 of it.
        let host: String = name.chars().filter(char::is_ascii_graphic).take(255).collect();
        Self { address, host: if host.is_empty() { "-".to_owned() } else { host } }
    }

    /// The message that carries a line.
    pub fn message(&self, line: &str, at: Timestamp) -> String {
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("<{PRIORITY}>1 {at} {} letterlock {} audit-head - {line}", self.host, std::process::id())
    }

    async fn send(&self, message: &[u8]) -> io::Result<()> {
        match &self.address {
            SyslogAddress::Socket(path) => {
                let socket = UnixDatagram::unbound()?;
                match socket.connect(path) {
                    Ok(()) => socket.send(message).await.map(drop),
                    // EPROTOTYPE: it is a stream, on which a message ends with a zero or a line feed.
                    Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PROTOTYPE.raw_os_error()) => {
                        let mut stream = UnixStream::connect(path).await?;
                        stream.write_all(message).await?;
                        stream.write_all(b"\n").await?;
                        stream.shutdown().await
                    }
                    Err(error) => Err(error),
                }
            }
            SyslogAddress::Udp(address) => {
                let any: SocketAddr = match address {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any).await?;
                socket.connect(address).await?;
                socket.send(message).await.map(drop)
            }
        }
    }
}

impl Place for Syslog {
    fn name(&self) -> String {
        match &self.address {
            SyslogAddress::Socket(path) => format!("syslog {}", path.display()),
            SyslogAddress::Udp(address) => format!("syslog udp:{address}"),
        }
    }

    fn keep<'a>(&'a self, line: &'a str, at: Timestamp) -> Keeping<'a> {
        let message = self.message(line, at);
        Box::pin(async move {
            match timeout(PATIENCE, self.send(message.as_bytes())).await {
                Ok(sent) => sent.map_err(|error| error.to_string()),
                Err(_) => Err("it does not take the message".to_owned()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_795_453_726_042);

    #[tokio::test]
    async fn a_file_grows_line_by_line_whatever_a_stop_left() {
        let dir = tempfile::tempdir().unwrap();
        let file = HeadsFile(dir.path().join("heads"));
        assert_eq!(file.last_lines().unwrap(), [""; 0]);
        file.keep("one", AT).await.unwrap();
        file.keep("two", AT).await.unwrap();
        assert_eq!(std::fs::read_to_string(&file.0).unwrap(), "one\ntwo\n");
        std::fs::write(&file.0, "one\ntw").unwrap();
        file.keep("three", AT).await.unwrap();
        assert_eq!(std::fs::read_to_string(&file.0).unwrap(), "one\ntw\nthree\n");
        assert_eq!(file.last_lines().unwrap(), ["one", "tw", "three"]);
        // A long file is read at its end, from a whole line on.
        std::fs::write(&file.0, format!("{}\nx\ny\n", "a".repeat(100_000))).unwrap();
        assert_eq!(file.last_lines().unwrap(), ["x", "y"]);
        let gone = HeadsFile(dir.path().join("no/such/folder"));
        assert!(gone.keep("x", AT).await.unwrap_err().contains("No such file"));
    }

    #[tokio::test]
    async fn syslog_gets_one_message_of_rfc_5424_by_each_kind_of_socket() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let datagrams = UnixDatagram::bind(&path).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to_socket = Syslog::new(SyslogAddress::Socket(path));
        let to_udp = Syslog::new(SyslogAddress::Udp(udp.local_addr().unwrap()));
        to_socket.keep("{\"a\":1}\nsecond line", AT).await.unwrap();
        to_udp.keep("{\"a\":1}", AT).await.unwrap();
        let mut buffer = [0; 2000];
        let length = datagrams.recv(&mut buffer).await.unwrap();
        let got = String::from_utf8(buffer[..length].to_vec()).unwrap();
        let words: Vec<&str> = got.splitn(8, ' ').collect();
        assert_eq!((words[0], words[1], words[3]), ("<109>1", "2026-11-23T17:08:46.042Z", "letterlock"));
        assert_eq!(words[4], std::process::id().to_string());
        assert_eq!(words[5..], ["audit-head", "-", "{\"a\":1} second line"]);
        let length = udp.recv(&mut buffer).await.unwrap();
        assert!(buffer[..length].ends_with(b"audit-head - {\"a\":1}"));

        let path = dir.path().join("stream");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let syslog = Syslog::new(SyslogAddress::Socket(path));
        let (sent, read) = tokio::join!(syslog.keep("x", AT), async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = String::new();
            tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text).await.unwrap();
            text
        });
        sent.unwrap();
        assert!(read.starts_with("<109>1 ") && read.ends_with(" - x\n"), "{read}");
        let nobody = Syslog::new(SyslogAddress::Socket(dir.path().join("nobody")));
        assert!(nobody.keep("x", AT).await.is_err());
    }
}
