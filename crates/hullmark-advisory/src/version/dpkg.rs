//! Debian and opkg: `[epoch:]upstream[-revision]`.
//!
//! See: deb-version(7); Debian Policy §5.6.12.

use super::Unparsable;
use super::encode::{LOW, Reader, number};

/// Sorts before the end of a part.
const TILDE: u8 = 0x01;
/// End of a part. Numbers never stand where it does, so only `~` and characters compare with it.
const END: u8 = 0x02;
/// Added to characters that are not letters, which sort after letters.
const OTHER: u8 = 0x80;
/// The largest epoch of dpkg: a C `int`.
const MAX_EPOCH: u64 = 0x7fff_ffff;

/// Writes the key: epoch, upstream part, revision.
///
/// A part is a series of (non-digits, number). The first byte of a number sorts between `~` and letters and so also
/// ends the non-digits before it. A missing revision equals `0`, as both are the pair (nothing, 0).
///
/// Upstream parts that do not start with a digit are accepted: dpkg warns about them and orders them all the same.
pub(super) fn key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let (epoch, rest) = match version.iter().position(|&b| b == b':') {
        Some(colon) => (&version[..colon], &version[colon + 1..]),
        None => (&b"0"[..], version),
    };
    let (upstream, revision) = match rest.iter().rposition(|&b| b == b'-') {
        Some(hyphen) if hyphen + 1 == rest.len() => return Err(Unparsable::Structure),
        Some(hyphen) => (&rest[..hyphen], &rest[hyphen + 1..]),
        None => (rest, &b""[..]),
    };
    if upstream.is_empty() {
        return Err(Unparsable::Structure);
    }
    if !upstream.iter().all(|&b| is_part(b) || b == b'-' || b == b':')
        || !revision.iter().all(|&b| is_part(b))
    {
        return Err(Unparsable::Character);
    }
    write_epoch(epoch, out)?;
    write_part(upstream, out);
    write_part(revision, out);
    Ok(())
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'~')
}

fn write_epoch(digits: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let text = std::str::from_utf8(digits).map_err(|_| Unparsable::Epoch)?;
    let in_range = text.parse::<u64>().is_ok_and(|epoch| epoch <= MAX_EPOCH);
    if !in_range || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Unparsable::Epoch);
    }
    number(out, LOW, digits);
    Ok(())
}

fn write_part(part: &[u8], out: &mut Vec<u8>) {
    let mut reader = Reader(part);
    loop {
        for &byte in reader.take_while(|b| !b.is_ascii_digit()) {
            out.push(match byte {
                b'~' => TILDE,
                letter if letter.is_ascii_alphabetic() => letter,
                other => OTHER + other,
            });
        }
        number(out, LOW, reader.digits());
        if reader.is_empty() {
            break;
        }
    }
    out.push(END);
}
