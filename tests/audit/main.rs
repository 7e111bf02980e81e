//! The audit trail as those see it who read, prove and keep it: proofs that a program with the public key alone checks, heads
//! kept elsewhere, what has an entry, what happens when none can be written.

mod export;
mod heads;
mod proofs;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../examples/audit-verifier.rs"]
#[allow(dead_code, reason = "the program's own main is run as a program")]
mod verifier;

/// The key of the service, as it publishes it.
async fn key(service: &support::Service) -> [u8; 32] {
    let text = service.get("/.well-known/letterlock-audit-key", None).await.text().await.unwrap();
    data_encoding::HEXLOWER.decode(text.trim().as_bytes()).unwrap().try_into().unwrap()
}
