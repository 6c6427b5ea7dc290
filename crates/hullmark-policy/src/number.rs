//! Quantities as policies write them: periods (`7d`), counts (`">10"`), probabilities (`">=0.5"`).

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseNumberError {
    /// Not a period.
    #[error(
        "`{0}` is not a period: write a whole number and `s`, `m`, `h`, `d`, `w` or `y`, as in `7d`, up to 100 years"
    )]
    Period(String),
    /// Not a count.
    #[error("`{0}` is not a count: write `\">10\"` (more than ten) or `\">=10\"` (ten or more)")]
    Count(String),
    /// Not a probability.
    #[error("`{0}` is not a probability: write `\">=0.5\"` or `\">0.5\"`, between 0 and 1")]
    Probability(String),
}

/// A length of time in whole seconds. A day has 24 hours, a year 365 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    seconds: i64,
}

impl Period {
    const LONGEST: i64 = 100 * 365 * 86_400;
    const UNITS: [(char, i64); 6] =
        [('y', 365 * 86_400), ('w', 7 * 86_400), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

    /// Returns the moment this long after `start`; the last moment there is where that cannot be written.
    pub fn after(self, start: Timestamp) -> Timestamp {
        start.checked_add(SignedDuration::from_secs(self.seconds)).unwrap_or(Timestamp::MAX)
    }

    /// Returns the moment this long before `end`; the first moment there is where that cannot be written.
    pub fn before(self, end: Timestamp) -> Timestamp {
        end.checked_sub(SignedDuration::from_secs(self.seconds)).unwrap_or(Timestamp::MIN)
    }
}

impl FromStr for Period {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseNumberError::Period(text.chars().take(50).collect());
        let unit = text.chars().next_back().ok_or_else(error)?;
        let (_, factor) = Self::UNITS.iter().find(|(c, _)| *c == unit).ok_or_else(error)?;
        let number = digits(&text[..text.len() - 1]).ok_or_else(error)?;
        let seconds = i64::try_from(number).ok().and_then(|n| n.checked_mul(*factor));
        let seconds = seconds.filter(|s| *s <= Self::LONGEST).ok_or_else(error)?;
        Ok(Self { seconds })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Weeks and years are understood but not written: `14d` compares with `7d` at a glance.
        let units = Self::UNITS.into_iter().filter(|(unit, _)| !matches!(unit, 'y' | 'w'));
        let (unit, factor) =
            units.into_iter().find(|(_, factor)| self.seconds % factor == 0).unwrap_or(('s', 1));
        write!(f, "{}{unit}", self.seconds / factor)
    }
}

/// How many are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// The most that are tolerated.
    most: u64,
}

impl Count {
    /// None is tolerated.
    pub const NONE: Self = Self { most: 0 };

    /// Whether `count` is too many.
    pub fn is_passed_by(self, count: usize) -> bool {
        u64::try_from(count).is_ok_and(|count| count > self.most)
    }

    /// Returns the most that are tolerated.
    pub fn most(self) -> u64 {
        self.most
    }
}

impl FromStr for Count {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseNumberError::Count(text.chars().take(50).collect());
        let compact = text.replace(' ', "");
        if let Some(least) = compact.strip_prefix(">=") {
            let least = digits(least).ok_or_else(error)?;
            return Ok(Self { most: least.checked_sub(1).ok_or_else(error)? });
        }
        let most = compact.strip_prefix('>').and_then(digits).ok_or_else(error)?;
        Ok(Self { most })
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ">{}", self.most)
    }
}

/// A probability that must not be reached (`>=`) or passed (`>`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probability {
    millionths: u32,
    /// Whether the value itself is still tolerated (`>`).
    exclusive: bool,
}

impl Probability {
    /// Whether `score` is too high. One that is not a number is.
    pub fn is_passed_by(self, score: f32) -> bool {
        // The nearest whole millionth, since 0.5 in a policy must equal 0.5 read from elsewhere with less precision.
        let score = (f64::from(score) * 1e6).round();
        let bound = f64::from(self.millionths);
        score.is_nan() || score > bound || (!self.exclusive && score >= bound)
    }
}

impl FromStr for Probability {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseNumberError::Probability(text.chars().take(50).collect());
        let compact = text.replace(' ', "");
        let (number, exclusive) = match compact.strip_prefix(">=") {
            Some(number) => (number, false),
            None => (compact.strip_prefix('>').ok_or_else(error)?, true),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        if fraction.len() > 6 {
            return Err(error());
        }
        let whole = digits(whole).filter(|w| *w <= 1).ok_or_else(error)?;
        let fraction = digits(&format!("{fraction:0<6}")).ok_or_else(error)?;
        let millionths = u32::try_from(whole * 1_000_000 + fraction).map_err(|_| error())?;
        if millionths > 1_000_000 {
            return Err(error());
        }
        Ok(Self { millionths, exclusive })
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.exclusive { ">" } else { ">=" };
        write!(f, "{sign}{}", f64::from(self.millionths) / 1e6)
    }
}

/// Reads decimal digits and nothing else: no sign, no space, no separator.
fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

macro_rules! deserialize_from_text {
    ($($name:ty),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

deserialize_from_text!(Period, Count, Probability);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_and_printed() {
        for (text, want) in [
            ("0d", "0d"),
            ("90s", "90s"),
            ("60s", "1m"),
            ("24h", "1d"),
            ("36h", "36h"),
            ("2w", "14d"),
            ("1y", "365d"),
        ] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), want);
        }
        for bad in
            ["", "7", "d", "-1d", "+1d", "1.5d", "1 d", "7D", "101y", "99999999999999999999d", "7é"]
        {
            assert!(bad.parse::<Period>().is_err(), "{bad}");
        }
        let end = "1y".parse::<Period>().unwrap().after(Timestamp::MAX);
        assert_eq!(end, Timestamp::MAX);
    }

    #[test]
    fn bounds_are_exact() {
        let more: Count = ">10".parse().unwrap();
        assert!(!more.is_passed_by(10) && more.is_passed_by(11));
        let least: Count = ">= 10".parse().unwrap();
        assert!(!least.is_passed_by(9) && least.is_passed_by(10));
        for bad in ["10", ">", ">=0", ">-1", "<5", ">1.5", "=3", ">99999999999999999999"] {
            assert!(bad.parse::<Count>().is_err(), "{bad}");
        }
        let least: Probability = ">=0.5".parse().unwrap();
        assert!(least.is_passed_by(0.5) && !least.is_passed_by(0.499_99));
        let above: Probability = ">0.1".parse().unwrap();
        assert!(!above.is_passed_by(0.1) && above.is_passed_by(0.100_1));
        assert!(above.is_passed_by(f32::NAN) && !above.is_passed_by(f32::NEG_INFINITY));
        for bad in ["0.5", ">=1.5", ">=", ">=.5", ">=0.1234567", ">=-0.1", ">=1e-3", ">=0.5.5"] {
            assert!(bad.parse::<Probability>().is_err(), "{bad}");
        }
    }
}
