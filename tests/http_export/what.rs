//! What is in the file, and what is not.

use letterlock::policy::Role;
use serde_json::{Value, json};

use crate::support::{document, pdf, text};
use crate::{BORN, all_of, ask, exported, place, read, send, send_named, token, wanted};

const FORMATS: [&str; 4] = ["csv", "xlsx", "json", "zip"];

/// The rows of a table, by submission.
fn row<'a>(table: &'a Value, id: &str) -> &'a Value {
    table["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["_id"] == id)
        .unwrap_or_else(|| panic!("no {id} in {table}"))
}

#[tokio::test]
async fn every_format_says_what_was_sent() {
    let place = place().await;
    let message = "Two lines,\r\n\"quoted\"; äöü 漢 😀 <b>&amp;";
    let id = send(&place, "jane@example.org", message).await;
    let hanna = token(&place, "hanna", Role::Hr).await;
    let shown = place.service.get(&format!("/api/v1/submissions/{id}?purpose=moving"), Some(&hanna)).await;
    let (_, shown) = document(shown).await;
    let stored = text(&shown["fields"]["message"]);
    for format in ["csv", "xlsx"] {
        let table = read(format, &exported(&place, &hanna, &wanted(format)).await);
        let row = row(&table, &id);
        assert_eq!(
            (&row["message"], &row["email"], &row["birth"]),
            (&json!(stored), &json!("jane@example.org"), &json!(BORN))
        );
        assert_eq!(
            (&row["_files"], &row["_messages"], &row["_form_version"]),
            (&json!("passport.pdf; letter.pdf"), &json!("0"), &json!("3"))
        );
        assert_eq!((&row["_subject"], &row["_received"]), (&shown["subject"], &shown["received"]));
    }
    // JSON as the interface shows it, without what is for colleagues.
    let file: Value = serde_json::from_slice(&exported(&place, &hanna, &wanted("json")).await).unwrap();
    let mut expected = shown.clone();
    for private in ["notes", "note_count", "seen", "downloads"] {
        expected.as_object_mut().unwrap().remove(private);
    }
    assert_eq!((&file["items"], &file["export"]["count"]), (&json!([expected]), &json!(1)));
    let archive = read("zip", &exported(&place, &hanna, &wanted("zip")).await);
    let entries = archive["entries"].as_array().unwrap();
    let names: Vec<String> = entries.iter().map(|entry| text(&entry["name"])).collect();
    let expected_names = ["submission.json", "00-passport.pdf", "01-letter.pdf"].map(|name| format!("{id}/{name}"));
    assert_eq!(names, expected_names);
    let content = |n: usize| data_encoding::HEXLOWER.decode(text(&entries[n]["bytes"]).as_bytes()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&content(0)).unwrap(), expected);
    assert_eq!((content(1), content(2)), (pdf(3000, 9), pdf(2000, 3)));
}

/// Whoever is not shown a field sees neither its name as filled in, nor a value, nor a file, in any format.
#[tokio::test]
async fn masked_fields_are_in_no_format() {
    let place = place().await;
    let id = send(&place, "jane@example.org", "Hello").await;
    let sue = token(&place, "sue", Role::Support).await;
    for format in FORMATS {
        let bytes = exported(&place, &sue, &wanted(format)).await;
        let all = all_of(format, &bytes);
        assert!(all.contains(&id) && all.contains("Hello") && all.contains("letter.pdf"), "{format}: {all}");
        for hidden in [BORN, "passport.pdf"] {
            assert!(!all.contains(hidden), "{format}: {hidden}");
        }
        match format {
            "csv" | "xlsx" => {
                let table = read(format, &bytes);
                assert!(!table["head"].as_array().unwrap().contains(&json!("birth")), "{table}");
                assert_eq!(row(&table, &id)["_files"], "letter.pdf");
            }
            "zip" => {
                let archive = read(format, &bytes);
                let entries = archive["entries"].as_array().unwrap();
                assert_eq!((entries.len(), &entries[1]["name"]), (2, &json!(format!("{id}/00-letter.pdf"))));
                let file = data_encoding::HEXLOWER.decode(text(&entries[1]["bytes"]).as_bytes()).unwrap();
                assert_eq!(file, pdf(2000, 3), "and not the file that is hidden");
            }
            _ => {
                let file: Value = serde_json::from_slice(&bytes).unwrap();
                assert_eq!(file["items"][0]["masked"], json!(["birth", "passport"]));
            }
        }
    }
}

/// What a spreadsheet would run is made harmless where the format has no types, and typed as text where it has.
#[tokio::test]
async fn cells_that_would_run_are_harmless() {
    let place = place().await;
    let hanna = token(&place, "hanna", Role::Hr).await;
    let mut sent = Vec::new();
    for bad in ["=HYPERLINK(\"https://evil.example\";\"x\")", "+1+1", "-2+3", "@SUM(A1:A9)", "\u{ff1d}1+1", "a\t=1"] {
        sent.push((send(&place, "jane@example.org", bad).await, bad));
    }
    let table = read("csv", &exported(&place, &hanna, &wanted("csv")).await);
    for (id, bad) in &sent {
        let cell = text(&row(&table, id)["message"]);
        // Behind a tab another program begins a cell anew.
        let harmless = if bad.starts_with('a') { "a\t'=1".to_owned() } else { format!("'{bad}") };
        assert_eq!(cell, harmless);
    }
    // Read.py refuses a formula and a type that is no text and no number.
    let table = read("xlsx", &exported(&place, &hanna, &wanted("xlsx")).await);
    for (id, bad) in &sent {
        assert_eq!(&text(&row(&table, id)["message"]), bad);
    }
}

/// Names come from strangers: none leaves its folder, hides another or is a device, whoever unpacks it.
#[tokio::test]
async fn hostile_file_names_stay_in_their_folder() {
    let place = place().await;
    let hanna = token(&place, "hanna", Role::Hr).await;
    let names = [
        "../../../../etc/cron.d/evil.pdf",
        "..\\..\\evil.pdf",
        "C:\\con.pdf",
        "nul.pdf",
        "passport.pdf",
        "a/b\u{202e}fdp.pdf",
    ];
    let mut ids = Vec::new();
    for name in names {
        ids.push(send_named(&place, "jane@example.org", "Hello", name, 2000).await);
    }
    let archive = read("zip", &exported(&place, &hanna, &wanted("zip")).await);
    let entries: Vec<String> =
        archive["entries"].as_array().unwrap().iter().map(|entry| text(&entry["name"])).collect();
    assert_eq!(entries.len(), 3 * names.len());
    for entry in &entries {
        let (folder, name) = entry.split_once('/').unwrap();
        assert!(ids.iter().any(|id| id == folder), "{entry}");
        assert!(!name.contains(['/', '\\', ':', '\u{202e}']) && !name.contains(".."), "{entry}");
        assert!(name == "submission.json" || name.as_bytes()[..2].iter().all(u8::is_ascii_digit), "{entry}");
    }
    assert!(entries.contains(&format!("{}/01-passport.pdf", ids[4])), "beside 00-passport.pdf: {entries:?}");
}

/// A survey tells of many answers together; nobody takes the single ones out.
#[tokio::test]
async fn a_survey_is_refused() {
    let place = place().await;
    for (login, role, expected) in [("sue", Role::Support, 404), ("pia", Role::Privacy, 403)] {
        let token = token(&place, login, role).await;
        let body = json!({ "kind": "export", "form": "survey", "format": "csv", "purpose": "survey", "reason": "x" });
        assert_eq!(ask(&place, &token, &body).await.0, expected, "{login}");
    }
    let admin = crate::owner(Role::Admin);
    letterlock::services::sign_in::invite(&place.service.app, &admin, "mia", &[Role::Marketing], None, crate::DAY)
        .await
        .unwrap();
    let mia = token(&place, "mia", Role::Marketing).await;
    let body = json!({ "kind": "export", "form": "survey", "format": "csv", "purpose": "survey", "reason": "x" });
    assert_eq!(ask(&place, &mia, &body).await.0, 403, "its own readers neither");
}

/// What other forms got is in no export of this one, whatever is named.
#[tokio::test]
async fn another_forms_submissions_are_never_included() {
    let place = place().await;
    let mine = send(&place, "jane@example.org", "Hello").await;
    let other = place.service.ask_support("sam@example.org").await;
    let (hidden, _) = place.service.apply("apply@example.org", &pdf(2000, 1)).await;
    let sue = token(&place, "sue", Role::Support).await;
    for format in FORMATS {
        let all = all_of(format, &exported(&place, &sue, &wanted(format)).await);
        assert!(all.contains(&mine) && !all.contains(&other) && !all.contains(&hidden), "{format}");
    }
}

/// Filters are the inbox's.
#[tokio::test]
async fn filters_narrow_it_down() {
    let place = place().await;
    let hanna = token(&place, "hanna", Role::Hr).await;
    let first = send(&place, "jane@example.org", "Hello").await;
    let second = send(&place, "john@example.org", "Hello").await;
    let change = json!({ "status": "in-progress", "assignee": "hanna", "labels": ["urgent"] });
    let path = format!("/api/v1/submissions/{first}");
    let (status, changed) = document(place.service.json("PATCH", &path, Some(&hanna), &change).await).await;
    assert_eq!(status, 200, "{changed}");
    for (name, value, expected) in [
        ("status", "in-progress", &first),
        ("status", "new", &second),
        ("assignee", "me", &first),
        ("assignee", "hanna", &first),
        ("assignee", "nobody", &second),
        ("label", "Urgent", &first),
    ] {
        let mut body = wanted("json");
        body[name] = json!(value);
        let file: Value = serde_json::from_slice(&exported(&place, &hanna, &body).await).unwrap();
        let items = file["items"].as_array().unwrap();
        assert_eq!((items.len(), &items[0]["id"]), (1, &json!(expected)), "{name} {value}");
    }
}
