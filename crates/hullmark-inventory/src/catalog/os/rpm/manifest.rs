//! What distributions of rpm keep beside the database: the list of packages of images without one, and Red Hat's content sets.

use std::io;

use hullmark_oci::{FilePath, Limits};
use serde::Deserialize;

use super::{Packages, evr, optional, source, text};
use crate::GapReason;
use crate::catalog::os::deb822::whole_lines;
use crate::catalog::os::{is_file_of, read_small};
use crate::catalog::{Cataloger, File, Found};
use crate::fragment::Record;
use crate::package::{Package, PackageKind};

/// `container-manifest-2`: what `rpm -qa` said when Mariner or Azure Linux built an image without a database.
///
/// Beside it lies `container-manifest-1`, the same packages in a form that says less; it is not read.
pub(in super::super) const MANIFEST: Cataloger = Cataloger {
    name: "rpm-manifest",
    wants: |path| is_file_of(path, "var/lib/rpmmanifest", "container-manifest-2"),
    read: |file, found| {
        if let Some(bytes) = found.read(file)? {
            parse_manifest(&bytes, file.path, file.limits, found);
        }
        Ok(())
    },
};

/// The repositories that a Red Hat image was built from.
pub(in super::super) const CONTENT_SETS: Cataloger = Cataloger {
    name: "rhel-content-sets",
    wants: |path| {
        path.ends_with(".json")
            && (path.starts_with("root/buildinfo/content_manifests/")
                || path.starts_with("usr/share/buildinfo/"))
    },
    read: read_content_sets,
};

/// Reads a manifest: a package a line, its fields separated by tabs.
pub fn parse_manifest(bytes: &[u8], path: &FilePath, limits: &Limits, found: &mut Found) {
    let mut packages = Packages::new(path, limits);
    let (lines, cut) = whole_lines(bytes);
    if cut {
        packages.complain(GapReason::Truncated, "ends in the middle of a line");
    }
    for line in lines.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).filter(|l| !l.is_empty()) {
        if packages.packages.len() >= limits.packages {
            packages.complain(GapReason::TooLarge, format!("over {} packages", limits.packages));
            break;
        }
        match package(line, path) {
            Some(package) if package.name == "gpg-pubkey" => {}
            Some(package) => packages.packages.push(package),
            None => packages.complain(GapReason::Malformed, format!("no package: {}", text(line))),
        }
    }
    packages.report(found);
}

/// Name, version-release, install time, build time, vendor, epoch, size, architecture, epoch as a number, source package.
fn package(line: &[u8], path: &FilePath) -> Option<Package> {
    let fields: Vec<&[u8]> = line.split(|&b| b == b'\t').take(11).collect();
    let &[name, version_release, _, _, vendor, _, _, arch, epoch, source_rpm] = &fields[..] else {
        return None;
    };
    let version_release = std::str::from_utf8(version_release).ok()?;
    let (version, release) = version_release.rsplit_once('-')?;
    let epoch = std::str::from_utf8(epoch).ok()?.parse().ok();
    if name.is_empty() || version.is_empty() {
        return None;
    }
    let mut package =
        Package::new(PackageKind::Rpm, text(name), evr(epoch, version, release), path);
    package.arch = optional(arch);
    package.vendor = optional(vendor);
    package.source = source(&String::from_utf8_lossy(source_rpm), version, release);
    Some(package)
}

#[derive(Deserialize)]
struct ContentManifest {
    #[serde(default)]
    content_sets: Vec<String>,
}

/// Content sets of one image; real ones have a few dozen.
const CONTENT_SET_LIMIT: usize = 4096;

fn read_content_sets(file: &mut File<'_>, found: &mut Found) -> io::Result<()> {
    let Some(bytes) = read_small(file, found)? else { return Ok(()) };
    match serde_json::from_slice::<ContentManifest>(&bytes) {
        Ok(manifest) => {
            let sets = manifest.content_sets.into_iter().take(CONTENT_SET_LIMIT);
            let record = |value| Record::System { name: "rhel.content-set".into(), value };
            found.records.extend(sets.map(record));
        }
        Err(error) => found.gap(file.path, GapReason::Malformed, error.to_string()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_are_read_line_by_line() {
        let text = "bash\t5.1.8-1.cm2\t1\t2\tMicrosoft Corporation\t(none)\t3\tx86_64\t0\tbash-5.1.8-1.cm2.src.rpm\n\
                    ca-certificates-base\t2.0.0-1.cm2\t1\t2\tMicrosoft Corporation\t1\t3\tnoarch\t1\tca-certificates-2.0.0-1.cm2.src.rpm\n\
                    broken line\n\
                    cut\t1-1";
        let mut found = Found::default();
        let path = FilePath::from("var/lib/rpmmanifest/container-manifest-2");
        parse_manifest(text.as_bytes(), &path, &Limits::default(), &mut found);
        let (packages, gaps) = crate::catalog::os::show(&found);
        assert_eq!(packages, ["bash 5.1.8-1.cm2", "ca-certificates-base 1:2.0.0-1.cm2"]);
        assert_eq!(
            gaps,
            ["malformed: no package: broken line", "truncated: ends in the middle of a line"]
        );
    }
}
