//! Text.
use super::Verdict;
/// x
pub trait Style {}
/// x
pub struct NoStyle;
/// x
pub struct TextOptions;
/// x
pub fn text(_verdict: &Verdict) {}
