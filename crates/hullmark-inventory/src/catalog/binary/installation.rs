//! Files beside programs that say which version is installed: Java's `release`, Go's `VERSION`, and their like.

use std::io;

use hullmark_oci::FilePath;

use crate::GapReason;
use crate::package::{Package, PackageKind};

use super::super::{Cataloger, File, Found};

pub(super) const CATALOGER: Cataloger =
    Cataloger { name: "installation", wants: |path| Installation::of(path).is_some(), read };

/// Bytes of such a file; real ones have a few hundred.
const MAX_BYTES: u64 = 256 * 1024;

/// What is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Installation {
    Java,
    Go,
    Erlang,
    WordPress,
    DotNet,
    AspNet,
}

impl Installation {
    /// Returns what a file of this path speaks for.
    fn of(path: &FilePath) -> Option<Self> {
        match path.file_name() {
            // Distributions have other files of this name at other places.
            "release" if !path.is_under("etc") && path.contains('/') => Some(Self::Java),
            "VERSION" if path.ends_with("go/VERSION") => Some(Self::Go),
            "OTP_VERSION" if path.contains("releases/") => Some(Self::Erlang),
            "version.php" if path.ends_with("wp-includes/version.php") => Some(Self::WordPress),
            ".version" if path.contains("shared/Microsoft.NETCore.App/") => Some(Self::DotNet),
            ".version" if path.contains("shared/Microsoft.AspNetCore.App/") => Some(Self::AspNet),
            _ => None,
        }
    }

    fn package(self, text: &str, path: &FilePath) -> Option<Package> {
        let (name, cpe, bitnami, version) = match self {
            Self::Java => return java(text, path),
            Self::Go => {
                let version = super::module::toolchain_version(text.lines().next()?.trim())?;
                ("go", "golang:go", "golang", version)
            }
            Self::Erlang => {
                let version = text.lines().next()?.trim().trim_end_matches("**");
                ("erlang", "erlang:erlang\\/otp", "erlang", version.to_owned())
            }
            Self::WordPress => {
                let line = text.lines().find(|line| line.trim().starts_with("$wp_version"))?;
                let value = line.split_once('=')?.1.trim().trim_end_matches(';');
                ("wordpress", "wordpress:wordpress", "wordpress", unquote(value).to_owned())
            }
            Self::DotNet => ("dotnet-runtime", "microsoft:.net", "dotnet", dot_net(text, path)?),
            Self::AspNet => (
                "aspnetcore-runtime",
                "microsoft:asp.net_core",
                "aspnet-core",
                dot_net(text, path)?,
            ),
        };
        let mut package = Package::new(PackageKind::Binary, name, version, path);
        package.set_property("cpe", cpe);
        package.set_property("bitnami", bitnami);
        is_version(&package.version).then_some(package)
    }
}

fn read(file: &mut File<'_>, found: &mut Found) -> io::Result<()> {
    let Some(installation) = Installation::of(file.path) else { return Ok(()) };
    if file.size > MAX_BYTES {
        // Not what it was taken for.
        return Ok(());
    }
    let Some(bytes) = found.read(file)? else { return Ok(()) };
    let text = String::from_utf8_lossy(&bytes);
    match installation.package(&text, file.path) {
        Some(package) => found.package(package),
        // Other software has files called `release` too.
        None if installation == Installation::Java && !text.contains("JAVA_VERSION=") => {}
        None => found.gap(file.path, GapReason::Malformed, "no version where one should be"),
    }
    Ok(())
}

fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.len() <= 128
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-+~".contains(c))
}

fn unquote(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

/// See: OpenJDK's `make/ReleaseFile.gmk`.
fn java(text: &str, path: &FilePath) -> Option<Package> {
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find(|(name, _)| name.trim() == key).map(|(_, value)| unquote(value))
    };
    let version = value("JAVA_VERSION").filter(|version| is_version(version))?;
    let vendor = value("IMPLEMENTOR").unwrap_or_default();
    let (product, cpe) = match (value("GRAALVM_VERSION"), vendor) {
        (Some(_), _) => ("graalvm", "oracle:graalvm"),
        (None, "Oracle Corporation") => ("jdk", "oracle:jdk"),
        (None, _) => ("java", "oracle:openjdk"),
    };
    let mut package = Package::new(PackageKind::Binary, product, version, path);
    package.vendor = Some(vendor.to_owned()).filter(|vendor| !vendor.is_empty());
    package.set_property("cpe", cpe);
    package.set_property("bitnami", "java");
    package.set_property("java.full-version", value("JAVA_RUNTIME_VERSION").unwrap_or_default());
    Some(package)
}

/// The second line is the version; the folder is named like it.
fn dot_net(text: &str, path: &FilePath) -> Option<String> {
    let folder = path.parent()?;
    let version = text.lines().nth(1).map(str::trim).filter(|version| is_version(version));
    Some(version.unwrap_or_else(|| folder.file_name()).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hullmark_oci::Limits;

    fn read_one(path: &str, content: &str) -> (Vec<String>, usize) {
        let path = FilePath::from(path);
        let mut found = Found::default();
        if (CATALOGER.wants)(&path) {
            let (limits, mut stream) = (Limits::default(), content.as_bytes());
            let mut file = File::new(&path, content.len() as u64, 0o644, &mut stream, &limits);
            (CATALOGER.read)(&mut file, &mut found).unwrap();
        }
        let show = |record: &crate::fragment::Record| match record {
            crate::fragment::Record::Package(package) => {
                format!("{} {}", package.name, package.version)
            }
            other => format!("{other:?}"),
        };
        (found.records.iter().map(show).collect(), found.gaps.len())
    }

    #[test]
    fn installations_say_their_version() {
        for (path, content, want, gaps) in [
            (
                "opt/java/openjdk/release",
                "IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_RUNTIME_VERSION=\"17.0.9+9\"\nJAVA_VERSION=\"17.0.9\"\n",
                "java 17.0.9",
                0,
            ),
            (
                "usr/lib/jvm/x/release",
                "JAVA_VERSION=\"1.8.0_392\"\nOS_NAME=\"Linux\"\n",
                "java 1.8.0_392",
                0,
            ),
            ("usr/lib/jvm/x/release", "JAVA_VERSION=\"$(rm)\"\n", "", 1),
            ("opt/other/release", "VERSION=1\n", "", 0),
            ("etc/release", "JAVA_VERSION=\"17.0.9\"\n", "", 0),
            ("usr/local/go/VERSION", "go1.21.3\ntime 2023-10-09T17:04:35Z\n", "go 1.21.3", 0),
            ("usr/local/go/VERSION", "1.21.3\n", "", 1),
            ("usr/lib/erlang/releases/25/OTP_VERSION", "25.2.3\n", "erlang 25.2.3", 0),
            (
                "srv/wp-includes/version.php",
                "<?php\n$wp_version = '6.4.1';\n",
                "wordpress 6.4.1",
                0,
            ),
            ("srv/wp-includes/version.php", "<?php\n$wp_version = f();\n", "", 1),
            (
                "usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/.version",
                "bf5e279d9239bfef5bb1b8d6212f1b971c434606\n8.0.1\nlinux-x64\n",
                "dotnet-runtime 8.0.1",
                0,
            ),
        ] {
            let want: Vec<_> =
                Some(want.to_owned()).into_iter().filter(|w| !w.is_empty()).collect();
            assert_eq!(read_one(path, content), (want, gaps), "{path}: {content}");
        }
    }
}
