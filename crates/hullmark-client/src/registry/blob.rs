//! Blobs: a transfer that breaks goes on where it stopped; one that ends early, or never, is an error.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hullmark_oci::source::BlobReader;
use hullmark_oci::{Descriptor, SourceError};
use reqwest::header::CONTENT_RANGE;
use reqwest::{Response, StatusCode};

use super::Remote;
use super::transport::{Backoff, Failure};
use crate::stream::{PieceSender, pipe};
use crate::text::describe;

/// A transfer may break once more for every so many bytes that it brought.
const BYTES_PER_FAILURE: u64 = 16 * 1024 * 1024;
/// Bytes that must come within the time that a read may take. Less is a server that keeps us busy.
const BYTES_PER_READ: u64 = 64 * 1024;
/// How long the end of a complete transfer is waited for.
const END: Duration = Duration::from_secs(1);

/// Opens a blob.
pub(super) async fn open(remote: Arc<Remote>, at: Descriptor) -> Result<BlobReader, SourceError> {
    let what = format!("blob {} of {}", at.digest, remote.name);
    let transfer = Transfer { remote: remote.clone(), at: at.clone(), what };
    let first = transfer.start(0).await?;
    let (sender, reader) = pipe();
    tokio::spawn(async move {
        if let Err(error) = transfer.run(first, &sender).await {
            // Nobody reads any more if this cannot be sent.
            sender.send(Err(error)).await.ok();
        }
    });
    Ok(remote.transport.options.progress.wrap(&at, Box::new(reader)))
}

struct Transfer {
    remote: Arc<Remote>,
    at: Descriptor,
    what: String,
}

/// An answer, and how many of its bytes were had before.
struct Body {
    response: Response,
    skip: u64,
}

impl Transfer {
    /// Asks for the bytes from `offset` on.
    async fn start(&self, offset: u64) -> Result<Body, SourceError> {
        let response = self.remote.open_blob(&self.at, offset, &self.what).await?;
        let expected = self.at.size;
        let mismatch =
            |found| SourceError::SizeMismatch { what: self.what.clone(), expected, found };
        let length = response.content_length();
        if response.status() == StatusCode::PARTIAL_CONTENT {
            let range = response.headers().get(CONTENT_RANGE).and_then(|r| r.to_str().ok());
            let (start, total) =
                range.and_then(parse_range).ok_or_else(|| SourceError::Malformed {
                    what: self.what.clone(),
                    detail: "part of it came without saying which".into(),
                })?;
            if start != offset {
                return Err(SourceError::Malformed {
                    what: self.what.clone(),
                    detail: format!("bytes from {start} on came, and {offset} was asked for"),
                });
            }
            if let Some(total) =
                total.or(length.map(|l| l.saturating_add(start))).filter(|t| *t != expected)
            {
                return Err(mismatch(total));
            }
            return Ok(Body { response, skip: 0 });
        }
        if let Some(length) = length.filter(|length| *length != expected) {
            return Err(mismatch(length));
        }
        Ok(Body { response, skip: offset })
    }

    async fn run(&self, mut body: Body, to: &PieceSender) -> Result<(), SourceError> {
        let retry = &self.remote.transport.options.retry;
        let mut backoff = Backoff::new(retry, retry.attempts);
        let mut received = 0;
        let mut failures = 0;
        loop {
            let before = received;
            let detail = match self.pass_on(&mut body, &mut received, to).await? {
                Ended::Complete | Ended::Unwanted => return Ok(()),
                Ended::Broken(detail) => detail,
            };
            failures += 1;
            if received > before {
                backoff = Backoff::new(retry, retry.attempts);
            }
            if failures > u64::from(retry.attempts) + received / BYTES_PER_FAILURE {
                backoff = Backoff::new(retry, 1);
            }
            let detail =
                format!("the transfer broke at byte {received} of {}: {detail}", self.at.size);
            backoff.pause(Failure::passing(detail), &self.what).await?;
            body = self.start(received).await?;
        }
    }

    /// Passes pieces on until the body ends.
    async fn pass_on(
        &self,
        body: &mut Body,
        received: &mut u64,
        to: &PieceSender,
    ) -> Result<Ended, SourceError> {
        let expected = self.at.size;
        let slowest = self.remote.transport.options.timeouts.read;
        let (mut waited, mut came) = (Duration::ZERO, 0);
        loop {
            let start = Instant::now();
            let complete = *received == expected;
            let next = body.response.chunk();
            let piece = if complete {
                // Only to see that there is no more of it, and to use the connection again.
                tokio::time::timeout(END, next).await.unwrap_or(Ok(None))
            } else {
                next.await
            };
            let mut piece = match piece {
                Ok(Some(piece)) => piece,
                Ok(None) | Err(_) if complete => return Ok(Ended::Complete),
                Ok(None) => return Ok(Ended::Broken("it ended early".into())),
                Err(error) => return Ok(Ended::Broken(describe(error))),
            };
            // Only the time that the server took counts, not the reader's.
            waited += start.elapsed();
            came += piece.len() as u64;
            if came >= BYTES_PER_READ {
                (waited, came) = (Duration::ZERO, 0);
            } else if waited > slowest {
                return Ok(Ended::Broken("it is too slow".into()));
            }
            let skipped = body.skip.min(piece.len() as u64);
            body.skip -= skipped;
            // No more than a piece's length, so that it fits.
            let piece = piece.split_off(usize::try_from(skipped).unwrap_or(piece.len()));
            if piece.is_empty() {
                continue;
            }
            let total = *received + piece.len() as u64;
            if total > expected {
                let what = self.what.clone();
                return Err(SourceError::SizeMismatch { what, expected, found: total });
            }
            if to.send(Ok(piece)).await.is_err() {
                return Ok(Ended::Unwanted);
            }
            *received = total;
        }
    }
}

/// How a body ended.
enum Ended {
    Complete,
    /// The reader was dropped.
    Unwanted,
    Broken(String),
}

/// Parses `bytes FIRST-LAST/TOTAL` into first and total.
///
/// See: RFC 9110 §14.4.
fn parse_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    Some((first.parse().ok()?, total))
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn ranges_are_read_or_refused() {
        assert_eq!(parse_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(parse_range("bytes 5-9/*"), Some((5, None)));
        for bad in [
            "",
            "bytes",
            "bytes 5/10",
            "bytes */10",
            "items 5-9/10",
            "bytes -1-9/10",
            "bytes 5-9/x",
        ] {
            assert_eq!(parse_range(bad), None, "{bad}");
        }
    }
}
