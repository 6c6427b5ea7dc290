//! One pass over a layer (or a folder): tar events to cataloguers, everything else to bookkeeping.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use hullmark_oci::FilePath;
use hullmark_oci::Limits;
use hullmark_oci::tar::{Archive, Content, Entry, EntryKind, TarError};

use crate::catalog::binary::{self, Executables};
use crate::catalog::{Cataloger, File, Found, catalogers};
use crate::fragment::{Fragment, Record};
use crate::package::Package;
use crate::{Executable, Gap, GapReason};

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";
const HEAD: usize = 64;

/// What is wanted of a layer.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    /// Bounds.
    pub limits: Limits,
    /// What is wanted of executables.
    pub executables: Executables,
}

/// What a scan found out about one layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scanned {
    /// What the layer contributes.
    pub fragment: Fragment,
    /// Files to which an interesting path turned out to be a hard link, after they had gone by unread; with that path. If there
    /// are any, a second pass over the layer that is given these completes the fragment.
    pub missed: Links,
}

/// Targets of hard links, with the path under which a cataloguer wants each.
pub type Links = BTreeMap<FilePath, FilePath>;

/// Returns the fingerprint by which [`Fragment::present`] knows a path.
///
/// It is taken from SHA-256, so that nobody can make a harmless path that hides a given one.
pub fn fingerprint(path: &str) -> u64 {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(path.as_bytes());
    u64::from_be_bytes(hash[..8].try_into().expect("SHA-256 has 32 bytes"))
}

/// Reads a layer's tar stream once. `links` is empty in the first pass.
///
/// # Errors
/// If the stream breaks, is no tar stream, or passes a limit. Whatever is wrong inside single files is a gap.
pub fn scan<R: BufRead>(
    stream: R,
    links: &Links,
    options: &ScanOptions,
) -> Result<(Scanned, R), TarError> {
    let mut archive = Archive::new(stream, &options.limits);
    let mut layer = LayerScan {
        links,
        options,
        scanned: Scanned::default(),
        linked: BTreeMap::new(),
        symlink_bytes: 0,
        packages: 0,
    };
    while let Some(entry) = archive.next_entry()? {
        layer.entry(entry, &mut archive.content())?;
    }
    Ok((layer.finish(), archive.into_inner()))
}

struct LayerScan<'a> {
    links: &'a Links,
    options: &'a ScanOptions,
    scanned: Scanned,
    /// What was found in the targets of `links`.
    linked: BTreeMap<FilePath, Found>,
    symlink_bytes: usize,
    packages: usize,
}

impl LayerScan<'_> {
    fn entry<R: BufRead>(
        &mut self,
        entry: Entry,
        content: &mut Content<'_, '_, R>,
    ) -> Result<(), TarError> {
        if self.whiteout(&entry.path) {
            return Ok(());
        }
        if entry.kind != EntryKind::Directory {
            self.replace(&entry.path);
        }
        match entry.kind {
            EntryKind::File => self.file(&entry.path, entry.size, entry.mode, content)?,
            EntryKind::Symlink(target) => self.symlink(entry.path, target),
            EntryKind::HardLink(target) => self.hard_link(entry.path, &target),
            EntryKind::Directory | EntryKind::Other => {}
        }
        Ok(())
    }

    /// Notes a whiteout; `false` if the path is none. Other names that begin so are overlay bookkeeping and mean nothing.
    ///
    /// See: OCI image-spec v1.1.1 layer.md §"Whiteouts".
    fn whiteout(&mut self, path: &FilePath) -> bool {
        let Some(hidden) = path.file_name().strip_prefix(WHITEOUT) else { return false };
        let folder = path.parent().unwrap_or_default();
        if path.file_name() == OPAQUE {
            self.scanned.fragment.opaque.push(folder);
        } else if !hidden.starts_with(WHITEOUT) && !matches!(hidden, "" | "." | "..") {
            self.scanned.fragment.whiteouts.push(folder.join(hidden));
        }
        true
    }

    /// A path that comes again replaces what came before, as unpacking does.
    fn replace(&mut self, path: &FilePath) {
        let fragment = &mut self.scanned.fragment;
        fragment.present.push(fingerprint(path));
        fragment.files.remove(path);
        fragment.symlinks.remove(path);
    }

    fn file(
        &mut self,
        path: &FilePath,
        size: u64,
        mode: u32,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        if let Some(wanted_as) = self.links.get(path) {
            let found = read_file(wanted_as, size, mode, content, self.options)?;
            self.linked.insert(path.clone(), found);
            return Ok(());
        }
        let found = read_file(path, size, mode, content, self.options)?;
        self.keep(path, found);
        Ok(())
    }

    fn keep(&mut self, path: &FilePath, found: Found) {
        let fragment = &mut self.scanned.fragment;
        fragment.gaps.extend(found.gaps);
        if found.records.is_empty() {
            return;
        }
        let packages = found.records.iter().filter(|r| matches!(r, Record::Package(_))).count();
        self.packages += packages;
        if self.packages > self.options.limits.packages {
            self.packages -= packages;
            let limit = self.options.limits.packages;
            fragment.gaps.push(gap(
                path,
                GapReason::TooLarge,
                format!("{packages} more packages, over the layer's limit of {limit}"),
            ));
            return;
        }
        fragment.files.insert(path.clone(), found.records);
    }

    fn symlink(&mut self, path: FilePath, target: String) {
        self.symlink_bytes += path.len() + target.len();
        let limit = self.options.limits.symlink_bytes;
        if self.symlink_bytes <= limit {
            self.scanned.fragment.symlinks.insert(path, target);
        } else if self.symlink_bytes - path.len() - target.len() <= limit {
            let detail =
                format!("symbolic links from here on are not followed: over {limit} bytes");
            self.scanned.fragment.gaps.push(gap(&path, GapReason::TooLarge, detail));
        }
    }

    /// A hard link shares its target's records; a target that nobody wanted under its own name must be read again.
    fn hard_link(&mut self, path: FilePath, target: &FilePath) {
        if let Some(records) = self.scanned.fragment.files.get(target) {
            let records = at_path(records, &path);
            self.scanned.fragment.files.insert(path, records);
        } else if let Some(found) = self.linked.get(target) {
            let records = at_path(&found.records, &path);
            let gaps = found.gaps.clone();
            self.keep(&path, Found { records, gaps });
        } else if wanted_by(&path).is_some() && self.links.is_empty() {
            self.scanned.missed.insert(target.clone(), path);
        } else if wanted_by(&path).is_some() {
            let detail = format!("hard link to `{target}`, which is not in this layer");
            self.scanned.fragment.gaps.push(gap(&path, GapReason::UnreadLink, detail));
        }
    }

    fn finish(mut self) -> Scanned {
        let fragment = &mut self.scanned.fragment;
        fragment.present.sort_unstable();
        fragment.present.dedup();
        fragment.whiteouts.sort();
        fragment.opaque.sort();
        fragment.gaps.sort();
        self.scanned
    }
}

/// Gives one file to the cataloguer that wants it, by its path or else by its first bytes.
pub(crate) fn read_file(
    path: &FilePath,
    size: u64,
    mode: u32,
    content: &mut dyn Read,
    options: &ScanOptions,
) -> io::Result<Found> {
    let mut found = Found::default();
    if let Some(cataloger) = wanted_by(path) {
        (cataloger.read)(&mut File::new(path, size, mode, content, &options.limits), &mut found)?;
        return Ok(found);
    }
    if size < 8 {
        return Ok(found);
    }
    let mut head = [0; HEAD];
    let length = usize::try_from(size).map_or(HEAD, |size| size.min(HEAD));
    content.read_exact(&mut head[..length])?;
    let head = &head[..length];
    if binary::wants(head, mode, options.executables) {
        let mut whole = head.chain(content);
        let mut file = File::new(path, size, mode, &mut whole, &options.limits);
        binary::read(&mut file, options.executables, &mut found)?;
    }
    Ok(found)
}

fn wanted_by(path: &FilePath) -> Option<&'static Cataloger> {
    catalogers().find(|cataloger| (cataloger.wants)(path))
}

fn gap(path: &FilePath, reason: GapReason, detail: String) -> Gap {
    Gap { path: path.clone(), layer: None, reason, detail }
}

/// Returns the records as if they had been found at `path`.
fn at_path(records: &[Record], path: &FilePath) -> Vec<Record> {
    let moved = |record: &Record| match record {
        Record::Package(package) => {
            Record::Package(Box::new(Package { path: path.clone(), ..(**package).clone() }))
        }
        Record::Executable(executable) => {
            Record::Executable(Executable { path: path.clone(), ..executable.clone() })
        }
        other => other.clone(),
    };
    records.iter().map(moved).collect()
}
