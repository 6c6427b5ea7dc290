//! Integration tests of reports: what people and tools are shown of one hand-made image.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod data;
mod docs;
mod documents;
mod json;
mod pages;
mod table;
mod template;
