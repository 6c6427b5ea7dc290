//! Who an archive says it is: `MANIFEST.MF`, `pom.properties` and the file name.
//!
//! See: Java SE "JAR File Specification" §"JAR Manifest"; OSGi Core §3.2.1 (bundle headers).

use std::collections::BTreeMap;

/// The attributes that are read of a manifest, in small letters.
const WANTED: [&str; 8] = [
    "implementation-title",
    "implementation-vendor",
    "implementation-vendor-id",
    "implementation-version",
    "bundle-symbolicname",
    "bundle-version",
    "bundle-vendor",
    "bundle-license",
];

/// Bytes of one attribute that are kept; `Export-Package` runs to megabytes, but is not wanted.
const VALUE_BYTES: usize = 4096;

/// The main section of a manifest.
#[derive(Debug, Default)]
pub(super) struct Manifest(BTreeMap<&'static str, String>);

impl Manifest {
    /// Reads the main section, which ends with the first empty line.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut attributes: BTreeMap<&'static str, Vec<u8>> = BTreeMap::new();
        let mut current = None;
        for line in bytes.split(|&b| b == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                break;
            }
            if let Some(more) = line.strip_prefix(b" ") {
                // Lines are cut at 72 bytes, also within a character: join bytes first.
                if let Some(value) = current.and_then(|name| attributes.get_mut(name))
                    && value.len() + more.len() <= VALUE_BYTES
                {
                    value.extend_from_slice(more);
                }
                continue;
            }
            let Some(colon) = memchr::memchr(b':', line) else {
                current = None;
                continue;
            };
            current =
                WANTED.into_iter().find(|name| line[..colon].eq_ignore_ascii_case(name.as_bytes()));
            if let Some(name) = current {
                let value = line[colon + 1..].get(..VALUE_BYTES).unwrap_or(&line[colon + 1..]);
                attributes.insert(name, value.to_vec());
            }
        }
        let trimmed = attributes
            .into_iter()
            .map(|(name, value)| (name, String::from_utf8_lossy(&value).trim().to_owned()));
        Self(trimmed.filter(|(_, value)| is_said(value)).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether the archive is part of a Java runtime, which is identified as a whole elsewhere.
    pub(super) fn is_runtime(&self) -> bool {
        self.get("implementation-title") == Some("Java Runtime Environment")
    }

    /// Returns the licence.
    pub(super) fn license(&self) -> Option<&str> {
        self.get("bundle-license")
    }

    /// Returns the maker.
    pub(super) fn vendor(&self) -> Option<&str> {
        self.get("implementation-vendor").or_else(|| self.get("bundle-vendor"))
    }

    /// Returns the symbolic name without its directives (`a.b;singleton:=true`).
    fn symbolic_name(&self) -> Option<&str> {
        let name = self.get("bundle-symbolicname")?.split(';').next().unwrap_or_default().trim();
        (!name.is_empty()).then_some(name)
    }

    fn implementation_version(&self) -> Option<&str> {
        self.get("implementation-version").filter(|v| is_version(v))
    }

    fn bundle_version(&self) -> Option<&str> {
        self.get("bundle-version").filter(|v| is_version(v))
    }
}

/// Whether a value says something: templates that a build left in do not.
fn is_said(value: &str) -> bool {
    !value.is_empty() && !value.contains("${") && !value.starts_with('@')
}

fn is_version(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit()) && !text.contains(char::is_whitespace)
}

/// Maven coordinates; what is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Coordinates {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
}

impl Coordinates {
    /// Reads a `pom.properties`. Its folders (`META-INF/maven/GROUP/ARTIFACT/`) say what it leaves out.
    pub(super) fn from_properties(bytes: &[u8], path: &str) -> Option<Self> {
        let mut found = Self::default();
        for line in bytes.split(|&b| b == b'\n' || b == b'\r') {
            let line = String::from_utf8_lossy(line);
            let line = line.trim();
            let Some(at) = line.find(['=', ':']).filter(|_| !line.starts_with(['#', '!'])) else {
                continue;
            };
            let value = line[at + 1..].trim();
            let field = match line[..at].trim_end() {
                "groupId" => &mut found.group,
                "artifactId" => &mut found.artifact,
                "version" => &mut found.version,
                _ => continue,
            };
            if is_said(value) {
                *field = value.into();
            }
        }
        if let Some((_, inside)) = path.rsplit_once("META-INF/maven/") {
            let mut folders = inside.split('/');
            for field in [&mut found.group, &mut found.artifact] {
                let folder = folders.next().unwrap_or_default();
                if field.is_empty() && folder != "pom.properties" {
                    *field = folder.into();
                }
            }
        }
        (!found.artifact.is_empty()).then_some(found)
    }

    /// Puts together what manifest and file name (without its extension) say.
    ///
    /// Published files are named after artifact and version, and are right where manifests are not (`dom4j-1.1.jar` says 1.2);
    /// `Bundle-Version` is rewritten for OSGi (`1.33` becomes `1.33.0`), so it comes last.
    pub(super) fn from_manifest(manifest: &Manifest, stem: &str) -> Self {
        let (name, file_version) = split_stem(stem);
        let version = file_version
            .or_else(|| manifest.implementation_version())
            .or_else(|| manifest.bundle_version())
            .unwrap_or_default();
        // Servers name files after group and artifact: `org.x.an-artifact`. Groups and bundles have no dashes.
        let (group, artifact) = match name.rsplit_once('.') {
            Some((group, artifact)) if artifact.contains('-') => (Some(group), artifact),
            _ => (group(manifest, name), name),
        };
        Self {
            group: group.unwrap_or_default().into(),
            artifact: artifact.into(),
            version: version.into(),
        }
    }

    /// Takes what the folders of a repository say: `repository/GROUP/…/ARTIFACT/VERSION/FILE` of Maven, and
    /// `files-2.1/GROUP/ARTIFACT/VERSION/HASH/FILE` of Gradle.
    pub(super) fn from_repository(path: &str) -> Option<Self> {
        let folders: Vec<&str> = path.split('/').collect();
        let (group, artifact, version) =
            if let [.., "files-2.1", group, artifact, version, _, _] = folders[..] {
                (group.to_owned(), artifact, version)
            } else {
                let roots = ["repository", "maven-repo"];
                let root = folders.iter().rposition(|folder| roots.contains(folder))?;
                let [groups @ .., artifact, version, _] = &folders[root + 1..] else {
                    return None;
                };
                (groups.join("."), *artifact, *version)
            };
        let rest = folders.last()?.strip_prefix(artifact)?.strip_prefix('-')?;
        (rest.starts_with(version) && is_version(version) && !group.is_empty()).then(|| Self {
            group,
            artifact: artifact.into(),
            version: version.into(),
        })
    }

    /// Takes only what a manifest says beyond doubt, for folders whose name says nothing.
    pub(super) fn from_manifest_alone(manifest: &Manifest) -> Option<Self> {
        let version = manifest.implementation_version().or_else(|| manifest.bundle_version())?;
        let name = match (manifest.symbolic_name(), manifest.get("implementation-title")) {
            (Some(symbolic), _) => symbolic,
            (None, Some(title)) if !title.contains(char::is_whitespace) => title,
            _ => return None,
        };
        let (stem_group, artifact) = name.rsplit_once('.').unwrap_or(("", name));
        let group = group(manifest, artifact).unwrap_or(stem_group);
        Some(Self { group: group.into(), artifact: artifact.into(), version: version.into() })
    }

    /// Returns the name as packages carry it: `group:artifact`; the artifact stands in for a group that nobody says.
    pub(super) fn name(&self) -> String {
        let group = if self.group.is_empty() { &self.artifact } else { &self.group };
        format!("{group}:{}", self.artifact)
    }
}

/// Returns the group: the vendor's id, or the bundle's symbolic name without the artifact at its end, whichever says more.
fn group<'a>(manifest: &'a Manifest, artifact: &str) -> Option<&'a str> {
    // Nothing is published under `org.apache` itself, but many manifests say it.
    let plain = |id: &&str| !id.contains(char::is_whitespace) && *id != "org.apache";
    let vendor = manifest.get("implementation-vendor-id").filter(plain);
    let symbolic = manifest.symbolic_name().filter(plain);
    let shorter = symbolic.and_then(|name| {
        let cut = name.strip_suffix(artifact).and_then(|rest| rest.strip_suffix('.'));
        cut.filter(|group| !group.is_empty()).or(name.rsplit_once('.').map(|(group, _)| group))
    });
    let bundle = shorter.filter(plain).or(symbolic.filter(|name| name.contains('.')));
    match (vendor, bundle) {
        (Some(vendor), Some(bundle)) if is_within(bundle, vendor) => Some(bundle),
        (Some(vendor), _) => Some(vendor),
        (None, bundle) => bundle,
    }
}

/// Whether `group` is `outer` with more components.
fn is_within(group: &str, outer: &str) -> bool {
    group.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}

/// Splits `artifact-version` or `artifact-version-classifier`.
pub(super) fn split_stem(stem: &str) -> (&str, Option<&str>) {
    let starts = || {
        stem.match_indices('-')
            .map(|(at, _)| at)
            .filter(|&at| at > 0 && stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
    };
    // `log4j-1.2-api-2.19.0`: everything after a version's start belongs to the version.
    if let Some(at) =
        starts().take(16).find(|&at| stem[at + 1..].split('-').skip(1).all(is_qualifier))
    {
        return (&stem[..at], Some(&stem[at + 1..]));
    }
    match starts().next_back() {
        Some(at) => (&stem[..at], stem[at + 1..].split('-').next()),
        None => (stem, None),
    }
}

fn is_qualifier(part: &str) -> bool {
    const WORDS: [&str; 17] = [
        "snapshot",
        "release",
        "final",
        "ga",
        "sp",
        "alpha",
        "beta",
        "milestone",
        "rc",
        "cr",
        "m",
        "jre",
        "android",
        "jdk",
        "pre",
        "incubating",
        "b",
    ];
    let word = part.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    word.is_empty() || WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_split() {
        for (stem, name, version) in [
            ("commons-io-2.11.0", "commons-io", Some("2.11.0")),
            ("log4j-1.2-api-2.19.0", "log4j-1.2-api", Some("2.19.0")),
            ("log4j-1.2-api", "log4j", Some("1.2")),
            ("guava-31.1-jre", "guava", Some("31.1-jre")),
            ("a-1.0-SNAPSHOT", "a", Some("1.0-SNAPSHOT")),
            ("a-1.0-20200101.123456-7", "a", Some("1.0-20200101.123456-7")),
            ("netty-epoll-4.1.100.Final-linux-x86_64", "netty-epoll", Some("4.1.100.Final")),
            ("app", "app", None),
            ("-1", "-1", None),
            ("", "", None),
        ] {
            assert_eq!(split_stem(stem), (name, version), "{stem}");
        }
    }

    #[test]
    fn repositories_tell_the_coordinates() {
        for (path, want) in [
            ("root/.m2/repository/org/x/a/1.0/a-1.0.jar", "org.x:a 1.0"),
            ("root/.m2/repository/org/x/a/1.0/a-1.0-linux.jar", "org.x:a 1.0"),
            ("root/.gradle/caches/modules-2/files-2.1/org.x/a/1.0/0ff/a-1.0.jar", "org.x:a 1.0"),
            ("usr/share/maven-repo/org/x/a/debian/a-debian.jar", ""),
            ("srv/repository/a/1.0/a-1.0.jar", ""),
            ("srv/repository/a-1.0.jar", ""),
            ("srv/org/x/a/1.0/a-1.0.jar", ""),
            ("repository", ""),
            ("", ""),
        ] {
            let found = Coordinates::from_repository(path);
            let shown = found.map(|c| format!("{} {}", c.name(), c.version)).unwrap_or_default();
            assert_eq!(shown, want, "{path}");
        }
    }

    #[test]
    fn groups_are_the_more_telling_of_two() {
        for (text, artifact, want) in [
            ("Implementation-Vendor-Id: org.apache", "commons-chain", None),
            ("Implementation-Vendor-Id: org.x", "a", Some("org.x")),
            (
                "Implementation-Vendor-Id: org.x\nBundle-SymbolicName: org.x.y.a",
                "a",
                Some("org.x.y"),
            ),
            ("Implementation-Vendor-Id: org.z\nBundle-SymbolicName: org.x.y.a", "a", Some("org.z")),
            ("Bundle-SymbolicName: org.apache.velocity", "velocity", Some("org.apache.velocity")),
            (
                "Bundle-SymbolicName: org.apache.commons.lang3",
                "commons-lang3",
                Some("org.apache.commons"),
            ),
            ("Bundle-SymbolicName: a", "a", None),
            ("Implementation-Vendor-Id: The Company", "a", None),
        ] {
            assert_eq!(group(&Manifest::read(text.as_bytes()), artifact), want, "{text}");
        }
    }

    #[test]
    fn manifests_are_unfolded() {
        let manifest = Manifest::read(
            b"Manifest-Version: 1.0\r\nBundle-SymbolicName: org.a\r\n .b;singleton:=true\r\nImplementation-Version: ${v}\r\nBundle-Version: 1.0.0\r\nJunk\r\n x\r\n\r\nImplementation-Title: other\r\n",
        );
        assert_eq!(manifest.symbolic_name(), Some("org.a.b"));
        assert_eq!(
            Coordinates::from_manifest(&manifest, "b"),
            Coordinates { group: "org.a".into(), artifact: "b".into(), version: "1.0.0".into() }
        );
        assert_eq!(Coordinates::from_manifest_alone(&manifest).unwrap().name(), "org.a:b");
        assert!(Manifest::read(b"Implementation-Title: x\n").implementation_version().is_none());
    }

    #[test]
    fn pom_properties_fall_back_on_their_folders() {
        let read = |text: &str, path| Coordinates::from_properties(text.as_bytes(), path);
        let inside = "x/META-INF/maven/g/a/pom.properties";
        let found = read("#c\r\nversion = 1\r\nartifactId=${x}\r\n", inside).unwrap();
        assert_eq!((found.name().as_str(), found.version.as_str()), ("g:a", "1"));
        assert!(read("version=1", "pom.properties").is_none());
        assert!(read("", "META-INF/maven/pom.properties").is_none());
    }
}
