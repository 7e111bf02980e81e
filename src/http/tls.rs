//! TLS: rustls on ring, versions 1.3 and 1.2 with forward secrecy and authenticated encryption only.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::config::Certificate;
use crate::base::clock::Timestamp;
use crate::base::sensitive::SensitiveString;

/// A self-made certificate stays valid this long. Nobody is asked to trust it, so there is nothing to renew early.
const SELF_MADE_DAYS: u64 = 3650;

/// The standard library calls a missing file an entity.
fn told(reason: std::io::ErrorKind) -> String {
    match reason {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        other => other.to_string(),
    }
}

/// The certificate or its key is of no use. The text says which, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("cannot read the {what} file {path}: {}", told(*reason), path = path.display())]
    Unreadable {
        /// "certificate" or "private key".
        what: &'static str,
        /// The file.
        path: std::path::PathBuf,
        /// The kind of failure.
        reason: std::io::ErrorKind,
    },
    /// The text is not PEM of the expected kind.
    #[error("the {0} is not valid PEM")]
    NotPem(&'static str),
    /// The key does not belong to the certificate, or is of a kind that is not supported.
    #[error("the private key does not fit the certificate, or is of an unsupported kind")]
    Mismatch,
    /// A host name or address cannot stand in a certificate.
    #[error("\"{0}\" cannot be a name in a certificate")]
    BadName(String),
    /// Making the key pair or the certificate failed.
    #[error("the certificate could not be made")]
    NotMade,
}

/// Makes a key pair and a certificate signed by itself, for `localhost`, `127.0.0.1`, `::1` and `names` (host names
/// or addresses), valid from a day before `now` for ten years. Returns (certificate PEM, private key PEM).
///
/// # Errors
/// [`TlsError::BadName`], [`TlsError::NotMade`].
pub fn make_self_signed(names: &[String], now: Timestamp) -> Result<(String, SensitiveString), TlsError> {
    let mut params = rcgen::CertificateParams::default();
    let mut all = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    for name in names {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
    for name in all {
        let san = match name.parse::<IpAddr>() {
            Ok(address) => rcgen::SanType::IpAddress(address),
            Err(_) => rcgen::SanType::DnsName(name.as_str().try_into().map_err(|_| TlsError::BadName(name.clone()))?),
        };
        params.subject_alt_names.push(san);
    }
    let mut subject = rcgen::DistinguishedName::new();
    subject.push(rcgen::DnType::CommonName, "Letterlock (self-made)");
    params.distinguished_name = subject;
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let day = Duration::from_secs(24 * 3600);
    let now = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(0));
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(day);
    params.not_after = epoch + (now + day * u32::try_from(SELF_MADE_DAYS).unwrap_or(u32::MAX));

    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(|_| TlsError::NotMade)?;
    let certificate = params.self_signed(&key).map_err(|_| TlsError::NotMade)?;
    Ok((certificate.pem(), SensitiveString::from(key.serialize_pem())))
}

/// The TLS set-up of the service.
///
/// # Errors
/// [`TlsError`] when the certificate or key cannot be used.
pub fn server_config(certificate: &Certificate) -> Result<Arc<ServerConfig>, TlsError> {
    let (chain, key) = match certificate {
        Certificate::Files { chain, key } => (read("certificate", chain)?, read("private key", key)?),
        Certificate::Pem { chain, key } => {
            (Zeroizing::new(chain.clone().into_bytes()), Zeroizing::new(key.expose().as_bytes().to_vec()))
        }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::NotPem("certificate"))?;
    if chain.is_empty() {
        return Err(TlsError::NotPem("certificate"));
    }
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| TlsError::NotPem("private key"))?;

    // The suites are named rather than taken from the library's defaults, so that an update cannot widen them.
    let provider = rustls::crypto::CryptoProvider {
        cipher_suites: vec![
            ring::cipher_suite::TLS13_AES_256_GCM_SHA384,
            ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
            ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
            ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            ring::cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            ring::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            ring::cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        ..ring::default_provider()
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|_| TlsError::Mismatch)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|_| TlsError::Mismatch)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Early data can be replayed by whoever saw it; a submission must not be.
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// When the service's own certificate ends; `None` for one that cannot be read.
pub(super) fn ends(certificate: &Certificate) -> Option<Timestamp> {
    let chain = match certificate {
        Certificate::Files { chain, .. } => read("certificate", chain).ok()?,
        Certificate::Pem { chain, .. } => Zeroizing::new(chain.clone().into_bytes()),
    };
    let own = CertificateDer::pem_slice_iter(&chain).next()?.ok()?;
    let seconds = not_after(&own).ok()?;
    seconds.checked_mul(1000).map(Timestamp::from_millis)
}

/// `validity.notAfter` of a certificate (RFC 5280, section 4.1), in seconds since 1970.
fn not_after(certificate: &[u8]) -> yasna::ASN1Result<i64> {
    // What stands behind the validity is passed over, part by part.
    let rest = |reader: &mut yasna::BERReaderSeq<'_, '_>| {
        while reader.read_optional(|reader| reader.read_der())?.is_some() {}
        Ok(())
    };
    yasna::parse_der(certificate, |reader| {
        reader.read_sequence(|reader| {
            let end = reader.next().read_sequence(|reader| {
                reader
                    .read_optional(|reader| reader.read_tagged(yasna::Tag::context(0), |version| version.read_i64()))?;
                let (_serial, _algorithm, _issuer) =
                    (reader.next().read_der()?, reader.next().read_der()?, reader.next().read_der()?);
                let end = reader.next().read_sequence(|validity| {
                    let _begin = validity.next().read_der()?;
                    let end = validity.next();
                    Ok(match end.lookahead_tag()? {
                        yasna::tags::TAG_UTCTIME => end.read_utctime()?.datetime().unix_timestamp(),
                        _ => end.read_generalized_time()?.datetime().unix_timestamp(),
                    })
                })?;
                rest(reader)?;
                Ok(end)
            })?;
            rest(reader)?;
            Ok(end)
        })
    })
}

fn read(what: &'static str, path: &std::path::Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    std::fs::read(path).map(Zeroizing::new).map_err(|e| TlsError::Unreadable {
        what,
        path: path.to_owned(),
        reason: e.kind(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (String, SensitiveString) {
        make_self_signed(
            &["vault.example".to_owned(), "192.0.2.7".to_owned()],
            Timestamp::from_millis(1_795_453_726_042),
        )
        .unwrap()
    }

    #[test]
    fn a_self_made_certificate_is_usable() {
        let (chain, key) = made();
        let config = server_config(&Certificate::Pem { chain, key }).unwrap();
        assert_eq!(config.alpn_protocols, vec![b"h2".to_vec(), b"http/1.1".to_vec()]);
        assert!(config.crypto_provider().cipher_suites.iter().all(|s| {
            let name = format!("{:?}", s.suite());
            name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_")
        }));
    }

    #[test]
    fn when_a_certificate_ends_is_known() {
        let (chain, key) = made();
        let end = ends(&Certificate::Pem { chain, key: key.clone() }).unwrap();
        // Ten years on, to the second.
        assert_eq!(end.to_string(), "2036-11-20T17:08:46.000Z");
        // One of a time that is written with two digits of the year.
        let (chain, key) = make_self_signed(&[], Timestamp::from_millis(1_000_000_000_000)).unwrap();
        assert_eq!(
            ends(&Certificate::Pem { chain, key: key.clone() }).unwrap().to_string(),
            "2011-09-07T01:46:40.000Z"
        );
        assert!(ends(&Certificate::Pem { chain: "nothing".into(), key }).is_none());
        assert!(not_after(&[0x30, 0x80]).is_err() && not_after(&[]).is_err());
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (chain, _) = made();
        let (_, key) = made();
        assert!(matches!(server_config(&Certificate::Pem { chain, key }), Err(TlsError::Mismatch)));
    }

    #[test]
    fn nonsense_is_refused() {
        let (chain, key) = made();
        let bad = Certificate::Pem { chain: "nothing".into(), key };
        assert!(matches!(server_config(&bad), Err(TlsError::NotPem("certificate"))));
        let bad = Certificate::Pem { chain, key: "nothing".into() };
        assert!(matches!(server_config(&bad), Err(TlsError::NotPem("private key"))));
        let bad = Certificate::Files { chain: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() };
        assert!(matches!(server_config(&bad), Err(TlsError::Unreadable { what: "certificate", .. })));
        let bad = make_self_signed(&["näme".to_owned()], Timestamp::from_millis(0));
        assert!(matches!(bad, Err(TlsError::BadName(_))));
    }
}
