//! `letterlock audit`: heads, proofs, and heads kept elsewhere.

use serde_json::Value;

use crate::support::{expect, folder, json, letterlock, with_input};

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
    for (text, word) in [("nothing", "not a head"), (&kept[..kept.len() - 20], "line 3")] {
        std::fs::write(at.join("bad.log"), text).unwrap();
        let (_, err) = expect(&letterlock(&at, &["audit", "verify", "--head", "bad.log"]), 2);
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
