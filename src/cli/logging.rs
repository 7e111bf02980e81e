//! The log of a running service, on standard error.
//!
//! Its level is fixed: libraries at a finer level would write out what they handle.

use tracing_subscriber::EnvFilter;

use crate::base::config::LogFormat;

/// Sets the log up for the rest of the process. Later calls change nothing.
pub(super) fn start(format: LogFormat) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("warn,letterlock=info"))
        .with_writer(std::io::stderr)
        .with_target(false);
    let _ = match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
