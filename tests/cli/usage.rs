//! Help texts, configuration, exit codes: what works without a vault.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{expect, folder, letterlock, with_env};

#[test]
fn without_arguments_it_explains_itself() {
    let (out, err) = expect(&letterlock(&folder("bare"), &[]), 0);
    assert!(err.is_empty());
    for word in ["secure submission vault", "letterlock serve", "token create", "First steps", "--help"] {
        assert!(out.contains(word), "{word} missing in\n{out}");
    }
}

#[test]
fn the_manual_names_keys_variables_and_exit_codes() {
    let (out, _) = expect(&letterlock(&folder("manual"), &["--help"]), 0);
    for word in
        ["Exit codes", "limits.per_form_per_minute", "LETTERLOCK_LISTEN", "letterlock.toml", "nothing was changed"]
    {
        assert!(out.contains(word), "{word} missing in\n{out}");
    }
    expect(&letterlock(&folder("version"), &["--version"]), 0);
}

#[test]
fn every_command_helps() {
    let at = folder("help");
    for command in [
        "serve",
        "init",
        "status",
        "staff",
        "staff add",
        "staff email",
        "staff invite",
        "staff list",
        "staff disable",
        "token",
        "token create",
        "token revoke",
        "form",
        "form list",
        "form check",
        "record",
        "record list",
        "record search",
        "record show",
        "record mark",
        "record erase",
        "subject",
        "subject find",
        "subject erase",
        "audit",
        "audit verify",
        "audit head",
        "audit tail",
        "verify",
        "erasure",
        "erasure verify",
    ] {
        let args: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let (out, _) = expect(&letterlock(&at, &args), 0);
        assert!(out.contains("Example") && out.contains(&format!("letterlock {command}")), "{command}:\n{out}");
    }
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 0, "help makes no files");
}

#[test]
fn wrong_usage_is_code_2() {
    let at = folder("usage");
    for args in [
        &["sing"][..],
        &["staff"],
        &["serve", "--port", "1"],
        &["token", "create", "--login", "a"],
        &["token", "create", "--login", "a", "--role", "HR"],
        &["token", "create", "--login", "a", "--role", "hr", "--ttl", "soon"],
        &["record", "list"],
        &["record", "show", "not-an-id", "--as", "hr"],
        &["record", "show", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "--as", "hr", "--file", "0"],
        &["record", "list", "--as", "hr", "--limit", "0"],
        &["record", "list", "--as", "hr", "--status", "lost"],
        &["subject", "erase", "--as", "privacy"],
        &["subject", "find", "jane@example.org", "--as", "privacy"],
        &["form", "check", "missing.toml"],
        &["erasure", "verify", "missing.json", "--key", "00"],
    ] {
        expect(&letterlock(&at, args), 2);
    }
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 0, "nothing was made");
}

#[test]
fn configuration_mistakes_name_key_and_line() {
    let at = folder("config");
    std::fs::write(at.join("letterlock.toml"), "region = \"uk\"\n\n[limits]\nper_form = 3\nidle_seconds = 0\n")
        .unwrap();
    let (_, err) = expect(&letterlock(&at, &["init"]), 2);
    assert!(err.contains("letterlock.toml, line 4") && err.contains("\"limits.per_form\""), "{err}");
    assert!(err.contains("letterlock.toml, line 5") && err.contains("limits.idle_seconds"), "{err}");
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 1, "nothing was made");

    std::fs::remove_file(at.join("letterlock.toml")).unwrap();
    for (name, value) in [
        ("LETTERLOCK_LIMITS__PER_FORM", "3"),
        ("LETTERLOCK_LISTEN", "somewhere"),
        ("LETTERLOCK_CACHE_MIB", "1"),
        ("LETTERLOCK_CONFIG", "gone.toml"),
    ] {
        let (_, err) = expect(&with_env(&at, &["init"], &[(name, value)]), 2);
        assert!(err.contains(name) || err.contains(value), "{err}");
    }
    expect(&letterlock(&at, &["--config", "gone.toml", "init"]), 2);
    expect(&letterlock(&at, &["serve", "--listen", "example.org:1"]), 2);
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 0, "nothing was made");
}

#[test]
fn folders_inside_each_other_are_refused() {
    let at = folder("nested");
    std::os::unix::fs::symlink(at.join("data"), at.join("link")).unwrap();
    for (data, keys) in [("data", "data"), ("data", "data/keys"), ("keys/data", "keys"), ("data", "link/keys")] {
        for args in [["--data", data, "--keys", keys, "init"], ["serve", "--data", data, "--keys", keys]] {
            let (_, err) = expect(&letterlock(&at, &args), 2);
            assert!(err.contains("side by side") || err.contains("each its own"), "{err}");
        }
    }
    std::fs::write(at.join("c.toml"), "[recovery]\nfolder = 'data/recovery'\n").unwrap();
    expect(&letterlock(&at, &["init", "--config", "c.toml"]), 2);
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 2, "nothing was made");
}

#[test]
fn forms_are_listed_and_checked_without_a_vault() {
    let at = folder("forms");
    let (out, _) = expect(&letterlock(&at, &["form", "list"]), 0);
    assert!(out.contains("job-application") && out.contains("support-request"), "{out}");
    let (out, _) = expect(&letterlock(&at, &["form", "list", "--as", "hr", "--json"]), 0);
    let listed: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(listed["items"][0]["form"], "job-application");
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["next"]), (1, &serde_json::Value::Null));

    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("forms/job-application.toml");
    let (out, _) = expect(&letterlock(&at, &["form", "check", shipped.to_str().unwrap()]), 0);
    assert!(out.contains("in order") && out.contains("letter"), "{out}");
    std::fs::write(at.join("bad.toml"), "id = 'x'\ncolour = 'red'\n").unwrap();
    let (_, err) = expect(&letterlock(&at, &["form", "check", "bad.toml"]), 2);
    assert!(err.contains("bad.toml"), "{err}");
    // A broken form in the folder stops everything that would serve it.
    std::fs::create_dir(at.join("forms")).unwrap();
    std::fs::rename(at.join("bad.toml"), at.join("forms/bad.toml")).unwrap();
    let (_, err) = expect(&letterlock(&at, &["form", "list"]), 2);
    assert!(err.contains("bad.toml"), "{err}");
}

#[test]
fn output_into_a_closed_pipe_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_letterlock"))
        .args(["form", "list", "--json"])
        .current_dir(folder("pipe"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}
