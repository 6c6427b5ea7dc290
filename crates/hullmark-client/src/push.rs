//! Writing to registries: blobs that are not there yet, then the manifest that names them.
//!
//! See: OCI distribution-spec v1.1.1 §"Push".

use std::time::Duration;

use bytes::Bytes;
use hullmark_oci::{Descriptor, Digest, Reference, SourceError};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};

use crate::Client;
use crate::registry::address;
use crate::registry::auth::Session;
use crate::registry::transport::{Backoff, Failure, Transport};

/// Bytes a second that an upload makes at least; slower ones are given up.
const SLOWEST: u64 = 64 * 1024;

/// A repository to write to. Its requests share one access token.
#[derive(Debug)]
pub struct Pusher<'a> {
    transport: &'a Transport,
    to: &'a Reference,
    session: Session,
}

/// What became of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It was uploaded.
    Uploaded,
    /// The repository had it.
    Known,
}

impl Client {
    /// Returns what writes to a repository. Nothing is asked yet.
    pub fn pusher<'a>(&'a self, to: &'a Reference) -> Pusher<'a> {
        let session = Session::pushing(to.registry(), to.repository());
        Pusher { transport: &self.0.transport, to, session }
    }
}

/// One request that changes something.
struct Change<'a> {
    method: Method,
    url: &'a Url,
    content_type: Option<&'a str>,
    body: Bytes,
    what: &'a str,
    /// Statuses that are success.
    accept: &'a [u16],
}

impl Pusher<'_> {
    /// Uploads a blob, unless the repository has it.
    ///
    /// # Errors
    /// If the content is not what the descriptor says, or the registry refuses it.
    pub async fn blob(&self, at: &Descriptor, content: Bytes) -> Result<Pushed, SourceError> {
        let what = format!("blob {} of {}", at.digest, self.to.name());
        check(at, &content, &what)?;
        let known = self.url(&format!("blobs/{}", at.digest), &what).await?;
        let head = Change::new(Method::HEAD, &known, &what, &[200, 404]);
        if self.send(&head).await?.status() == StatusCode::OK {
            return Ok(Pushed::Known);
        }
        let uploads = self.url("blobs/uploads/", &what).await?;
        let retry = &self.transport.options.retry;
        let mut backoff = Backoff::new(retry, retry.attempts.max(1));
        loop {
            // An upload that broke is begun again: its address may be worth nothing any more.
            let begun = self.send(&Change::new(Method::POST, &uploads, &what, &[202])).await?;
            let mut url = self.upload_address(&uploads, &begun, &what)?;
            url.query_pairs_mut().append_pair("digest", at.digest.as_str());
            let put = Change {
                content_type: Some("application/octet-stream"),
                body: content.clone(),
                ..Change::new(Method::PUT, &url, &what, &[201])
            };
            match self.attempt(&put).await {
                Ok(_) => return Ok(Pushed::Uploaded),
                Err(failure) => backoff.pause(failure, &what).await?,
            }
        }
    }

    /// Puts a manifest under the reference's tag or digest. All that it names must be there.
    ///
    /// # Errors
    /// If the reference names another digest, or the registry refuses the manifest.
    pub async fn manifest(&self, media_type: &str, content: Bytes) -> Result<Digest, SourceError> {
        let what = self.to.to_string();
        let digest = Digest::sha256(&content);
        if let Some(expected) = self.to.digest().filter(|expected| **expected != digest) {
            let (expected, found) = (expected.clone(), digest);
            return Err(SourceError::DigestMismatch { what, expected, found });
        }
        let url = self.url(&format!("manifests/{}", self.to.manifest_key()), &what).await?;
        let put = Change {
            content_type: Some(media_type),
            body: content,
            ..Change::new(Method::PUT, &url, &what, &[201])
        };
        let answer = self.send(&put).await?;
        let named = answer.headers().get("docker-content-digest").and_then(|d| d.to_str().ok());
        match named.map(str::parse::<Digest>) {
            Some(Ok(found)) if found != digest => {
                Err(SourceError::DigestMismatch { what, expected: digest, found })
            }
            _ => Ok(digest),
        }
    }

    async fn url(&self, path: &str, what: &str) -> Result<Url, SourceError> {
        address(self.transport, self.to.registry(), self.to.repository(), path, what).await
    }

    /// Returns where an upload goes: anywhere on the registry, or elsewhere if that is encrypted.
    fn upload_address(
        &self,
        asked: &Url,
        answer: &Response,
        what: &str,
    ) -> Result<Url, SourceError> {
        let malformed = |detail: String| SourceError::Malformed { what: what.to_owned(), detail };
        let location = answer.headers().get(LOCATION).and_then(|l| l.to_str().ok());
        let url = location
            .and_then(|location| asked.join(location).ok())
            .ok_or_else(|| malformed("it does not say where the upload goes".into()))?;
        self.transport.check_redirect(asked, &url).map_err(malformed)?;
        Ok(url)
    }

    async fn send(&self, change: &Change<'_>) -> Result<Response, SourceError> {
        let retry = &self.transport.options.retry;
        let mut backoff = Backoff::new(retry, retry.attempts.max(1));
        loop {
            match self.attempt(change).await {
                Ok(response) => return Ok(response),
                Err(failure) => backoff.pause(failure, change.what).await?,
            }
        }
    }

    /// Sends once, with a new access token if the one in use is refused. Credentials go to the registry's own origin only.
    async fn attempt(&self, change: &Change<'_>) -> Result<Response, Failure> {
        let Change { url, what, .. } = *change;
        let origin = self.url("", what).await.map_err(Failure::Lasting)?.origin();
        let at_origin = url.origin() == origin;
        let mut renewed = false;
        loop {
            let authorization = self.session.authorization().await;
            let pool = self.transport.pool(url, what)?;
            let mut request = pool.request(change.method.clone(), url.clone());
            if let Some(content_type) = change.content_type {
                request = request.header(CONTENT_TYPE, content_type);
            }
            if let Some(header) = authorization.header.as_ref().filter(|_| at_origin) {
                request = request.header(AUTHORIZATION, header);
            }
            if change.method != Method::HEAD {
                request = request.body(change.body.clone());
            }
            let sending = self.transport.send(request, url, what);
            let answer = tokio::time::timeout(self.patience(change), sending).await;
            let response = answer.unwrap_or_else(|_| Err(Failure::passing("it took too long")))?;
            let status = response.status();
            if change.accept.contains(&status.as_u16()) {
                return Ok(response);
            }
            if status == StatusCode::UNAUTHORIZED && at_origin && !renewed {
                renewed = true;
                let headers = response.headers();
                let scheme = url.scheme();
                self.session.renew(self.transport, headers, &authorization, scheme, what).await?;
                continue;
            }
            return Err(self.transport.refusal(response, &self.session, what).await);
        }
    }

    /// How long a request may take: an upload by its size.
    fn patience(&self, change: &Change<'_>) -> Duration {
        let least = self.transport.options.timeouts.document;
        least + Duration::from_secs(change.body.len() as u64 / SLOWEST)
    }
}

impl<'a> Change<'a> {
    fn new(method: Method, url: &'a Url, what: &'a str, accept: &'a [u16]) -> Self {
        Self { method, url, content_type: None, body: Bytes::new(), what, accept }
    }
}

fn check(at: &Descriptor, content: &[u8], what: &str) -> Result<(), SourceError> {
    let what = || what.to_owned();
    if content.len() as u64 != at.size {
        let found = content.len() as u64;
        return Err(SourceError::SizeMismatch { what: what(), expected: at.size, found });
    }
    let found = Digest::of(at.digest.algorithm(), content);
    if found == at.digest {
        Ok(())
    } else {
        Err(SourceError::DigestMismatch { what: what(), expected: at.digest.clone(), found })
    }
}
