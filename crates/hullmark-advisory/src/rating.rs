//! Severity: which of a record's ratings counts. The vendor's word before CVSS, the newest CVSS before the older.

use crate::cvss;
use crate::finding::Severity;
use crate::osv::{Rating, severity_of_word};

/// What is made of a list of ratings.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rated {
    /// The severity.
    pub severity: Severity,
    /// The newest CVSS vector that could be scored; empty if there is none.
    pub vector: String,
    /// Its base score; also from databases that give a score without a vector.
    pub score: Option<f32>,
}

/// Rates a record or an affected package.
pub(crate) fn rate(ratings: &[Rating]) -> Rated {
    let newest = ["CVSS_V4", "CVSS_V3", "CVSS_V2"].iter().find_map(|kind| {
        let of_kind = ratings.iter().filter(|r| r.kind == *kind);
        // Several vectors of one version: the worst, as nobody says which configuration it is about.
        of_kind
            .filter_map(|r| cvss::base_score(&r.value).map(|score| (r.value.as_str(), score)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
    });
    let bare = ratings.iter().find(|r| r.kind == "score").and_then(|r| r.value.parse::<f32>().ok());
    let score = newest.map(|(_, score)| score).or(bare.filter(|s| (0.0..=10.0).contains(s)));
    let word = ratings
        .iter()
        .filter(|r| !r.kind.starts_with("CVSS") && r.kind != "score")
        .filter_map(|r| severity_of_word(&r.value))
        .max();
    Rated {
        severity: word.or(score.map(cvss::severity_of_score)).unwrap_or_default(),
        vector: newest.map(|(vector, _)| vector.to_owned()).unwrap_or_default(),
        score,
    }
}
