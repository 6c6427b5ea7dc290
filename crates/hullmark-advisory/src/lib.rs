//! Version orders, the advisory database, and matching: what is known against the packages of an inventory.
//!
//! Start at [`finding`] (what comes out), [`matching`] (how), [`db`] (from what) and [`version`] (the orders on which
//! everything rests).

pub mod compile;
pub mod convert;
pub mod cvss;
mod cvss4;
pub mod db;
pub mod ecosystem;
pub mod finding;
pub mod ignore;
pub mod index;
pub mod matching;
pub mod osv;
mod rating;
pub mod version;
pub mod vex;

pub use db::{Database, DatabaseError};
pub use finding::{Finding, Severity, Status};
