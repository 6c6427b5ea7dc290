//! Integration tests of the policy crate.

mod evaluate;
mod parse;
mod support;
