//! Alpine, Wolfi and other users of apk: `digit{.digit}{letter}{_suffix{digit}}{~hash}{-r#}`.
//!
//! See: apk-package(5) §"version"; apk-tools 3 `src/version.c` for the behavior.

use super::Unparsable;
use super::encode::{HIGH, LOW, Reader, number, word};

/// Suffixes before a release, from low to high: bytes 0x01 to 0x04.
const PRE: [&str; 4] = ["alpha", "beta", "pre", "rc"];
/// The end of a version.
const END: u8 = 0x05;
const REVISION: u8 = 0x06;
const HASH: u8 = 0x07;
const SUFFIX_NUMBER: u8 = 0x08;
/// Suffixes after a release, from low to high: bytes from 0x09 on.
const POST: [&str; 5] = ["cvs", "svn", "git", "hg", "p"];
const FIRST_POST: u8 = 0x09;
/// A later number with a leading zero: below those without, and compared as text.
const ZERO_LED: u8 = 0x80;

/// What came last, in the order in which parts may follow each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number,
    Letter,
    Suffix,
    SuffixNumber,
    Hash,
    Revision,
}

/// Writes the key: the parts as they come, each with the rank of its kind.
///
/// At every place a pre-release suffix < end < revision < hash < suffix number < later suffix < letter < number.
pub(super) fn key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let mut reader = Reader(version);
    number(out, HIGH, some_digits(&mut reader)?);
    let mut last = Part::Number;
    while let Some(byte) = reader.peek() {
        last = match byte {
            b'0'..=b'9' if last == Part::Suffix => {
                out.push(SUFFIX_NUMBER);
                number(out, LOW, reader.digits());
                Part::SuffixNumber
            }
            // apk 2 took digits after the letter, and Alpine used it (`1.8.1p1`); apk 3 does not.
            b'0'..=b'9' if last == Part::Letter => {
                number(out, HIGH, reader.digits());
                Part::Number
            }
            b'a'..=b'z' if last == Part::Number => {
                out.push(byte);
                reader.0 = &reader.0[1..];
                Part::Letter
            }
            b'.' if last == Part::Number => {
                reader.0 = &reader.0[1..];
                write_number(some_digits(&mut reader)?, out);
                Part::Number
            }
            b'_' if last <= Part::SuffixNumber => {
                reader.0 = &reader.0[1..];
                out.push(suffix(reader.take_while(|b| b.is_ascii_lowercase()))?);
                Part::Suffix
            }
            b'~' if last < Part::Hash => {
                reader.0 = &reader.0[1..];
                let hash = reader.take_while(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if hash.is_empty() {
                    return Err(Unparsable::Structure);
                }
                out.push(HASH);
                word(out, hash);
                Part::Hash
            }
            b'-' if last < Part::Revision && reader.0.starts_with(b"-r") => {
                reader.0 = &reader.0[2..];
                out.push(REVISION);
                number(out, LOW, some_digits(&mut reader)?);
                Part::Revision
            }
            b'0'..=b'9' | b'a'..=b'z' | b'.' | b'_' | b'~' | b'-' => {
                return Err(Unparsable::Structure);
            }
            _ => return Err(Unparsable::Character),
        };
    }
    out.push(END);
    Ok(())
}

fn some_digits<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Unparsable> {
    let digits = reader.digits();
    if digits.is_empty() { Err(Unparsable::Structure) } else { Ok(digits) }
}

/// Writes a number after the first: with a leading zero (`0` itself included) it is text, which puts it below the rest.
fn write_number(digits: &[u8], out: &mut Vec<u8>) {
    if digits[0] == b'0' {
        out.push(ZERO_LED);
        word(out, digits);
    } else {
        number(out, HIGH, digits);
    }
}

fn suffix(name: &[u8]) -> Result<u8, Unparsable> {
    let rank = |names: &[&str], first: u8| {
        (first..).zip(names).find(|(_, known)| known.as_bytes() == name).map(|(rank, _)| rank)
    };
    rank(&PRE, 0x01).or_else(|| rank(&POST, FIRST_POST)).ok_or(Unparsable::Structure)
}
