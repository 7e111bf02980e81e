//! One HTTPS connection: sends bytes, reads an answer's status and body. HTTP/1.1 with `Content-Length`, which is what
//! both services send.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Outcome;

/// Bodies up to this size are kept; longer ones are counted and forgotten.
const KEPT: usize = 64 * 1024;

/// Whose certificate is taken.
pub(crate) struct Trust(TlsConnector);

impl Trust {
    /// This one only.
    pub(crate) fn read(certificate: &Path) -> Outcome<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate)?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

/// An open connection.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

/// An answer. A body above 64 KiB is read, but not kept.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// Status line and headers, as they came.
    pub(crate) head: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr, trust: &Trust) -> Outcome<Self> {
        Self::over(TcpStream::connect(address).await?, trust).await
    }

    /// The same from an address of this machine's own: any in 127.0.0.0/8.
    pub(crate) async fn open_from(from: IpAddr, address: SocketAddr, trust: &Trust) -> Outcome<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        Self::over(socket.connect(address).await?, trust).await
    }

    async fn over(socket: TcpStream, trust: &Trust) -> Outcome<Self> {
        socket.set_nodelay(true)?;
        let stream = trust.0.connect(ServerName::try_from("localhost")?, socket).await?;
        Ok(Self { stream, buffer: Vec::with_capacity(2 * KEPT) })
    }

    /// Sends a request, given in pieces, and reads its answer.
    pub(crate) async fn ask(&mut self, request: [&[u8]; 2]) -> Outcome<Answer<'_>> {
        for piece in request.into_iter().filter(|piece| !piece.is_empty()) {
            self.stream.write_all(piece).await?;
        }
        self.stream.flush().await?;
        self.buffer.clear();
        let head = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the service closed a connection".into());
            }
        };
        let (status, length) = parse(&self.buffer[..head])?;
        let mut have = self.buffer.len() - head;
        while have < length {
            if length > KEPT {
                self.buffer.truncate(head);
            }
            let read = self.stream.read_buf(&mut self.buffer).await?;
            if read == 0 {
                return Err("an answer was cut off".into());
            }
            have += read;
        }
        Ok(Answer { status, head: &self.buffer[..head], body: &self.buffer[head..] })
    }
}

impl Answer<'_> {
    /// The values of all headers of this name.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = std::str::from_utf8(self.head).unwrap_or_default().split("\r\n");
        let pairs = lines.filter_map(|line| line.split_once(": "));
        pairs.filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

fn parse(head: &[u8]) -> Outcome<(u16, usize)> {
    let head = std::str::from_utf8(head)?;
    let status = head.get(9..12).ok_or("no status")?.parse()?;
    let length = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    Ok((status, length.ok_or("an answer without Content-Length")?.parse()?))
}
