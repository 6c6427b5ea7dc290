//! Version orders, the advisory database, and matching: what is known against the packages of an inventory.
//!
//! Start at [`finding`] (what comes out) and [`version`] (the orders on which everything rests).

pub mod finding;
pub mod version;

pub use finding::{Finding, Severity, Status};
