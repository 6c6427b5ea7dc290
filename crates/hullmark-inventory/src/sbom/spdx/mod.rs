//! SPDX 2.3 JSON, out and in. Executables are not written: SPDX asks for a SHA-1 of every file.
//!
//! See: SPDX 2.3 (ISO/IEC 5962).

mod read;
mod write;

pub use write::write;

pub(super) use read::read;
