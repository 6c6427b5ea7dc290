//! The manifest of chiselled Ubuntu images, which have slices of packages and no dpkg database.
//!
//! See: Chisel's documentation, "Chisel manifest" and "jsonwall"; a JSON object a line, compressed with zstd.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read};

use hullmark_oci::{FilePath, Limits};
use serde::Deserialize;

use super::complaints::Complaints;
use super::owned::Owned;
use crate::GapReason;
use crate::catalog::{Cataloger, Found};
use crate::fragment::Record;
use crate::package::{OwnedFiles, Package, PackageKind};

/// `manifest.wall`, which by custom lies in `var/lib/chisel`.
pub(super) const MANIFEST: Cataloger = Cataloger {
    name: "chisel",
    wants: |path| super::is_file_of(path, "chisel", "manifest.wall"),
    read: |file, found| {
        if let Some(bytes) = found.read(file)? {
            parse(&bytes, file.path, file.limits, found);
        }
        Ok(())
    },
};

/// One object. Its kind says which fields it has.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    version: Cow<'a, str>,
    #[serde(borrow, default)]
    arch: Cow<'a, str>,
    #[serde(borrow, default)]
    slice: Cow<'a, str>,
    #[serde(borrow, default)]
    path: Cow<'a, str>,
}

/// Reads a compressed manifest.
pub fn parse(bytes: &[u8], path: &FilePath, limits: &Limits, found: &mut Found) {
    let mut complaints = Complaints::default();
    let text = match decompress(bytes, limits) {
        Ok((text, true)) => text,
        Ok((text, false)) => {
            complaints.add(GapReason::TooLarge, || format!("over {} bytes", limits.file_bytes));
            text
        }
        Err((text, error)) => {
            complaints.add(GapReason::Malformed, || error.to_string());
            text
        }
    };
    if text.is_empty() {
        complaints.add(GapReason::Truncated, || "nothing in it");
    }
    let mut packages = Vec::new();
    let mut files: BTreeMap<String, OwnedFiles> = BTreeMap::new();
    let mut owned = Owned::new(limits);
    // A last line that was cut off is no JSON.
    for line in text.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice::<Line<'_>>(line) {
            Ok(line) if line.kind == "package" && packages.len() < limits.packages => {
                packages.extend(package(&line, path, &mut complaints));
            }
            Ok(line) if line.kind == "package" => {
                complaints
                    .add(GapReason::TooLarge, || format!("over {} packages", limits.packages));
            }
            // `PACKAGE_SLICE`; folders end with a slash.
            Ok(line) if line.kind == "content" && !line.path.ends_with('/') => {
                let package = line.slice.split('_').next().unwrap_or_default();
                if files.contains_key(package) || files.len() < limits.packages {
                    let list = files.entry(package.to_owned()).or_default();
                    owned.push(list, b"", line.path.as_bytes());
                }
            }
            Ok(_) => {}
            Err(error) => complaints.add(GapReason::Malformed, || error.to_string()),
        }
    }
    if owned.over() {
        complaints.add(GapReason::TooLarge, || "the lists of owned files");
    }
    if !packages.is_empty() {
        complaints.add(
            GapReason::Incomplete,
            || "the manifest does not name source packages, by which Ubuntu's advisories go",
        );
    }
    for package in &mut packages {
        package.files = files.remove(&package.name).unwrap_or_default();
    }
    packages.sort();
    packages.dedup();
    found.records.extend(packages.into_iter().map(|p| Record::Package(Box::new(p))));
    complaints.report(path, found);
}

/// Returns the text and whether it is all of it; what came before an error, with the error.
fn decompress(bytes: &[u8], limits: &Limits) -> Result<(Vec<u8>, bool), (Vec<u8>, io::Error)> {
    let mut text = Vec::new();
    let read = zstd::Decoder::with_buffer(bytes)
        .and_then(|decoder| decoder.take(limits.file_bytes + 1).read_to_end(&mut text));
    match read {
        Ok(length) if length as u64 <= limits.file_bytes => Ok((text, true)),
        Ok(_) => Ok((text, false)),
        Err(error) => Err((text, error)),
    }
}

fn package(line: &Line<'_>, path: &FilePath, complaints: &mut Complaints) -> Option<Package> {
    if line.name.is_empty() {
        complaints.add(GapReason::Malformed, || "a package without a name");
        return None;
    }
    if line.version.is_empty() {
        complaints.add(GapReason::Incomplete, || format!("{} has no version", line.name));
    }
    let mut package = Package::new(PackageKind::Deb, &*line.name, &*line.version, path);
    package.arch = (!line.arch.is_empty()).then(|| line.arch.to_string());
    Some(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"jsonwall":"1.0","schema":"1.0","count":5}
{"kind":"content","slice":"bash_bins","path":"/bin/"}
{"kind":"content","slice":"bash_bins","path":"/bin/bash"}
{"kind":"package","name":"bash","version":"5.2.21-2ubuntu4","sha256":"00","arch":"amd64"}
{"kind":"path","path":"/bin/bash","mode":"0755","slices":["bash_bins"],"sha256":"00","size":7}
{"kind":"slice","name":"bash_bins"}
"#;

    fn show(bytes: &[u8]) -> (Vec<String>, Vec<String>, Vec<String>) {
        let path = FilePath::from("var/lib/chisel/manifest.wall");
        let mut found = Found::default();
        parse(bytes, &path, &Limits::default(), &mut found);
        let files = found.records.iter().flat_map(|record| match record {
            Record::Package(p) => p.files.iter().map(str::to_owned).collect(),
            _ => Vec::new(),
        });
        let files = files.collect();
        let (packages, gaps) = super::super::show(&found);
        (packages, files, gaps)
    }

    #[test]
    fn packages_and_their_files_are_read() {
        let bytes = zstd::encode_all(TEXT.as_bytes(), 1).unwrap();
        let (packages, files, gaps) = show(&bytes);
        assert_eq!(packages, ["bash 5.2.21-2ubuntu4"]);
        assert_eq!(files, ["bin/bash"]);
        assert_eq!(gaps.len(), 1);
        assert!(gaps[0].starts_with("incomplete: the manifest does not name source packages"));
    }

    #[test]
    fn what_cannot_be_read_is_a_gap() {
        let bytes = zstd::encode_all(TEXT.as_bytes(), 1).unwrap();
        for end in 0..bytes.len() {
            let (packages, _, gaps) = show(&bytes[..end]);
            assert!(!gaps.is_empty(), "{end}");
            assert!(packages.is_empty() || packages == ["bash 5.2.21-2ubuntu4"], "{end}");
        }
        for (text, gap) in [
            (
                r#"{"kind":"package","name":"","version":"1"}"#,
                "malformed: a package without a name",
            ),
            (r#"{"kind":"package","name":"a"}"#, "incomplete: a has no version"),
            (r#"{"kind":"package","name":"a","version""#, "malformed: EOF"),
            ("7", "malformed: invalid type"),
        ] {
            let (_, _, gaps) = show(&zstd::encode_all(text.as_bytes(), 1).unwrap());
            assert!(gaps[0].starts_with(gap), "{text}: {gaps:?}");
        }
        assert!(show(b"no zstd").2[0].starts_with("malformed: "));
    }
}
