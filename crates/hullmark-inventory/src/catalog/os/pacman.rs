//! pacman's database of Arch and its relatives: a folder a package, with `desc` and `files` in it.
//!
//! See: libalpm's local database; `%FIELD%` lines, values below, an empty line behind.

use std::io;

use hullmark_oci::FilePath;

use super::complaints::Complaints;
use super::deb822::raw_lines;
use super::owned::push_path;
use crate::GapReason;
use crate::catalog::{Cataloger, File, Found};
use crate::fragment::Record;
use crate::package::{OwnedFiles, Package, PackageKind, SourcePackage};

/// `desc`: name, version and the like.
pub(super) const DESC: Cataloger = Cataloger {
    name: "pacman",
    wants: |path| package_folder(path, "desc").is_some(),
    read: |file, found| {
        if let Some(bytes) = found.read(file)? {
            parse_desc(&bytes, file.path, found);
        }
        Ok(())
    },
};

/// `files`: what the package owns.
pub(super) const FILES: Cataloger = Cataloger {
    name: "pacman-files",
    wants: |path| package_folder(path, "files").is_some(),
    read: read_files,
};

/// Returns the name of the folder, `NAME-VERSION-RELEASE`, if `path` is the file `name` in the folder of a package.
fn package_folder<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let (database, folder) = path.strip_suffix(name)?.strip_suffix('/')?.rsplit_once('/')?;
    // Systems that keep `var` out of their images have it below `usr/lib/sysimage`.
    let known = ["var/lib/pacman", "usr/lib/sysimage/lib/pacman", "usr/lib/sysimage/pacman"];
    known.iter().any(|home| super::is_file_of(database, home, "local")).then_some(folder)
}

/// Reads a `desc` file.
pub fn parse_desc(bytes: &[u8], path: &FilePath, found: &mut Found) {
    let mut complaints = Complaints::default();
    let [mut name, mut version, mut base, mut arch, mut packager] = [&b""[..]; 5];
    let mut licenses = Vec::new();
    fields(bytes, |field, value| match field {
        b"NAME" => name = value,
        b"VERSION" => version = value,
        b"BASE" => base = value,
        b"ARCH" => arch = value,
        b"PACKAGER" => packager = value,
        b"LICENSE" if licenses.len() < 64 => licenses.extend(optional(value)),
        _ => {}
    });
    if name.is_empty() {
        complaints.add(GapReason::Malformed, || "names no package");
    } else {
        if version.is_empty() {
            complaints.add(GapReason::Incomplete, || "the package has no version");
        }
        let text = |bytes| optional(bytes).unwrap_or_default();
        let mut package = Package::new(PackageKind::Pacman, text(name), text(version), path);
        package.arch = optional(arch);
        package.source = optional(base)
            .filter(|base| *base != package.name)
            .map(|name| SourcePackage { name, version: None });
        package.vendor = optional(packager).filter(|p| p != "Unknown Packager");
        package.licenses = licenses;
        found.package(package);
    }
    complaints.report(path, found);
}

fn read_files(file: &mut File<'_>, found: &mut Found) -> io::Result<()> {
    let Some(bytes) = found.read(file)? else { return Ok(()) };
    let Some(folder) = package_folder(file.path, "files") else { return Ok(()) };
    // The name may hold dashes; version and release do not.
    let Some(package) = folder.rsplitn(3, '-').nth(2) else {
        found.gap(file.path, GapReason::Malformed, "its folder is not named after a package");
        return Ok(());
    };
    let files = parse_files(&bytes);
    if !files.is_empty() {
        found.records.push(Record::OwnedFiles { package: package.into(), files });
    }
    Ok(())
}

/// Reads the paths of a `files` file, without the folders, which end with a slash.
pub fn parse_files(bytes: &[u8]) -> OwnedFiles {
    let mut files = OwnedFiles::default();
    fields(bytes, |field, value| {
        if field == b"FILES" && !value.ends_with(b"/") {
            push_path(&mut files, value);
        }
    });
    files
}

fn fields<'a>(bytes: &'a [u8], mut each: impl FnMut(&'a [u8], &'a [u8])) {
    let mut field: &[u8] = b"";
    for line in raw_lines(bytes).map(<[u8]>::trim_ascii) {
        match line {
            [] => field = b"",
            [b'%', name @ .., b'%'] if field.is_empty() => field = name,
            value if !field.is_empty() => each(field, value),
            _ => {}
        }
    }
}

fn optional(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESC: &str = "%NAME%\nlibc++\n\n%VERSION%\n1:17.0.6-2\n\n%BASE%\nlibc++-src\n\n%DESC%\n%NAME%\n\n%ARCH%\nx86_64\n\n\
                        %PACKAGER%\nSomeone <a@b.example>\n\n%LICENSE%\nApache-2.0\nMIT\n\n%FILES%\n";

    #[test]
    fn a_package_is_read_from_its_folder() {
        let path = FilePath::from("var/lib/pacman/local/libc++-1:17.0.6-2/desc");
        let mut found = Found::default();
        parse_desc(DESC.as_bytes(), &path, &mut found);
        let [Record::Package(package)] = &found.records[..] else { panic!("{found:?}") };
        assert_eq!((package.name.as_str(), package.version.as_str()), ("libc++", "1:17.0.6-2"));
        assert_eq!(
            (package.source_name(), package.arch.as_deref()),
            ("libc++-src", Some("x86_64"))
        );
        assert_eq!(package.licenses, ["Apache-2.0", "MIT"]);
        assert_eq!(package.vendor.as_deref(), Some("Someone <a@b.example>"));

        let files =
            parse_files(b"%FILES%\nusr/\nusr/lib/\nusr/lib/libc++.so\n\n%BACKUP%\netc/x\tabc\n");
        assert_eq!(files.iter().collect::<Vec<_>>(), ["usr/lib/libc++.so"]);
    }

    #[test]
    fn what_is_missing_is_a_gap() {
        for (text, want) in [
            ("", "malformed: names no package"),
            ("%NAME%\n", "malformed: names no package"),
            ("NAME\nx\n", "malformed: names no package"),
            ("%NAME%\nx\n\n%VERSION%\n", "incomplete: the package has no version"),
        ] {
            let mut found = Found::default();
            parse_desc(text.as_bytes(), &FilePath::from("desc"), &mut found);
            assert_eq!(super::super::show(&found).1, [want], "{text:?}");
        }
    }

    #[test]
    fn folders_are_told() {
        let folder = |path| package_folder(path, "desc");
        assert_eq!(folder("var/lib/pacman/local/a-1-1/desc"), Some("a-1-1"));
        assert_eq!(folder("usr/lib/sysimage/lib/pacman/local/a-1-1/desc"), Some("a-1-1"));
        assert_eq!(folder("var/lib/pacman/local/desc"), None);
        assert_eq!(folder("var/lib/pacman/sync/a-1-1/desc"), None);
    }
}
