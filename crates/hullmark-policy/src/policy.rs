//! What a policy says, as types: everything is parsed when it is loaded, and nothing is interpreted when it is evaluated.

use std::fmt;

use hullmark_oci::Digest;
use serde::Deserialize;

use crate::exception::Exception;
use crate::image::{ImagePattern, Matched, Target};
use crate::rules;

/// The policy that decides when no other one matches. It cannot be removed, only displaced.
pub const BUILT_IN: &str = "built-in/unmatched";

/// A set of policies. The order in which they were added does not matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policies {
    /// Sorted by id.
    pub(crate) policies: Vec<Policy>,
    /// Digests of the texts, sorted.
    pub(crate) texts: Vec<Digest>,
}

/// One policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// `name`, or `namespace/name`.
    pub id: String,
    /// Which kind of document it came from.
    pub kind: PolicyKind,
    /// Which images it is for.
    pub matches: Match,
    /// How failures are taken at each gate.
    pub stages: Stages,
    /// The rules, all of which must hold, sorted by name.
    pub require: Vec<Rule>,
}

/// The kind of a policy's document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
pub enum PolicyKind {
    /// For every namespace.
    ClusterTrustPolicy,
    /// For one namespace. Gates that know no namespaces treat both kinds alike.
    TrustPolicy,
}

/// Which images a policy is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// At least one of these fits; empty for every image.
    pub images: Vec<ImagePattern>,
    /// None of these fits.
    pub except: Vec<ImagePattern>,
    /// Only if no policy without this mark applies: a catch-all.
    pub unmatched: bool,
}

/// A place where verdicts are enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Before and after a build, and `hullmark check`.
    Build,
    /// A registry.
    Push,
    /// A cluster's admission.
    Admission,
    /// Running workloads.
    Runtime,
}

/// How a gate takes a policy's failures. Ordered by strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The policy does not apply at this gate.
    Off,
    /// Failures are recorded and allowed.
    Audit,
    /// Failures are allowed with a warning.
    Warn,
    /// Failures are denied.
    Enforce,
}

/// The mode at each gate. A gate that is not named enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stages {
    /// At the build gate.
    pub build: Mode,
    /// At the registry.
    pub push: Mode,
    /// At admission.
    pub admission: Mode,
    /// At run time.
    pub runtime: Mode,
}

/// One rule: a name, what it requires, and its exceptions.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name, unique in its policy.
    pub name: String,
    /// What it requires.
    pub requirement: Requirement,
    /// What is excepted from it, for how long and why; the longest-lasting last.
    pub exceptions: Vec<Exception>,
}

/// What a rule requires.
#[derive(Clone, Debug, PartialEq)]
pub enum Requirement {
    /// Where the image comes from.
    Registries(rules::Registries),
    /// The reference names a digest.
    Pin(rules::Pin),
    /// What is known against the image's packages.
    Vulnerabilities(rules::Vulnerabilities),
    /// How old the examination and the advisories may be.
    Scan(rules::Scan),
    /// What may have remained unread.
    Gaps(rules::Gaps),
    /// Which packages must or must not be there.
    Packages(rules::Packages),
    /// Which licenses are accepted.
    Licenses(rules::Licenses),
    /// How old the image may be.
    Age(rules::Age),
    /// Whom a container runs as.
    User(rules::User),
    /// Nothing: the rule always fails, with this message.
    Deny(rules::Deny),
    /// At least one holds.
    AnyOf(Vec<Rule>),
    /// All hold.
    AllOf(Vec<Rule>),
    /// At least so many hold.
    AtLeast(usize, Vec<Rule>),
}

impl Policies {
    /// Returns the policies, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter()
    }

    /// Returns the digest that stands for the whole set: of the text if there is one text, else of the sorted list of the
    /// texts' digests, one a line.
    pub fn hash(&self) -> Digest {
        match self.texts.as_slice() {
            [only] => only.clone(),
            several => {
                let list: String = several.iter().map(|digest| format!("{digest}\n")).collect();
                Digest::sha256(list.as_bytes())
            }
        }
    }
}

impl Match {
    /// Whether the policy is for this image. A tag pattern fits a reference without a tag, so that leaving out the tag is no way
    /// around a policy; an exclusion does not.
    pub(crate) fn covers(&self, target: &Target<'_>) -> bool {
        let included = self.images.is_empty()
            || self.images.iter().any(|pattern| pattern.matches(target) != Matched::No);
        included && !self.except.iter().any(|pattern| pattern.matches(target) == Matched::Yes)
    }
}

impl Stage {
    /// Every stage, in the order of an image's life.
    pub const ALL: [Self; 4] = [Self::Build, Self::Push, Self::Admission, Self::Runtime];

    /// Returns the name used in policies, flags and documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Push => "push",
            Self::Admission => "admission",
            Self::Runtime => "runtime",
        }
    }
}

impl Mode {
    /// Returns the name used in policies and documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Audit => "audit",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}

impl Stages {
    /// Returns the mode at a gate.
    pub fn at(&self, stage: Stage) -> Mode {
        match stage {
            Stage::Build => self.build,
            Stage::Push => self.push,
            Stage::Admission => self.admission,
            Stage::Runtime => self.runtime,
        }
    }
}

impl Default for Stages {
    fn default() -> Self {
        let enforce = Mode::Enforce;
        Self { build: enforce, push: enforce, admission: enforce, runtime: enforce }
    }
}

impl Requirement {
    /// Returns the name of the kind, as the policy writes it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Registries(_) => "registries",
            Self::Pin(_) => "pin",
            Self::Vulnerabilities(_) => "vulnerabilities",
            Self::Scan(_) => "scan",
            Self::Gaps(_) => "gaps",
            Self::Packages(_) => "packages",
            Self::Licenses(_) => "licenses",
            Self::Age(_) => "age",
            Self::User(_) => "user",
            Self::Deny(_) => "deny",
            Self::AnyOf(_) => "anyOf",
            Self::AllOf(_) => "allOf",
            Self::AtLeast(..) => "atLeast",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
