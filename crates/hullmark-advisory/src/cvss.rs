//! CVSS base scores from vectors: versions 2.0, 3.0, 3.1, and 4.0 (in [`crate::cvss4`]).
//!
//! See: FIRST, CVSS v3.1 specification §7 and appendix A; CVSS v2 guide §3.2.1.

use crate::finding::Severity;

/// Bytes of a vector that are looked at; real ones stay below 200.
const MAX_VECTOR: usize = 512;

/// Returns the base score of a vector; `None` if it is malformed or of another version.
pub fn base_score(vector: &str) -> Option<f32> {
    if vector.len() > MAX_VECTOR {
        return None;
    }
    if let Some(rest) =
        vector.strip_prefix("CVSS:3.1/").or_else(|| vector.strip_prefix("CVSS:3.0/"))
    {
        return version_3(rest, vector.starts_with("CVSS:3.1"));
    }
    if let Some(rest) = vector.strip_prefix("CVSS:4.0/") {
        return crate::cvss4::base_score(rest).map(narrow);
    }
    if vector.starts_with("CVSS:") {
        return None;
    }
    version_2(vector.trim_start_matches('(').trim_end_matches(')'))
}

/// Returns the severity of a base score.
pub fn severity_of_score(score: f32) -> Severity {
    match score {
        s if s >= 9.0 => Severity::Critical,
        s if s >= 7.0 => Severity::High,
        s if s >= 4.0 => Severity::Medium,
        s if s > 0.0 => Severity::Low,
        _ => Severity::Negligible,
    }
}

/// Returns the value of a metric that occurs exactly once.
pub(crate) fn metric<'a>(vector: &'a str, name: &str) -> Option<&'a str> {
    let mut values =
        vector.split('/').filter_map(|part| part.split_once(':')).filter(|(n, _)| *n == name);
    let (_, value) = values.next()?;
    values.next().is_none().then_some(value)
}

fn weight(vector: &str, name: &str, weights: &[(&str, f64)]) -> Option<f64> {
    let value = metric(vector, name)?;
    weights.iter().find(|(v, _)| *v == value).map(|(_, weight)| *weight)
}

fn version_3(vector: &str, minor_1: bool) -> Option<f32> {
    let changed = match metric(vector, "S")? {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let impact_weights = [("H", 0.56), ("L", 0.22), ("N", 0.0)];
    let c = weight(vector, "C", &impact_weights)?;
    let i = weight(vector, "I", &impact_weights)?;
    let a = weight(vector, "A", &impact_weights)?;
    let privileges: &[_] = if changed {
        &[("N", 0.85), ("L", 0.68), ("H", 0.5)]
    } else {
        &[("N", 0.85), ("L", 0.62), ("H", 0.27)]
    };
    let exploitability = 8.22
        * weight(vector, "AV", &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])?
        * weight(vector, "AC", &[("L", 0.77), ("H", 0.44)])?
        * weight(vector, "PR", privileges)?
        * weight(vector, "UI", &[("N", 0.85), ("R", 0.62)])?;
    let base = 1.0 - (1.0 - c) * (1.0 - i) * (1.0 - a);
    let impact =
        if changed { 7.52 * (base - 0.029) - 3.25 * (base - 0.02).powi(15) } else { 6.42 * base };
    if impact <= 0.0 {
        return Some(0.0);
    }
    let factor = if changed { 1.08 } else { 1.0 };
    let score = (factor * (impact + exploitability)).min(10.0);
    Some(if minor_1 { round_up(score) } else { narrow((score * 10.0).ceil() / 10.0) })
}

/// The smallest number with one decimal that is not less, safe against binary fractions.
///
/// See: CVSS v3.1 specification, appendix A §"Floating point rounding".
fn round_up(score: f64) -> f32 {
    let scaled = (score * 100_000.0).round();
    let tenths = if scaled % 10_000.0 == 0.0 {
        scaled / 10_000.0
    } else {
        (scaled / 10_000.0).floor() + 1.0
    };
    narrow(tenths / 10.0)
}

fn version_2(vector: &str) -> Option<f32> {
    let impact_weights = [("N", 0.0), ("P", 0.275), ("C", 0.660)];
    let c = weight(vector, "C", &impact_weights)?;
    let i = weight(vector, "I", &impact_weights)?;
    let a = weight(vector, "A", &impact_weights)?;
    let exploitability = 20.0
        * weight(vector, "AV", &[("L", 0.395), ("A", 0.646), ("N", 1.0)])?
        * weight(vector, "AC", &[("H", 0.35), ("M", 0.61), ("L", 0.71)])?
        * weight(vector, "Au", &[("M", 0.45), ("S", 0.56), ("N", 0.704)])?;
    let impact = 10.41 * (1.0 - (1.0 - c) * (1.0 - i) * (1.0 - a));
    let factor = if impact == 0.0 { 0.0 } else { 1.176 };
    let score = (0.6 * impact + 0.4 * exploitability - 1.5) * factor;
    Some(narrow((score * 10.0).round() / 10.0))
}

#[expect(clippy::cast_possible_truncation, reason = "0.0 to 10.0 with one decimal")]
fn narrow(score: f64) -> f32 {
    score as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_published_vectors() {
        for (vector, expected) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", 7.5),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
            ("CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:H/I:N/A:N", 4.7),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:N", 7.4),
            ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0.0),
            ("AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8),
            ("AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0),
            ("(AV:L/AC:H/Au:N/C:C/I:C/A:C)", 6.2),
        ] {
            assert_eq!(base_score(vector), Some(expected), "{vector}");
        }
    }

    #[test]
    fn malformed_vectors_have_no_score() {
        for vector in [
            "",
            "CVSS:3.1/",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",
            "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:9.9/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "9.8",
        ] {
            assert_eq!(base_score(vector), None, "{vector}");
        }
    }
}
