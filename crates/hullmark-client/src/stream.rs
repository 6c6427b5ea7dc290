//! An asynchronous transfer as a blocking reader: a bounded channel between the two.

use std::io::{self, Read};

use bytes::Bytes;
use hullmark_oci::SourceError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Pieces that may wait for a slow reader. A piece is what one read of the connection gave, well below a megabyte.
const PIECES: usize = 8;

/// The sending half. Dropping it ends the content: whoever drops it early must have sent an error.
pub(crate) type PieceSender = Sender<Result<Bytes, SourceError>>;

/// Returns both ends of a transfer.
pub(crate) fn pipe() -> (PieceSender, PieceReader) {
    let (sender, pieces) = channel(PIECES);
    (sender, PieceReader { pieces, current: Bytes::new(), failed: false })
}

/// The reading half. Reads block: they belong on a thread for blocking work.
#[derive(Debug)]
pub(crate) struct PieceReader {
    pieces: Receiver<Result<Bytes, SourceError>>,
    current: Bytes,
    failed: bool,
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.current.is_empty() {
            if self.failed {
                return Err(io::Error::other("the transfer failed before"));
            }
            match self.pieces.blocking_recv() {
                Some(Ok(piece)) => self.current = piece,
                Some(Err(error)) => {
                    self.failed = true;
                    return Err(io::Error::other(error));
                }
                None => return Ok(0),
            }
        }
        let count = self.current.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
