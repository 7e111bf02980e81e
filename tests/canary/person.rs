//! People whose every text is a canary, and all that happens to what they send.

use std::time::Duration;

use data_encoding::HEXLOWER;
use letterlock::base::entropy::{SystemEntropy, random};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Client, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::scan::Needle;
use crate::service::{MAX_UPLOAD, Service, client, slow_client};

const APPLY: &str = "/api/v1/forms/job-application/submissions";
const ASK: &str = "/api/v1/forms/support-request/submissions";

/// Bearer tokens of three members of staff.
pub(crate) struct Staff {
    pub(crate) hr: String,
    pub(crate) support: String,
    pub(crate) privacy: String,
}

impl Staff {
    pub(crate) fn of(service: &Service) -> Self {
        Self {
            hr: service.token("reader", "hr"),
            support: service.token("helper", "support"),
            privacy: service.token("officer", "privacy"),
        }
    }

    pub(crate) fn needles(&self) -> Vec<Needle> {
        let tokens =
            [("token of hr", &self.hr), ("token of support", &self.support), ("token of privacy", &self.privacy)];
        tokens.map(|(what, token)| Needle::new(what, token.rsplit('_').next().unwrap())).to_vec()
    }
}

/// Somebody, with words that occur nowhere else.
pub(crate) struct Person {
    name: String,
    /// As it was typed; its canonical form is in lower case.
    address: String,
    phone: String,
    letter: String,
    subject: String,
    message: String,
    pub(crate) cv: Vec<u8>,
    cv_name: String,
    once: String,
    receipts: Vec<String>,
    words: Vec<(&'static str, String)>,
}

impl Person {
    /// A person with a CV of about `cv` bytes.
    pub(crate) fn new(cv: usize) -> Self {
        let [name, domain, letter, subject, message, file, once] = std::array::from_fn(|_| word());
        // Twelve digits, the first of which is no 0, as E.164 has it.
        let number = 100_000_000_000 + u64::from_str_radix(&word()[..14], 16).unwrap() % 900_000_000_000;
        let text = |word: &str| format!("{word} is what I have to say about it, and more. ").repeat(150);
        Self {
            name: format!("Zoë Quill{name}"),
            address: format!("Zoe.{name}@Mail{domain}.Example"),
            phone: format!("+{number:012}"),
            letter: text(&letter),
            subject: format!("About {subject}"),
            message: text(&message),
            cv: pdf(cv, &file),
            cv_name: format!("Zoë's CV {file}.pdf"),
            once: format!("once-{once}"),
            receipts: Vec::new(),
            words: vec![
                ("name", format!("Quill{name}")),
                ("address, canonical", format!("zoe.{name}@mail{domain}.example")),
                ("address, as typed", format!("Zoe.{name}@Mail{domain}.Example")),
                ("telephone number", format!("{number:012}")),
                ("letter", letter),
                ("subject", subject),
                ("message", message),
                ("file", file),
                ("idempotency key", once),
            ],
        }
    }

    /// What must not be found of them.
    pub(crate) fn needles(&self, whose: &str) -> Vec<Needle> {
        let words = self.words.iter().map(|(what, word)| (*what, word.clone()));
        let codes = self.receipts.iter().flat_map(|code| [code.clone(), code.replace('-', "")]);
        let all = words.chain(codes.map(|code| ("receipt code", code)));
        all.map(|(what, word)| Needle::new(format!("{whose}'s {what}"), word)).collect()
    }

    fn application(&self, cv: Part, address: &str) -> Form {
        Form::new()
            .text("name", self.name.clone())
            .text("email", address.to_owned())
            .text("phone", self.phone.clone())
            .text("vacancy", "speculative")
            .text("letter", self.letter.clone())
            .text("talent-pool", "true")
            .part("cv", cv)
    }

    fn whole_cv(&self) -> Part {
        Part::bytes(self.cv.clone()).file_name(self.cv_name.clone())
    }

    /// Applies with the CV; returns the submission's id.
    pub(crate) async fn apply(&mut self, service: &Service, client: &Client) -> String {
        let form = self.application(self.whole_cv(), &self.address);
        let request = client.post(format!("{}{APPLY}", service.url)).header("idempotency-key", &self.once);
        let answer = document(request.multipart(form).send().await.unwrap(), 201).await;
        self.acknowledged(&answer)
    }

    /// Asks for support in JSON; returns the submission's id.
    pub(crate) async fn ask(&mut self, service: &Service, client: &Client) -> String {
        let fields = json!({
            "name": self.name, "email": self.address, "subject-line": self.subject, "message": self.message,
        });
        let request = client.post(format!("{}{ASK}", service.url)).json(&json!({ "fields": fields }));
        let answer = document(request.send().await.unwrap(), 201).await;
        self.acknowledged(&answer)
    }

    fn acknowledged(&mut self, answer: &Value) -> String {
        let receipt = answer["receipt"].as_str().unwrap().to_owned();
        if !self.receipts.contains(&receipt) {
            self.receipts.push(receipt);
        }
        answer["submission"].as_str().unwrap().to_owned()
    }

    /// Asks for support as a page does, and makes every mistake that is answered with what was typed.
    async fn fill_in_pages(&mut self, service: &Service, client: &Client) {
        let page = format!("{}/f/support-request", service.url);
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let post = |fields: &[(&str, &str)]| client.post(&page).header(kind.0, kind.1).body(urlencoded(fields)).send();
        let named = [("name", self.name.as_str()), ("email", self.address.as_str())];
        let said = [("subject-line", self.subject.as_str()), ("message", self.message.as_str())];
        let receipt = text(post(&[named, said].concat()).await.unwrap(), 200).await;
        let code = receipt.split("class=\"code big\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
        self.receipts.push(code);
        let page = text(post(&[named[0], ("email", "none"), said[0], said[1]]).await.unwrap(), 422).await;
        assert!(page.contains(&self.message), "what was typed comes back");

        let form = self.application(self.whole_cv(), "none");
        let answer = client.post(format!("{}/f/job-application", service.url)).multipart(form).send().await;
        assert!(text(answer.unwrap(), 422).await.contains(&self.letter));
    }

    /// Sends what is refused or cut: a mistake in JSON, a broken document, a file too large, half a file.
    async fn go_wrong(&self, service: &Service, http2: bool) {
        let client = client(http2);
        let fields = json!({ "name": self.name, "email": self.address, "message": self.message, "x": self.letter });
        let ask = format!("{}{ASK}", service.url);
        let answer = client.post(&ask).json(&json!({ "fields": fields })).send().await.unwrap();
        document(answer, 422).await;
        let broken = format!("{{\"fields\":{{\"name\":\"{}\",\"email\":\"{}\"", self.name, self.address);
        let answer = client.post(&ask).header("content-type", "application/json").body(broken).send().await.unwrap();
        document(answer, 400).await;

        let too_much = self.cv.repeat(MAX_UPLOAD / self.cv.len() + 1);
        let form = self.application(Part::bytes(too_much).file_name(self.cv_name.clone()), &self.address);
        // The answer, or a connection closed on what nobody reads.
        if let Ok(answer) = client.post(format!("{}{APPLY}", service.url)).multipart(form).send().await {
            assert_eq!(answer.status(), 413);
        }
        self.begin_to_apply(service, http2).await.give_up().await;
    }

    /// Sends all fields and a part of the CV, and stays there.
    pub(crate) async fn begin_to_apply(&self, service: &Service, http2: bool) -> HalfSent {
        let (send, mut pieces) = mpsc::channel::<Vec<u8>>(1);
        let stream = futures_util::stream::poll_fn(move |cx| {
            pieces.poll_recv(cx).map(|piece| piece.map(Ok::<_, std::io::Error>))
        });
        let cv = Part::stream(Body::wrap_stream(stream)).file_name(self.cv_name.clone());
        let request =
            client(http2).post(format!("{}{APPLY}", service.url)).multipart(self.application(cv, &self.address));
        let sending = tokio::spawn(request.send());
        for piece in self.cv[..self.cv.len() / 2].chunks(20_000) {
            send.send(piece.to_vec()).await.unwrap();
        }
        HalfSent { _more: send, sending }
    }
}

/// An upload that has stopped half-way.
pub(crate) struct HalfSent {
    _more: mpsc::Sender<Vec<u8>>,
    sending: JoinHandle<reqwest::Result<Response>>,
}

impl HalfSent {
    /// Breaks the connection off.
    pub(crate) async fn give_up(self) {
        self.sending.abort();
        let _ = self.sending.await;
    }
}

/// What staff do with everybody's submissions.
async fn list_by_staff(service: &Service, staff: &Staff, person: &Person, http2: bool) {
    let client = client(http2);
    let get = |path: &str, token: &str| client.get(format!("{}/api/v1{path}", service.url)).bearer_auth(token).send();
    document(get("/submissions", &staff.hr).await.unwrap(), 200).await;
    let list = document(get("/submissions?purpose=recruitment", &staff.hr).await.unwrap(), 200).await;
    assert!(list.to_string().contains(&person.name));
    document(get("/submissions?purpose=support", &staff.support).await.unwrap(), 200).await;
}

/// What staff do with one person's application and support request: find, open, download, mark.
pub(crate) async fn read_by_staff(service: &Service, staff: &Staff, person: &Person, ids: [&str; 2], http2: bool) {
    let client = client(http2);
    let url = |path: &str| format!("{}/api/v1{path}", service.url);
    let get = |path: &str, token: &str| client.get(url(path)).bearer_auth(token).send();
    let [application, request] = ids;

    let shown = format!("/submissions/{application}?purpose=recruitment");
    assert_eq!(document(get(&shown, &staff.hr).await.unwrap(), 200).await["fields"]["name"], person.name);
    let shown = format!("/submissions/{request}?purpose=support");
    assert_eq!(document(get(&shown, &staff.support).await.unwrap(), 200).await["fields"]["message"], person.message);
    document(get(&shown, "llt_aaaaaaaaaaaaaaaaaaaaaaaaaa_wrong").await.unwrap(), 401).await;
    document(get(&shown, &staff.hr).await.unwrap(), 404).await;

    let file = format!("/submissions/{application}/files/0?purpose=recruitment");
    let answer = get(&file, &staff.hr).await.unwrap();
    assert!(answer.bytes().await.unwrap() == person.cv);
    // And once more, broken off.
    let mut answer = get(&file, &staff.hr).await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    drop(answer);

    let mark = client.patch(url(&format!("/submissions/{application}"))).bearer_auth(&staff.hr);
    document(mark.json(&json!({ "status": "shortlisted" })).send().await.unwrap(), 200).await;
    assert!(search(service, staff, &client, person).await.is_some());
}

/// Searches for their words. That opens everybody's submissions, so whoever looks at the memory meanwhile rightly finds others
/// in it.
async fn search_by_staff(service: &Service, staff: &Staff, person: &Person, ids: [&str; 2], http2: bool) {
    let url = format!("{}/api/v1/submissions/search", service.url);
    let client = client(http2);
    let [application, request] = ids;
    // Again and again, for what remains of it may be a matter of luck.
    for _ in 0..8 {
        for (token, purpose, words, id) in [
            (&staff.hr, "recruitment", format!("{} {}", person.name, person.letter), application),
            (&staff.support, "support", format!("{} {}", person.address, person.message), request),
        ] {
            let words: String = words.chars().take(120).collect();
            let words = words.split_whitespace().take(8).collect::<Vec<_>>().join(" ");
            let asked = json!({ "words": words, "purpose": purpose });
            let found = loop {
                let request = client.post(&url).bearer_auth(token).json(&asked);
                let answer = request.send().await.unwrap();
                // One member of staff searches twice at a time, and here several people are read at once.
                if answer.status() != 429 {
                    break document(answer, 200).await;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            };
            assert!(found["items"].as_array().unwrap().iter().any(|item| item["id"] == id), "{found}");
        }
        assert!(search(service, staff, &client, person).await.is_some());
    }
}

/// Begins to download the CV, and takes no more than a little of it.
pub(crate) async fn begin_to_download(service: &Service, staff: &Staff, id: &str) -> Response {
    let url = format!("{}/api/v1/submissions/{id}/files/0?purpose=recruitment", service.url);
    let mut answer = slow_client().get(url).bearer_auth(&staff.hr).send().await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    answer
}

/// The same by way of commands.
pub(crate) fn read_by_owner(service: &Service, person: &Person, id: &str) {
    let hr = ["--as", "hr", "--purpose", "recruitment"];
    let listed = service.cli(&[&["record", "list"][..], &hr].concat(), "", 0);
    assert!(listed.contains(&person.name));
    let show = [&["record", "show", id][..], &hr].concat();
    assert!(service.cli(&show, "", 0).contains(&person.name));
    service.cli(&["record", "show", id, "--as", "hr"], "", 2);
    // What was saved by order is nobody's leak, so it goes elsewhere.
    let saved = service.path("desk").join(id).display().to_string();
    service.cli(&[&show[..], &["--file", "0", "--out", &saved]].concat(), "", 0);
    assert!(std::fs::read(&saved).unwrap() == person.cv);
    std::fs::remove_file(&saved).unwrap();
    let words = format!("{}\n", person.name);
    let found = service.cli(&[&["record", "search"][..], &hr].concat(), &words, 0);
    assert!(found.contains(id) && found.contains(&person.name));
    let found = service.cli(&["subject", "find", "--as", "privacy"], &format!("{}\n", person.address), 0);
    assert!(found.contains(id));
    service.cli(&["audit", "tail"], "", 0);
}

/// The person's handle, if they are held.
pub(crate) async fn search(service: &Service, staff: &Staff, client: &Client, person: &Person) -> Option<String> {
    let request = client.post(format!("{}/api/v1/subjects/search", service.url)).bearer_auth(&staff.privacy);
    let found = document(request.json(&json!({ "email": person.address })).send().await.unwrap(), 200).await;
    found["items"][0]["subject"].as_str().map(str::to_owned)
}

/// The whole life of one person up to an erasure. Returns their application and their support request.
pub(crate) async fn live(service: &Service, staff: &Staff, person: &mut Person) -> [String; 2] {
    let mut ids = None;
    for http2 in [true, false] {
        let client = client(http2);
        person.fill_in_pages(service, &client).await;
        // The second time it is the same request once more.
        let application = person.apply(service, &client).await;
        let request = person.ask(service, &client).await;
        person.go_wrong(service, http2).await;
        list_by_staff(service, staff, person, http2).await;
        read_by_staff(service, staff, person, [&application, &request], http2).await;
        search_by_staff(service, staff, person, [&application, &request], http2).await;
        tokio::task::block_in_place(|| read_by_owner(service, person, &application));
        ids = Some([application, request]);
    }
    ids.unwrap()
}

/// Erases a person, or one submission.
pub(crate) async fn erase_person(service: &Service, staff: &Staff, subject: &str) {
    let url = format!("{}/api/v1/subjects/{subject}/erasure", service.url);
    let answer = client(true).post(url).bearer_auth(&staff.privacy).send().await.unwrap();
    assert!(document(answer, 200).await["signature"].is_string());
}

/// Erases one submission.
pub(crate) async fn erase_record(service: &Service, staff: &Staff, id: &str) {
    let url = format!("{}/api/v1/submissions/{id}", service.url);
    let answer = client(true).delete(url).bearer_auth(&staff.privacy).send().await.unwrap();
    assert!(document(answer, 200).await["signature"].is_string());
}

pub(crate) async fn text(answer: Response, status: u16) -> String {
    let found = answer.status();
    let text = answer.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    text
}

pub(crate) async fn document(answer: Response, status: u16) -> Value {
    serde_json::from_str(&text(answer, status).await).unwrap()
}

fn urlencoded(pairs: &[(&str, &str)]) -> String {
    let escape = |text: &str| text.bytes().map(escaped).collect::<String>();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// As browsers do it, so that the words stand in the body as they are.
fn escaped(byte: u8) -> String {
    match byte {
        b' ' => "+".to_owned(),
        b if b.is_ascii_alphanumeric() || b"-._*".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    }
}

/// 16 characters that nothing else consists of.
pub(crate) fn word() -> String {
    HEXLOWER.encode(&random::<8>(&SystemEntropy::new()).unwrap())
}

/// A PDF of about `bytes` bytes in which `word` stands in every line.
fn pdf(bytes: usize, word: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n2 0 obj\n<< >>\nstream\n".to_vec();
    for line in 0.. {
        if out.len() >= bytes {
            break;
        }
        out.extend_from_slice(format!("{word} {line:07}\n").as_bytes());
    }
    out.extend_from_slice(b"endstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n");
    out
}
