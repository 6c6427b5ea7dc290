//! From a package to its URL, and from a URL to what it says of a package.

use hullmark_oci::FilePath;

use super::PackageUrl;
use crate::os_release::OsRelease;
use crate::package::{Package, PackageKind, SourcePackage};

/// Returns the package URL of `package` in a system `os`.
///
/// Operating-system packages get the distribution as namespace and the qualifiers `arch`, `distro=ID-RELEASE`, `upstream` (source
/// package, `NAME` or `NAME@VERSION`; the source RPM's file name for rpm), `epoch` and `rpmmod` that scanners write and read.
/// A name that the type folds (`Django_x`) is folded. A package without a name, which no cataloguer makes, is called `_`.
pub fn of(package: &Package, os: Option<&OsRelease>) -> PackageUrl {
    let (namespace, name) = split_name(package);
    let name = if name.is_empty() { "_" } else { name };
    let url = PackageUrl::new(type_of(package.kind), name)
        .expect("types come from a table and the name is not empty");
    match package.kind {
        kind if kind.is_os() => of_os_package(url, package, os),
        PackageKind::Go if package.name == "stdlib" => {
            url.with_version(package.version.strip_prefix("go").unwrap_or(&package.version))
        }
        PackageKind::Conda => ["build", "channel", "subdir"].into_iter().fold(
            url.with_version(&package.version),
            |url, key| {
                let property = package.property(&format!("conda.{key}"));
                url.with_qualifier(key, property.unwrap_or_default())
            },
        ),
        PackageKind::Bitnami => url
            .with_version(&package.version)
            .with_qualifier("arch", package.arch.as_deref().unwrap_or_default())
            .with_qualifier("distro", &os.map(distro).unwrap_or_default()),
        _ => url.with_namespace(namespace).with_version(&package.version),
    }
}

/// Returns what a URL says of a package; `None` for a type that no cataloguer finds and no advisory names.
///
/// The evidence path is empty: a URL does not say where a package lies.
pub fn to_package(url: &PackageUrl) -> Option<Package> {
    let kind = kind_of(url.kind())?;
    let name = join_name(kind, url);
    let version = url.version().unwrap_or_default();
    let mut package = Package::new(kind, name, version, &FilePath::default());
    if kind.is_os() || kind == PackageKind::Bitnami {
        package.arch = url.qualifier("arch").map(Into::into);
    }
    match kind {
        PackageKind::Rpm => {
            if let Some(epoch) = url.qualifier("epoch").filter(|e| is_digits(e)) {
                package.version = format!("{epoch}:{version}");
            }
            package.module = url.qualifier("rpmmod").map(Into::into);
            package.source = url.qualifier("upstream").map(|u| source_rpm(u, &package.version));
        }
        PackageKind::Deb | PackageKind::Apk | PackageKind::Opkg | PackageKind::Pacman => {
            package.source = url.qualifier("upstream").map(source);
        }
        PackageKind::Conda => {
            for key in ["build", "channel", "subdir"] {
                package
                    .set_property(&format!("conda.{key}"), url.qualifier(key).unwrap_or_default());
            }
        }
        _ => {}
    }
    Some(package)
}

/// Returns the operating system that a URL of one of its packages names.
///
/// From `distro=ID-RELEASE`; failing that the namespace alone, which leaves the release empty.
pub fn os_of(url: &PackageUrl) -> Option<OsRelease> {
    if !kind_of(url.kind())?.is_os() {
        return None;
    }
    let namespace = url.namespace().map(distribution_of);
    let Some(distro) = url.qualifier("distro") else {
        return Some(OsRelease { id: namespace?, ..OsRelease::default() });
    };
    let numbered =
        distro.rsplit_once('-').filter(|(_, r)| r.starts_with(|c: char| c.is_ascii_digit()));
    // `debian-sid`; but `opensuse-tumbleweed`, of the vendor `opensuse`, is one name.
    let named = || {
        let id = namespace.as_deref().filter(|id| *id != "opensuse")?;
        Some((id, distro.strip_prefix(id)?.strip_prefix('-')?))
    };
    let (id, release) = numbered.or_else(named).unwrap_or((distro, ""));
    let mut os = OsRelease { id: distribution_of(id), ..OsRelease::default() };
    if release.starts_with(|c: char| c.is_ascii_alphabetic()) {
        os.codename = Some(release.into());
    } else {
        os.version_id = release.into();
    }
    Some(os)
}

/// Returns the type of URLs for packages of `kind`.
fn type_of(kind: PackageKind) -> &'static str {
    match kind {
        PackageKind::Deb => "deb",
        PackageKind::Rpm => "rpm",
        PackageKind::Apk => "apk",
        PackageKind::Pacman => "alpm",
        PackageKind::Opkg => "opkg",
        PackageKind::Python => "pypi",
        PackageKind::Npm => "npm",
        PackageKind::Go => "golang",
        PackageKind::Cargo => "cargo",
        PackageKind::Maven => "maven",
        PackageKind::Gem => "gem",
        PackageKind::Composer => "composer",
        PackageKind::Nuget => "nuget",
        PackageKind::Conda => "conda",
        PackageKind::Homebrew => "brew",
        PackageKind::Bitnami => "bitnami",
        PackageKind::Binary => "generic",
    }
}

fn kind_of(kind: &str) -> Option<PackageKind> {
    PackageKind::ALL.into_iter().find(|k| type_of(*k) == kind)
}

/// Splits a package's name into the namespace and name of its URL.
fn split_name(package: &Package) -> (&str, &str) {
    let separator = match package.kind {
        PackageKind::Npm if package.name.starts_with('@') => '/',
        PackageKind::Go | PackageKind::Composer => '/',
        PackageKind::Maven => ':',
        _ => return ("", &package.name),
    };
    let split = package.name.rsplit_once(separator).filter(|(_, name)| !name.is_empty());
    split.unwrap_or(("", &package.name))
}

fn join_name(kind: PackageKind, url: &PackageUrl) -> String {
    let separator = match kind {
        PackageKind::Npm | PackageKind::Go | PackageKind::Composer => '/',
        PackageKind::Maven => ':',
        _ => return url.name().into(),
    };
    match url.namespace() {
        Some(namespace) => format!("{namespace}{separator}{}", url.name()),
        None => url.name().into(),
    }
}

fn of_os_package(url: PackageUrl, package: &Package, os: Option<&OsRelease>) -> PackageUrl {
    let (epoch, version) = match package.version.split_once(':') {
        Some((epoch, version)) if package.kind == PackageKind::Rpm => (epoch, version),
        _ => ("", package.version.as_str()),
    };
    let upstream = package.source.as_ref().map(|s| upstream(package, s)).unwrap_or_default();
    url.with_namespace(os.map(|os| vendor_of(&os.id)).unwrap_or_default())
        .with_version(version)
        .with_qualifier("arch", package.arch.as_deref().unwrap_or_default())
        .with_qualifier("distro", &os.map(distro).unwrap_or_default())
        .with_qualifier("epoch", if is_digits(epoch) { epoch } else { "" })
        .with_qualifier("rpmmod", package.module.as_deref().unwrap_or_default())
        .with_qualifier("upstream", &upstream)
}

/// Returns the `upstream` qualifier; empty when it would repeat the package's own name.
fn upstream(package: &Package, source: &SourcePackage) -> String {
    let version = source.version.as_deref();
    if package.kind == PackageKind::Rpm {
        let version = version.unwrap_or(&package.version);
        let without_epoch = version.split_once(':').map_or(version, |(_, v)| v);
        return format!("{}-{without_epoch}.src.rpm", source.name);
    }
    match version {
        Some(version) => format!("{}@{version}", source.name),
        None if source.name == package.name => String::new(),
        None => source.name.clone(),
    }
}

fn source(upstream: &str) -> SourcePackage {
    let (name, version) = match upstream.split_once('@') {
        Some((name, version)) => (name, Some(version.into())),
        None => (upstream, None),
    };
    SourcePackage { name: name.into(), version }
}

/// Reads `NAME-VERSION-RELEASE.src.rpm`. Such a name has no epoch, here as in the package database.
fn source_rpm(upstream: &str, own: &str) -> SourcePackage {
    let stem = upstream.strip_suffix(".src.rpm").or_else(|| upstream.strip_suffix(".nosrc.rpm"));
    let parts = stem
        .and_then(|stem| stem.rsplit_once('-'))
        .and_then(|(rest, release)| Some((rest.rsplit_once('-')?, release)));
    let Some(((name, version), release)) = parts else {
        return source(upstream);
    };
    let own = own.split_once(':').map_or(own, |(_, version)| version);
    let version = format!("{version}-{release}");
    SourcePackage { name: name.into(), version: (version != own).then_some(version) }
}

/// Returns `ID-RELEASE`, or the code name where a distribution has no release number.
fn distro(os: &OsRelease) -> String {
    let release =
        if os.version_id.is_empty() { os.codename.as_deref() } else { Some(&*os.version_id) };
    match release {
        Some(release) => format!("{}-{release}", os.id),
        None => os.id.clone(),
    }
}

/// Returns the vendor that URLs name for a distribution: two of them are not the `ID` of os-release.
fn vendor_of(id: &str) -> &str {
    match id {
        "rhel" => "redhat",
        id if id.starts_with("opensuse") => "opensuse",
        id => id,
    }
}

/// Returns the `ID` of os-release for a distribution as vendors and other tools name it.
pub(crate) fn distribution_of(name: &str) -> String {
    let name = name.to_lowercase();
    let id = match name.as_str() {
        "redhat" => "rhel",
        "alma" => "almalinux",
        "oracle" => "ol",
        "amazon" => "amzn",
        "cbl-mariner" => "mariner",
        "azure" => "azurelinux",
        "suse linux enterprise server" => "sles",
        "opensuse.leap" => "opensuse-leap",
        "opensuse.tumbleweed" => "opensuse-tumbleweed",
        _ => return name,
    };
    id.into()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(kind: PackageKind, name: &str, version: &str) -> Package {
        Package::new(kind, name, version, &FilePath::default())
    }

    fn os(id: &str, version_id: &str) -> OsRelease {
        OsRelease { id: id.into(), version_id: version_id.into(), ..OsRelease::default() }
    }

    #[test]
    fn packages_become_urls_and_come_back() {
        use PackageKind::*;
        for (kind, name, version, want) in [
            (Python, "zope.interface", "5.4", "pkg:pypi/zope.interface@5.4"),
            (Npm, "@babel/core", "7.0.0", "pkg:npm/%40babel/core@7.0.0"),
            (Npm, "left-pad", "1.3.0", "pkg:npm/left-pad@1.3.0"),
            (Go, "golang.org/x/sys", "v0.1.0", "pkg:golang/golang.org/x/sys@v0.1.0"),
            (Go, "stdlib", "1.22.1", "pkg:golang/stdlib@1.22.1"),
            (Cargo, "serde", "1.0.1", "pkg:cargo/serde@1.0.1"),
            (Maven, "org.yaml:snakeyaml", "1.33", "pkg:maven/org.yaml/snakeyaml@1.33"),
            (Maven, "noname", "1", "pkg:maven/noname@1"),
            (Maven, "odd:", "1", "pkg:maven/odd:@1"),
            (Gem, "rack", "2.2.6", "pkg:gem/rack@2.2.6"),
            (Composer, "monolog/monolog", "2.0", "pkg:composer/monolog/monolog@2.0"),
            (Nuget, "Newtonsoft.Json", "13.0.1", "pkg:nuget/Newtonsoft.Json@13.0.1"),
            (Homebrew, "xz", "5.4", "pkg:brew/xz@5.4"),
            (Bitnami, "redis", "7.0-1", "pkg:bitnami/redis@7.0-1"),
            (Binary, "busybox", "1.36.1", "pkg:generic/busybox@1.36.1"),
            (Deb, "libc6", "", "pkg:deb/libc6"),
        ] {
            let package = package(kind, name, version);
            let url = of(&package, None);
            assert_eq!(url.to_string(), want);
            assert_eq!(to_package(&url), Some(package), "{want}");
        }
        assert_eq!(
            of(&package(Go, "stdlib", "go1.22.1"), None).to_string(),
            "pkg:golang/stdlib@1.22.1"
        );
        assert_eq!(of(&package(Cargo, "", "1"), None).to_string(), "pkg:cargo/_@1");
        assert_eq!(to_package(&"pkg:swift/github.com/a/b@1".parse().unwrap()), None);
    }

    #[test]
    fn operating_system_packages_keep_source_epoch_and_module() {
        use PackageKind::*;
        let source = |name: &str, version: Option<&str>| {
            Some(SourcePackage { name: name.into(), version: version.map(Into::into) })
        };
        for (kind, name, version, source, os, want) in [
            (
                Deb,
                "passwd",
                "1:4.13",
                source("shadow", None),
                os("debian", "12"),
                "pkg:deb/debian/passwd@1:4.13?arch=a&distro=debian-12&upstream=shadow",
            ),
            (
                Deb,
                "gcc",
                "4:12.2",
                source("gcc-defaults", Some("1.203")),
                os("debian", "12"),
                "pkg:deb/debian/gcc@4:12.2?arch=a&distro=debian-12&upstream=gcc-defaults%401.203",
            ),
            (
                Apk,
                "libcrypto3",
                "3.1-r0",
                source("openssl", None),
                os("alpine", "3.18.2"),
                "pkg:apk/alpine/libcrypto3@3.1-r0?arch=a&distro=alpine-3.18.2&upstream=openssl",
            ),
            (
                Rpm,
                "glibc-common",
                "2.34-1.el9",
                source("glibc", None),
                os("rhel", "9.2"),
                "pkg:rpm/redhat/glibc-common@2.34-1.el9?arch=a&distro=rhel-9.2&upstream=glibc-2.34-1.el9.src.rpm",
            ),
            (
                Rpm,
                "perl-Errno",
                "0:1.30-9",
                source("perl", Some("5.32-4")),
                os("fedora", "39"),
                "pkg:rpm/fedora/perl-Errno@1.30-9?arch=a&distro=fedora-39&epoch=0&upstream=perl-5.32-4.src.rpm",
            ),
            (
                Rpm,
                "zypper",
                "1.14-1",
                None,
                os("opensuse-leap", "15.5"),
                "pkg:rpm/opensuse/zypper@1.14-1?arch=a&distro=opensuse-leap-15.5",
            ),
            (
                Pacman,
                "pacman",
                "1:6.0-1",
                None,
                os("arch", ""),
                "pkg:alpm/arch/pacman@1:6.0-1?arch=a&distro=arch",
            ),
        ] {
            let mut package = package(kind, name, version);
            package.arch = Some("a".into());
            package.source = source;
            let url = of(&package, Some(&os));
            assert_eq!(url.to_string(), want);
            assert_eq!(to_package(&url), Some(package), "{want}");
            assert_eq!(os_of(&url), Some(os), "{want}");
        }
        let mut npm = package(Rpm, "npm", "1:8.19-1");
        npm.module = Some("nodejs:18:123:abc".into());
        assert_eq!(to_package(&of(&npm, None)), Some(npm));
    }

    #[test]
    fn the_system_is_read_from_what_there_is() {
        let sid = OsRelease { codename: Some("sid".into()), ..os("debian", "") };
        for (url, want) in [
            ("pkg:deb/debian/x@1?distro=debian-12", Some(os("debian", "12"))),
            ("pkg:deb/debian/x@1?distro=debian-sid", Some(sid)),
            ("pkg:deb/debian/x@1", Some(os("debian", ""))),
            ("pkg:rpm/redhat/x@1", Some(os("rhel", ""))),
            ("pkg:rpm/amazon/x@1?distro=amzn-2", Some(os("amzn", "2"))),
            (
                "pkg:rpm/opensuse/x@1?distro=opensuse-tumbleweed-20240101",
                Some(os("opensuse-tumbleweed", "20240101")),
            ),
            (
                "pkg:rpm/opensuse/x@1?distro=opensuse-tumbleweed",
                Some(os("opensuse-tumbleweed", "")),
            ),
            ("pkg:deb/x@1", None),
            ("pkg:npm/x@1?distro=debian-12", None),
        ] {
            assert_eq!(os_of(&url.parse().unwrap()), want, "{url}");
        }
    }

    #[test]
    fn odd_source_rpms_do_no_harm() {
        for (upstream, name, version) in [
            ("perl-5.32-4.src.rpm", "perl", Some("5.32-4")),
            ("perl-5.32-4.nosrc.rpm", "perl", Some("5.32-4")),
            ("perl", "perl", None),
            ("perl@5.32", "perl", Some("5.32")),
            ("a.src.rpm", "a.src.rpm", None),
            ("-1-2.src.rpm", "", Some("1-2")),
            (".src.rpm", ".src.rpm", None),
        ] {
            let got = source_rpm(upstream, "1-1");
            assert_eq!((&*got.name, got.version.as_deref()), (name, version), "{upstream}");
        }
    }
}
