//! `letterlock serve` and `letterlock init`, and the opening of the vault for every other command.

mod banner;
mod heads;
mod mail;
mod oidc;
mod preview;
mod reload;
mod scanner;
mod stop;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use super::outcome::{CliError, Outcome};
use super::output::line;
use super::terminal::say;
use super::{forms, logging, roles, tls};
use crate::base::clock::SystemClock;
use crate::base::config::Config;
use crate::base::entropy::SystemEntropy;
use crate::base::sensitive::{USUAL_DEPTH, wipe_stack};
use crate::control::{self, Desk, Listener};
use crate::crypto::password::Cost;
use crate::domain::region::BadRegion;
use crate::http::{self, HttpConfig};
use crate::policy::Safeguards;
use crate::services::audit::{self, ServiceChange, keep};
use crate::services::reading::{self, Limits};
use crate::services::resources::{self, Shelf};
use crate::services::work::Teams;
use crate::services::{App, OpenOptions, Opened, inbox, post, scan};

/// Opens the vault as configured. With `must_exist` none is made.
pub(super) fn open(config: &Config, must_exist: bool) -> Outcome<(Arc<App>, Opened)> {
    let options = OpenOptions {
        data: config.data.clone(),
        keys: config.keys.clone(),
        recovery: config.recovery.folder.clone(),
        accept_unsafe_fs: config.accept_unsafe_fs,
        cache_bytes: config.cache_mib << 20,
        region: config.region.parse().map_err(|error: BadRegion| CliError::usage(format!("region: {error}")))?,
        must_exist,
        forms: forms::load(config)?,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::new()),
    };
    // Recovery after a crash may take a while and waits for the disk.
    let opened = tokio::task::block_in_place(|| App::open(options));
    // The root key and every key of a page passed by here.
    wipe_stack::<USUAL_DEPTH>();
    Ok(opened?)
}

/// Makes everything that is not there yet.
pub(super) async fn init(config: &Config) -> Outcome {
    let (app, opened) = open(config, false)?;
    let chosen = tls::choose(config, app.clock());
    app.close().await;
    let chosen = chosen?;
    if !opened.first_run && opened.made.is_empty() && chosen.made.is_empty() {
        line("There is a vault already; nothing was made.")?;
    }
    banner::made(config, &opened, &chosen.made)?;
    banner::next_steps(config)
}

/// The teams, as the configuration has checked them.
fn teams(config: &Config) -> Teams {
    let team = |(name, members): &(String, Vec<String>)| {
        let members = members.iter().filter_map(|login| login.parse().ok()).collect();
        Some((name.parse().ok()?, members))
    };
    config.teams.iter().filter_map(team).collect()
}

/// The safeguards for reading across regions, as the configuration has checked them.
fn safeguards(config: &Config) -> Safeguards {
    let mut out = Safeguards::default();
    for (stored, reader, words) in &config.safeguards {
        if let (Ok(stored), Ok(reader)) = (stored.parse(), reader.parse()) {
            out.declare(stored, reader, words.clone());
        }
    }
    out
}

/// Runs the service until a signal ends it.
pub(super) async fn serve(config: &Config, notices: &[String]) -> Outcome {
    logging::start(config.log);
    let (languages, operator) = (forms::languages(config)?, forms::operator(config)?);
    let custom = roles::custom(config)?;
    // Also for the libraries that ask for the default; the service itself names its provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let signals = stop::Signals::listen()?;
    let (app, opened) = open(config, false)?;
    app.set_languages(languages);
    app.set_operator(operator);
    app.set_teams(teams(config));
    app.set_safeguards(safeguards(config));
    app.set_custom_roles(custom);
    app.set_answers(config.forms.join("answers"));
    app.set_reading_limits(Limits { most: config.reading.most, times: config.reading.times });
    inbox::begin(&app);
    // It ends by itself; nobody waits for it.
    let _ = reading::begin(&app);
    let outcome = run(config, &app, &opened, notices, signals).await;
    audit::service(&app, ServiceChange::Stopped, None).await;
    app.close().await;
    if outcome.is_ok() {
        say("letterlock: stopped");
    }
    outcome
}

async fn run(config: &Config, app: &Arc<App>, opened: &Opened, notices: &[String], signals: stop::Signals) -> Outcome {
    let chosen = tls::choose(config, app.clock())?;
    banner::made(config, opened, &chosen.made)?;
    for notice in notices {
        say(&format!("letterlock: note: {notice}"));
    }
    if !app.operator().missing().is_empty() {
        let keys = app.operator().missing().join(", ");
        say(&format!("letterlock: note: the page /privacy cannot say who is responsible, as there is no {keys}"));
    }
    for key in config.limits.lifted() {
        say(&format!("letterlock: note: {key} is 0, so this limit is lifted"));
    }
    let listener = Listener::bind(&config.data, app)
        .map_err(|e| CliError::refused(format!("cannot make the control socket in {}: {e}", config.data.display())))?;
    let desk = Arc::new(Desk { app: Arc::clone(app), address: OnceLock::new() });

    let (stop, stopped) = signals.watch();
    let grace = std::time::Duration::from_secs(config.limits.grace_seconds);
    let control = tokio::spawn(control::serve(listener, Arc::clone(&desk), stopped.clone(), grace));

    let mut http = HttpConfig::new(chosen.certificate);
    http.listen = config.listen.address();
    http.is_self_made = chosen.is_self_made;
    http.limits = limits(config);
    http.proxies = config.proxies.clone();
    let banner = banner::Listening::new(config, app, opened.first_run, chosen.is_self_made);
    let (public_url, site) = (config.public_url.clone(), Arc::clone(app));
    http.on_listening = Some(Box::new(move |address| {
        set_site(&site, public_url.as_deref(), address);
        let url = banner.print(address);
        // Set once, here.
        let _ = desk.address.set(url);
    }));
    app.set_password_cost(password_cost(config)?);
    let link_life = std::time::Duration::from_secs(3_600 * u64::from(config.resource_link_hours));
    app.set_overdue_days(config.overdue_days);
    app.set_resources(Shelf { folder: config.resources.clone(), link_life });
    for missing in resources::missing_files(app) {
        say(&format!("letterlock: note: {missing}"));
    }
    match mail::post(config)? {
        Some(post) => app.set_post(post),
        None => say("letterlock: note: no mail server is configured (mail.server), so no mail is sent"),
    }
    if let Some(federation) = oidc::federation(config)? {
        app.set_federation(federation);
    }
    heads::set(config, app)?;
    scanner::set(config, app).await;
    preview::set(config, app).await;
    let scanning = tokio::spawn(scan::run(Arc::clone(app)));
    let posting = tokio::spawn(post::run(Arc::clone(app)));
    let keeping = tokio::spawn(keep::run(Arc::clone(app)));
    let failure = tokio::spawn(watch_for_failure(Arc::clone(app), stop.clone()));
    let (of, by) = (Arc::clone(app), config.clone());
    let reloading = tokio::spawn(reload::watch(of, forms::folder(config)?, move || fingerprint(&by)));
    audit::service(app, ServiceChange::Started, Some(fingerprint(config))).await;
    let mut until = stopped;
    let served = http::serve(Arc::clone(app), http, async move {
        // An error means that nobody is left who could stop us, so stop.
        let _ = until.wait_for(|stop| *stop).await;
    });
    let served = served.await.map_err(|e| CliError::failed(e.to_string()));
    // Also when the service ended by itself.
    let _ = stop.send(true);
    let _ = control.await;
    failure.abort();
    reloading.abort();
    if let Some(post) = app.post() {
        // The mail under way ends, and its row goes: aborted, it would be sent again after the next start.
        post.stop();
    }
    if let Some(keeper) = app.keeper() {
        keeper.stop();
    }
    for mut work in [posting, keeping] {
        if tokio::time::timeout(grace, &mut work).await.is_err() {
            work.abort();
        }
    }
    scanning.abort();
    if app.has_failed() {
        return Err(CliError::failed(
            "a write to the disk failed, so the service stopped before anything more was acknowledged. See the log, make \
             sure that the disk is sound and has room, and start again: the start puts right what was half-done",
        ));
    }
    served
}

/// By what the service goes, as the trail tells it. Settings name files with secrets, and hold none themselves.
fn fingerprint(config: &Config) -> String {
    audit::fingerprint(&format!("{config:?}"), Some(&config.forms))
}

/// A failed write is not tried again: a second `fsync` can claim success for what the first one lost. The service stops,
/// and the next start decides by what is on disk.
async fn watch_for_failure(app: Arc<App>, stop: tokio::sync::watch::Sender<bool>) {
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        if app.has_failed() {
            say("letterlock: a write to the disk failed; stopping");
            let _ = stop.send(true);
            return;
        }
    }
}

/// Passkeys are bound to the address that browsers know: the one configured, or else this machine for itself.
fn set_site(app: &App, public_url: Option<&str>, listening: SocketAddr) {
    let here = listening.ip().is_loopback().then(|| format!("https://localhost:{}", listening.port()));
    let Some(origin) = public_url.map(str::to_owned).or(here) else {
        return say("letterlock: note: without public_url there are no passkeys, as they are bound to an address");
    };
    if let Err(e) = app.set_site(&origin) {
        say(&format!("letterlock: note: there are no passkeys at {origin}: {e}"));
    }
}

fn limits(config: &Config) -> http::Limits {
    let limits = &config.limits;
    http::Limits {
        header_seconds: limits.header_seconds,
        body_seconds: limits.body_seconds,
        body_bytes_per_second: limits.body_bytes_per_second,
        idle_seconds: limits.idle_seconds,
        max_age_seconds: limits.max_age_seconds,
        max_connections: usize::try_from(limits.max_connections).unwrap_or(usize::MAX),
        max_body_bytes: limits.max_body_bytes,
        max_upload_bytes: limits.max_upload_bytes,
        per_address_per_minute: limits.per_address_per_minute,
        per_form_per_minute: limits.per_form_per_minute,
        per_key_per_minute: limits.per_key_per_minute,
        per_key_upload_mib_per_hour: limits.per_key_upload_mib_per_hour,
        per_address_and_form_per_minute: limits.per_address_and_form_per_minute,
        upload_mib_per_hour: limits.upload_mib_per_hour,
        min_page_seconds: limits.min_page_seconds,
        busy_jobs: limits.busy_jobs,
        min_free_mib: limits.min_free_mib,
        auth_failures_per_minute: limits.auth_failures_per_minute,
        grace_seconds: limits.grace_seconds,
    }
}

/// What hashing a staff password costs, as configured.
fn password_cost(config: &Config) -> Result<Cost, CliError> {
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Cost::new(small(config.sign_in.memory_mib), small(config.sign_in.passes))
        .map_err(|e| CliError::refused(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_of_both_sides_agree() {
        assert_eq!(limits(&Config::default()), http::Limits::default());
    }
}
