//! Somebody at a browser: invited, enrolled, signed in; one request at a time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use letterlock::base::clock::{Clock, SystemClock};

use crate::Outcome;
use crate::client::{Connection, Trust, sign_in};
use crate::side::{Side, letterlock};

/// Everybody's, as a form encodes it.
pub(crate) const PASSWORD: &str = "purple+otter+eats+soap";

/// A browser and who sits there.
pub(crate) struct Person {
    pub(crate) login: String,
    runtime: tokio::runtime::Runtime,
    trust: Trust,
    target: std::net::SocketAddr,
    connection: Option<Connection>,
    cookies: BTreeMap<String, String>,
    /// Recovery codes that are left.
    codes: Vec<String>,
}

/// An answer, kept.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) text: String,
    /// Seconds until it may be tried again.
    pub(crate) wait: Option<u64>,
    pub(crate) took: Duration,
}

impl Person {
    /// Invites somebody and has them choose a password and set up codes; they are signed in then.
    pub(crate) fn enrol(side: &Side, login: &str, role: &str) -> Outcome<Self> {
        let invited = letterlock(side.folder()).args(["staff", "invite", login, "--role", role]).output()?;
        let said = String::from_utf8_lossy(&invited.stdout).into_owned() + &String::from_utf8_lossy(&invited.stderr);
        let link = said.split_whitespace().find_map(|word| word.split_once("/staff/welcome/"));
        let token = link.ok_or_else(|| format!("no invitation: {said}"))?.1.to_owned();
        let mut person = Self {
            login: login.to_owned(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            trust: Trust::read(&side.certificate)?,
            target: side.address,
            connection: None,
            cookies: BTreeMap::new(),
            codes: Vec::new(),
        };
        let chosen = format!("new-password={PASSWORD}&again={PASSWORD}");
        let page = person.post(&format!("/staff/welcome/{token}"), &chosen)?;
        let secret = between(&page.text, "code big\">", "<").ok_or("no secret on the page")?;
        let secret = data_encoding::BASE32_NOPAD.decode(secret.replace(' ', "").as_bytes())?;
        let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("x").build()?;
        let code = totp.generate(u64::try_from(SystemClock.now().as_millis())? / 1000).to_string();
        let page = person.post(&format!("/staff/welcome/{token}/code"), &format!("code={code}"))?;
        let list = between(&page.text, "class=\"recovery", "</ul>")
            .or_else(|| between(&page.text, "class=\"recovery", "</ol>"));
        let items = list.unwrap_or_default().split("<li>").skip(1);
        person.codes = items.filter_map(|item| Some(strip(item.split_once("</li>")?.0))).collect();
        match person.codes.len() {
            0 => Err(format!("no recovery codes on this page ({}): {}", page.status, page.text).into()),
            _ => Ok(person),
        }
    }

    /// The line of the head that says who it is.
    pub(crate) fn line(&self) -> String {
        format!("Cookie: {}", self.cookie())
    }

    /// The service listens elsewhere now.
    pub(crate) fn moved(&mut self, target: std::net::SocketAddr) {
        self.target = target;
        self.connection = None;
    }

    /// Forgets that it was ever here.
    pub(crate) fn forget(&mut self) {
        self.cookies.clear();
    }

    /// Signs in with the password and a recovery code; waits as often as told to. The time from the first try to the session, and how
    /// often one was told to wait.
    pub(crate) fn sign_in(&mut self) -> Outcome<(Duration, u32)> {
        // As one who comes anew: no session any more, the browser known or not.
        self.cookies.remove("__Host-staff");
        let begun = Instant::now();
        let mut waited = 0;
        loop {
            let request = sign_in(&self.login, PASSWORD, &self.cookie());
            match self.ask(&request)? {
                Page { status: 303, .. } => break,
                Page { status: 429 | 503, wait, .. } => {
                    waited += 1;
                    std::thread::sleep(Duration::from_secs(wait.unwrap_or(1)));
                }
                page => return Err(format!("{} was not let in: {} {}", self.login, page.status, page.text).into()),
            }
            if begun.elapsed() > Duration::from_secs(120) {
                return Err(format!("{} was not let in within two minutes", self.login).into());
            }
        }
        let code = self.codes.pop().ok_or("no recovery codes are left")?;
        let page = self.post("/staff/sign-in/code", &format!("code={code}"))?;
        if page.status != 303 {
            return Err(format!("the code of {} was answered {}: {}", self.login, page.status, page.text).into());
        }
        Ok((begun.elapsed(), waited))
    }

    /// A page.
    pub(crate) fn get(&mut self, path: &str) -> Outcome<Page> {
        let line = if self.cookies.is_empty() { String::new() } else { self.line() + "\r\n" };
        let page = self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{line}\r\n"))?;
        if page.status == 200 { Ok(page) } else { Err(format!("{path} was answered {}", page.status).into()) }
    }

    fn post(&mut self, path: &str, body: &str) -> Outcome<Page> {
        let line = if self.cookies.is_empty() { String::new() } else { self.line() + "\r\n" };
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n{line}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn cookie(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Sends a request, anew where the connection was closed meanwhile, and keeps the cookies that come.
    fn ask(&mut self, request: &str) -> Outcome<Page> {
        let begun = Instant::now();
        let (trust, target, connection) = (&self.trust, self.target, &mut self.connection);
        let (page, cookies) = self.runtime.block_on(async {
            for first in [true, false] {
                let mut open = match connection.take() {
                    Some(open) => open,
                    None => Connection::open(target, trust).await?,
                };
                match open.ask([request.as_bytes(), b""]).await {
                    Ok(answer) => {
                        let cookies: Vec<String> = answer.headers("set-cookie").map(str::to_owned).collect();
                        let page = Page {
                            status: answer.status,
                            text: String::from_utf8_lossy(answer.body).into_owned(),
                            wait: answer.headers("retry-after").next().and_then(|wait| wait.parse().ok()),
                            took: begun.elapsed(),
                        };
                        *connection = Some(open);
                        return Ok((page, cookies));
                    }
                    Err(error) if !first => return Err(error),
                    Err(_) => {}
                }
            }
            Err("unreachable: the second round returns".into())
        })?;
        for cookie in cookies {
            let pair = cookie.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(page)
    }
}

/// What stands between two texts.
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}

/// A text without its tags.
fn strip(html: &str) -> String {
    let pieces = html.split('<').enumerate();
    pieces.map(|(n, piece)| if n == 0 { piece } else { piece.split_once('>').map_or("", |(_, text)| text) }).collect()
}

/// What a program gets that calls the API with the side's token; without a body, by `GET`.
pub(crate) fn call(side: &Side, path: &str, body: Option<&serde_json::Value>) -> Outcome<serde_json::Value> {
    let body = body.map(ToString::to_string).unwrap_or_default();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        side.token,
        body.len()
    );
    let trust = Trust::read(&side.certificate)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(side.address, &trust).await?;
        let answer = connection.ask([head.as_bytes(), body.as_bytes()]).await?;
        if !matches!(answer.status, 200 | 201) {
            return Err(
                format!("{path} was answered {}: {}", answer.status, String::from_utf8_lossy(answer.body)).into()
            );
        }
        Ok(serde_json::from_slice(answer.body)?)
    })
}
