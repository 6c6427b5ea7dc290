//! Integration tests of the policy crate.

mod documents;
mod evaluate;
mod parse;
mod properties;
mod support;
