//! RubyGems: dotted numbers and words, where a word makes a pre-release.
//!
//! See: guides.rubygems.org "Patterns" §"Semantic versioning"; `Gem::Version` of RubyGems for the behavior.

use super::Unparsable;
use super::encode::{ALL_ZERO, LOW, Reader, above_zero, below_zero, number, strip_zeros, word};

/// Starts of platforms, which follow a hyphen in file names and so in what inventories hold.
const PLATFORMS: [&str; 28] = [
    "aarch64",
    "amd64",
    "arm",
    "darwin",
    "dalvik",
    "dotnet",
    "freebsd",
    "i386",
    "i486",
    "i586",
    "i686",
    "java",
    "jruby",
    "linux",
    "macruby",
    "mingw",
    "mswin",
    "powerpc",
    "ppc",
    "riscv64",
    "ruby",
    "s390",
    "solaris",
    "sparc",
    "universal",
    "wasm",
    "x64",
    "x86",
];

/// Writes the key: numbers and words, padded with zeros without end, where a word is below zero.
pub(super) fn key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let version = without_platform(version);
    check(version)?;
    let mut reader = Reader(version);
    let mut zeros = 0;
    let mut words = false;
    while let Some(byte) = reader.peek() {
        match byte {
            b'0'..=b'9' => {
                let digits = strip_zeros(reader.digits());
                if digits.is_empty() {
                    zeros += 1;
                } else {
                    above_zero(out, zeros);
                    number(out, LOW, digits);
                    zeros = 0;
                }
            }
            b'.' => reader.0 = &reader.0[1..],
            _ => {
                let text = if byte == b'-' {
                    reader.0 = &reader.0[1..];
                    &b"pre"[..]
                } else {
                    reader.take_while(|b| b.is_ascii_alphabetic())
                };
                // Zeros right before the first word do not count: 1.0.a is 1.a.
                below_zero(out, if words { zeros } else { 0 });
                word(out, text);
                words = true;
                zeros = 0;
            }
        }
    }
    out.push(ALL_ZERO);
    Ok(())
}

/// Cuts `-x86_64-linux` and the like.
fn without_platform(version: &[u8]) -> &[u8] {
    let names_platform = |text: &[u8]| {
        PLATFORMS.iter().any(|name| {
            text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        })
    };
    (0..version.len())
        .find(|&at| version[at] == b'-' && names_platform(&version[at + 1..]))
        .map_or(version, |at| &version[..at])
}

/// Checks what `Gem::Version.correct?` checks: parts of letters and digits, the first one a number, hyphens from some
/// point on.
fn check(version: &[u8]) -> Result<(), Unparsable> {
    if !version.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-') {
        return Err(Unparsable::Character);
    }
    let hyphen = version.iter().position(|&b| b == b'-').unwrap_or(version.len());
    let mut parts = version[..hyphen].split(|&b| b == b'.');
    let first = parts.next().is_some_and(super::encode::is_number);
    let hyphenated = version.get(hyphen + 1..).unwrap_or(b"x");
    if !first
        || parts.any(<[u8]>::is_empty)
        || hyphenated.split(|&b| b == b'.').any(<[u8]>::is_empty)
    {
        return Err(Unparsable::Structure);
    }
    Ok(())
}
