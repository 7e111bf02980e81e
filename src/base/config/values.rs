//! What can be configured, and what each value is when nobody says.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Listen, Proxies};

/// A complete configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the service listens.
    pub listen: Listen,
    /// The data folder.
    pub data: PathBuf,
    /// The key folder.
    pub keys: PathBuf,
    /// Storage region written into each record, for example `uk`.
    pub region: String,
    /// Folder of the form definitions, one TOML file each.
    pub forms: PathBuf,
    /// The languages that are offered, the first of which is spoken to whoever asks for none of them; empty for all there
    /// are.
    pub languages: Vec<String>,
    /// Folder of messages: a TOML file a language, over the shipped ones.
    pub messages: PathBuf,
    /// Folder of the files that forms unlock.
    pub resources: PathBuf,
    /// How long a link to such a file is good, in hours.
    pub resource_link_hours: u32,
    /// Days after which what waits for an answer is overdue. Default 7.
    pub overdue_days: u32,
    /// Country of telephone numbers without a calling code, for forms that name none: two capital letters.
    pub country: Option<String>,
    /// Teams of staff: names, with the logins of their members.
    pub teams: Vec<(String, Vec<String>)>,
    /// Roles of one's own: names, with the names of their actions.
    pub roles: Vec<(String, Vec<String>)>,
    /// Safeguards for reading across regions: kept where, read from where, in words.
    pub safeguards: Vec<(String, String, String)>,
    /// Work on a file system on which overwriting in place is not known to destroy.
    pub accept_unsafe_fs: bool,
    /// Memory for the store's page cache, in MiB.
    pub cache_mib: u64,
    /// How the log is written.
    pub log: LogFormat,
    /// The proxies whose word about a client's address is taken.
    pub proxies: Proxies,
    /// The TLS certificate.
    pub tls: Tls,
    /// The recovery slot.
    pub recovery: Recovery,
    /// What a staff password costs to hash.
    pub sign_in: SignIn,
    /// Sign-in of staff through a provider of OpenID Connect.
    pub oidc: Oidc,
    /// Where the service is reached from outside, for links in mails: `https://…`, without a path.
    pub public_url: Option<String>,
    /// Who runs the service.
    pub operator: Operator,
    /// Folder of pages of one's own about privacy, cookies and accessibility.
    pub pages: PathBuf,
    /// The mail server.
    pub mail: Mail,
    /// The virus scanner.
    pub scanner: Scanner,
    /// Where heads of the audit trail are kept beside the vault.
    pub audit: Audit,
    /// What counts as unusual reading.
    pub reading: Reading,
    /// Previews of files.
    pub preview: Preview,
    /// What clients may use up.
    pub limits: Limits,
}

/// Previews of files, each made in a process that is locked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Whether there are any.
    pub on: bool,
    /// Seconds that one may take: 1 to 120.
    pub seconds: u64,
    /// Memory that one may take, in MiB: 256 to 8,192.
    pub memory_mib: u64,
    /// Pages that are shown of one file: 1 to 100.
    pub pages: u32,
    /// Previews that are made at a time: 1 to 32.
    pub at_once: u32,
}

impl Default for Preview {
    fn default() -> Self {
        Self { on: true, seconds: 10, memory_mib: 768, pages: 20, at_once: 2 }
    }
}

/// What a staff password costs to hash: whoever guesses pays it for each guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Memory, in MiB: 19 to 4,096.
    pub memory_mib: u64,
    /// Passes over it: 2 to 64.
    pub passes: u64,
}

/// Sign-in of staff through a provider of OpenID Connect; without `issuer` there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    /// The provider, as it calls itself: `https://…`.
    pub issuer: Option<String>,
    /// What we are called there.
    pub client_id: Option<String>,
    /// File that holds our secret there, and nothing else; without one we are a public client.
    pub client_secret_file: Option<PathBuf>,
    /// A root certificate beside those of the system, PEM.
    pub root_certificate: Option<PathBuf>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim of the ID token that roles are read from.
    pub roles_claim: String,
    /// Values of that claim, with the names of the roles that each gives.
    pub roles: Vec<(String, Vec<String>)>,
    /// What the provider is called on the page.
    pub label: String,
    /// Whether people with a password of ours may sign in as well.
    pub password_sign_in: bool,
}

/// Who runs the service, for the pages that say so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operator {
    /// Name of the organisation.
    pub name: Option<String>,
    /// Postal address, line by line.
    pub address: Vec<String>,
    /// Address for mails about data.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// The data protection officer, in words.
    pub officer: Option<String>,
    /// The supervisory authority, in words.
    pub authority: Option<String>,
}

/// The mail server; without `server` no mail is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// Its name.
    pub server: Option<String>,
    /// Its port; `None` for the usual one.
    pub port: Option<u16>,
    /// How the connection is kept private.
    pub security: MailSecurity,
    /// Whom mails come from: an address, or `Name <address>`.
    pub from: Option<String>,
    /// Login at the server.
    pub login: Option<String>,
    /// File that holds the password, and nothing else.
    pub password_file: Option<PathBuf>,
    /// A root certificate beside those of the system, PEM.
    pub root_certificate: Option<PathBuf>,
    /// Folder of templates that replace the shipped ones.
    pub templates: Option<PathBuf>,
    /// Whom the mails are from, in words.
    pub name: Option<String>,
}

/// The virus scanner, a clamd on this machine; with neither socket nor address, files are not scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanner {
    /// Its Unix socket.
    pub socket: Option<PathBuf>,
    /// Or its address, a loopback one: what goes there is not encrypted.
    pub address: Option<SocketAddr>,
    /// Seconds that one file may wait for it in all.
    pub seconds: u64,
}

/// What counts as unusual reading, and needs a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Submissions opened in ten minutes beyond this; 0 lifts the limit.
    pub most: u32,
    /// So many times one's own usual day; 0 lifts the limit.
    pub times: u32,
}

impl Default for Reading {
    fn default() -> Self {
        Self { most: 50, times: 3 }
    }
}

/// Where heads of the audit trail are kept beside the vault, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// A file that they are appended to.
    pub heads_file: Option<PathBuf>,
    /// A syslog that they are sent to.
    pub heads_syslog: Option<HeadsSyslog>,
    /// A mailbox that they are sent to.
    pub heads_mail: Option<String>,
    /// How often, in minutes: 1 to 10,080.
    pub heads_minutes: u64,
}

/// A syslog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadsSyslog {
    /// That of this machine, at its usual socket.
    Local,
    /// A Unix socket.
    Socket(PathBuf),
    /// A server, by UDP.
    Udp(SocketAddr),
}

/// How the connection to the mail server is kept private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MailSecurity {
    /// STARTTLS.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None: for a server on this machine.
    None,
}

/// How the log is written to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line an event.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where the TLS certificate comes from: both files, or neither for one made by Letterlock itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificate chain, PEM.
    pub certificate: Option<PathBuf>,
    /// Private key, PEM.
    pub key: Option<PathBuf>,
}

/// Where the recovery slot lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Its folder; `None` for `recovery/` in the key folder.
    pub folder: Option<PathBuf>,
}

/// What clients may use up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests a minute from one address (IPv6: one /64); 0 lifts the limit.
    pub per_address_per_minute: u32,
    /// Submissions a minute to one form; 0 lifts the limit.
    pub per_form_per_minute: u32,
    /// Submissions a minute by one server's key; 0 lifts the limit.
    pub per_key_per_minute: u32,
    /// MiB of files an hour by one server's key; 0 lifts the limit.
    pub per_key_upload_mib_per_hour: u32,
    /// Submissions a minute to one form from one address; 0 lifts the limit.
    pub per_address_and_form_per_minute: u32,
    /// MiB of files an hour from one address; 0 lifts the limit.
    pub upload_mib_per_hour: u32,
    /// Seconds that a form page has to have been open before it is sent; 0 lifts the limit.
    pub min_page_seconds: u32,
    /// Requests waiting for the disk at which submissions are put off; 0 lifts the limit.
    pub busy_jobs: u32,
    /// Free space on the data disk below which submissions are put off, in MiB; 0 lifts the limit.
    pub min_free_mib: u64,
    /// Failed sign-ins a minute from one address; 0 lifts the limit.
    pub auth_failures_per_minute: u32,
    /// Seconds within which the head of a request must have arrived.
    pub header_seconds: u64,
    /// Seconds within which the body of a request must have arrived.
    pub body_seconds: u64,
    /// Slowest body accepted, in bytes a second on average; 0 lifts the limit.
    pub body_bytes_per_second: u64,
    /// Seconds without progress after which a connection is cut.
    pub idle_seconds: u64,
    /// Age in seconds at which a connection is closed once nothing is in flight on it.
    pub max_age_seconds: u64,
    /// Connections open at the same time.
    pub max_connections: u32,
    /// Bytes of a request body without files.
    pub max_body_bytes: u64,
    /// Bytes of a request body with files.
    pub max_upload_bytes: u64,
    /// Seconds that requests under way get to finish when the service stops.
    pub grace_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            data: PathBuf::from("data"),
            keys: PathBuf::from("keys"),
            region: "uk".to_owned(),
            forms: PathBuf::from("forms"),
            languages: Vec::new(),
            messages: PathBuf::from("messages"),
            resources: PathBuf::from("resources"),
            resource_link_hours: 24,
            overdue_days: 7,
            country: None,
            teams: Vec::new(),
            roles: Vec::new(),
            safeguards: Vec::new(),
            accept_unsafe_fs: false,
            cache_mib: 128,
            log: LogFormat::Text,
            proxies: Proxies::default(),
            tls: Tls::default(),
            recovery: Recovery::default(),
            sign_in: SignIn { memory_mib: 64, passes: 3 },
            oidc: Oidc::default(),
            public_url: None,
            operator: Operator::default(),
            pages: PathBuf::from("pages"),
            mail: Mail::default(),
            scanner: Scanner::default(),
            audit: Audit { heads_file: None, heads_syslog: None, heads_mail: None, heads_minutes: 60 },
            reading: Reading::default(),
            preview: Preview::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: None,
            client_id: None,
            client_secret_file: None,
            root_certificate: None,
            scopes: vec!["profile".to_owned()],
            roles_claim: "groups".to_owned(),
            roles: Vec::new(),
            label: "your organisation".to_owned(),
            password_sign_in: true,
        }
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self { socket: None, address: None, seconds: 30 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_address_per_minute: 300,
            per_form_per_minute: 120,
            per_key_per_minute: 600,
            per_key_upload_mib_per_hour: 4_096,
            per_address_and_form_per_minute: 20,
            upload_mib_per_hour: 512,
            min_page_seconds: 2,
            busy_jobs: 768,
            min_free_mib: 256,
            auth_failures_per_minute: 20,
            header_seconds: 10,
            body_seconds: 300,
            body_bytes_per_second: 1_024,
            idle_seconds: 30,
            max_age_seconds: 900,
            max_connections: 1_024,
            max_body_bytes: 256 << 10,
            max_upload_bytes: 25 << 20,
            grace_seconds: 20,
        }
    }
}

impl Limits {
    /// The keys of limits that are lifted, to be said at start.
    pub fn lifted(&self) -> Vec<&'static str> {
        let each = [
            (self.per_address_per_minute, "limits.per_address_per_minute"),
            (self.per_form_per_minute, "limits.per_form_per_minute"),
            (self.per_key_per_minute, "limits.per_key_per_minute"),
            (self.per_key_upload_mib_per_hour, "limits.per_key_upload_mib_per_hour"),
            (self.per_address_and_form_per_minute, "limits.per_address_and_form_per_minute"),
            (self.upload_mib_per_hour, "limits.upload_mib_per_hour"),
            (self.auth_failures_per_minute, "limits.auth_failures_per_minute"),
        ];
        each.into_iter().filter(|(value, _)| *value == 0).map(|(_, name)| name).collect()
    }
}
