//! RPM: `[epoch:]version[-release]`, compared segment by segment.
//!
//! See: rpm-version(7); rpm `rpmio/rpmvercmp.c` and `rpmio/rpmver.c` for the behavior.

use std::cmp::Ordering;

use super::encode::{HIGH, LOW, Reader, number, number_len, word};
use super::{Key, Unparsable, guarded};

/// `~`: before everything, the end included.
const TILDE: u8 = 0x01;
/// The end of a version or release.
const END: u8 = 0x02;
/// `^`: after the end, before any segment.
const CARET: u8 = 0x03;

/// Writes the key: epoch (missing is 0), version, release.
///
/// A missing release sorts below every release, and its key is a *prefix* of the keys that have one: see
/// [`OneSided::Skip`].
pub(super) fn key_into(evr: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let (epoch, rest) = split_epoch(evr);
    let (version, release) = match rest.iter().rposition(|&b| b == b'-') {
        Some(hyphen) => (&rest[..hyphen], Some(&rest[hyphen + 1..])),
        None => (rest, None),
    };
    if version.is_empty() {
        return Err(Unparsable::Structure);
    }
    number(out, LOW, epoch.unwrap_or(b"0"));
    write_segments(version, out)?;
    release.map_or(Ok(()), |release| write_segments(release, out))
}

/// What happens to an epoch or a release that only one side states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OneSided {
    /// A missing epoch is 0, a missing release is below every release: the total order of the keys.
    Compare,
    /// The part is not compared, as RPM does with the release of a dependency. This is *not* a total order (`1-1` and
    /// `1-2` both equal `1`).
    Skip,
}

/// Compares two `[epoch:]version[-release]`, with a choice for parts that only one side states.
///
/// Advisory data needs `Compare` for both, which is what keys do: OSV records of RPM distributions always state a
/// release, and so do installed packages; epochs are explicit, and a missing one is 0. `release: Skip` is for
/// constraints that name a bare version (hand-written ones, VEX statements). `epoch: Skip` is for source packages
/// whose epoch is lost, because the file name of a source package does not hold it.
///
/// # Errors
/// If either side does not parse.
pub fn compare_evr(
    a: &str,
    b: &str,
    epoch: OneSided,
    release: OneSided,
) -> Result<Ordering, Unparsable> {
    let (key_a, key_b) = (super::Scheme::Rpm.key(a)?, super::Scheme::Rpm.key(b)?);
    let (mut key_a, mut key_b) = (key_a.as_bytes(), key_b.as_bytes());
    let has_epoch = |evr: &str| split_epoch(evr.trim_ascii().as_bytes()).0.is_some();
    if epoch == OneSided::Skip && has_epoch(a) != has_epoch(b) {
        (key_a, key_b) = (without_epoch(key_a), without_epoch(key_b));
    }
    let one_is_bare = key_a.starts_with(key_b) || key_b.starts_with(key_a);
    Ok(match release {
        OneSided::Skip if one_is_bare => Ordering::Equal,
        _ => key_a.cmp(key_b),
    })
}

/// Returns the rest of a key of [`Scheme::Rpm`](super::Scheme::Rpm) after its epoch, for matching a source package
/// whose epoch is not known; see [`compare_evr`].
pub fn without_epoch(key: &[u8]) -> &[u8] {
    key.get(number_len(key, LOW)..).unwrap_or_default()
}

/// Returns the key of one version or release by itself: `:` and `-` are plain separators here.
///
/// # Errors
/// If the segment is empty, too long, or holds white space or control characters.
pub fn segment_key(segment: &str) -> Result<Key, Unparsable> {
    let mut out = Vec::with_capacity(segment.len() + 8);
    guarded(segment, &mut out, write_segments)?;
    Ok(Key::from_bytes(out))
}

/// Compares two `name-[epoch:]version-release.arch`: name, then EVR, then architecture.
///
/// Names and architectures compare as text; a missing name or architecture sorts first.
///
/// # Errors
/// If either side has no version and release.
pub fn compare_nevra(a: &str, b: &str) -> Result<Ordering, Unparsable> {
    let (a, b) = (split_nevra(a)?, split_nevra(b)?);
    let by_version = super::Scheme::Rpm.compare(a.1, b.1)?;
    Ok(a.0.cmp(b.0).then(by_version).then(a.2.cmp(b.2)))
}

/// Splits `name-[epoch:]version-release.arch` into name, EVR and architecture.
fn split_nevra(nevra: &str) -> Result<(&str, &str, &str), Unparsable> {
    let hyphen = nevra.rfind('-').ok_or(Unparsable::Structure)?;
    let (name, start) = match nevra[..hyphen].rfind('-') {
        Some(before) => (&nevra[..before], before + 1),
        None => ("", 0),
    };
    let (end, arch) = match nevra[hyphen..].rfind('.') {
        Some(dot) => (hyphen + dot, &nevra[hyphen + dot + 1..]),
        None => (nevra.len(), ""),
    };
    Ok((name, &nevra[start..end], arch))
}

/// Splits `123:rest`. Anything but digits before the colon belongs to the version, as in RPM; so does a colon later on.
fn split_epoch(evr: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut reader = Reader(evr);
    let epoch = reader.digits();
    match reader.eat(|b| b == b':') {
        Some(_) => (Some(epoch), reader.0),
        None => (None, evr),
    }
}

/// Writes the segments of one version or release, and its end.
///
/// At every place `~` < end < `^` < letters < digits; everything else only separates. Bytes beyond ASCII separate, too.
fn write_segments(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    if text.iter().any(|&b| b <= b' ' || b == 0x7f) {
        return Err(Unparsable::Character);
    }
    let mut reader = Reader(text);
    while let Some(byte) = reader.peek() {
        match byte {
            b'0'..=b'9' => number(out, HIGH, reader.digits()),
            b'a'..=b'z' | b'A'..=b'Z' => word(out, reader.take_while(|b| b.is_ascii_alphabetic())),
            separator => {
                match separator {
                    b'~' => out.push(TILDE),
                    b'^' => out.push(CARET),
                    _ => {}
                }
                reader.0 = &reader.0[1..];
            }
        }
    }
    out.push(END);
    Ok(())
}
