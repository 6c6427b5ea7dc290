//! NuGet: up to four numbers, SemVer pre-releases whatever their case, metadata ignored.
//!
//! See: learn.microsoft.com "NuGet package versioning" §"Normalized version numbers" and §"Pre-release versions".

use super::Unparsable;
use super::semver::{
    Case, PRE_RELEASE, RELEASE, check_build, split, write_identifiers, write_numbers,
};

/// Writes the key; missing numbers are 0.
pub(super) fn key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let (version, build) = split(version, b'+');
    check_build(build)?;
    let (core, pre_release) = split(version, b'-');
    if core.split(|&b| b == b'.').count() > 4 {
        return Err(Unparsable::Structure);
    }
    write_numbers(core, out)?;
    match pre_release {
        None => out.push(RELEASE),
        Some(pre_release) => {
            out.push(PRE_RELEASE);
            write_identifiers(pre_release, Case::Ignored, out)?;
        }
    }
    Ok(())
}
