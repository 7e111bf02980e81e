//! That the table is whole, and that what is public is so on purpose.

use super::*;
use std::collections::BTreeSet;

#[test]
fn operations_and_places_are_unique() {
    let operations: BTreeSet<_> = routes().iter().map(|r| r.operation).collect();
    let places: BTreeSet<_> = routes().iter().map(|r| (r.method, r.path)).collect();
    assert_eq!((operations.len(), places.len()), (routes().len(), routes().len()));
}

#[test]
fn what_is_public_is_listed_here_as_well() {
    // A second list on purpose: a route becomes public by two edits, not by a slip.
    let public: Vec<_> = routes().iter().filter(|r| r.who == Who::Public).map(|r| (r.method, r.path)).collect();
    let expected = [
        ("GET", "/"),
        ("GET", "/privacy"),
        ("GET", "/cookies"),
        ("GET", "/accessibility"),
        ("GET", "/f/{form}"),
        ("POST", "/f/{form}"),
        ("GET", "/f/{form}/confirm/{token}"),
        ("POST", "/f/{form}/confirm/{token}"),
        ("GET", "/f/{form}/unsubscribe/{token}"),
        ("POST", "/f/{form}/unsubscribe/{token}"),
        ("GET", "/embed/{form}"),
        ("POST", "/embed/{form}"),
        ("GET", "/embed.js"),
        ("GET", "/static/embed.js"),
        ("GET", "/static/passkey.js"),
        ("GET", "/static/letterlock.css"),
        ("GET", "/static/search.js"),
        ("GET", "/static/behind.css"),
        ("GET", "/favicon.svg"),
        ("GET", "/robots.txt"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/.well-known/letterlock-erasure-key"),
        ("GET", "/.well-known/letterlock-audit-key"),
        ("GET", "/api/openapi.json"),
        ("GET", "/api/v1/forms"),
        ("GET", "/api/v1/forms/{form}"),
        ("GET", "/api/v1/forms/{form}/challenge"),
        ("POST", "/api/v1/forms/{form}/submissions"),
        ("GET", "/b/{form}"),
        ("GET", "/api/v1/boards/{form}"),
        ("GET", "/my"),
        ("POST", "/my"),
        ("POST", "/my/messages"),
        ("GET", "/my/files/{n}"),
        ("POST", "/my/consents/{name}/withdrawal"),
        ("GET", "/my/erasure"),
        ("POST", "/my/erasure"),
        ("POST", "/my/publication/withdrawal"),
        ("POST", "/my/open"),
        ("POST", "/my/link"),
        ("GET", "/my/link/{token}"),
        ("POST", "/my/link/{token}"),
        ("POST", "/my/resources"),
        ("POST", "/my/leave"),
        ("GET", "/clear"),
        ("POST", "/clear"),
        ("POST", "/api/v1/my"),
        ("POST", "/api/v1/my/messages"),
        ("POST", "/api/v1/my/withdrawals"),
        ("POST", "/api/v1/my/publication/withdrawal"),
        ("POST", "/api/v1/my/erasure"),
        ("POST", "/api/v1/my/links"),
        ("GET", "/r/{token}"),
        ("POST", "/r/{token}"),
        ("GET", "/staff/sign-in"),
        ("POST", "/staff/sign-in"),
        ("POST", "/staff/sign-in/code"),
        ("POST", "/staff/sign-in/code/passkey/options"),
        ("POST", "/staff/sign-in/code/passkey"),
        ("POST", "/staff/sign-in/passkey/options"),
        ("POST", "/staff/sign-in/passkey"),
        ("POST", "/staff/sign-in/provider"),
        ("GET", "/staff/sign-in/provider/callback"),
        ("GET", "/staff/welcome/{token}"),
        ("POST", "/staff/welcome/{token}"),
        ("POST", "/staff/welcome/{token}/code"),
        ("POST", "/staff/welcome/{token}/passkey/options"),
        ("POST", "/staff/welcome/{token}/passkey"),
    ];
    assert_eq!(public, expected);
}

#[test]
fn the_handler_of_each_route_has_its_method() {
    for route in routes() {
        let shown = format!("{:?}", (route.handler)());
        let field = format!("{}: Route", route.method.to_ascii_lowercase());
        let boxed = format!("{}: BoxedHandler", route.method.to_ascii_lowercase());
        assert!(shown.contains(&field) || shown.contains(&boxed), "{} {}: {shown}", route.method, route.path);
    }
}
