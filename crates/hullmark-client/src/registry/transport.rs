//! Requests that survive an unreliable network and an untrusted server: retries, redirects, plain HTTP only where allowed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hullmark_oci::SourceError;
use reqwest::header::{
    ACCEPT, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION, RANGE, RETRY_AFTER,
};
use reqwest::{RequestBuilder, Response, StatusCode, Url};

use super::auth::Session;
use crate::options::{ClientOptions, Network, Proxy, Retry};
use crate::text::{describe, printable};

/// How many redirects lead to content at most.
const REDIRECTS: usize = 5;
/// How long a server on a loopback address may think about an encrypted greeting.
const PROBE: Duration = Duration::from_secs(3);
/// Bytes of an error's body that are looked at.
const ERROR_BODY: u64 = 16 * 1024;

/// Connections and sessions of one client.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) options: Arc<ClientOptions>,
    pools: Mutex<BTreeMap<PoolKey, reqwest::Client>>,
    schemes: Mutex<BTreeMap<String, Scheme>>,
    sessions: Mutex<BTreeMap<(String, String), Arc<Session>>>,
}

/// What connections must agree in to be shared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PoolKey {
    scheme: Scheme,
    loopback: bool,
    certificate_for: Option<String>,
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scheme {
    Plain,
    Encrypted,
}

/// One request for content.
#[derive(Clone, Debug)]
pub(crate) struct Get<'a> {
    /// Where; the credentials of the session belong to its origin.
    pub(crate) url: Url,
    /// Media types wanted.
    pub(crate) accept: Option<&'a str>,
    /// The first byte wanted.
    pub(crate) from: u64,
    /// The entity tag, or else the date, of what is there already: 304 is an answer then.
    pub(crate) unless: Option<&'a str>,
    /// Who asks.
    pub(crate) session: &'a Session,
    /// What is asked for, in words.
    pub(crate) what: &'a str,
    /// Statuses that are an answer too.
    pub(crate) tolerate: &'a [u16],
    /// Attempts in all.
    pub(crate) attempts: u32,
}

/// Why one attempt failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may work the next time.
    Passing { detail: String, wait: Option<Duration> },
    /// It will not.
    Lasting(SourceError),
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Transport {
    pub(crate) fn new(options: Arc<ClientOptions>) -> Self {
        Self {
            options,
            pools: Mutex::default(),
            schemes: Mutex::default(),
            sessions: Mutex::default(),
        }
    }

    /// Returns the session with a repository, which holds its access token.
    pub(crate) fn session(&self, host: &str, repository: &str) -> Arc<Session> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (host.to_owned(), repository.to_owned());
        sessions.entry(key).or_insert_with(|| Arc::new(Session::new(host, repository))).clone()
    }

    /// Fetches a document of at most `limit` bytes.
    pub(crate) async fn document(&self, get: &Get<'_>, limit: u64) -> Result<Answer, SourceError> {
        let mut backoff = Backoff::new(&self.options.retry, get.attempts);
        loop {
            let attempt = async {
                let response = self.attempt(get).await?;
                self.collect(response, limit, get.what).await
            };
            let result = tokio::time::timeout(self.options.timeouts.document, attempt).await;
            match result.unwrap_or_else(|_| Err(Failure::passing("it took too long"))) {
                Ok(answer) => return Ok(answer),
                Err(failure) => backoff.pause(failure, get.what).await?,
            }
        }
    }

    /// Opens a transfer; its body is still to come.
    pub(crate) async fn stream(&self, get: &Get<'_>) -> Result<Response, SourceError> {
        let mut backoff = Backoff::new(&self.options.retry, get.attempts);
        loop {
            match self.attempt(get).await {
                Ok(response) => return Ok(response),
                Err(failure) => backoff.pause(failure, get.what).await?,
            }
        }
    }

    /// Asks once, with a new access token if the one in use is refused.
    async fn attempt(&self, get: &Get<'_>) -> Result<Response, Failure> {
        let mut renewed = false;
        loop {
            let authorization = get.session.authorization().await;
            let (response, at_origin) = self.follow(get, authorization.header.as_ref()).await?;
            let status = response.status();
            let unchanged = status == StatusCode::NOT_MODIFIED && get.unless.is_some();
            let accepted = get.tolerate.contains(&status.as_u16());
            if matches!(status.as_u16(), 200 | 206) || unchanged || accepted {
                return Ok(response);
            }
            if status == StatusCode::UNAUTHORIZED && at_origin && !renewed {
                renewed = true;
                get.session
                    .renew(self, response.headers(), &authorization, get.url.scheme(), get.what)
                    .await?;
                continue;
            }
            return Err(self.refusal(response, get.session, get.what).await);
        }
    }

    /// Sends a request and follows its redirects. Says whether the answer came from where the request went.
    ///
    /// Credentials stay with the origin they belong to, and encryption is never given up on the way.
    async fn follow(
        &self,
        get: &Get<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Response, bool), Failure> {
        let malformed = |detail: String| {
            Failure::Lasting(SourceError::Malformed { what: get.what.to_owned(), detail })
        };
        let mut url = get.url.clone();
        for _ in 0..=REDIRECTS {
            let at_origin = url.origin() == get.url.origin();
            let mut request = self.pool(&url, get.what)?.get(url.clone());
            if let Some(accept) = get.accept {
                request = request.header(ACCEPT, accept);
            }
            if get.from > 0 {
                request = request.header(RANGE, format!("bytes={}-", get.from));
            }
            if let Some(tag) = get.unless {
                // Entity tags are quoted, dates are not.
                let name = if tag.contains('"') { IF_NONE_MATCH } else { IF_MODIFIED_SINCE };
                request = request.header(name, tag);
            }
            if let Some(authorization) = authorization.filter(|_| at_origin) {
                request = request.header(reqwest::header::AUTHORIZATION, authorization);
            }
            let response = self.send(request, &url, get.what).await?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((response, at_origin));
            }
            let location = response.headers().get(LOCATION).and_then(|l| l.to_str().ok());
            let next = location
                .and_then(|location| url.join(location).ok())
                .ok_or_else(|| malformed("it redirects to nowhere".into()))?;
            self.check_redirect(&url, &next).map_err(malformed)?;
            url = next;
        }
        Err(malformed(format!("it redirects more than {REDIRECTS} times")))
    }

    pub(crate) fn check_redirect(&self, from: &Url, to: &Url) -> Result<(), String> {
        let host = host_port(to);
        if !to.username().is_empty() || to.password().is_some() {
            return Err("it redirects to an address with credentials in it".into());
        }
        match (from.scheme(), to.scheme()) {
            (_, "https") => Ok(()),
            ("http", "http") if self.may_be_plain(&host) => Ok(()),
            ("https", "http") => Err(format!("it redirects to `{host}` without encryption")),
            ("http", "http") => Err(format!(
                "it redirects to `{host}`, which may not be spoken to without encryption"
            )),
            _ => Err("it redirects to something that is not HTTP".into()),
        }
    }

    /// Sends one request; nothing leaves this program in any other way.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        url: &Url,
        what: &str,
    ) -> Result<Response, Failure> {
        if self.options.network == Network::Offline {
            return Err(Failure::Lasting(SourceError::Unreachable {
                what: what.to_owned(),
                detail: "working offline: no packet is sent".into(),
            }));
        }
        let host = host_port(url);
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                tracing::debug!(http.host = %host, http.status = status, "answer to {what}");
                Ok(response)
            }
            Err(error) if certificate_refused(&error) => {
                Err(Failure::Lasting(SourceError::Unreachable {
                    what: what.to_owned(),
                    detail: format!("`{host}`: {}", describe(error)),
                }))
            }
            Err(error) => Err(Failure::passing(format!("`{host}`: {}", describe(error)))),
        }
    }

    /// Reads an answer to its end.
    pub(crate) async fn collect(
        &self,
        mut response: Response,
        limit: u64,
        what: &str,
    ) -> Result<Answer, Failure> {
        let too_large = || Failure::Lasting(SourceError::TooLarge { what: what.to_owned(), limit });
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(piece) =
            response.chunk().await.map_err(|error| Failure::passing(describe(error)))?
        {
            if body.len() as u64 + piece.len() as u64 > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        let (status, url) = (response.status(), response.url().clone());
        let headers = std::mem::take(response.headers_mut());
        Ok(Answer { status, url, headers, body: body.freeze() })
    }

    /// Says what a status that is no answer means.
    pub(crate) async fn refusal(
        &self,
        response: Response,
        session: &Session,
        what: &str,
    ) -> Failure {
        let name = what;
        let what = || name.to_owned();
        let status = response.status();
        let wait = retry_after(response.headers());
        let detail = match self.collect(response, ERROR_BODY, name).await {
            Ok(answer) => format!("HTTP {}{}", status.as_u16(), error_message(&answer.body)),
            Err(_) => format!("HTTP {}", status.as_u16()),
        };
        match status.as_u16() {
            404 => Failure::Lasting(SourceError::NotFound { what: what() }),
            401 | 403 => {
                let note = session.note().await;
                let detail = note.map_or(detail.clone(), |note| format!("{detail}; {note}"));
                Failure::Lasting(SourceError::Unauthorized { what: what(), detail })
            }
            408 | 429 | 500 | 502 | 503 | 504 => Failure::Passing { detail, wait },
            _ => Failure::Lasting(SourceError::Malformed { what: what(), detail }),
        }
    }

    /// Decides how a registry is spoken to: named ones without encryption, loopback ones as they can, all others encrypted.
    pub(crate) async fn scheme(&self, host: &str) -> Scheme {
        if self.options.dangerous_plain_http.iter().any(|named| named == host) {
            return Scheme::Plain;
        }
        if !is_loopback(host) || self.options.network == Network::Offline {
            return Scheme::Encrypted;
        }
        let known =
            |s: &Self| s.schemes.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied();
        if let Some(scheme) = known(self) {
            return scheme;
        }
        let scheme = self.probe(host).await;
        self.schemes.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), scheme);
        scheme
    }

    /// Greets a server on a loopback address encrypted. One that does not understand the greeting speaks plain HTTP.
    async fn probe(&self, host: &str) -> Scheme {
        let Ok(url) = Url::parse(&format!("https://{host}/v2/")) else { return Scheme::Encrypted };
        let Ok(pool) = self.pool(&url, host) else { return Scheme::Encrypted };
        match tokio::time::timeout(PROBE, pool.get(url).send()).await {
            Ok(Ok(_)) => Scheme::Encrypted,
            Ok(Err(error)) if certificate_refused(&error) => Scheme::Encrypted,
            Ok(Err(_)) | Err(_) => Scheme::Plain,
        }
    }

    /// Whether a host may be spoken to without encryption.
    pub(crate) fn may_be_plain(&self, host: &str) -> bool {
        is_loopback(host) || self.options.dangerous_plain_http.iter().any(|named| named == host)
    }

    /// Returns the connections for a URL.
    pub(crate) fn pool(&self, url: &Url, what: &str) -> Result<reqwest::Client, Failure> {
        let host = host_port(url);
        let scheme = if url.scheme() == "https" { Scheme::Encrypted } else { Scheme::Plain };
        let certificates = &self.options.client_certificates;
        let certificate_for = (scheme == Scheme::Encrypted && certificates.contains_key(&host))
            .then_some(host.clone());
        let key = PoolKey { scheme, loopback: is_loopback(&host), certificate_for };
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(&key) {
            return Ok(pool.clone());
        }
        let pool = build(&self.options, &key).map_err(|detail| {
            Failure::Lasting(SourceError::Unreachable { what: what.to_owned(), detail })
        })?;
        pools.insert(key, pool.clone());
        Ok(pool)
    }
}

impl Failure {
    pub(crate) fn passing(detail: impl Into<String>) -> Self {
        Self::Passing { detail: detail.into(), wait: None }
    }
}

/// Waits between attempts, longer each time.
pub(crate) struct Backoff<'a> {
    retry: &'a Retry,
    left: u32,
    made: u32,
    next: Duration,
}

impl<'a> Backoff<'a> {
    pub(crate) fn new(retry: &'a Retry, attempts: u32) -> Self {
        Self { retry, left: attempts.saturating_sub(1), made: 0, next: retry.first }
    }

    /// Waits, if another attempt is worth it.
    pub(crate) async fn pause(&mut self, failure: Failure, what: &str) -> Result<(), SourceError> {
        let (detail, wait) = match failure {
            Failure::Lasting(error) => return Err(error),
            Failure::Passing { detail, wait } => (detail, wait),
        };
        self.made += 1;
        let give_up = |detail| SourceError::Unreachable { what: what.to_owned(), detail };
        if self.left == 0 {
            let after = if self.made > 1 {
                format!(" (after {} attempts)", self.made)
            } else {
                String::new()
            };
            return Err(give_up(format!("{detail}{after}")));
        }
        if let Some(wait) = wait.filter(|wait| *wait > self.retry.longest) {
            return Err(give_up(format!("{detail}; it asks to wait {} seconds", wait.as_secs())));
        }
        self.left -= 1;
        let pause = wait.unwrap_or_default().max(self.next.min(self.retry.longest));
        tracing::debug!(pause_s = pause.as_secs_f64(), "{what} is tried again: {detail}");
        self.next = self.next.saturating_mul(2);
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

fn build(options: &ClientOptions, key: &PoolKey) -> Result<reqwest::Client, String> {
    let builder = || {
        let mut builder = reqwest::Client::builder()
            .user_agent(&options.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(options.timeouts.connect)
            .read_timeout(options.timeouts.read)
            .pool_idle_timeout(Duration::from_secs(30));
        match &options.proxy {
            Proxy::System if !key.loopback => {}
            Proxy::Url(url) if !key.loopback => {
                let proxy = reqwest::Proxy::all(url).map_err(|error| {
                    format!("the proxy's address is not one: {}", describe(error))
                })?;
                builder = builder.proxy(proxy);
            }
            _ => builder = builder.no_proxy(),
        }
        Ok::<_, String>(builder)
    };
    if key.scheme == Scheme::Plain {
        return builder()?.tls_certs_only([]).build().map_err(describe);
    }
    let mut roots = Vec::new();
    for pem in &options.authorities {
        let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| {
            format!("a certificate of an authority is not PEM: {}", describe(error))
        })?;
        if certificates.is_empty() {
            return Err("the file of an authority holds no certificate".into());
        }
        roots.extend(certificates);
    }
    let mut identity = None;
    if let Some(certificate) =
        key.certificate_for.as_ref().and_then(|host| options.client_certificates.get(host))
    {
        identity = Some(reqwest::Identity::from_pem(certificate.pem.expose().as_bytes()).map_err(
            |error| format!("the client certificate is not usable: {}", describe(error)),
        )?);
    }
    let finish = |mut builder: reqwest::ClientBuilder| {
        builder = builder.tls_version_min(reqwest::tls::Version::TLS_1_2);
        if let Some(identity) = &identity {
            builder = builder.identity(identity.clone());
        }
        builder.build().map_err(describe)
    };
    // A machine without certificates of its own (a minimal container) trusts those that were given, or nobody.
    finish(builder()?.tls_certs_merge(roots.clone()))
        .or_else(|_| finish(builder()?.tls_certs_only(roots)))
}

/// Returns `host`, or `host:port` where the port is not the scheme's usual one.
pub(crate) fn host_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether a `host[:port]` is this machine: an address that no packet to it leaves.
fn is_loopback(host: &str) -> bool {
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether encryption was spoken, but the other side's certificate (or ours) was not accepted. Trying again does not help.
fn certificate_refused(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return !matches!(tls, rustls::Error::InvalidMessage(_));
        }
        // An IO error says that its inner error's cause is its own: the inner error itself must be looked at.
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

/// Reads `Retry-After`: seconds, or a date that is compared with the answer's own.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let parse = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    let now = parse(headers.get(reqwest::header::DATE)?.to_str().ok()?)?;
    Duration::try_from(parse(text)?.duration_since(now)).ok()
}

/// The first message of an OCI error body, if it is one.
///
/// See: OCI distribution-spec v1.1.1 §"Error Codes".
fn error_message(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Body {
        errors: Vec<Message>,
    }
    #[derive(serde::Deserialize)]
    struct Message {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    match serde_json::from_slice::<Body>(body).ok().and_then(|b| b.errors.into_iter().next()) {
        Some(Message { code, message }) => format!(" {}", printable(&format!("{code}: {message}"))),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for (host, yes) in [
            ("localhost", true),
            ("localhost:5000", true),
            ("127.0.0.1:5000", true),
            ("127.9.9.9", true),
            ("[::1]:5000", true),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("evil.example:127", false),
            ("10.0.0.1", false),
            ("[::2]:5000", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(host), yes, "{host}");
        }
    }

    #[test]
    fn waiting_times_are_read_as_seconds_and_dates() {
        let show = |retry: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, retry.parse().unwrap());
            if let Some(date) = date {
                headers.insert(reqwest::header::DATE, date.parse().unwrap());
            }
            retry_after(&headers).map(|d| d.as_secs())
        };
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(show("120", None), Some(120));
        assert_eq!(show("Sun, 06 Nov 1994 08:50:07 GMT", date), Some(30));
        assert_eq!(show("Sun, 06 Nov 1994 08:49:07 GMT", date), None);
        assert_eq!(show("Sun, 06 Nov 1994 08:50:07 GMT", None), None);
        assert_eq!(show("soon", date), None);
        assert_eq!(show("-1", None), None);
    }

    #[test]
    fn messages_of_servers_do_not_steer_terminals() {
        let body = br#"{"errors":[{"code":"DENIED","message":"no\u001b[31m\nway"}]}"#;
        assert_eq!(error_message(body), " DENIED: no[31mway");
        for other in [&b"<html>"[..], b"{}", br#"{"errors":[]}"#, b""] {
            assert_eq!(error_message(other), "");
        }
    }
}
