//! Python: PEP 440.
//!
//! See: packaging.python.org "Version specifiers", §"Version scheme" and its appendix with the regular expression.

use super::Unparsable;
use super::encode::{HIGH, LOW, Reader, is_number, number, strip_zeros, word_lower};

/// The end of the release numbers: below a further number.
const RELEASE_END: u8 = 0x01;

/// What stands for the pre-release. A bare development release (`1.dev1`) sorts before `1a1`, everything without a
/// pre-release after `1rc1`.
const PRE_BEFORE: u8 = 0x01;
const PRE_ALPHA: u8 = 0x02;
const PRE_BETA: u8 = 0x03;
const PRE_CANDIDATE: u8 = 0x04;
const PRE_NONE: u8 = 0x05;
const POST_NONE: u8 = 0x01;
/// Above every number.
const DEV_NONE: u8 = 0x80;
/// No local version, or its end: below every part of one.
const LOCAL_END: u8 = 0x01;
/// A part of a local version that is not a number: below all numbers.
const LOCAL_TEXT: u8 = 0x02;

/// Longest first, so that none hides another.
const PRE_WORDS: [(&str, u8); 8] = [
    ("preview", PRE_CANDIDATE),
    ("alpha", PRE_ALPHA),
    ("beta", PRE_BETA),
    ("pre", PRE_CANDIDATE),
    ("rc", PRE_CANDIDATE),
    ("a", PRE_ALPHA),
    ("b", PRE_BETA),
    ("c", PRE_CANDIDATE),
];

/// Writes the key: epoch, release without its last zeros, pre, post, dev, local.
pub(super) fn key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let mut reader = Reader(version);
    reader.eat_word("v");
    write_epoch(&mut reader, out);
    write_release(&mut reader, out)?;
    let pre = pre(&mut reader);
    let post = post(&mut reader);
    let dev = tagged(&mut reader, &[("dev", 0)]).map(|(_, digits)| digits);

    match pre {
        Some((rank, digits)) => {
            out.push(rank);
            number(out, LOW, digits);
        }
        None if post.is_none() && dev.is_some() => out.push(PRE_BEFORE),
        None => out.push(PRE_NONE),
    }
    match post {
        Some(digits) => number(out, LOW, digits),
        None => out.push(POST_NONE),
    }
    match dev {
        Some(digits) => number(out, LOW, digits),
        None => out.push(DEV_NONE),
    }
    if reader.eat(|b| b == b'+').is_some() {
        write_local(&mut reader, out)?;
    }
    match reader.peek() {
        None => out.push(LOCAL_END),
        Some(b) if b.is_ascii_alphanumeric() || b"!+-_.".contains(&b) => {
            return Err(Unparsable::Structure);
        }
        Some(_) => return Err(Unparsable::Character),
    }
    Ok(())
}

fn write_epoch(reader: &mut Reader<'_>, out: &mut Vec<u8>) {
    let mut ahead = *reader;
    let digits = ahead.digits();
    if !digits.is_empty() && ahead.eat(|b| b == b'!').is_some() {
        *reader = ahead;
        number(out, LOW, digits);
    } else {
        number(out, LOW, b"");
    }
}

fn write_release(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let mut end = out.len();
    loop {
        let digits = reader.digits();
        if digits.is_empty() {
            return Err(Unparsable::Structure);
        }
        number(out, LOW, digits);
        if !strip_zeros(digits).is_empty() {
            end = out.len();
        }
        match reader.0 {
            [b'.', digit, ..] if digit.is_ascii_digit() => reader.0 = &reader.0[1..],
            _ => break,
        }
    }
    out.truncate(end);
    out.push(RELEASE_END);
    Ok(())
}

fn pre<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    tagged(reader, &PRE_WORDS)
}

/// `-1`, or `post`, `rev`, `r` with or without a number.
fn post<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    if let [b'-', digit, ..] = reader.0
        && digit.is_ascii_digit()
    {
        reader.0 = &reader.0[1..];
        return Some(reader.digits());
    }
    tagged(reader, &[("post", 0), ("rev", 0), ("r", 0)]).map(|(_, digits)| digits)
}

/// Takes `[-_.]word[-_.]digits`, all but the word optional. The separator after the word goes even without digits.
fn tagged<'a>(reader: &mut Reader<'a>, words: &[(&str, u8)]) -> Option<(u8, &'a [u8])> {
    let mut ahead = *reader;
    ahead.eat(is_separator);
    let &(_, rank) = words.iter().find(|(word, _)| ahead.eat_word(word))?;
    ahead.eat(is_separator);
    let digits = ahead.digits();
    *reader = ahead;
    Some((rank, digits))
}

fn write_local(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Unparsable> {
    loop {
        let part = reader.take_while(|b| b.is_ascii_alphanumeric());
        if part.is_empty() {
            return Err(Unparsable::Structure);
        }
        if is_number(part) {
            number(out, HIGH, part);
        } else {
            out.push(LOCAL_TEXT);
            word_lower(out, part);
        }
        if reader.eat(is_separator).is_none() {
            return Ok(());
        }
    }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'_' | b'.')
}
