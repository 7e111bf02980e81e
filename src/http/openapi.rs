//! The OpenAPI document, made from the table of routes: a route cannot be missing from it, but for the console's pages, which are
//! for browsers and may change.

mod bodies;
mod parts;
mod schemas;

use serde_json::{Map, Value, json};

use super::routes::{Route, Who, is_page, routes};
use bodies::request_body;
use schemas::schemas;

/// The document, OpenAPI 3.1.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for route in described() {
        let place = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(methods) = place.as_object_mut() {
            methods.insert(route.method.to_ascii_lowercase(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Letterlock",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Submissions in, sealed under the keys of the person they are about; authorised readers out; \
                erasure by destroying keys. Errors are application/problem+json with a stable type. What the caller may \
                not know of is answered like what does not exist.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "key": { "type": "http", "scheme": "bearer", "description": "A server's key, for the forms that it names." },
            },
            "schemas": schemas(),
        },
    })
}

fn described() -> impl Iterator<Item = &'static Route> {
    routes().iter().filter(|route| !route.who.is_signed_in())
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": path_schema(name) }))
        .collect();
    parameters
        .extend(route.query.iter().map(|name| json!({ "name": name, "in": "query", "schema": query_schema(name) })));
    if matches!(route.operation, "submit" | "orderMailing") {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": route.operation == "orderMailing",
            "description": "Per form, for 24 hours: the same key and content get the same answer, other content gets 422, \
                a request that is still running gets 409.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
        }));
    }
    let mut out = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses(route),
    });
    if let Some(body) = request_body(route.operation) {
        out["requestBody"] = body;
    }
    if route.operation == "submit" {
        out["security"] = json!([{}, { "key": [] }]);
    }
    if route.who == Who::Bearer {
        out["security"] = json!([{ "token": [] }]);
    }
    out
}

fn path_schema(name: &str) -> Value {
    match name {
        "form" | "field" => json!({ "type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}$" }),
        "n" => json!({ "type": "integer", "minimum": 0 }),
        "name" => json!({ "type": "string" }),
        "token" => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{28,64}$" }),
        _ => json!({ "$ref": "#/components/schemas/Id" }),
    }
}

fn query_schema(name: &str) -> Value {
    match name {
        "limit" => json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 }),
        "page" => json!({ "type": "integer", "minimum": 1, "maximum": 100_000, "default": 1 }),
        "person" | "record" => json!({ "type": "string", "pattern": "^([a-z2-7]{26})?$" }),
        "size" | "first" | "second" | "from" | "to" => json!({ "type": "integer", "minimum": 0 }),
        "status" => json!({ "$ref": "#/components/schemas/Status" }),
        "seen" | "transfers" => json!({ "type": "boolean" }),
        _ => json!({ "type": "string" }),
    }
}

fn responses(route: &Route) -> Value {
    let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let list = |items: Value| {
        json!({
            "type": "object", "required": ["items", "next"],
            "properties": { "items": { "type": "array", "items": items }, "next": { "type": ["string", "null"] } },
        })
    };
    let (status, kind, body) = match route.operation {
        "orderMailing" => ("202", "application/json", schema("Mailing")),
        "showMailing" => ("200", "application/json", schema("Mailing")),
        "listMailings" => ("200", "application/json", list(schema("Mailing"))),
        "embedScript" | "embedScriptVersion" | "passkeyScript" | "searchScript" => {
            ("200", "text/javascript", json!({ "type": "string" }))
        }
        "challenge" => ("200", "application/json", schema("Challenge")),
        "style" | "clearBehind" => ("200", "text/css", json!({ "type": "string" })),
        "icon" => ("200", "image/svg+xml", json!({ "type": "string" })),
        "robots" | "erasureKey" | "auditKey" => ("200", "text/plain", json!({ "type": "string" })),
        "enter" | "postMessage" | "withdrawOnPage" | "takeDownOnPage" | "openMine" | "useLink" => {
            ("303", "", Value::Null)
        }
        "answerSubmission" | "writeMine" | "noteSubmission" => ("201", "application/json", schema("Written")),
        "showMine" | "withdrawMine" | "takeDownMine" => ("200", "application/json", schema("Mine")),
        "linkMine" => ("201", "application/json", schema("Link")),
        "downloadFile" | "myFile" | "fetchMine" | "takeResource" => {
            ("200", "application/octet-stream", json!({ "type": "string", "format": "binary" }))
        }
        "listApprovals" => ("200", "application/json", list(schema("Approval"))),
        "askApproval" => ("201", "application/json", schema("Approval")),
        "withdrawApproval" => ("200", "application/json", schema("Approval")),
        "eraseSubjects" | "useApproval" => ("200", "application/json", schema("Erasures")),
        "submit" => ("201", "application/json", schema("Receipt")),
        "listForms" => ("200", "application/json", list(json!({ "type": "object" }))),
        "listSubmissions" => ("200", "application/json", list(schema("SubmissionLine"))),
        "giveReason" | "settleAlert" | "changeVacancy" => ("204", "", Value::Null),
        "openVacancy" => ("201", "application/json", schema("Opened")),
        "listVacancies" => ("200", "application/json", list(schema("Vacancy"))),
        "listAlerts" => ("200", "application/json", list(schema("Alert"))),
        "listTransfers" => ("200", "application/json", list(schema("TransferLine"))),
        "listAudit" => ("200", "application/json", list(schema("AuditEntry"))),
        "downloadExport" => ("200", "application/octet-stream", json!({ "type": "string", "format": "binary" })),
        "exportAudit" => ("200", "application/x-ndjson", json!({ "type": "string" })),
        "auditHead" => ("200", "application/json", schema("AuditHead")),
        "auditEntry" => ("200", "application/json", schema("AuditInclusion")),
        "auditConsistency" => ("200", "application/json", schema("AuditConsistency")),
        "searchSubjects" => ("200", "application/json", list(schema("Found"))),
        "searchSubmissions" => ("200", "application/json", schema("Hits")),
        "listBoard" => ("200", "application/json", list(schema("Comment"))),
        "showResults" => ("200", "application/json", schema("Results")),
        "listTexts" => ("200", "application/json", list(json!({ "type": "string" }))),
        "showSubmission" => ("200", "application/json", schema("Submission")),
        "markSubmission" | "moderate" => ("200", "application/json", schema("SubmissionLine")),
        _ if is_page(route.path) => ("200", "text/html", json!({ "type": "string" })),
        _ => ("200", "application/json", json!({ "type": "object" })),
    };
    let mut out = Map::new();
    // To the sign-in, or on from it.
    if route.path.starts_with("/staff/sign-in") && route.operation != "askPasskey" {
        out.insert("303".to_owned(), json!({ "description": "To where one signs in, or on from there." }));
    }
    let mut success = json!({ "description": route.summary });
    // What leads elsewhere has nothing to read.
    if status != "303" {
        success["content"] = json!({ kind: { "schema": body } });
    }
    out.insert(status.to_owned(), success);
    if route.operation == "postForm" {
        out.insert(
            "303".to_owned(),
            json!({ "description": "Leads on to a page that the form allows, where a mail confirms it." }),
        );
    }
    if route.operation == "orderMailing" {
        let again = json!({ "application/json": { "schema": schema("Mailing") } });
        out.insert("200".to_owned(), json!({ "description": "The same order came before.", "content": again }));
    }
    if route.operation == "fetchMine"
        && let Some(content) = out.get_mut("200").and_then(|answer| answer["content"].as_object_mut())
    {
        // The way in, for who has no visit.
        content.insert("text/html".to_owned(), json!({ "schema": { "type": "string" } }));
    }
    let problem = json!({ "application/problem+json": { "schema": schema("Problem") } });
    let page = json!({ "text/html": { "schema": { "type": "string" } } });
    for (code, description) in errors(route) {
        let content = if is_page(route.path) { &page } else { &problem };
        out.insert(code.to_owned(), json!({ "description": description, "content": content }));
    }
    Value::Object(out)
}

/// The errors of a route: they follow from what it is, so that none is forgotten.
fn errors(route: &Route) -> Vec<(&'static str, &'static str)> {
    let mut out = vec![("429", "Too many requests."), ("503", "The service cannot take this now.")];
    let bearer = route.who == Who::Bearer;
    let has_body = request_body(route.operation).is_some();
    if bearer {
        out.extend([("401", "No token, or a bad one."), ("403", "Seen, but the act is not allowed.")]);
    }
    if route.who == Who::Public && route.method != "GET" {
        out.push(("403", "Sent by another site, or not available here."));
    }
    if route.operation == "signInCallback" {
        out.push(("403", "What the provider says was not taken, or lets nobody in."));
    }
    if route.operation == "signInCallback"
        || bearer
        || has_body
        || route.path.contains('{')
        || route.path.starts_with("/my")
    {
        out.push(("404", "Does not exist, was erased, or may not be known."));
    }
    if matches!(route.operation, "downloadFile" | "myFile") {
        out.push((
            "409",
            "The file is withheld: it is not scanned for viruses yet, or never could be, or is infected.",
        ));
    }
    // Of every address: a parameter that it does not know is refused, not passed over.
    out.push((
        "422",
        "The content or a parameter is not valid, or a purpose is missing; each problem names its field.",
    ));
    if has_body {
        out.extend([
            ("400", "The body cannot be read."),
            ("408", "The body came too slowly."),
            ("413", "Too large."),
            ("415", "Not a kind of body that is taken here."),
            ("507", "The storage is full; nothing was stored."),
        ]);
    }
    if route.path.starts_with("/r/") {
        out.push(("410", "The link was used, or is too old."));
    }
    if route.operation == "submit" {
        out.push(("401", "A key came that is not good."));
        out.push(("409", "A request with this idempotency key is still running."));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        let described: usize = paths.values().map(|p| p.as_object().unwrap().len()).sum();
        assert_eq!(described, super::described().count());
        for route in super::described() {
            let operation = &paths[route.path][route.method.to_ascii_lowercase()];
            assert_eq!(operation["operationId"], route.operation);
            assert_eq!(operation["security"].is_array(), route.who == Who::Bearer || route.operation == "submit");
        }
    }

    #[test]
    fn the_written_page_names_every_route_of_the_interface() {
        let page = include_str!("../../docs/http.md");
        for route in routes().iter().filter(|r| r.path.starts_with("/api/v1") || r.path.starts_with("/health")) {
            assert!(page.contains(&format!("`{} {}`", route.method, route.path)), "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, root: &Value) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(reference)) = members.get("$ref") {
                        assert!(root.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
                    }
                    members.values().for_each(|v| walk(v, root));
                }
                Value::Array(items) => items.iter().for_each(|v| walk(v, root)),
                _ => {}
            }
        }
        let document = document();
        walk(&document, &document);
    }
}
