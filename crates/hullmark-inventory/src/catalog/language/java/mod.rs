//! Java archives, nested to any depth within the limits, and the same metadata in unpacked folders.
//!
//! An archive is, in this order: what every `pom.properties` in it says (a fat jar has one for each library that was poured into
//! it), what the folders of a Maven or Gradle repository around it say, what its manifest and its file name say. A group that
//! nobody says is guessed to be the artifact, as it was for everything published in the early years, and the guess is a gap.
//! Classes that were copied in without their `pom.properties` cannot be seen.
//!
//! Who said it is kept as `java.identity`; the nested archive that a package was found in, as `archive.path`.

mod manifest;

use std::collections::BTreeSet;

use hullmark_oci::FilePath;

use super::sink::{Sink, ends_with_ignore_case};
use super::zip::{Archive, Entry, Fault};
use crate::GapReason;
use crate::package::{Package, PackageKind};
use manifest::{Coordinates, Manifest, split_stem};

/// Archives that Java servers and runtimes load classes from. `rar` is a resource adapter here.
const EXTENSIONS: [&[u8]; 11] =
    [b"jar", b"war", b"ear", b"par", b"sar", b"nar", b"kar", b"hpi", b"jpi", b"rar", b"lpkg"];

/// Whether `path` is an archive of Java classes.
pub(super) fn wants(path: &FilePath) -> bool {
    is_archive(path.as_bytes())
}

fn is_archive(path: &[u8]) -> bool {
    let tail = &path[path.len().saturating_sub(5)..];
    let Some(dot) = memchr::memrchr(b'.', tail) else {
        return false;
    };
    EXTENSIONS.iter().any(|extension| tail[dot + 1..].eq_ignore_ascii_case(extension))
}

/// Whether `path` is Maven's or the manifest's part of an unpacked archive.
pub(super) fn wants_unpacked(path: &FilePath) -> bool {
    let path = path.as_str();
    if let Some(folder) = path.strip_suffix("/MANIFEST.MF") {
        return folder == "META-INF" || folder.ends_with("/META-INF");
    }
    path.ends_with("/pom.properties") && path.contains("META-INF/maven/")
}

/// Reads a part of an unpacked archive.
pub(super) fn unpacked(bytes: &[u8], sink: &mut Sink<'_>) {
    if ends_with_ignore_case(sink.path, "/pom.properties") {
        if let Some(coordinates) = Coordinates::from_properties(bytes, sink.path) {
            add(sink, &coordinates, Evidence::Properties, "", &Manifest::default());
        }
        return;
    }
    let manifest = Manifest::read(bytes);
    if let Some(coordinates) = Coordinates::from_manifest_alone(&manifest) {
        add(sink, &coordinates, Evidence::Manifest, "", &manifest);
    }
}

/// Reads an archive and every archive in it.
pub(super) fn archive(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut walk = Walk { budget: sink.limits.archive_bytes, sink };
    walk.archive(bytes, "", 1);
}

/// Where an identity is from.
#[derive(Clone, Copy)]
enum Evidence {
    Properties,
    Repository,
    Manifest,
    FileName,
}

impl Evidence {
    fn as_str(self) -> &'static str {
        match self {
            Self::Properties => "pom.properties",
            Self::Repository => "repository",
            Self::Manifest => "manifest",
            Self::FileName => "file-name",
        }
    }
}

/// One archive with all that it holds.
struct Walk<'s, 'a> {
    sink: &'s mut Sink<'a>,
    /// Bytes that may still be taken out.
    budget: u64,
}

/// What the entries of one archive say about it.
#[derive(Default)]
struct Contents {
    manifest: Manifest,
    /// Every `pom.properties`.
    projects: BTreeSet<Coordinates>,
    classes: bool,
    nested: bool,
}

impl Walk<'_, '_> {
    /// Reads the archive at `inner` (empty for the file itself).
    fn archive(&mut self, bytes: &[u8], inner: &str, depth: usize) {
        let path = if inner.is_empty() { self.sink.path.as_str() } else { inner };
        let java = [".jar", ".war", ".ear"].iter().any(|e| ends_with_ignore_case(path, e));
        if !java && !bytes.starts_with(b"PK") {
            return; // The extension means something else, too: WinRAR's archives, karaoke.
        }
        let archive = match Archive::open(bytes) {
            Ok(archive) => archive,
            Err(fault) => return self.gap(inner, fault),
        };
        if archive.follows_archive() {
            let detail = "other entries lie before those of its directory".into();
            self.gap(inner, Fault { reason: GapReason::Truncated, detail });
        }
        let before = self.sink.count();
        let contents = self.contents(&archive, inner, depth);
        let file_name = path.rsplit(['/', '!']).next().unwrap_or_default();
        let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem).to_owned();
        self.identify(&contents, &stem, inner, before);
    }

    fn contents(&mut self, archive: &Archive<'_>, inner: &str, depth: usize) -> Contents {
        let mut contents = Contents::default();
        let mut seen = BTreeSet::new();
        for (number, entry) in archive.entries().enumerate() {
            if number >= self.sink.limits.archive_entries {
                let detail = format!("more than {number} entries");
                self.gap(inner, Fault { reason: GapReason::TooLarge, detail });
                break;
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(fault) => {
                    self.gap(inner, fault);
                    break;
                }
            };
            contents.classes |= entry.name.ends_with(b".class");
            let part = Part::of(entry.name);
            if part == Part::Other || self.sink.is_full() {
                continue;
            }
            if !seen.insert(entry.name) {
                // Which of the two Java loads depends on its version. The directory's first was read.
                let detail = "a second entry of that name".into();
                self.entry_gap(inner, &entry, Fault { reason: GapReason::Malformed, detail });
                continue;
            }
            self.part(archive, &entry, part, inner, depth, &mut contents);
        }
        contents
    }

    fn part(
        &mut self,
        archive: &Archive<'_>,
        entry: &Entry<'_>,
        part: Part,
        inner: &str,
        depth: usize,
        contents: &mut Contents,
    ) {
        if part == Part::Archive && depth >= self.sink.limits.archive_depth {
            let detail = format!("archives nested deeper than {depth}");
            return self.entry_gap(inner, entry, Fault { reason: GapReason::TooDeep, detail });
        }
        // One nested archive may be as large as a file of the image.
        let mut budget = self.budget.min(self.sink.limits.file_bytes);
        let granted = budget;
        let content = archive.read(entry, &mut budget);
        self.budget -= granted - budget;
        let content = match content {
            Ok(content) => content,
            Err(fault) => return self.entry_gap(inner, entry, fault),
        };
        match part {
            Part::Archive => {
                contents.nested = true;
                let nested = join(inner, &entry.display());
                self.archive(&content, &nested, depth + 1);
            }
            Part::Manifest => contents.manifest = Manifest::read(&content),
            Part::Properties => {
                contents.projects.extend(Coordinates::from_properties(&content, &entry.display()));
            }
            Part::Other => {}
        }
    }

    /// Adds the packages that an archive is. `before` packages were known when it was opened.
    fn identify(&mut self, contents: &Contents, stem: &str, inner: &str, before: usize) {
        let manifest = &contents.manifest;
        for project in &contents.projects {
            add(self.sink, project, Evidence::Properties, inner, manifest);
        }
        let (artifact, file_version) = split_stem(stem);
        // One project in a file of another name and version was poured into something else.
        let alone = contents.projects.len() == 1;
        let is_project = contents.projects.iter().any(|p| {
            p.artifact == artifact
                || p.artifact == stem
                || (alone && file_version.is_none_or(|version| version == p.version))
        });
        if is_project || manifest.is_runtime() {
            return;
        }
        if inner.is_empty()
            && let Some(own) = Coordinates::from_repository(self.sink.path)
        {
            add(self.sink, &own, Evidence::Repository, inner, manifest);
            return;
        }
        let own = Coordinates::from_manifest(manifest, stem);
        let named = file_version.is_some_and(|version| version == own.version);
        // A file name with a version, of an archive without classes, is documentation, sources or data.
        let known = !own.version.is_empty() && (!own.group.is_empty() || contents.classes);
        if known && !own.artifact.is_empty() {
            let evidence =
                if own.group.is_empty() && named { Evidence::FileName } else { Evidence::Manifest };
            add(self.sink, &own, evidence, inner, manifest);
        } else if contents.classes && self.sink.count() == before {
            let detail = "neither pom.properties, manifest nor file name say what it is".into();
            self.gap(inner, Fault { reason: GapReason::Incomplete, detail });
        }
    }

    fn entry_gap(&mut self, inner: &str, entry: &Entry<'_>, fault: Fault) {
        let path = join(inner, &entry.display());
        self.sink.gap(fault.reason, format!("`{path}`: {}", fault.detail));
    }

    fn gap(&mut self, inner: &str, fault: Fault) {
        if inner.is_empty() {
            self.sink.gap(fault.reason, fault.detail);
        } else {
            self.sink.gap(fault.reason, format!("`{inner}`: {}", fault.detail));
        }
    }
}

fn join(inner: &str, name: &str) -> String {
    if inner.is_empty() { name.to_owned() } else { format!("{inner}!/{name}") }
}

/// What an entry is good for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Archive,
    Manifest,
    Properties,
    Other,
}

impl Part {
    fn of(name: &[u8]) -> Self {
        if name.ends_with(b".class") {
            Self::Other
        } else if is_archive(name) {
            Self::Archive
        } else if name.eq_ignore_ascii_case(b"META-INF/MANIFEST.MF") {
            Self::Manifest
        } else if name == b"pom.properties" || name.ends_with(b"/pom.properties") {
            Self::Properties
        } else {
            Self::Other
        }
    }
}

fn add(
    sink: &mut Sink<'_>,
    coordinates: &Coordinates,
    evidence: Evidence,
    inner: &str,
    manifest: &Manifest,
) {
    let name = coordinates.name();
    let place = if inner.is_empty() { String::new() } else { format!("`{inner}`: ") };
    if coordinates.group.is_empty() {
        sink.gap(GapReason::Incomplete, format!("{place}the group of `{name}` is a guess"));
    }
    if coordinates.version.is_empty() {
        sink.gap(GapReason::Incomplete, format!("{place}no version of `{name}`"));
    }
    let mut package = Package::new(PackageKind::Maven, name, &coordinates.version, sink.path);
    package.set_property("java.identity", evidence.as_str());
    package.set_property("archive.path", inner);
    package.licenses.extend(manifest.license().map(String::from));
    package.vendor = manifest.vendor().map(String::from);
    sink.package(package);
}
