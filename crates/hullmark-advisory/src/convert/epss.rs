//! FIRST's exploit predictions: a CSV with a line of comments, a header, and a row per CVE.

use std::collections::BTreeMap;

use super::ConvertError;
use crate::finding::Epss;

/// Rows; there are about 300,000 CVEs.
const MAX_ROWS: usize = 5_000_000;

/// The predictions of one day, by CVE.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Milliseconds since 1970 of the day.
    pub scored: Option<i64>,
    /// The predictions.
    pub entries: BTreeMap<String, Epss>,
}

/// Reads the CSV.
///
/// # Errors
/// If it is not the predictions' CSV, or a row of it is malformed.
pub fn convert(csv: &[u8]) -> Result<Predictions, ConvertError> {
    let malformed = |what: &str| ConvertError::Malformed(what.into());
    let text = std::str::from_utf8(csv).map_err(|_| malformed("not UTF-8"))?;
    let mut lines = text.lines().filter(|line| !line.is_empty()).peekable();
    let comment = lines.next_if(|line| line.starts_with('#'));
    let scored = comment
        .and_then(|line| line.split_once("score_date:"))
        .and_then(|(_, date)| crate::osv::millis(&date.trim().replace("+0000", "Z")));
    if lines.next().map(str::trim_end) != Some("cve,epss,percentile") {
        return Err(malformed("the header is not `cve,epss,percentile`"));
    }
    let mut entries = BTreeMap::new();
    for (number, line) in lines.enumerate() {
        if number == MAX_ROWS {
            return Err(ConvertError::TooLarge("more than 5,000,000 rows"));
        }
        let (cve, epss) = row(line).ok_or_else(|| malformed(&format!("row {}", number + 1)))?;
        entries.insert(cve.to_owned(), epss);
    }
    Ok(Predictions { scored, entries })
}

fn row(line: &str) -> Option<(&str, Epss)> {
    let mut fields = line.trim_end().split(',');
    let (cve, score, percentile) = (fields.next()?, fields.next()?, fields.next()?);
    let share = |text: &str| text.parse::<f32>().ok().filter(|n| (0.0..=1.0).contains(n));
    let epss = Epss { score: share(score)?, percentile: share(percentile)? };
    (cve.starts_with("CVE-") && fields.next().is_none()).then_some((cve, epss))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_damaged_ones_refused() {
        let csv = b"#model_version:v2025.03.14,score_date:2026-01-01T00:00:00+0000\ncve,epss,percentile\nCVE-2021-44228,0.94358,0.99957\n";
        let predictions = convert(csv).expect("converts");
        assert_eq!(predictions.scored, Some(1_767_225_600_000));
        assert_eq!(
            predictions.entries["CVE-2021-44228"],
            Epss { score: 0.94358, percentile: 0.99957 }
        );
        for damaged in [
            "cve,epss\nCVE-1,0.1\n",
            "cve,epss,percentile\nCVE-1,2,0.1\n",
            "cve,epss,percentile\nCVE-1,NaN,0.1\n",
            "",
        ] {
            assert!(convert(damaged.as_bytes()).is_err(), "{damaged:?}");
        }
    }
}
