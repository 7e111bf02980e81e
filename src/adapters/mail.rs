//! Mail over SMTP (RFC 5321), by lettre: encrypted from the first byte, or by STARTTLS before anything else is said. Without
//! encryption only to a mail server on this machine.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::{ClientId, MailParameter};
use lettre::transport::smtp::{Error as SmtpError, commands};
use lettre::{Address, Message};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::base::sensitive::SensitiveString;
use crate::domain::subject::EmailAddress;

/// How long each step of a delivery may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Characters of a link in a header: a line of a mail has 998 (RFC 5322).
const LONGEST_LINK: usize = 900;

/// A mail in words.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The address.
    pub to: SensitiveString,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: SensitiveString,
    /// The same as HTML.
    pub html: SensitiveString,
    /// A name of its own, the same for each try, so that a mail that came twice is known for it. Letters and digits.
    pub id: Option<String>,
    /// The link that ends what it is sent under by one post (RFC 8058).
    pub unsubscribe: Option<SensitiveString>,
}

/// Why a mail was not taken. The reasons name no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another try may succeed.
    #[error("{0}")]
    Later(String),
    /// The server itself is out of reach, or does not let us in: no mail gets through just now.
    #[error("{0}")]
    NotNow(String),
    /// The server says that it never takes a mail for this address.
    #[error("{0}")]
    Never(String),
}

/// Whatever takes mails: the mail server, or a test's own.
pub trait Carrier: Send + Sync {
    /// Hands a mail over. When this returns, the server has taken it.
    fn carry<'a>(&'a self, mail: &'a Outgoing) -> Carrying<'a>;

    /// As [`Carrier::carry`], if `still` says so as late as can be: then `true`. A mail server is told of the mail before, but
    /// not what it says.
    fn carry_if<'a>(&'a self, mail: &'a Outgoing, still: &'a Still<'a>) -> CarryingIf<'a> {
        Box::pin(async move { if still() { self.carry(mail).await.map(|()| true) } else { Ok(false) } })
    }
}

/// Says whether a mail is still to be sent.
pub type Still<'a> = dyn Fn() -> bool + Send + Sync + 'a;

/// A mail being handed over, or left.
pub type CarryingIf<'a> = Pin<Box<dyn Future<Output = Result<bool, Refused>> + Send + 'a>>;

/// A mail being handed over.
pub type Carrying<'a> = Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + 'a>>;

/// How the connection to the server is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// STARTTLS, and nothing else before it (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// None: for a server on this machine only.
    None,
}

/// How to reach the server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name.
    pub server: String,
    /// Its port; `None` for 587 with STARTTLS, 465 with TLS, 25 without.
    pub port: Option<u16>,
    /// How the connection is kept private.
    pub security: Security,
    /// Login and password, when the server wants them.
    pub login: Option<(String, SensitiveString)>,
    /// Whom mails come from: an address, or `Name <address>`.
    pub from: String,
    /// A root certificate beside those of the system, PEM: for a server with a certificate of one's own.
    pub root: Option<Vec<u8>>,
}

/// A mail server.
pub struct Smtp {
    server: String,
    port: u16,
    tls: Protection,
    credentials: Option<Credentials>,
    from: Mailbox,
}

enum Protection {
    StartTls(TlsParameters),
    Wrapped(TlsParameters),
    None,
}

impl Smtp {
    /// Prepares the connection; nothing is sent yet.
    ///
    /// # Errors
    /// In words, for whoever wrote the configuration.
    pub fn new(settings: &Settings) -> Result<Self, String> {
        let from: Mailbox =
            settings.from.parse().map_err(|_| "mail.from: expected an address, or Name <address>".to_owned())?;
        // With the domain in ASCII, as those that mail goes to. An address of this machine may have no domain that is one.
        let ascii = EmailAddress::for_sending(from.email.as_ref()).ok().and_then(|a| a.expose().parse().ok());
        let from = Mailbox { email: ascii.unwrap_or(from.email), name: from.name };
        let local = matches!(settings.server.as_str(), "localhost" | "127.0.0.1" | "::1");
        let (tls, port) = match settings.security {
            Security::StartTls => (Protection::StartTls(parameters(settings)?), 587),
            Security::Tls => (Protection::Wrapped(parameters(settings)?), 465),
            Security::None if local => (Protection::None, 25),
            Security::None => {
                return Err("mail.security = \"none\" is for a mail server on this machine only (localhost)".to_owned());
            }
        };
        let login = settings.login.as_ref();
        Ok(Self {
            server: settings.server.clone(),
            port: settings.port.unwrap_or(port),
            tls,
            credentials: login.map(|(login, password)| Credentials::new(login.clone(), password.expose().to_owned())),
            from,
        })
    }

    /// A connection that is encrypted and let in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let (hello, at) = (ClientId::default(), (self.server.as_str(), self.port));
        let wrapped = match &self.tls {
            Protection::Wrapped(parameters) => Some(parameters.clone()),
            Protection::StartTls(_) | Protection::None => None,
        };
        let mut connection = AsyncSmtpConnection::connect_tokio1(at, Some(PATIENCE), &hello, wrapped, None).await?;
        if let Protection::StartTls(parameters) = &self.tls {
            connection.starttls(parameters.clone(), &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    /// Says who writes to whom, asks once more, and only then hands the content over.
    async fn hand_over(
        connection: &mut AsyncSmtpConnection,
        message: &Message,
        still: &Still<'_>,
    ) -> Result<bool, SmtpError> {
        let envelope = message.envelope();
        let mut options = Vec::new();
        let plain = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        if !envelope.from().into_iter().chain(envelope.to()).all(plain) {
            // RFC 6531; a server that does not know it refuses the address.
            options.push(MailParameter::SmtpUtfEight);
        }
        connection.command(commands::Mail::new(envelope.from().cloned(), options)).await?;
        for to in envelope.to() {
            connection.command(commands::Rcpt::new(to.clone(), Vec::new())).await?;
        }
        if !still() {
            return Ok(false);
        }
        connection.command(commands::Data).await?;
        connection.message(&message.formatted()).await?;
        Ok(true)
    }
}

fn parameters(settings: &Settings) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(settings.server.clone());
    if let Some(root) = &settings.root {
        let unusable = || "mail.root_certificate: not a certificate in PEM".to_owned();
        // lettre takes a file without any certificate for one.
        CertificateDer::from_pem_slice(root).map_err(|_| unusable())?;
        let root = Certificate::from_pem(root).map_err(|_| unusable())?;
        builder = builder.add_root_certificate(root);
    }
    builder.build().map_err(|error| format!("mail: {error}"))
}

impl Carrier for Smtp {
    fn carry<'a>(&'a self, mail: &'a Outgoing) -> Carrying<'a> {
        Box::pin(async move { self.carry_if(mail, &|| true).await.map(drop) })
    }

    fn carry_if<'a>(&'a self, mail: &'a Outgoing, still: &'a Still<'a>) -> CarryingIf<'a> {
        Box::pin(async move {
            let message = compose(&self.from, mail)?;
            // What servers say may repeat the address, so only the code is told.
            let mut connection = self.connect().await.map_err(|error| refusal(&error))?;
            let done = Self::hand_over(&mut connection, &message, still).await;
            // Taken is taken, whatever becomes of the farewell; a mail that was only begun is dropped by it (RFC 5321, 4.1.1.10).
            connection.abort().await;
            done.map_err(|error| refusal(&error))
        })
    }
}

/// A refusal for good is only one of the address (RFC 5321, 4.2.3). A wrong password or a sender who is not allowed is about us,
/// and no mail may be lost for it.
fn refusal(error: &SmtpError) -> Refused {
    let number = error.status().map(|code| code.to_string());
    match number.as_deref() {
        Some("550" | "551" | "553") => Refused::Never(format!("the mail server refuses it ({})", code(error))),
        Some("530" | "534" | "535" | "538" | "454") => {
            Refused::NotNow(format!("the mail server does not let us in ({})", code(error)))
        }
        Some(_) => Refused::Later(format!("the mail server wants it later ({})", code(error))),
        // Said before anything is sent: the server lacks SMTPUTF8, which a local part beyond ASCII needs.
        None if error.is_client() => Refused::Never("the mail server does not take such an address".to_owned()),
        None if error.is_tls() => Refused::NotNow("no encrypted connection to the mail server".to_owned()),
        None => Refused::NotNow("the mail server cannot be reached".to_owned()),
    }
}

fn code(error: &SmtpError) -> String {
    error.status().map_or_else(|| "no code".to_owned(), |code| code.to_string())
}

/// The message as it goes out, for tests and fuzzing: the address that it goes to, and its bytes.
///
/// # Errors
/// As the carrier's own.
pub fn formatted(from: &str, mail: &Outgoing) -> Result<(SensitiveString, Vec<u8>), Refused> {
    let from = from.parse().map_err(|_| Refused::Never("no sender".to_owned()))?;
    let message = compose(&from, mail)?;
    let to = message.envelope().to().first().map_or("", |to| AsRef::<str>::as_ref(to));
    Ok((to.into(), message.formatted()))
}

/// The message as it goes out. Nothing in an address, subject or link can begin another header: the addresses are parsed,
/// the subject is encoded, and the link is of few characters.
fn compose(from: &Mailbox, mail: &Outgoing) -> Result<Message, Refused> {
    let never = |what: &str| Refused::Never(format!("{what} cannot be used in a mail"));
    let to = EmailAddress::for_sending(mail.to.expose()).map_err(|_| never("the address"))?;
    let to: Address = to.expose().parse().map_err(|_| never("the address"))?;
    let id = match mail.id.as_deref() {
        Some(id) if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric()) => return Err(never("its name")),
        id => id.map(|id| format!("<{id}@{}>", from.email.domain())),
    };
    let mut builder = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(one_line(&mail.subject))
        .message_id(id)
        .header(AutoSubmitted);
    if let Some(link) = &mail.unsubscribe {
        let link = link.expose();
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/[]".contains(&b);
        if !link.starts_with("https://") || link.len() > LONGEST_LINK || !link.bytes().all(fits) {
            return Err(never("its link"));
        }
        builder = builder.header(Unsubscribe(format!("<{link}>"))).header(UnsubscribePost);
    }
    builder
        .multipart(MultiPart::alternative_plain_html(mail.text.expose().to_owned(), mail.html.expose().to_owned()))
        .map_err(|_| never("its content"))
}

/// A header whose value is written as it is: lettre would encode what is long.
macro_rules! plain_header {
    ($(#[$doc:meta])* $type:ident, $name:literal, $this:ident => $value:expr) => {
        $(#[$doc])*
        impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($name)
            }

            fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Err("written only".into())
            }

            fn display(&self) -> HeaderValue {
                let $this = self;
                let value: String = $value;
                HeaderValue::dangerous_new_pre_encoded(Self::name(), value.clone(), value)
            }
        }
    };
}

/// So that no out-of-office answer comes back (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;
plain_header!(AutoSubmitted, "Auto-Submitted", _this => "auto-generated".to_owned());

/// Where to post (RFC 2369, RFC 8058).
#[derive(Clone)]
struct Unsubscribe(String);
plain_header!(Unsubscribe, "List-Unsubscribe", this => this.0.clone());

/// That a post alone does it (RFC 8058).
#[derive(Clone)]
struct UnsubscribePost;
plain_header!(UnsubscribePost, "List-Unsubscribe-Post", _this => "List-Unsubscribe=One-Click".to_owned());

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(server: &str, security: Security) -> Settings {
        let from = "Example <office@example.org>".to_owned();
        Settings { server: server.to_owned(), port: None, security, login: None, from, root: None }
    }

    #[test]
    fn without_encryption_only_to_this_machine() {
        assert!(Smtp::new(&settings("localhost", Security::None)).is_ok());
        let refused = Smtp::new(&settings("mail.example.org", Security::None)).err().unwrap();
        assert!(refused.contains("on this machine only"), "{refused}");
        assert!(Smtp::new(&Settings { from: "nobody".into(), ..settings("localhost", Security::None) }).is_err());
        let broken = Settings { root: Some(b"x".to_vec()), ..settings("mail.example.org", Security::Tls) };
        assert!(Smtp::new(&broken).is_err());
    }

    #[test]
    fn nothing_that_was_typed_begins_a_header() {
        let from: Mailbox = "office@example.org".parse().unwrap();
        let mail = |to: &str, subject: &str| Outgoing {
            to: to.into(),
            subject: subject.to_owned(),
            text: "Hello\r\n.\r\nBcc: everybody@example.org".into(),
            html: "<p>Hello</p>".into(),
            id: None,
            unsubscribe: None,
        };
        for bad in
            ["a@example.org\r\nBcc: b@example.org", "a@example.org, b@example.org", "a@example.org>", "", "nobody"]
        {
            assert!(matches!(compose(&from, &mail(bad, "Hi")), Err(Refused::Never(_))), "{bad:?}");
        }
        let sent = compose(&from, &mail("a@example.org", "Hi\r\nBcc: b@example.org\u{85}Cc: c")).unwrap();
        let text = String::from_utf8(sent.formatted()).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> =
            head.lines().filter(|l| !l.starts_with(' ')).filter_map(|l| l.split_once(':')).map(|(n, _)| n).collect();
        assert_eq!(names.iter().filter(|name| matches!(**name, "Bcc" | "Cc")).count(), 0, "{head}");
        assert_eq!(sent.envelope().to().len(), 1);
    }

    #[test]
    fn a_name_or_link_that_could_begin_a_header_sends_nothing() {
        let from: Mailbox = "office@example.org".parse().unwrap();
        let mail = |id: Option<&str>, link: Option<&str>| Outgoing {
            to: "a@example.org".into(),
            subject: "Hi".to_owned(),
            text: "Hello".into(),
            html: "<p>Hello</p>".into(),
            id: id.map(str::to_owned),
            unsubscribe: link.map(Into::into),
        };
        let good = "https://vault.example/f/newsletter/unsubscribe/abc-_";
        assert!(compose(&from, &mail(Some("abc123"), Some(good))).is_ok());
        for bad in ["", "a\r\nBcc: b@example.org", "a b", "a>", "a@b"] {
            assert!(matches!(compose(&from, &mail(Some(bad), None)), Err(Refused::Never(_))), "{bad:?}");
        }
        for bad in [
            "",
            "http://vault.example/",
            "mailto:a@example.org",
            "https://a>, <https://b",
            "https://a\r\nX: y",
            "https://a b",
        ] {
            assert!(matches!(compose(&from, &mail(None, Some(bad))), Err(Refused::Never(_))), "{bad:?}");
        }
        let long = format!("{good}{}", "x".repeat(LONGEST_LINK));
        assert!(compose(&from, &mail(None, Some(&long))).is_err());
    }
}
