//! What requests carry.

use serde_json::{Value, json};

use super::parts::{bases, work_change};

/// The body of an operation, if it takes one.
pub(super) fn request_body(operation: &str) -> Option<Value> {
    let form_data = json!({
        "type": "object",
        "description": "Parts named by field, file and consent. A field may also be named fields.NAME and a consent \
            consents.NAME; a consent or yes/no field is given by true, on, yes or 1; options \
            of which several may be picked come by one part each, an address as NAME.line1, NAME.line2, NAME.town, \
            NAME.region, NAME.postcode and NAME.country. Or two parts, fields and consents, each a \
            JSON object, beside the files.",
    });
    let text = json!({ "type": "string" });
    let body_of = |required: &[&str], properties: Value| {
        json!({ "application/json": { "schema": {
            "type": "object", "required": required, "additionalProperties": false, "properties": properties,
        } } })
    };
    let content = match operation {
        "submit" => json!({
            "application/json": { "schema": { "$ref": "#/components/schemas/NewSubmission" } },
            "multipart/form-data": { "schema": form_data },
        }),
        "postForm" | "postEmbed" => json!({
            "application/x-www-form-urlencoded": { "schema": form_data },
            "multipart/form-data": { "schema": form_data },
        }),
        "markSubmission" => body_of(&[], work_change()),
        "changeSubmissions" => body_of(
            &["ids", "change"],
            json!({
                "ids": { "type": "array", "minItems": 1, "maxItems": 100, "items": { "$ref": "#/components/schemas/Id" } },
                "change": { "type": "object", "additionalProperties": false, "properties": work_change() },
            }),
        ),
        "askApproval" => body_of(
            &["kind", "reason"],
            json!({
                "kind": { "enum": ["roles", "erasure", "export", "legal-reading"] }, "reason": { "type": "string", "minLength": 1, "maxLength": 500 },
                "login": { "type": "string", "description": "Of roles: whose." },
                "roles": { "type": "array", "items": text, "description": "Of roles: those that the account gets." },
                "subjects": { "type": "array", "items": { "$ref": "#/components/schemas/Id" },
                    "description": "Of erasure: up to 250." },
                "form": { "type": "string", "description": "Of an export." },
                "format": { "enum": ["csv", "xlsx", "json", "zip"], "description": "Of an export; zip holds the files too." },
                "purpose": { "type": "string", "description": "Of an export: one of the form's." },
                "status": { "$ref": "#/components/schemas/Status" },
                "assignee": { "type": "string", "description": "Of an export: me, nobody, a login, or team: and a name." },
                "label": text, "from": { "type": "string", "format": "date" }, "until": { "type": "string", "format": "date" },
                "submissions": { "type": "array", "maxItems": 250, "items": { "$ref": "#/components/schemas/Id" },
                    "description": "Of an export: only these." },
                "subject": { "$ref": "#/components/schemas/Id" },
                "basis": { "enum": bases(), "description": "Of a reading: the ground, in Article 6(1) GDPR." },
                "reference": { "type": "string", "minLength": 1, "maxLength": 100,
                    "description": "Of a reading: by what name the case goes, such as a file number; names nobody." },
            }),
        ),
        "openVacancy" | "changeVacancy" => {
            let mut properties = json!({
                "titles": { "type": "object", "additionalProperties": { "type": "string", "maxLength": 120 },
                    "description": "By language; en has to be there." },
                "place": { "type": ["string", "null"], "maxLength": 80 }, "about": { "type": ["string", "null"], "maxLength": 1000 },
                "last_day": { "type": ["string", "null"], "description": "A date; empty for none." },
            });
            if operation == "openVacancy" {
                properties["reference"] = json!({ "type": "string", "minLength": 1, "maxLength": 40 });
                body_of(&["reference", "titles"], properties)
            } else {
                properties["closed"] = json!({ "type": "boolean" });
                body_of(&["titles", "closed"], properties)
            }
        }
        "giveReason" => {
            body_of(&["reason"], json!({ "reason": { "type": "string", "minLength": 1, "maxLength": 500 } }))
        }
        "eraseSubjects" => body_of(
            &["subjects"],
            json!({ "subjects": { "type": "array", "minItems": 1, "maxItems": 25, "items": { "$ref": "#/components/schemas/Id" } } }),
        ),
        "noteSubmission" => body_of(&["text"], json!({ "text": text })),
        "discloseNote" => body_of(&["disclosed"], json!({ "disclosed": { "type": "boolean" } })),
        "answerSubmission" => {
            body_of(&["text"], json!({ "text": text, "status": { "$ref": "#/components/schemas/Status" } }))
        }
        "moderate" => body_of(
            &["published"],
            json!({
                "published": { "type": "boolean" },
                "reason": { "type": "string", "description": "For the author; needed to decline." },
            }),
        ),
        "showMine" | "eraseMine" | "takeDownMine" => body_of(&["receipt"], json!({ "receipt": text })),
        "writeMine" => body_of(&["receipt", "text"], json!({ "receipt": text, "text": text })),
        "withdrawMine" => body_of(&["receipt", "consent"], json!({ "receipt": text, "consent": text })),
        "linkMine" => body_of(&["receipt", "file"], json!({ "receipt": text, "file": text })),
        "signIn"
        | "signInCode"
        | "choosePassword"
        | "completeSetup"
        | "enter"
        | "fetchMine"
        | "withdrawOnPage"
        | "takeDownOnPage"
        | "eraseOnPage"
        | "leave"
        | "openMine"
        | "askLink"
        | "useLink"
        | "takeResource"
        | "askPasskey"
        | "askFirstPasskey"
        | "askSecondPasskey"
        | "signInPasskey"
        | "signInProvider"
        | "signInSecondPasskey"
        | "completeSetupPasskey" => {
            json!({ "application/x-www-form-urlencoded": { "schema": { "type": "object" } } })
        }
        "postMessage" => json!({
            "application/x-www-form-urlencoded": { "schema": { "type": "object" } },
            "multipart/form-data": { "schema": {} },
        }),
        "confirm" | "unsubscribe" => {
            // Whatever a mail program sends: pressing is enough.
            let content = json!({ "application/x-www-form-urlencoded": { "schema": {} }, "multipart/form-data": { "schema": {} } });
            return Some(json!({ "required": false, "content": content }));
        }
        "orderMailing" => body_of(
            &["purpose", "subject", "text"],
            json!({
                "purpose": text, "subject": { "type": "string", "minLength": 1, "maxLength": 200 }, "text": text,
                "markdown": { "type": ["string", "null"], "description": "The same for the HTML part." },
                "topics": {
                    "type": ["array", "null"], "items": text,
                    "description": "Only for those who chose one of these options, or none at all.",
                },
            }),
        ),
        "searchSubmissions" => body_of(&["purpose"], searched()),
        "searchSubjects" => json!({ "application/json": { "schema": {
            "type": "object", "required": ["email"], "additionalProperties": false,
            "properties": { "email": { "type": "string" } },
        } } }),
        _ => return None,
    };
    // Without a visit the one leads to the way in, whatever comes with it; the other works without a page as well.
    let required = !matches!(operation, "postMessage" | "takeResource");
    Some(json!({ "required": required, "content": content }))
}

/// What submissions are looked for by.
fn searched() -> Value {
    let maybe = |description: &str| json!({ "type": ["string", "null"], "description": description });
    json!({
        "words": {
            "type": ["string", "null"], "maxLength": 200,
            "description": "All of them have to be there, as parts of words too; case and accents do not matter. At most ten. \
                None for every submission that the rest lets through.",
        },
        "form": maybe("Only this form; none for all that know the purpose."),
        "status": { "anyOf": [{ "$ref": "#/components/schemas/Status" }, { "type": "null" }] },
        "from": { "type": ["string", "null"], "format": "date", "description": "Received on this day (UTC) or later." },
        "until": { "type": ["string", "null"], "format": "date", "description": "Received on this day (UTC) or earlier." },
        "purpose": {
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
            "description": "One, or several: of each form those that it knows count.",
        },
        "after": maybe("Go on after this cursor: next of an earlier answer to the same search."),
        "limit": { "type": ["integer", "null"], "minimum": 1, "maximum": 200, "default": 50 },
    })
}
