//! The command's end of the control socket.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::net::UnixStream;

use super::command::{Command, Reply};
use super::frame::{self, FrameError};
use super::socket;

/// The service gives a sign of life every five seconds; this much silence means it hangs.
const SILENCE: Duration = Duration::from_secs(30);

/// A connection to a running service, good for one command.
pub struct Client(UnixStream);

/// The service could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The socket is there and cannot be used.
    #[error("cannot connect to the running service: {0}")]
    Connect(#[source] io::Error),
    /// The conversation broke.
    #[error("the running service: {0}")]
    Talk(#[from] FrameError),
}

impl Client {
    /// Connects to the service that runs on the data folder `data`; `None` when none does.
    ///
    /// # Errors
    /// [`ClientError::Connect`].
    pub async fn connect(data: &Path) -> Result<Option<Self>, ClientError> {
        Ok(socket::connect(data).await.map_err(ClientError::Connect)?.map(Self))
    }

    /// Sends the command.
    ///
    /// # Errors
    /// [`ClientError::Talk`].
    pub async fn send(&mut self, command: &Command) -> Result<(), ClientError> {
        Ok(frame::write(&mut self.0, command, SILENCE).await?)
    }

    /// The next piece of the answer.
    ///
    /// # Errors
    /// [`ClientError::Talk`], also when the service stopped before it was done.
    pub async fn next(&mut self) -> Result<Reply, ClientError> {
        Ok(frame::read(&mut self.0, SILENCE).await?)
    }
}
