//! A certificate authority that lives as long as a test.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;

const MADE: &str = "a test's certificate can be made";

/// An authority that nobody else trusts.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    demands_certificate: bool,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// Makes an authority.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let key = KeyPair::generate().expect(MADE);
        let certificate = params.self_signed(&key).expect(MADE);
        Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
            demands_certificate: false,
        }
    }

    /// Has servers demand a client certificate of this authority.
    #[must_use]
    pub fn demanding_certificates(mut self) -> Self {
        self.demands_certificate = true;
        self
    }

    /// Returns the authority's certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a certificate for `127.0.0.1` and `localhost`; returns it and its key as PEM.
    pub fn issue(&self) -> (String, String) {
        let (certificate, key) = self.make();
        (certificate.pem(), key.serialize_pem())
    }

    /// Returns the settings of a server with a certificate of this authority.
    pub(super) fn server_config(&self) -> Arc<ServerConfig> {
        let (certificate, key) = self.make();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider knows current protocols");
        let builder = if self.demands_certificate {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(self.certificate.clone()).expect(MADE);
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .expect(MADE);
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).expect(MADE))
    }

    fn make(&self) -> (rcgen::Certificate, KeyPair) {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).expect(MADE);
        let key = KeyPair::generate().expect(MADE);
        (params.signed_by(&key, &self.issuer).expect(MADE), key)
    }
}
