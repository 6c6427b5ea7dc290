//! Integration tests, one binary.

mod database;
mod matching;
mod reference;
mod support;
mod suppress;
mod versions;
