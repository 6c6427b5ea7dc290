//! Access to one repository: what the registry asks for, and the token or password that answers it.
//!
//! See: OCI distribution-spec v1.1.1 §"Authentication"; Docker registry v2 token authentication, and its OAuth2 form.

use std::time::{Duration, Instant};

use hullmark_oci::SourceError;
use hullmark_oci::www_authenticate::Challenge;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::credentials;
use super::transport::{Failure, Transport, host_port};
use crate::options::Credential;
use crate::text::printable;

/// Bytes of a token service's answer.
const TOKEN_LIMIT: u64 = 1024 * 1024;
/// How long a token lives at least, and if its service does not say. Services that say less mean the same.
///
/// See: Docker registry v2 token authentication, `expires_in`.
const LEAST_LIFE: Duration = Duration::from_secs(60);
/// A token this close to its end is not used any more.
const MARGIN: Duration = Duration::from_secs(5);
/// Challenges of one answer that are looked at.
const CHALLENGES: usize = 16;

/// Access to one repository. Requests share it: only one of them asks for a token.
#[derive(Debug)]
pub(crate) struct Session {
    host: String,
    repository: String,
    /// What is asked for where the challenge does not say.
    actions: &'static str,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    current: Authorization,
    expires: Option<Instant>,
    note: Option<String>,
}

/// What requests carry at some moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorization {
    /// The header, if any.
    pub(crate) header: Option<HeaderValue>,
    /// Counts renewals, so that a refusal of an old header is no reason for another.
    generation: u64,
}

impl Session {
    pub(crate) fn new(host: &str, repository: &str) -> Self {
        Self {
            host: host.into(),
            repository: repository.into(),
            actions: "pull",
            state: Mutex::default(),
        }
    }

    /// A session that may also write.
    pub(crate) fn pushing(host: &str, repository: &str) -> Self {
        Self { actions: "pull,push", ..Self::new(host, repository) }
    }

    /// Returns what a request carries now.
    pub(crate) async fn authorization(&self) -> Authorization {
        let mut state = self.state.lock().await;
        if state.expires.is_some_and(|end| Instant::now() >= end) {
            state.current.header = None;
            state.expires = None;
        }
        state.current.clone()
    }

    /// Returns what a user should know about a refusal.
    pub(crate) async fn note(&self) -> Option<String> {
        self.state.lock().await.note.clone()
    }

    /// Answers a challenge, unless another request did so since `refused` was taken.
    pub(crate) async fn renew(
        &self,
        transport: &Transport,
        headers: &HeaderMap,
        refused: &Authorization,
        scheme: &str,
        what: &str,
    ) -> Result<(), Failure> {
        let mut state = self.state.lock().await;
        if state.current.generation != refused.generation {
            return Ok(());
        }
        let found = credentials::find(&transport.options, &self.host, &self.repository).await;
        state.note = found.note.or_else(|| {
            let name = format!("{}/{}", self.host, self.repository);
            found
                .credential
                .is_none()
                .then(|| format!("no credentials are configured for `{name}`"))
        });
        let asked = Asked {
            transport,
            scheme,
            what,
            credential: found.credential.as_ref(),
            note: state.note.as_deref(),
        };
        let (header, expires) = asked.answer(&challenges(headers, what)?, self).await?;
        state.current = Authorization { header: Some(header), generation: refused.generation + 1 };
        state.expires = expires;
        Ok(())
    }
}

/// One renewal.
struct Asked<'a> {
    transport: &'a Transport,
    scheme: &'a str,
    what: &'a str,
    credential: Option<&'a Credential>,
    /// What the user should know about the credentials.
    note: Option<&'a str>,
}

impl Asked<'_> {
    async fn answer(
        &self,
        challenges: &[Challenge],
        session: &Session,
    ) -> Result<(HeaderValue, Option<Instant>), Failure> {
        if let Some(Credential::Bearer(token)) = self.credential {
            return Ok((self.header("Bearer", token.expose())?, None));
        }
        let of = |scheme| challenges.iter().find(|challenge| challenge.scheme() == scheme);
        if let Some(challenge) = of("bearer") {
            return self.fetch_token(challenge, session).await;
        }
        let refused = |detail| Err(self.unauthorized(detail));
        match (of("basic"), self.credential) {
            (Some(_), Some(Credential::Password { user, password })) => {
                Ok((self.header("Basic", &basic(user, password.expose()))?, None))
            }
            (Some(_), Some(_)) => {
                refused("it wants a password, and only a token is configured".into())
            }
            (Some(_), None) => refused("it wants a password".into()),
            (None, _) => refused("it asks for no kind of credentials that is known".into()),
        }
    }

    async fn fetch_token(
        &self,
        challenge: &Challenge,
        session: &Session,
    ) -> Result<(HeaderValue, Option<Instant>), Failure> {
        let realm = self.realm(challenge)?;
        let own_scope = format!("repository:{}:{}", session.repository, session.actions);
        let scope = challenge.parameter("scope").filter(|s| !s.is_empty()).unwrap_or(&own_scope);
        let service = challenge.parameter("service").unwrap_or_default();
        let pool = self.transport.pool(&realm, self.what)?;
        let request = match self.credential {
            Some(Credential::Identity(token)) => {
                let form = form_urlencoded(&[
                    ("grant_type", "refresh_token"),
                    ("service", service),
                    ("client_id", "hullmark"),
                    ("scope", scope),
                    ("refresh_token", token.expose()),
                ]);
                pool.post(realm.clone())
                    .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form)
            }
            credential => {
                let mut url = realm.clone();
                if !service.is_empty() {
                    url.query_pairs_mut().append_pair("service", service);
                }
                for scope in scope.split(' ').filter(|s| !s.is_empty()) {
                    url.query_pairs_mut().append_pair("scope", scope);
                }
                let mut request = pool.get(url);
                if let Some(Credential::Password { user, password }) = credential {
                    let header = self.header("Basic", &basic(user, password.expose()))?;
                    request = request.header(AUTHORIZATION, header);
                }
                request
            }
        };
        let response = self.transport.send(request, &realm, self.what).await?;
        let status = response.status();
        let host = host_port(&realm);
        match status.as_u16() {
            200 | 201 => {}
            429 | 500 | 502 | 503 | 504 => {
                return Err(Failure::passing(format!("the token service `{host}`: HTTP {status}")));
            }
            _ => {
                let refused = matches!(
                    status,
                    StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST
                );
                let detail = format!("the token service `{host}` answers HTTP {}", status.as_u16());
                return Err(if refused {
                    self.unauthorized(detail)
                } else {
                    self.malformed(detail)
                });
            }
        }
        let answer = self.transport.collect(response, TOKEN_LIMIT, self.what).await?;
        #[derive(Deserialize)]
        struct Token {
            #[serde(default)]
            token: String,
            #[serde(default)]
            access_token: String,
            #[serde(default)]
            expires_in: Option<u64>,
        }
        let token: Token = serde_json::from_slice(&answer.body)
            .map_err(|_| self.malformed(format!("the token service `{host}` gives no token")))?;
        let text = if token.token.is_empty() { &token.access_token } else { &token.token };
        if text.is_empty() {
            return Err(self.malformed(format!("the token service `{host}` gives an empty token")));
        }
        let expires = Instant::now().checked_add(life(token.expires_in));
        Ok((self.header("Bearer", text)?, expires))
    }

    /// The token service's address. A registry that is spoken to encrypted cannot have us send credentials in the clear.
    fn realm(&self, challenge: &Challenge) -> Result<Url, Failure> {
        let text = challenge.parameter("realm").unwrap_or_default();
        let shown = printable(text);
        let url = Url::parse(text).map_err(|_| {
            self.malformed(format!("its token service `{shown}` is not an address"))
        })?;
        let plain = self.scheme == "http" && self.transport.may_be_plain(&host_port(&url));
        if !(url.scheme() == "https" || url.scheme() == "http" && plain) {
            return Err(self.malformed(format!("its token service `{shown}` is not encrypted")));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(self.malformed("its token service's address has credentials in it".into()));
        }
        Ok(url)
    }

    fn header(&self, scheme: &str, value: &str) -> Result<HeaderValue, Failure> {
        let mut header = HeaderValue::from_str(&format!("{scheme} {value}")).map_err(|_| {
            self.malformed("the credentials hold characters that cannot be sent".into())
        })?;
        header.set_sensitive(true);
        Ok(header)
    }

    fn unauthorized(&self, detail: String) -> Failure {
        let detail = match self.note {
            Some(note) => format!("{detail}; {note}"),
            None => detail,
        };
        Failure::Lasting(SourceError::Unauthorized { what: self.what.to_owned(), detail })
    }

    fn malformed(&self, detail: String) -> Failure {
        Failure::Lasting(SourceError::Malformed { what: self.what.to_owned(), detail })
    }
}

fn challenges(headers: &HeaderMap, what: &str) -> Result<Vec<Challenge>, Failure> {
    let mut challenges = Vec::new();
    for value in headers.get_all(WWW_AUTHENTICATE).iter().take(CHALLENGES) {
        let parsed = value
            .to_str()
            .map_err(|_| "it is not text".to_owned())
            .and_then(|text| Challenge::parse_list(text).map_err(|error| error.to_string()));
        challenges.extend(parsed.map_err(|why| {
            Failure::Lasting(SourceError::Malformed {
                what: what.to_owned(),
                detail: format!("its demand for credentials cannot be read: {why}"),
            })
        })?);
    }
    Ok(challenges)
}

/// How long a token is used. One that is refused earlier is renewed all the same.
fn life(expires_in: Option<u64>) -> Duration {
    expires_in.map_or(LEAST_LIFE, Duration::from_secs).max(LEAST_LIFE) - MARGIN
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"))
}

fn form_urlencoded(pairs: &[(&str, &str)]) -> String {
    let mut url = Url::parse("http://form/").expect("a constant address");
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_live_a_minute_at_least() {
        for (said, used) in [(None, 55), (Some(0), 55), (Some(60), 55), (Some(300), 295)] {
            assert_eq!(life(said), Duration::from_secs(used));
        }
        // A service that says "for ever" must not break the clock.
        assert_eq!(Instant::now().checked_add(life(Some(u64::MAX))), None);
    }
}
