//! Plain lists of numbers, where a longer list is greater: Hackage (`1.0` < `1.0.0`) and CRAN (`-` is `.`).
//!
//! See: pvp.haskell.org §"Version numbers"; R manual `package_version`.

use super::Unparsable;
use super::encode::{LOW, is_number, number};

/// Writes the key of a Haskell package's version.
pub(super) fn hackage_key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    write(version, |b| b == b'.', out)
}

/// Writes the key of an R package's version.
pub(super) fn cran_key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    write(version, |b| b == b'.' || b == b'-', out)
}

fn write(
    version: &[u8],
    separates: impl Fn(u8) -> bool,
    out: &mut Vec<u8>,
) -> Result<(), Unparsable> {
    if !version.iter().all(|&b| b.is_ascii_digit() || separates(b)) {
        return Err(Unparsable::Character);
    }
    for digits in version.split(|&b| separates(b)) {
        if !is_number(digits) {
            return Err(Unparsable::Structure);
        }
        number(out, LOW, digits);
    }
    Ok(())
}
