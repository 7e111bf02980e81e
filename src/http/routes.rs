//! Every route of the service, as data: the router, the OpenAPI document and the tests are all made from this table.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post, put};

use super::api::{
    alerts, approvals, audit, download, mailings, results, search, subjects, submissions, transfers, vacancies,
};
use super::error::HttpError;
use super::public::{about, board, forms, page, resource, service};
use super::speech::LANG;
use super::{Web, assets, clear, cors, layers, newsletter, portal, staff};

/// Who may call a route at all. What they may do there is the policy's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Public,
    /// Whoever has a good token.
    Bearer,
    /// Whoever is signed in to the console.
    Session,
    /// Of those, whoever has proven who they are within the last minutes: for what is grave.
    Fresh,
}

impl Who {
    /// Whether it is a part of the console that wants a session.
    pub const fn is_signed_in(self) -> bool {
        matches!(self, Self::Session | Self::Fresh)
    }
}

/// One route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The HTTP method. `HEAD` is answered wherever `GET` is.
    pub method: &'static str,
    /// The path, with variable parts in braces.
    pub path: &'static str,
    /// Who may call it.
    pub who: Who,
    /// Its name in the OpenAPI document; unique.
    pub operation: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// The query parameters it takes; any other is refused.
    pub query: &'static [&'static str],
    handler: fn() -> MethodRouter<Arc<Web>>,
}

/// The table.
pub fn routes() -> &'static [Route] {
    static ALL: LazyLock<Vec<Route>> = LazyLock::new(|| [OTHERS, console::CONSOLE].concat());
    &ALL
}

/// Whether the route of this path gives its errors as pages: whatever people open in a browser.
pub(super) fn is_page(path: &str) -> bool {
    let for_programs = ["/api/", "/health/", "/.well-known/", "/static/", "/embed.js", "/favicon.svg", "/robots.txt"];
    // What our script for passkeys asks for.
    !path.ends_with("/options") && !for_programs.iter().any(|start| path.starts_with(start))
}

/// Whether the route of this path is a part of the console.
pub(super) fn is_console(path: &str) -> bool {
    path == "/staff" || path.starts_with("/staff/")
}

macro_rules! route {
    ($method:literal $path:literal, $who:ident, $operation:literal, $summary:literal, $query:expr, $handler:expr) => {
        Route {
            method: $method,
            path: $path,
            who: Who::$who,
            operation: $operation,
            summary: $summary,
            query: &$query,
            handler: || $handler,
        }
    };
}

// Below the macro, which it uses.
mod console;

static OTHERS: &[Route] = &[
    route!("GET" "/", Public, "index", "The list of forms, as a page.", [LANG], get(page::index)),
    route!("GET" "/privacy", Public, "privacy", "What happens with data, as a page.", [LANG], get(about::privacy)),
    route!("GET" "/cookies", Public, "cookies", "Which cookies there are, as a page.", [LANG], get(about::cookies)),
    route!("GET" "/accessibility", Public, "accessibility", "How accessible the pages are, as a page.",
        [LANG], get(about::accessibility)),
    route!("GET" "/f/{form}", Public, "formPage", "A form, as a page.", [LANG], get(page::show)),
    route!("POST" "/f/{form}", Public, "postForm", "Takes a filled-in form from a page; answers with a receipt page.",
        [LANG], post(page::post)),
    route!("GET" "/f/{form}/confirm/{token}", Public, "askConfirm",
        "Asks whether a subscription shall be confirmed, for who has the link that was mailed.",
        [LANG], get(newsletter::ask_confirm)),
    route!("POST" "/f/{form}/confirm/{token}", Public, "confirm", "Confirms a subscription.", [LANG], post(newsletter::confirm)),
    route!("GET" "/f/{form}/unsubscribe/{token}", Public, "askUnsubscribe",
        "Asks whether a subscription shall end, for who has the link in a mail.",
        [LANG], get(newsletter::ask_unsubscribe)),
    route!("POST" "/f/{form}/unsubscribe/{token}", Public, "unsubscribe",
        "Ends a subscription at once (RFC 8058); says the same when it has ended before.",
        [LANG], post(newsletter::unsubscribe)),
    route!("GET" "/embed/{form}", Public, "embedPage", "A form as a page for a frame on a site that the form names.",
        [LANG], get(page::show_framed)),
    route!("POST" "/embed/{form}", Public, "postEmbed", "Takes a filled-in form from a frame.", [LANG], post(page::post_framed)),
    route!("GET" "/embed.js", Public, "embedScript", "The script for forms on other sites.", [], get(assets::embed)),
    route!("GET" "/static/embed.js", Public, "embedScriptVersion",
        "The same, under an address that changes with it; used by our own pages too.", ["v"], get(assets::embed_version)),
    route!("GET" "/static/passkey.js", Public, "passkeyScript", "The script for passkeys in the console.", ["v"],
        get(assets::passkey)),
    route!("GET" "/static/letterlock.css", Public, "style", "The style sheet of the pages.", ["v"], get(assets::style)),
    route!("GET" "/static/search.js", Public, "searchScript", "The script of the console's search.", ["v"], get(assets::search)),
    route!("GET" "/static/behind.css", Public, "clearBehind", "Has the browser drop the pages that it keeps for going back.",
        [], get(clear::behind)),
    route!("GET" "/favicon.svg", Public, "icon", "The icon of the pages.", [], get(assets::icon)),
    route!("GET" "/robots.txt", Public, "robots", "Asks search engines to stay away.", [], get(assets::robots)),
    route!("GET" "/health/live", Public, "live", "Whether the process answers.", [], get(service::live)),
    route!("GET" "/health/ready", Public, "ready", "Whether submissions can be taken: store and audit can write.",
        [], get(service::ready)),
    route!("GET" "/.well-known/letterlock-erasure-key", Public, "erasureKey",
        "The Ed25519 public key of erasure certificates, in hex.", [], get(service::erasure_key)),
    route!("GET" "/.well-known/letterlock-audit-key", Public, "auditKey",
        "The Ed25519 public key of the audit trail's heads, in hex.", [], get(service::audit_key)),
    route!("GET" "/api/openapi.json", Public, "openapi", "This document.", [], get(service::openapi)),
    route!("GET" "/api/v1/forms", Public, "listForms", "The forms.", [], get(forms::list)),
    route!("GET" "/api/v1/forms/{form}", Public, "showForm",
        "One form: its fields, rules, files, consents and privacy notice.", [], get(forms::show)),
    route!("GET" "/api/v1/forms/{form}/challenge", Public, "challenge",
        "A challenge for a form that asks for proof of work, in the format of ALTCHA.", [], get(forms::challenge)),
    route!("POST" "/api/v1/forms/{form}/submissions", Public, "submit",
        "Submits a form. Answered once the submission is durable.", [], post(forms::send)),
    route!("GET" "/b/{form}", Public, "boardPage", "What is published on a board, as a page.", ["page", LANG], get(board::show)),
    route!("GET" "/api/v1/boards/{form}", Public, "listBoard", "What is published on a board, newest first.",
        ["page"], get(board::list)),
    route!("GET" "/my", Public, "mine", "The page that a receipt opens, or the way in.", ["older", LANG], get(portal::show)),
    route!("POST" "/my", Public, "enter", "Takes a receipt code and begins a visit.", [LANG], post(portal::enter)),
    route!("POST" "/my/messages", Public, "postMessage", "Takes a message, with files, from the page.", [LANG], post(portal::write)),
    route!("GET" "/my/files/{n}", Public, "myFile", "A file of the visitor's own submission, as an attachment.",
        [LANG], get(portal::file)),
    route!("POST" "/my/consents/{name}/withdrawal", Public, "withdrawOnPage", "Takes a consent back.", [LANG], post(portal::withdraw)),
    route!("GET" "/my/erasure", Public, "askErasure", "Asks whether the submission shall be erased.",
        [LANG], get(portal::ask_erasure)),
    route!("POST" "/my/erasure", Public, "eraseOnPage", "Erases the visitor's own submission.", [LANG], post(portal::erase)),
    route!("POST" "/my/publication/withdrawal", Public, "takeDownOnPage", "Takes the visitor's own comment off its board.",
        [LANG], post(portal::take_down)),
    route!("POST" "/my/open", Public, "openMine", "Opens one of all that is held under an address.", [LANG], post(portal::open)),
    route!("POST" "/my/link", Public, "askLink", "Mails a link to an address, if anything is held under it.",
        [LANG], post(portal::ask_link)),
    route!("GET" "/my/link/{token}", Public, "link", "Asks whether a link that was mailed shall be used.", [LANG], get(portal::link)),
    route!("POST" "/my/link/{token}", Public, "useLink", "Uses a link that was mailed, and begins a visit.",
        [LANG], post(portal::use_link)),
    route!("POST" "/my/resources", Public, "fetchMine", "Hands out a file that the visitor's own submission unlocks.",
        [LANG], post(portal::fetch)),
    route!("POST" "/my/leave", Public, "leave", "Ends the visit.", [LANG], post(portal::leave)),
    route!("GET" "/clear", Public, "clearPage", "Asks whether this browser shall forget what it can.", [LANG], get(clear::ask)),
    route!("POST" "/clear", Public, "clear", "Ends what this browser has open, and has it forget what it can.",
        [LANG], post(clear::clear)),
    route!("POST" "/api/v1/my", Public, "showMine", "Opens the submission of a receipt.", [], post(portal::api::show)),
    route!("POST" "/api/v1/my/messages", Public, "writeMine", "Writes a message on the submission of a receipt.",
        [], post(portal::api::write)),
    route!("POST" "/api/v1/my/withdrawals", Public, "withdrawMine", "Takes a consent of the submission of a receipt back.",
        [], post(portal::api::withdraw)),
    route!("POST" "/api/v1/my/publication/withdrawal", Public, "takeDownMine",
        "Takes the comment of a receipt off its board.", [], post(portal::api::take_down)),
    route!("POST" "/api/v1/my/erasure", Public, "eraseMine",
        "Erases the submission of a receipt; answers with a signed certificate.", [], post(portal::api::erase)),
    route!("POST" "/api/v1/my/links", Public, "linkMine", "A fresh link to a file that the submission of a receipt unlocks.",
        [], post(portal::api::link)),
    route!("GET" "/r/{token}", Public, "resource", "Asks whether a file that a form unlocked shall be downloaded.",
        [LANG], get(resource::show)),
    route!("POST" "/r/{token}", Public, "takeResource", "Hands the file out, once.", [LANG], post(resource::take)),
    route!("GET" "/api/v1/forms/{form}/results", Bearer, "showResults",
        "What a survey comes to: counts over whole groups of answers, in steps.", ["purpose"], get(results::show)),
    route!("GET" "/api/v1/forms/{form}/results/{field}", Bearer, "listTexts",
        "The words in a field of a survey, apart from all else of their answers, in an order of chance.",
        ["purpose", "after", "limit"], get(results::texts)),
    route!("GET" "/api/v1/submissions", Bearer, "listSubmissions",
        "Lists submissions, newest first. With a purpose, items carry the form's summary fields.",
        ["form", "status", "assignee", "label", "seen", "after", "limit", "purpose"], get(submissions::list)),
    route!("POST" "/api/v1/submissions/changes", Bearer, "changeSubmissions",
        "Changes how the work on up to a hundred submissions stands; says of each what became of it.",
        [], post(submissions::change_several)),
    route!("POST" "/api/v1/submissions/search", Bearer, "searchSubmissions",
        "Looks through submissions for words, newest first. What is looked for is never written down.",
        [], post(search::search)),
    route!("GET" "/api/v1/submissions/{id}", Bearer, "showSubmission", "Opens one submission.", ["purpose"], get(submissions::show)),
    route!("PATCH" "/api/v1/submissions/{id}", Bearer, "markSubmission",
        "Changes how the work on a submission stands: progress, assignee, labels, whether one has seen it.",
        [], patch(submissions::patch)),
    route!("DELETE" "/api/v1/submissions/{id}", Bearer, "eraseSubmission",
        "Erases one submission by destroying its key; answers with a signed certificate.",
        [], delete(submissions::delete)),
    route!("GET" "/api/v1/submissions/{id}/files/{n}", Bearer, "downloadFile", "A file of a submission, as an attachment.",
        ["purpose"], get(download::file)),
    route!("POST" "/api/v1/submissions/{id}/messages", Bearer, "answerSubmission",
        "Writes a message to the person; it waits on the page that the receipt opens.",
        [], post(submissions::answer)),
    route!("POST" "/api/v1/submissions/{id}/notes", Bearer, "noteSubmission",
        "Writes a note for those who read the submission; the person never sees it unless the privacy officer releases it.",
        [], post(submissions::add_note)),
    route!("PATCH" "/api/v1/submissions/{id}/notes/{n}", Bearer, "discloseNote",
        "Releases a note to the person's own copy of what is held about them, or withholds it.",
        [], patch(submissions::disclose_note)),
    route!("POST" "/api/v1/submissions/{id}/publication", Bearer, "moderate",
        "Publishes a comment on its board, or declines it with a reason for its author.", [], post(submissions::moderate)),
    route!("GET" "/api/v1/forms/{form}/mailings", Bearer, "listMailings",
        "The issues of a newsletter and how far they are, newest first.", [], get(mailings::list)),
    route!("POST" "/api/v1/forms/{form}/mailings", Bearer, "orderMailing",
        "Sends an issue to everybody who has confirmed. Answered once the order is durable; sending goes on behind.",
        [], post(mailings::order)),
    route!("GET" "/api/v1/forms/{form}/mailings/{id}", Bearer, "showMailing", "How far an issue is.", [], get(mailings::show)),
    route!("POST" "/api/v1/subjects/search", Bearer, "searchSubjects",
        "Finds the person of an e-mail address. The address is never written down.", [], post(subjects::search)),
    route!("POST" "/api/v1/subjects/{id}/erasure", Bearer, "eraseSubject",
        "Erases a person by destroying their keys; answers with a signed certificate.",
        [], post(subjects::erasure)),
    route!("POST" "/api/v1/subjects/erasures", Bearer, "eraseSubjects",
        "Erases up to 25 people at once; a certificate for each, or null where there was nobody.",
        [], post(approvals::erase)),
    route!("GET" "/api/v1/approvals", Bearer, "listApprovals", "What needs two people, as far as the caller may see it.",
        [], get(approvals::list)),
    route!("POST" "/api/v1/approvals", Bearer, "askApproval",
        "Asks for what needs two people; another approves it in the console.", [], post(approvals::ask)),
    route!("POST" "/api/v1/approvals/{id}/use", Bearer, "useApproval", "Does what another has approved, once.",
        [], post(approvals::perform)),
    route!("POST" "/api/v1/approvals/{id}/download", Bearer, "downloadExport",
        "Hands out the export that another has approved, once, made while it is read.", [], post(approvals::download)),
    route!("POST" "/api/v1/approvals/{id}/withdrawal", Bearer, "withdrawApproval",
        "Takes one's own request back, or declines another's.", [], post(approvals::decline)),
    route!("GET" "/api/v1/audit", Bearer, "listAudit", "The audit trail, newest first.",
        ["after", "limit", "actor", "action", "person", "record", "transfers"], get(audit::list)),
    route!("GET" "/api/v1/audit/export", Bearer, "exportAudit",
        "A stretch of the audit trail as lines of JSON, each entry with its proof, all of it signed.",
        ["from", "to"], get(audit::export)),
    route!("GET" "/api/v1/audit/head", Bearer, "auditHead", "The present head of the audit trail, signed.", [], get(audit::head)),
    route!("GET" "/api/v1/audit/entries/{n}", Bearer, "auditEntry",
        "One entry of the audit trail, with a proof that it is in it (RFC 9162) and what opens it.",
        ["size"], get(audit::entry)),
    route!("GET" "/api/v1/audit/consistency", Bearer, "auditConsistency",
        "A proof that the audit trail of one size continues the one of a smaller (RFC 9162).",
        ["first", "second"], get(audit::consistency)),
    route!("GET" "/api/v1/transfers", Bearer, "listTransfers",
        "The register of what was read from another region than the one that it is kept in, newest first.",
        ["after", "limit"], get(transfers::list)),
    route!("POST" "/api/v1/reading/reason", Bearer, "giveReason",
        "Says why the account reads unusually much, after a reading was refused for that; it holds for an hour.",
        [], post(alerts::explain)),
    route!("GET" "/api/v1/alerts", Bearer, "listAlerts", "Who read unusually much, and why, newest first.",
        [], get(alerts::list)),
    route!("POST" "/api/v1/alerts/{id}/settlement", Bearer, "settleAlert", "Says that one has seen to an alert.",
        [], post(alerts::settle)),
    route!("GET" "/api/v1/vacancies", Bearer, "listVacancies", "The vacancies that forms offer, and those that were closed.",
        [], get(vacancies::list)),
    route!("POST" "/api/v1/vacancies", Bearer, "openVacancy", "Opens a vacancy.", [], post(vacancies::open)),
    route!("PUT" "/api/v1/vacancies/{id}", Bearer, "changeVacancy",
        "Says something else of a vacancy, closes it, or opens it again.", [], put(vacancies::change)),
];

/// The router.
pub(super) fn router(web: Arc<Web>) -> Router {
    let mut router = Router::new();
    for route in routes() {
        let handler = (route.handler)();
        let handler = match route.who {
            Who::Public => handler.route_layer(from_fn(layers::public)),
            Who::Bearer => handler.route_layer(from_fn_with_state(web.clone(), layers::bearer)),
            Who::Session => handler.route_layer(from_fn_with_state(web.clone(), staff::layer)),
            Who::Fresh => handler
                .route_layer(from_fn_with_state(web.clone(), staff::confirm::fresh))
                .route_layer(from_fn_with_state(web.clone(), staff::layer)),
        };
        router = router.route(route.path, handler);
    }
    let outer = web.outer.clone();
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(cors::preflight))
        .layer(from_fn_with_state(outer, layers::outer))
        .layer(from_fn_with_state(web.clone(), cors::allow))
        .with_state(web)
}

pub(super) async fn not_found() -> Response {
    HttpError::not_found().into_response()
}

pub(super) async fn method_not_allowed() -> Response {
    HttpError::method_not_allowed().into_response()
}

#[cfg(test)]
mod tests;
