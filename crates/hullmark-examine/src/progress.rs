//! What an examination tells about itself while it runs.

use hullmark_oci::Digest;

/// Told about layers and bytes. Called from many threads.
pub trait Progress: Send + Sync {
    /// A layer of `bytes` bytes is about to be read.
    fn layer_started(&self, layer: &Digest, bytes: u64);
    /// `count` more bytes of some layer were read.
    fn bytes_read(&self, count: u64);
    /// A layer is done: read, or taken from the cache.
    fn layer_done(&self, layer: &Digest, cached: bool);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn layer_started(&self, _: &Digest, _: u64) {}
    fn bytes_read(&self, _: u64) {}
    fn layer_done(&self, _: &Digest, _: bool) {}
}
