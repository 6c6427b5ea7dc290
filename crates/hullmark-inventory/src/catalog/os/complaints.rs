//! What is wrong with one database: one gap a reason, however often it is wrong, so that a hostile file cannot flood the report.

use std::collections::BTreeMap;

use hullmark_oci::FilePath;

use crate::GapReason;
use crate::catalog::Found;

/// How many examples a gap names.
const EXAMPLES: usize = 8;

/// Collects complaints about one file.
#[derive(Debug, Default)]
pub(super) struct Complaints(BTreeMap<GapReason, (usize, Vec<String>)>);

impl Complaints {
    /// Adds one. `detail` is called until a reason has its examples, which are all different.
    pub(super) fn add<T: Into<String>>(&mut self, reason: GapReason, detail: impl FnOnce() -> T) {
        let (count, examples) = self.0.entry(reason).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            let detail = shorten(detail().into());
            if !examples.contains(&detail) {
                examples.push(detail);
            }
        }
    }

    /// Turns them into gaps at `path`.
    pub(super) fn report(self, path: &FilePath, found: &mut Found) {
        for (reason, (count, examples)) in self.0 {
            let mut detail = examples.join("; ");
            if count > examples.len() {
                detail.push_str(&format!("; and {} more", count - examples.len()));
            }
            found.gap(path, reason, detail);
        }
    }
}

/// A detail quotes the file: keep it readable.
fn shorten(mut detail: String) -> String {
    const LIMIT: usize = 160;
    if detail.len() > LIMIT {
        detail.truncate(detail.floor_char_boundary(LIMIT));
        detail.push('…');
    }
    detail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_complaints_are_one_gap() {
        let mut complaints = Complaints::default();
        for i in 0..1000 {
            complaints.add(GapReason::Malformed, || format!("line {i}"));
        }
        complaints.add(GapReason::Truncated, || "é".repeat(500));
        complaints.add(GapReason::Truncated, || "é".repeat(500));
        let mut found = Found::default();
        complaints.report(&FilePath::from("db"), &mut found);
        assert_eq!(found.gaps.len(), 2);
        assert!(
            found.gaps[0].detail.ends_with("; line 7; and 992 more"),
            "{}",
            found.gaps[0].detail
        );
        assert!(found.gaps[1].detail.len() < 200 && found.gaps[1].detail.ends_with("; and 1 more"));
    }
}
