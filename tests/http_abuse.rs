//! What keeps programs and floods away from the forms, over HTTPS.

mod support;

use letterlock::http::Limits;
use support::{Service, free_limits};

/// A service behind a proxy at 127.0.0.1, which is where the tests' clients are.
async fn behind_a_proxy(limits: Limits) -> Service {
    Service::with_setup(|config| {
        config.proxies.trust(&["127.0.0.1"]).unwrap();
        config.limits = limits;
    })
    .await
}

#[tokio::test]
async fn behind_a_named_proxy_each_client_has_a_limit_of_its_own() {
    let service = behind_a_proxy(Limits { per_address_per_minute: 2, ..free_limits() }).await;
    let ask = async |from: &str| {
        let request = service.request("GET", "/api/v1/forms").header("x-forwarded-for", from);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!([ask("192.0.2.1").await, ask("192.0.2.1").await, ask("192.0.2.1").await], [200, 200, 429]);
    assert_eq!(ask("192.0.2.2").await, 200);
    // What a client writes itself stands left of what the proxy adds.
    assert_eq!(ask("192.0.2.77, 192.0.2.1").await, 429);
    // What cannot be read counts for the proxy.
    assert_eq!([ask("x").await, ask("unknown").await, ask("1.2.3.4,").await], [200, 200, 429]);
    // Another header is not read at all.
    let request = service.request("GET", "/api/v1/forms").header("forwarded", "for=192.0.2.9");
    assert_eq!(request.send().await.unwrap().status(), 429);
}
