//! clamd, the daemon of ClamAV, over a Unix socket or a loopback address: content goes there piece by piece as it comes,
//! and one line comes back (`INSTREAM`, clamd(8)).
//!
//! Own code: the protocol is a command, counted pieces and a line. The crate `clamav-client` (2.3, kept up) takes a whole
//! stream in one call and reads an answer of any length; here pieces are pushed as a client sends them, and every wait and
//! every answer has a bound.

mod answer;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};

pub use answer::{Failure, Verdict, Version, verdict as read_verdict, version as read_version};

/// Bytes of one piece, at most.
const PIECE: usize = 64 << 10;
/// How long the daemon may take to say something of itself.
const GREETING: Duration = Duration::from_secs(5);

/// Where clamd listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Socket(PathBuf),
    /// TCP. There is no encryption, so it should be this machine's own address.
    Tcp(SocketAddr),
}

/// A scanner that can be asked.
#[derive(Clone, Debug)]
pub struct Clamd {
    address: Address,
    patience: Duration,
}

/// A file on its way through the scanner. Dropped, it is forgotten there.
pub struct Session {
    stream: Box<dyn Connection>,
    left: Duration,
}

trait Connection: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl Connection for UnixStream {}
impl Connection for TcpStream {}

impl Clamd {
    /// A scanner at `address`. `patience` is how long one file may wait for it in all; what the client takes does not count.
    pub const fn new(address: Address, patience: Duration) -> Self {
        Self { address, patience }
    }

    /// How long one file may wait for it in all.
    pub const fn patience(&self) -> Duration {
        self.patience
    }

    /// Begins a file.
    ///
    /// # Errors
    /// [`Failure::Away`], [`Failure::Slow`], [`Failure::Broken`].
    pub async fn begin(&self) -> Result<Session, Failure> {
        let mut session = Session::open(&self.address, self.patience).await?;
        session.write(b"zINSTREAM\0").await?;
        Ok(session)
    }

    /// What the daemon says of itself.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub async fn version(&self) -> Result<Version, Failure> {
        let mut session = Session::open(&self.address, self.patience.min(GREETING)).await?;
        session.write(b"zVERSION\0").await?;
        answer::version(&session.line().await?)
    }
}

impl Session {
    async fn open(address: &Address, patience: Duration) -> Result<Self, Failure> {
        let mut left = patience;
        let stream: Box<dyn Connection> = match address {
            Address::Socket(path) => Box::new(within(&mut left, UnixStream::connect(path)).await.map_err(away)?),
            Address::Tcp(address) => Box::new(within(&mut left, TcpStream::connect(address)).await.map_err(away)?),
        };
        Ok(Self { stream, left })
    }

    /// Hands over the next bytes. Waits while the scanner is slow, so that the client is kept waiting too.
    ///
    /// # Errors
    /// Any [`Failure`]; the session is of no more use then.
    pub async fn feed(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        for piece in bytes.chunks(PIECE) {
            // No more than 64 KiB; a piece of no bytes would be the end.
            let sent = match self.write(&(piece.len() as u32).to_be_bytes()).await {
                Ok(()) => self.write(piece).await,
                failed => failed,
            };
            match sent {
                Ok(()) => {}
                // It hangs up on what is too large, and says so before.
                Err(Failure::Broken) => {
                    return Err(self
                        .line()
                        .await
                        .and_then(|line| answer::verdict(&line))
                        .err()
                        .unwrap_or(Failure::Broken));
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// The file is complete: what the scanner says of it.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub async fn verdict(mut self) -> Result<Verdict, Failure> {
        let ended = self.write(&[0; 4]).await;
        // What it says counts, also where it has hung up already; save that it cannot find a file clean before its end.
        let verdict = answer::verdict(&self.line().await?)?;
        if verdict == Verdict::Clean { ended.map(|()| verdict) } else { Ok(verdict) }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        within(&mut self.left, self.stream.write_all(bytes)).await
    }

    /// One answer up to its end, which has to be there, with nothing behind it.
    async fn line(&mut self) -> Result<Vec<u8>, Failure> {
        let mut line = vec![0; answer::LONGEST + 1];
        let mut len = 0;
        loop {
            let read = within(&mut self.left, self.stream.read(&mut line[len..])).await?;
            len += read;
            if let Some(end) = line[..len].iter().position(|b| *b == 0) {
                let whole = end + 1 == len;
                line.truncate(end);
                return if whole { Ok(line) } else { Err(Failure::Broken) };
            }
            if read == 0 || len == line.len() {
                return Err(Failure::Broken);
            }
        }
    }
}

/// Waits for `work`, and takes the time from what is `left`.
async fn within<T>(left: &mut Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, Failure> {
    let begun = Instant::now();
    let done = timeout(*left, work).await;
    *left = left.saturating_sub(begun.elapsed());
    done.map_err(|_| Failure::Slow)?.map_err(|_| Failure::Broken)
}

fn away(failure: Failure) -> Failure {
    if failure == Failure::Broken { Failure::Away } else { failure }
}
