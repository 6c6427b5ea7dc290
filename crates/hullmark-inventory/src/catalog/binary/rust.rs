//! The dependency list that `cargo auditable` puts into Rust programs: section `.dep-v0`, JSON compressed with zlib.
//!
//! In ELF files the table of sections comes last and the list just before it, behind everything that is loaded; only what is
//! behind that is kept.
//!
//! See: rust-secure-code/cargo-auditable, `PARSING.md` and `cargo-auditable.schema.json`.

use std::io::Read;
use std::ops::Range;

use flate2::bufread::ZlibDecoder;
use serde::Deserialize;

use hullmark_oci::{FilePath, Limits};

use crate::GapReason;
use crate::package::{Package, PackageKind};

use super::bytes::Fields;
use super::layout::{Dependencies, Layout, SectionTable};
use super::window::{Capture, Window};

const SECTION: &[u8] = b".dep-v0\0";

/// Bytes kept from where the loaded parts end, in files whose debug information is too large to be kept as a whole.
const FRONT: u64 = 1 << 20;

/// Uncompressed bytes of a list; one of a thousand crates has about 100 kB.
const MAX_LIST: u64 = 4 << 20;

/// Why a list could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// It is further from the end of the file than what is kept.
    #[error("the Rust dependency list lies outside of the part of the file that is kept")]
    OutOfReach,
    /// The file is shorter than its headers say.
    #[error("the file ends before its Rust dependency list")]
    Truncated,
    /// It is larger than any real one.
    #[error("the Rust dependency list is too large")]
    TooLarge,
    /// It is not compressed JSON of the right shape.
    #[error("the Rust dependency list is malformed")]
    Malformed,
}

impl ListError {
    pub(super) fn reason(self) -> GapReason {
        match self {
            Self::OutOfReach | Self::TooLarge => GapReason::TooLarge,
            Self::Truncated => GapReason::Truncated,
            Self::Malformed => GapReason::Malformed,
        }
    }
}

/// Keeps what may hold the list while the file passes by.
pub(super) struct Search {
    wanted: Dependencies,
    kept: Vec<Capture>,
    end: u64,
    /// Whether there is more than may be kept.
    is_partial: bool,
}

impl Search {
    pub(super) fn new(layout: &Layout, size: u64, limits: &Limits) -> Self {
        let limit = limits.executable_tail_bytes as u64;
        let mut is_partial = false;
        let (first, second) = match &layout.dependencies {
            Dependencies::None => (None, None),
            Dependencies::Section(section) => {
                let end = section.end.min(section.start.saturating_add(limit));
                (Some(section.start..end), None)
            }
            Dependencies::Table(table) => {
                let start = table.loaded_end.min(size);
                let front = FRONT.min(limit / 8);
                is_partial = size - start > limit;
                if table.file.start < start {
                    // Not at the end, as linkers do it, but in front of, or among, what is loaded.
                    is_partial = false;
                    let table = table.file.start..table.file.end.min(table.file.start + limit);
                    (Some(table), Some(start.max(size.saturating_sub(limit))..size))
                } else if !is_partial {
                    (Some(start..size), None)
                } else {
                    (Some(start..start + front), Some(size - (limit - front)..size))
                }
            }
        };
        let ranges = [first, second].into_iter().flatten();
        let end = ranges.clone().map(|range| range.end).max().unwrap_or(0);
        let kept = ranges.map(Capture::new).collect();
        Self { wanted: layout.dependencies.clone(), kept, end, is_partial }
    }

    pub(super) fn feed(&mut self, window: &Window<'_>) {
        self.kept.iter_mut().for_each(|kept| kept.feed(window));
    }

    pub(super) fn is_complete(&self, end: u64) -> bool {
        end >= self.end
    }

    /// Returns the list as it lies in the file, if the program has one.
    pub(super) fn finish(&self, layout: &Layout, size: u64) -> Result<Option<&[u8]>, ListError> {
        let section = match &self.wanted {
            Dependencies::None => None,
            Dependencies::Section(section) => Some(section.clone()),
            Dependencies::Table(table) => self.find(table, layout)?,
        };
        let Some(section) = section else { return Ok(None) };
        match self.get(&section) {
            Some(list) => Ok(Some(list)),
            None if section.end > size => Err(ListError::Truncated),
            None => Err(ListError::OutOfReach),
        }
    }

    fn get(&self, range: &Range<u64>) -> Option<&[u8]> {
        self.kept.iter().find_map(|kept| kept.get(range))
    }

    fn find(&self, table: &SectionTable, layout: &Layout) -> Result<Option<Range<u64>>, ListError> {
        const WITHOUT_CONTENT: u32 = 8;
        let (endian, width) = (layout.endian, layout.width);
        let section = |entry| {
            let entry = Fields { bytes: entry, endian, width };
            let start = entry.word(8 + 2 * width.bytes())?;
            Some(start..start.checked_add(entry.word(8 + 3 * width.bytes())?)?)
        };
        let entries = self.get(&table.file);
        let names = entries.and_then(|entries| {
            self.get(&section(entries.chunks_exact(table.entry).nth(table.names)?)?)
        });
        let (Some(entries), Some(names)) = (entries, names) else {
            // Where all of it was kept, the table is not one, or a tool has put the names elsewhere.
            return if self.is_partial { Err(ListError::OutOfReach) } else { Ok(None) };
        };
        let entry = entries.chunks_exact(table.entry).find(|entry| {
            let fields = Fields { bytes: entry, endian, width };
            let name = fields.u32(0).and_then(|at| names.get(at as usize..));
            name.is_some_and(|name| name.starts_with(SECTION))
                && fields.u32(4) != Some(WITHOUT_CONTENT)
        });
        Ok(entry.and_then(section))
    }
}

#[derive(Deserialize)]
struct List {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    root: bool,
}

/// Returns the packages in a compressed list, at most `limit`, and whether there would be more.
///
/// The program itself has the property `cargo.root`, a crate that only took part in the build `scope` = `build`; `cargo.source`
/// is `crates.io`, `git`, `local` or `registry`.
///
/// # Errors
/// If the list is larger than any real one, or not what it should be.
pub fn packages(
    list: &[u8],
    path: &FilePath,
    limit: usize,
) -> Result<(Vec<Package>, bool), ListError> {
    let mut json = Vec::new();
    let read = ZlibDecoder::new(list).take(MAX_LIST + 1).read_to_end(&mut json);
    read.map_err(|_| ListError::Malformed)?;
    if json.len() as u64 > MAX_LIST {
        return Err(ListError::TooLarge);
    }
    let List { packages } = serde_json::from_slice(&json).map_err(|_| ListError::Malformed)?;
    let more = packages.len() > limit;
    let package = |listed: Crate| {
        let mut package = Package::new(PackageKind::Cargo, listed.name, listed.version, path);
        package.set_property("cargo.source", listed.source);
        package.set_property("cargo.root", if listed.root { "true" } else { "" });
        package.set_property("scope", if listed.kind == "build" { "build" } else { "" });
        package
    };
    Ok((packages.into_iter().take(limit).map(package).collect(), more))
}
