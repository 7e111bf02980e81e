//! Domain values as the JSON that scripts see, in the same shapes as over HTTP.

use serde_json::{Map, Value, json};

use crate::domain::message::{Author, Message};
use crate::domain::submission::{ConsentGiven, Fields, FileInfo, Summary};
use crate::domain::work::Note;
use crate::services::find::Found;
use crate::services::review::{Item, LedgerLine, Submission};
use crate::services::search::{Hit, Matched};

pub(super) fn item(item: &Item) -> Value {
    let mut out = summary(&item.summary);
    if let Some(values) = &item.fields {
        out["fields"] = fields(values);
        out["masked"] = json!(item.masked);
    }
    out
}

pub(super) fn hit(hit: &Hit) -> Value {
    let mut out = summary(&hit.summary);
    let Matched { fields: matched, files, messages } = &hit.matched;
    out["purpose"] = json!(hit.purpose);
    out["fields"] = fields(&hit.fields);
    out["masked"] = json!(hit.masked);
    out["matched"] = json!({ "fields": matched, "files": files, "messages": messages });
    out
}

pub(super) fn submission(submission: &Submission) -> Value {
    let Submission {
        summary: line, content, messages, downloads, consent_changes, masked, former_masked, notes, ..
    } = submission;
    let mut out = summary(line);
    out["server_key"] = json!(content.server_key);
    out["fields"] = fields(&content.fields);
    out["consents"] =
        content.consents.iter().map(|(name, ConsentGiven { given, .. })| (name.clone(), json!(given))).collect();
    let sent_later = messages.iter().flat_map(|message| &message.files);
    out["files"] = content.files.iter().chain(sent_later).map(file).collect();
    out["messages"] = messages.iter().map(message).collect();
    out["downloads"] = json!(downloads);
    out["masked"] = json!(masked);
    out["former_masked"] = json!(former_masked);
    let note = |(note, disclosed): &(Note, bool)| json!({ "at": note.at, "role": note.role, "login": note.login, "text": note.text.expose(), "disclosed": disclosed });
    out["labels"] = line.work.labels.iter().map(|label| json!(label.expose())).collect();
    out["notes"] = notes.iter().map(note).collect();
    if !consent_changes.is_empty() {
        let given = |line: &LedgerLine| -> Map<_, _> {
            line.consents.iter().map(|(name, consent)| (name.clone(), json!(consent.given))).collect()
        };
        let change =
            |line: &LedgerLine| json!({ "at": line.at, "source": line.source.to_string(), "consents": given(line) });
        out["consent_changes"] = consent_changes.iter().map(change).collect();
    }
    out
}

fn message(message: &Message) -> Value {
    let author = match &message.author {
        Author::Subject => json!({ "is": "subject" }),
        Author::Staff { role, login } => json!({ "is": "staff", "role": role, "login": login }),
    };
    let files: Vec<u32> = message.files.iter().map(|file| file.n).collect();
    json!({ "at": message.at, "author": author, "text": message.text.expose(), "files": files })
}

pub(super) fn file(info: &FileInfo) -> Value {
    json!({ "n": info.n, "name": info.name.expose(), "kind": info.kind, "size": info.size, "scan": info.scan })
}

pub(super) fn found(found: &Found) -> Value {
    let submissions: Vec<_> = found.submissions.iter().map(summary).collect();
    json!({ "subject": found.subject, "submissions": submissions })
}

pub(super) fn summary(line: &Summary) -> Value {
    json!({
        "id": line.id,
        "form": line.form,
        "subject": line.subject,
        "status": line.status,
        "received": line.received,
        "region": line.region,
    })
}

fn fields(values: &Fields) -> Value {
    Value::Object(values.iter().map(|(name, value)| (name.clone(), value.to_json())).collect::<Map<_, _>>())
}
