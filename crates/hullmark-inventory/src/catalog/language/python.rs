//! Python distributions: `*.dist-info/METADATA` (wheels), `*.egg-info/PKG-INFO`, `*.egg-info` as a file (distutils),
//! `EGG-INFO/PKG-INFO` (unpacked eggs) and zipped eggs.
//!
//! Wheels (`.whl`) that lie about in an image, such as those of `ensurepip`, are not installed: nothing imports them.
//! See: PyPA "Core metadata specifications", "Recording installed projects".

use hullmark_oci::FilePath;

use super::sink::{Sink, ends_with_ignore_case};
use super::zip::{Archive, Fault};
use crate::GapReason;
use crate::package::{Package, PackageKind};

/// Whether `path` is the metadata of an installed distribution.
pub(super) fn wants(path: &FilePath) -> bool {
    let path = path.as_str();
    if let Some(folder) = path.strip_suffix("/METADATA") {
        return ends_with_ignore_case(folder, "dist-info");
    }
    if let Some(folder) = path.strip_suffix("/PKG-INFO") {
        return ends_with_ignore_case(folder, "egg-info");
    }
    path.ends_with(".egg-info")
}

/// Whether `path` is an egg that was not unpacked.
pub(super) fn wants_egg(path: &FilePath) -> bool {
    path.ends_with(".egg")
}

/// Reads the metadata inside a zipped egg.
pub(super) fn egg(bytes: &[u8], sink: &mut Sink<'_>) {
    match egg_metadata(bytes, sink.limits.archive_entries, sink.limits.file_bytes) {
        Ok(content) => metadata(&content, sink),
        Err(fault) => sink.gap(fault.reason, fault.detail),
    }
}

fn egg_metadata(bytes: &[u8], entries: usize, mut budget: u64) -> Result<Vec<u8>, Fault> {
    let archive = Archive::open(bytes)?;
    for entry in archive.entries().take(entries) {
        let entry = entry?;
        if entry.name == b"EGG-INFO/PKG-INFO" {
            return Ok(archive.read(&entry, &mut budget)?.into_owned());
        }
    }
    Err(Fault { reason: GapReason::Incomplete, detail: "an egg without metadata".into() })
}

/// Reads the header fields of a metadata file.
pub(super) fn metadata(bytes: &[u8], sink: &mut Sink<'_>) {
    let fields = Fields::read(bytes);
    // distutils installs this one for the interpreter itself, which is no distribution: it would match PyPI's `Python`.
    if fields.name == "Python" && ends_with_ignore_case(sink.path, ".egg-info") {
        return;
    }
    if fields.name.is_empty() {
        sink.gap(GapReason::Incomplete, "no `Name` in the metadata");
        return;
    }
    if fields.version.is_empty() {
        sink.gap(GapReason::Incomplete, format!("no `Version` of `{}`", fields.name));
    }
    let mut package = Package::new(PackageKind::Python, fields.name, fields.version, sink.path);
    package.licenses = fields.licenses;
    package.vendor = fields.author.or(fields.email);
    sink.package(package);
}

/// The fields that are wanted of a metadata file.
#[derive(Debug, Default)]
struct Fields {
    name: String,
    version: String,
    licenses: Vec<String>,
    author: Option<String>,
    email: Option<String>,
}

impl Fields {
    /// Reads the header up to the first empty line; what follows is the description. The first of a repeated field counts, as in
    /// `importlib.metadata`.
    fn read(bytes: &[u8]) -> Self {
        let mut fields = Self::default();
        let (mut license, mut expression) = (String::new(), String::new());
        let mut classifiers = Vec::new();
        for line in bytes.split(|&b| b == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                break;
            }
            if line[0].is_ascii_whitespace() {
                continue; // A field's further lines: of descriptions and licence texts, which are not wanted.
            }
            let Some(colon) = memchr::memchr(b':', line) else {
                continue;
            };
            let value = String::from_utf8_lossy(&line[colon + 1..]);
            let value = value.trim();
            if value.is_empty() || value == "UNKNOWN" {
                continue;
            }
            match line[..colon].to_ascii_lowercase().as_slice() {
                b"name" => set(&mut fields.name, value),
                b"version" => set(&mut fields.version, value),
                b"license" => set(&mut license, value),
                b"license-expression" => set(&mut expression, value),
                b"author" => fields.author = fields.author.or_else(|| Some(value.into())),
                b"author-email" => fields.email = fields.email.or_else(|| Some(value.into())),
                b"classifier" if value.starts_with("License ::") => {
                    let name = value.rsplit("::").next().unwrap_or_default().trim();
                    if name != "OSI Approved" && classifiers.len() < 100 {
                        classifiers.push(name.to_owned());
                    }
                }
                _ => {}
            }
        }
        // An expression is exact, a classifier is from a list, the free text may be a sentence.
        fields.licenses = match (expression.is_empty(), license.is_empty()) {
            (false, _) => vec![expression],
            (true, true) => classifiers,
            (true, false) => vec![license],
        };
        fields
    }
}

fn set(field: &mut String, value: &str) {
    if field.is_empty() {
        *field = value.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_wanted_wherever_it_is_kept() {
        for (path, want) in [
            ("usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA", true),
            ("opt/x/DIST-INFO/METADATA", true),
            ("a/six.egg-info/PKG-INFO", true),
            ("a/six-1.0-py3.8.egg/EGG-INFO/PKG-INFO", true),
            ("a/six-1.0.egg-info", true),
            ("METADATA", false),
            ("a/METADATA", false),
            ("a/six.dist-info/RECORD", false),
            ("a/six.egg-info/top_level.txt", false),
            ("src/six-1.16.0/PKG-INFO", false),
        ] {
            assert_eq!(wants(&FilePath::from(path)), want, "{path}");
        }
    }

    #[test]
    fn fields_end_where_the_description_begins() {
        let fields = Fields::read(
            b"Metadata-Version: 2.1\r\nNAME: a\r\nName: later\r\nVersion: 1\r\nLicense: UNKNOWN\r\nClassifier: License :: OSI Approved :: MIT License\r\n  Version: 3\r\n\r\nVersion: 2\n",
        );
        assert_eq!((fields.name.as_str(), fields.version.as_str()), ("a", "1"));
        assert_eq!(fields.licenses, ["MIT License"]);
        let fields =
            Fields::read(b"Name: a\nLicense: MIT\nLicense-Expression: MIT OR Apache-2.0\n");
        assert_eq!(fields.licenses, ["MIT OR Apache-2.0"]);
        assert_eq!(Fields::read(b"\xff\xfe:\n:\nx").name, "");
    }
}
