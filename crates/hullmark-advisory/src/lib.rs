//! Version orders, the advisory database, and matching.

pub mod version;
