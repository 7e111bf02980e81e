//! The OpenAPI document against the service itself, over HTTPS, by a program that has never seen the code: schemathesis makes
//! requests out of the document, good ones and bad ones, and holds each answer against it. No answer may be a 5xx, and each
//! has a status, a kind and a shape that the document names.
//!
//! The document says what an id or a receipt looks like, not which ones exist. The test adds those of a few real submissions
//! as examples, so that the requests get past "there is no such thing".

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use letterlock::services::keys;
use serde_json::{Map, Value, json};
use support::{Service, document, free_limits, owner, pdf, text};

/// Requests made out of each operation in the random part.
fn examples() -> &'static str {
    if std::env::var_os("LETTERLOCK_TEST_DEEP").is_some() { "400" } else { "12" }
}

/// One that is said to come out, and does.
const LIVE: &str = "/health/live";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_as_the_document_says() {
    let contract = Contract::new().await;
    let phases = ["--phases", "examples,coverage,fuzzing"];
    // A token of staff is no key of a server, so submissions are sent with one a second time.
    let submit = [phases[0], phases[1], "--include-operation-id", "submit"];
    for (bearer, more) in [(&contract.token, &phases[..]), (&contract.key, &submit)] {
        let output = contract.hold_with(bearer, &contract.filled, more).await;
        let said = String::from_utf8_lossy(&output.stdout);
        println!(
            "{}",
            said.lines().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
        );
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The control: a document that promises what is not so has to be noticed, or the test above shows nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_lies_is_noticed() {
    let contract = Contract::new().await;
    let mut lies = contract.filled.clone();
    lies["paths"] = json!({ LIVE: lies["paths"][LIVE] });
    lies["paths"][LIVE]["get"]["responses"] =
        json!({ "201": { "description": "", "content": { "application/json": { "schema": { "type": "array" } } } } });
    let output = contract.hold(&lies, &["--phases", "fuzzing"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
}

struct Contract {
    service: Service,
    token: String,
    /// Of a server that posts.
    key: String,
    /// Of a visit to the page of the submission.
    cookie: String,
    /// The document, with examples of what is there.
    filled: Value,
}

impl Contract {
    async fn new() -> Self {
        let every_kind = include_str!("../support/targets/every_kind.toml");
        let forms = FormSet::with_files([("every_kind.toml", every_kind)]).unwrap();
        let service = Service::with_forms(free_limits(), forms).await;
        // Whoever may do most: what a role must not do is tested elsewhere, for every role and route.
        let token = service.token(&[Role::Hr, Role::Support, Role::Privacy, Role::Auditor]).await;
        let posted = ["support-request", "every-kind"].map(|form| form.parse().unwrap());
        let key = keys::create(&service.app, &owner(Role::Admin), "shop", &posted, None).await.unwrap();
        let key = key.bearer.expose().to_owned();
        let (submission, receipt) = service.apply("jane@example.org", &pdf(2000, 1)).await;
        let entered = service.form("/my", &[("code", &receipt)]).send().await.unwrap();
        let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let (_, filled) = document(service.get("/api/openapi.json", None).await).await;
        let filled = fill(filled, &submission, &receipt);
        Self { service, token, key, cookie, filled }
    }

    /// Lets schemathesis loose with this document.
    async fn hold(&self, document: &Value, more: &[&str]) -> Output {
        self.hold_with(&self.token, document, more).await
    }

    /// The same with this in the header of all requests.
    async fn hold_with(&self, bearer: &str, document: &Value, more: &[&str]) -> Output {
        let file = self.service.dir.path().join("openapi.json");
        std::fs::write(&file, serde_json::to_vec(document).unwrap()).unwrap();
        let mut command = Command::new(tool());
        command
            .current_dir(self.service.dir.path())
            .args(["run", "--no-color", "--url", &self.service.url(""), "--tls-verify", "false"])
            .args(["--header", &format!("Authorization: Bearer {bearer}")])
            .args(["--header", &format!("Cookie: {}", self.cookie)])
            // With more than one, Python 3.11 now and then stumbles over its own parser (CPython's issue 106905).
            .args(["--workers", "1", "--max-examples", examples(), "--seed", "4", "--continue-on-failure"])
            .args(["--suppress-health-check", "all", "--request-timeout", "60", "--warnings", "off"])
            .args(["--exclude-checks", "positive_data_acceptance"])
            .args(more)
            .arg(file);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }
}

/// Adds examples of what is there.
fn fill(mut document: Value, submission: &str, receipt: &str) -> Value {
    let known: Map<String, Value> = [
        ("form", json!("support-request")),
        ("fields", support::support("sam@example.org")["fields"].clone()),
        ("id", json!(submission)),
        ("n", json!(0)),
        ("purpose", json!("recruitment")),
        ("receipt", json!(receipt)),
        ("text", json!("Thank you.")),
        ("consent", json!("talent-pool")),
        ("email", json!("jane@example.org")),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    for operation in
        document["paths"].as_object_mut().unwrap().values_mut().flat_map(|p| p.as_object_mut().unwrap().values_mut())
    {
        for parameter in operation["parameters"].as_array_mut().unwrap() {
            if let Some(value) = known.get(&text(&parameter["name"])) {
                parameter["example"] = value.clone();
            }
        }
        let Some(schema) = operation.pointer_mut("/requestBody/content/application~1json") else { continue };
        let properties = schema["schema"]["properties"].as_object().cloned().unwrap_or_default();
        if schema["schema"]["$ref"] == "#/components/schemas/NewSubmission" {
            schema["example"] = json!({ "fields": known["fields"], "consents": {} });
        } else if !properties.is_empty() && properties.keys().all(|name| known.contains_key(name)) {
            schema["example"] = properties.keys().map(|name| (name.clone(), known[name].clone())).collect();
        }
    }
    document
}

/// The program, in an environment of its own that `scripts/needs` makes.
fn tool() -> PathBuf {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/contract/bin/schemathesis");
    assert!(made.exists(), "{} is not there: scripts/needs makes it", made.display());
    made
}
