//! What tests share: where the test data is, and (as they come) builders of images, keys and frozen clocks.

pub mod images;
#[cfg(feature = "registry")]
pub mod registry;

use std::path::{Path, PathBuf};

/// Returns the path of `relative` in the shared test data, or `None` (and says so) where a user's machine does not have it.
///
/// # Panics
/// If the data is missing although `HULLMARK_REQUIRE=all` is set, as in CI: there a skipped test is a failed one.
pub fn shared_data(relative: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(relative);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("../shared/data/{relative} is missing"));
    None
}

/// Says that a test was skipped, and why.
///
/// # Panics
/// If `HULLMARK_REQUIRE=all` is set.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub fn skip(why: &str) {
    #[expect(clippy::disallowed_methods, reason = "the test harness is steered by its environment")]
    let required = std::env::var("HULLMARK_REQUIRE").is_ok_and(|v| v == "all");
    assert!(!required, "a component is required but missing: {why}");
    eprintln!("skipped: {why}");
}
