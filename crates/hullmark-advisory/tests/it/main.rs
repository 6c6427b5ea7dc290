//! Integration tests, one binary.

mod database;
mod matching;
mod reference;
mod support;
mod versions;
