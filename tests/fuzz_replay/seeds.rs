//! The seeds that are made rather than found: some whole, some broken. They lie in `fuzz/corpus` like all others;
//! `LETTERLOCK_WRITE_SEEDS=1 cargo test --test fuzz_replay seeds` writes them there after a format has changed.

use std::fs;

use letterlock::base::entropy::SeededEntropy;
use letterlock::base::ids::{FileId, Handle, PersonId, RecordId, VaultId};
use letterlock::crypto::Key;
use letterlock::crypto::link::Link;
use letterlock::crypto::stream::SEGMENT_LEN;
use letterlock::crypto::token::Token;
use letterlock::keys::slots::SlotNo;
use letterlock::vault::Certificate;
use serde_json::json;

use crate::corpus_folder;
use crate::targets::slot::{self, Kind};
use crate::targets::{certificate, kinds, links, passkeys, receipts, stream};

/// Of which target, under which name, which bytes.
type Seed = (&'static str, &'static str, Vec<u8>);

#[test]
fn the_seeds_in_the_corpus_are_those_made_here() {
    let write = std::env::var_os("LETTERLOCK_WRITE_SEEDS").is_some();
    let seeds = all();
    for (target, name, bytes) in &seeds {
        assert!(bytes.len() < 4096, "{target}/{name} has {} bytes", bytes.len());
        let path = corpus_folder(target).join(name);
        if write {
            fs::create_dir_all(corpus_folder(target)).unwrap();
            fs::write(&path, bytes).unwrap();
        }
        let found = fs::read(&path).unwrap_or_default();
        assert!(found == *bytes, "{} is not what the format makes; see the head of this file", path.display());
    }
    println!("{} seeds made and compared", seeds.len());
}

fn all() -> Vec<Seed> {
    let mut out = Vec::new();
    let mut of = |target: &'static str, seeds: Vec<(&'static str, Vec<u8>)>| {
        out.extend(seeds.into_iter().map(|(name, bytes)| (target, name, bytes)));
    };
    of("approvals", texts(&approvals()));
    of("certificate", certificates());
    of("clamd", texts(&CLAMD.map(|(name, text)| (name, text.to_owned()))));
    of("contacts", texts(&CONTACTS.map(|(name, text)| (name, text.to_owned()))));
    of("exports", texts(&EXPORTS.map(|(name, text)| (name, text.to_owned()))));
    of("form", forms());
    of("forwarded", texts(&FORWARDED.map(|(name, text)| (name, text.to_owned()))));
    of("ids", texts(&ids()));
    of("json", jsons());
    of("kinds", kinds());
    of("links", texts(&link_tokens()));
    of("mail", texts(&mails().map(|(name, text)| (name, text.to_owned()))));
    of("notice", notices());
    of("passkeys", texts(&passkey_answers()));
    of("receipts", texts(&codes()));
    of("search", texts(&SEARCHES.map(|(name, text)| (name, text.to_owned()))));
    of("slot", slots());
    of("store", stores());
    of("stream", streams());
    of("tokens", texts(&tokens()));
    of("words", texts(&WORDS.map(|(name, text)| (name, text.to_owned()))));
    of("urlencoded", texts(&URLENCODED.map(|(name, text)| (name, text.to_owned()))));
    out
}

fn texts(seeds: &[(&'static str, String)]) -> Vec<(&'static str, Vec<u8>)> {
    seeds.iter().map(|(name, text)| (*name, text.clone().into_bytes())).collect()
}

const WORDS: [(&str, &str); 14] = [
    ("label", "label\n  very \t urgent "),
    ("label-comma", "label\na, b"),
    ("message", "message\nDear Jane,\r\ncome on Tuesday.\n"),
    ("message-control", "message\na\u{7}b"),
    ("reason", "reason\nShe will lead the team."),
    ("case", "case\n12 C 345/26"),
    ("reference", "reference\nENG-2026-04"),
    ("reference-slash", "reference\n/etc"),
    ("title", "title\nBäcker:in <b>gesucht</b>"),
    ("title-turned", "title\nBäcker\u{202e}gnp.exe"),
    ("place", "place\nBerlin"),
    ("about", "about\nA few\nsentences."),
    ("day", "day\n2026-11-30"),
    ("nothing", "nothing\nx"),
];

fn approvals() -> Vec<(&'static str, String)> {
    let person = PersonId::from_bytes([2; 16]);
    let export = json!({
        "kind": "export", "reason": "The move.", "form": "move", "format": "zip", "purpose": "moving", "status": "new",
        "assignee": "team:hr", "label": "urgent", "from": "2026-01-01", "until": "2026-12-31",
        "submissions": [RecordId::from_bytes([3; 16])],
    });
    let export = export.to_string();
    let reading = json!({
        "kind": "legal-reading", "reason": "The court asks.", "subject": person, "basis": "legal-obligation",
        "reference": "12 C 345/26",
    });
    let reading = reading.to_string();
    vec![
        ("reading", reading.clone()),
        ("reading-basis", reading.replace("legal-obligation", "consent")),
        ("reading-of-two", reading.replace("\"subject\":", "\"subjects\":")),
        (
            "reading-no-case",
            json!({ "kind": "legal-reading", "reason": "x", "subject": person, "basis": "legal-claims" }).to_string(),
        ),
        ("erasure", json!({ "kind": "erasure", "reason": "They asked.", "subjects": [person] }).to_string()),
        ("roles", json!({ "kind": "roles", "reason": "x", "login": "jane", "roles": ["hr", "admin"] }).to_string()),
        ("export", export.clone()),
        ("format", export.replace("zip", "exe")),
        ("day", export.replace("2026-12-31", "2026-02-31")),
        ("kind", export.replace("\"export\"", "\"reading\"")),
        ("no-form", json!({ "kind": "export", "reason": "x", "format": "csv", "purpose": "x" }).to_string()),
        ("mixed", json!({ "kind": "roles", "reason": "x", "login": "jane", "roles": [], "subjects": [] }).to_string()),
        ("twice", export.replacen('{', "{\"kind\":\"roles\",", 1)),
        ("cut", export[..export.len() / 2].to_owned()),
        ("empty", String::new()),
    ]
}

fn passkey_answers() -> Vec<(&'static str, String)> {
    let (made, proof) = (passkeys::registration(), passkeys::proof());
    vec![
        ("made", made.clone()),
        ("proof", proof.clone()),
        ("nobody", proof.replace("\"AQEBAQEBAQEBAQEBAQEBAQ\"", "null")),
        ("padded", proof.replace("\"AQEBAQEBAQEBAQEBAQEBAQ\"", "\"AQEBAQEBAQEBAQEBAQEBAQ==\"")),
        ("short-user", proof.replace("\"AQEBAQEBAQEBAQEBAQEBAQ\"", "\"AQEB\"")),
        ("unknown-member", proof.replacen('{', "{\"type\":\"public-key\",", 1)),
        ("twice", proof.replacen('{', "{\"id\":\"AAAA\",", 1)),
        ("cut", made[..made.len() / 2].to_owned()),
        ("spaced", made.replace(',', " ,\n ")),
        ("empty", String::new()),
        ("nothing", "{}".to_owned()),
    ]
}

fn certificates() -> Vec<(&'static str, Vec<u8>)> {
    let statement = json!({
        "version": 1, "vault": VaultId::from_bytes([1; 16]), "kind": "record", "subject": PersonId::from_bytes([2; 16]),
        "records": [RecordId::from_bytes([3; 16]), RecordId::from_bytes([4; 16])], "files": [FileId::from_bytes([5; 16])],
        "keyrings": 1, "consent_rows": 0, "epoch_before": 7, "epoch_after": 8, "recovery_epoch": null,
        "state": "pending in backup", "erased_at": "2026-11-23T17:08:46.042Z", "role": null,
    });
    let signed = Certificate::sign(serde_json::from_value(statement).unwrap(), &certificate::signer());
    let compact = serde_json::to_string(&signed).unwrap();
    texts(&[
        ("signed", serde_json::to_string_pretty(&signed).unwrap()),
        ("vector", include_str!("../../src/vault/vectors/certificate.json").to_owned()),
        ("other-time", compact.replace("17:08:46.042Z", "17:08:46.0425+01:00")),
        (
            "other-order",
            compact.replacen("{\"version\":1,", "{", 1).replacen("\"role\":", "\"version\":1,\"role\":", 1),
        ),
        ("extra-member", compact.replacen('{', "{\"extra\":1,", 1)),
        ("member-twice", compact.replacen("\"keyrings\":1", "\"keyrings\":1,\"keyrings\":2", 1)),
        ("capital-hex", compact.replace("\"signature\":\"", "\"signature\":\"AB")),
        ("no-signature", compact.replace("\"signature\"", "\"sign\"")),
        ("negative-epoch", compact.replace("\"epoch_before\":7", "\"epoch_before\":-7")),
        ("cut", compact[..compact.len() / 2].to_owned()),
        ("deep", "[".repeat(1000)),
        ("empty", String::new()),
    ])
}

fn forms() -> Vec<(&'static str, Vec<u8>)> {
    let whole = include_str!("../support/targets/every_kind.toml");
    let small = "id = \"small\"\nversion = 1\ntitle = \"T\"\nsubmit = \"S\"\npurposes = [\"p\"]\nlegal_basis = \"L\"\n\
                 roles = [\"hr\"]\nretention_days = 1\nfields = [{ name = \"a\", label = \"A\", kind = \"yes-no\" }]\n\
                 notice = { version = \"1\", text = \"N\" }\n";
    let masked = |role: &str| small.replace("\"yes-no\"", &format!("\"yes-no\", roles = [\"{role}\"]"));
    texts(&[
        ("every-kind", whole.to_owned()),
        ("small", small.to_owned()),
        ("crlf", small.replace('\n', "\r\n")),
        ("escapes", small.replace("\"T\"", "\"T\\u0085 \\\"\\\\ \\U0001F642 \\u001b[2J\"")),
        ("name-twice", whole.replace("\"phone\"\nlabel", "\"short\"\nlabel")),
        ("unknown-member", small.replace("submit", "\"sub\\u001b[2Jmit\" = 1\nsubmit")),
        ("long-name", format!("{small}{} = 1\n", "n".repeat(3000))),
        ("wrong-type", small.replace("version = 1", "version = [1]")),
        ("missing-member", small.replace("version = 1\n", "")),
        ("too-large-number", small.replace("version = 1", "version = 99999999999999999999")),
        ("subject-of-wrong-kind", whole.replace("subject = \"email\"", "subject = \"phone\"")),
        ("newsletter", include_str!("../../forms/newsletter.toml").to_owned()),
        ("survey", include_str!("../../forms/survey.toml").to_owned()),
        ("refer-a-friend", include_str!("../../forms/refer-a-friend.toml").to_owned()),
        ("notice-unknown", small.replace("notice = { version = \"1\", text = \"N\" }", "notice = \"nowhere\"")),
        ("depends-on-itself", whole.replace("{ field = \"box\"", "{ field = \"code\"")),
        ("pattern-too-large", whole.replace("[A-Z]{2}[0-9]{1,6}", "\\w{999}{999}")),
        ("no-such-day", whole.replace("2000-01-01", "2000-02-30")),
        ("role-that-never-reads", small.replace("\"hr\"", "\"admin\"")),
        ("unlocks", format!("unlocks = [{{ file = \"a.pdf\", title = \"A\" }}]\nunlock_by = \"page\"\n{small}")),
        ("masks", format!("former_fields = [\"privacy\"]\n{}", masked("hr"))),
        ("masks-for-a-stranger", masked("auditor")),
        ("unlocks-a-path", format!("unlocks = [{{ file = \"../a.pdf\", title = \"A\" }}]\n{small}")),
        ("deep-arrays", format!("{small}x = {}", "[".repeat(2000))),
        ("deep-tables", format!("{small}{}1{}", "x = {a = ".repeat(300), "}".repeat(300))),
        ("dotted", format!("{small}x{} = 1", ".a".repeat(1500))),
        ("open-string", format!("{small}intro = \"\"\"\nnever closed")),
        ("empty", String::new()),
    ])
}

const SEARCHES: [(&str, &str); 9] = [
    ("name", "zoe quill\nZoë Quill"),
    ("accents", "STRASSE lodz soren\nHauptstraße, Łódź, Søren"),
    ("decomposed", "e\u{301}\nE\u{300}"),
    ("scripts", "북 北京 οδος и\n북경 在北京工作 Ὁδός Й"),
    ("wide", "ｆｕｌｌ\nfull ﬁle"),
    ("joined", "zusammen\nzu\u{ad}sam\u{200d}men"),
    ("not-there", "jane cobol\nJane knows Rust"),
    ("too-many", "a b c d e f g h i j k\nabcdefghijk"),
    ("no-word", "\u{301}\n\u{301}"),
];

const EXPORTS: [(&str, &str); 9] = [
    ("formula", "=HYPERLINK(\"https://evil.example\")"),
    ("wide", "\u{3000}\u{ff1d}1+1"),
    ("tab", "\t=1"),
    ("telephone", "+44 20 7946 0958"),
    ("path", "../../etc/passwd"),
    ("device", "C:\\con.pdf"),
    ("escape", "_x000D_<b>&\r\n]]>"),
    ("turned", "cv\u{202e}fdp.exe"),
    ("empty", ""),
];

const CONTACTS: [(&str, &str); 8] = [
    ("address", "Write to jane.doe+x@example.org, please."),
    ("address-spelt", "jane (at) example [dot] org or jane at example dot org"),
    ("telephone", "Ring +44 (0)20 / 7946-0958."),
    ("card", "4111 1111 1111 1111 until 12/29"),
    ("wide", "４１１１ １１１１ １１１１ １１１１ ｊａｎｅ＠ｅｘａｍｐｌｅ．ｏｒｇ"),
    ("arabic", "اتصل ٠٢٠٧٩٤٦٠٩٥٨"),
    ("days", "From 2026-11-25 to 26.11.2026, 10 000 people"),
    ("nothing", "What a pleasant place!"),
];

fn notices() -> Vec<(&'static str, Vec<u8>)> {
    let head = "+++\nversion = \"2026-11\"\nreview_by = 2027-11-30\n+++\n";
    let whole = format!(
        "{head}\n# Head & <\n\nOne *two* **three** `four`\\\nfive.\n\n1. a\n2. b\n\n- c\n  > d\n\n---\n\n\
         [us](https://example.org/?a=\"&b) <mailto:a@example.org>\n"
    );
    texts(&[
        ("whole", whole.clone()),
        ("small", format!("{head}N\n")),
        ("crlf", whole.replace('\n', "\r\n")),
        ("html", format!("{head}a <b>c</b>\n")),
        ("block-of-html", format!("{head}<script>\nalert(1)\n</script>\n")),
        ("comment", format!("{head}<!-- a -->\n")),
        ("picture", format!("{head}![a](https://example.org/a.png)\n")),
        ("script-link", format!("{head}[a](javascript:alert)\n")),
        ("entity-link", format!("{head}[a](&#106;avascript:alert)\n")),
        ("reference", format!("{head}[a]\n\n[a]: https://example.org \"<script>\"\n")),
        ("code", format!("{head}```\n<script>\n```\n")),
        ("deep", format!("{head}{}a\n", "> ".repeat(40))),
        ("no-words", format!("{head}\n---\n")),
        ("no-head", "N\n".to_owned()),
        ("open-head", "+++\nversion = \"1\"\n".to_owned()),
        ("no-such-day", whole.replace("2027-11-30", "2027-02-30")),
        ("empty", String::new()),
    ])
}

fn ids() -> Vec<(&'static str, String)> {
    let id = Handle::from_bytes(*b"0123456789abcdef").to_string();
    vec![
        ("handle", id.clone()),
        ("handle-capital", id.to_uppercase()),
        ("handle-trailing-bits", format!("{}b", &id[..25])),
        ("handle-wide", "ａ".repeat(26)),
        ("form", "job-application".to_owned()),
        ("form-64", "a-".repeat(32)),
        ("login", "7.jane_doe-2".to_owned()),
        ("role", "privacy".to_owned()),
        ("role-capital", "Admin".to_owned()),
        ("status", "in-progress".to_owned()),
        ("cursor", "AAAAAAAAAE0".to_owned()),
        ("cursor-trailing-bits", "AAAAAAAAAE1".to_owned()),
        ("cursor-padded", "AAAAAAAAAE0=".to_owned()),
        ("resource", "Price_list-2026.v2.pdf".to_owned()),
        ("link", made_link()),
        ("link-standard-alphabet", made_link().replace('-', "+").replace('_', "/")),
        ("dot", ".".to_owned()),
        ("dots", "..".to_owned()),
        ("path", "../../../../../../etc/pass".to_owned()),
        ("escaped-path", "..%2f..%2f..%2f..%2f..%2f.".to_owned()),
        ("confusable", "h\u{440}".to_owned()),
        ("empty", String::new()),
    ]
}

/// A link to a file that a form unlocks.
fn made_link() -> String {
    Link::make(&Key::from_bytes([1; 32]), 77, 1_795_000_000_000, [0xfb; 8], "guide.pdf").to_text().expose().to_owned()
}

fn jsons() -> Vec<(&'static str, Vec<u8>)> {
    let whole = json!({
        "fields": {
            "short": " Jane Do\u{308}e ", "long": "One.\r\nTwo\ttabs.\n\n", "email": "Jane@B\u{fc}cher.example",
            "phone": "+44 (0)20 7946-0958", "choice": "two", "box": true,
            "link": "HTTPS://Example.org", "number": 12.25, "date": "2024-02-29", "many": ["b", "a"], "mark": 2,
            "home": { "line1": "1 High St", "town": "Leeds", "postcode": "LS1 1AA" }, "code": "AB12", "reason": "Slow.",
        },
        "consents": { "keep": true, "write": false },
    })
    .to_string();
    let small = json!({ "fields": { "short": "ab", "email": "a@example.org" } }).to_string();
    let field = |more: &str| small.replacen("\"fields\":{", &format!("\"fields\":{{{more},"), 1);
    let mut bad_utf8 = small.clone().into_bytes();
    let at = bad_utf8.windows(2).position(|pair| pair == b"ab").unwrap();
    bad_utf8[at] = 0xff;
    let mut seeds = texts(&[
        ("whole", whole.clone()),
        ("small", small.clone()),
        ("spaced", small.replace(':', " : ").replace(',', "\n,\t")),
        ("escaped", small.replace("\"ab\"", "\"\\ud83d\\ude42\\u0041\\n\"")),
        ("box-as-text", field("\"box\":\"on\"")),
        ("unknown-field", field("\"salary\":\"1\"")),
        ("field-twice", field("\"short\":\"cd\"")),
        ("number", field("\"phone\":12345678")),
        ("number-as-text", field("\"number\":\"-2.50\",\"mark\":\"5\"")),
        ("picked-twice", field("\"many\":[\"a\",\"a\"]")),
        ("picked-one", field("\"many\":\"c\"")),
        ("not-asked", field("\"box\":false,\"code\":[1]")),
        ("no-such-day", field("\"date\":\"2023-02-29\"")),
        ("address-of-numbers", field("\"home\":{\"line1\":1}")),
        ("link-to-script", field("\"link\":\"javascript:alert(1)\"")),
        ("large-number", field("\"phone\":1e400")),
        ("file-as-text", field("\"cv\":\"%PDF-1.7\"")),
        ("no-choice", field("\"choice\":\"three\"")),
        ("deep-value", field(&format!("\"long\":{}1{}", "[".repeat(10), "]".repeat(10)))),
        ("consent-as-text", whole.replace("\"keep\":true", "\"keep\":\"true\"")),
        ("unknown-consent", whole.replace("\"keep\"", "\"keep-all\"")),
        ("unknown-member", whole.replacen("{\"", "{\"admin\":true,\"", 1)),
        ("no-fields", "{\"consents\":{}}".to_owned()),
        ("fields-no-object", "{\"fields\":[]}".to_owned()),
        ("control-characters", field("\"phone\":\"\\u0000\\u202e12345\"")),
        ("deep", format!("{}{}", "{\"fields\":".repeat(200), "[".repeat(1500))),
        (
            "wide",
            format!("{{\"fields\":{{{}}}}}", (0..300).map(|n| format!("\"f{n}\":1")).collect::<Vec<_>>().join(",")),
        ),
        ("cut", whole[..whole.len() - 10].to_owned()),
        ("empty", String::new()),
    ]);
    seeds.push(("bad-utf8", bad_utf8));
    seeds
}

fn link_tokens() -> Vec<(&'static str, String)> {
    let token = links::token(77);
    vec![
        ("token", token.clone()),
        ("first", links::token(0)),
        ("last", links::token((1 << 35) - 1)),
        ("past-the-last", format!("_{}", &token[1..])),
        ("padded", format!("{token}=")),
        ("other-alphabet", format!("{}+/", &token[..26])),
        ("percent", format!("{}%2D", &token[..25])),
        ("cut", token[..27].to_owned()),
        ("doubled", token.repeat(2)),
        ("empty", String::new()),
    ]
}

/// Address, subject, text and link, with a zero byte between them.
fn mails() -> [(&'static str, &'static str); 14] {
    [
        ("plain", "jane@example.org\0Hello\0Some words\r\n"),
        ("issue", "jane@example.org\0News\0Words\0https://example.org/f/newsletter/unsubscribe/AAAAAAA-_"),
        ("international", "info@bücher.example\0Grüße, 漢字 und mehr als in eine Zeile passt, wenn man sie kodiert\0Ä"),
        ("local-part", "rené@example.org\0Hi\0x"),
        ("line-ends", "jane@example.org\0Hi\r\nBcc: b@example.org\n\rCc: c\0.\r\n.\r\nBcc: d\r\n\r\n\r\n"),
        ("odd-line-ends", "jane@example.org\0Hi\u{85}Bcc: b\u{2028}Cc: c\u{b}\0\r\u{85}x"),
        ("encoded-already", "jane@example.org\0=?utf-8?q?Hi=0D=0ABcc:_b@example.org?= =?x\0x"),
        (
            "long-word",
            "j@example.org\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0x",
        ),
        ("second-address", "a@example.org, b@example.org\0Hi\0x"),
        ("header-in-address", "a@example.org\r\nBcc: b@example.org\0Hi\0x"),
        ("bad-link", "jane@example.org\0Hi\0x\0https://example.org/\r\nX-Y: z"),
        ("other-scheme", "jane@example.org\0Hi\0x\0mailto:a@example.org"),
        ("no-address", "nobody\0Hi\0x"),
        ("empty", ""),
    ]
}

fn codes() -> Vec<(&'static str, String)> {
    let code = receipts::code(77);
    vec![
        ("code", code.clone()),
        ("first", receipts::code(0)),
        ("last", receipts::code((1 << 35) - 1)),
        ("small", code.to_lowercase()),
        ("spaced", format!(" {}\n", code.replace('-', " "))),
        ("joined", code.replace('-', "")),
        ("letters-for-digits", receipts::code(5).replace('0', "O").replace('1', "l")),
        ("wide-spaces", code.replace('-', "\u{3000}")),
        ("wrong-check", format!("{}{}", &code[..33], if code.ends_with('0') { '1' } else { '0' })),
        ("no-letter-of-a-code", format!("U{}", &code[1..])),
        ("cut", code[..30].to_owned()),
        ("too-long", format!("{code}{}", "-".repeat(80))),
        ("empty", String::new()),
    ]
}

fn slots() -> Vec<(&'static str, Vec<u8>)> {
    let (a, b) = (slot::root(SlotNo::A, 7), slot::root(SlotNo::B, 8));
    let head = |magic: &[u8], numbers: &[u64]| {
        let numbers: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        [magic, slot::VAULT.as_bytes(), &numbers].concat()
    };
    let testimony = |epoch: u64, size: u64| {
        let peaks: Vec<u8> = (0..size.count_ones()).flat_map(|n| [n as u8; 32]).collect();
        [head(b"LLWITN1\0", &[epoch, size]), vec![size.count_ones() as u8], peaks].concat()
    };
    let mut count_wrong = testimony(3, 5);
    count_wrong[40] = 3;
    let row = |key: &[u8], value: Option<&[u8]>| match value {
        Some(v) => [&(key.len() as u16).to_be_bytes(), key, &[1], &(v.len() as u32).to_be_bytes(), v].concat(),
        None => [&(key.len() as u16).to_be_bytes(), key, &[0]].concat(),
    };
    let rows = |rows: &[Vec<u8>]| {
        let head = [8_u64.to_be_bytes().as_slice(), &(rows.len() as u32).to_be_bytes()].concat();
        [head, rows.concat()].concat()
    };
    let some = rows(&[row(b"\x01\x04", Some(b"page")), row(b"\x02gone", None)]);
    let mut torn = a.clone();
    torn[60..].fill(0x55);
    vec![
        ("root-a", slot::input(Kind::A, &a)),
        ("root-b", slot::input(Kind::B, &b)),
        ("root-a-in-b", slot::input(Kind::B, &a)),
        ("root-torn", slot::input(Kind::A, &torn)),
        ("root-file-two", slot::input(Kind::File, &[&[1], &a[..], &b].concat())),
        ("root-file-swapped", slot::input(Kind::File, &[&[1], &b[..], &a].concat())),
        ("root-file-short", slot::input(Kind::File, &[&[0], &a[..]].concat())),
        ("witness", slot::input(Kind::Witness, &slot::witness_block(&testimony(7, 13)))),
        ("witness-tail", slot::input(Kind::Witness, &[&slot::witness_block(&testimony(7, 13))[..], b"tail"].concat())),
        ("testimony-empty-tree", slot::input(Kind::Testimony, &testimony(1, 0))),
        ("testimony-many-peaks", slot::input(Kind::Testimony, &testimony(9, (1 << 40) - 1))),
        ("testimony-count-wrong", slot::input(Kind::Testimony, &count_wrong)),
        ("recovery", slot::input(Kind::Recovery, &slot::recovery_slot(7))),
        ("recovery-cut", slot::input(Kind::Recovery, &slot::recovery_slot(7)[..150])),
        ("redo", slot::input(Kind::Redo, &slot::redo(&some, true))),
        ("redo-no-digest", slot::input(Kind::Redo, &slot::redo(&some, false))),
        ("rows", slot::input(Kind::Rows, &slot::redo(&some, false))),
        ("rows-none", slot::input(Kind::Rows, &slot::redo(&rows(&[]), false))),
        ("rows-twice", slot::input(Kind::Rows, &slot::redo(&rows(&[row(b"a", None), row(b"a", None)]), false))),
        ("rows-in-disorder", slot::input(Kind::Rows, &slot::redo(&rows(&[row(b"b", None), row(b"a", None)]), false))),
        (
            "rows-count-too-large",
            slot::input(Kind::Rows, &slot::redo(&[&some[..8], &[0xff; 4], &some[12..]].concat(), false)),
        ),
        ("empty", Vec::new()),
    ]
}

fn stores() -> Vec<(&'static str, Vec<u8>)> {
    let put = |key: &[u8], len: u8| [&[0, key.len() as u8], key, &[len]].concat();
    let large = |key: &[u8], len: u8| [&[2, key.len() as u8], key, &[len]].concat();
    let remove = |key: &[u8]| [&[3, key.len() as u8], key].concat();
    let scan = |from: &[u8], to: &[u8]| [&[6, from.len() as u8], from, &[to.len() as u8], to].concat();
    let (commit, reopen) = (vec![4], vec![7]);
    let several: Vec<u8> = (0..20).flat_map(|n| put(&[n, n], n)).collect();
    vec![
        ("put-commit-reopen", [put(b"a", 3), put(b"b", 0), commit.clone(), reopen.clone()].concat()),
        (
            "replace-remove",
            [put(b"a", 3), commit.clone(), put(b"a", 200), remove(b"b"), commit.clone(), remove(b"a"), commit.clone()]
                .concat(),
        ),
        ("lost-batch", [put(b"a", 1), commit.clone(), put(b"b", 2), reopen.clone(), commit.clone()].concat()),
        ("scans", [several, commit.clone(), scan(b"\x03", b"\x0a"), scan(b"", b"\xff"), scan(b"b", b"a")].concat()),
        ("at-the-limit", [large(b"a", 128), commit.clone(), reopen.clone(), scan(b"a", b"b")].concat()),
        ("above-the-limit", [put(b"a", 1), large(b"b", 129), commit.clone(), put(b"c", 1), commit.clone()].concat()),
        ("no-key", [put(b"", 9), commit.clone(), scan(b"", b"\x00"), reopen].concat()),
        ("never-committed", put(b"a", 1)),
        ("commit-nothing", commit),
        ("empty", Vec::new()),
    ]
}

fn streams() -> Vec<(&'static str, Vec<u8>)> {
    let small = stream::whole(b"letterlock", &SeededEntropy::new(1));
    let kilobyte = stream::whole(&(0..1000).map(|n| (n % 251) as u8).collect::<Vec<_>>(), &SeededEntropy::new(2));
    let with = |at: usize, byte: u8| {
        let mut out = small.clone();
        out[at] ^= byte;
        out
    };
    let far = [&[0], u64::MAX.to_be_bytes().as_slice(), &small[9..]].concat();
    // As many full segments as fit a number of 4 bytes, and one more.
    let most = [&[0], (u64::from(u32::MAX) * SEGMENT_LEN as u64 + 1).to_be_bytes().as_slice(), &small[9..]].concat();
    vec![
        ("small", small.clone()),
        ("kilobyte", kilobyte.clone()),
        ("nothing", stream::whole(b"", &SeededEntropy::new(3))),
        ("length-one-more", with(8, 1)),
        ("version", with(9, 3)),
        ("salt", with(20, 1)),
        ("commitment", with(50, 1)),
        ("cut", kilobyte[..kilobyte.len() - 1].to_vec()),
        ("header-only", small[..9 + 66].to_vec()),
        ("length-far", far),
        ("length-most", most),
        ("seal-few", [&[1, 16], b"some content".as_slice()].concat()),
        ("seal-one-edge", stream::around(1)),
        ("seal-two-edges", stream::around(2)),
        ("empty", Vec::new()),
    ]
}

fn tokens() -> Vec<(&'static str, String)> {
    let token = Token::make_random(&SeededEntropy::new(4)).unwrap().bearer().expose().to_owned();
    vec![
        ("token", token.clone()),
        ("header", format!("Bearer {token}")),
        ("header-small", format!("bearer {token}")),
        ("two-headers", format!("Bearer {token}\nBearer {token}")),
        ("two-spaces", format!("Bearer  {token}")),
        ("tab", format!("Bearer\t{token}")),
        ("basic", "Basic amFuZTpzZWNyZXQ=".to_owned()),
        ("other-token", "Bearer aaa.bbb-ccc_ddd~eee+fff/ggg=".to_owned()),
        ("capital", token.to_uppercase()),
        ("trailing-bits", format!("{}b", &token[..token.len() - 1])),
        ("no-secret", token[..31].to_owned()),
        ("not-ascii", format!("Bearer {}é", &token[..60])),
        ("empty", String::new()),
    ]
}

fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    let word = [("[Content_Types].xml", &b"<Types/>"[..]), ("_rels/.rels", b"<R/>"), ("word/document.xml", b"<w:d/>")];
    let writer = [
        ("mimetype", &b"application/vnd.oasis.opendocument.text"[..]),
        ("content.xml", b"<office:document-content/>"),
        ("META-INF/manifest.xml", b"<manifest:manifest/>"),
    ];
    let with = |base: &[(&'static str, &'static [u8])], more: (&'static str, &'static [u8])| {
        kinds::zip(&[base, &[more]].concat())
    };
    let pdf = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n".to_vec();
    let (docx, odt) = (kinds::zip(&word), kinds::zip(&writer));
    let far = [&docx[..docx.len() - 6], &u32::MAX.to_le_bytes(), &[0, 0]].concat();
    vec![
        ("pdf", pdf.clone()),
        ("rtf", b"{\\rtf1\\ansi\\deff0 {\\fonttbl {\\f0 Courier;}} Jane \\'e9\\par }".to_vec()),
        ("text", "Jane Doe\r\n\tEngineer, Z\u{fc}rich\u{c}\n".as_bytes().to_vec()),
        ("text-with-mark", "\u{feff}Jane".as_bytes().to_vec()),
        ("docx", docx.clone()),
        ("odt", odt.clone()),
        ("docx-macros", with(&word, ("word/vbaProject.bin", b"x"))),
        ("docx-xlsx", with(&word, ("xl/workbook.xml", b"<x/>"))),
        ("docx-odt", kinds::zip(&[&writer[..], &word[..]].concat())),
        ("docx-name-twice", with(&word, ("WORD/document.xml", b"x"))),
        ("docx-escape", with(&word, ("../../etc/passwd", b"x"))),
        ("docx-far-table", far),
        ("odt-program", with(&writer, ("META-INF/MANIFEST.MF", b"x"))),
        ("zip", kinds::zip(&[("a.txt", b"a")])),
        ("pdf-zip", [pdf.clone(), kinds::zip(&[("a", b"")])].concat()),
        ("pdf-docx", [&b"%PDF-1.7\n"[..], &docx].concat()),
        ("zip-cut", odt[..odt.len() - 10].to_vec()),
        ("html", b"<!DOCTYPE html><html><script>1</script></html>".to_vec()),
        ("program", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0".to_vec()),
        ("script", b"#!/bin/sh\necho\n".to_vec()),
        ("text-escape", b"Jane\x1b[2J".to_vec()),
        ("not-utf8", b"Jane \xff".to_vec()),
        ("empty", Vec::new()),
    ]
}

const FORWARDED: [(&str, &str); 18] = [
    ("one", "x10.0.0.1\n203.0.113.5"),
    ("spoofed", "x10.0.0.1\n198.51.100.1, 203.0.113.5"),
    ("chain", "x10.0.0.1\n198.51.100.1, 203.0.113.5, 192.0.2.7,10.0.0.8"),
    ("lines", "x192.0.2.7\n198.51.100.1\n203.0.113.5\n10.0.0.8"),
    ("ports", "x10.0.0.1\n203.0.113.5:4711"),
    ("ipv6", "x2001:db8:1::1\n[2001:db8:2::1]:4711"),
    ("mapped", "x::ffff:10.0.0.1\n::ffff:203.0.113.5"),
    ("stranger", "x198.51.100.9\n203.0.113.5"),
    ("only-proxies", "x10.0.0.1\n10.0.0.7, 10.0.0.8"),
    ("unreadable", "x10.0.0.1\n203.0.113.5, unknown"),
    ("zone", "x10.0.0.1\n[fe80::1%1]:80"),
    ("empty-word", "x10.0.0.1\n203.0.113.5, "),
    (
        "many",
        "x10.0.0.1\n203.0.113.5,10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8,10.0.0.9,10.0.0.10,\
     10.0.0.11,10.0.0.12,10.0.0.13,10.0.0.14,10.0.0.15,10.0.0.16",
    ),
    ("forwarded", "f10.0.0.1\nfor=198.51.100.1, For=\"203.0.113.5:80\";proto=https"),
    ("forwarded-ipv6", "f10.0.0.1\nfor=\"[2001:db8:2::1]:4711\""),
    ("forwarded-twice", "f10.0.0.1\nfor=203.0.113.5;for=203.0.113.6"),
    ("forwarded-none", "f10.0.0.1\nby=10.0.0.1;proto=https"),
    ("empty", ""),
];

const CLAMD: [(&str, &str); 14] = [
    ("clean", "stream: OK"),
    ("found", "stream: Eicar-Test.UNOFFICIAL FOUND"),
    ("found-with-signs", "stream: Win.Test(0a1b:68) FOUND"),
    ("found-odd-name", "stream: <b>\"\\n%s FOUND"),
    ("found-nothing", "stream:  FOUND"),
    ("clean-and-more", "stream: OK\0stream: OK"),
    ("clean-line", "stream: OK\n"),
    ("half", "stream: O"),
    ("too-large", "INSTREAM size limit exceeded. ERROR"),
    ("error", "stream: Can't allocate memory ERROR"),
    ("escape", "stream: \u{1b}[2J FOUND"),
    ("version", "ClamAV 1.4.6/27830/Wed Nov 25 09:31:01 2026"),
    ("version-alone", "ClamAV 1.4.6"),
    ("empty", ""),
];

const URLENCODED: [(&str, &str); 14] = [
    ("several", "many=a&many=b&mark=3&number=-2.50&date=2024-02-29"),
    ("address", "home.line1=1+High+St&home.line2=&home.town=Leeds&home.postcode=LS1+1AA&home.country=GB"),
    ("pairs", "name=Jane+Doe&email=jane%40example.org&letter=a%0D%0Ab&talent-pool=on"),
    ("utf8", "name=J%C3%BCrgen&n%C3%A4me=%F0%9F%99%82"),
    ("raw-utf8", "name=J\u{fc}rgen"),
    ("bare", "a&b=&=c&=&&d=e=f"),
    ("no-escape", "a=%&b=%4&c=%zz&d=%4z"),
    ("twice", "a=1&a=2&A=3"),
    ("plus", "a+b=c+d&e=%2B%20+"),
    ("bad-utf8", "name=%c3%28"),
    ("bad-utf8-name", "%ff=1"),
    ("overlong", "name=%c0%af"),
    (
        "many",
        "a&b&c&d&e&f&g&h&i&j&a&b&c&d&e&f&g&h&i&j&a&b&c&d&e&f&g&h&i&j&a&b&c&d&e&f&g&h&i&j&a&b&c&d&e&f&g&h&i&j&a&b&c&d&e&f&g&h&i&j&a&b&c&d&e",
    ),
    ("empty", ""),
];
