//! Form files at the command line, and a service that reads them again.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::{Server, expect, folder, json, letterlock};

const FORM: &str = include_str!("../../forms/support-request.toml");
const NOTICE: &str = "+++\nversion = \"7\"\nreview_by = 2020-01-01\n+++\n\nOurs.\n";

#[test]
fn several_files_are_checked_and_every_mistake_is_told() {
    let at = folder("check-several");
    fs::create_dir_all(at.join("forms/notices")).unwrap();
    fs::write(at.join("forms/good.toml"), FORM.replace("notice = \"general\"", "notice = \"ours\"")).unwrap();
    fs::write(at.join("forms/notices/ours.md"), NOTICE).unwrap();
    let (out, _) = expect(&letterlock(&at, &["form", "check", "forms/good.toml", "forms/notices/ours.md"]), 0);
    for word in ["forms/good.toml: in order", "ours, version 7", "Review by 2020-01-01", "urgency"] {
        assert!(out.contains(word), "{word} missing in\n{out}");
    }
    fs::write(at.join("forms/bad.toml"), FORM.replace("kind = \"phone\"", "kind = \"fax\"")).unwrap();
    fs::write(at.join("forms/notices/bad.md"), NOTICE.replace("Ours", "<b>Ours</b>")).unwrap();
    let files = ["form", "check", "forms/bad.toml", "forms/good.toml", "forms/notices/bad.md"];
    let (out, err) = expect(&letterlock(&at, &files), 2);
    assert!(out.contains("forms/good.toml: in order"), "{out}");
    let line = 1 + FORM.lines().position(|line| line == "kind = \"phone\"").unwrap();
    assert!(err.contains(&format!("forms/bad.toml, line {line}: expected a kind out of short-text, ")), "{err}");
    assert!(err.contains("forms/notices/bad.md, line 6: expected Markdown"), "{err}");
}

#[test]
fn files_that_a_form_unlocks_have_to_be_there() {
    let at = folder("unlocks");
    fs::create_dir_all(at.join("forms")).unwrap();
    fs::create_dir_all(at.join("handouts")).unwrap();
    let unlocks = "unlocks = [{ file = \"guide.pdf\", title = \"The guide\" }]\n";
    let form = format!("{unlocks}{FORM}");
    fs::write(at.join("forms/guide.toml"), form).unwrap();
    let check = ["form", "check", "forms/guide.toml"];
    let (_, err) = expect(&letterlock(&at, &check), 2);
    assert!(err.contains("forms/guide.toml: it unlocks guide.pdf: resources/guide.pdf cannot be read"), "{err}");
    fs::write(at.join("letterlock.toml"), "resources = \"handouts\"\n").unwrap();
    std::os::unix::fs::symlink("/etc/hostname", at.join("handouts/guide.pdf")).unwrap();
    let (_, err) = expect(&letterlock(&at, &check), 2);
    assert!(err.contains("guide.pdf is no plain file"), "{err}");
    fs::remove_file(at.join("handouts/guide.pdf")).unwrap();
    fs::write(at.join("handouts/guide.pdf"), "words").unwrap();
    let (out, _) = expect(&letterlock(&at, &check), 0);
    assert!(out.contains("Unlocks   guide.pdf"), "{out}");
    fs::write(at.join("letterlock.toml"), "resources = \"keys/sub\"\n").unwrap();
    let (_, err) = expect(&letterlock(&at, &["form", "list"]), 2);
    assert!(err.contains("resource") && err.contains("key"), "{err}");
}

#[test]
fn a_running_service_reads_forms_again_and_says_what_is_broken() {
    let at = folder("reload");
    fs::create_dir_all(at.join("forms/notices")).unwrap();
    fs::write(at.join("forms/notices/general.md"), NOTICE).unwrap();
    let server = Server::start(&at, &[]);
    let forms = || json(&at, &["status"])["forms"].clone();
    let until = |what: &str, holds: &dyn Fn(&serde_json::Value) -> bool| {
        let begin = Instant::now();
        loop {
            let now = forms();
            if holds(&now) {
                return now;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "{what}: {now}");
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    let first = forms();
    assert_eq!((&first["forms"], &first["broken"]), (&11.into(), &serde_json::json!([])));
    assert_eq!(first["overdue"][0], "the notice general was to be reviewed by 2020-01-01");

    fs::write(at.join("forms/mine.toml"), FORM.replace("id = \"support-request\"", "id = \"mine\"")).unwrap();
    until("a new form", &|now| now["forms"] == 12);
    fs::write(at.join("forms/mine.toml"), "id = \"mine\"\nversion = no\n").unwrap();
    let broken = until("a broken form", &|now| !now["broken"].as_array().unwrap().is_empty());
    assert_eq!(broken["forms"], 12, "the old form is kept");
    let told = broken["broken"][0].as_str().unwrap();
    assert!(told.starts_with("forms/mine.toml, line 2: "), "{told}");
    let (out, _) = expect(&letterlock(&at, &["status"]), 0);
    assert!(out.contains("Form not in order    forms/mine.toml, line 2: ") && out.contains("Review overdue"), "{out}");
    let log = fs::read_to_string(at.join("serve.err")).unwrap();
    assert!(log.contains("what was read from it before still holds"), "{log}");

    fs::remove_file(at.join("forms/mine.toml")).unwrap();
    // SIGHUP would end a process that does not expect it.
    server.hang_up();
    until("the form is gone", &|now| now["forms"] == 11 && now["broken"].as_array().unwrap().is_empty());
    server.stop();
}
