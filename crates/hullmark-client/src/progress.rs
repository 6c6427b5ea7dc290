//! How far a transfer is, for progress bars.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use hullmark_oci::source::BlobReader;
use hullmark_oci::{Descriptor, Digest};

/// How much of a blob was read so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The blob.
    pub digest: Digest,
    /// Bytes read so far.
    pub received: u64,
    /// Bytes that there will be.
    pub total: u64,
}

/// Is called for every piece of a blob that was read, from the thread that reads it.
pub type ProgressFn = Arc<dyn Fn(Progress) + Send + Sync>;

/// Where progress goes, if anywhere.
#[derive(Clone, Default)]
pub struct ProgressSink(Option<ProgressFn>);

impl fmt::Debug for ProgressSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "ProgressSink(set)" } else { "ProgressSink(none)" })
    }
}

impl ProgressSink {
    /// Has `tell` be called for every piece.
    pub fn new(tell: ProgressFn) -> Self {
        Self(Some(tell))
    }

    /// Returns a reader that tells how far it is.
    pub(crate) fn wrap(&self, at: &Descriptor, inner: BlobReader) -> BlobReader {
        match &self.0 {
            None => inner,
            Some(tell) => Box::new(Counted {
                inner,
                tell: tell.clone(),
                progress: Progress { digest: at.digest.clone(), received: 0, total: at.size },
            }),
        }
    }
}

struct Counted {
    inner: BlobReader,
    tell: ProgressFn,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count > 0 {
            self.progress.received += count as u64;
            (self.tell)(self.progress.clone());
        }
        Ok(count)
    }
}
