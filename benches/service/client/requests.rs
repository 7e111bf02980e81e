//! The requests of one connection: bytes prepared beforehand, in which only a number changes.

use std::sync::Arc;

use super::Work;

/// Digits of the number that tells one person from another.
const DIGITS: usize = 8;
const BOUNDARY: &str = "letterlock-bench-boundary";

/// Requests in turn.
pub(crate) struct Requests {
    /// Requests to go round in: one for what carries a number, one for each record otherwise.
    heads: Vec<Vec<u8>>,
    body: Arc<Vec<u8>>,
    /// Where the number stands in the head.
    numbers: Vec<usize>,
    next: usize,
    expected: u16,
}

impl Requests {
    /// Those of connection `n` out of `connections`.
    pub(crate) fn new(work: &Work, n: usize, connections: usize) -> Self {
        let of_records = |token: &str, ids: &[String], after: &str| {
            let mine = ids.iter().skip(n).step_by(connections);
            let head = |id: &String| {
                format!(
                    "GET /api/v1/submissions/{id}{after} HTTP/1.1\r\nHost: localhost\r\n\
                     Authorization: Bearer {token}\r\n\r\n"
                )
            };
            let heads = mine.map(|id| head(id).into_bytes()).collect();
            Self { heads, body: Arc::default(), numbers: Vec::new(), next: 0, expected: 200 }
        };
        match work {
            Work::Submit { run } => Self::numbered(submission(&person(*run, n)), Arc::default()),
            Work::Upload { run, bytes } => {
                let (head, body) = application(&person(*run, n), *bytes);
                Self::numbered(head, Arc::new(body))
            }
            Work::Read { token, ids } => of_records(token, ids, "?purpose=support"),
            Work::Download { token, ids } => of_records(token, ids, "/files/0?purpose=recruitment"),
            Work::Pages { line, paths } => {
                let head =
                    |path: &String| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n").into_bytes();
                Self {
                    heads: paths.iter().map(head).collect(),
                    body: Arc::default(),
                    numbers: Vec::new(),
                    next: n,
                    expected: 200,
                }
            }
            Work::Search { .. } | Work::Guess { .. } => unreachable!("has a loop of its own"),
        }
    }

    fn numbered(head: String, body: Arc<Vec<u8>>) -> Self {
        let mark = "#".repeat(DIGITS);
        let numbers = head.match_indices(&mark).map(|(at, _)| at).collect();
        Self { heads: vec![head.into_bytes()], body, numbers, next: 0, expected: 201 }
    }

    /// The next request, in two pieces.
    pub(crate) fn next(&mut self) -> [&[u8]; 2] {
        let at = self.next % self.heads.len();
        let head = &mut self.heads[at];
        if !self.numbers.is_empty() {
            let number = format!("{:0DIGITS$}", self.next);
            for &at in &self.numbers {
                head[at..at + DIGITS].copy_from_slice(number.as_bytes());
            }
        }
        self.next += 1;
        [&self.heads[at], &self.body]
    }

    /// The status of a good answer.
    pub(crate) fn expected(&self) -> u16 {
        self.expected
    }

    /// The id of the submission that an answer tells of.
    pub(crate) fn made(&self, answer: &[u8]) -> Option<String> {
        if self.expected != 201 {
            return None;
        }
        let answer = std::str::from_utf8(answer).ok()?;
        Some(answer.split_once("\"submission\":\"")?.1.split_once('"')?.0.to_owned())
    }
}

/// A part of an address that nobody else has; the marks become a number.
fn person(run: u32, n: usize) -> String {
    format!("r{run}-c{n}-{}", "#".repeat(DIGITS))
}

/// The JSON of a support request of 1 KB.
pub(crate) fn submission_body(person: &str) -> String {
    let message = "The handle of the device came off when I turned it a second time, as the manual says. ".repeat(20);
    let body = |length: usize| {
        format!(
            r#"{{"fields":{{"name":"Samantha Smith","email":"{person}@example.org","subject-line":"It is stuck","message":"{}"}}}}"#,
            &message[..length]
        )
    };
    body(1024 - body(0).len())
}

fn submission(person: &str) -> String {
    let body = submission_body(person);
    format!(
        "POST /api/v1/forms/support-request/submissions HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/json\r\nIdempotency-Key: {person}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An application with a CV: head with the fields, and the file with the end.
fn application(person: &str, bytes: usize) -> (String, Vec<u8>) {
    let part = |name: &str, value: &str| {
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let fields = part("name", "Jane Doe")
        + &part("email", &format!("{person}@example.org"))
        + &part("letter", "I would like to work with you.")
        + &part("talent-pool", "true")
        + &format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"cv\"; filename=\"cv.pdf\"\r\n\
             Content-Type: application/pdf\r\n\r\n"
        );
    let mut file = pdf(bytes);
    file.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let head = format!(
        "POST /api/v1/forms/job-application/submissions HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nIdempotency-Key: {person}\r\n\
         Content-Length: {}\r\n\r\n{fields}",
        fields.len() + file.len()
    );
    (head, file)
}

/// A PDF of so many bytes that does not compress.
fn pdf(bytes: usize) -> Vec<u8> {
    let end = b"\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n";
    let mut out = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n2 0 obj\n<< >>\nstream\n".to_vec();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    while out.len() + end.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(bytes - end.len());
    out.extend_from_slice(end);
    out
}
