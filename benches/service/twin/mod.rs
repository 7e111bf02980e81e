//! The plaintext twin: the same service without sealing, key tree and audit trail. What a careful author would have
//! written who trusts the disk: everything else, durability above all, is as in Letterlock.
//!
//! The same: sockets, TLS, limits, headers, log and parsing (the library's own, by `letterlock::http::around`); forms and
//! their validation; policy; idempotency; one committer thread that makes everything waiting durable in one batch; the
//! store; files written piece by piece and synced; the hops between threads; what words are and how texts are compared. Different: what is
//! written is in clear, a reading leaves no trace, and a search is a plain scan, on one thread.

mod committer;
mod handlers;
mod intake;
mod lists;
mod reads;
mod search;

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use letterlock::base::clock::SystemClock;
use letterlock::base::entropy::SystemEntropy;
use letterlock::base::ids::{Handle, RecordId, StaffId};
use letterlock::domain::form::FormSet;
use letterlock::http::{self, Certificate, HttpConfig, Limits};
use letterlock::policy::{Actor, Role, Scope};
use letterlock::store::SledEngine;
use ring::digest;
use tokio::sync::mpsc;

use crate::Outcome;
use committer::Job;

/// The same cache as a Letterlock that nobody configured.
const CACHE_BYTES: u64 = 128 << 20;

/// What all handlers share.
pub(crate) struct Twin {
    forms: FormSet,
    limits: Limits,
    engine: Arc<SledEngine>,
    jobs: mpsc::Sender<Job>,
    requests: Mutex<HashMap<[u8; 32], Seen>>,
    tokens: HashMap<[u8; 32], Actor>,
    files: PathBuf,
    clock: SystemClock,
    entropy: Arc<SystemEntropy>,
}

/// What became of a request with an idempotency key.
#[derive(Clone, Copy)]
enum Seen {
    Running,
    Done { body: [u8; 32], record: RecordId },
}

/// Serves from `folder` until killed. Says its address on standard output, and writes its certificate to `cert.pem`.
pub(crate) fn run(folder: &Path, token: &str) -> Outcome {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // As `letterlock serve` sets its log up.
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new("warn,letterlock=info"))
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false)
        .init();
    let (chain, key) = http::tls::make_self_signed(&[], letterlock::base::clock::Clock::now(&SystemClock))?;
    std::fs::write(folder.join("cert.pem"), &chain)?;
    let mut config = HttpConfig::new(Certificate::Pem { chain, key });
    config.listen = ([127, 0, 0, 1], 0).into();
    config.limits = Limits { per_address_per_minute: 0, per_form_per_minute: 0, ..Limits::default() };
    config.on_listening = Some(Box::new(|address| {
        let mut out = std::io::stdout();
        // The one who started us waits for this line; without it they give up.
        let _ = writeln!(out, "{address}").and_then(|()| out.flush());
    }));
    let limits = config.limits.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let twin = Arc::new(open(folder, token, limits)?);
    let entropy = Arc::clone(&twin.entropy);
    let routes = handlers::routes(twin);
    runtime.block_on(http::around::serve(config, entropy, routes, std::future::pending()))?;
    Ok(())
}

fn open(folder: &Path, token: &str, limits: Limits) -> Outcome<Twin> {
    let files = folder.join("files");
    std::fs::create_dir_all(&files)?;
    let engine = Arc::new(SledEngine::open(&folder.join("store"), CACHE_BYTES)?.engine);
    let jobs = committer::start(Arc::clone(&engine))?;
    let reader = Actor::Staff {
        id: StaffId::from_bytes([7; Handle::LEN]),
        login: "bench".parse()?,
        roles: vec![Role::Hr, Role::Support],
        scope: Scope::default(),
    };
    Ok(Twin {
        forms: FormSet::default(),
        limits,
        engine,
        jobs,
        requests: Mutex::default(),
        tokens: HashMap::from([(sha256(&[token.as_bytes()]), reader)]),
        files,
        clock: SystemClock,
        entropy: Arc::new(SystemEntropy::new()),
    })
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}
