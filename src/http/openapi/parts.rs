//! Larger parts of the document.

use serde_json::{Value, json};

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
