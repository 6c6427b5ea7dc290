//! From text to policies: the shape of the documents, and errors that say where.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hullmark_oci::Digest;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_saphyr::{DuplicateKeyPolicy, Error as YamlError, Location, MergeKeyPolicy, Spanned};

use crate::exception::Exception;
use crate::image::ImagePattern;
use crate::policy::{Match, Policies, Policy, PolicyKind, Requirement, Rule, Stages};
use crate::rules;
use crate::suggest::nearest;

/// The version of the documents that are understood.
const API_VERSION: &str = "hullmark.io/v1alpha1";
/// Bytes of one text. Generous: a policy is written by people, exceptions sometimes by programs.
const TEXT_BYTES: usize = 4 * 1024 * 1024;
/// Nesting of one document; rules in rules reach it last.
const DEPTH: usize = 40;

/// Why a text is not a set of policies, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// Name of the text, such as a file's path.
    pub origin: String,
    /// Line, from 1; 0 if the error has no place.
    pub line: u64,
    /// Column, from 1; 0 if the error has no place.
    pub column: u64,
    /// What is wrong.
    pub problem: PolicyProblem,
}

/// What is wrong with a policy's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyProblem {
    /// The text is not YAML or JSON, or a value has another type than expected.
    #[error("{0}")]
    Malformed(String),
    /// The text is larger than a policy may be, or unfolds to something that is.
    #[error("the text is too large or unfolds to too much: {0}")]
    TooLarge(String),
    /// A mapping has the same key twice.
    #[error("the key `{0}` is there twice")]
    DuplicateKey(String),
    /// A field is not known.
    #[error("unknown field `{field}`{}", suggestion(*.nearest, .known))]
    UnknownField {
        /// The field.
        field: String,
        /// The known field that it resembles.
        nearest: Option<&'static str>,
        /// The known fields.
        known: Vec<&'static str>,
    },
    /// A word is not one of those expected.
    #[error("unknown value `{value}`{}", suggestion(*.nearest, .known))]
    UnknownValue {
        /// The word.
        value: String,
        /// The known word that it resembles.
        nearest: Option<&'static str>,
        /// The known words.
        known: Vec<&'static str>,
    },
    /// A field is missing.
    #[error("the field `{0}` is missing")]
    MissingField(&'static str),
    /// The document is for another version.
    #[error("`{0}` is not understood (expected `hullmark.io/v1alpha1`)")]
    Version(String),
    /// A field that other versions of Hullmark understand. Ignoring it would weaken the policy.
    #[error(
        "`{0}` is not supported by this version of Hullmark, and a rule that is not checked protects nothing"
    )]
    Unsupported(&'static str),
    /// A name is not one.
    #[error(
        "`{0}` is not a name: use up to 253 lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit"
    )]
    Name(String),
    /// Two policies have the same name.
    #[error("the policy `{0}` is there twice")]
    DuplicatePolicy(String),
    /// Two rules of one policy have the same name.
    #[error("the rule `{0}` is there twice in its policy")]
    DuplicateRule(String),
    /// A policy has no rule.
    #[error(
        "a policy without rules allows everything it is for; write at least one under `require`"
    )]
    NoRules,
    /// A rule says nothing.
    #[error("a rule needs exactly one kind, such as `vulnerabilities`; this one has none")]
    NoKind,
    /// A rule says several things.
    #[error(
        "a rule needs exactly one kind; this one has `{0}` and `{1}`: write two rules, or use `allOf`"
    )]
    SeveralKinds(&'static str, &'static str),
    /// A rule's fields do not go together.
    #[error("{0}")]
    Rule(&'static str),
    /// A policy is for nothing in particular.
    #[error("`match` needs `images`, as in `images: [\"**\"]`, or `unmatched: true`")]
    NoMatch,
    /// A policy only says what it is not for.
    #[error("`images` only excludes; add what to include, as in `[\"**\", \"!…\"]`")]
    OnlyExclusions,
    /// The text holds no document.
    #[error("there is no policy in it")]
    Empty,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}: {}", self.origin, self.problem),
            (line, column) => write!(f, "{}:{line}:{column}: {}", self.origin, self.problem),
        }
    }
}

fn suggestion(nearest: Option<&str>, known: &[&str]) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`?"),
        None if known.is_empty() => String::new(),
        None => format!("; known are `{}`", known.join("`, `")),
    }
}

impl Policies {
    /// Reads a text of one or more documents, as YAML or JSON.
    ///
    /// # Errors
    /// If anything in it is not understood: a policy that is understood in part protects in part.
    pub fn parse(text: &str, origin: &str) -> Result<Self, PolicyError> {
        let fail = |location: Location, problem| PolicyError {
            origin: origin.to_owned(),
            line: location.line(),
            column: location.column(),
            problem,
        };
        if text.len() > TEXT_BYTES {
            let problem = PolicyProblem::TooLarge(format!("{} bytes", text.len()));
            return Err(fail(Location::UNKNOWN, problem));
        }
        let documents: Vec<Spanned<Document>> =
            serde_saphyr::from_multiple_with_options(text, options()).map_err(|error| {
                fail(error.location().unwrap_or(Location::UNKNOWN), problem(error))
            })?;
        let mut policies = Vec::new();
        let mut ids = BTreeSet::new();
        for document in documents {
            let location = document.referenced;
            let policy =
                document.value.into_policy().map_err(|(at, p)| fail(at.unwrap_or(location), p))?;
            if !ids.insert(policy.id.clone()) {
                return Err(fail(location, PolicyProblem::DuplicatePolicy(policy.id)));
            }
            policies.push(policy);
        }
        if policies.is_empty() {
            return Err(fail(Location::UNKNOWN, PolicyProblem::Empty));
        }
        policies.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Self { policies, texts: vec![Digest::sha256(text.as_bytes())] })
    }

    /// Reads several texts, given with their names.
    ///
    /// # Errors
    /// As [`Self::parse`], and if two texts have a policy of the same name.
    pub fn parse_all<'a>(
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, PolicyError> {
        let mut all = Self::default();
        let mut ids = BTreeSet::new();
        for (origin, text) in texts {
            let Self { policies, texts } = Self::parse(text, origin)?;
            if let Some(twice) = policies.iter().find(|p| !ids.insert(p.id.clone())) {
                return Err(PolicyError {
                    origin: origin.to_owned(),
                    line: 0,
                    column: 0,
                    problem: PolicyProblem::DuplicatePolicy(twice.id.clone()),
                });
            }
            all.policies.extend(policies);
            all.texts.extend(texts);
        }
        all.policies.sort_by(|a, b| a.id.cmp(&b.id));
        all.texts.sort();
        Ok(all)
    }
}

/// Bounds what a text may unfold to: aliases are for repeating a list, not for a billion of them.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH,
            flow_nesting_limit: DEPTH,
            max_documents: 1_000,
            max_events: 1_000_000,
            max_nodes: 500_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_total_scalar_bytes: TEXT_BYTES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 8,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn problem(error: YamlError) -> PolicyProblem {
    match error {
        YamlError::SerdeUnknownField { field, expected, .. } => PolicyProblem::UnknownField {
            nearest: nearest(&field, &expected),
            field,
            known: expected,
        },
        YamlError::SerdeUnknownVariant { variant, expected, .. } => PolicyProblem::UnknownValue {
            nearest: nearest(&variant, &expected),
            value: variant,
            known: expected,
        },
        YamlError::SerdeMissingField { field, .. } => PolicyProblem::MissingField(field),
        YamlError::DuplicateMappingKey { key, .. } => {
            PolicyProblem::DuplicateKey(key.unwrap_or_default())
        }
        YamlError::Budget { breach, .. } => PolicyProblem::TooLarge(format!("{breach:?}")),
        YamlError::Message { msg, .. } => PolicyProblem::Malformed(msg),
        YamlError::SerdeInvalidType { unexpected, expected, .. }
        | YamlError::SerdeInvalidValue { unexpected, expected, .. } => {
            PolicyProblem::Malformed(format!("expected {expected}, found {unexpected}"))
        }
        error => {
            // The place is said before the message already.
            let message = error.to_string();
            let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(m, _)| m);
            PolicyProblem::Malformed(message.replace('\n', " "))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Document {
    api_version: Spanned<String>,
    kind: PolicyKind,
    metadata: Metadata,
    spec: Spanned<Spec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: Spanned<String>,
    namespace: Option<Spanned<String>>,
    #[serde(default, rename = "labels")]
    _labels: BTreeMap<String, String>,
    #[serde(default, rename = "annotations")]
    _annotations: BTreeMap<String, String>,
}

/// A field that is known and refused.
type Refused = Option<Spanned<IgnoredAny>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    r#match: Spanned<MatchDocument>,
    #[serde(default)]
    stages: Stages,
    require: Vec<Spanned<RuleDocument>>,
    on_error: Refused,
    extends: Refused,
    mode_overrides: Refused,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MatchDocument {
    #[serde(default)]
    images: Vec<ImageEntry>,
    #[serde(default)]
    unmatched: bool,
    namespaces: Refused,
    workloads: Refused,
}

/// A pattern, or one after `!`.
struct ImageEntry {
    excluded: bool,
    pattern: ImagePattern,
}

impl<'de> Deserialize<'de> for ImageEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (excluded, pattern) = match text.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, text.as_str()),
        };
        let pattern = pattern.parse().map_err(serde::de::Error::custom)?;
        Ok(Self { excluded, pattern })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RuleDocument {
    name: Option<Spanned<String>>,
    #[serde(default)]
    exceptions: Vec<Exception>,
    registries: Option<rules::Registries>,
    pin: Option<rules::Pin>,
    vulnerabilities: Option<rules::Vulnerabilities>,
    scan: Option<rules::Scan>,
    gaps: Option<rules::Gaps>,
    packages: Option<rules::Packages>,
    licenses: Option<rules::Licenses>,
    age: Option<rules::Age>,
    user: Option<rules::User>,
    deny: Option<rules::Deny>,
    any_of: Option<Vec<Spanned<Self>>>,
    all_of: Option<Vec<Spanned<Self>>>,
    at_least: Option<AtLeast>,
    signatures: Refused,
    attestation: Refused,
    base: Refused,
    content: Refused,
    runtime: Refused,
    expr: Refused,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AtLeast {
    count: usize,
    of: Vec<Spanned<RuleDocument>>,
}

/// A problem, and its place if that is narrower than the document.
type Located<T> = Result<T, (Option<Location>, PolicyProblem)>;

fn refuse(fields: &[(&'static str, &Refused)]) -> Located<()> {
    match fields.iter().find_map(|(name, field)| field.as_ref().map(|f| (*name, f.referenced))) {
        Some((name, location)) => Err((Some(location), PolicyProblem::Unsupported(name))),
        None => Ok(()),
    }
}

fn check_name(name: &Spanned<String>) -> Located<()> {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let text = name.value.as_str();
    let plain = (1..=253).contains(&text.len())
        && edge(text.chars().next())
        && edge(text.chars().next_back())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'));
    if plain {
        return Ok(());
    }
    let shown = text.chars().take(100).collect();
    Err((Some(name.referenced), PolicyProblem::Name(shown)))
}

impl Document {
    fn into_policy(self) -> Located<Policy> {
        let Self { api_version, kind, metadata, spec } = self;
        if api_version.value != API_VERSION {
            let problem = PolicyProblem::Version(api_version.value);
            return Err((Some(api_version.referenced), problem));
        }
        check_name(&metadata.name)?;
        let mut id = metadata.name.value;
        if let Some(namespace) = &metadata.namespace {
            check_name(namespace)?;
            id = format!("{}/{id}", namespace.value);
        }
        let place = spec.referenced;
        let Spec { r#match, stages, require, on_error, extends, mode_overrides } = spec.value;
        refuse(&[
            ("onError", &on_error),
            ("extends", &extends),
            ("modeOverrides", &mode_overrides),
        ])?;
        let matches = into_match(r#match)?;
        if require.is_empty() {
            return Err((Some(place), PolicyProblem::NoRules));
        }
        if let Some(unnamed) = require.iter().find(|rule| rule.value.name.is_none()) {
            return Err((Some(unnamed.referenced), PolicyProblem::MissingField("name")));
        }
        let mut require = into_rules(require)?;
        require.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Policy { id, kind, matches, stages, require })
    }
}

fn into_match(document: Spanned<MatchDocument>) -> Located<Match> {
    let place = Some(document.referenced);
    let MatchDocument { images, unmatched, namespaces, workloads } = document.value;
    refuse(&[("namespaces", &namespaces), ("workloads", &workloads)])?;
    let (except, included): (Vec<_>, Vec<_>) = images.into_iter().partition(|e| e.excluded);
    let patterns = |entries: Vec<ImageEntry>| entries.into_iter().map(|e| e.pattern).collect();
    let matches = Match { images: patterns(included), except: patterns(except), unmatched };
    match (&matches.images[..], &matches.except[..], unmatched) {
        ([], [], false) => Err((place, PolicyProblem::NoMatch)),
        ([], [_, ..], false) => Err((place, PolicyProblem::OnlyExclusions)),
        _ => Ok(matches),
    }
}

/// Reads rules. Parts of a combined rule may go without a name, and are then named by their position.
fn into_rules(documents: Vec<Spanned<RuleDocument>>) -> Located<Vec<Rule>> {
    let mut names = BTreeSet::new();
    let mut rules = Vec::with_capacity(documents.len());
    for (at, document) in documents.into_iter().enumerate() {
        let place = document.referenced;
        let rule = into_rule(document.value, place, at + 1)?;
        if !names.insert(rule.name.clone()) {
            return Err((Some(place), PolicyProblem::DuplicateRule(rule.name)));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn into_rule(document: RuleDocument, place: Location, position: usize) -> Located<Rule> {
    refuse(&[
        ("signatures", &document.signatures),
        ("attestation", &document.attestation),
        ("base", &document.base),
        ("content", &document.content),
        ("runtime", &document.runtime),
        ("expr", &document.expr),
    ])?;
    let here = |problem| (Some(place), problem);
    let name = match &document.name {
        Some(name) => {
            check_name(name)?;
            name.value.clone()
        }
        None => position.to_string(),
    };
    let mut exceptions = document.exceptions;
    exceptions.sort();
    let mut kinds: Vec<Requirement> = Vec::new();
    kinds.extend(document.registries.map(Requirement::Registries));
    kinds.extend(document.pin.map(Requirement::Pin));
    kinds.extend(document.vulnerabilities.map(|mut rule| {
        rule.deny.sort();
        Requirement::Vulnerabilities(rule)
    }));
    kinds.extend(document.scan.map(Requirement::Scan));
    kinds.extend(document.gaps.map(Requirement::Gaps));
    kinds.extend(document.packages.map(Requirement::Packages));
    kinds.extend(document.licenses.map(Requirement::Licenses));
    kinds.extend(document.age.map(Requirement::Age));
    kinds.extend(document.user.map(Requirement::User));
    kinds.extend(document.deny.map(Requirement::Deny));
    if let Some(branches) = document.any_of {
        kinds.push(Requirement::AnyOf(into_rules(branches)?));
    }
    if let Some(branches) = document.all_of {
        kinds.push(Requirement::AllOf(into_rules(branches)?));
    }
    if let Some(AtLeast { count, of }) = document.at_least {
        kinds.push(Requirement::AtLeast(count, into_rules(of)?));
    }
    let requirement = match kinds.len() {
        0 => return Err(here(PolicyProblem::NoKind)),
        1 => kinds.remove(0),
        _ => {
            return Err(here(PolicyProblem::SeveralKinds(kinds[0].kind(), kinds[1].kind())));
        }
    };
    if let Some(problem) = shape_problem(&requirement, &exceptions) {
        return Err(here(PolicyProblem::Rule(problem)));
    }
    Ok(Rule { name, requirement, exceptions })
}

fn shape_problem(requirement: &Requirement, exceptions: &[Exception]) -> Option<&'static str> {
    let branches = |branches: &[Rule], count: usize| {
        if !exceptions.is_empty() {
            Some("exceptions of a combined rule belong to its parts")
        } else if branches.is_empty() {
            Some("a combined rule needs at least one part")
        } else if count == 0 || count > branches.len() {
            Some("`count` lies between 1 and the number of parts")
        } else {
            None
        }
    };
    match requirement {
        Requirement::Registries(rule) => rule.problem(),
        Requirement::Vulnerabilities(rule) => rule.deny.iter().find_map(|c| c.problem()),
        Requirement::Scan(rule) => rule.problem(),
        Requirement::Packages(rule) => rule.problem(),
        Requirement::Licenses(rule) => rule.problem(),
        Requirement::User(rule) => rule.problem(),
        Requirement::Deny(rule) => rule.problem(),
        Requirement::Pin(_) | Requirement::Gaps(_) | Requirement::Age(_) => None,
        Requirement::AnyOf(parts) | Requirement::AllOf(parts) => branches(parts, 1),
        Requirement::AtLeast(count, parts) => branches(parts, *count),
    }
}
