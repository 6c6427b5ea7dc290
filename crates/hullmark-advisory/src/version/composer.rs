//! Packagist: Composer's normal form, ordered as PHP's `version_compare` orders it.
//!
//! See: getcomposer.org "Versions and constraints"; composer/semver `VersionParser` and php.net `version_compare` for
//! the behavior.

use super::Unparsable;
use super::encode::{LOW, Reader, is_number, number};

const DEV: u8 = 0x01;
const ALPHA: u8 = 0x02;
const BETA: u8 = 0x03;
const CANDIDATE: u8 = 0x04;
/// The end: after the stabilities before a release, before a further number.
const END: u8 = 0x05;
/// A patch: after everything, numbers included.
const PATCH: u8 = 0x80;
/// What stands for `x` in `1.x-dev`.
const WILDCARD: &[u8] = b"9999999";
const STABLE: u8 = 0x00;

/// Longest first, so that none hides another.
const STABILITIES: [(&str, u8); 9] = [
    ("stable", STABLE),
    ("alpha", ALPHA),
    ("patch", PATCH),
    ("beta", BETA),
    ("rc", CANDIDATE),
    ("pl", PATCH),
    ("a", ALPHA),
    ("b", BETA),
    ("p", PATCH),
];

/// Writes the key: numbers, stability with its numbers, `dev`.
///
/// Branches (`dev-main`) are not ordered against anything, as in Composer; numeric ones (`1.x-dev`) are.
pub(super) fn key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let version = without_stability_flag(version);
    let is_branch = version.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"dev-"));
    if is_branch || matches!(version, b"master" | b"trunk" | b"default") {
        return Err(Unparsable::Unordered);
    }
    let version = without_build(version)?;
    let start = out.len();
    if write_release(version, out).is_some() {
        return Ok(());
    }
    out.truncate(start);
    write_numeric_branch(version, out).ok_or_else(|| {
        let known = |b: u8| b.is_ascii_alphanumeric() || b".-_+*@:".contains(&b);
        if version.iter().all(|&b| known(b)) {
            Unparsable::Structure
        } else {
            Unparsable::Character
        }
    })
}

/// Cuts `@beta` and the like, which belong to a constraint.
fn without_stability_flag(version: &[u8]) -> &[u8] {
    let Some(at) = version.iter().rposition(|&b| b == b'@') else { return version };
    let flag = &version[at + 1..];
    let known = ["stable", "rc", "beta", "alpha", "dev"]
        .iter()
        .any(|name| flag.eq_ignore_ascii_case(name.as_bytes()));
    if known { &version[..at] } else { version }
}

fn without_build(version: &[u8]) -> Result<&[u8], Unparsable> {
    match version.iter().position(|&b| b == b'+') {
        Some(0) => Err(Unparsable::Structure),
        Some(plus) if plus + 1 == version.len() => Err(Unparsable::Structure),
        Some(plus) => Ok(&version[..plus]),
        None => Ok(version),
    }
}

/// Writes `1.2.3-beta2-dev` or a date, or returns `None`.
fn write_release(version: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let version =
        version.strip_prefix(b"v").or_else(|| version.strip_prefix(b"V")).unwrap_or(version);
    let start = out.len();
    let classical = write_classical(version, out).and_then(|rest| write_modifiers(rest, out));
    classical.or_else(|| {
        out.truncate(start);
        write_date(version, out).and_then(|rest| write_modifiers(rest, out))
    })
}

/// Writes up to four numbers, the first of at most five digits; missing ones are 0. Returns what follows.
fn write_classical<'a>(version: &'a [u8], out: &mut Vec<u8>) -> Option<Reader<'a>> {
    let mut reader = Reader(version);
    let first = reader.digits();
    if first.is_empty() || first.len() > 5 {
        return None;
    }
    number(out, LOW, first);
    for _ in 0..3 {
        match reader.0 {
            [b'.', digit, ..] if digit.is_ascii_digit() => {
                reader.0 = &reader.0[1..];
                number(out, LOW, reader.digits());
            }
            _ => number(out, LOW, b""),
        }
    }
    Some(reader)
}

/// Writes a date such as `2010-01-02.5` or `20100102`: four digits, one to six groups of two, a last one of one to
/// three, each behind an optional separator. Returns what follows.
fn write_date<'a>(version: &'a [u8], out: &mut Vec<u8>) -> Option<Reader<'a>> {
    let mut reader = Reader(version);
    let mut groups = 0;
    let mut first = true;
    loop {
        let digits = reader.digits();
        number(out, LOW, digits);
        let count = if first { digits.len().checked_sub(4)? } else { digits.len() };
        first = false;
        if let [b'.' | b':' | b'-', digit, ..] = reader.0
            && digit.is_ascii_digit()
        {
            // Inside, only whole groups of two.
            if count % 2 != 0 {
                return None;
            }
            groups += count / 2;
            reader.0 = &reader.0[1..];
            continue;
        }
        // At the end, a last group of one to three digits may follow the groups of two.
        let fits = |last: usize| {
            count
                .checked_sub(last)
                .is_some_and(|pairs| pairs % 2 == 0 && (1..=6).contains(&(groups + pairs / 2)))
        };
        return (0..=3).any(fits).then_some(reader);
    }
}

/// Writes stability and `dev`, which must be all that is left.
fn write_modifiers(mut reader: Reader<'_>, out: &mut Vec<u8>) -> Option<()> {
    reader.eat(|b| matches!(b, b'.' | b'_' | b'-'));
    let stability =
        STABILITIES.iter().find(|(name, _)| reader.eat_word(name)).map(|&(_, rank)| rank);
    if let Some(rank) = stability {
        if rank != STABLE {
            out.push(rank);
        }
        loop {
            let mut ahead = reader;
            ahead.eat(|b| matches!(b, b'.' | b'-'));
            let digits = ahead.digits();
            if digits.is_empty() {
                break;
            }
            if rank != STABLE {
                number(out, LOW, digits);
            }
            reader = ahead;
        }
    }
    let mut ahead = reader;
    ahead.eat(|b| matches!(b, b'.' | b'-'));
    if ahead.eat_word("dev") {
        reader = ahead;
        if stability != Some(STABLE) {
            out.push(DEV);
        }
    }
    out.push(END);
    reader.is_empty().then_some(())
}

/// Writes `1.x-dev`: the numbers, the wildcard for all that misses, `dev`.
fn write_numeric_branch(version: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let end = version.len().checked_sub(3)?;
    if !version[end..].eq_ignore_ascii_case(b"dev") {
        return None;
    }
    let branch = &version[..end];
    let branch = match branch {
        [rest @ .., b'.' | b'-'] => rest,
        _ => branch,
    };
    let branch = branch.strip_prefix(b"v").or_else(|| branch.strip_prefix(b"V")).unwrap_or(branch);
    let parts: Vec<&[u8]> = branch.splitn(5, |&b| b == b'.').collect();
    if parts.len() > 4 || !is_number(parts[0]) {
        return None;
    }
    for part in parts.iter().copied().chain([&b"x"[..]; 3]).take(4) {
        match part {
            b"x" | b"X" | b"*" => number(out, LOW, WILDCARD),
            digits if is_number(digits) => number(out, LOW, digits),
            _ => return None,
        }
    }
    out.extend_from_slice(&[DEV, END]);
    Some(())
}
