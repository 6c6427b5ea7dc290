//! Integration tests of the formats: what real tools write, and what attackers would.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

mod layer;
mod tar;
