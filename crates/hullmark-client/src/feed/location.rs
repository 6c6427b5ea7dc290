//! Where a feed is: a web server, or a folder that mirrors one.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hullmark_oci::SourceError;
use reqwest::header::{ETAG, LAST_MODIFIED};
use reqwest::{Response, StatusCode, Url};

use super::FeedError;
use crate::local::blocking;
use crate::registry::transport::{Backoff, Failure, Get, Transport, host_port};
use crate::stream::pipe;
use crate::text::{describe, printable};

/// Bytes that must come within the time that a read may take. Less is a server that keeps us busy.
const BYTES_PER_READ: u64 = 64 * 1024;
/// Characters of an entity tag that is remembered.
const TAG_LIMIT: usize = 200;

/// A folder or a file, here or elsewhere.
#[derive(Clone, Debug)]
pub(super) enum Location {
    Web(Url),
    Path(PathBuf),
}

/// What came of a question for something newer.
#[derive(Debug)]
pub(super) enum Got<T> {
    /// What is there already is current.
    Same,
    /// This, and the tag to ask with the next time.
    New(T, Option<String>),
}

/// Fetches from locations.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    pub(super) transport: Arc<Transport>,
}

impl Location {
    /// Understands an address (`https://…`, `file:///…`) or a path.
    pub(super) fn parse(text: &str, transport: &Transport) -> Result<Self, FeedError> {
        let refuse = |reason: String| FeedError::Location { text: printable(text), reason };
        if !text.contains("://") {
            let path = PathBuf::from(text);
            return if path.exists() {
                Ok(Self::Path(path))
            } else {
                Err(refuse("it is neither an address nor a folder that exists".into()))
            };
        }
        let url = Url::parse(text).map_err(|error| refuse(error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FeedError::Location {
                text: printable(&host_port(&url)),
                reason: "credentials belong into a credential file, not into an address".into(),
            });
        }
        match url.scheme() {
            "https" => Ok(Self::Web(url)),
            "http" if transport.may_be_plain(&host_port(&url)) => Ok(Self::Web(url)),
            "http" => Err(refuse(format!(
                "`{}` may not be spoken to without encryption",
                host_port(&url)
            ))),
            "file" => url
                .to_file_path()
                .map(Self::Path)
                .map_err(|()| refuse("it names no file of this machine".into())),
            other => Err(refuse(format!("`{other}` is not `https`, `http` or `file`"))),
        }
    }

    /// Returns what is below, name by name.
    pub(super) fn join(&self, names: &[&str]) -> Self {
        match self {
            Self::Path(path) => Self::Path(names.iter().fold(path.clone(), |p, name| p.join(name))),
            Self::Web(url) => {
                let mut url = url.clone();
                if let Ok(mut segments) = url.path_segments_mut() {
                    segments.pop_if_empty().extend(names);
                }
                Self::Web(url)
            }
        }
    }
}

impl std::fmt::Display for Location {
    /// Leaves out queries, which may hold a signature.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Web(url) => write!(f, "{}://{}{}", url.scheme(), host_port(url), url.path()),
        }
    }
}

impl Fetcher {
    /// Fetches a document into memory.
    pub(super) async fn document(
        &self,
        at: &Location,
        tag: Option<&str>,
        limit: u64,
    ) -> Result<Got<Bytes>, SourceError> {
        let what = format!("`{at}`");
        let url = match at {
            Location::Path(path) => {
                let (path, tag) = (path.clone(), tag.map(str::to_owned));
                return blocking(move || {
                    let (file, now) = open(&path, &what)?;
                    if tag.is_some() && tag == now {
                        return Ok(Got::Same);
                    }
                    let mut bytes = Vec::new();
                    file.take(limit.saturating_add(1))
                        .read_to_end(&mut bytes)
                        .map_err(|source| SourceError::Io { what: what.clone(), source })?;
                    if bytes.len() as u64 > limit {
                        return Err(SourceError::TooLarge { what, limit });
                    }
                    Ok(Got::New(bytes.into(), now))
                })
                .await;
            }
            Location::Web(url) => url,
        };
        let session = self.transport.session(&host_port(url), "");
        let get = self.get(url, tag, &session, &what);
        let answer = self.transport.document(&get, limit).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            return Ok(Got::Same);
        }
        let tag = entity_tag(&answer.headers);
        Ok(Got::New(answer.body, tag))
    }

    /// Fetches a large file: to a temporary one, if it is not on this machine. `tell` hears how many bytes came, of how many.
    pub(super) async fn file(
        &self,
        at: &Location,
        tag: Option<&str>,
        limit: u64,
        tell: &(dyn Fn(u64, Option<u64>) + Send + Sync),
    ) -> Result<Got<File>, SourceError> {
        let what = format!("`{at}`");
        let url = match at {
            Location::Path(path) => {
                let (path, tag) = (path.clone(), tag.map(str::to_owned));
                return blocking(move || {
                    let (file, now) = open(&path, &what)?;
                    Ok(if tag.is_some() && tag == now { Got::Same } else { Got::New(file, now) })
                })
                .await;
            }
            Location::Web(url) => url,
        };
        let session = self.transport.session(&host_port(url), "");
        let get = self.get(url, tag, &session, &what);
        let retry = &self.transport.options.retry;
        let mut backoff = Backoff::new(retry, retry.attempts.max(1));
        loop {
            let response = self.transport.stream(&get).await?;
            if response.status() == StatusCode::NOT_MODIFIED {
                return Ok(Got::Same);
            }
            let tag = entity_tag(response.headers());
            match self.save(response, &what, limit, tell).await {
                Ok(file) => return Ok(Got::New(file, tag)),
                Err(failure) => backoff.pause(failure, &what).await?,
            }
        }
    }

    fn get<'a>(
        &self,
        url: &Url,
        tag: Option<&'a str>,
        session: &'a crate::registry::auth::Session,
        what: &'a str,
    ) -> Get<'a> {
        Get {
            url: url.clone(),
            accept: None,
            from: 0,
            unless: tag,
            session,
            what,
            tolerate: &[],
            attempts: self.transport.options.retry.attempts.max(1),
        }
    }

    /// Writes a body to a nameless file.
    async fn save(
        &self,
        mut response: Response,
        what: &str,
        limit: u64,
        tell: &(dyn Fn(u64, Option<u64>) + Send + Sync),
    ) -> Result<File, Failure> {
        let options = &self.transport.options;
        let mut spool = options.spool.clone();
        spool.bytes = spool.bytes.min(limit);
        let total = response.content_length();
        if total.is_some_and(|total| total > spool.bytes) {
            let limit = spool.bytes;
            return Err(Failure::Lasting(SourceError::TooLarge { what: what.to_owned(), limit }));
        }
        let (sender, reader) = pipe();
        let name = what.to_owned();
        let filling = tokio::spawn(blocking(move || spool.fill(reader, &name)));
        let (mut received, mut waited, mut came) = (0, Duration::ZERO, 0);
        let broken = loop {
            let start = Instant::now();
            let piece = match response.chunk().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break None,
                Err(error) => break Some(describe(error)),
            };
            waited += start.elapsed();
            came += piece.len() as u64;
            if came >= BYTES_PER_READ {
                (waited, came) = (Duration::ZERO, 0);
            } else if waited > options.timeouts.read {
                break Some("it is too slow".into());
            }
            received += piece.len() as u64;
            tell(received, total);
            if sender.send(Ok(piece)).await.is_err() {
                // The file could not be written: the other side says why.
                break None;
            }
        };
        drop(sender);
        let file = filling.await;
        if let Some(detail) = broken {
            let detail = format!("the transfer broke at byte {received}: {detail}");
            return Err(Failure::passing(detail));
        }
        file.map_err(|_| Failure::passing("the program is shutting down"))?
            .map_err(Failure::Lasting)
    }
}

/// Opens a file of a mirror on disk; its size and date stand for its content.
fn open(path: &Path, what: &str) -> Result<(File, Option<String>), SourceError> {
    let io = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => SourceError::NotFound { what: what.to_owned() },
        _ => SourceError::Io { what: what.to_owned(), source },
    };
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        let what = what.to_owned();
        return Err(SourceError::Malformed { what, detail: "it is not a file".into() });
    }
    let age = metadata.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    let tag = age.map(|age| format!("{}-{}", metadata.len(), age.as_nanos()));
    Ok((file, tag))
}

/// What to ask with the next time: the entity tag, or the date where there is none.
fn entity_tag(headers: &reqwest::header::HeaderMap) -> Option<String> {
    let quoted = |tag: &&str| tag.contains('"');
    let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).filter(quoted);
    let date = || headers.get(LAST_MODIFIED).and_then(|date| date.to_str().ok());
    let tag = tag.or_else(date).filter(|tag| tag.len() <= TAG_LIMIT)?;
    Some(tag.to_owned())
}
