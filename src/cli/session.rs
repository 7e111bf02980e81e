//! One way to run a command, whether or not a service runs on the data folder.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::mpsc;

use super::outcome::{CliError, Outcome};
use super::{serve, terminal};
use crate::base::config::Config;
use crate::control::{self, Client, Command, Desk, Reply};
use crate::policy::Role;

/// How long a command waits for another one, or for a service that starts or stops, to let go of the data folder.
const PATIENCE: Duration = Duration::from_secs(5);

/// A way to the vault.
pub(super) struct Session(Way);

enum Way {
    /// A service runs; each command is a connection of its own.
    Service(PathBuf),
    /// None runs: the vault is open in this process.
    Here(Arc<Desk>),
}

impl Session {
    /// Finds the running service, or opens the vault here.
    pub(super) async fn open(config: &Config) -> Outcome<Self> {
        let deadline = Instant::now() + PATIENCE;
        let mut once_more = true;
        loop {
            if Client::connect(&config.data).await?.is_some() {
                return Ok(Self(Way::Service(config.data.clone())));
            }
            let refusal = if is_held(&config.data) {
                once_more = true;
                None
            } else {
                match serve::open(config, true) {
                    Ok((app, opened)) => {
                        for notice in &opened.notices {
                            terminal::say(&format!("letterlock: {notice}"));
                        }
                        return Ok(Self(Way::Here(Arc::new(Desk { app, address: OnceLock::new() }))));
                    }
                    Err(e) => Some(e),
                }
            };
            match refusal {
                // It may have been another process that came and went between two looks.
                Some(_) if once_more => {
                    once_more = false;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Some(e) if !is_held(&config.data) => return Err(e),
                _ if Instant::now() > deadline => {
                    return Err(CliError::refused(format!(
                        "another letterlock holds the data folder {}, but no service answers in it: it is starting or \
                         stopping, or another command is at work. Try again when it is done",
                        config.data.display()
                    )));
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Runs a command. `on` gets every item, chunk and progress report; the result is what the command came to.
    pub(super) async fn run(&mut self, command: Command, mut on: impl FnMut(Reply) -> Outcome) -> Outcome<Value> {
        let mut replies = match &self.0 {
            Way::Here(desk) => Replies::Here(control::start(Arc::clone(desk), command)),
            Way::Service(data) => {
                let mut client = Client::connect(data)
                    .await?
                    .ok_or_else(|| CliError::failed("the service has stopped; run the command again"))?;
                client.send(&command).await?;
                Replies::Service(client)
            }
        };
        loop {
            match replies.next().await? {
                Reply::Done { value } => return Ok(value),
                Reply::Error(failure) => return Err(failure.into()),
                other => on(other)?,
            }
        }
    }

    /// Runs a command and gathers its items.
    pub(super) async fn collect(&mut self, command: Command) -> Outcome<(Vec<Value>, Value)> {
        let mut items = Vec::new();
        let done = self.run(command, |reply| {
            if let Reply::Item { value } = reply {
                items.push(value);
            }
            Ok(())
        });
        let done = done.await?;
        Ok((items, done))
    }

    /// Closes the vault, if it is open here.
    pub(super) async fn close(self) {
        if let Way::Here(desk) = self.0 {
            desk.app.close().await;
        }
    }
}

/// Whether another process works on the data folder, as far as the kernel's list of locks tells. Trying the lock would
/// get into the way of whoever wants it at that moment.
fn is_held(data: &Path) -> bool {
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    // The store's own lock may outlast the folder's by a moment.
    ["lock", "store/db"].iter().filter_map(|name| std::fs::metadata(data.join(name)).ok()).any(|file| {
        let end = format!(":{}", file.ino());
        locks.lines().any(|line| line.contains("FLOCK") && line.split_whitespace().any(|word| word.ends_with(&end)))
    })
}

enum Replies {
    Service(Client),
    Here(mpsc::Receiver<Reply>),
}

impl Replies {
    async fn next(&mut self) -> Outcome<Reply> {
        match self {
            Self::Service(client) => Ok(client.next().await?),
            Self::Here(replies) => {
                replies.recv().await.ok_or_else(|| CliError::failed("the command ended without an answer"))
            }
        }
    }
}

/// Says on standard error in which role the owner of the machine acts, and for which purpose if that is kept.
pub(super) fn announce(role: Role, purpose: Option<&str>) {
    let purpose = purpose.map(|p| format!(" for the purpose {}", terminal::clean(p))).unwrap_or_default();
    terminal::say(&format!(
        "letterlock: acting as {role}{purpose}, as the owner of this machine; this is written to the audit trail"
    ));
}
