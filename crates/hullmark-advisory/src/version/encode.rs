//! Writing order-preserving bytes: numbers of any length, words, and a reader of the version's text.
//!
//! Every key is written with one alphabet, so that bytes of different kinds never collide by accident:
//!
//! | bytes | meaning |
//! |---|---|
//! | `0x00` | end of a word: below every character, so that a prefix sorts first |
//! | `0x01..=0x0f` | markers of a scheme that sort below numbers |
//! | `LOW..LOW + SPAN` | numbers where the scheme puts them below letters |
//! | `0x41..=0x7a` | letters, as they are |
//! | `0x7f..=0xbf` | markers of a scheme that sort above letters |
//! | `HIGH..HIGH + SPAN` | numbers where the scheme puts them above letters |

/// First byte of a number that sorts below letters.
pub(super) const LOW: u8 = 0x10;
/// First byte of a number that sorts above letters.
pub(super) const HIGH: u8 = 0xc0;
/// How many first bytes numbers occupy after their base.
#[cfg(test)]
pub(super) const SPAN: u8 = BIG + 1;

/// End of a word.
pub(super) const WORD_END: u8 = 0x00;

/// Numbers below this are one byte.
const ONE_BYTE: u64 = 36;
/// Numbers below this are two bytes.
const TWO_BYTES: u64 = ONE_BYTE + 256;
/// Offset of the first byte of numbers that do not fit 64 bits.
const BIG: u8 = 44;

/// Writes the number that `digits` spell (ASCII digits only; none means zero), with first bytes from `base` on.
///
/// Numeric order is byte order, leading zeros do not matter, and any length works: up to 64 bits a number is its
/// minimal big-endian form behind its length; beyond, its digits behind their count.
pub(super) fn number(out: &mut Vec<u8>, base: u8, digits: &[u8]) {
    let digits = strip_zeros(digits);
    match to_u64(digits) {
        Some(value) => small_number(out, base, value),
        None => {
            // A version is at most `MAX_LEN` bytes, far below 65,536 digits.
            let count = u16::try_from(digits.len()).unwrap_or(u16::MAX);
            out.push(base + BIG);
            out.extend_from_slice(&count.to_be_bytes());
            out.extend_from_slice(digits);
        }
    }
}

/// Writes a number that fits 64 bits; see [`number`].
pub(super) fn small_number(out: &mut Vec<u8>, base: u8, value: u64) {
    let bytes = value.to_be_bytes();
    if value < ONE_BYTE {
        out.push(base + bytes[7]);
    } else if value < TWO_BYTES {
        out.push(base + 36);
        out.push((value - ONE_BYTE).to_be_bytes()[7]);
    } else {
        // Two bytes hold at least 292, so the count is 2..=8 and its first byte base + 37..=43.
        let skip = bytes.iter().position(|&b| b != 0).unwrap_or(7).min(6);
        out.push(base + [43, 42, 41, 40, 39, 38, 37][skip]);
        out.extend_from_slice(&bytes[skip..]);
    }
}

/// Returns how many bytes the number takes that `key` starts with; `base` as it was written with.
pub(super) fn number_len(key: &[u8], base: u8) -> usize {
    let Some(offset) = key.first().map(|first| first.wrapping_sub(base)) else { return 0 };
    match offset {
        0..=35 => 1,
        36 => 2,
        37..=43 => usize::from(offset) - 34,
        BIG => 3 + key.get(1..3).map_or(0, |n| usize::from(n[0]) << 8 | usize::from(n[1])),
        _ => 0,
    }
}

/// Writes a word and its end; `bytes` must not hold [`WORD_END`].
pub(super) fn word(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out.push(WORD_END);
}

/// Writes a word in lower case and its end; `bytes` must not hold [`WORD_END`].
pub(super) fn word_lower(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes.iter().map(u8::to_ascii_lowercase));
    out.push(WORD_END);
}

/// Everything that follows is zero, without end: between what [`below_zero`] and [`above_zero`] write.
pub(super) const ALL_ZERO: u8 = 0x08;

/// In a sequence that goes on with zeros without end, announces an item below zero after `zeros` zeros.
///
/// The longer the zeros last, the closer to [`ALL_ZERO`].
pub(super) fn below_zero(out: &mut Vec<u8>, zeros: usize) {
    match u16::try_from(zeros) {
        Ok(few @ 0..=3) => out.push(0x03 + few.to_be_bytes()[1]),
        many => {
            out.push(0x07);
            out.extend_from_slice(&many.unwrap_or(u16::MAX).to_be_bytes());
        }
    }
}

/// Announces an item above zero (which must begin at [`LOW`] or later) after `zeros` zeros; see [`below_zero`].
pub(super) fn above_zero(out: &mut Vec<u8>, zeros: usize) {
    match u16::try_from(zeros) {
        Ok(0) => {}
        Ok(few @ 1..=3) => out.push(0x0e - few.to_be_bytes()[1]),
        many => {
            out.push(0x09);
            out.extend_from_slice(&(u16::MAX - many.unwrap_or(u16::MAX)).to_be_bytes());
        }
    }
}

/// Returns `digits` without leading zeros; zero becomes empty.
pub(super) fn strip_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|&&b| b == b'0').count();
    &digits[zeros..]
}

/// Returns whether `bytes` is at least one digit and nothing else.
pub(super) fn is_number(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

/// Returns the value of `digits` (no leading zeros), if 64 bits surely hold it.
fn to_u64(digits: &[u8]) -> Option<u64> {
    (digits.len() <= 19)
        .then(|| digits.iter().fold(0, |value, &digit| value * 10 + u64::from(digit - b'0')))
}

/// The unread rest of a version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Takes the longest start whose bytes all satisfy `accept`; possibly empty.
    pub(super) fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|&b| !accept(b)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    /// Takes the digits here; possibly none.
    pub(super) fn digits(&mut self) -> &'a [u8] {
        self.take_while(|b| b.is_ascii_digit())
    }

    /// Takes one byte if `accept` likes it.
    pub(super) fn eat(&mut self, accept: impl Fn(u8) -> bool) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        accept(first).then(|| {
            self.0 = rest;
            first
        })
    }

    /// Takes `text`, whatever its case, if the rest starts with it.
    pub(super) fn eat_word(&mut self, text: &str) -> bool {
        match self.0.split_at_checked(text.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(text.as_bytes()) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digits: &str) -> Vec<u8> {
        let mut out = Vec::new();
        number(&mut out, LOW, digits.as_bytes());
        out
    }

    #[test]
    fn numeric_order_is_byte_order() {
        let mut numbers: Vec<String> = (0..700u64).map(|n| n.to_string()).collect();
        numbers.extend(
            (9..64).flat_map(|bit| {
                [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1].map(|n| n.to_string())
            }),
        );
        numbers.extend(["18446744073709551615", "18446744073709551616"].map(String::from));
        numbers.extend((21..400).map(|length| "9".repeat(length)));
        // 64-bit numbers of 20 digits are written as digits and must still follow the shorter ones.
        numbers.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        numbers.dedup();
        for pair in numbers.windows(2) {
            assert!(key(&pair[0]) < key(&pair[1]), "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn leading_zeros_do_not_matter_and_first_bytes_stay_in_their_span() {
        for digits in ["", "0", "35", "36", "291", "292", "65535", "65536", "99999999999999999999"]
        {
            assert_eq!(key(digits), key(&format!("000{digits}")));
            assert!((LOW..LOW + SPAN).contains(&key(digits)[0]), "{digits}");
            assert_eq!(number_len(&key(digits), LOW), key(digits).len(), "{digits}");
        }
        assert!(LOW + SPAN <= b'A' && HIGH.checked_add(SPAN).is_some());
    }

    #[test]
    fn zeros_without_end_order_as_their_first_item_that_is_not_zero() {
        let write = |mark: fn(&mut Vec<u8>, usize), zeros| {
            let mut out = Vec::new();
            mark(&mut out, zeros);
            out.push(LOW + 1);
            out
        };
        let mut keys: Vec<Vec<u8>> = (0..300).map(|zeros| write(below_zero, zeros)).collect();
        keys.push(vec![ALL_ZERO]);
        keys.extend((0..300).rev().map(|zeros| write(above_zero, zeros)));
        assert!(keys.is_sorted_by(|a, b| a < b));
    }
}
