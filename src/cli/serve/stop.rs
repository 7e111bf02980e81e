//! SIGINT and SIGTERM: the first asks for a clean stop, the second ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::cli::outcome::{CliError, Outcome};
use crate::cli::terminal::say;

/// The signals, caught from the moment this is made.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to catch the signals.
    pub(super) fn listen() -> Outcome<Self> {
        let catch = |kind| signal(kind).map_err(|e| CliError::failed(format!("cannot catch signals: {e}")));
        Ok(Self { interrupt: catch(SignalKind::interrupt())?, terminate: catch(SignalKind::terminate())? })
    }

    /// Turns the channel true at the first signal, and ends the process at the second.
    pub(super) fn watch(mut self) -> (watch::Sender<bool>, watch::Receiver<bool>) {
        let (stop, stopped) = watch::channel(false);
        let ours = stop.clone();
        tokio::spawn(async move {
            self.next().await;
            say("letterlock: stopping; what has begun is finished first. A second signal ends at once");
            // Nobody may be waiting any more.
            let _ = ours.send(true);
            self.next().await;
            say("letterlock: ended at once");
            // What was acknowledged is durable; the next start recovers the rest.
            std::process::exit(130);
        });
        (stop, stopped)
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
