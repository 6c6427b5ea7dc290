//! A token service that a real registry accepts: it signs JSON web tokens with a key of its own.
//!
//! See: Docker registry v2 token authentication specification.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair, SigningKey};

use super::{Reply, Request};

const MADE: &str = "a test's key can be made";
const ISSUER: &str = "test issuer";
const SERVICE: &str = "test registry";

/// The service's key, and who may have a token.
pub struct TokenService {
    key: KeyPair,
    certificate: rcgen::Certificate,
    user: String,
    password: String,
}

impl TokenService {
    /// Makes a service that gives tokens to one user.
    pub fn new(user: &str, password: &str) -> Self {
        let key = KeyPair::generate().expect(MADE);
        let certificate = CertificateParams::new(vec!["token".to_owned()])
            .expect(MADE)
            .self_signed(&key)
            .expect(MADE);
        Self { key, certificate, user: user.into(), password: password.into() }
    }

    /// Returns the `auth` section of a registry's configuration, for a service at `host`.
    pub(super) fn configuration(&self, host: &str, bundle: &std::path::Path) -> String {
        std::fs::write(bundle, self.certificate.pem()).expect("a test's folder can be written");
        format!(
            "auth: {{token: {{realm: 'http://{host}/token', service: '{SERVICE}', issuer: '{ISSUER}', rootcertbundle: '{}'}}}}\n",
            bundle.display()
        )
    }

    /// Answers a request for a token: pull for all who know the password, pushes too.
    pub fn answer(&self, request: &Request) -> Reply {
        let expected = STANDARD.encode(format!("{}:{}", self.user, self.password));
        if request.header("authorization") != format!("Basic {expected}") {
            return Reply::new(401, r#"{"details":"wrong password"}"#);
        }
        let access: Vec<String> = request
            .path
            .split(['?', '&'])
            .filter_map(|pair| pair.strip_prefix("scope="))
            .filter_map(|scope| {
                let scope = scope.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
                let mut parts = scope.split(':').map(str::to_owned);
                let (kind, name, actions) = (parts.next()?, parts.next()?, parts.next()?);
                let actions: Vec<_> = actions.split(',').map(|a| format!("{a:?}")).collect();
                Some(format!(
                    r#"{{"type":"{kind}","name":"{name}","actions":[{}]}}"#,
                    actions.join(",")
                ))
            })
            .collect();
        // From 1970 to 2100, so that no clock is needed.
        let claims = format!(
            r#"{{"iss":"{ISSUER}","aud":"{SERVICE}","sub":"user","jti":"1","iat":0,"nbf":0,"exp":4102444800,"access":[{}]}}"#,
            access.join(",")
        );
        Reply::new(200, format!(r#"{{"token":"{}","expires_in":300}}"#, self.sign(&claims)))
    }

    fn sign(&self, claims: &str) -> String {
        let certificate = STANDARD.encode(self.certificate.der());
        let header = format!(r#"{{"typ":"JWT","alg":"ES256","x5c":["{certificate}"]}}"#);
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.sign(signed.as_bytes()).expect(MADE);
        let signature = fixed_width(&signature).expect("an ECDSA signature is two integers");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Turns an ASN.1 signature into the two 32-byte numbers that web tokens hold.
///
/// See: RFC 7518 §3.4.
fn fixed_width(der: &[u8]) -> Option<Vec<u8>> {
    let mut rest = der.get(2..)?;
    let mut out = Vec::new();
    for _ in 0..2 {
        let length = usize::from(*rest.get(1)?);
        let number = rest.get(2..2 + length)?;
        rest = &rest[2 + length..];
        let digits = &number[number.len().saturating_sub(32)..];
        out.resize(out.len() + 32 - digits.len(), 0);
        out.extend(digits);
    }
    Some(out)
}
