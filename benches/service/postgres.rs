//! What people would use instead: PostgreSQL with pgcrypto and a key for each person, loaded by its own pgbench over TLS.
//! A cluster of our own in a temporary folder, durable as it comes (`fsync` and `synchronous_commit` on), everything else
//! at its default.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use letterlock::base::clock::{Clock, SystemClock};
use letterlock::http::tls::make_self_signed;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Outcome;
use crate::args::Args;
use crate::client::submission_body;
use crate::report::{Report, Row};
use crate::rounds::median;

const CLIENTS: &str = "64";

/// How the key is stretched, by the options of `pgp_sym_encrypt`: as it comes, and as an expert would set it for a key that
/// is random anyway.
const STRETCHED: (&str, &str) = ("pgcrypto as it comes", "cipher-algo=aes256");
const PLAIN: (&str, &str) = ("pgcrypto without key stretching", "cipher-algo=aes256, s2k-mode=1");

const SCHEMA: &str = "
    CREATE EXTENSION IF NOT EXISTS pgcrypto;
    DROP TABLE IF EXISTS audit, submission, person;
    CREATE TABLE person (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, address text NOT NULL UNIQUE, key bytea NOT NULL);
    CREATE TABLE submission (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person bigint NOT NULL REFERENCES person ON DELETE CASCADE,
        form text NOT NULL, status text NOT NULL, received timestamptz NOT NULL, body bytea NOT NULL);
    CREATE TABLE audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, actor text NOT NULL,
        action text NOT NULL, submission bigint NOT NULL, purpose text NOT NULL);";

/// Intake and reads.
pub(crate) fn postgres(args: &Args, report: &mut Report) -> Outcome {
    let cluster = match Cluster::start(args)? {
        Ok(cluster) => cluster,
        Err(why) => {
            let row = |measure: &str, reach: &str| Row {
                measure: format!("{measure}, against PostgreSQL + pgcrypto"),
                value: "not run".to_owned(),
                against: why.clone(),
                ratio: None,
                reach: reach.to_owned(),
                met: None,
                figures: Value::Null,
            };
            report.add(row("intake of 1 KB", "≥ 4×"));
            report.add(row("audited reads of 1 KB", "≥ 2×"));
            return Ok(());
        }
    };
    let version = cluster.psql("SHOW server_version")?;
    let (intake, reads) = (report.letterlock_intake, report.letterlock_reads);
    for (how, options) in [STRETCHED, PLAIN] {
        cluster.psql(SCHEMA)?;
        // What is asked for is held against pgcrypto as it comes; the other row is for information.
        let asked = how == STRETCHED.0;
        let mut add = |measure: &str, ours: Option<f64>, theirs: Vec<f64>, least: f64| {
            let rate = median(theirs.iter().copied());
            let ratio = ours.map(|ours| ours / rate);
            report.add(Row {
                measure: format!("{measure}, against PostgreSQL + {how}"),
                value: ours.map_or("not measured in this run".to_owned(), |ours| format!("{ours:.0}/s")),
                against: format!("PostgreSQL {version} {rate:.0}/s"),
                ratio,
                reach: if asked { format!("≥ {least}×") } else { "for information".to_owned() },
                met: ratio.filter(|_| asked).map(|ratio| ratio >= least),
                figures: json!({ "letterlock_per_second": ours, "postgresql_per_second": theirs, "options": options }),
            });
        };
        add("intake of 1 KB, 64 clients", intake, cluster.bench(args, "intake", &intake_script(options))?, 4.0);
        let count: u64 = cluster.psql("SELECT max(id) FROM submission")?.parse()?;
        cluster.psql("VACUUM ANALYZE")?;
        add("audited reads of 1 KB, 64 clients", reads, cluster.bench(args, "reads", &reads_script(count))?, 2.0);
    }
    Ok(())
}

/// A new person with a key, and their submission: one statement, hence one transaction and one round trip.
fn intake_script(options: &str) -> String {
    let body = submission_body().replace('\'', "''");
    format!(
        "\\set n random(1, 1000000000000000)\n\
         WITH p AS (INSERT INTO person (address, key) VALUES ('p' || :n || '@example.org', gen_random_bytes(32)) \
         RETURNING id, key) \
         INSERT INTO submission (person, form, status, received, body) SELECT id, 'support-request', 'new', now(), \
         pgp_sym_encrypt('{body}', encode(key, 'hex'), '{options}') FROM p;\n"
    )
}

/// The audit row is durable before anything is decrypted.
fn reads_script(count: u64) -> String {
    format!(
        "\\set r random(1, {count})\n\
         INSERT INTO audit (at, actor, action, submission, purpose) VALUES (now(), 'bench', 'read', :r, 'support');\n\
         SELECT s.form, s.status, s.received, pgp_sym_decrypt(s.body, encode(p.key, 'hex')) \
         FROM submission s JOIN person p ON p.id = s.person WHERE s.id = :r;\n"
    )
}

/// A running cluster; stopped when dropped, its folder removed.
struct Cluster {
    bin: PathBuf,
    port: u16,
    server: Child,
    folder: TempDir,
}

impl Cluster {
    /// Makes and starts one; the inner error says why there is none.
    fn start(args: &Args) -> Outcome<Result<Self, String>> {
        let Some(bin) = binaries() else {
            return Ok(Err("PostgreSQL is not installed (Debian: apt-get install postgresql)".to_owned()));
        };
        let folder = args.folder("postgres")?;
        // PostgreSQL refuses to run as root, and so runs as the user that its package made.
        let user = match rustix::process::geteuid().is_root() {
            true => match postgres_user()? {
                Some(user) => Some(user),
                None => return Ok(Err("there is no user postgres to run it as".to_owned())),
            },
            false => None,
        };
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        let (certificate, key) = make_self_signed(&[], SystemClock.now())?;
        let (certificate_file, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        std::fs::write(&certificate_file, certificate)?;
        std::fs::write(&key_file, key.expose())?;
        std::fs::set_permissions(&key_file, Permissions::from_mode(0o600))?;
        for path in [&data, &certificate_file, &key_file] {
            chown(path, user.map(|user| user.0), user.map(|user| user.1))?;
        }
        let made = as_user(&bin.join("initdb"), user)
            .args(["--no-locale", "--encoding=UTF8", "--auth=trust", "--username=bench", "--pgdata"])
            .arg(&data)
            .current_dir(folder.path())
            .output()?;
        if !made.status.success() {
            let why = String::from_utf8_lossy(&made.stderr);
            return Ok(Err(format!("initdb failed: {}", why.lines().next_back().unwrap_or(""))));
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let setting = |name: &str, value: &str| ["-c".to_owned(), format!("{name}={value}")];
        let server = as_user(&bin.join("postgres"), user)
            .arg("-D")
            .arg(&data)
            .args(setting("port", &port.to_string()))
            .args(setting("listen_addresses", "127.0.0.1"))
            .args(setting("unix_socket_directories", ""))
            .args(setting("ssl", "on"))
            .args(setting("ssl_cert_file", &certificate_file.display().to_string()))
            .args(setting("ssl_key_file", &key_file.display().to_string()))
            .args(setting("fsync", "on"))
            .args(setting("synchronous_commit", "on"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log"))?)
            .spawn()?;
        let cluster = Self { bin, port, server, folder };
        let begun = Instant::now();
        while let Err(error) = cluster.psql("SELECT 1") {
            if begun.elapsed() > Duration::from_secs(30) {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(Ok(cluster))
    }

    /// Runs statements; returns what they print.
    fn psql(&self, sql: &str) -> Outcome<String> {
        let mut command = Command::new(self.bin.join("psql"));
        let output = self.connect(&mut command).args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        let output = output.arg("postgres").output()?;
        if !output.status.success() {
            return Err(format!("psql: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Transactions a second of a script, in each of some rounds.
    fn bench(&self, args: &Args, name: &str, script: &str) -> Outcome<Vec<f64>> {
        let file = self.folder.path().join(format!("{name}.sql"));
        std::fs::write(&file, script)?;
        let mut rates = Vec::new();
        for _ in 0..args.size(3, 1) {
            let mut command = Command::new(self.bin.join("pgbench"));
            let output = self
                .connect(&mut command)
                .args(["-n", "-M", "prepared", "-c", CLIENTS, "-j", "2", "-T", args.size("4", "1"), "-f"])
                .arg(&file)
                .arg("postgres")
                .output()?;
            let told = String::from_utf8_lossy(&output.stdout);
            let rate = told.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
            match rate {
                Some(rate) if output.status.success() => rates.push(rate),
                _ => return Err(format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)).into()),
            }
        }
        Ok(rates)
    }

    fn connect<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.current_dir(self.folder.path()).env("PGSSLMODE", "require").args([
            "-h",
            "127.0.0.1",
            "-U",
            "bench",
            "-p",
            &self.port.to_string(),
        ])
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The fast way to stop; whatever the outcome, the server is waited for so that its folder can go.
        if let Some(pid) = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::INT);
        }
        let _ = self.server.wait();
    }
}

/// The newest version that is there whole.
fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let whole =
        |bin: &PathBuf| ["initdb", "postgres", "psql", "pgbench"].iter().all(|program| bin.join(program).is_file());
    let mut found: Vec<PathBuf> = versions.filter_map(|e| Some(e.ok()?.path().join("bin"))).filter(whole).collect();
    found.sort_by_key(|bin| bin.ancestors().nth(1).and_then(Path::file_name)?.to_str()?.parse::<u32>().ok());
    found.pop()
}

/// User and group of `postgres`.
fn postgres_user() -> Outcome<Option<(u32, u32)>> {
    let users = std::fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find_map(|line| line.strip_prefix("postgres:"));
    let ids = line.and_then(|line| {
        let mut fields = line.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    Ok(ids)
}

fn as_user(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = user {
        // Setting the user also lets go of root's other groups.
        command.uid(user).gid(group);
    }
    command
}
