//! `hullmark.verdict/v1`.
use super::Verdict;
/// x
pub const SCHEMA: &str = "hullmark.verdict/v1";
/// x
pub fn document(_verdict: &Verdict) {}
