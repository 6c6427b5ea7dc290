//! SemVer and what follows it closely: crates.io, Hex, npm, Bitnami, Pub.
//!
//! See: semver.org 2.0.0 §9-11; node-semver README; pub_semver README; Bitnami "Versioning of containers".

use super::Unparsable;
use super::encode::{LOW, Reader, is_number, number, strip_zeros, word};

/// What follows the numbers: a pre-release, or the release itself. Both are below every further number.
const PRE_RELEASE: u8 = 0x01;
const RELEASE: u8 = 0x02;
/// The end of a list of identifiers: a shorter list sorts first.
const LIST_END: u8 = 0x01;
/// An identifier that is not a number: above all numbers, compared as text.
const TEXT: u8 = 0x40;

/// How strictly the three numbers are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// Exactly three, without leading zeros.
    Three,
    /// One or more; those that miss are 0.
    Any,
}

/// Writes the key of a version of crates.io, Hex and the like.
///
/// Read generously, because data is: a leading `v` is dropped, `1.2` means `1.2.0`, further numbers count. Build
/// metadata is ignored.
pub(super) fn key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let version = strip_v(version);
    let (version, build) = split(version, b'+');
    check_build(build)?;
    write_version(version, Numbers::Any, out)
}

/// Writes the key of an npm version: three numbers, as npm itself demands, after an optional `v` or `=`.
pub(super) fn npm_key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let version = strip_v(version.strip_prefix(b"=").map_or(version, <[u8]>::trim_ascii_start));
    let (version, build) = split(version, b'+');
    check_build(build)?;
    write_version(version, Numbers::Three, out)
}

/// Writes the key of a Bitnami version: what follows `-` is the revision of the packaging (`1.2.3-4`, `1.2.3-r4`),
/// so it sorts *after* the bare version; a missing revision is 0.
///
/// Whatever else follows a hyphen is a pre-release, as in SemVer.
pub(super) fn bitnami_key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let version = strip_v(version);
    let (version, build) = split(version, b'+');
    check_build(build)?;
    let revision = version.iter().rposition(|&b| b == b'-').and_then(|hyphen| {
        let text = &version[hyphen + 1..];
        let digits = text.strip_prefix(b"r").unwrap_or(text);
        is_number(digits).then_some((hyphen, digits))
    });
    let (version, digits) = match revision {
        Some((hyphen, digits)) => (&version[..hyphen], digits),
        None => (version, &b""[..]),
    };
    write_version(version, Numbers::Any, out)?;
    number(out, LOW, digits);
    Ok(())
}

/// Writes the key of a Dart package's version: SemVer, except that build metadata counts (`1.0.0` < `1.0.0+1`).
pub(super) fn pub_key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let (version, build) = split(strip_v(version), b'+');
    write_version(version, Numbers::Any, out)?;
    match build {
        Some(build) => write_identifiers(build, out),
        None => Ok(()),
    }
}

/// Drops one leading `v` before a digit.
pub(super) fn strip_v(version: &[u8]) -> &[u8] {
    match version {
        [b'v' | b'V', rest @ ..] if rest.first().is_some_and(u8::is_ascii_digit) => rest,
        _ => version,
    }
}

/// Splits at the first `separator`.
pub(super) fn split(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&b| b == separator) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Checks build metadata, which does not count; several `+` are let through, as Go's `+incompatible+dirty`.
pub(super) fn check_build(build: Option<&[u8]>) -> Result<(), Unparsable> {
    match build {
        Some([]) => Err(Unparsable::Structure),
        Some(build) if !build.iter().all(|&b| is_identifier(b) || matches!(b, b'.' | b'+')) => {
            Err(Unparsable::Character)
        }
        _ => Ok(()),
    }
}

/// Writes `1.2.3-pre.1`, any number of numbers, without build metadata.
pub(super) fn write_numbers_and_pre_release(
    version: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Unparsable> {
    write_version(version, Numbers::Any, out)
}

fn write_version(version: &[u8], numbers: Numbers, out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let (core, pre_release) = split(version, b'-');
    if numbers == Numbers::Three {
        let three = core.split(|&b| b == b'.').count() == 3;
        if !three || core.split(|&b| b == b'.').any(has_leading_zero) {
            return Err(Unparsable::Structure);
        }
    }
    write_numbers(core, out)?;
    match pre_release {
        None => out.push(RELEASE),
        Some(pre_release) => {
            out.push(PRE_RELEASE);
            if numbers == Numbers::Three
                && pre_release.split(|&b| b == b'.').any(|id| is_number(id) && has_leading_zero(id))
            {
                return Err(Unparsable::Structure);
            }
            write_identifiers(pre_release, out)?;
        }
    }
    Ok(())
}

/// Writes dotted numbers without the zeros at the end, so that `1.2` is `1.2.0`.
///
/// What follows in the key must begin below [`LOW`].
pub(super) fn write_numbers(core: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let mut end = out.len();
    for digits in core.split(|&b| b == b'.') {
        if !is_number(digits) {
            let foreign = digits.iter().any(|&b| !is_identifier(b) && b != b'+');
            return Err(if foreign { Unparsable::Character } else { Unparsable::Structure });
        }
        number(out, LOW, digits);
        if !strip_zeros(digits).is_empty() {
            end = out.len();
        }
    }
    out.truncate(end);
    Ok(())
}

/// Writes dotted identifiers: numbers by value and below text, text by its bytes, a shorter list first.
pub(super) fn write_identifiers(list: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    for identifier in list.split(|&b| b == b'.') {
        if identifier.is_empty() {
            return Err(Unparsable::Structure);
        }
        if is_number(identifier) {
            number(out, LOW, identifier);
        } else {
            let mut reader = Reader(identifier);
            let text = reader.take_while(is_identifier);
            if !reader.is_empty() {
                return Err(Unparsable::Character);
            }
            out.push(TEXT);
            word(out, text);
        }
    }
    out.push(LIST_END);
    Ok(())
}

fn has_leading_zero(digits: &[u8]) -> bool {
    digits.len() > 1 && digits[0] == b'0'
}

fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}
