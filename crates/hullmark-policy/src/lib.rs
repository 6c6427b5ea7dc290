//! Policies and verdicts: one document says what an image must be, one pure function decides whether it is.
//!
//! Start at [`Policies::parse`] (text to types), [`evaluate`] (types and evidence to a [`Verdict`]) and [`rules`] (one module
//! per kind of rule). Every matching policy applies, every rule of it must hold, and the worst decision wins.

mod evaluate;
mod exception;
mod glob;
mod image;
mod number;
mod parse;
mod policy;
pub mod rules;
mod suggest;
pub mod verdict;

pub use evaluate::evaluate;
pub use exception::{Exception, Expiry};
pub use glob::{Glob, ParseGlobError};
pub use image::{ImagePattern, ParseImagePatternError};
pub use number::{Count, ParseNumberError, Period, Probability};
pub use parse::{PolicyError, PolicyProblem};
pub use policy::{
    BUILT_IN, Match, Mode, Policies, Policy, PolicyKind, Requirement, Rule, Stage, Stages,
};
pub use verdict::{Decision, Outcome, PolicyResult, Reason, ReasonCode, RuleResult, Verdict};

/// The policy that is used when nobody names one.
pub const DEFAULT_POLICY: &str = include_str!("../../../examples/policies/default.yaml");

/// The name under which errors in [`DEFAULT_POLICY`] would be reported.
pub const DEFAULT_POLICY_ORIGIN: &str = "built-in/default.yaml";
