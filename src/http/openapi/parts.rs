//! Larger parts of the document.

use serde_json::{Value, json};

use crate::domain::legal::LegalBasis;

/// A change of how the work stands.
pub(super) fn work_change() -> Value {
    let labels =
        json!({ "type": "array", "items": { "type": "string", "minLength": 1, "maxLength": 40 }, "maxItems": 20 });
    json!({
        "status": { "$ref": "#/components/schemas/Status" },
        "assignee": {
            "type": ["string", "null"], "minLength": 1,
            "description": "A login, or team: and the name of a team; null for nobody.",
        },
        "labels": labels, "add_labels": labels, "remove_labels": labels, "seen": { "type": "boolean" },
    })
}

/// What one person asks for and another approves.
pub(super) fn approval(id: &Value, time: &Value) -> Value {
    let roles = json!({ "type": "array", "items": { "type": "string" } });
    let mut out = json!({
        "type": "object", "required": ["id", "kind", "stage", "reason", "asked_by", "asked", "expires", "decided_by"],
        "properties": {
            "id": id, "kind": { "enum": ["roles", "erasure", "export", "legal-reading"] }, "reason": { "type": "string" },
            "stage": { "enum": ["asked", "approved", "declined", "withdrawn", "done", "expired"] },
            "asked_by": { "type": "string" }, "asked": time, "expires": time, "decided_by": { "type": ["string", "null"] },
            "login": { "type": ["string", "null"] }, "roles_before": roles, "roles": roles,
            "subjects": { "type": "array", "items": id, "description": "Empty once it is over." },
            "subject_count": { "type": "integer" },
            "form": { "type": "string" }, "format": { "enum": ["csv", "xlsx", "json", "zip"] }, "purpose": { "type": "string" },
            "status": { "type": ["string", "null"] }, "assignee": { "type": ["string", "null"] },
            "label": { "type": ["string", "null"], "description": "Null once it is over." },
            "from": { "type": ["string", "null"] }, "until": { "type": ["string", "null"] },
            "submissions": { "type": "array", "items": id, "description": "Of an export, those that were named; of a reading, those there are. Empty once it is over." },
            "submission_count": { "type": "integer", "description": "How many there were when it was asked for." },
            "download": {
                "type": ["object", "null"], "description": "How far the download is, since the service started.",
                "required": ["sent", "of", "state"],
                "properties": {
                    "sent": { "type": "integer" }, "of": { "type": "integer" },
                    "state": { "enum": ["running", "complete", "broken-off"] },
                },
            },
        },
    });
    let of_reading = json!({
        "subject": { "type": ["string", "null"], "description": "Whom a reading is about; null once it is over." },
        "basis": { "enum": bases() }, "reference": { "type": "string" },
        "stands": { "type": "boolean", "description": "Whether whoever asked may read by it now." },
    });
    for (name, schema) in of_reading.as_object().into_iter().flatten() {
        out["properties"][name] = schema.clone();
    }
    out
}

/// The grounds of a reading that two people agree on.
pub(super) fn bases() -> Vec<&'static str> {
    LegalBasis::ALL.map(LegalBasis::as_str).to_vec()
}

/// What came of erasing several people.
pub(super) fn erasures() -> Value {
    json!({
        "type": "object", "required": ["certificates"],
        "properties": { "certificates": { "type": ["array", "null"], "items": { "type": ["object", "null"] } } },
    })
}
