//! Verdicts: the decision, and for every rule that took part why it passed or failed and what would make it pass.

mod json;
mod text;

pub use json::{SCHEMA, VerdictDocument, document};
pub use text::{NoStyle, Style, TextOptions, text};

use hullmark_evidence::Subject;
use hullmark_oci::Digest;
use jiff::Timestamp;

use crate::exception::Expiry;
use crate::policy::{Mode, Stage};

/// A decision about one image at one gate, with its reasons.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The decision: the worst of the policies' decisions.
    pub decision: Decision,
    /// What it is about.
    pub subject: Subject,
    /// The gate.
    pub stage: Stage,
    /// The policies that applied, sorted by id. Never empty.
    pub policies: Vec<PolicyResult>,
    /// The results of their rules, sorted by policy and rule.
    pub rules: Vec<RuleResult>,
    /// What the policies said, see [`crate::Policies::hash`].
    pub policy_hash: Digest,
    /// The moment it speaks of.
    pub evaluated: Timestamp,
    /// The first moment at which the same evidence and policies may give another verdict. `None` if time changes nothing.
    pub valid_until: Option<Timestamp>,
}

/// What a gate does. Ordered: the greatest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision {
    /// Let it pass.
    Allow,
    /// Let it pass and say what is wrong.
    Warn,
    /// Stop it.
    Deny,
}

/// One policy's part of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyResult {
    /// Its id.
    pub policy: String,
    /// Its mode at the gate.
    pub mode: Mode,
    /// What it alone decides.
    pub decision: Decision,
    /// Whether it applied only because no other policy did.
    pub catch_all: bool,
}

/// One rule's part of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleResult {
    /// Id of its policy.
    pub policy: String,
    /// Its name.
    pub rule: String,
    /// The kind of its requirement: `vulnerabilities`.
    pub kind: &'static str,
    /// Its policy's mode at the gate.
    pub mode: Mode,
    /// Whether it holds.
    pub outcome: Outcome,
    /// What it found wrong, excepted or not. Of alternatives, what is wrong with each that does not hold.
    pub reasons: Vec<Reason>,
    /// What else there is to know.
    pub notes: Vec<Reason>,
}

/// Whether a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It holds.
    Pass,
    /// It holds only thanks to exceptions.
    Excepted,
    /// It means nothing for this kind of target at this gate. Satisfies no alternative.
    NotEvaluated,
    /// It does not hold, or that could not be established.
    Fail,
}

/// One thing that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What it is, for programs.
    pub code: ReasonCode,
    /// What it is, for people.
    pub message: String,
    /// What would make the rule pass; empty for notes.
    pub fix: String,
    /// Which alternative of a combined rule found it.
    pub branch: Option<String>,
    /// The exception that covers it.
    pub excepted: Option<Excepted>,
}

/// The exception that covers a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excepted {
    /// Why.
    pub reason: String,
    /// Until when.
    pub expires: Expiry,
}

impl Reason {
    /// Makes a reason. Control and direction-changing characters, which an image's author may have put into names, are escaped.
    pub(crate) fn new(code: ReasonCode, message: impl AsRef<str>, fix: impl AsRef<str>) -> Self {
        Self {
            code,
            message: printable(message.as_ref()),
            fix: printable(fix.as_ref()),
            branch: None,
            excepted: None,
        }
    }

    pub(crate) fn note(code: ReasonCode, message: impl AsRef<str>) -> Self {
        Self::new(code, message, "")
    }
}

/// Escapes what must not reach a terminal or a log, and shortens what nobody would read.
pub(crate) fn printable(text: &str) -> String {
    const LONGEST: usize = 1000;
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            out.push('…');
            break;
        }
        if hidden(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

impl Decision {
    /// Returns the name used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

impl Outcome {
    /// Returns the name used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Excepted => "excepted",
            Self::NotEvaluated => "not-evaluated",
            Self::Fail => "fail",
        }
    }
}

macro_rules! reason_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// Why a rule failed, or what there is to know: a closed list, since programs read it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ReasonCode {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ReasonCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the name used in documents.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

reason_codes! {
    /// No policy is for this image at this gate.
    NoPolicyMatches = "no-policy-matches",
    /// The policy denies whatever it is for.
    Denied = "denied",
    /// The image's registry or name is on a deny list.
    RegistryDenied = "registry-denied",
    /// The image's registry or name is on no allow list.
    RegistryNotAllowed = "registry-not-allowed",
    /// The target has no reference, so where it comes from is unknown.
    UnknownReference = "unknown-reference",
    /// The reference names no digest.
    DigestMissing = "digest-missing",
    /// A package is malicious.
    Malware = "malware",
    /// A vulnerability that is known to be exploited.
    KnownExploited = "known-exploited",
    /// A vulnerability that is likely to be exploited.
    LikelyExploited = "likely-exploited",
    /// A vulnerability.
    Vulnerability = "vulnerability",
    /// Whether a package has a vulnerability could not be decided.
    UnknownStatus = "unknown-status",
    /// No advisories were asked.
    UnknownAdvisories = "unknown-advisories",
    /// No advisories cover some of the packages.
    UnknownCoverage = "unknown-coverage",
    /// Whether vulnerabilities are known to be exploited was not asked.
    UnknownKev = "unknown-kev",
    /// How likely vulnerabilities are to be exploited was not asked.
    UnknownEpss = "unknown-epss",
    /// The examination is too old.
    ScanTooOld = "scan-too-old",
    /// The advisories are too old.
    AdvisoriesTooOld = "advisories-too-old",
    /// The age of the advisories is unknown.
    UnknownAdvisoriesAge = "unknown-advisories-age",
    /// Something could not be analysed.
    Gap = "gap",
    /// A package is on a deny list.
    PackageDenied = "package-denied",
    /// A required package is missing.
    PackageMissing = "package-missing",
    /// A package's version is missing or cannot be compared.
    UnknownVersion = "unknown-version",
    /// A license is on a deny list.
    LicenseDenied = "license-denied",
    /// A license is on no allow list.
    LicenseNotAllowed = "license-not-allowed",
    /// A package's license is missing or not understood.
    UnknownLicense = "unknown-license",
    /// The image is too old.
    ImageTooOld = "image-too-old",
    /// The image says it was created in the future.
    CreatedInFuture = "created-in-future",
    /// The image does not say when it was created.
    UnknownCreated = "unknown-created",
    /// A container would run as root.
    UserIsRoot = "user-is-root",
    /// Whom a container would run as is unknown.
    UnknownUser = "unknown-user",
    /// Too few alternatives hold.
    TooFewAlternatives = "too-few-alternatives",
    /// Note: findings that do not count, and why.
    SuppressedFindings = "suppressed-findings",
    /// Note: findings whose grace period has not ended.
    InGrace = "in-grace",
    /// Note: findings that nobody rated, which no severity limit catches.
    UnratedFindings = "unrated-findings",
    /// Note: an exception has ended, and what it covered counts again.
    ExceptionExpired = "exception-expired",
    /// Note: an exception covers nothing.
    ExceptionUnused = "exception-unused",
    /// Note: the rule means nothing for this target.
    NotApplicable = "not-applicable",
}
