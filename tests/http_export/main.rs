//! Submissions that leave the vault as a file: asked for by one, approved by another, downloaded once by whoever asked.

#[path = "../support/staff.rs"]
mod staff;
#[path = "../support/mod.rs"]
mod support;

mod leave;
mod trail;
mod what;

use std::io::Write;
use std::process::{Command, Stdio};

use letterlock::base::ids::StaffId;
use letterlock::domain::form::FormSet;
use letterlock::policy::{Actor, Role, Scope};
use letterlock::services::{Context, sign_in, staff as accounts};
use serde_json::{Value, json};
use staff::{DAY, Place};
use support::{document, owner, pdf, text};

/// A form that shows a date and a file to hr only.
const MOVE: &str = include_str!("../support/masked.toml");
const BORN: &str = "1985-04-12";

/// An installation with that form, with hanna (hr), sue (support), pia and paul (privacy) and ada (admin).
async fn place() -> Place {
    let place = Place::with_forms(FormSet::with_files([("move.toml", MOVE)]).unwrap()).await;
    for (login, role) in [
        ("hanna", Role::Hr),
        ("sue", Role::Support),
        ("pia", Role::Privacy),
        ("paul", Role::Privacy),
        ("ada", Role::Admin),
    ] {
        sign_in::invite(&place.service.app, &owner(Role::Admin), login, &[role], None, DAY).await.unwrap();
    }
    place
}

async fn id_of(place: &Place, login: &str) -> StaffId {
    let all = accounts::list(&place.service.app, &owner(Role::Admin)).await.unwrap();
    all.into_iter().find(|account| account.login == login).unwrap().id
}

/// Somebody as the services see them.
async fn acting(place: &Place, login: &str, role: Role) -> Context {
    let (id, scope) = (id_of(place, login).await, Scope::default());
    Context { actor: Actor::Staff { id, login: login.to_owned(), roles: vec![role], scope }, ..owner(Role::Admin) }
}

async fn token(place: &Place, login: &str, role: Role) -> String {
    let made = accounts::create_token(&place.service.app, &owner(Role::Admin), login, &[role], None).await.unwrap();
    made.bearer.expose().to_owned()
}

/// Sends the form. Returns the submission.
async fn send(place: &Place, email: &str, message: &str) -> String {
    send_named(place, email, message, "letter.pdf", 2000).await
}

async fn send_named(place: &Place, email: &str, message: &str, name: &str, bytes: usize) -> String {
    let part = |bytes: Vec<u8>, name: &str| reqwest::multipart::Part::bytes(bytes).file_name(name.to_owned());
    let form = reqwest::multipart::Form::new()
        .text("email", email.to_owned())
        .text("message", message.to_owned())
        .text("birth", BORN)
        .part("passport", part(pdf(3000, 9), "passport.pdf"))
        .part("letter", part(pdf(bytes, 3), name));
    let request = place.service.request("POST", "/api/v1/forms/move/submissions").multipart(form);
    let (status, body) = document(place.service.send(request, None).await).await;
    assert_eq!(status, 201, "{body}");
    text(&body["submission"])
}

fn wanted(format: &str) -> Value {
    json!({ "kind": "export", "form": "move", "format": format, "purpose": "moving", "reason": "The move of the office." })
}

async fn ask(place: &Place, token: &str, wanted: &Value) -> (u16, Value) {
    document(place.service.json("POST", "/api/v1/approvals", Some(token), wanted).await).await
}

/// Asks, and has it approved by paul. Returns the request.
async fn approved(place: &Place, token: &str, wanted: &Value) -> String {
    let (status, asked) = ask(place, token, wanted).await;
    assert_eq!((status, &asked["stage"]), (201, &json!("asked")), "{asked}");
    let id = text(&asked["id"]);
    let paul = acting(place, "paul", Role::Privacy).await;
    letterlock::services::approvals::approve(&place.service.app, &paul, id.parse().unwrap()).await.unwrap();
    id
}

async fn download(place: &Place, token: &str, id: &str) -> reqwest::Response {
    place.service.send(place.service.request("POST", &format!("/api/v1/approvals/{id}/download")), Some(token)).await
}

/// Asks, has it approved, and downloads it.
async fn exported(place: &Place, token: &str, wanted: &Value) -> Vec<u8> {
    let id = approved(place, token, wanted).await;
    let answer = download(place, token, &id).await;
    assert_eq!(answer.status(), 200);
    answer.bytes().await.unwrap().to_vec()
}

fn code(answer: &Value) -> &str {
    answer["problems"][0]["code"].as_str().unwrap_or("")
}

fn holds(bytes: &[u8], what: &str) -> bool {
    bytes.windows(what.len()).any(|window| window == what.as_bytes())
}

/// What Python's own libraries read in it.
fn read(format: &str, bytes: &[u8]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http_export/read.py");
    let mut python = Command::new("python3")
        .args([script, format])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there: scripts/needs");
    python.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{format} does not read");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Everything in it as one text, whatever the format: for looking for what must not be there.
fn all_of(format: &str, bytes: &[u8]) -> String {
    let mut read = read(format, bytes);
    let entries = read["entries"].as_array_mut().map(std::mem::take);
    let entries = entries.unwrap_or_default().into_iter().map(|entry| {
        let bytes = data_encoding::HEXLOWER.decode(text(&entry["bytes"]).as_bytes()).unwrap();
        format!("{} {}\n", text(&entry["name"]), String::from_utf8_lossy(&bytes))
    });
    entries.collect::<String>() + &read.to_string()
}
