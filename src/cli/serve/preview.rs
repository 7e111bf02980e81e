//! Previews as configured.

use std::path::PathBuf;
use std::sync::Arc;

use crate::adapters::preview::{Bounds, Previewer};
use crate::base::config::Config;
use crate::cli::terminal::say;
use crate::services::{App, preview};

/// Lets previews be made, and says where they cannot be.
pub(super) async fn set(config: &Config, app: &Arc<App>) {
    let preview = &config.preview;
    if !preview.on {
        return;
    }
    let bounds = Bounds {
        seconds: preview.seconds,
        memory_mib: preview.memory_mib,
        pages: preview.pages,
        at_once: preview.at_once,
    };
    // This very program, also when another lies in its place by now.
    app.set_previewer(Previewer::new(PathBuf::from("/proc/self/exe"), bounds));
    if let Some(problem) = preview::probe(app).await.problem {
        say(&format!("letterlock: note: there are no previews of files: {problem}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_of_both_sides_agree() {
        let (one, other) = (Config::default().preview, Bounds::default());
        assert_eq!(
            (one.seconds, one.memory_mib, one.pages, one.at_once),
            (other.seconds, other.memory_mib, other.pages, other.at_once)
        );
    }
}
