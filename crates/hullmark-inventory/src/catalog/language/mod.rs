//! Packages of programming languages as installed in images.

use super::Cataloger;

/// The cataloguers of this group, in the order in which they are asked.
pub const CATALOGERS: &[Cataloger] = &[];
