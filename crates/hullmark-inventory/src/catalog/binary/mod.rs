//! Executables: build information of Go and Rust, well-known programs by content patterns, digests on request.

use std::io;

use super::{File, Found};

/// What is wanted of executables beside the packages inside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Executables {
    /// Nothing.
    #[default]
    Skip,
    /// The digest of every executable, and the interpreter of every script.
    Digest,
}

/// Whether the first bytes (up to 64) of a file with these permission bits make it worth reading.
pub fn wants(head: &[u8], mode: u32, executables: Executables) -> bool {
    let _ = (head, mode, executables);
    false
}

/// Reads one executable. The stream begins at the start of the file.
///
/// # Errors
/// If the layer's stream broke.
pub fn read(file: &mut File<'_>, executables: Executables, found: &mut Found) -> io::Result<()> {
    let _ = (file, executables, found);
    Ok(())
}
