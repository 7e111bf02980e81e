//! Forms are read again when their files change, or at SIGHUP.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::services::App;
use crate::services::audit::{self, ServiceChange};
use crate::services::forms::{Folder, Watcher};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(2);

/// Looks until it is aborted. SIGHUP, which would end the process, makes it look at once.
/// `fingerprint` tells by what configuration the service goes then.
pub(super) async fn watch(app: Arc<App>, folder: Folder, fingerprint: impl Fn() -> String) {
    let mut hangup = signal(SignalKind::hangup()).ok();
    let mut watcher = Watcher::new(folder);
    loop {
        let asked = async {
            match &mut hangup {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = asked => {}
        }
        // Some small files, every now and then.
        if let Some(mistakes) = tokio::task::block_in_place(|| watcher.look(&app)) {
            tracing::info!(forms = app.forms().iter().count(), "forms: read again, as a file has changed");
            for mistake in mistakes {
                tracing::error!(%mistake, "forms: a file is not in order; what was read from it before still holds");
            }
            let now = tokio::task::block_in_place(&fingerprint);
            audit::service(&app, ServiceChange::FormsRead, Some(now)).await;
        }
    }
}
