//! Arch Linux: `[epoch:]version[-release]`, like RPM but for separators and a letter right after a number.
//!
//! See: vercmp(8); pacman `lib/libalpm/version.c` for the behavior.

use super::Unparsable;
use super::encode::{LOW, Reader, number, word};

/// Letters without a separator before: below the end, so that `1.0rc` < `1.0`.
const LETTERS: u8 = 0x01;
const END: u8 = 0x02;
/// A number without a separator before.
const NUMBER: u8 = 0x03;
/// A number of separators: the more, the higher, whatever follows.
const SEPARATORS: u8 = 0x04;

/// Writes the key: epoch (missing is 0), version, release (missing is below every release).
///
/// pacman compares releases only if both sides have one, and takes a separator at the very end as both above and below
/// what a separator may lead to. Neither is an order, and neither occurs: packages have releases, and versions end in
/// letters or digits. So the first is as in the RPM keys, and the second is unparsable.
pub(super) fn key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    if !version.iter().all(u8::is_ascii_graphic) {
        return Err(Unparsable::Character);
    }
    let mut reader = Reader(version);
    let epoch = reader.digits();
    let (epoch, rest) = match reader.eat(|b| b == b':') {
        Some(_) => (epoch, reader.0),
        None => (&b""[..], version),
    };
    number(out, LOW, epoch);
    match rest.iter().rposition(|&b| b == b'-') {
        None => write_part(rest, out),
        Some(hyphen) => {
            write_part(&rest[..hyphen], out)?;
            write_part(&rest[hyphen + 1..], out)
        }
    }
}

fn write_part(part: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    if !part.last().is_some_and(u8::is_ascii_alphanumeric) {
        return Err(Unparsable::Structure);
    }
    let mut reader = Reader(part);
    while !reader.is_empty() {
        let separators = reader.take_while(|b| !b.is_ascii_alphanumeric());
        if !separators.is_empty() {
            out.push(SEPARATORS);
            // At most MAX_LEN.
            let count = u16::try_from(separators.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&count.to_be_bytes());
        }
        let digits = reader.digits();
        if digits.is_empty() {
            out.push(LETTERS);
            word(out, reader.take_while(|b| b.is_ascii_alphabetic()));
        } else {
            out.push(NUMBER);
            number(out, LOW, digits);
        }
    }
    out.push(END);
    Ok(())
}
