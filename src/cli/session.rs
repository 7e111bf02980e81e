//! One way to run a command, whether or not a service runs on the data folder.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tokio::sync::mpsc;

use super::outcome::{CliError, Outcome};
use super::{serve, terminal};
use crate::base::config::Config;
use crate::control::{self, Client, Command, Desk, Reply};
use crate::policy::Role;

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
        if Client::connect(&config.data).await?.is_some() {
            return Ok(Self(Way::Service(config.data.clone())));
        }
        match serve::open(config, true) {
            Ok((app, opened)) => {
                for notice in &opened.notices {
                    terminal::say(&format!("letterlock: {notice}"));
                }
                Ok(Self(Way::Here(Arc::new(Desk { app, address: OnceLock::new() }))))
            }
            // A service may have started meanwhile.
            Err(_) if Client::connect(&config.data).await?.is_some() => Ok(Self(Way::Service(config.data.clone()))),
            Err(e) => Err(e),
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
