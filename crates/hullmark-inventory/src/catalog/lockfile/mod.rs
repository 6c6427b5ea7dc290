//! Lock files in application folders: packages that are declared, whether or not they were seen.

use super::Cataloger;

/// The cataloguers of this group, in the order in which they are asked.
pub const CATALOGERS: &[Cataloger] = &[];
