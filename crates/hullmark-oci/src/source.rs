//! The seam between images and where they come from: a registry, a layout, an archive, a daemon, memory.

use std::fmt;
use std::future::Future;
use std::io::Read;
use std::pin::Pin;

use bytes::Bytes;

use crate::digest::Digest;
use crate::manifest::Descriptor;

/// A boxed future, so that the trait stays object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A blob as a blocking reader; it is read on a thread for blocking work.
pub type BlobReader = Box<dyn Read + Send>;

/// The top document of an image: an index or a manifest, in its raw bytes.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Descriptor of `bytes`; its digest was computed from them.
    pub descriptor: Descriptor,
    /// The raw document.
    pub bytes: Bytes,
}

/// Content by digest, of the one image that the source was opened for.
///
/// Contract: `blob` may return any bytes: callers hash what they read and never trust the source. `manifest` returns bytes whose
/// digest and size were already compared with the descriptor. Methods may be called concurrently and in any order.
pub trait ImageSource: fmt::Debug + Send + Sync {
    /// Returns how the source names the image, for people: a reference or a path with its kind.
    fn name(&self) -> String;

    /// Resolves the image's name to its top document. A tag is resolved by this call only.
    fn resolve(&self) -> BoxFuture<'_, Result<Resolved, SourceError>>;

    /// Returns a manifest, an index or a configuration, at most `limit` bytes, compared with its descriptor.
    fn manifest<'a>(
        &'a self,
        at: &'a Descriptor,
        limit: u64,
    ) -> BoxFuture<'a, Result<Bytes, SourceError>>;

    /// Opens a blob. The reader yields an error, not an early end, when the transfer breaks.
    fn blob<'a>(&'a self, at: &'a Descriptor) -> BoxFuture<'a, Result<BlobReader, SourceError>>;

    /// Returns the descriptors of the manifests whose subject is `subject`; empty where the source cannot know any.
    fn referrers<'a>(
        &'a self,
        subject: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<Descriptor>, SourceError>>;
}

/// Why content could not be had. Every variant names what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The image or the content does not exist there.
    #[error("{what} was not found")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// A layout or an archive holds several images, and the name does not say which.
    #[error("{what} holds several images, choose one with `PATH:TAG` or `PATH@DIGEST`: {}", choices.join(", "))]
    Ambiguous {
        /// What was asked for.
        what: String,
        /// Names or digests, sorted; at most twenty.
        choices: Vec<String>,
    },
    /// The source refused the credentials, or wants some.
    #[error("{what}: access was refused ({detail})")]
    Unauthorized {
        /// What was asked for.
        what: String,
        /// What the source said.
        detail: String,
    },
    /// The source could not be reached, or the transfer broke, after all retries.
    #[error("{what}: {detail}")]
    Unreachable {
        /// What was asked for.
        what: String,
        /// The last failure.
        detail: String,
    },
    /// The source answered with something that breaks the protocol or the format.
    #[error("{what}: {detail}")]
    Malformed {
        /// What was asked for.
        what: String,
        /// What is wrong with the answer.
        detail: String,
    },
    /// Content differs from its digest.
    #[error("{what}: content has digest `{found}`, expected `{expected}`")]
    DigestMismatch {
        /// What was asked for.
        what: String,
        /// The digest that names the content.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// Content is shorter or longer than its descriptor says.
    #[error("{what}: content has {found} bytes, expected {expected}")]
    SizeMismatch {
        /// What was asked for.
        what: String,
        /// Size in the descriptor.
        expected: u64,
        /// Size of what came (at least).
        found: u64,
    },
    /// A limit was passed.
    #[error("{what}: more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file could not be read.
    #[error("failed to read {what}")]
    Io {
        /// What was read.
        what: String,
        /// The failure.
        #[source]
        source: std::io::Error,
    },
}
