//! A file seen through a small window that only moves forward.

use std::io::{self, Read};
use std::ops::Range;

/// Bytes read at a time: enough for the headers of every common executable, small enough to stay in the cache.
const CHUNK: usize = 64 * 1024;

/// Bytes that stay visible when the window moves on, for whatever lies across two chunks.
pub(super) const CARRY: usize = 512;

/// The bytes of a stream around the current place. Offsets count from the start of the executable.
pub(super) struct Window<'a> {
    stream: &'a mut dyn Read,
    size: u64,
    buffer: Vec<u8>,
    start: u64,
    fresh: usize,
}

impl<'a> Window<'a> {
    /// Opens a window at the start of a stream of `size` bytes; nothing is visible before the first [`Self::advance`].
    pub(super) fn new(stream: &'a mut dyn Read, size: u64) -> Self {
        Self { stream, size, buffer: Vec::new(), start: 0, fresh: 0 }
    }

    /// Moves on by one chunk. Returns whether there was anything left.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.keep_last(CARRY);
        self.fresh = self.buffer.len();
        let wanted = self.size.saturating_sub(self.end()).min(CHUNK as u64);
        self.buffer.reserve_exact(usize::try_from(wanted).unwrap_or(CHUNK));
        (&mut *self.stream).take(wanted).read_to_end(&mut self.buffer)?;
        Ok(self.buffer.len() > self.fresh)
    }

    /// Makes `range` the executable that is looked at from now on, at offset 0, and shows its first chunk.
    ///
    /// Returns whether it is there at all: it must begin at or after the start of the window.
    pub(super) fn enter(&mut self, range: Range<u64>) -> io::Result<bool> {
        while self.end() < range.start && self.advance()? {}
        let Some(before) = range.start.checked_sub(self.start) else { return Ok(false) };
        if self.end() < range.start || range.end > self.size || range.is_empty() {
            return Ok(false);
        }
        self.buffer.drain(..usize::try_from(before).unwrap_or(usize::MAX).min(self.buffer.len()));
        self.start = 0;
        self.size = range.end - range.start;
        let seen = usize::try_from(self.size).unwrap_or(usize::MAX);
        self.buffer.truncate(seen);
        let missing = CHUNK.saturating_sub(self.buffer.len()) as u64;
        let wanted = missing.min(self.size - self.buffer.len() as u64);
        (&mut *self.stream).take(wanted).read_to_end(&mut self.buffer)?;
        self.fresh = 0;
        Ok(true)
    }

    fn keep_last(&mut self, count: usize) {
        let gone = self.buffer.len().saturating_sub(count);
        self.buffer.copy_within(gone.., 0);
        self.buffer.truncate(count);
        self.start += gone as u64;
    }

    /// Size of the executable, as its container says.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Offset of the first visible byte.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Offset after the last visible byte.
    pub(super) fn end(&self) -> u64 {
        self.start + self.buffer.len() as u64
    }

    /// Everything visible.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Returns the visible part of `range` and where it begins.
    pub(super) fn part(&self, range: &Range<u64>) -> (u64, &[u8]) {
        self.visible(range, self.start)
    }

    /// Returns the part of `range` that became visible by the last move, and where it begins.
    pub(super) fn fresh_part(&self, range: &Range<u64>) -> (u64, &[u8]) {
        self.visible(range, self.start + self.fresh as u64)
    }

    fn visible(&self, range: &Range<u64>, from: u64) -> (u64, &[u8]) {
        let from = from.max(range.start);
        let to = self.end().min(range.end);
        if from >= to {
            return (from, &[]);
        }
        // Both lie inside the buffer, whose length is a `usize`.
        let index = |offset: u64| usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        (from, self.buffer.get(index(from)..index(to)).unwrap_or_default())
    }
}

/// A part of the file that is kept while it passes by.
#[derive(Debug)]
pub(super) struct Capture {
    range: Range<u64>,
    bytes: Vec<u8>,
}

impl Capture {
    pub(super) fn new(range: Range<u64>) -> Self {
        Self { range, bytes: Vec::new() }
    }

    pub(super) fn feed(&mut self, window: &Window<'_>) {
        let expected = self.range.start + self.bytes.len() as u64;
        let (at, part) = window.part(&(expected..self.range.end));
        if at == expected {
            self.bytes.extend_from_slice(part);
        }
    }

    /// Returns the bytes of `range`, if all of them were kept.
    pub(super) fn get(&self, range: &Range<u64>) -> Option<&[u8]> {
        let from = usize::try_from(range.start.checked_sub(self.range.start)?).ok()?;
        let to = usize::try_from(range.end.checked_sub(self.range.start)?).ok()?;
        self.bytes.get(from..to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_shows_every_byte_once_and_keeps_a_carry() {
        let content: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        let mut stream = &content[..];
        let mut window = Window::new(&mut stream, content.len() as u64);
        let mut seen = Vec::new();
        let mut kept = Capture::new(60_000..140_000);
        while window.advance().unwrap() {
            let (at, part) = window.fresh_part(&(0..u64::MAX));
            assert_eq!(at, seen.len() as u64);
            assert!(at == 0 || window.start() == at - CARRY as u64);
            seen.extend_from_slice(part);
            kept.feed(&window);
        }
        assert_eq!(seen, content);
        assert_eq!(kept.get(&(60_001..139_999)).unwrap(), &content[60_001..139_999]);
        assert_eq!(kept.get(&(59_999..60_010)), None);
        assert_eq!(kept.get(&(139_999..140_001)), None);
    }

    #[test]
    fn a_part_of_the_stream_can_be_entered() {
        let content: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        for (range, there) in [
            (4096..150_000u64, true),
            (100_000..100_010, true),
            (199_999..200_000, true),
            (4096..200_001, false),
            (200_000..200_000, false),
            (300_000..300_001, false),
        ] {
            let mut stream = &content[..];
            let mut window = Window::new(&mut stream, content.len() as u64);
            assert!(window.advance().unwrap());
            assert_eq!(window.enter(range.clone()).unwrap(), there, "{range:?}");
            if !there {
                continue;
            }
            let mut seen = window.fresh_part(&(0..u64::MAX)).1.to_vec();
            while window.advance().unwrap() {
                seen.extend_from_slice(window.fresh_part(&(0..u64::MAX)).1);
            }
            let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
            assert_eq!(seen, content[start..end], "{range:?}");
        }
    }
}
