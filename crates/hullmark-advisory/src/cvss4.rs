//! CVSS 4.0 base scores (CVSS-B): a published score for each class of vectors, lowered by how far a vector lies from the worst
//! one of its class.
//!
//! Only base metrics count, so exploitation is taken as attacked and every requirement as high: of the six criteria that make
//! up a class, EQ5 is always 0, EQ4 is 1 or 2, and EQ6 follows from EQ3.
//!
//! See: FIRST, CVSS v4.0 specification §8.2 "CVSS v4.0 Scoring using MacroVectors and Interpolation".

use crate::cvss::metric;

/// Scores by EQ1 and EQ2 (one row each), by EQ3 and EQ6 together, and by EQ4 (1, 2).
const SCORES: [[[f64; 2]; 5]; 6] = [
    [[10.0, 9.3], [9.6, 9.0], [9.3, 8.8], [9.2, 8.0], [7.9, 6.9]],
    [[9.5, 9.2], [9.1, 8.1], [9.2, 8.4], [8.2, 7.0], [7.1, 6.3]],
    [[9.4, 8.7], [8.9, 7.5], [8.6, 7.2], [7.6, 5.7], [6.5, 5.3]],
    [[9.0, 7.7], [7.7, 6.6], [7.4, 6.1], [5.9, 5.2], [5.8, 2.3]],
    [[8.6, 7.0], [7.4, 5.4], [7.2, 5.3], [5.7, 3.6], [4.7, 2.4]],
    [[7.3, 5.4], [5.5, 4.3], [6.1, 4.6], [5.1, 1.8], [2.4, 1.0]],
];

/// Positions of the pairs (EQ3, EQ6) in a row of [`SCORES`].
const EQ36_00: usize = 0;
const EQ36_01: usize = 1;
const EQ36_10: usize = 2;
const EQ36_11: usize = 3;
const EQ36_21: usize = 4;

/// The metrics' values as steps from the worst.
struct Steps {
    av: u8,
    ac: u8,
    at: u8,
    pr: u8,
    ui: u8,
    vulnerable: [u8; 3],
    subsequent: [u8; 3],
}

/// Returns the base score of a vector without its prefix.
pub(crate) fn base_score(vector: &str) -> Option<f64> {
    let steps = Steps::parse(vector)?;
    let no_impact = steps.vulnerable == [2; 3] && steps.subsequent == [2; 3];
    if no_impact {
        return Some(0.0);
    }
    let (eq1, distance1) = steps.eq1();
    let (eq2, distance2) = steps.eq2();
    let (eq36, distance36) = steps.eq36();
    let (eq4, distance4) = steps.eq4();
    let score = |eq1: usize, eq2: usize, eq36: usize, eq4: usize| SCORES[eq1 * 2 + eq2][eq36][eq4];
    let own = score(eq1, eq2, eq36, eq4);
    // For each criterion with a class below: that class's score, and which part of the way to it the vector has gone.
    let part = |distance: u8, depth: f64| f64::from(distance) / depth;
    let mut below: Vec<(f64, f64)> = Vec::with_capacity(5);
    if eq1 < 2 {
        below.push((score(eq1 + 1, eq2, eq36, eq4), part(distance1, [1.0, 4.0][eq1])));
    }
    if eq2 == 0 {
        below.push((score(eq1, 1, eq36, eq4), part(distance2, 1.0)));
    }
    match eq36 {
        EQ36_00 => {
            let next = score(eq1, eq2, EQ36_01, eq4).max(score(eq1, eq2, EQ36_10, eq4));
            below.push((next, part(distance36, 7.0)));
        }
        EQ36_10 => below.push((score(eq1, eq2, EQ36_11, eq4), part(distance36, 8.0))),
        _ => {}
    }
    if eq4 == 0 {
        below.push((score(eq1, eq2, eq36, 1), part(distance4, 5.0)));
    }
    // EQ5 has a class below too, and the vector is at its top: it counts, and lowers nothing.
    below.push((own, 0.0));
    let count = u32::try_from(below.len()).unwrap_or(1);
    let lowered: f64 = below.iter().map(|(next, part)| (own - next) * part).sum::<f64>();
    let exact = (own - lowered / f64::from(count)).clamp(0.0, 10.0);
    // Binary fractions must not round 6.95 down.
    Some(((exact + 1e-6) * 10.0).round() / 10.0)
}

impl Steps {
    fn parse(vector: &str) -> Option<Self> {
        let step = |name: &str, values: &str| -> Option<u8> {
            let value = metric(vector, name)?;
            let at = values.chars().position(|v| value.len() == 1 && value.starts_with(v))?;
            u8::try_from(at).ok()
        };
        Some(Self {
            av: step("AV", "NALP")?,
            ac: step("AC", "LH")?,
            at: step("AT", "NP")?,
            pr: step("PR", "NLH")?,
            ui: step("UI", "NPA")?,
            vulnerable: [step("VC", "HLN")?, step("VI", "HLN")?, step("VA", "HLN")?],
            subsequent: [step("SC", "HLN")?, step("SI", "HLN")?, step("SA", "HLN")?],
        })
    }

    /// Attack vector, privileges and interaction. The distance is to the first worst vector that is nowhere better.
    fn eq1(&self) -> (usize, u8) {
        let own = [self.av, self.pr, self.ui];
        let physical = self.av == 3;
        match own.iter().filter(|step| **step == 0).count() {
            3 => (0, 0),
            1 | 2 if !physical => (1, distance(&own, &[[1, 0, 0], [0, 1, 0], [0, 0, 1]])),
            _ => (2, distance(&own, &[[3, 0, 0], [1, 1, 1]])),
        }
    }

    fn eq2(&self) -> (usize, u8) {
        match (self.ac, self.at) {
            (0, 0) => (0, 0),
            // Worst are those with one of the two; the class below does not exist, so the distance does not matter.
            _ => (1, 0),
        }
    }

    fn eq36(&self) -> (usize, u8) {
        let own = self.vulnerable;
        match own {
            [0, 0, _] => (EQ36_00, distance(&own, &[[0, 0, 0]])),
            _ if own.contains(&0) => (EQ36_10, distance(&own, &[[1, 0, 0], [0, 1, 0]])),
            _ => (EQ36_21, 0),
        }
    }

    fn eq4(&self) -> (usize, u8) {
        if self.subsequent.contains(&0) {
            (0, distance(&self.subsequent, &[[0, 0, 0]]))
        } else {
            (1, 0)
        }
    }
}

/// Steps from the first of the worst vectors that is in no metric better than `own`.
fn distance(own: &[u8; 3], worst: &[[u8; 3]]) -> u8 {
    let reachable = worst.iter().find(|w| w.iter().zip(own).all(|(w, o)| w <= o));
    reachable.map_or(0, |w| own.iter().zip(w).map(|(o, w)| o - w).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_published_vectors() {
        for (vector, expected) in [
            ("AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10.0),
            ("AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3),
            ("AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:L/SC:N/SI:N/SA:N", 6.9),
            ("AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:H/SC:N/SI:N/SA:N", 8.7),
            ("AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3),
            ("AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0.0),
        ] {
            assert_eq!(base_score(vector), Some(expected), "{vector}");
        }
    }

    #[test]
    fn malformed_vectors_have_no_score() {
        for vector in [
            "",
            "AV:N",
            "AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:X",
            "AV:NN/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H",
        ] {
            assert_eq!(base_score(vector), None, "{vector}");
        }
    }
}
