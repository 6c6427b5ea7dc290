//! What dpkg and Ubuntu keep beside the list of packages: owned files, copyright files, and whether Ubuntu Pro is attached.

use std::io;

use hullmark_oci::FilePath;
use serde::Deserialize;

use super::deb822::{raw_lines, whole_lines};
use super::owned::push_path;
use crate::GapReason;
use crate::catalog::{Cataloger, File, Found};
use crate::fragment::Record;
use crate::package::OwnedFiles;

/// `usr/share/doc/*/copyright`.
pub(super) const COPYRIGHT: Cataloger = Cataloger {
    name: "dpkg-copyright",
    wants: |path| documented_package(path).is_some(),
    read: read_copyright,
};

/// Ubuntu's record of its extended maintenance.
pub(super) const UBUNTU_PRO: Cataloger = Cataloger {
    name: "ubuntu-pro",
    wants: |path| path.as_str() == "var/lib/ubuntu-advantage/status.json",
    read: read_ubuntu_pro,
};

/// Reads the list of a package's files, as dpkg and opkg keep it: in whole lines.
pub(super) fn read_list(package: &str, bytes: &[u8], path: &FilePath, found: &mut Found) {
    let (text, cut) = whole_lines(bytes);
    if cut {
        found.gap(path, GapReason::Truncated, "ends in the middle of a line");
    }
    add(package, parse_list(text), found);
}

/// Adds the files of a package, if there are any.
pub(super) fn add(package: &str, files: OwnedFiles, found: &mut Found) {
    if !files.is_empty() {
        found.records.push(Record::OwnedFiles { package: package.into(), files });
    }
}

/// Reads the paths of a `.list` file, one a line, without the folders that other lines lie in.
///
/// Yocto's opkg writes mode and link target behind a tab.
pub fn parse_list(text: &[u8]) -> OwnedFiles {
    let mut files = OwnedFiles::default();
    let path = |line: &'_ [u8]| memchr::memchr(b'\t', line).unwrap_or(line.len());
    let mut lines = raw_lines(text).map(|line| &line[..path(line)]).peekable();
    while let Some(line) = lines.next() {
        let holds_the_next = lines
            .peek()
            .and_then(|next| next.strip_prefix(line))
            .is_some_and(|rest| rest.first() == Some(&b'/'));
        if !holds_the_next && line != b"/." {
            push_path(&mut files, line);
        }
    }
    files
}

/// Reads the paths of a `.md5sums` file: checksum, two spaces, path.
pub fn parse_md5sums(text: &[u8]) -> OwnedFiles {
    let mut files = OwnedFiles::default();
    for line in raw_lines(text) {
        if let Some(space) = memchr::memchr(b' ', line) {
            push_path(&mut files, line[space + 1..].trim_ascii_start());
        }
    }
    files
}

/// Licences that one copyright file may name.
const LICENSES: usize = 256;

fn documented_package(path: &str) -> Option<&str> {
    let package = path.strip_prefix("usr/share/doc/")?.strip_suffix("/copyright")?;
    (!package.is_empty() && !package.contains('/')).then_some(package)
}

fn read_copyright(file: &mut File<'_>, found: &mut Found) -> io::Result<()> {
    let Some(bytes) = super::read_small(file, found)? else { return Ok(()) };
    let Some(package) = documented_package(file.path) else { return Ok(()) };
    let licenses = parse_copyright(&bytes);
    if !licenses.is_empty() {
        found.records.push(Record::Licenses { package: package.into(), licenses });
    }
    Ok(())
}

/// Reads a copyright file: the `License` fields of the machine-readable format, and otherwise the common licences whose texts
/// it points to. In order, each once.
///
/// See: Debian copyright-format 1.0; Debian Policy §12.5.
pub fn parse_copyright(text: &[u8]) -> Vec<String> {
    const FOLDER: &[u8] = b"/usr/share/common-licenses/";
    let mut licenses: Vec<String> = Vec::new();
    let mut add = |name: &[u8]| {
        let name = String::from_utf8_lossy(name);
        if !name.is_empty() && licenses.len() < LICENSES && !licenses.iter().any(|l| *l == *name) {
            licenses.push(name.into_owned());
        }
    };
    if is_machine_readable(text) {
        for line in raw_lines(text) {
            if line.len() > 8 && line[..8].eq_ignore_ascii_case(b"license:") {
                add(line[8..].trim_ascii());
            }
        }
    }
    for at in memchr::memmem::find_iter(text, FOLDER) {
        let rest = &text[at + FOLDER.len()..];
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+' | b'_');
        let end = rest.iter().position(|b| !is_name(b)).unwrap_or(rest.len());
        // A full stop there ends the sentence, not the name.
        add(rest[..end].trim_ascii_end().strip_suffix(b".").unwrap_or(&rest[..end]));
    }
    licenses
}

fn is_machine_readable(text: &[u8]) -> bool {
    let mut lines = raw_lines(text).map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let starts = |line: &[u8], with: &[u8]| {
        line.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    lines
        .next()
        .is_some_and(|first| starts(first, b"format:") || starts(first, b"format-specification:"))
}

#[derive(Deserialize)]
struct ProStatus {
    #[serde(default)]
    attached: bool,
    #[serde(default)]
    services: Vec<ProService>,
}

#[derive(Deserialize)]
struct ProService {
    name: String,
    #[serde(default)]
    status: String,
}

fn read_ubuntu_pro(file: &mut File<'_>, found: &mut Found) -> io::Result<()> {
    let Some(bytes) = super::read_small(file, found)? else { return Ok(()) };
    let status: ProStatus = match serde_json::from_slice(&bytes) {
        Ok(status) => status,
        Err(error) => {
            found.gap(file.path, GapReason::Malformed, error.to_string());
            return Ok(());
        }
    };
    if status.attached {
        let mut system = |value: String| {
            found.records.push(Record::System { name: "ubuntu.pro".into(), value });
        };
        system("attached".into());
        let enabled = status.services.into_iter().filter(|service| service.status == "enabled");
        enabled.for_each(|service| system(service.name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copyright_files_are_told_by_their_paths() {
        assert_eq!(documented_package("usr/share/doc/libc6/copyright"), Some("libc6"));
        assert_eq!(documented_package("usr/share/doc/a/b/copyright"), None);
        assert_eq!(documented_package("usr/share/doc/copyright"), None);
    }

    #[test]
    fn lists_lose_their_folders_and_nothing_else() {
        let list = b"/.\n/usr\n/usr/bin\n/usr/bin/tar\n/usr/bin/tarx\n/etc\n/etc/empty\n/a//b/./c\n/caf\xe9\n/..x\n/tab\t0755\n";
        let files: Vec<_> = parse_list(list).iter().map(str::to_owned).collect();
        assert_eq!(
            files,
            ["usr/bin/tar", "usr/bin/tarx", "etc/empty", "a/b/c", "caf\\xe9", "..x", "tab"]
        );
        let sums = b"d41d8cd98f00b204e9800998ecf8427e  usr/bin/a b\nnospace\n\nd4  ./x";
        let files: Vec<_> = parse_md5sums(sums).iter().map(str::to_owned).collect();
        assert_eq!(files, ["usr/bin/a b", "x"]);
    }

    #[test]
    fn copyright_files_name_licences() {
        let machine = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: GPL-2+ or Artistic\n text in /usr/share/common-licenses/GPL-2.\nlicense: MIT\n\nLicense: MIT\n";
        assert_eq!(parse_copyright(machine), ["GPL-2+ or Artistic", "MIT", "GPL-2"]);
        let prose = b"This is free.\nLicense: not a field\nSee `/usr/share/common-licenses/LGPL-2.1', and /usr/share/common-licenses/LGPL-2.1.";
        assert_eq!(parse_copyright(prose), ["LGPL-2.1"]);
        assert!(parse_copyright(b"").is_empty());
    }
}
