//! Maven: `ComparableVersion`, made an order.
//!
//! A version is a chain of lists: numbers and qualifiers, and at the end of each list maybe the next one, which a hyphen
//! or a change between digits and letters opens. Lists are compared item by item: qualifier < list < number, and what one
//! side lacks is "nothing", which equals 0 and release qualifiers, is above `alpha` to `snapshot` and below the rest.
//!
//! Maven's comparator is *not* transitive: `1` < `1.foo.1` (a qualifier above nothing) < `1-alpha` (a qualifier is below
//! any list) < `1` (a list below nothing); likewise `4.2.0` = `4.2.0.Final` > `4.2.0.Final-redhat-1` > `4.2.0`. No order
//! can agree with it everywhere. Ours decides first whether what remains is below, at or above nothing, and
//! inside these three groups as Maven does. So it differs from Maven only between two versions of different groups, that is,
//! only where Maven contradicts itself through the common start of both.
//!
//! Maven 4 is meant; Maven 3 reads digits behind some qualifiers otherwise (`1.rc5` < `1rc1`).
//!
//! See: Maven's POM reference §"Version order specification"; maven-artifact `ComparableVersion` for the behavior.

use std::cmp::Ordering;

use super::Unparsable;
use super::encode::{LOW, is_number, number, strip_zeros, word_lower};

/// What remains is below nothing and starts with a qualifier, a list, a number (0).
const BELOW: [u8; 3] = [0x01, 0x02, 0x03];
/// What remains is as good as nothing.
const NOTHING: u8 = 0x04;
/// What remains is above nothing and starts with a qualifier or a list; a number is its own start.
const ABOVE: [u8; 2] = [0x05, 0x06];

/// Ranks of qualifiers, from low to high.
const QUALIFIERS: [&str; 5] = ["alpha", "beta", "milestone", "rc", "snapshot"];
const RELEASE: u8 = 0x06;
const SERVICE_PACK: u8 = 0x07;
const UNKNOWN: u8 = 0x08;
/// Follows a qualifier that no digits follow: below every number.
const BARE: u8 = 0x01;

#[derive(Debug, Clone, Copy)]
enum Item<'a> {
    /// Digits without leading zeros; zero is empty.
    Number(&'a [u8]),
    /// A qualifier, and the digits that directly follow it.
    Qualifier(&'a [u8], Option<&'a [u8]>),
    /// The next list; always the last item of its own.
    Open,
}

/// Writes the key: each item, behind the mark of whether what remains is below or above nothing.
pub(super) fn key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    // Anything goes in Maven; but a placeholder or text is no version.
    if !version.iter().all(|&b| b.is_ascii_graphic() && !b"${}<>\"'\\|".contains(&b)) {
        return Err(Unparsable::Character);
    }
    if !version.iter().any(u8::is_ascii_alphanumeric) {
        return Err(Unparsable::Structure);
    }
    let items = normalize(parse(version));
    let mut against_nothing = vec![Ordering::Equal; items.len() + 1];
    for (at, item) in items.iter().enumerate().rev() {
        against_nothing[at] = item.against_nothing().then(against_nothing[at + 1]);
    }
    for (item, against_nothing) in items.iter().zip(against_nothing) {
        match (against_nothing, item) {
            (Ordering::Equal, _) => break,
            (Ordering::Less, Item::Qualifier(..)) => out.push(BELOW[0]),
            (Ordering::Less, Item::Open) => out.push(BELOW[1]),
            (Ordering::Less, Item::Number(_)) => out.push(BELOW[2]),
            (Ordering::Greater, Item::Qualifier(..)) => out.push(ABOVE[0]),
            (Ordering::Greater, Item::Open) => out.push(ABOVE[1]),
            (Ordering::Greater, Item::Number(_)) => {}
        }
        item.write(out);
    }
    out.push(NOTHING);
    Ok(())
}

impl Item<'_> {
    fn is_zero(self) -> bool {
        matches!(self, Self::Number([]))
    }

    /// Compares the item alone with nothing; what [`Self::Open`] opens decides for it.
    fn against_nothing(&self) -> Ordering {
        match self {
            Self::Open | Self::Number([]) => Ordering::Equal,
            Self::Number(_) => Ordering::Greater,
            Self::Qualifier(name, digits) => rank(name, digits.is_some()).cmp(&RELEASE),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Open => {}
            Self::Number(digits) => number(out, LOW, digits),
            Self::Qualifier(name, digits) => {
                let rank = rank(name, digits.is_some());
                out.push(rank);
                if rank == UNKNOWN {
                    word_lower(out, name);
                }
                match digits {
                    Some(digits) => number(out, LOW, digits),
                    None => out.push(BARE),
                }
            }
        }
    }
}

/// Returns the place of a qualifier, whatever its case. A single letter is short for one only in front of digits.
fn rank(name: &[u8], before_digits: bool) -> u8 {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    let full = match name {
        b"a" | b"A" if before_digits => "alpha",
        b"b" | b"B" if before_digits => "beta",
        b"m" | b"M" if before_digits => "milestone",
        _ if is("cr") => "rc",
        _ => "",
    };
    (1..)
        .zip(QUALIFIERS)
        .find(|(_, known)| *known == full || is(known))
        .map(|(rank, _)| rank)
        .or_else(|| ["ga", "final", "release"].into_iter().any(is).then_some(RELEASE))
        .or_else(|| is("sp").then_some(SERVICE_PACK))
        .unwrap_or(UNKNOWN)
}

/// Splits a version into the chain of its lists, all in one row.
///
/// The state lives across separators, as in Maven: `was_digit` says what the last character but separators was.
fn parse(version: &[u8]) -> Vec<Item<'_>> {
    let mut chain = Chain::default();
    let mut start = 0;
    let mut was_digit = false;
    // A qualifier with digits right behind, or behind one hyphen: `rc1`, `rc-1`.
    let mut combined = false;
    for (at, &byte) in version.iter().enumerate() {
        match byte {
            b'.' => {
                chain.push_token(&version[start..at], was_digit, combined);
                combined = false;
                start = at + 1;
            }
            b'-' => {
                let digit_follows = version.get(at + 1).is_some_and(u8::is_ascii_digit);
                if at > start && !was_digit && digit_follows {
                    combined = true;
                    continue;
                }
                chain.push_token(&version[start..at], was_digit, combined);
                start = at + 1;
                chain.open();
                combined = false;
            }
            b'0'..=b'9' => {
                if !was_digit && at > start {
                    combined = true;
                    chain.open();
                }
                was_digit = true;
            }
            _ => {
                if was_digit && at > start {
                    chain.push_token(&version[start..at], true, combined);
                    start = at;
                    chain.open();
                    combined = false;
                }
                was_digit = false;
            }
        }
    }
    if start < version.len() {
        if !was_digit {
            chain.open();
        }
        chain.push_token(&version[start..], was_digit, combined);
    }
    chain.items
}

#[derive(Default)]
struct Chain<'a> {
    items: Vec<Item<'a>>,
}

impl<'a> Chain<'a> {
    /// Opens a list, unless the current one is still empty.
    fn open(&mut self) {
        if !matches!(self.items.last(), None | Some(Item::Open)) {
            self.items.push(Item::Open);
        }
    }

    /// Adds what stands between separators; nothing is 0.
    fn push_token(&mut self, token: &'a [u8], is_digit: bool, combined: bool) {
        let item = match token.iter().position(u8::is_ascii_digit) {
            None if token.is_empty() => Item::Number(b""),
            Some(digits) if combined => {
                let name = token[..digits].strip_suffix(b"-").unwrap_or(&token[..digits]);
                Item::Qualifier(name, Some(strip_zeros(&token[digits..])))
            }
            _ if is_digit && is_number(token) => Item::Number(strip_zeros(token)),
            _ => Item::Qualifier(token, None),
        };
        self.items.push(item);
    }
}

/// Drops the zeros that do not count, from the innermost list out: those at the end of a list, before a bare qualifier,
/// and before a list that begins with a qualifier.
fn normalize(items: Vec<Item<'_>>) -> Vec<Item<'_>> {
    // Backwards, since a list's fate depends on what follows; `kept` is in reverse.
    let mut kept: Vec<Item<'_>> = Vec::with_capacity(items.len());
    for item in items.into_iter().rev() {
        let drop = match (item, kept.as_slice()) {
            // The end of the last list, which may have become empty.
            (Item::Open, []) => true,
            (item, []) => item.is_zero(),
            (item, [.., Item::Qualifier(_, None)]) => item.is_zero(),
            (item, [.., Item::Qualifier(..), Item::Open]) => item.is_zero(),
            _ => false,
        };
        if !drop {
            kept.push(item);
        }
    }
    kept.reverse();
    kept
}
