//! What is known against the image's packages: `vulnerabilities`.

use std::collections::{BTreeMap, BTreeSet};

use hullmark_advisory::finding::{Fix, SuppressedBy};
use hullmark_advisory::{Finding, Severity, Status};
use hullmark_evidence::AdvisorySource;
use hullmark_inventory::{GapReason, Package};
use jiff::Timestamp;
use serde::Deserialize;

use super::{Checked, Facts, Unjudged, Violation, day};
use crate::exception::Keys;
use crate::number::{Count, Period, Probability};
use crate::verdict::{Reason, ReasonCode};

/// `vulnerabilities: {deny: […]}`. Malware is denied whatever the conditions say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Vulnerabilities {
    /// What is too much. Each condition stands for itself.
    pub deny: Vec<Condition>,
    /// From when a condition's grace period runs.
    pub grace_from: GraceFrom,
    /// Whether VEX statements take findings away.
    pub vex: Trusted,
    /// Whether rules of an ignore file take findings away.
    pub ignore_files: Trusted,
    /// Findings of which it could not be decided whether they are open.
    pub undetermined: Unjudged,
    /// Packages that no advisories cover.
    pub uncovered: Unjudged,
}

/// One limit: all of its keys must fit a finding, and more findings than `count` tolerates must fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Condition {
    /// At least this severe; `unknown` stands for exactly the findings that nobody rated.
    pub severity: Option<Severity>,
    /// Whether a fixed version exists.
    pub fixable: Option<bool>,
    /// Whether it is known to be exploited.
    pub kev: Option<bool>,
    /// How likely it is to be exploited.
    pub epss: Option<Probability>,
    /// Whether the package is malicious.
    pub malware: Option<bool>,
    /// How many distinct vulnerabilities are too many; without it, one.
    pub count: Option<Count>,
    /// How long a finding is tolerated.
    pub grace: Option<Period>,
}

/// From when a grace period runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GraceFrom {
    /// From the vulnerability's publication.
    #[default]
    Published,
    /// From the publication of the fix; from the vulnerability's where that is unknown or there is no fix.
    FixAvailable,
}

/// Whether a source of suppressions is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trusted {
    /// It is.
    #[default]
    Accept,
    /// It is not: what it suppressed counts.
    Ignore,
}

/// The findings that are too much, by index, each with the first condition that says so; none for malware.
type Failing = BTreeMap<usize, Option<Condition>>;

/// How a finding fares under a condition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// It does not fit.
    No,
    /// It fits, but is tolerated until this moment.
    Grace(Timestamp),
    /// It fits.
    Yes,
    /// It would if it is known to be exploited, which was not asked.
    UnknownKev,
    /// It would if it is likely to be exploited, which was not asked.
    UnknownEpss,
}

impl Vulnerabilities {
    pub(crate) fn check<'a>(&self, facts: &Facts<'a>) -> Checked<'a> {
        let mut checked = Checked::default();
        self.check_coverage(facts, &mut checked);
        let counted = self.counted(facts, &mut checked);
        let malware = counted.iter().filter(|&&at| facts.evidence.findings[at].malware);
        let mut failing: Failing = malware.map(|&at| (at, None)).collect();
        for condition in &self.deny {
            condition.check(facts, self.grace_from, &counted, &mut failing, &mut checked);
        }
        for (at, condition) in failing {
            checked.violations.push(violation(facts, at, condition));
        }
        checked
    }

    /// Fails where the absence of findings says nothing.
    fn check_coverage<'a>(&self, facts: &Facts<'a>, checked: &mut Checked<'a>) {
        let evidence = facts.evidence;
        if !evidence.inventory.packages.is_empty()
            && !evidence.advisories.iter().any(AdvisorySource::is_advisories)
        {
            checked.fail(
                ReasonCode::UnknownAdvisories,
                "no advisories were asked, so nothing is known of any package",
                "load advisories with `hullmark db update`",
            );
        }
        let uncovered = |reason| matches!(reason, GapReason::NoAdvisories | GapReason::UnknownOs);
        for gap in evidence.inventory.gaps.iter().filter(|gap| uncovered(gap.reason)) {
            if self.uncovered == Unjudged::Ignore {
                break;
            }
            let keys = Keys {
                id: Some(gap.reason.as_str()),
                path: Some(gap.path.as_str()),
                ..Keys::default()
            };
            checked.fail_for(
                keys,
                ReasonCode::UnknownCoverage,
                format!("packages without advisories ({}): {}", gap.reason.as_str(), gap.detail),
                "load the missing advisories with `hullmark db update`, or set `uncovered: ignore`",
            );
        }
    }

    /// Returns the indices of the findings that count, and notes those that do not although they are open.
    fn counted(&self, facts: &Facts<'_>, checked: &mut Checked<'_>) -> Vec<usize> {
        let (mut counted, mut suppressed, mut unrated) = (Vec::new(), [0usize; 3], 0usize);
        for (at, finding) in facts.evidence.findings.iter().enumerate() {
            match finding.status {
                Status::Open => {}
                Status::Undetermined if self.undetermined == Unjudged::Deny => {}
                Status::Undetermined | Status::Fixed | Status::NotAffected => continue,
            }
            if let Some(by) = self.suppressed(finding, facts.now, checked) {
                suppressed[by as usize] += 1;
                continue;
            }
            unrated += usize::from(finding.severity == Severity::Unknown);
            counted.push(at);
        }
        for (by, name) in [
            (SuppressedBy::Vex, "VEX statements"),
            (SuppressedBy::Ignore, "ignore files"),
            (SuppressedBy::Owner, "the owning operating-system packages"),
        ] {
            let number = suppressed[by as usize];
            if number > 0 {
                let message = format!("{} suppressed by {name}", findings(number));
                checked.note(ReasonCode::SuppressedFindings, message);
            }
        }
        if unrated > 0 && self.deny.iter().any(|c| c.severity.is_some()) {
            let message =
                format!("{} nobody rated: no severity limit catches them", findings(unrated));
            checked.note(ReasonCode::UnratedFindings, message);
        }
        counted
    }

    fn suppressed(
        &self,
        finding: &Finding,
        now: Timestamp,
        checked: &mut Checked<'_>,
    ) -> Option<SuppressedBy> {
        let suppression = finding.suppressed.as_ref()?;
        let believed = match suppression.by {
            SuppressedBy::Vex => self.vex == Trusted::Accept && !finding.malware,
            SuppressedBy::Ignore => self.ignore_files == Trusted::Accept && !finding.malware,
            SuppressedBy::Owner => true,
        };
        if let Some(expires) = suppression.expires {
            checked.changes.add(now, expires);
        }
        let over = suppression.expires.is_some_and(|expires| expires <= now);
        (believed && !over).then_some(suppression.by)
    }
}

impl Condition {
    fn check(
        self,
        facts: &Facts<'_>,
        grace_from: GraceFrom,
        counted: &[usize],
        failing: &mut Failing,
        checked: &mut Checked<'_>,
    ) {
        let (mut over, mut in_grace, mut unknown) =
            (Vec::new(), None::<(usize, Timestamp)>, [0; 2]);
        for &at in counted {
            let finding = &facts.evidence.findings[at];
            match self.fits(finding, facts, grace_from) {
                Limit::No => {}
                Limit::Yes => over.push(at),
                Limit::UnknownKev => unknown[0] += 1,
                Limit::UnknownEpss => unknown[1] += 1,
                Limit::Grace(end) => {
                    checked.changes.add(facts.now, end);
                    let (number, first) = in_grace.unwrap_or((0, end));
                    in_grace = Some((number + 1, first.min(end)));
                }
            }
        }
        self.fail_over(facts, &over, failing);
        if let Some((number, first)) = in_grace {
            let message = format!(
                "{} ({self}) in the grace period; the first counts from {}",
                findings(number),
                day(first)
            );
            checked.note(ReasonCode::InGrace, message);
        }
        for (number, code, what) in [
            (
                unknown[0],
                ReasonCode::UnknownKev,
                "the catalogue of known exploited vulnerabilities",
            ),
            (unknown[1], ReasonCode::UnknownEpss, "the exploit prediction scores"),
        ] {
            if number > 0 {
                let message = format!(
                    "{what} was not asked, so {} may be over the limit ({self})",
                    findings(number)
                );
                checked.fail(code, message, "load it with `hullmark db update`");
            }
        }
    }

    /// Adds what is over the count. Exceptions are taken off first; what they take off is still shown.
    fn fail_over(self, facts: &Facts<'_>, over: &[usize], failing: &mut Failing) {
        let count = self.count.unwrap_or(Count::NONE);
        let id = |at: &&usize| facts.evidence.findings[**at].id.as_str();
        let (excepted, rest): (Vec<&usize>, Vec<&usize>) =
            over.iter().partition(|&&at| facts.is_excepted(&keys(facts, at)));
        let distinct: BTreeSet<&str> = rest.iter().map(id).collect();
        let all: BTreeSet<&str> = over.iter().map(|at| id(&at)).collect();
        let wrong: Vec<&usize> = if count.is_passed_by(distinct.len()) {
            over.iter().collect()
        } else if count.is_passed_by(all.len()) {
            excepted
        } else {
            Vec::new()
        };
        for &at in wrong {
            failing.entry(at).or_insert(Some(self));
        }
    }

    fn fits(self, finding: &Finding, facts: &Facts<'_>, grace_from: GraceFrom) -> Limit {
        let severe = match self.severity {
            None => true,
            Some(Severity::Unknown) => finding.severity == Severity::Unknown,
            Some(least) => finding.severity >= least,
        };
        let fixable = matches!(finding.fix, Fix::Available(_));
        if !severe
            || self.fixable.is_some_and(|wanted| wanted != fixable)
            || self.malware.is_some_and(|wanted| wanted != finding.malware)
        {
            return Limit::No;
        }
        let mut limit = Limit::Yes;
        let listed = finding.kev.is_some();
        match self.kev {
            Some(_) if !listed && !was_asked(facts, AdvisorySource::KEV) => {
                limit = Limit::UnknownKev;
            }
            Some(wanted) if wanted != listed => return Limit::No,
            _ => {}
        }
        match (self.epss, finding.epss) {
            (Some(bound), Some(epss)) if !bound.is_passed_by(epss.score) => return Limit::No,
            (Some(_), None) if was_asked(facts, AdvisorySource::EPSS) => return Limit::No,
            (Some(_), None) => limit = Limit::UnknownEpss,
            _ => {}
        }
        let start = match grace_from {
            GraceFrom::Published => finding.published,
            GraceFrom::FixAvailable if fixable => finding.fix_published.or(finding.published),
            GraceFrom::FixAvailable => finding.published,
        };
        // Without a date there is no grace.
        match (self.grace, start) {
            (Some(grace), Some(start)) if grace.after(start) > facts.now => {
                Limit::Grace(grace.after(start))
            }
            _ => limit,
        }
    }

    pub(crate) fn problem(self) -> Option<&'static str> {
        if self == (Self { count: self.count, grace: self.grace, ..Self::default() }) {
            return Some(
                "a condition needs at least one of `severity`, `fixable`, `kev`, `epss`, `malware`",
            );
        }
        (self.malware == Some(false))
            .then_some("`malware: false` cannot be asked: malware always counts")
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.severity.map(|s| format!("severity: {}", s.as_str())));
        parts.extend(self.fixable.map(|fixable| format!("fixable: {fixable}")));
        parts.extend(self.kev.map(|kev| format!("kev: {kev}")));
        parts.extend(self.epss.map(|epss| format!("epss: {epss}")));
        parts.extend(self.malware.map(|malware| format!("malware: {malware}")));
        parts.extend(self.count.map(|count| format!("count: {count}")));
        parts.extend(self.grace.map(|grace| format!("grace: {grace}")));
        f.write_str(&parts.join(", "))
    }
}

fn was_asked(facts: &Facts<'_>, source: &str) -> bool {
    facts.evidence.advisories.iter().any(|s| s.ecosystem == source)
}

fn keys<'a>(facts: &Facts<'a>, at: usize) -> Keys<'a> {
    let evidence = facts.evidence;
    let finding = &evidence.findings[at];
    Keys {
        id: Some(&finding.id),
        finding: Some(finding),
        package: evidence.inventory.packages.get(finding.package),
        path: None,
    }
}

fn violation<'a>(facts: &Facts<'a>, at: usize, condition: Option<Condition>) -> Violation<'a> {
    let keys = keys(facts, at);
    let finding = &facts.evidence.findings[at];
    let code = match condition {
        _ if finding.malware => ReasonCode::Malware,
        _ if finding.status == Status::Undetermined => ReasonCode::UnknownStatus,
        Some(Condition { kev: Some(true), .. }) => ReasonCode::KnownExploited,
        Some(Condition { epss: Some(_), .. }) => ReasonCode::LikelyExploited,
        _ => ReasonCode::Vulnerability,
    };
    let name = keys.package.map_or("an unknown package".to_owned(), named);
    let mut message = format!("{} ({}", finding.id, finding.severity.as_str());
    if let Some(cvss) = &finding.cvss {
        message.push_str(&format!(", CVSS {:.1}", cvss.score));
    }
    if finding.kev.is_some() {
        message.push_str(", known exploited");
    }
    if let Some(epss) = finding.epss {
        message.push_str(&format!(", EPSS {:.0}%", epss.score * 100.0));
    }
    message.push_str(&format!(") in {name}"));
    if finding.malware {
        message.push_str(": the package is malicious");
    } else if finding.status == Status::Undetermined {
        message.push_str(": whether the package has it could not be decided");
    }
    if let Some(condition) = condition {
        message.push_str(&format!("; over the limit `{condition}`"));
    }
    Violation { reason: Reason::new(code, message, fix(finding, keys.package)), keys }
}

fn fix(finding: &Finding, package: Option<&Package>) -> String {
    let name = package.map_or("the package", |p| p.name.as_str());
    if finding.malware {
        return format!("remove {name}");
    }
    match &finding.fix {
        Fix::Available(version) => format!("upgrade {name} to {version} or later"),
        Fix::None => {
            format!("no fix is known: remove {name}, or except {} until one is", finding.id)
        }
        Fix::Declined(why) => {
            format!("its vendor will not fix it ({why}): replace {name}, or except {}", finding.id)
        }
        Fix::Deferred(why) => {
            format!("its vendor put the fix off ({why}): replace {name}, or except {}", finding.id)
        }
    }
}

pub(crate) fn named(package: &Package) -> String {
    if package.version.is_empty() {
        return package.name.clone();
    }
    format!("{} {}", package.name, package.version)
}

fn findings(number: usize) -> String {
    if number == 1 { "1 finding".to_owned() } else { format!("{number} findings") }
}
