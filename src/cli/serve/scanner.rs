//! The virus scanner as configured.

use std::time::Duration;

use crate::adapters::clamd::Address;
use crate::base::config::Config;
use crate::cli::terminal::say;
use crate::services::App;
use crate::services::scan::{self, Scanner};

/// Gives the installation its scanner, and says how that is.
pub(super) async fn set(config: &Config, app: &App) {
    let scanner = &config.scanner;
    let address = scanner.socket.clone().map(Address::Socket).or(scanner.address.map(Address::Tcp));
    let Some(address) = address else {
        let forms = app.forms();
        let asks: Vec<&str> =
            forms.iter().filter(|form| form.unscanned.is_some()).map(|form| form.id.as_str()).collect();
        if !asks.is_empty() {
            say(&format!(
                "letterlock: note: no virus scanner is configured (scanner.socket), so files are not scanned, also those of {}, \
                 which says what becomes of such files",
                asks.join(", ")
            ));
        }
        return;
    };
    app.set_scanner(Scanner::new(address, Duration::from_secs(scanner.seconds)));
    if !scan::health(app).await.answers {
        say("letterlock: note: the virus scanner does not answer; files are treated as their forms say (unscanned)");
    }
}
