//! Integration tests of the policy crate.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

mod documents;
mod evaluate;
mod parse;
mod properties;
mod support;
