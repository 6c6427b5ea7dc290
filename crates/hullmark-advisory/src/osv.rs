//! Advisory records: the OSV schema as it is read, and the canonical record that everything else is made of.
//!
//! Lenient about what is not used: unknown fields, nulls and odd shapes of `*_specific` are passed over. Strict about what
//! decides: an id, and for every affected package its ecosystem, name, and events of exactly one kind each.
//!
//! See: OSV schema 1.7 `schema.md`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::finding::Severity;

/// Bytes of one record. The largest public records (kernel, chromium) stay below 4 MiB.
pub const MAX_RECORD_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of an id or a package name; they become keys of sorted tables.
const MAX_NAME_BYTES: usize = 1024;

/// References kept for one record; some have hundreds of mailing-list mirrors.
const MAX_REFERENCES: usize = 24;

/// Characters kept where a record has details but no summary.
const MAX_SUMMARY_CHARS: usize = 240;

/// One advisory, reduced to what is matched and shown. Lists are sorted, so equal advisories have equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Addresses, best first. The first field, so that a segment's reader can decode them without the rest.
    pub references: Vec<String>,
    /// Its id.
    pub id: String,
    /// Milliseconds since 1970 of its first publication.
    pub published: Option<i64>,
    /// Milliseconds since 1970 of its last change.
    pub modified: Option<i64>,
    /// Milliseconds since 1970 of its withdrawal.
    pub withdrawn: Option<i64>,
    /// Ids of the same vulnerability.
    pub aliases: Vec<String>,
    /// Ids of the vulnerabilities that this advisory was made for.
    pub upstream: Vec<String>,
    /// Ids of records that have to do with it.
    pub related: Vec<String>,
    /// Ratings of the record as a whole.
    pub ratings: Vec<Rating>,
    /// One line.
    pub summary: String,
    /// Which packages it speaks of.
    pub affected: Vec<Affected>,
}

/// A rating in some scheme: `CVSS_V3` and its vector, `Ubuntu` and a word, `label` and a word, `score` and a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rating {
    /// The scheme.
    pub kind: String,
    /// The value.
    pub value: String,
}

/// One package that an advisory speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// The ecosystem as written: `Debian:12`, `PyPI`.
    pub ecosystem: String,
    /// The name as written.
    pub name: String,
    /// Ranges of affected versions; any may hold.
    pub ranges: Vec<Range>,
    /// Affected versions one by one, beside the ranges.
    pub versions: Vec<String>,
    /// Ratings for this package.
    pub ratings: Vec<Rating>,
    /// What the vendor says about it.
    pub state: State,
    /// The RPM module stream (`nodejs:12`) that it is part of.
    pub module: Option<String>,
}

/// Events that begin and end being affected, in the order of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The events.
    pub events: Vec<Event>,
}

/// One event of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Affected from this version on; `0` stands for the beginning.
    Introduced(String),
    /// Not affected from this version on.
    Fixed(String),
    /// Affected up to and with this version.
    LastAffected(String),
    /// Nothing is said from this version on.
    Limit(String),
}

/// What a vendor says about a package beside version ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Nothing.
    #[default]
    Plain,
    /// Not affected.
    NotAffected(String),
    /// It will not be fixed, and why.
    Declined(String),
    /// The fix was put off, and why.
    Deferred(String),
    /// The vendor does not know yet.
    Investigating,
}

/// Why a text is not an advisory record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is larger than [`MAX_RECORD_BYTES`].
    #[error("record has {0} bytes, more than the limit of {MAX_RECORD_BYTES}")]
    TooLarge(usize),
    /// It is not JSON of the expected shape.
    #[error("record is not OSV JSON")]
    Json(#[source] serde_json::Error),
    /// The id is empty, too long, or holds control characters.
    #[error("record has an unusable id")]
    Id,
    /// A package has no usable name.
    #[error("record `{0}` has an affected package with an unusable name")]
    Name(String),
    /// An event does not have exactly one of the four kinds.
    #[error(
        "record `{0}` has an event that is not exactly one of introduced, fixed, last_affected, limit"
    )]
    Event(String),
}

impl Record {
    /// Reads one OSV record.
    ///
    /// # Errors
    /// If it is no record, or something in it that decides is missing.
    pub fn parse(json: &[u8]) -> Result<Self, RecordError> {
        if json.len() > MAX_RECORD_BYTES {
            return Err(RecordError::TooLarge(json.len()));
        }
        let raw: Raw<'_> = serde_json::from_slice(json).map_err(RecordError::Json)?;
        raw.canonical()
    }

    /// Sorts what has no order of its own, so that equal advisories have equal bytes.
    pub fn normalize(&mut self) {
        for list in [&mut self.aliases, &mut self.upstream, &mut self.related] {
            list.retain(|id| usable(id));
            list.sort();
            list.dedup();
        }
        let id = &self.id;
        self.aliases.retain(|alias| alias != id);
        self.ratings.sort();
        self.ratings.dedup();
    }

    /// Whether the package itself is the attack.
    pub fn is_malware(&self) -> bool {
        self.id.starts_with("MAL-")
    }
}

impl Event {
    /// Returns the version.
    pub fn version(&self) -> &str {
        match self {
            Self::Introduced(v) | Self::Fixed(v) | Self::LastAffected(v) | Self::Limit(v) => v,
        }
    }
}

/// Returns the severity that a vendor's word stands for.
pub fn severity_of_word(word: &str) -> Option<Severity> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "critical" => Severity::Critical,
        "high" | "important" => Severity::High,
        "medium" | "moderate" => Severity::Medium,
        "low" => Severity::Low,
        "negligible" | "unimportant" | "none" | "informational" => Severity::Negligible,
        _ => return None,
    })
}

/// Returns milliseconds since 1970.
pub(crate) fn millis(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

fn usable(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control)
}

#[derive(Deserialize)]
struct Raw<'a> {
    id: String,
    #[serde(default)]
    published: Option<String>,
    #[serde(default)]
    modified: Option<String>,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    aliases: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    upstream: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    related: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    severity: Vec<RawSeverity>,
    #[serde(default, deserialize_with = "or_default")]
    summary: String,
    #[serde(default, deserialize_with = "or_default")]
    details: String,
    #[serde(default, deserialize_with = "or_default")]
    references: Vec<RawReference>,
    #[serde(default, deserialize_with = "or_default", borrow)]
    affected: Vec<RawAffected<'a>>,
    #[serde(default, borrow)]
    database_specific: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawSeverity {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    score: String,
}

#[derive(Deserialize)]
struct RawReference {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct RawAffected<'a> {
    #[serde(default)]
    package: Option<RawPackage>,
    #[serde(default, deserialize_with = "or_default")]
    ranges: Vec<RawRange>,
    #[serde(default, deserialize_with = "or_default")]
    versions: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    severity: Vec<RawSeverity>,
    #[serde(default, borrow)]
    ecosystem_specific: Option<&'a RawValue>,
    #[serde(default, borrow)]
    database_specific: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawPackage {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct RawRange {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "or_default")]
    events: Vec<RawEvent>,
}

#[derive(Deserialize)]
struct RawEvent {
    #[serde(default)]
    introduced: Option<String>,
    #[serde(default)]
    fixed: Option<String>,
    #[serde(default)]
    last_affected: Option<String>,
    #[serde(default)]
    limit: Option<String>,
}

/// What is used of `ecosystem_specific` and `database_specific`, wherever a database puts it.
#[derive(Default, Deserialize)]
struct Specific {
    #[serde(default)]
    severity: Option<serde_json::Value>,
    #[serde(default)]
    urgency: Option<String>,
    #[serde(default)]
    rpm_modularity: Option<String>,
    #[serde(default)]
    informational: Option<String>,
    #[serde(default)]
    cvss_v3_score: Option<f64>,
    #[serde(default)]
    cvss_v4_score: Option<f64>,
}

impl Specific {
    fn read(raw: Option<&RawValue>) -> Self {
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    fn ratings(&self) -> Vec<Rating> {
        let mut ratings = Vec::new();
        let words = [
            self.severity.as_ref().and_then(serde_json::Value::as_str),
            self.urgency.as_deref(),
            self.informational.as_deref().map(|_| "informational"),
        ];
        for word in words.into_iter().flatten().filter(|w| severity_of_word(w).is_some()) {
            ratings.push(Rating { kind: "label".into(), value: word.to_ascii_lowercase() });
        }
        if let Some(score) = self.cvss_v4_score.or(self.cvss_v3_score) {
            ratings.push(Rating { kind: "score".into(), value: format!("{score:.1}") });
        }
        ratings
    }

    /// Debian's `urgency` also carries `end-of-life`.
    fn state(&self) -> State {
        match self.urgency.as_deref() {
            Some("end-of-life") => State::Declined("end-of-life".into()),
            _ => State::Plain,
        }
    }
}

impl Raw<'_> {
    fn canonical(self) -> Result<Record, RecordError> {
        if !usable(&self.id) {
            return Err(RecordError::Id);
        }
        let mut ratings = ratings(self.severity);
        ratings.extend(Specific::read(self.database_specific).ratings());
        let mut affected = Vec::with_capacity(self.affected.len().min(1024));
        for raw in self.affected {
            affected.extend(raw.canonical(&self.id)?);
        }
        let summary = if self.summary.trim().is_empty() { &self.details } else { &self.summary };
        let mut record = Record {
            id: self.id,
            published: self.published.as_deref().and_then(millis),
            modified: self.modified.as_deref().and_then(millis),
            withdrawn: self.withdrawn.as_deref().and_then(millis),
            aliases: self.aliases,
            upstream: self.upstream,
            related: self.related,
            ratings,
            summary: one_line(summary),
            references: references(self.references),
            affected,
        };
        record.normalize();
        Ok(record)
    }
}

impl RawAffected<'_> {
    /// Returns `None` where no package is named: ranges of a repository's commits, which no package can be compared with.
    fn canonical(self, id: &str) -> Result<Option<Affected>, RecordError> {
        let Some(package) = self.package else { return Ok(None) };
        if !usable(&package.name) {
            return Err(RecordError::Name(id.into()));
        }
        let mut ranges = Vec::new();
        for raw in self.ranges.into_iter().filter(|r| r.kind != "GIT") {
            let events: Option<Vec<Event>> =
                raw.events.into_iter().map(RawEvent::canonical).collect();
            ranges.push(Range { events: events.ok_or_else(|| RecordError::Event(id.into()))? });
        }
        let ecosystem_specific = Specific::read(self.ecosystem_specific);
        let mut ratings = ratings(self.severity);
        ratings.extend(ecosystem_specific.ratings());
        ratings.extend(Specific::read(self.database_specific).ratings());
        ratings.sort();
        ratings.dedup();
        Ok(Some(Affected {
            ecosystem: package.ecosystem,
            name: package.name,
            ranges,
            versions: self.versions,
            ratings,
            state: ecosystem_specific.state(),
            module: ecosystem_specific.rpm_modularity.filter(|m| !m.is_empty()),
        }))
    }
}

impl RawEvent {
    fn canonical(self) -> Option<Event> {
        match (self.introduced, self.fixed, self.last_affected, self.limit) {
            (Some(v), None, None, None) => Some(Event::Introduced(v)),
            (None, Some(v), None, None) => Some(Event::Fixed(v)),
            (None, None, Some(v), None) => Some(Event::LastAffected(v)),
            (None, None, None, Some(v)) => Some(Event::Limit(v)),
            _ => None,
        }
    }
}

fn ratings(raw: Vec<RawSeverity>) -> Vec<Rating> {
    raw.into_iter().map(|r| Rating { kind: r.kind, value: r.score }).collect()
}

/// Advisories first, then articles and fixes, then the rest, each in the order of the source.
fn references(raw: Vec<RawReference>) -> Vec<String> {
    let rank = |kind: &str| match kind {
        "ADVISORY" => 0,
        "ARTICLE" | "FIX" => 1,
        _ => 2,
    };
    let mut sorted: Vec<_> = raw.into_iter().filter(|r| usable(&r.url)).collect();
    sorted.sort_by_key(|r| rank(&r.kind));
    let mut urls: Vec<String> = Vec::new();
    for reference in sorted {
        if urls.len() == MAX_REFERENCES {
            break;
        }
        if !urls.contains(&reference.url) {
            urls.push(reference.url);
        }
    }
    urls
}

/// Returns the first paragraph on one line, cut at a readable length.
pub(crate) fn one_line(text: &str) -> String {
    let paragraph = text.trim_start().split("\n\n").next().unwrap_or_default();
    let mut line = String::new();
    let mut chars = 0;
    for word in paragraph.split_whitespace() {
        let length = word.chars().count();
        if chars + length + 1 > MAX_SUMMARY_CHARS {
            line.push('…');
            break;
        }
        if chars > 0 {
            line.push(' ');
        }
        line.push_str(word);
        chars += length + 1;
    }
    line
}

/// Reads `null` as the default: several databases write empty lists so.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    d: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Record, RecordError> {
        Record::parse(json.as_bytes())
    }

    #[test]
    fn reads_what_decides_and_passes_over_the_rest() {
        let record = parse(
            r#"{"id":"X-1","modified":"2024-01-02T03:04:05Z","aliases":null,"future":{"a":[1]},"details":"First\nline.\n\nSecond.",
            "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N"}],
            "affected":[{"package":{"ecosystem":"PyPI","name":"A_b"},"database_specific":"odd",
              "ranges":[{"type":"GIT","repo":"r","events":[{"introduced":"0"}]},{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"}]}]},
              {"ranges":[{"type":"GIT","events":[{"introduced":"0"}]}]}]}"#,
        )
        .expect("parses");
        assert_eq!(record.modified, Some(1_704_164_645_000));
        assert_eq!(record.summary, "First line.");
        assert_eq!(record.affected.len(), 1);
        assert_eq!(
            record.affected[0].ranges,
            [Range { events: vec![Event::Introduced("0".into()), Event::Fixed("2".into())] }]
        );
    }

    #[test]
    fn depth_costs_nothing() {
        let nest = |field: &str| {
            format!(r#"{{"id":"X",{field}:{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000))
        };
        assert!(parse(&nest(r#""unknown""#)).is_ok(), "passed over without recursion");
        assert!(parse(&nest(r#""database_specific""#)).is_ok());
        assert!(parse(&nest(r#""affected""#)).is_err());
    }

    #[test]
    fn refuses_what_could_decide_wrongly() {
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(2000));
        for (json, why) in [
            ("[]", "not OSV JSON"),
            ("{}", "not OSV JSON"),
            (r#"{"id":"X""#, "not OSV JSON"),
            (r#"{"id":""}"#, "unusable id"),
            (r#"{"id":"a\nb"}"#, "unusable id"),
            (long.as_str(), "unusable id"),
            (
                r#"{"id":"X","affected":[{"package":{"ecosystem":"npm","name":""}}]}"#,
                "unusable name",
            ),
            (
                r#"{"id":"X","affected":[{"package":{"ecosystem":"npm","name":"a"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0","fixed":"1"}]}]}]}"#,
                "exactly one",
            ),
            (
                r#"{"id":"X","affected":[{"package":{"ecosystem":"npm","name":"a"},"ranges":[{"type":"SEMVER","events":[{}]}]}]}"#,
                "exactly one",
            ),
        ] {
            let error = parse(json).expect_err(why).to_string();
            assert!(error.contains(why), "{error} does not say {why}");
        }
    }
}
