//! Fragments on top of each other: what a container would see of what each layer contributes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hullmark_oci::{Digest, FilePath};

use crate::fragment::{Fragment, Record};
use crate::os_release;
use crate::package::{OwnedFiles, Owner, Package};
use crate::scan::fingerprint;
use crate::{Gap, GapReason, Inventory};

/// How many symbolic links one path may lead through. Linux stops at 40.
const LINK_LIMIT: usize = 40;

/// A layer's fragment and its diffID.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// The layer; `None` for a plain folder.
    pub diff_id: Option<&'a Digest>,
    /// Its contribution.
    pub fragment: &'a Fragment,
}

/// A file as the top layer shows it.
struct Visible<'a> {
    layer: usize,
    records: &'a [Record],
    /// Fingerprints of the path and of every folder above it.
    fingerprints: Vec<u64>,
}

/// Overlays fragments, base first, into the inventory of the whole image.
pub fn overlay(layers: &[Layer<'_>]) -> Inventory {
    let mut tree = Tree::default();
    for (at, layer) in layers.iter().enumerate() {
        tree.add(at, layer.fragment);
    }
    tree.into_inventory(layers)
}

#[derive(Default)]
struct Tree<'a> {
    files: BTreeMap<FilePath, Visible<'a>>,
    symlinks: BTreeMap<FilePath, Link<'a>>,
    /// The layer in which each package of a database was first seen as it is now, by database path.
    origins: HashMap<FilePath, HashMap<PackageKey<'a>, usize>>,
}

struct Link<'a> {
    target: &'a str,
    fingerprints: Vec<u64>,
}

/// Name, version and architecture.
type PackageKey<'a> = (&'a str, &'a str, Option<&'a str>);

impl<'a> Tree<'a> {
    fn add(&mut self, at: usize, fragment: &'a Fragment) {
        self.hide(fragment);
        for (path, target) in &fragment.symlinks {
            let path = self.canonical(path);
            let fingerprints = fingerprints(&path);
            self.symlinks.insert(path, Link { target, fingerprints });
        }
        for (path, records) in &fragment.files {
            let path = self.canonical(path);
            self.note_origins(at, &path, records);
            let fingerprints = fingerprints(&path);
            self.files.insert(path, Visible { layer: at, records, fingerprints });
        }
    }

    /// Removes what a layer deletes or replaces of the layers below it.
    fn hide(&mut self, fragment: &Fragment) {
        let whiteouts: BTreeSet<FilePath> =
            fragment.whiteouts.iter().map(|path| self.canonical(path)).collect();
        let opaque: Vec<FilePath> = fragment.opaque.iter().map(|path| self.resolve(path)).collect();
        let hidden = |path: &FilePath, fingerprints: &[u64]| {
            let replaced =
                fingerprints.iter().any(|print| fragment.present.binary_search(print).is_ok());
            let deleted = || ancestors(path).any(|folder| whiteouts.contains(folder));
            let covered = || opaque.iter().any(|folder| path != folder && path.is_under(folder));
            replaced || deleted() || covered()
        };
        self.files.retain(|path, file| !hidden(path, &file.fingerprints));
        self.symlinks.retain(|path, link| !hidden(path, &link.fingerprints));
    }

    /// A database holds every package of the layers below it too: a package belongs to the layer that brought it.
    fn note_origins(&mut self, at: usize, path: &FilePath, records: &'a [Record]) {
        let database = || packages(records).filter(|p| p.kind.is_os());
        if database().next().is_none() {
            return;
        }
        let before = self.origins.remove(path).unwrap_or_default();
        let now = database()
            .map(|p| {
                let key = package_key(p);
                (key, before.get(&key).copied().unwrap_or(at))
            })
            .collect();
        self.origins.insert(path.clone(), now);
    }

    /// Follows symbolic links in the folders of a path, as unpacking on top of the layers below would.
    fn canonical(&self, path: &FilePath) -> FilePath {
        match path.parent() {
            Some(parent) if ancestors(&parent).any(|folder| self.symlinks.contains_key(folder)) => {
                self.resolve(&parent).join(path.file_name())
            }
            _ => path.clone(),
        }
    }

    /// Follows every symbolic link in a path; a loop ends at the limit, where the path stays as far as it came.
    fn resolve(&self, path: &FilePath) -> FilePath {
        let mut rest: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut done = FilePath::default();
        let mut links = 0;
        while let Some(component) = rest.pop() {
            let next = done.join(&component);
            match self.symlinks.get(&next) {
                Some(link) if links < LINK_LIMIT => {
                    links += 1;
                    if link.target.starts_with('/') {
                        done = FilePath::default();
                    }
                    rest.extend(
                        link.target.rsplit('/').filter(|c| !c.is_empty()).map(str::to_owned),
                    );
                }
                _ => done = next,
            }
        }
        done
    }

    fn into_inventory(self, layers: &[Layer<'_>]) -> Inventory {
        let mut inventory = Inventory::default();
        let mut owned: BTreeMap<&str, OwnedFiles> = BTreeMap::new();
        let mut licenses: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut os = Vec::new();
        for (path, file) in &self.files {
            for record in file.records {
                match record {
                    Record::OsRelease(release) => os.push((path, release)),
                    Record::Package(package) => {
                        inventory.packages.push(self.placed(package, path, file.layer, layers));
                    }
                    Record::OwnedFiles { package, files } => {
                        let list = owned.entry(package).or_default();
                        files.iter().for_each(|path| list.push(path));
                    }
                    Record::Licenses { package, licenses: found } => {
                        licenses.entry(package).or_default().extend(found.iter().cloned());
                    }
                    Record::System { name, value } => {
                        inventory.system.push((name.clone(), value.clone()));
                    }
                    Record::Executable(executable) => {
                        let path = path.clone();
                        inventory
                            .executables
                            .push(crate::Executable { path, ..executable.clone() });
                    }
                }
            }
        }
        inventory.os = os_release::assemble_os(os.into_iter());
        attach(&mut inventory.packages, &mut owned, &mut licenses);
        inventory.gaps = self.gaps(layers);
        finish(&mut inventory);
        inventory
    }

    fn placed(
        &self,
        package: &Package,
        path: &FilePath,
        layer: usize,
        layers: &[Layer<'_>],
    ) -> Package {
        let origin = self
            .origins
            .get(path)
            .and_then(|of| of.get(&package_key(package)))
            .copied()
            .unwrap_or(layer);
        Package { path: path.clone(), layer: layers[origin].diff_id.cloned(), ..package.clone() }
    }

    /// Gaps of files that are still visible, and package databases that are links to something unread.
    fn gaps(&self, layers: &[Layer<'_>]) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (at, layer) in layers.iter().enumerate() {
            let visible =
                |gap: &&Gap| gap.path.is_empty() || !hidden_above(&gap.path, &layers[at + 1..]);
            let placed = |gap: &Gap| Gap { layer: layer.diff_id.cloned(), ..gap.clone() };
            gaps.extend(layer.fragment.gaps.iter().filter(visible).map(placed));
        }
        for path in self.symlinks.keys().filter(|path| is_database(path)) {
            let target = self.resolve(path);
            let read = self.files.range(target.clone()..).next();
            if !read.is_some_and(|(file, _)| file.is_under(&target)) {
                gaps.push(Gap {
                    path: path.clone(),
                    layer: None,
                    reason: GapReason::UnreadLink,
                    detail: format!("symbolic link to `{target}`, which was not read"),
                });
            }
        }
        gaps
    }
}

/// Whether a path is a package database, or a folder of one, by its usual name.
fn is_database(path: &str) -> bool {
    const NAMES: [&str; 12] = [
        "var/lib/dpkg",
        "var/lib/dpkg/status",
        "var/lib/dpkg/status.d",
        "var/lib/rpm",
        "usr/lib/sysimage/rpm",
        "usr/share/rpm",
        "lib/apk",
        "lib/apk/db",
        "lib/apk/db/installed",
        "usr/lib/apk/db/installed",
        "var/lib/pacman",
        "var/lib/pacman/local",
    ];
    NAMES.contains(&path)
        || path.ends_with("lib/rpm/rpmdb.sqlite")
        || path.ends_with("lib/rpm/Packages")
        || path.ends_with("lib/rpm/Packages.db")
}

fn hidden_above(path: &FilePath, above: &[Layer<'_>]) -> bool {
    let prints = fingerprints(path);
    above.iter().any(|layer| {
        let fragment = layer.fragment;
        prints.iter().any(|print| fragment.present.binary_search(print).is_ok())
            || ancestors(path).any(|folder| fragment.whiteouts.iter().any(|w| &**w == folder))
            || fragment.opaque.iter().any(|folder| path != folder && path.is_under(folder))
    })
}

fn package_key(package: &Package) -> PackageKey<'_> {
    (&package.name, &package.version, package.arch.as_deref())
}

fn packages(records: &[Record]) -> impl Iterator<Item = &Package> {
    records.iter().filter_map(|record| match record {
        Record::Package(package) => Some(&**package),
        _ => None,
    })
}

/// Returns the path and every folder above it, without the root.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
    folders.chain((!path.is_empty()).then_some(path))
}

fn fingerprints(path: &str) -> Vec<u64> {
    ancestors(path).map(fingerprint).collect()
}

/// Gives packages the files and licences that their database keeps elsewhere, under `name` or `name:arch`.
fn attach(
    packages: &mut [Package],
    owned: &mut BTreeMap<&str, OwnedFiles>,
    licenses: &mut BTreeMap<&str, Vec<String>>,
) {
    for package in packages.iter_mut().filter(|p| p.kind.is_os()) {
        let qualified = package.arch.as_ref().map(|arch| format!("{}:{arch}", package.name));
        let keys = [qualified.as_deref(), Some(package.name.as_str())];
        for key in keys.into_iter().flatten() {
            if package.files.is_empty()
                && let Some(files) = owned.remove(key)
            {
                package.files = files;
            }
        }
        for key in keys.into_iter().flatten() {
            if package.licenses.is_empty()
                && let Some(found) = licenses.get(key)
            {
                package.licenses.clone_from(found);
            }
        }
    }
}

/// Sorts, drops what is listed twice, and links packages to the operating-system packages that own them.
fn finish(inventory: &mut Inventory) {
    let packages = &mut inventory.packages;
    packages.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    // The same database under two names (a hard link, or one left behind by a conversion).
    packages.dedup_by(|a, b| {
        a.kind.is_os()
            && (a.kind, &a.name, &a.version, &a.arch) == (b.kind, &b.name, &b.version, &b.arch)
    });
    link_owners(packages);
    inventory.gaps.sort();
    inventory.gaps.dedup();
    inventory.system.sort();
    inventory.system.dedup();
    inventory.executables.sort();
}

fn sort_key(package: &Package) -> impl Ord + '_ {
    let Package { kind, name, version, arch, path, .. } = package;
    (kind, name, version, arch, path)
}

fn link_owners(packages: &mut [Package]) {
    let mut evidence: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, package) in packages.iter().enumerate().filter(|(_, p)| !p.kind.is_os()) {
        evidence.entry(unmerged(&package.path)).or_default().push(at);
    }
    if evidence.is_empty() {
        return;
    }
    let mut owners: Vec<(usize, Owner)> = Vec::new();
    for package in packages.iter().filter(|p| p.kind.is_os()) {
        for file in package.files.iter() {
            for &at in evidence.get(unmerged(file)).into_iter().flatten() {
                let (name, version) = (package.name.clone(), package.version.clone());
                owners.push((at, Owner { kind: package.kind, name, version }));
            }
        }
    }
    for (at, owner) in owners {
        packages[at].owned_by.get_or_insert(owner);
    }
}

/// Where `/lib` is a link to `/usr/lib`, databases and layers may use either name.
fn unmerged(path: &str) -> &str {
    let rest = path.strip_prefix("usr/").unwrap_or(path);
    let top = rest.split('/').next();
    if matches!(top, Some("lib" | "lib64" | "bin" | "sbin")) { rest } else { path }
}
