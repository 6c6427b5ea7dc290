//! What a parser of one file adds to: packages and gaps of that file, within the limits.

use std::io;

use hullmark_oci::{FilePath, Limits};

use crate::GapReason;
use crate::catalog::{Cataloger, File, Found};
use crate::package::Package;

/// Gaps kept of one file; the last one says that there were more. One broken file must not bury the rest of a report.
const GAPS: usize = 50;

/// Bytes of names that one gap's text may hold.
const DETAIL_BYTES: usize = 1000;

/// A parser of one file: everything that it has to say goes into the sink.
pub(crate) type Parser = fn(&[u8], &mut Sink<'_>);

/// What one file contributes.
pub(crate) struct Sink<'a> {
    /// The file in the image.
    pub(crate) path: &'a FilePath,
    /// Bounds.
    pub(crate) limits: &'a Limits,
    found: &'a mut Found,
    packages: usize,
    gaps: usize,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(path: &'a FilePath, limits: &'a Limits, found: &'a mut Found) -> Self {
        Self { path, limits, found, packages: 0, gaps: 0 }
    }

    /// Adds a package; once too many came, only the gap that says so.
    pub(crate) fn package(&mut self, package: Package) {
        self.packages += 1;
        if self.packages <= self.limits.packages {
            self.found.package(package);
        } else if self.packages == self.limits.packages + 1 {
            self.gap(GapReason::TooLarge, format!("more than {} packages", self.limits.packages));
        }
    }

    /// Whether packages are no longer taken, so that a parser may stop.
    pub(crate) fn is_full(&self) -> bool {
        self.packages > self.limits.packages
    }

    /// Packages added so far.
    pub(crate) fn count(&self) -> usize {
        self.packages
    }

    /// Adds a gap.
    pub(crate) fn gap(&mut self, reason: GapReason, detail: impl Into<String>) {
        self.gaps += 1;
        match self.gaps {
            n if n < GAPS => self.found.gap(self.path, reason, shorten(detail.into())),
            GAPS => self.found.gap(self.path, reason, "and more of the kind"),
            _ => {}
        }
    }

    /// Adds one gap for several names that share a fault; none if there are none.
    pub(crate) fn gap_for(&mut self, reason: GapReason, fault: &str, names: &[String]) {
        if names.is_empty() {
            return;
        }
        let shown: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
        let more = names.len() - shown.len();
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        self.gap(reason, format!("{fault}: {}{tail}", shown.join(", ")));
    }
}

fn shorten(mut text: String) -> String {
    if text.len() > DETAIL_BYTES {
        let end = (0..=DETAIL_BYTES).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Reads a whole file and hands it to its parser.
pub(crate) fn whole(file: &mut File<'_>, found: &mut Found, parse: Parser) -> io::Result<()> {
    let Some(bytes) = found.read(file)? else {
        return Ok(());
    };
    parse(&bytes, &mut Sink::new(file.path, file.limits, found));
    Ok(())
}

/// Reads bytes as the first cataloguer does that wants a file at `path`; `None` if none does.
pub(crate) fn read_bytes(
    catalogers: &[Cataloger],
    path: &FilePath,
    bytes: &[u8],
    limits: &Limits,
) -> Option<Found> {
    let cataloger = catalogers.iter().find(|cataloger| (cataloger.wants)(path))?;
    let (mut content, mut found) = (bytes, Found::default());
    let mut file = File::new(path, bytes.len() as u64, 0o644, &mut content, limits);
    // Reading from memory cannot fail.
    (cataloger.read)(&mut file, &mut found).ok().map(|()| found)
}

/// Whether the last component of `path` is `name`.
pub(crate) fn is_named(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
}

/// Whether `text` ends with `suffix`, whatever the case of its ASCII letters.
pub(crate) fn ends_with_ignore_case(text: &str, suffix: &str) -> bool {
    let (text, suffix) = (text.as_bytes(), suffix.as_bytes());
    text.len() >= suffix.len() && text[text.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::PackageKind;

    #[test]
    fn a_file_contributes_no_more_than_the_limits_allow() {
        let (path, mut found) = (FilePath::from("a"), Found::default());
        let limits = Limits { packages: 2, ..Limits::default() };
        let mut sink = Sink::new(&path, &limits, &mut found);
        for n in 0..5 {
            sink.package(Package::new(PackageKind::Npm, n.to_string(), "1", &path));
        }
        assert!(sink.is_full());
        for _ in 0..200 {
            sink.gap(GapReason::Malformed, "é".repeat(DETAIL_BYTES));
        }
        assert_eq!(found.records.len(), 2);
        assert_eq!(found.gaps.len(), GAPS);
        assert_eq!(found.gaps[0].reason, GapReason::TooLarge);
        assert!(found.gaps.iter().all(|g| g.detail.len() < DETAIL_BYTES + 10));
    }

    #[test]
    fn names_are_compared_by_whole_components() {
        assert!(is_named("package.json", "package.json"));
        assert!(is_named("a/package.json", "package.json"));
        assert!(!is_named("a/my-package.json", "package.json"));
        assert!(ends_with_ignore_case("x.DIST-INFO", ".dist-info"));
        assert!(!ends_with_ignore_case("o", "info"));
    }
}
