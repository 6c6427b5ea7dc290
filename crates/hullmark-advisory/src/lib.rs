//! Version orders, the advisory database, and matching: what is known against the packages of an inventory.
//!
//! Start at [`finding`] (what comes out), [`matching`] (how), [`db`] (from what) and [`version`] (the orders on which
//! everything rests).

pub mod compile;
pub mod cvss;
pub mod db;
pub mod ecosystem;
pub mod finding;
pub mod matching;
pub mod osv;
mod rating;
pub mod version;

pub use db::{Database, DatabaseError};
pub use finding::{Finding, Severity, Status};
