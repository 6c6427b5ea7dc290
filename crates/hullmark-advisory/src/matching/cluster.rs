//! Which records speak of one vulnerability, and what they say together.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Candidate, Stream};
use crate::finding::{Basis, Cvss, Finding, Fix, Severity, Status};

/// Everything that speaks of one vulnerability in one package.
pub(super) struct Group<'a> {
    ids: BTreeSet<&'a str>,
    /// Best first: the distribution or ecosystem's own database before collections.
    candidates: Vec<&'a Candidate<'a>>,
}

/// Groups what was compared for one package. Aliases join; advisories for several vulnerabilities are in several groups.
pub(super) fn group<'a>(candidates: &'a [Candidate<'a>]) -> Vec<Group<'a>> {
    let mut sets = Sets::default();
    for candidate in candidates {
        let head = &candidate.head;
        match head.vulnerabilities.as_slice() {
            [] => head.aliases.iter().for_each(|alias| sets.join(head.id, alias)),
            // An advisory for one vulnerability shares its aliases; one for several cannot say whose they are.
            [one] => head.aliases.iter().for_each(|alias| sets.join(one, alias)),
            _ => {}
        }
    }
    let mut groups: BTreeMap<usize, Group<'a>> = BTreeMap::new();
    for candidate in candidates {
        let head = &candidate.head;
        let own = [head.id];
        let ids = if head.vulnerabilities.is_empty() { &own[..] } else { &head.vulnerabilities };
        for id in ids {
            let root = sets.root(id);
            let group = groups
                .entry(root)
                .or_insert_with(|| Group { ids: BTreeSet::new(), candidates: Vec::new() });
            if !group.candidates.iter().any(|c| std::ptr::eq(*c, candidate)) {
                group.candidates.push(candidate);
            }
        }
    }
    for (id, number) in &sets.numbers {
        let root = sets.find(*number);
        if let Some(group) = groups.get_mut(&root) {
            group.ids.insert(id);
        }
    }
    let mut groups: Vec<Group<'a>> = groups.into_values().collect();
    for group in &mut groups {
        group.candidates.sort_by_key(|c| (c.stream == Stream::Subscription, rank(c.head.id)));
    }
    groups
}

/// Makes a finding of a group, and says which record its references are to be taken from. It is open if any record says
/// so, unless the vendor says in words that it is not.
pub(super) fn finding<'a>(
    package: usize,
    group: &Group<'a>,
) -> (Finding, Option<&'a Candidate<'a>>) {
    let status = status(group);
    let deciding: Vec<&'a Candidate<'a>> =
        group.candidates.iter().copied().filter(|c| c.judged.outcome == status).collect();
    let best = deciding.first().or(group.candidates.first());
    let heads = || group.candidates.iter().map(|c| &c.head);
    let id = id(group);
    let mut finding = Finding {
        package,
        aliases: group
            .ids
            .iter()
            .filter(|other| **other != id)
            .map(|other| (*other).into())
            .collect(),
        id: id.into(),
        status,
        fix: fix(&deciding),
        severity: severity(group),
        cvss: cvss(group),
        published: heads().filter_map(|h| h.published).min().and_then(timestamp),
        fix_published: group
            .candidates
            .iter()
            .filter(|c| c.judged.fix.is_some() && c.stream == Stream::Own)
            .filter_map(|c| c.head.published)
            .min()
            .and_then(timestamp),
        modified: heads().filter_map(|h| h.modified).max().and_then(timestamp),
        kev: None,
        epss: None,
        malware: heads().any(|h| h.malware),
        summary: String::new(),
        references: Vec::new(),
        basis: group.candidates.iter().map(|c| basis(c)).collect(),
        suppressed: None,
    };
    if finding.malware {
        finding.severity = Severity::Critical;
    }
    if let Some(best) = best {
        finding.summary = best.head.summary.into();
    }
    (finding, best.copied())
}

fn status(group: &Group<'_>) -> Status {
    let has = |status| group.candidates.iter().any(|c| c.judged.outcome == status);
    if group.candidates.iter().any(|c| c.judged.by_vendor) {
        return Status::NotAffected;
    }
    [Status::Open, Status::Undetermined, Status::Fixed]
        .into_iter()
        .find(|status| has(*status))
        .unwrap_or(Status::NotAffected)
}

/// A CVE if there is one (the earliest), else the id of the best record.
fn id<'a>(group: &Group<'a>) -> &'a str {
    let cve = group.ids.iter().find(|id| id.starts_with("CVE-"));
    let own = || group.candidates.first().map(|c| c.head.id).filter(|id| group.ids.contains(id));
    cve.copied().or_else(own).or_else(|| group.ids.first().copied()).unwrap_or_default()
}

fn fix(deciding: &[&Candidate<'_>]) -> Fix {
    let reachable = deciding.iter().filter(|c| c.stream == Stream::Own);
    let Some(best) = deciding.first().map(|c| rank(c.head.id)) else { return Fix::None };
    // Of the best kind of record, the last fix: only that one ends them all.
    let fixes = reachable.clone().filter_map(|c| c.judged.fix.map(|fix| (rank(c.head.id), fix)));
    let best = fixes.clone().map(|(rank, _)| rank).min().unwrap_or(best);
    let last = fixes.filter(|(rank, _)| *rank == best).max_by(|a, b| a.1.1.cmp(b.1.1));
    if let Some((_, (text, _))) = last {
        return Fix::Available(text.into());
    }
    reachable.filter_map(|c| c.judged.declared.clone()).next().unwrap_or(Fix::None)
}

fn severity(group: &Group<'_>) -> Severity {
    let of = |c: &&Candidate<'_>| {
        let own = c.judged.rating.map(|r| r.severity).filter(|s| *s != Severity::Unknown);
        own.unwrap_or(c.head.rating.severity)
    };
    group.candidates.iter().map(of).find(|s| *s != Severity::Unknown).unwrap_or_default()
}

fn cvss(group: &Group<'_>) -> Option<Cvss> {
    let ratings = group
        .candidates
        .iter()
        .flat_map(|c| c.judged.rating.into_iter().chain([c.head.rating]))
        .filter_map(|rating| rating.score.map(|score| (rating.vector, score)));
    // The newest version of CVSS; among equals, the best record's.
    let version = |vector: &str| match vector {
        v if v.starts_with("CVSS:4") => 0,
        v if v.starts_with("CVSS:3.1") => 1,
        v if v.starts_with("CVSS:3") => 2,
        v if !v.is_empty() => 3,
        _ => 4,
    };
    ratings
        .min_by_key(|(vector, _)| version(vector))
        .map(|(vector, score)| Cvss { vector: vector.into(), score })
}

fn basis(candidate: &Candidate<'_>) -> Basis {
    let meta = candidate.segment.meta();
    let judged = &candidate.judged;
    let mut note = judged.note.clone();
    if candidate.stream == Stream::Subscription {
        let fixed =
            judged.fix.map_or_else(String::new, |(text, _)| format!(", fixed there in {text}"));
        note = Some(format!("{} needs a subscription{fixed}", meta.name));
    }
    Basis {
        record: candidate.head.id.into(),
        ecosystem: meta.name.clone(),
        name: candidate.subject.name.clone(),
        by: candidate.subject.by,
        version: candidate.subject.version.clone(),
        scheme: meta.scheme.map(|s| s.as_str().to_owned()).unwrap_or_default(),
        range: judged.decided.text(),
        outcome: judged.outcome,
        note,
    }
}

fn timestamp(milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds).ok()
}

/// Whose word counts first: distributions and the ecosystems' own databases, then what collects from elsewhere.
fn rank(id: &str) -> u8 {
    match id {
        id if id.starts_with("GHSA-") => 2,
        id if id.starts_with("CVE-") => 3,
        _ => 1,
    }
}

/// Sets of ids, joined by aliases (union-find; small, so numbers stand in for ranks).
#[derive(Default)]
struct Sets<'a> {
    numbers: BTreeMap<&'a str, usize>,
    parents: Vec<usize>,
}

impl<'a> Sets<'a> {
    fn number(&mut self, id: &'a str) -> usize {
        let next = self.parents.len();
        let number = *self.numbers.entry(id).or_insert(next);
        if number == next {
            self.parents.push(next);
        }
        number
    }

    fn find(&self, mut number: usize) -> usize {
        while self.parents[number] != number {
            number = self.parents[number];
        }
        number
    }

    fn root(&mut self, id: &'a str) -> usize {
        let number = self.number(id);
        let root = self.find(number);
        // Shorten the way for the next one.
        self.parents[number] = root;
        root
    }

    fn join(&mut self, a: &'a str, b: &'a str) {
        let (a, b) = (self.root(a), self.root(b));
        // The smaller number stays root, so groups keep the order in which their first record came.
        let (low, high) = (a.min(b), a.max(b));
        self.parents[high] = low;
    }
}
