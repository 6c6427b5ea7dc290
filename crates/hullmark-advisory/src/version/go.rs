//! Go modules and the Go toolchain (`stdlib`, `toolchain`).
//!
//! See: go.dev/ref/mod §"Versions"; golang.org/x/mod/semver; go.dev/doc/toolchain §"Go versions".

use super::Unparsable;
use super::encode::Reader;
use super::semver::{check_build, split, strip_v, write_version};

/// Writes the key of a module version or a toolchain's own name (`go1.24.1`, `go1.21rc2`).
///
/// The leading `v` is optional, since advisories leave it out; build metadata (`+incompatible`, `+dirty`) does not
/// count; pseudo-versions are pre-releases and so order by their time stamp. `(devel)` and the like have no order.
pub(super) fn key_into(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    if version.starts_with(b"(") || version == b"devel" || version.starts_with(b"devel ") {
        return Err(Unparsable::Unordered);
    }
    if let Some(toolchain) = version.strip_prefix(b"go")
        && toolchain.first().is_some_and(u8::is_ascii_digit)
    {
        return write_toolchain(toolchain, out);
    }
    let (version, build) = split(strip_v(version), b'+');
    check_build(build)?;
    write_version(version, out)
}

/// Writes `1.24.1` or `1.21rc2` (meaning `1.21.0-rc.2`, as the vulnerability database has it).
///
/// What vendors append (`-fips`, ` X:boringcrypto`, `b7`, `+auto`) says how it was built, not what is in it.
fn write_toolchain(version: &[u8], out: &mut Vec<u8>) -> Result<(), Unparsable> {
    let mut reader = Reader(version);
    let mut numbers = reader.take_while(|b| b.is_ascii_digit() || b == b'.');
    let mut text = Vec::with_capacity(version.len() + 4);
    for (word, name) in [("rc", "-rc."), ("beta", "-beta.")] {
        let mut ahead = reader;
        if ahead.eat_word(word) {
            let digits = ahead.digits();
            if digits.is_empty() {
                return Err(Unparsable::Structure);
            }
            text.extend_from_slice(numbers);
            text.extend_from_slice(name.as_bytes());
            text.extend_from_slice(digits);
            numbers = &text;
            reader = ahead;
            break;
        }
    }
    if reader.0.iter().any(u8::is_ascii_control) {
        return Err(Unparsable::Character);
    }
    write_version(numbers, out)
}
