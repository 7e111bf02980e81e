//! The whole way: a service, the commands beside it, and the same commands without it.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use serde_json::Value;

use crate::support::{Server, apply, client, expect, folder, json, letterlock, pdf, with_input};

#[track_caller]
fn private(path: &Path) {
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let (meta, mode) = (entry.metadata().unwrap(), entry.metadata().unwrap().permissions().mode() & 0o777);
        let wanted = if meta.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, wanted, "{:o} {}", mode, entry.path().display());
        if meta.is_dir() {
            private(&entry.path());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_first_run_to_erasure() {
    let at = folder("story");
    let server = Server::start(&at, &[]);
    for word in
        ["keys/master.key", "keys/tls/cert.pem", "/f/job-application", "token create", "keys/recovery/identity  is"]
    {
        assert!(server.banner.contains(word), "{word} missing in\n{}", server.banner);
    }
    private(&at.join("keys"));
    private(&at.join("data"));

    // Accounts and tokens beside the running service.
    let (bearer, said) = expect(&letterlock(&at, &["token", "create", "--login", "reader", "--role", "hr"]), 0);
    let token = bearer.trim_end_matches('\n');
    assert!(token.starts_with("llt_") && !token.contains(char::is_whitespace), "{bearer:?}");
    assert!(!said.contains(token));
    let status = json(&at, &["status"]);
    assert_eq!(status["address"], server.url.as_str());
    assert_eq!(status["readiness"]["ready"], true);

    // A visit and what was sent are counted, beside the service and without it.
    assert_eq!(json(&at, &["statistics"]), serde_json::json!([]));
    let page = client().get(format!("{}/f/job-application", server.url)).header("user-agent", "Firefox/145.0");
    assert_eq!(page.send().await.unwrap().status(), 200);
    let counted = json(&at, &["statistics"]);
    assert_eq!(
        (&counted[0]["form"], &counted[0]["browser"], &counted[0]["views"]),
        (&"job-application".into(), &"firefox".into(), &1.into())
    );

    // An application in, over HTTPS; out, by way of the owner acting as a role.
    let id = apply(&server.url, "Jane Doe", "jane@example.org").await;
    let listed = client().get(format!("{}/api/v1/submissions", server.url)).bearer_auth(token).send().await.unwrap();
    assert_eq!(listed.json::<Value>().await.unwrap()["items"][0]["id"], id.as_str());
    reads(&at, &id);

    // A second service on the same folders.
    let (_, err) = expect(&letterlock(&at, &["serve", "--listen", "127.0.0.1:0"]), 3);
    assert!(err.contains("letterlock:"), "{err}");
    assert_eq!(json(&at, &["status"])["address"], server.url.as_str(), "the first goes on");

    let head = json(&at, &["audit", "head"]);
    std::fs::write(at.join("head.json"), head.to_string()).unwrap();
    let (out, _) = expect(&letterlock(&at, &["audit", "tail"]), 0);
    for word in ["owner:hr", "read-submission", "find-subject", "recruitment", "staff", &id] {
        assert!(out.contains(word), "{word} missing in\n{out}");
    }
    assert!(!out.contains("jane"), "{out}");

    // Without the service, the same commands open the vault themselves.
    server.stop();
    assert!(!at.join("data/control.sock").exists());
    assert_eq!(json(&at, &["status"])["address"], Value::Null);
    let (out, _) = expect(&letterlock(&at, &["statistics"]), 0);
    assert!(out.contains("job-application") && out.contains("firefox") && out.contains("SENT"), "{out}");
    std::fs::remove_file(at.join("saved.pdf")).unwrap();
    reads(&at, &id);
    expect(&letterlock(&at, &["audit", "verify", "--head", "head.json"]), 0);
    let report = json(&at, &["verify"]);
    assert_eq!(
        (&report["problems"], &report["records"], &report["files"]),
        (&Value::Array(vec![]), &1.into(), &1.into())
    );
    erases(&at, &id);

    // A later run just starts.
    let server = Server::start(&at, &[]);
    assert!(!server.banner.contains("Made") && !server.banner.contains("token create"), "{}", server.banner);
    expect(&letterlock(&at, &["verify"]), 0);
    server.stop();
}

/// Lists, shows and saves the one application there is.
#[track_caller]
fn reads(at: &Path, id: &str) {
    let hr = ["--as", "hr", "--purpose", "recruitment"];
    let with = |args: &[&'static str]| args.iter().copied().chain(hr).collect::<Vec<_>>();

    let listed = json(at, &["record", "list", "--as", "hr"]);
    assert_eq!((&listed["items"][0]["id"], &listed["next"]), (&id.into(), &Value::Null));
    assert!(listed["items"][0].get("fields").is_none());
    assert_eq!(json(at, &["record", "list", "--as", "support"])["items"], Value::Array(vec![]));
    let summary = json(at, &with(&["record", "list"]));
    assert_eq!(summary["items"][0]["fields"]["name"], "Jane Doe");
    let (out, err) = expect(&letterlock(at, &with(&["record", "list"])), 0);
    assert!(out.contains("Jane Doe"), "{out}");
    assert!(err.contains("acting as hr") && err.contains("audit"), "{err}");

    let show: Vec<_> = ["record", "show", id].into_iter().chain(hr).collect();
    let (out, err) = expect(&letterlock(at, &show), 0);
    for word in ["jane@example.org", "I should like to join.", "cv.pdf", "application/pdf", "talent-pool", "received"] {
        assert!(out.contains(word), "{word} missing in\n{out}");
    }
    assert!(err.contains("acting as hr"));
    let shown = json(at, &show);
    assert_eq!((&shown["fields"]["email"], &shown["form"]), (&"jane@example.org".into(), &"job-application".into()));
    assert_eq!((&shown["consents"]["talent-pool"], &shown["consents"]["marketing"]), (&true.into(), &false.into()));

    let save: Vec<_> = show.iter().copied().chain(["--file", "0", "--out", "saved.pdf"]).collect();
    expect(&letterlock(at, &save), 0);
    assert!(std::fs::read(at.join("saved.pdf")).unwrap() == pdf(), "the CV comes back byte for byte");
    assert_eq!(std::fs::metadata(at.join("saved.pdf")).unwrap().permissions().mode() & 0o777, 0o600);
    expect(&letterlock(at, &save), 2);

    // What a role may not know of, and what it may not do.
    let (_, missing) = expect(
        &letterlock(at, &["record", "show", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "--as", "hr", "--purpose", "recruitment"]),
        4,
    );
    let (_, hidden) = expect(&letterlock(at, &["record", "show", id, "--as", "admin", "--purpose", "recruitment"]), 4);
    let last = |text: &str| text.lines().last().unwrap_or_default().to_owned();
    assert_eq!(last(&missing), last(&hidden));
    let (_, err) = expect(&letterlock(at, &["record", "show", id, "--as", "hr"]), 2);
    assert!(err.contains("--purpose recruitment"), "{err}");
    expect(&letterlock(at, &["record", "erase", id, "--as", "hr"]), 4);

    let (out, _) = expect(&letterlock(at, &["record", "mark", id, "shortlisted", "--as", "hr"]), 0);
    assert!(out.contains("shortlisted"), "{out}");
    expect(&letterlock(at, &["record", "mark", id, "answered", "--as", "hr"]), 2);
    expect(&letterlock(at, &["record", "mark", id, "received", "--as", "hr"]), 0);

    let (out, _) = expect(&with_input(at, &["subject", "find", "--as", "privacy"], "Jane@Example.org\n"), 0);
    assert!(!out.contains('@') && out.contains(id), "{out}");
    expect(&with_input(at, &["subject", "find", "--as", "privacy"], "nobody@example.org\n"), 4);
    expect(&with_input(at, &["subject", "find", "--as", "privacy"], "\n"), 2);
}

/// Erases the person of this application and checks the certificate.
#[track_caller]
fn erases(at: &Path, id: &str) {
    let found = expect(&with_input(at, &["subject", "find", "--as", "privacy", "--json"], "jane@example.org"), 0).0;
    let found: Value = serde_json::from_str(&found).unwrap();
    let subject = found["items"][0]["subject"].as_str().unwrap();
    let key = json(at, &["status"])["erasure_key"].as_str().unwrap().to_owned();

    std::fs::write(at.join("ids.txt"), format!("# leavers\n{subject}\n")).unwrap();
    let erase = ["subject", "erase", "--from", "ids.txt", "--as", "privacy", "--certificates", "certificates"];
    expect(&letterlock(at, &erase), 0);
    let path = format!("certificates/{subject}.json");
    let certificate = std::fs::read_to_string(at.join(&path)).unwrap();
    assert!(!certificate.contains("jane"));
    expect(&letterlock(at, &["erasure", "verify", &path, "--key", &key]), 0);
    std::fs::write(at.join("key.txt"), format!("{key}\n")).unwrap();
    expect(&letterlock(at, &["erasure", "verify", &path, "--key", "key.txt"]), 0);
    expect(&letterlock(at, &["erasure", "verify", &path, "--key", &"00".repeat(32)]), 1);
    std::fs::write(at.join("forged.json"), certificate.replace(subject, "aaaaaaaaaaaaaaaaaaaaaaaaaa")).unwrap();
    expect(&letterlock(at, &["erasure", "verify", "forged.json", "--key", &key]), 1);

    expect(&letterlock(at, &["record", "show", id, "--as", "hr", "--purpose", "recruitment"]), 4);
    expect(&with_input(at, &["subject", "find", "--as", "privacy"], "jane@example.org"), 4);
    expect(&letterlock(at, &["subject", "erase", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "--as", "privacy"]), 4);
    expect(&letterlock(at, &["audit", "verify", "--head", "head.json"]), 0);
    expect(&letterlock(at, &["verify"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_when_told() {
    let at = folder("tokens");
    let server = Server::start(&at, &[]);
    let get = async |token: &str| {
        let url = format!("{}/api/v1/submissions", server.url);
        client().get(url).bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    let make = |login: &str| {
        let output = letterlock(&at, &["token", "create", "--login", login, "--role", "hr,privacy", "--ttl", "1h"]);
        expect(&output, 0).0.trim().to_owned()
    };
    let (first, second) = (make("one"), make("two"));
    assert_eq!((get(&first).await, get(&second).await), (200, 200));

    let accounts = json(&at, &["staff", "list"]);
    let account =
        |login: &str| accounts["items"].as_array().unwrap().iter().find(|a| a["login"] == login).unwrap().clone();
    assert_eq!(account("one")["service"], true);
    let token = account("one")["tokens"][0]["id"].as_str().unwrap().to_owned();
    expect(&letterlock(&at, &["token", "revoke", &token]), 0);
    expect(&letterlock(&at, &["staff", "disable", "two"]), 0);
    assert_eq!((get(&first).await, get(&second).await), (401, 401));

    expect(&letterlock(&at, &["token", "revoke", "aaaaaaaaaaaaaaaaaaaaaaaaaa"]), 4);
    expect(&letterlock(&at, &["staff", "disable", "three"]), 4);
    expect(&letterlock(&at, &["staff", "add", "three"]), 0);
    expect(&letterlock(&at, &["staff", "add", "three"]), 2);
    expect(&letterlock(&at, &["staff", "add", "No Such Name"]), 2);
    let (out, _) = expect(&letterlock(&at, &["staff", "list"]), 0);
    assert!(out.contains("revoked") && out.contains("disabled") && out.contains("three"), "{out}");
    server.stop();
}

#[test]
fn addresses_of_staff_come_by_standard_input_and_never_as_arguments() {
    let at = folder("addresses");
    expect(&letterlock(&at, &["init"]), 0);
    let email = |login: &str| {
        let accounts = json(&at, &["staff", "list"]);
        let items = accounts["items"].as_array().unwrap().clone();
        items.iter().find(|account| account["login"] == login).unwrap()["email"].clone()
    };
    expect(&with_input(&at, &["staff", "invite", "jane", "--role", "hr", "--email"], "jane@example.org\n"), 0);
    assert_eq!(email("jane"), "jane@example.org");
    expect(&letterlock(&at, &["staff", "invite", "joe", "--role", "hr"]), 0);
    assert_eq!(email("joe"), Value::Null);
    expect(&with_input(&at, &["staff", "email", "joe"], " Joe@Example.org "), 0);
    assert_eq!(email("joe"), "Joe@Example.org");
    // Invited anew without an address, it stays; with one, it is another.
    expect(&letterlock(&at, &["staff", "invite", "joe", "--role", "support"]), 0);
    assert_eq!(email("joe"), "Joe@Example.org");
    let (out, _) = expect(&letterlock(&at, &["staff", "list"]), 0);
    assert!(out.contains("E-MAIL") && out.contains("Joe@Example.org"), "{out}");
    expect(&letterlock(&at, &["staff", "email", "joe", "--none"]), 0);
    assert_eq!(email("joe"), Value::Null);
    expect(&with_input(&at, &["staff", "add", "ann", "--email"], "ann@example.org"), 0);
    assert_eq!(email("ann"), "ann@example.org");

    let (_, errors) = expect(&with_input(&at, &["staff", "email", "joe"], "nobody"), 2);
    assert!(errors.contains("an address like") && !errors.contains("nobody"), "{errors}");
    expect(&with_input(&at, &["staff", "invite", "new", "--role", "hr", "--email"], "a@b@c"), 2);
    expect(&with_input(&at, &["staff", "email", "joe"], ""), 2);
    expect(&with_input(&at, &["staff", "email", "nobody"], "a@example.org"), 4);
    expect(&letterlock(&at, &["staff", "email", "joe", "joe@example.org"]), 2);
    expect(&letterlock(&at, &["staff", "invite", "new", "--role", "hr", "--email=a@example.org"]), 2);
    expect(&with_input(&at, &["staff", "add", "program", "--service", "--email"], "a@example.org"), 2);
    assert_eq!(json(&at, &["staff", "list"])["items"].as_array().unwrap().len(), 3, "nothing was half made");
}

#[test]
fn long_paths_crashes_and_lifted_limits() {
    let at = folder("long");
    let data = format!("{}/{}", "d".repeat(100), "e".repeat(100));
    let folders = ["--data", data.as_str(), "--keys", "k"];
    std::fs::create_dir_all(at.join(&data)).unwrap();
    std::fs::write(at.join("letterlock.toml"), "[limits]\nper_address_per_minute = 0\n").unwrap();

    let server = Server::start(&at, &folders);
    assert!(server.errors().contains("limits.per_address_per_minute is 0"), "{}", server.errors());
    let status: Vec<_> = folders.into_iter().chain(["status"]).collect();
    assert_eq!(json(&at, &status)["address"], server.url.as_str());
    server.kill();

    let socket = at.join(&data).join("control.sock");
    assert!(std::fs::metadata(&socket).unwrap().file_type().is_socket(), "a crash leaves the socket behind");
    assert_eq!(json(&at, &status)["address"], Value::Null);
    let server = Server::start(&at, &folders);
    assert_eq!(json(&at, &status)["address"], server.url.as_str());
    server.stop();
    assert!(!socket.exists());
}

#[test]
fn init_makes_everything_once() {
    let at = folder("init");
    let (out, _) = expect(&letterlock(&at, &["init"]), 0);
    for word in ["keys/master.key", "keys/tls/key.pem", "recovery", "serve", "token create"] {
        assert!(out.contains(word), "{word} missing in\n{out}");
    }
    let before = crate::support::tree(&at.join("keys"));
    let (out, _) = expect(&letterlock(&at, &["init"]), 0);
    assert!(!out.contains("Made"), "{out}");
    let after = crate::support::tree(&at.join("keys"));
    for (name, content) in &before {
        // The slots and the witness are rewritten at each start.
        if !["root", "witness", "slot"].iter().any(|n| name.to_string_lossy().contains(n)) {
            assert!(after[name] == *content, "{} was changed", name.display());
        }
    }
}
