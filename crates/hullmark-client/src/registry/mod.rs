//! Images in registries, with the OCI distribution protocol.
//!
//! See: OCI distribution-spec v1.1.1 §"Pull", §"Listing Referrers".

pub(crate) mod auth;
mod blob;
mod credentials;
pub(crate) mod transport;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use hullmark_oci::manifest::Document;
use hullmark_oci::source::{BlobReader, BoxFuture, ImageSource, Resolved};
use hullmark_oci::{Algorithm, Descriptor, Digest, Reference, SourceError, media_type};
use reqwest::header::{CONTENT_TYPE, HeaderMap, LINK};
use reqwest::{Response, Url};

use crate::local::{fallback_tag, media_type_of, verify};
use crate::options::MirrorScope;
use crate::text::{printable, with_sources};
use auth::Session;
use transport::{Answer, Get, Scheme, Transport};

/// Pages of a referrers list.
const PAGES: usize = 100;
/// Where the default registry really is.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// An image in a registry.
#[derive(Clone, Debug)]
pub(crate) struct RegistryImage(Arc<Remote>);

#[derive(Debug)]
pub(super) struct Remote {
    reference: Reference,
    name: String,
    transport: Arc<Transport>,
    /// Mirrors in their order, then the registry itself.
    endpoints: Vec<Endpoint>,
}

/// One place that holds the repository.
#[derive(Debug)]
struct Endpoint {
    host: String,
    repository: String,
    session: Arc<Session>,
    mirror: Option<MirrorOf>,
    /// Set when a mirror failed, so that the next request does not wait for it again.
    down: AtomicBool,
}

#[derive(Debug)]
struct MirrorOf {
    registry: String,
    scope: MirrorScope,
}

/// How content is named in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Tag,
    Digest,
}

impl RegistryImage {
    pub(crate) fn new(transport: Arc<Transport>, reference: Reference) -> Self {
        let registry = reference.registry();
        let mirrors = transport.options.mirrors.get(registry).into_iter().flatten();
        let mut endpoints: Vec<_> = mirrors
            .map(|mirror| {
                let repository = match &mirror.prefix {
                    Some(prefix) => format!("{prefix}/{}", reference.repository()),
                    None => reference.repository().to_owned(),
                };
                let of = MirrorOf { registry: registry.to_owned(), scope: mirror.scope };
                Endpoint::new(&transport, &mirror.host, &repository, Some(of))
            })
            .collect();
        endpoints.push(Endpoint::new(&transport, registry, reference.repository(), None));
        let name = reference.name();
        Self(Arc::new(Remote { reference, name, transport, endpoints }))
    }
}

impl Endpoint {
    fn new(transport: &Transport, host: &str, repository: &str, mirror: Option<MirrorOf>) -> Self {
        Self {
            host: host.to_owned(),
            repository: repository.to_owned(),
            session: transport.session(host, repository),
            mirror,
            down: AtomicBool::new(false),
        }
    }

    /// Whether it is worth asking.
    fn serves(&self, named: Named) -> bool {
        match &self.mirror {
            None => true,
            Some(mirror) => {
                !self.down.load(Ordering::Relaxed)
                    && (named == Named::Digest || mirror.scope == MirrorScope::All)
            }
        }
    }

    /// Returns the address of something in the repository: `manifests/…`, `blobs/…`, `referrers/…`.
    async fn url(&self, transport: &Transport, path: &str, what: &str) -> Result<Url, SourceError> {
        let mut url = address(transport, &self.host, &self.repository, path, what).await?;
        if let Some(mirror) = &self.mirror {
            url.query_pairs_mut().append_pair("ns", &mirror.registry);
        }
        Ok(url)
    }

    /// Notes the failure of a mirror; the registry's own is returned.
    fn fail(&self, error: SourceError) -> Result<(), SourceError> {
        if self.mirror.is_none() {
            return Err(error);
        }
        if matches!(error, SourceError::Unreachable { .. }) {
            self.down.store(true, Ordering::Relaxed);
        }
        tracing::warn!(registry.host = %self.host, "the mirror `{}` is passed over: {}", self.host, with_sources(&error));
        Ok(())
    }
}

/// Returns the address of something in a repository.
pub(crate) async fn address(
    transport: &Transport,
    host: &str,
    repository: &str,
    path: &str,
    what: &str,
) -> Result<Url, SourceError> {
    let host = match host {
        hullmark_oci::reference::DEFAULT_REGISTRY => DOCKER_HUB,
        other => other,
    };
    let scheme = match transport.scheme(host).await {
        Scheme::Plain => "http",
        Scheme::Encrypted => "https",
    };
    let text = format!("{scheme}://{host}/v2/{repository}/{path}");
    Url::parse(&text).map_err(|_| SourceError::Malformed {
        what: what.to_owned(),
        detail: format!("`{}` is not the name of a registry", printable(host)),
    })
}

impl Remote {
    fn attempts(&self, endpoint: &Endpoint) -> u32 {
        let attempts = self.transport.options.retry.attempts.max(1);
        // A mirror is there to be fast; the registry behind it is the second attempt.
        if endpoint.mirror.is_some() { 1 } else { attempts }
    }

    fn endpoints(&self, named: Named) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().filter(move |endpoint| endpoint.serves(named))
    }

    async fn resolve(&self) -> Result<Resolved, SourceError> {
        let what = self.reference.to_string();
        let limit = self.transport.options.limits.manifest_bytes;
        let named = if self.reference.digest().is_some() { Named::Digest } else { Named::Tag };
        let path = format!("manifests/{}", self.reference.manifest_key());
        let accept = media_type::MANIFESTS.join(", ");
        for endpoint in self.endpoints(named) {
            let result = async {
                let answer = self.fetch(endpoint, &path, Some(&accept), limit, &what).await?;
                resolved(answer, self.reference.digest(), &what)
            };
            match result.await {
                Ok(resolved) => return Ok(resolved),
                Err(error) => endpoint.fail(error)?,
            }
        }
        Err(SourceError::NotFound { what })
    }

    async fn manifest(&self, at: &Descriptor, limit: u64) -> Result<Bytes, SourceError> {
        let what = format!("{} of {}", at.digest, self.name);
        if at.size > limit {
            return Err(SourceError::TooLarge { what, limit });
        }
        let (kind, accept) = if is_manifest(&at.media_type) {
            ("manifests", Some(accept_also(&at.media_type)))
        } else {
            ("blobs", None)
        };
        let path = format!("{kind}/{}", at.digest);
        for endpoint in self.endpoints(Named::Digest) {
            let result = async {
                let answer = self.fetch(endpoint, &path, accept.as_deref(), limit, &what).await?;
                if kind == "manifests" {
                    check_digest_header(&answer, &what)?;
                }
                verify(at, answer.body.len() as u64, &answer.body, || what.clone())?;
                Ok(answer.body)
            };
            match result.await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => endpoint.fail(error)?,
            }
        }
        Err(SourceError::NotFound { what })
    }

    /// Opens a blob's transfer at `offset`.
    async fn open_blob(
        &self,
        at: &Descriptor,
        offset: u64,
        what: &str,
    ) -> Result<Response, SourceError> {
        let path = format!("blobs/{}", at.digest);
        for endpoint in self.endpoints(Named::Digest) {
            let result = async {
                let url = endpoint.url(&self.transport, &path, what).await?;
                let get = Get {
                    url,
                    accept: None,
                    from: offset,
                    unless: None,
                    session: &endpoint.session,
                    what,
                    tolerate: &[],
                    attempts: self.attempts(endpoint),
                };
                self.transport.stream(&get).await
            };
            match result.await {
                Ok(response) => return Ok(response),
                Err(error) => endpoint.fail(error)?,
            }
        }
        Err(SourceError::NotFound { what: what.to_owned() })
    }

    async fn fetch(
        &self,
        endpoint: &Endpoint,
        path: &str,
        accept: Option<&str>,
        limit: u64,
        what: &str,
    ) -> Result<Answer, SourceError> {
        let url = endpoint.url(&self.transport, path, what).await?;
        let (session, attempts) = (&endpoint.session, self.attempts(endpoint));
        let get =
            Get { url, accept, from: 0, unless: None, session, what, tolerate: &[], attempts };
        self.transport.document(&get, limit).await
    }

    /// Asks the registry itself: a mirror need not know what was attached since.
    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, SourceError> {
        let what = format!("referrers of {subject} in {}", self.name);
        let limits = &self.transport.options.limits;
        let Some(endpoint) = self.endpoints.last() else {
            return Err(SourceError::NotFound { what });
        };
        let mut url = endpoint.url(&self.transport, &format!("referrers/{subject}"), &what).await?;
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let get = Get {
                url: url.clone(),
                accept: Some(media_type::OCI_INDEX),
                from: 0,
                unless: None,
                session: &endpoint.session,
                what: &what,
                tolerate: &[400, 404, 405, 501],
                attempts: self.attempts(endpoint),
            };
            let answer = self.transport.document(&get, limits.manifest_bytes).await?;
            if answer.status.as_u16() != 200 {
                return self.referrers_by_tag(endpoint, subject, &what).await;
            }
            found.extend(list(&answer.body, &what)?);
            check_count(found.len(), limits.index_manifests, &what)?;
            match next_page(&answer.headers, &answer.url, &url) {
                Some(next) => url = next,
                None => return Ok(sorted(found)),
            }
        }
        Err(SourceError::Malformed {
            what,
            detail: format!("the list has more than {PAGES} pages"),
        })
    }

    async fn referrers_by_tag(
        &self,
        endpoint: &Endpoint,
        subject: &Digest,
        what: &str,
    ) -> Result<Vec<Descriptor>, SourceError> {
        let limits = &self.transport.options.limits;
        let path = format!("manifests/{}", fallback_tag(subject));
        let accept = Some(media_type::OCI_INDEX);
        match self.fetch(endpoint, &path, accept, limits.manifest_bytes, what).await {
            Ok(answer) => {
                let found = list(&answer.body, what)?;
                check_count(found.len(), limits.index_manifests, what)?;
                Ok(sorted(found))
            }
            Err(SourceError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

impl ImageSource for RegistryImage {
    fn name(&self) -> String {
        self.0.reference.to_string()
    }

    fn resolve(&self) -> BoxFuture<'_, Result<Resolved, SourceError>> {
        Box::pin(self.0.resolve())
    }

    fn manifest<'a>(
        &'a self,
        at: &'a Descriptor,
        limit: u64,
    ) -> BoxFuture<'a, Result<Bytes, SourceError>> {
        Box::pin(self.0.manifest(at, limit))
    }

    fn blob<'a>(&'a self, at: &'a Descriptor) -> BoxFuture<'a, Result<BlobReader, SourceError>> {
        Box::pin(blob::open(self.0.clone(), at.clone()))
    }

    fn referrers<'a>(
        &'a self,
        subject: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<Descriptor>, SourceError>> {
        Box::pin(self.0.referrers(subject))
    }
}

/// Describes the document that a name led to.
fn resolved(answer: Answer, wanted: Option<&Digest>, what: &str) -> Result<Resolved, SourceError> {
    let named = check_digest_header(&answer, what)?;
    let content_type = answer.headers.get(CONTENT_TYPE).and_then(|t| t.to_str().ok());
    let outside = content_type.and_then(|t| t.split(';').next()).map(str::trim).unwrap_or_default();
    let media_type = if media_type::is_manifest(outside) || media_type::is_index(outside) {
        outside.to_owned()
    } else if outside.starts_with("application/vnd.docker.distribution.manifest.v1+") {
        return Err(SourceError::Malformed {
            what: what.to_owned(),
            detail: "the image has a Docker manifest of schema 1, which names no layers by content; push it again".into(),
        });
    } else {
        media_type_of(&answer.body, what)?
    };
    let mut descriptor = Descriptor::of(&media_type, &answer.body);
    if let Some(wanted) = wanted {
        descriptor.digest = wanted.clone();
        verify(&descriptor, descriptor.size, &answer.body, || what.to_owned())?;
    } else if let Some(named) = named.filter(|d| d.algorithm() != Algorithm::Sha256) {
        descriptor.digest = named;
    }
    Ok(Resolved { descriptor, bytes: answer.body })
}

/// Compares an answer with the digest that the registry says it has, and returns that.
fn check_digest_header(answer: &Answer, what: &str) -> Result<Option<Digest>, SourceError> {
    let Some(value) = answer.headers.get("docker-content-digest") else { return Ok(None) };
    let expected: Digest =
        value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
            SourceError::Malformed {
                what: what.to_owned(),
                detail: "the digest that came with it is not one".into(),
            }
        })?;
    let found = Digest::of(expected.algorithm(), &answer.body);
    if found == expected {
        Ok(Some(expected))
    } else {
        Err(SourceError::DigestMismatch { what: what.to_owned(), expected, found })
    }
}

fn is_manifest(media_type: &str) -> bool {
    media_type::is_manifest(media_type)
        || media_type::is_index(media_type)
        || media_type == "application/vnd.oci.artifact.manifest.v1+json"
}

fn accept_also(media_type: &str) -> String {
    let mut accept = media_type::MANIFESTS.join(", ");
    if !media_type::MANIFESTS.contains(&media_type) {
        accept = format!("{media_type}, {accept}");
    }
    accept
}

fn list(body: &[u8], what: &str) -> Result<Vec<Descriptor>, SourceError> {
    match Document::parse(body, None) {
        Ok(Document::Index(index)) => Ok(index.manifests),
        Ok(Document::Manifest(_)) => Err(SourceError::Malformed {
            what: what.to_owned(),
            detail: "a manifest came, not a list".into(),
        }),
        Err(error) => {
            Err(SourceError::Malformed { what: what.to_owned(), detail: with_sources(&error) })
        }
    }
}

fn check_count(count: usize, limit: usize, what: &str) -> Result<(), SourceError> {
    if count <= limit {
        return Ok(());
    }
    Err(SourceError::Malformed {
        what: what.to_owned(),
        detail: format!("there are more than {limit}"),
    })
}

/// The next page of a list, if it is on the same server.
///
/// See: RFC 8288.
fn next_page(headers: &HeaderMap, answered: &Url, asked: &Url) -> Option<Url> {
    let link = headers.get(LINK)?.to_str().ok()?;
    let (target, parameters) = link.strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.split(';').any(|p| matches!(p.trim(), "rel=\"next\"" | "rel=next"));
    let next = answered.join(target).ok()?;
    (is_next && next.origin() == asked.origin() && next != *asked).then_some(next)
}

fn sorted(mut descriptors: Vec<Descriptor>) -> Vec<Descriptor> {
    descriptors.sort_by(|a, b| a.digest.cmp(&b.digest));
    let mut seen = BTreeSet::new();
    descriptors.retain(|d| seen.insert(d.digest.clone()));
    descriptors
}
