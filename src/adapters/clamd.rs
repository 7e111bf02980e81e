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

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
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
    from: ReadHalf<Box<dyn Connection>>,
    to: WriteHalf<Box<dyn Connection>>,
    left: Duration,
    /// What it has said and was not read to the end.
    heard: Vec<u8>,
    /// What it has found before it was given everything.
    found: Option<Verdict>,
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
            Address::Socket(path) => {
                Box::new(within(&mut left, on_socket(UnixStream::connect(path))).await.map_err(away)?)
            }
            Address::Tcp(address) => {
                Box::new(within(&mut left, on_socket(TcpStream::connect(address))).await.map_err(away)?)
            }
        };
        let (from, to) = tokio::io::split(stream);
        Ok(Self { from, to, left, heard: Vec::new(), found: None })
    }

    /// Hands over the next bytes. Waits while the scanner is slow, so that the client is kept waiting too. Once it has found
    /// something it is given no more, and [`Session::verdict`] says so.
    ///
    /// # Errors
    /// Any [`Failure`]; the session is of no more use then.
    pub async fn feed(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        for piece in bytes.chunks(PIECE) {
            // No more than 64 KiB; a piece of no bytes would be the end.
            for part in [&(piece.len() as u32).to_be_bytes()[..], piece] {
                if self.found.is_none()
                    && let Some(line) = self.send(part).await?
                {
                    match answer::verdict(&line)? {
                        // Nobody can find a file clean before its end.
                        Verdict::Clean => return Err(Failure::Broken),
                        found @ Verdict::Infected(_) => self.found = Some(found),
                    }
                }
            }
        }
        Ok(())
    }

    /// The file is complete: what the scanner says of it.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub async fn verdict(mut self) -> Result<Verdict, Failure> {
        if let Some(found) = self.found {
            return Ok(found);
        }
        let ended = self.write(&[0; 4]).await;
        // What it says counts, also where it has hung up already; save that it cannot find a file clean before its end.
        let verdict = answer::verdict(&self.line().await?)?;
        if verdict == Verdict::Clean { ended.map(|()| verdict) } else { Ok(verdict) }
    }

    /// Sends bytes of a file; where it speaks before it has them all, returns what it says.
    async fn send(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let Self { from, to, left, heard, .. } = self;
        let sent = within(left, async {
            tokio::select! {
                biased;
                line = line(from, heard) => line.map(Some),
                sent = to.write_all(bytes) => sent.map(|()| None).map_err(|_| Failure::Broken),
            }
        });
        match sent.await {
            // It hangs up on what is too large, and says so before.
            Err(Failure::Broken) => self.line().await.map(Some),
            sent => sent,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        within(&mut self.left, on_socket(self.to.write_all(bytes))).await
    }

    async fn line(&mut self) -> Result<Vec<u8>, Failure> {
        within(&mut self.left, line(&mut self.from, &mut self.heard)).await
    }
}

/// One answer up to its end, which has to be there, with nothing behind it. What was `heard` stays where this is not waited for.
async fn line(from: &mut (impl AsyncRead + Unpin), heard: &mut Vec<u8>) -> Result<Vec<u8>, Failure> {
    loop {
        if let Some(end) = heard.iter().position(|b| *b == 0) {
            return if end + 1 == heard.len() { Ok(heard[..end].to_vec()) } else { Err(Failure::Broken) };
        }
        let mut piece = [0; 256];
        let read = from.read(&mut piece).await.map_err(|_| Failure::Broken)?;
        if read == 0 || heard.len() + read > answer::LONGEST + 1 {
            return Err(Failure::Broken);
        }
        heard.extend_from_slice(&piece[..read]);
    }
}

async fn on_socket<T>(work: impl Future<Output = io::Result<T>>) -> Result<T, Failure> {
    work.await.map_err(|_| Failure::Broken)
}

/// Waits for `work`, and takes the time from what is `left`.
async fn within<T>(left: &mut Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let begun = Instant::now();
    let done = timeout(*left, work).await;
    *left = left.saturating_sub(begun.elapsed());
    done.map_err(|_| Failure::Slow)?
}

fn away(failure: Failure) -> Failure {
    if failure == Failure::Broken { Failure::Away } else { failure }
}
