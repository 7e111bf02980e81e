//! `letterlock audit`: heads, proofs, and heads kept elsewhere.

use serde_json::Value;

use crate::support::{Server, expect, folder, json, letterlock, with_input};

#[test]
fn heads_are_kept_and_the_trail_is_proven_to_continue_them() {
    let at = folder("audit");
    expect(&letterlock(&at, &["init"]), 0);
    let mut kept = String::new();
    for n in 0..3 {
        let head = json(&at, &["audit", "head"]);
        std::fs::write(at.join(format!("head-{n}.json")), head.to_string()).unwrap();
        kept.push_str(&format!("Nov 25 09:00:0{n} host letterlock[1]: {head}\n"));
    }
    std::fs::write(at.join("heads.log"), &kept).unwrap();

    let (out, _) = expect(&letterlock(&at, &["audit", "verify", "--head", "heads.log"]), 0);
    assert!(out.contains("all 3 heads"), "{out}");
    expect(&with_input(&at, &["audit", "verify", "--head", "-"], &kept), 0);
    let proof = json(&at, &["audit", "prove", "--since", "head-0.json"]);
    assert_eq!(proof["format"], "letterlock audit consistency 1");
    assert_eq!(proof["first"]["size"], serde_json::from_str::<Value>(&read(&at, "head-0.json")).unwrap()["size"]);
    let (out, err) = expect(&letterlock(&at, &["audit", "prove", "--since", "head-1.json"]), 0);
    assert!(out.contains("continues the head given") && err.contains("--json"), "{out}{err}");

    let proof = json(&at, &["audit", "prove", "1"]);
    assert_eq!((&proof["format"], &proof["entry"]["seq"]), (&"letterlock audit inclusion 1".into(), &1.into()));
    let (out, _) = expect(&letterlock(&at, &["audit", "prove", "1", "--size", "3"]), 0);
    assert!(out.contains("Entry 1 is in the trail of 3 entries") && out.contains("Action"), "{out}");

    // What is not so is said, by code 1.
    let other = read(&at, "head-0.json").replace("\"root\":\"", "\"root\":\"0");
    std::fs::write(at.join("forged.json"), other).unwrap();
    let (_, err) = expect(&letterlock(&at, &["audit", "prove", "--since", "forged.json"]), 1);
    assert!(err.contains("signature"), "{err}");
    std::fs::write(at.join("forged.log"), kept.replacen("\"size\":", "\"size\":1", 1)).unwrap();
    let (out, _) = expect(&letterlock(&at, &["audit", "verify", "--head", "forged.log"]), 1);
    assert!(out.contains("signature"), "{out}");
    // What cannot be understood, by code 2; an entry that is not there, by code 4.
    for (text, code, word) in [("nothing", 2, "not a head"), (&kept[..kept.len() - 20], 0, "line 3")] {
        std::fs::write(at.join("bad.log"), text).unwrap();
        let (_, err) = expect(&letterlock(&at, &["audit", "verify", "--head", "bad.log"]), code);
        assert!(err.contains(word), "{err}");
    }
    for arguments in [&["prove"][..], &["prove", "1", "--since", "head-0.json"], &["prove", "1", "--size", "1"]] {
        let all: Vec<&str> = ["audit"].iter().chain(arguments).copied().collect();
        expect(&letterlock(&at, &all), 2);
    }
    let (_, err) = expect(&letterlock(&at, &["audit", "prove", "--since", "heads.log"]), 2);
    assert!(err.contains("3 heads"), "{err}");
    expect(&letterlock(&at, &["audit", "prove", "100000"]), 4);
}

fn read(at: &std::path::Path, name: &str) -> String {
    std::fs::read_to_string(at.join(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_keeps_heads_in_a_file_from_its_start_to_its_end() {
    let at = folder("audit-heads");
    std::fs::write(at.join("letterlock.toml"), "[audit]\nheads_file = 'kept/heads'\nheads_minutes = 5\n").unwrap();
    std::fs::create_dir(at.join("kept")).unwrap();
    let lines = || std::fs::read_to_string(at.join("kept/heads")).unwrap_or_default().lines().count();
    for run in 1..=2 {
        let server = Server::start(&at, &[]);
        for _ in 0..200 {
            if lines() == 2 * run - 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(lines(), 2 * run - 1, "one at the start");
        let status = json(&at, &["status"]);
        assert_eq!(status["readiness"]["heads"], "kept");
        assert!(status["heads"][0]["place"].as_str().unwrap().ends_with("kept/heads"), "{status}");
        let (out, _) = expect(&letterlock(&at, &["status"]), 0);
        assert!(out.contains("Audit heads kept") && out.contains("entries at"), "{out}");
        server.stop();
        assert_eq!(lines(), 2 * run, "and one at the end");
    }
    let (out, _) = expect(&letterlock(&at, &["audit", "verify", "--head", "kept/heads"]), 0);
    assert!(out.contains("all 4 heads"), "{out}");

    std::fs::write(at.join("letterlock.toml"), "[audit]\nheads_mail = 'auditor@example.org'\n").unwrap();
    let (_, err) = expect(&letterlock(&at, &["serve", "--listen", "127.0.0.1:0"]), 3);
    assert!(err.contains("mail.server"), "{err}");
}
