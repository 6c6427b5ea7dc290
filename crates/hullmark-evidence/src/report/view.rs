//! What a report shows of one image: chosen, sorted, counted, and added up by upgrade and by layer. The same for every format.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use hullmark_advisory::finding::{Fix, Status};
use hullmark_advisory::version::Scheme;
use hullmark_advisory::{Finding, Severity};
use hullmark_inventory::{Gap, GapReason, Package, PackageKind};

use super::{Options, Sort};
use crate::{Evidence, LayerFacts};

/// What a finding means for the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// The package has it.
    Open,
    /// Nobody could decide.
    Undetermined,
    /// It does not count, and something says why.
    Suppressed,
    /// The package does not have it. Only `explain` and the JSON document show it.
    Settled,
}

/// A finding and its package.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) finding: &'a Finding,
    pub(super) package: &'a Package,
}

/// How many, and how many of them an upgrade fixes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) total: usize,
    pub(super) fixable: usize,
}

/// Numbers of the whole image. No filter changes them.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    /// Open findings, in the order of [`Severity::ALL`].
    pub(super) open: [Count; 6],
    pub(super) undetermined: usize,
    pub(super) suppressed: usize,
    pub(super) gaps: usize,
    pub(super) known_exploited: usize,
    pub(super) malware: usize,
    /// Open and undetermined findings that a filter keeps out of the list.
    pub(super) hidden: usize,
}

/// What a report shows of one image.
pub(super) struct View<'a> {
    pub(super) evidence: &'a Evidence,
    /// Open, undetermined and (if asked for) suppressed findings that pass the filters, in the order asked for.
    pub(super) rows: Vec<Row<'a>>,
    pub(super) totals: Totals,
}

/// An upgrade, and what it would fix.
pub(super) struct Upgrade<'a> {
    /// The source package, or the package itself.
    pub(super) name: &'a str,
    pub(super) from: &'a str,
    /// The lowest version that fixes all that can be fixed.
    pub(super) to: &'a str,
    /// Findings fixed, in the order of [`Severity::ALL`].
    pub(super) fixes: [usize; 6],
}

/// A layer, and what came with it.
pub(super) struct LayerCount<'a> {
    /// From 1, base first.
    pub(super) number: usize,
    pub(super) facts: &'a LayerFacts,
    pub(super) count: Count,
}

impl Options {
    /// Whether a filter is in force.
    pub(super) fn is_filtered(&self) -> bool {
        !self.severities.is_empty() || self.only_fixable
    }

    /// Whether the filters let a finding through.
    pub(super) fn admits(&self, finding: &Finding) -> bool {
        let severity = self.severities.is_empty() || self.severities.contains(&finding.severity);
        severity && (!self.only_fixable || is_fixable(finding))
    }
}

impl<'a> View<'a> {
    pub(super) fn new(evidence: &'a Evidence, options: &Options) -> Self {
        let mut totals = Totals { gaps: evidence.inventory.gaps.len(), ..Totals::default() };
        let mut rows = Vec::new();
        for row in rows_of(evidence) {
            let standing = row.standing();
            let admitted = options.admits(row.finding);
            totals.add(row.finding, standing, admitted);
            let asked = match standing {
                Standing::Open | Standing::Undetermined => true,
                Standing::Suppressed => options.show_suppressed,
                Standing::Settled => false,
            };
            if asked && admitted {
                rows.push(row);
            }
        }
        sort(&mut rows, options.sort);
        Self { evidence, rows, totals }
    }

    /// Returns the findings of one standing.
    pub(super) fn of(&self, standing: Standing) -> impl Iterator<Item = Row<'a>> {
        self.rows.iter().copied().filter(move |row| row.standing() == standing)
    }

    /// Returns the upgrades that fix something, the most valuable first.
    pub(super) fn upgrades(&self) -> Vec<Upgrade<'a>> {
        let mut upgrades: BTreeMap<_, Upgrade<'a>> = BTreeMap::new();
        for Row { finding, package } in self.of(Standing::Open) {
            let Fix::Available(to) = &finding.fix else {
                continue;
            };
            let (name, from) = (package.source_name(), package.version.as_str());
            let upgrade = upgrades.entry((package.kind, name, from)).or_insert_with(|| Upgrade {
                name,
                from,
                to,
                fixes: [0; 6],
            });
            upgrade.fixes[rank(finding.severity)] += 1;
            if later(finding, to, upgrade.to) {
                upgrade.to = to;
            }
        }
        let mut upgrades: Vec<_> = upgrades.into_values().collect();
        upgrades.sort_by_key(|u| Reverse(u.fixes));
        upgrades
    }

    /// Returns the layers that carry open findings, base first.
    pub(super) fn layers(&self) -> Vec<LayerCount<'a>> {
        let layers = &self.evidence.image.layers;
        let mut counts = vec![Count::default(); layers.len()];
        // The same content may be there twice; what is found in it came first with the first.
        let mut places = BTreeMap::new();
        for (at, layer) in layers.iter().enumerate() {
            places.entry(&layer.diff_id).or_insert(at);
        }
        for row in self.of(Standing::Open) {
            if let Some(&at) = row.package.layer.as_ref().and_then(|layer| places.get(layer)) {
                counts[at].add(row.finding);
            }
        }
        let counts = layers.iter().zip(counts).enumerate();
        let counts = counts.map(|(at, (facts, count))| LayerCount { number: at + 1, facts, count });
        counts.filter(|layer| layer.count.total > 0).collect()
    }

    /// Returns the number of packages of each kind.
    pub(super) fn kinds(&self) -> BTreeMap<PackageKind, usize> {
        let mut kinds = BTreeMap::new();
        for package in &self.evidence.inventory.packages {
            *kinds.entry(package.kind).or_default() += 1;
        }
        kinds
    }

    /// Returns the number of gaps of each reason, and the gaps, those that hide most first.
    pub(super) fn gaps(&self) -> (BTreeMap<&'static str, usize>, Vec<&'a Gap>) {
        let mut reasons = BTreeMap::new();
        let mut gaps: Vec<&Gap> = self.evidence.inventory.gaps.iter().collect();
        for gap in &gaps {
            *reasons.entry(gap.reason.as_str()).or_default() += 1;
        }
        gaps.sort_by_key(|gap| gap_rank(gap.reason));
        (reasons, gaps)
    }
}

impl Totals {
    fn add(&mut self, finding: &Finding, standing: Standing, admitted: bool) {
        match standing {
            Standing::Open => self.open[rank(finding.severity)].add(finding),
            Standing::Undetermined => self.undetermined += 1,
            Standing::Suppressed => self.suppressed += 1,
            Standing::Settled => {}
        }
        if matches!(standing, Standing::Open | Standing::Undetermined) {
            self.known_exploited += usize::from(finding.kev.is_some());
            self.malware += usize::from(finding.malware);
            self.hidden += usize::from(!admitted);
        }
    }

    /// All open findings.
    pub(super) fn all(&self) -> Count {
        self.open.iter().fold(Count::default(), |sum, count| Count {
            total: sum.total + count.total,
            fixable: sum.fixable + count.fixable,
        })
    }

    /// Open findings by severity, worst first.
    pub(super) fn by_severity(&self) -> impl Iterator<Item = (Severity, Count)> {
        Severity::ALL.into_iter().zip(self.open)
    }
}

impl Count {
    fn add(&mut self, finding: &Finding) {
        self.total += 1;
        self.fixable += usize::from(is_fixable(finding));
    }
}

impl<'a> Row<'a> {
    pub(super) fn standing(&self) -> Standing {
        match (self.finding.status, &self.finding.suppressed) {
            (Status::Fixed | Status::NotAffected, _) => Standing::Settled,
            (_, Some(_)) => Standing::Suppressed,
            (Status::Open, None) => Standing::Open,
            (Status::Undetermined, None) => Standing::Undetermined,
        }
    }

    /// Why it is undetermined, as far as a comparison says so.
    pub(super) fn doubt(&self) -> &'a str {
        let doubtful = self.finding.basis.iter().filter(|b| b.outcome == Status::Undetermined);
        doubtful
            .filter_map(|b| b.note.as_deref())
            .next()
            .unwrap_or("the versions cannot be compared")
    }

    /// What can be done, in one word or version.
    pub(super) fn fix(&self) -> &'a str {
        match &self.finding.fix {
            Fix::Available(version) => version,
            Fix::None => "",
            Fix::Declined(reason) | Fix::Deferred(reason) => reason,
        }
    }
}

/// Returns the findings of an image, whatever their standing. A finding without its package cannot exist.
pub(super) fn rows_of(evidence: &Evidence) -> impl Iterator<Item = Row<'_>> {
    let packages = &evidence.inventory.packages;
    let row = |finding| Row { finding, package: &packages[finding.package] };
    evidence.findings.iter().map(row)
}

/// Whether an upgrade fixes it.
pub(super) fn is_fixable(finding: &Finding) -> bool {
    matches!(finding.fix, Fix::Available(_))
}

/// Sorts findings; what the order asked for leaves open goes by id, then by package.
pub(super) fn sort(rows: &mut [Row<'_>], order: Sort) {
    rows.sort_by(|a, b| {
        let (a, b) = (a.finding, b.finding);
        let severity = b.severity.cmp(&a.severity);
        let epss = score(b.epss.map(|e| e.score)).total_cmp(&score(a.epss.map(|e| e.score)));
        let cvss = |f: &Finding| score(f.cvss.as_ref().map(|c| c.score));
        let cvss = cvss(b).total_cmp(&cvss(a));
        let exploited = |f: &Finding| f.malware || f.kev.is_some();
        let first = match order {
            Sort::Risk => exploited(b).cmp(&exploited(a)).then(severity).then(epss).then(cvss),
            Sort::Severity => severity.then(cvss),
            Sort::Epss => epss.then(severity).then(cvss),
        };
        first.then_with(|| a.id.cmp(&b.id)).then_with(|| a.package.cmp(&b.package))
    });
}

fn score(value: Option<f32>) -> f32 {
    value.unwrap_or(-1.0)
}

/// The place of a severity in [`Severity::ALL`].
pub(super) fn rank(severity: Severity) -> usize {
    Severity::ALL.iter().position(|s| *s == severity).unwrap_or_default()
}

/// Whether `a` is a later version than `b`, in the order by which the finding was judged.
fn later(finding: &Finding, a: &str, b: &str) -> bool {
    let schemes = finding.basis.iter().filter_map(|basis| basis.scheme.parse::<Scheme>().ok());
    schemes.filter_map(|scheme| scheme.compare(a, b).ok()).next() == Some(Ordering::Greater)
}

/// Gaps of the whole image hide more than gaps of one file.
fn gap_rank(reason: GapReason) -> u8 {
    match reason {
        GapReason::UnknownOs | GapReason::NoAdvisories | GapReason::StaleAdvisories => 0,
        GapReason::ForeignLayer | GapReason::UnreadLink => 1,
        GapReason::Malformed
        | GapReason::Truncated
        | GapReason::TooLarge
        | GapReason::TooDeep
        | GapReason::Unsupported
        | GapReason::Encrypted
        | GapReason::Unreadable => 2,
        GapReason::Incomplete => 3,
    }
}
