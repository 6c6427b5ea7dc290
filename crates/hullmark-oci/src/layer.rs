//! A layer's blob as a verified stream of uncompressed bytes: bytes → digest → inflate → digest, in one pass.

use std::io::{self, BufRead, BufReader, Read};

use crate::digest::{Algorithm, Digest, Hasher};
use crate::limits::Limits;

const BUFFER: usize = 128 * 1024;

/// How a layer is compressed. Found by its first bytes, as runtimes do: media types are often wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not compressed.
    None,
    /// Gzip, any number of members.
    Gzip,
    /// Zstandard, any number of frames; zstd:chunked is read as such.
    Zstd,
}

/// Why a layer cannot be read. Each one ends the examination of the layer.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// Neither gzip nor zstd nor tar.
    #[error("the layer is compressed with {0}, which is not supported")]
    Unsupported(&'static str),
    /// The blob is not what its descriptor names.
    #[error("the blob has digest `{found}`, expected `{expected}`")]
    BlobDigest {
        /// Digest in the descriptor.
        expected: Digest,
        /// Digest of what came.
        found: Digest,
    },
    /// The blob is longer or shorter than its descriptor says.
    #[error("the blob has {found} bytes, expected {expected}")]
    BlobSize {
        /// Size in the descriptor.
        expected: u64,
        /// Size of what came, at least.
        found: u64,
    },
    /// The uncompressed content is not what the image's configuration names.
    #[error(
        "the layer's content has digest `{found}`, but the image's configuration says `{expected}`"
    )]
    DiffId {
        /// Digest in the configuration.
        expected: Digest,
        /// Digest of the content.
        found: Digest,
    },
    /// More content than allowed.
    #[error("the layer has more than {limit} uncompressed bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A decompression bomb.
    #[error("the layer grows more than {limit}-fold when uncompressed")]
    Ratio {
        /// The limit.
        limit: u64,
    },
}

/// What a layer must turn out to be.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Digest of the blob.
    pub digest: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// Digest of the uncompressed content, where the configuration says.
    pub diff_id: Option<Digest>,
}

/// A layer's uncompressed content. Nothing read from it may be believed before [`Layer::finish`] has agreed.
pub struct Layer<R: Read> {
    decoder: Decoder<R>,
    diff: Hasher,
    expected: Expected,
    max_bytes: u64,
    max_ratio: u64,
    ratio_floor: u64,
    produced: u64,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

enum Decoder<R: Read> {
    None(Box<Blob<R>>),
    Gzip(Box<flate2::bufread::MultiGzDecoder<Blob<R>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Blob<R>>>),
}

/// The blob's own bytes, hashed as they are consumed.
struct Blob<R: Read> {
    reader: BufReader<R>,
    hasher: Hasher,
    consumed: u64,
    size: u64,
}

impl<R: Read> Layer<R> {
    /// Starts reading a layer's blob.
    ///
    /// # Errors
    /// If the first bytes cannot be read, or are of a compression that is not supported. A [`LayerError`] is the inner error.
    pub fn open(blob: R, expected: Expected, limits: &Limits) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(BUFFER, blob);
        let compression = detect(reader.fill_buf()?).map_err(io::Error::other)?;
        let blob = Blob {
            reader,
            hasher: Hasher::new(expected.digest.algorithm()),
            consumed: 0,
            size: expected.size,
        };
        let decoder = match compression {
            Compression::None => Decoder::None(Box::new(blob)),
            Compression::Gzip => {
                Decoder::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(blob)))
            }
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(blob)?;
                decoder.window_log_max(limits.zstd_window_log)?;
                Decoder::Zstd(Box::new(decoder))
            }
        };
        let algorithm = expected.diff_id.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
        Ok(Self {
            decoder,
            diff: Hasher::new(algorithm),
            expected,
            max_bytes: limits.layer_bytes,
            max_ratio: limits.decompression_ratio,
            ratio_floor: limits.ratio_floor_bytes,
            produced: 0,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
        })
    }

    /// Reads what is left and compares both digests and the size.
    ///
    /// # Errors
    /// If the blob or its content is not what was expected (a [`LayerError`] inside), or the stream breaks.
    pub fn finish(mut self) -> io::Result<Verified> {
        loop {
            let available = self.fill_buf()?.len();
            if available == 0 {
                break;
            }
            self.consume(available);
        }
        let mut blob = match self.decoder {
            Decoder::None(blob) => *blob,
            Decoder::Gzip(decoder) => decoder.into_inner(),
            Decoder::Zstd(decoder) => decoder.finish(),
        };
        blob.drain()?;
        let found = blob.hasher.finish();
        let expected = self.expected;
        if blob.consumed != expected.size {
            let error = LayerError::BlobSize { expected: expected.size, found: blob.consumed };
            return Err(io::Error::other(error));
        }
        if found != expected.digest {
            let error = LayerError::BlobDigest { expected: expected.digest, found };
            return Err(io::Error::other(error));
        }
        let diff_id = self.diff.finish();
        match expected.diff_id {
            Some(expected) if expected != diff_id => {
                Err(io::Error::other(LayerError::DiffId { expected, found: diff_id }))
            }
            _ => Ok(Verified { diff_id, uncompressed: self.produced }),
        }
    }

    fn check_growth(&self) -> Result<(), LayerError> {
        if self.produced > self.max_bytes {
            return Err(LayerError::TooLarge { limit: self.max_bytes });
        }
        let consumed = match &self.decoder {
            Decoder::None(_) => return Ok(()),
            Decoder::Gzip(decoder) => decoder.get_ref().consumed,
            Decoder::Zstd(decoder) => decoder.get_ref().consumed,
        };
        if self.produced > self.ratio_floor
            && self.produced / self.max_ratio > consumed.saturating_add(BUFFER as u64)
        {
            return Err(LayerError::Ratio { limit: self.max_ratio });
        }
        Ok(())
    }
}

/// What a layer turned out to be: the blob and, where the configuration names one, the content agree with their digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Digest of the uncompressed content.
    pub diff_id: Digest,
    /// Bytes of the uncompressed content.
    pub uncompressed: u64,
}

impl<R: Read> BufRead for Layer<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            let count = match &mut self.decoder {
                Decoder::None(reader) => reader.read(&mut self.buffer)?,
                Decoder::Gzip(reader) => reader.read(&mut self.buffer)?,
                Decoder::Zstd(reader) => reader.read(&mut self.buffer)?,
            };
            self.diff.update(&self.buffer[..count]);
            self.produced += count as u64;
            (self.start, self.end) = (0, count);
            self.check_growth().map_err(io::Error::other)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

impl<R: Read> Read for Layer<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> Blob<R> {
    fn drain(&mut self) -> io::Result<()> {
        loop {
            let available = self.fill_buf()?.len();
            if available == 0 {
                return Ok(());
            }
            self.consume(available);
        }
    }
}

impl<R: Read> BufRead for Blob<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.consumed > self.size {
            let error = LayerError::BlobSize { expected: self.size, found: self.consumed };
            return Err(io::Error::other(error));
        }
        self.reader.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.hasher.update(&self.reader.buffer()[..count]);
        self.consumed += count as u64;
        self.reader.consume(count);
    }
}

impl<R: Read> Read for Blob<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

fn detect(head: &[u8]) -> Result<Compression, LayerError> {
    let skippable = matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    match head {
        [0x1f, 0x8b, ..] => Ok(Compression::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Compression::Zstd),
        _ if skippable => Ok(Compression::Zstd),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => Err(LayerError::Unsupported("bzip2")),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Err(LayerError::Unsupported("xz")),
        _ => Ok(Compression::None),
    }
}
