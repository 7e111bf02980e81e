//! Requests over HTTPS, with limits: one answer each, no redirect, nothing kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::Failure;
use crate::base::sensitive::SensitiveString;

/// How long one answer may take, from the name on.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of one answer.
const MOST: usize = 256 << 10;

/// Asks for things.
pub(super) struct Fetcher(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Fetcher {
    /// With the roots of the system, and one of one's own beside them.
    pub(super) fn new(root: Option<&[u8]>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(pem) = root {
            let bad = || "oidc.root_certificate: not a certificate in PEM".to_owned();
            let own: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| bad())?;
            if own.is_empty() {
                return Err(bad());
            }
            for certificate in own {
                roots.add(certificate).map_err(|_| bad())?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.map_err(|_| "no TLS".to_owned())?.with_root_certificates(roots).with_no_client_auth();
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
        Ok(Self(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https)))
    }

    /// A document.
    pub(super) async fn get(&self, url: &Url) -> Result<Bytes, Failure> {
        let request =
            Request::builder().method(Method::GET).uri(url.as_str()).header(header::ACCEPT, "application/json");
        match self.fetch(request, Bytes::new()).await? {
            (StatusCode::OK, body) => Ok(body),
            (status, _) if status.is_redirection() => Err(Failure::Unusable("it sends us elsewhere")),
            _ => Err(Failure::Unusable("it answers with an error")),
        }
    }

    /// What a form is answered with. Login and secret go into the header (RFC 6749, 2.3.1).
    pub(super) async fn post(
        &self,
        url: &Url,
        pairs: &[(&str, &str)],
        basic: Option<(&str, &SensitiveString)>,
    ) -> Result<Bytes, Failure> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(url.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some((id, secret)) = basic {
            let escape = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = Zeroizing::new(format!("{}:{}", escape(id), escape(secret.expose())));
            let value = Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())));
            let mut value = header::HeaderValue::from_str(&value).map_err(|_| Failure::Unusable("the secret"))?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        match self.fetch(request, Bytes::from(body)).await? {
            (StatusCode::OK, body) => Ok(body),
            (StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                Err(Failure::CodeRefused)
            }
            (status, _) if status.is_redirection() => Err(Failure::Unusable("it sends us elsewhere")),
            _ => Err(Failure::Unusable("it answers with an error")),
        }
    }

    async fn fetch(&self, request: hyper::http::request::Builder, body: Bytes) -> Result<(StatusCode, Bytes), Failure> {
        let request = request.body(Full::new(body)).map_err(|_| Failure::Unusable("its address"))?;
        let answer = async {
            let answer =
                self.0.request(request).await.map_err(|_| Failure::Away("no connection, or no trust in it"))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MOST).collect().await;
            let body = body.map_err(|_| Failure::Unusable("its answer is too long, or broke off"))?.to_bytes();
            Ok((status, body))
        };
        tokio::time::timeout(PATIENCE, answer).await.map_err(|_| Failure::Away("it takes too long"))?
    }
}
