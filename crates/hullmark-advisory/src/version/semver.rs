//! SemVer and what follows it closely: crates.io, Hex, npm, Bitnami, Pub.
//!
//! See: semver.org 2.0.0 §9-11; node-semver README; pub_semver README; Bitnami "Versioning of containers".

use super::Unparsable;
use super::encode::{LOW, Reader, is_number, number, strip_zeros, word, word_lower};

/// What follows the numbers: a pre-release, or the release itself. Both are below every further number.
pub(super) const PRE_RELEASE: u8 = 0x01;
pub(super) const RELEASE: u8 = 0x02;
/// The end of a list of identifiers: a shorter list sorts first.
const LIST_END: u8 = 0x01;
/// An identifier that is not a number: above all numbers, compared as text.
const TEXT: u8 = 0x40;

/// Names that begin a pre-release even without a hyphen. Other letters may mean the opposite (OpenSSL's `1.0.2k`).
const PRE_RELEASE_NAMES: [&str; 4] = ["alpha", "beta", "rc", "pre"];

/// How strictly the three numbers are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// Exactly three, without leading zeros.
    Three,
    /// One or more; those that miss are 0.
    Any,
}

/// Whether `Beta` and `beta` differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Counts,
    Ignored,
}

/// Writes the key of a version of crates.io, Hex and the like.
///
/// Read generously, because data is: a leading `v` is dropped, `1.2` means `1.2.0`, further numbers count, and the hyphen
/// may be a dot or missing before the usual names of pre-releases (`1.20rc1`, `1.0.0.beta2`). Build metadata is ignored.
pub(super) fn key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let version = strip_v(version);
    let (version, build) = split(version, b'+');
    check_build(build)?;
    let mut reader = Reader(version);
    let mut core = reader.take_while(|b| b.is_ascii_digit() || b == b'.');
    if let [rest @ .., b'.'] = core {
        core = rest;
    }
    let mut ahead = reader;
    if PRE_RELEASE_NAMES.iter().any(|name| ahead.eat_word(name)) {
        return write_parts(core, Some(reader.0), out);
    }
    write_version(version, Numbers::Any, out)
}

/// Writes the key of an npm version: three numbers, as npm itself demands, after an optional `v` or `=`.
pub(super) fn npm_key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let version = strip_v(version.strip_prefix(b"=").map_or(version, <[u8]>::trim_ascii_start));
    let (version, build) = split(version, b'+');
    check_build(build)?;
    if build.is_some_and(|build| {
        build.split(|&b| b == b'.').any(|id| !id.iter().all(|&b| is_identifier(b)) || id.is_empty())
    }) {
        return Err(Unparsable::Structure);
    }
    write_version(version, Numbers::Three, out)
}

/// Writes the key of a Bitnami version, without the revision of the packaging (`1.2.3-4`, `1.2.3-r4`).
///
/// Advisories name the version of the application only, and a revision never changes that: were it counted, 1.2.3-4
/// would be above `last_affected: 1.2.3`. Whatever else follows a hyphen is a pre-release, as in SemVer.
pub(super) fn bitnami_key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let version = strip_v(version);
    let (version, build) = split(version, b'+');
    check_build(build)?;
    let revision = version.iter().rposition(|&b| b == b'-').filter(|hyphen| {
        let text = &version[hyphen + 1..];
        is_number(text.strip_prefix(b"r").unwrap_or(text))
    });
    write_version(&version[..revision.unwrap_or(version.len())], Numbers::Any, out)
}

/// Writes the key of a Dart package's version: SemVer, except that build metadata counts (`1.0.0` < `1.0.0+1`).
pub(super) fn pub_key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let (version, build) = split(strip_v(version), b'+');
    write_version(version, Numbers::Any, out)?;
    match build {
        Some(build) => write_identifiers(build, Case::Counts, out),
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
        let pre_release = pre_release.unwrap_or_default().split(|&b| b == b'.');
        let zero_led = |id: &[u8]| id.len() > 1 && id[0] == b'0' && is_number(id);
        if !three || core.split(|&b| b == b'.').chain(pre_release).any(zero_led) {
            return Err(Unparsable::Structure);
        }
    }
    write_parts(core, pre_release, out)
}

fn write_parts(
    core: &[u8],
    pre_release: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> Result<(), Unparsable> {
    write_numbers(core, out)?;
    match pre_release {
        None => {
            out.push(RELEASE);
            Ok(())
        }
        Some(pre_release) => {
            out.push(PRE_RELEASE);
            write_identifiers(pre_release, Case::Counts, out)
        }
    }
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
pub(super) fn write_identifiers(
    list: &[u8],
    case: Case,
    out: &mut Vec<u8>,
) -> Result<(), Unparsable> {
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
            match case {
                Case::Counts => word(out, text),
                Case::Ignored => word_lower(out, text),
            }
        }
    }
    out.push(LIST_END);
    Ok(())
}

fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}
