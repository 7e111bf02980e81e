//! The schemas of the document: what is sent and answered as JSON.

use super::parts::{approval, erasures};
use serde_json::{Value, json};

/// Every schema that the document refers to, by name.
pub(super) fn schemas() -> Value {
    let id = json!({ "$ref": "#/components/schemas/Id" });
    let status = json!({ "$ref": "#/components/schemas/Status" });
    let time = json!({ "type": "string", "format": "date-time" });
    let hash = json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
    let flags = json!({ "type": "object", "additionalProperties": { "type": "boolean" } });
    let fields = json!({ "type": "object", "additionalProperties": {
        "description": "A text, a box, a number or mark, the options picked, or the parts of an address.",
        "anyOf": [
            { "type": ["string", "boolean", "number"] },
            { "type": "array", "items": { "type": "string" } },
            { "type": "object", "additionalProperties": { "type": "string" } },
        ],
    } });
    let masked = json!({ "type": "array", "items": { "type": "string" },
        "description": "What the form asks and the caller's role is not shown, answered or not." });
    let notes = json!({ "type": "array", "items": { "type": "object", "required": ["at", "author", "text", "disclosed"],
        "properties": {
            "at": time, "author": {}, "text": { "type": "string" },
            "disclosed": { "type": "boolean", "description": "Released to the person's own copy." },
        } } });
    let assignee = json!({ "type": ["string", "null"], "description": "A login, or team: and the name of a team." });
    let labels = json!({ "type": "array", "items": { "type": "string" } });
    let seen = json!({ "type": ["boolean", "null"], "description": "Whether the caller's account has seen it." });
    let line = json!({
        "id": id, "form": { "type": "string" }, "subject": id, "status": status, "received": time,
        "region": { "type": "string" }, "file_count": { "type": ["integer", "null"] }, "message_count": { "type": "integer" },
        "fields": fields, "masked": masked, "assignee": assignee, "labels": labels, "note_count": { "type": "integer" }, "seen": seen,
    });
    let files = json!({ "type": "array", "items": { "type": "object", "properties": {
        "n": { "type": "integer" }, "field": { "type": "string" }, "name": { "type": "string" },
        "kind": { "type": "string" }, "size": { "type": "integer" },
        "scan": { "enum": ["off", "clean", "unscanned", "held", "infected", "unscannable", "tolerated"],
            "description": "What the virus scanner said; held, infected and unscannable files cannot be downloaded." },
    } } });
    let messages = json!({ "type": "array", "items": { "type": "object", "required": ["at", "author", "text", "files"], "properties": {
        "at": time, "author": {}, "text": { "type": "string" }, "files": files,
    } } });
    let downloads = json!({ "type": "array", "items": { "type": "object", "required": ["at", "file", "title"], "properties": {
        "at": time, "file": { "type": "string" }, "title": { "type": "string" },
    } } });
    let submission = json!({
        "type": "object",
        "required": ["id", "form", "received", "region", "fields", "consents", "files", "messages"],
        "properties": {
            "id": id, "form": { "type": "string" }, "subject": id, "status": status, "received": time,
            "region": { "type": "string" }, "fields": fields, "consents": flags,
            "files": files, "messages": messages, "downloads": downloads, "masked": masked,
            "former_masked": { "type": "boolean", "description":
                "It came by an earlier version of the form, and what only that one asked is not shown." },
            "assignee": assignee, "labels": labels, "note_count": { "type": "integer" }, "seen": seen,
            "notes": notes,
            "form_version": { "type": "integer" },
            "notice": { "type": "string", "description": "Version of the privacy notice shown." },
            "server_key": { "type": ["string", "null"], "description": "The key by which a server posted it." },
            "consent_changes": { "type": "array", "description": "For a newsletter: its part of the consent ledger.",
                "items": { "type": "object", "properties": {
                    "at": time, "source": { "type": "string" },
                    "notice": { "type": "string" }, "consents": flags,
                } } },
            "consent_wordings": { "type": "object", "description": "Version of each consent's words.",
                "additionalProperties": { "type": "string" } },
        },
    });
    let mut out = json!({
        "Id": { "type": "string", "pattern": "^[a-z2-7]{26}$" },
        "Status": { "enum": [
            "new", "in-progress", "answered", "closed",
            "received", "shortlisted", "interview", "offer", "hired", "rejected",
            "published", "declined", "withdrawn",
            "unconfirmed", "confirmed",
        ] },
        "Mailing": {
            "type": "object",
            "required": ["id", "form", "subject", "topics", "ordered", "state", "queued", "waiting", "sent"],
            "properties": {
                "id": id, "form": { "type": "string" }, "subject": { "type": "string" }, "ordered": time,
                "topics": { "type": "array", "items": { "type": "string" } },
                "state": { "enum": ["queueing", "sending", "done"] },
                "queued": { "type": "integer", "description": "Mails put into the outbox so far." },
                "waiting": { "type": "integer" }, "sent": { "type": "integer" },
                "given_up": { "type": "integer", "description": "Not taken by the mail server, in the end." },
                "withdrawn": { "type": "integer", "description": "Not sent: the person had unsubscribed by then." },
                "erased": { "type": "integer", "description": "Not sent: the person was erased by then." },
            },
        },
        "NewSubmission": {
            "type": "object", "required": ["fields"], "additionalProperties": false,
            "properties": {
                "fields": fields, "consents": flags,
                "altcha": { "type": ["string", "null"], "description": "The solution of a challenge, for forms with proof_of_work." },
            },
        },
        "Challenge": {
            "type": "object", "required": ["algorithm", "challenge", "maxnumber", "salt", "signature"],
            "description": "Find the number, 0 to maxnumber, whose decimal digits after the salt have the SHA-256 challenge (hex); \
                send {algorithm, challenge, number, salt, signature} as JSON in Base64.",
            "properties": {
                "algorithm": { "const": "SHA-256" }, "challenge": { "type": "string" }, "salt": { "type": "string" },
                "maxnumber": { "type": "integer" }, "signature": { "type": "string" },
            },
        },
        "Receipt": {
            "type": "object", "required": ["submission", "receipt"],
            "properties": {
                "submission": id, "receipt": { "type": "string" },
                "downloads": { "type": "array", "items": { "$ref": "#/components/schemas/Link" } },
            },
        },
        "Link": {
            "type": "object", "required": ["file", "title", "link", "until"],
            "properties": {
                "file": { "type": "string" }, "title": { "type": "string" }, "until": time,
                "link": { "type": "string", "description": "The path of a page with a button; a POST there downloads, once." },
            },
        },
        "Written": {
            "type": "object", "required": ["number"],
            "properties": { "number": { "type": "integer", "description": "Its number in the conversation, from 0." } },
        },
        "Mine": {
            "type": "object", "required": ["id", "form", "received", "fields", "files", "messages", "consents"],
            "properties": {
                "id": id, "form": { "type": "string" }, "received": time, "region": { "type": "string" },
                "publication": { "description": "Of a comment on a board: where it stands.", "anyOf": [status, { "type": "null" }] },
                "notice": { "type": "string" }, "fields": fields, "files": files, "messages": messages, "downloads": downloads,
                "consents": { "type": "object", "additionalProperties": { "type": "object", "properties": {
                    "given": { "type": "boolean" }, "wording": { "type": "string" }, "since": time,
                    "source": { "type": "string", "description": "form, receipt, or server key NAME." },
                } } },
            },
        },
        "SubmissionLine": { "type": "object", "properties": line },
        "Submission": submission,
        "Results": results(),
        "Comment": { "type": "object", "required": ["day", "fields"], "properties": {
            "day": { "type": "string" }, "fields": { "type": "object", "additionalProperties": { "type": "string" } },
        } },
        "Found": { "type": "object", "properties": {
            "subject": id,
            "submissions": { "type": "array", "items": { "$ref": "#/components/schemas/SubmissionLine" } },
        } },
        "Hits": {
            "type": "object", "required": ["items", "next", "looked", "percent"],
            "properties": {
                "items": { "type": "array", "items": { "allOf": [
                    { "$ref": "#/components/schemas/SubmissionLine" },
                    { "type": "object", "required": ["matched", "purpose"], "properties": { "purpose": { "type": "string" }, "matched": {
                        "type": "object", "description": "Where the words stand.", "required": ["fields", "files", "messages"],
                        "properties": {
                            "fields": { "type": "array", "items": { "type": "string" } },
                            "files": { "type": "boolean", "description": "In the name of a file." },
                            "messages": { "type": "boolean", "description": "In the conversation." },
                        },
                    } } },
                ] } },
                "next": { "type": ["string", "null"],
                    "description": "Where to go on, when enough was found or the time was up; null at the end." },
                "looked": { "type": "integer", "description": "Submissions that this request looked through." },
                "percent": { "type": "integer", "minimum": 0, "maximum": 100, "description": "How far the search is." },
            },
        },
        "AuditEntry": audit_entry(),
        "TransferLine": transfer_line(),
        "Alert": {
            "type": "object", "required": ["id", "login", "time", "kind", "count", "usual", "reason", "settled_by", "settled"],
            "properties": {
                "id": id, "login": { "type": "string" }, "time": time,
                "kind": { "enum": ["fast", "lines", "much"], "description": "Opened within ten minutes, lines shown within ten \
                    minutes, or opened in a day." },
                "count": { "type": "integer" }, "usual": { "type": ["integer", "null"], "description": "Of one's own usual day." },
                "reason": { "type": ["string", "null"] }, "settled_by": { "type": ["string", "null"] },
                "settled": { "anyOf": [time, { "type": "null" }] },
            },
        },
        "AuditHead": {
            "type": "object", "required": ["vault", "size", "root", "time", "public_key", "signature"],
            "description": "Keep it where nobody with access to the vault can change it.",
            "properties": {
                "vault": id, "size": { "type": "integer" }, "root": hash, "time": time, "public_key": hash,
                "signature": { "type": "string", "description": "Ed25519, hex." },
            },
        },
        "AuditInclusion": {
            "type": "object", "required": ["format", "head", "entry", "leaf", "opens", "subjects_open", "path"],
            "properties": {
                "format": { "const": "letterlock audit inclusion 1" },
                "head": { "$ref": "#/components/schemas/AuditHead" }, "entry": { "$ref": "#/components/schemas/AuditEntry" },
                "leaf": { "type": "string", "description": "The sealed entry, Base64." },
                "opens": { "type": "string", "description": "What opens this leaf and no other, hex." },
                "subjects_open": { "type": "array", "items": { "type": ["string", "null"] } },
                "path": { "type": "array", "items": hash },
            },
        },
        "AuditConsistency": {
            "type": "object", "required": ["format", "first", "second", "path"],
            "properties": {
                "format": { "const": "letterlock audit consistency 1" },
                "first": { "$ref": "#/components/schemas/AuditHead" }, "second": { "$ref": "#/components/schemas/AuditHead" },
                "path": { "type": "array", "items": hash },
            },
        },
        "Problem": {
            "type": "object", "required": ["type", "title", "status", "detail", "request", "problems"],
            "properties": {
                "type": { "type": "string" }, "title": { "type": "string" }, "status": { "type": "integer" },
                "detail": { "type": "string" }, "request": { "type": "string" },
                "problems": { "type": "array", "items": { "type": "object", "properties": {
                    "field": { "type": ["string", "null"] }, "code": { "type": "string" },
                    "message": { "type": "string" },
                } } },
            },
        },
    });
    out["Opened"] = json!({ "type": "object", "required": ["id"], "properties": { "id": id } });
    out["Vacancy"] = vacancy(&id, &time);
    out["Approval"] = approval(&id, &time);
    out["Erasures"] = erasures();
    out
}

/// An entry of the trail.
fn audit_entry() -> Value {
    let id = json!({ "$ref": "#/components/schemas/Id" });
    let text = json!({ "type": ["string", "null"] });
    json!({
        "type": "object",
        "required": ["seq", "time", "actor", "role", "action", "request", "purpose", "detail", "subjects", "transfers"],
        "properties": {
            "seq": { "type": "integer", "description": "Its number, from 0." },
            "time": { "type": "string", "format": "date-time" },
            "actor": { "type": "string", "description": "public, subject, system, staff:LOGIN, owner:ROLE, key:NAME." },
            "role": text, "action": { "type": "string" }, "purpose": text,
            "request": { "anyOf": [id, { "type": "null" }] },
            "detail": { "description": "none, or what there is to say beyond that, by the name of its kind." },
            "subjects": { "type": "array", "items": { "type": "object", "properties": {
                "erased": { "const": true }, "subject": id, "submission": { "anyOf": [id, { "type": "null" }] },
                "purpose": text, "file": { "type": ["integer", "null"] }, "status": text,
            } } },
            "transfers": transfers(),
        },
    })
}

/// What one act read across regions.
fn transfers() -> Value {
    json!({
        "type": "array", "description": "What was read from another region than the one that it is kept in.",
        "items": {
            "type": "object", "required": ["stored", "reader", "safeguard", "records"],
            "properties": {
                "stored": { "type": "string" }, "reader": { "type": "string" }, "safeguard": { "type": "string" },
                "records": { "type": "integer" },
            },
        },
    })
}

/// A line of the register of transfers.
fn transfer_line() -> Value {
    json!({
        "type": "object", "required": ["seq", "time", "actor", "role", "action", "purposes", "transfers"],
        "properties": {
            "seq": { "type": "integer", "description": "The number of its entry in the audit trail." },
            "time": { "type": "string", "format": "date-time" }, "actor": { "type": "string" },
            "role": { "type": ["string", "null"] }, "action": { "type": "string" },
            "purposes": { "type": "array", "items": { "type": "string" } }, "transfers": transfers(),
        },
    })
}

/// What a survey comes to.
fn results() -> Value {
    json!({
        "type": "object", "required": ["form", "title", "k", "answers", "questions"],
        "description": "Counts are rounded to multiples of k, so they need not add up.",
        "properties": {
            "form": { "type": "string" }, "title": { "type": "string" }, "k": { "type": "integer", "minimum": 5 },
            "answers": { "type": ["integer", "null"], "description": "Answers counted, in whole groups; null while there are too few." },
            "questions": { "type": "array", "items": {
                "type": "object",
                "required": ["name", "label", "kind", "answers", "counts", "mean", "quartiles", "readable", "masked"],
                "properties": {
                    "name": { "type": "string" }, "label": { "type": "string" }, "kind": { "type": "string" },
                    "answers": { "type": ["integer", "null"] }, "mean": { "type": ["number", "null"] },
                    "counts": { "type": "array", "items": { "type": "object", "required": ["value", "label", "count"],
                        "properties": { "value": {}, "label": { "type": "string" }, "count": { "type": "integer" } } } },
                    "quartiles": { "type": ["array", "null"] }, "readable": { "type": "boolean" },
                    "masked": { "type": "boolean", "description": "Not shown to the caller's role: then nothing is told of it." },
                },
            } },
        },
    })
}

fn vacancy(id: &Value, time: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["id", "reference", "titles", "place", "about", "last_day", "opened", "closed", "open"],
        "properties": {
            "id": id, "reference": { "type": "string", "maxLength": 40, "description": "What is sent for it; it never changes." },
            "titles": { "type": "object", "additionalProperties": { "type": "string" }, "description": "By language; en is always there." },
            "place": { "type": "string" }, "about": { "type": "string" },
            "last_day": { "type": ["string", "null"], "format": "date" },
            "opened": time, "closed": { "anyOf": [time, { "type": "null" }] },
            "open": { "type": "boolean", "description": "Whether forms offer it now." },
        },
    })
}
