//! Tests of `language`: fixtures of real packages against what other tools find in them, and hostile twins.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::LazyLock;

use hullmark_inventory::catalog::{self, File, Found};
use hullmark_inventory::fragment::Record;
use hullmark_inventory::{GapReason, Package};
use hullmark_oci::{FilePath, Limits};
use proptest::prelude::*;
use serde_json::Value;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// What the cataloguers make of one file; nothing if none wants it.
pub(crate) fn read(path: &str, bytes: &[u8]) -> Found {
    read_within(path, bytes, &Limits::default())
}

/// The same within other limits.
pub(crate) fn read_within(path: &str, bytes: &[u8], limits: &Limits) -> Found {
    let (path, mut found, mut content) = (FilePath::from(path), Found::default(), bytes);
    if let Some(cataloger) = catalog::catalogers().find(|c| (c.wants)(&path)) {
        let mut file = File::new(&path, bytes.len() as u64, 0o644, &mut content, limits);
        (cataloger.read)(&mut file, &mut found).unwrap();
    }
    found
}

/// The packages among what was found.
pub(crate) fn packages(found: &Found) -> Vec<&Package> {
    found
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Package(package) => Some(&**package),
            _ => None,
        })
        .collect()
}

/// `name version` of each package, sorted.
pub(crate) fn names(found: &Found) -> Vec<String> {
    let mut names: Vec<_> =
        packages(found).iter().map(|p| format!("{} {}", p.name, p.version)).collect();
    names.sort();
    names
}

/// The reasons of the gaps.
pub(crate) fn reasons(found: &Found) -> Vec<GapReason> {
    found.gaps.iter().map(|gap| gap.reason).collect()
}

/// Everything found in a root file system, by path.
fn read_rootfs(root: &Path) -> Found {
    let mut all = Found::default();
    let mut folders = vec![root.to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    for file in files {
        let inside = file.strip_prefix(root).unwrap().to_str().unwrap();
        let found = read(inside, &fs::read(&file).unwrap());
        all.records.extend(found.records);
        all.gaps.extend(found.gaps);
    }
    all
}

/// One fixture: what was found, and `name version` as expected.
struct Fixture {
    found: Found,
    expected: Vec<String>,
}

fn fixture(name: &str) -> Option<Fixture> {
    let folder = hullmark_testkit::shared_data(&format!("packages/{name}"))?;
    let expected: Value =
        serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let mut expected: Vec<String> = expected["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| format!("{} {}", p["name"].as_str().unwrap(), p["version"].as_str().unwrap()))
        .collect();
    expected.sort();
    Some(Fixture { found: read_rootfs(&folder.join("rootfs")), expected })
}

/// A name as PEP 503 folds it: what syft prints, while we keep what the distribution says.
fn fold(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

#[test]
fn python_fixtures_agree() {
    for name in [
        "python-flask-2018",
        "python-trivy-egg-and-dist",
        "python-syft-variants",
        "python-scalibr-wheelegg",
    ] {
        let Some(fixture) = fixture(&format!("python/{name}")) else { return };
        let mut got: Vec<String> = packages(&fixture.found)
            .iter()
            .map(|p| format!("{} {}", fold(&p.name), p.version))
            .collect();
        got.sort();
        assert_eq!(got, fixture.expected, "{name}");
        assert!(fixture.found.gaps.is_empty(), "{name}: {:?}", fixture.found.gaps);
    }
}

#[test]
fn npm_fixtures_agree() {
    for name in ["npm-node-modules", "npm-syft-pkg-json-variants"] {
        let Some(fixture) = fixture(&format!("npm/{name}")) else { return };
        assert_eq!(names(&fixture.found), fixture.expected, "{name}");
        assert!(fixture.found.gaps.is_empty(), "{name}: {:?}", fixture.found.gaps);
    }
}

#[test]
fn npm_descriptions_have_many_shapes() {
    let Some(fixture) = fixture("npm/npm-syft-pkg-json-variants") else { return };
    let by_folder: BTreeMap<String, &Package> = packages(&fixture.found)
        .into_iter()
        .map(|p| (p.path.parent().unwrap().file_name().to_owned(), p))
        .collect();
    for (folder, licenses, vendor) in [
        ("package", "Artistic-2.0", Some("Isaac Z. Schlueter <i@izs.me> (http://blog.izs.me)")),
        (
            "package-license-object",
            "ISC",
            Some("Isaac Z. Schlueter <i@izs.me> (http://blog.izs.me)"),
        ),
        (
            "package-license-objects",
            "MIT,Apache-2.0",
            Some("Isaac Z. Schlueter <i@izs.me> (http://blog.izs.me)"),
        ),
        (
            "package-malformed-license",
            "MIT",
            Some("Isaac Z. Schlueter <i@izs.me> (http://blog.izs.me)"),
        ),
        ("package-no-license", "", Some("Isaac Z. Schlueter <i@izs.me> (http://blog.izs.me)")),
        ("package-nested-author", "Artistic-2.0", Some("Isaac Z. Schlueter")),
    ] {
        let package = by_folder[folder];
        assert_eq!(package.licenses.join(","), licenses, "{folder}");
        assert_eq!(package.vendor.as_deref(), vendor, "{folder}");
    }
    assert_eq!(by_folder["package-private"].property("npm.private"), Some("true"));
}

#[test]
fn npm_gaps() {
    for (path, bytes, want_names, want_gaps) in [
        ("n/node_modules/a/package.json", &br#"{"name":"a"}"#[..], "a ", "Incomplete"),
        ("n/node_modules/a/package.json", br#"{"type":"module"}"#, "", ""),
        ("n/node_modules/a/package.json", br#"{"name":"a","version":"#, "", "Truncated"),
        ("n/node_modules/a/package.json", b"\0\0\0\0", "", "Malformed"),
        ("n/node_modules/a/package.json", b"[1]", "", "Malformed"),
        ("n/node_modules/a/lib/package.json", br#"{"name":"b"}"#, "", ""),
        ("n/node_modules/a/lib/package.json", br#"{"name":"b","version":"1"}"#, "b 1", ""),
        ("n/node_modules/a/test/b/package.json", br#"{"name":"b","version":"1"}"#, "", ""),
        ("srv/package.json", br#"{"private":true,"workspaces":["*"]}"#, "", ""),
        ("srv/package.json", br#"{"name":"app","version":"1.0.0"}"#, "app 1.0.0", ""),
    ] {
        let found = read(path, bytes);
        let gaps: Vec<_> = reasons(&found).iter().map(|r| format!("{r:?}")).collect();
        assert_eq!(
            (names(&found).join(","), gaps.join(",")),
            (want_names.into(), want_gaps.into()),
            "{path}"
        );
    }
}

#[test]
fn python_gaps() {
    for (bytes, want_names, want_gaps) in [
        (&b"Name: a\nVersion: 1\n"[..], "a 1", ""),
        (b"Name: a\n", "a ", "Incomplete"),
        (b"Version: 1\n", "", "Incomplete"),
        (b"", "", "Incomplete"),
        (b"\xff\xfe\x00", "", "Incomplete"),
    ] {
        let found = read("x/a.dist-info/METADATA", bytes);
        let gaps: Vec<_> = reasons(&found).iter().map(|r| format!("{r:?}")).collect();
        assert_eq!(
            (names(&found).join(","), gaps.join(",")),
            (want_names.into(), want_gaps.into())
        );
    }
}

#[test]
fn gem_fixtures_agree() {
    for name in ["gem-trivy", "gem-syft", "gem-debian-rack"] {
        let Some(fixture) = fixture(&format!("gem/{name}")) else { return };
        assert_eq!(names(&fixture.found), fixture.expected, "{name}");
        assert!(fixture.found.gaps.is_empty(), "{name}: {:?}", fixture.found.gaps);
    }
}

#[test]
fn gem_specifications() {
    let at = "usr/lib/ruby/specifications/default/a-1.gemspec";
    for (text, want_names, want_gaps) in [
        ("s.name = \"a\".freeze\ns.version = \"1\"", "a 1", ""),
        ("s.name = %q{a}\n# stub: a 1.2 x86_64-linux lib\nt.version = A::VERSION", "a 1.2", ""),
        ("s.name = 'a'\ns.version = A::VERSION", "a ", "Incomplete"),
        ("", "", "Incomplete"),
        ("\u{feff}\0\0", "", "Incomplete"),
    ] {
        let found = read(at, text.as_bytes());
        assert_eq!(
            (names(&found).join(","), joined(&found)),
            (want_names.into(), want_gaps.into())
        );
    }
    let found = read(at, b"# stub: a 1.2 x86_64-linux lib\ns.licenses = [\"MIT\", 'BSD']");
    let package = packages(&found)[0];
    assert_eq!(package.arch.as_deref(), Some("x86_64-linux"));
    assert_eq!(package.licenses, ["MIT", "BSD"]);
    assert_eq!(package.property("gem.default"), Some("true"));
    let own = read("usr/lib/ruby/gems/a-1/a.gemspec", b"s.name = 'a'");
    assert!(own.records.is_empty() && own.gaps.is_empty());
}

/// The reasons of the gaps in one text.
pub(crate) fn joined(found: &Found) -> String {
    reasons(found).iter().map(|reason| format!("{reason:?}")).collect::<Vec<_>>().join(",")
}

#[test]
fn composer_fixtures_agree() {
    for name in ["composer-syft-composer_1", "composer-syft-composer_2", "composer-trivy"] {
        let Some(fixture) = fixture(&format!("composer/{name}")) else { return };
        assert_eq!(names(&fixture.found), fixture.expected, "{name}");
        assert!(fixture.found.gaps.is_empty(), "{name}: {:?}", fixture.found.gaps);
    }
}

#[test]
fn composer_records() {
    let at = "srv/vendor/composer/installed.json";
    for (text, want_names, want_gaps) in [
        (
            r#"{"packages":[{"name":"a/b","version":"v1"}],"dev-package-names":["a/b"]}"#,
            "a/b v1",
            "",
        ),
        (r#" [{"name":"a/b"}]"#, "a/b ", "Incomplete"),
        (r#"[{"version":"1"}]"#, "", "Incomplete"),
        (r#"{"packages":[{"name":"a/b","version":"v1"}"#, "", "Truncated"),
        (r#"{"packages":{}}"#, "", ""),
    ] {
        let found = read(at, text.as_bytes());
        assert_eq!(
            (names(&found).join(","), joined(&found)),
            (want_names.into(), want_gaps.into())
        );
    }
    let dev =
        read(at, br#"{"packages":[{"name":"a/b","version":"1"}],"dev-package-names":["a/b"]}"#);
    assert_eq!(packages(&dev)[0].property("scope"), Some("dev"));
}

#[test]
fn dotnet_fixtures_agree() {
    for name in [
        "dotnet-syft-testlibrary",
        "dotnet-trivy-happy",
        "dotnet-trivy-multi-project",
        "dotnet-trivy-without-runtime",
        "dotnet-scalibr",
    ] {
        let Some(fixture) = fixture(&format!("dotnet/{name}")) else { return };
        assert_eq!(names(&fixture.found), fixture.expected, "{name}");
        assert!(fixture.found.gaps.is_empty(), "{name}: {:?}", fixture.found.gaps);
    }
}

#[test]
fn dotnet_libraries() {
    for (text, want_names, want_gaps) in [
        (r#"{"libraries":{"runtimepack.M.N/6.0.1":{"type":"runtimepack"}}}"#, "M.N 6.0.1", ""),
        (r#"{"libraries":{"A":{"type":"package"}}}"#, "A ", "Incomplete"),
        (r#"{"libraries":{"/1":{}}}"#, "", "Incomplete"),
        (r#"{"libraries":["A/1"]}"#, "", ""),
        (r#"{"libraries":{"A/1":{"#, "", "Truncated"),
    ] {
        let found = read("app/x.deps.json", text.as_bytes());
        assert_eq!(
            (names(&found).join(","), joined(&found)),
            (want_names.into(), want_gaps.into())
        );
    }
    let pack = read("x.deps.json", br#"{"libraries":{"runtimepack.A/1":{"type":"runtimepack"}}}"#);
    assert_eq!(packages(&pack)[0].property("dotnet.type"), Some("runtimepack"));
}

#[test]
fn conda_homebrew_and_bitnami() {
    let conda = read(
        "opt/conda/conda-meta/openssl-3.0.8-h.json",
        br#"{"name":"openssl","version":"3.0.8","build":"h","channel":"https://c/linux-64","subdir":"linux-64","license":"Apache-2.0","files":["lib/x"]}"#,
    );
    let package = packages(&conda)[0];
    assert_eq!(
        (package.property("conda.build"), package.arch.as_deref()),
        (Some("h"), Some("linux-64"))
    );
    assert_eq!(package.licenses, ["Apache-2.0"]);
    assert!(read("opt/conda/conda-meta/state.json", b"{}").gaps.is_empty());
    assert_eq!(joined(&read("conda-meta/a.json", b"{\"name\":\"a\"")), "Truncated");

    let at = "home/linuxbrew/.linuxbrew/Cellar/jq/1.7_1/INSTALL_RECEIPT.json";
    let brew = read(at, br#"{"source":{"tap":"homebrew/core"}}"#);
    assert_eq!(names(&brew), ["jq 1.7_1"]);
    assert_eq!(packages(&brew)[0].property("homebrew.tap"), Some("homebrew/core"));
    let broken = read(at, b"{");
    assert_eq!((names(&broken), joined(&broken)), (vec!["jq 1.7_1".into()], "Truncated".into()));

    let document = br#"{"spdxVersion":"SPDX-2.3","packages":[
        {"name":"nginx","versionInfo":"1.25.3-0","licenseConcluded":"BSD-2-Clause","supplier":"Organization: V","externalRefs":[
            {"referenceType":"cpe23Type","referenceLocator":"cpe:2.3:*"},
            {"referenceType":"purl","referenceLocator":"pkg:bitnami/nginx@1.25.3-0?arch=amd64#x"}]},
        {"name":"x","versionInfo":"NOASSERTION-less","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:npm/%40s/x@2"}]},
        {"name":"y","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:maven/g/y@3"}]},
        {"name":"pcre","versionInfo":"8","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:generic/pcre@8"}]},
        {"name":"libc6","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:deb/debian/libc6@2"}]},
        {"name":"nobody"}]}"#;
    let bitnami = read("opt/bitnami/nginx/.spdx-nginx.spdx", document);
    assert_eq!(names(&bitnami), ["@s/x NOASSERTION-less", "g:y 3", "nginx 1.25.3-0", "pcre 8"]);
    assert_eq!(joined(&bitnami), "Unsupported");
    assert!(bitnami.gaps[0].detail.ends_with(": libc6, nobody"));
    assert_eq!(packages(&bitnami)[0].vendor.as_deref(), Some("V"));
    assert!(read("srv/nginx/.spdx-nginx.spdx", document).records.is_empty());
}

/// The names that syft prints: artifact without group.
fn artifacts(found: &Found) -> Vec<String> {
    let mut names: Vec<_> = packages(found)
        .iter()
        .map(|p| format!("{} {}", p.name.rsplit(':').next().unwrap(), p.version))
        .collect();
    names.sort();
    names
}

#[test]
fn java_fixtures_agree() {
    for (name, group) in [
        ("jar-libyaml-snake-java", "org.yaml:"),
        ("jar-liblog4j2-java", "org.apache.logging.log4j:"),
        ("jar-libcommons-io-java", "commons-io:"),
    ] {
        let Some(fixture) = fixture(&format!("java/{name}")) else { return };
        assert_eq!(artifacts(&fixture.found), fixture.expected, "{name}");
        assert!(packages(&fixture.found).iter().all(|p| p.name.starts_with(group)), "{name}");
        assert!(fixture.found.gaps.is_empty(), "{name}: {:?}", fixture.found.gaps);
    }
}

#[test]
fn java_metadata_shapes() {
    let Some(fixture) = fixture("java/jar-metadata-scalibr") else { return };
    // syft lists one package, `yolo 0.1.2`, and is silent about the rest. Ours differs:
    // - The bundle's symbolic name is the whole file name, `com.google.src.yolo`: that is the artifact, and the group is what
    //   stands before its last component (as with Eclipse's bundles). syft cuts the name at the last dot.
    // - `pom.properties` at an archive's root is Maven's as much as one under META-INF: found in `simple` and `complex`.
    // - A `pom.properties` without a group is a package with a guess for one: a gap, not silence.
    // - Ten archives inside each other pass the limit of eight: a gap, not silence.
    // File names alone (`no_pom_properties-2.4.0`, `org.eclipse.sisu.inject-0.3.5`) name nothing where there are no classes.
    assert_eq!(fixture.expected, ["yolo 0.1.2"]);
    let shown: Vec<String> = packages(&fixture.found)
        .iter()
        .map(|p| format!("{} {} {}", p.path.file_name(), p.name, p.version))
        .collect();
    assert_eq!(
        shown,
        [
            "com.google.src.yolo-0.1.2.jar com.google.src:com.google.src.yolo 0.1.2",
            "complex.jar com.some.anotherpackage:another-package-name 3.2.1",
            "complex.jar com.some.package:package-name 1.2.3",
            "pom_missing_group_id-2.4.0.jar package-name:package-name 1.2.3",
            "simple.jar com.some.package:package-name 1.2.3",
        ]
    );
    let gaps: Vec<String> = fixture
        .found
        .gaps
        .iter()
        .map(|g| format!("{} {:?}", g.path.file_name(), g.reason))
        .collect();
    assert_eq!(gaps, ["nested_at_10.jar TooDeep", "pom_missing_group_id-2.4.0.jar Incomplete"]);
    let folder =
        hullmark_testkit::shared_data("packages/java/jar-metadata-scalibr/rootfs/app/lib").unwrap();
    let deeper = Limits { archive_depth: 20, ..Limits::default() };
    let found = read_within("a.jar", &fs::read(folder.join("nested_at_10.jar")).unwrap(), &deeper);
    assert_eq!(
        (names(&found), joined(&found)),
        (vec!["com.some.package:package-name 1.2.3".into()], String::new())
    );
}

/// A zip archive of these entries; names ending in `.jar`, `.war` are stored, as Spring Boot does, the rest is deflated.
pub(crate) fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let method = if name.ends_with(".jar") {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const POM: &str = "META-INF/maven/g/a/pom.properties";

fn pom(artifact: &str) -> Vec<u8> {
    format!("groupId=g\nartifactId={artifact}\nversion=1\n").into_bytes()
}

/// A jar that holds one project.
fn library(artifact: &str) -> Vec<u8> {
    archive(&[(POM, &pom(artifact)), ("g/A.class", b"\xca\xfe")])
}

#[test]
fn archives_are_read_to_any_depth() {
    let war = archive(&[("WEB-INF/lib/c-1.jar", &library("c")), ("WEB-INF/classes/x.class", b"")]);
    let ear = archive(&[
        ("lib/a.jar", &library("a")),
        ("web.WAR", &war),
        ("META-INF/maven/g/own/pom.properties", &pom("own")),
        ("META-INF/maven/h/shaded/pom.properties", b"version=2\r\n"),
    ]);
    let found = read("opt/own.ear", &ear);
    assert_eq!(names(&found), ["g:a 1", "g:c 1", "g:own 1", "h:shaded 2"]);
    assert_eq!(joined(&found), "", "{:?}", found.gaps);
    let inner: Vec<_> = packages(&found).iter().map(|p| p.property("archive.path")).collect();
    assert_eq!(inner, [Some("lib/a.jar"), Some("web.WAR!/WEB-INF/lib/c-1.jar"), None, None]);
    assert!(packages(&found).iter().all(|p| p.path.as_str() == "opt/own.ear"));

    // A self-executing archive: a script in front shifts every offset.
    let executable = [b"#!/bin/sh\nexec java -jar $0\n".as_slice(), &ear].concat();
    assert_eq!(names(&read("opt/own.ear", &executable)), names(&found));
    // And a comment or padding behind.
    let padded = [ear.as_slice(), &[0; 300]].concat();
    assert_eq!(names(&read("opt/own.ear", &padded)), names(&found));
}

#[test]
fn archives_say_who_they_are() {
    let manifest =
        |text: &str| archive(&[("META-INF/MANIFEST.MF", text.as_bytes()), ("A.class", b"")]);
    let classes = archive(&[("A.class", b"")]);
    for (path, bytes, want_names, want_gaps) in [
        (
            "a-1.2.jar",
            manifest("Implementation-Vendor-Id: org.x\nImplementation-Version: 1.2.1\n"),
            "org.x:a 1.2",
            "",
        ),
        (
            "a-1.2.jar",
            manifest("Bundle-SymbolicName: org.x.a\nBundle-Version: 1.2.0\n"),
            "org.x:a 1.2",
            "",
        ),
        (
            "a.jar",
            manifest("Bundle-SymbolicName: org.x.a\nBundle-Version: 1.2.0\n"),
            "org.x:a 1.2.0",
            "",
        ),
        ("org.x.b-a-1.2.jar", manifest("Bundle-SymbolicName: org.x.b-a\n"), "org.x:b-a 1.2", ""),
        ("org.x.ba-1.2.jar", manifest("Bundle-SymbolicName: org.x.ba\n"), "org.x:org.x.ba 1.2", ""),
        ("a-1.2.jar", classes.clone(), "a:a 1.2", "Incomplete"),
        ("a.jar", classes.clone(), "", "Incomplete"),
        ("a-1.2-sources.jar", archive(&[("A.java", b"")]), "", ""),
        (
            "rt.jar",
            manifest(
                "Implementation-Title: Java Runtime Environment\nImplementation-Version: 17\n",
            ),
            "",
            "",
        ),
        // Poured into something else, which is then named after its own file.
        ("own-7.jar", library("other"), "g:other 1,own:own 7", "Incomplete"),
        ("own.jar", library("other"), "g:other 1", ""),
        ("old.rar", b"Rar!\x1a\x07".to_vec(), "", ""),
        ("old.jar", b"Rar!\x1a\x07".to_vec(), "", "Malformed"),
        ("empty.jar", Vec::new(), "", "Malformed"),
    ] {
        let found = read(path, &bytes);
        assert_eq!(
            (names(&found).join(","), joined(&found)),
            (want_names.into(), want_gaps.into()),
            "{path}"
        );
    }
    let unpacked = read("srv/app/META-INF/maven/g/a/pom.properties", b"version=1");
    assert_eq!(names(&unpacked), ["g:a 1"]);
    let unpacked =
        read("srv/app/META-INF/MANIFEST.MF", b"Bundle-SymbolicName: org.a.b\nBundle-Version: 1\n");
    assert_eq!(names(&unpacked), ["org.a:b 1"]);
    let nothing = read("srv/app/META-INF/MANIFEST.MF", b"Main-Class: A\n");
    assert!(nothing.records.is_empty() && nothing.gaps.is_empty());
}

#[test]
fn broken_archives_are_gaps() {
    let whole = archive(&[(POM, &pom("a")), ("lib/b.jar", &library("b"))]);
    // Cut anywhere: never a panic, never a whole answer without a gap.
    for end in 0..whole.len() {
        let found = read("a.jar", &whole[..end]);
        assert!(!found.gaps.is_empty(), "cut at {end}");
    }
    let edit = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    let end = memchr::memmem::rfind(&whole, b"PK\x05\x06").unwrap();
    let central = u32::from_le_bytes(whole[end + 16..end + 20].try_into().unwrap()) as usize;
    for (bytes, want) in [
        (edit(central + 8, 1), GapReason::Encrypted),
        (edit(central + 10, 99), GapReason::Unsupported),
        (edit(central + 16, 0x55), GapReason::Malformed), // checksum
        (edit(central + 24, 0), GapReason::Malformed),    // more content than it says
        (edit(central + 24, 0xff), GapReason::Truncated), // less
        (edit(central + 42, 7), GapReason::Malformed),    // a local header that is none
        (edit(central + 45, 0x70), GapReason::Truncated), // outside
        (edit(central + 1, b'Q'), GapReason::Malformed),  // no directory there
        (edit(end + 4, 1), GapReason::Unsupported),       // several parts
        (edit(30, b'm'), GapReason::Malformed),           // two names
    ] {
        let found = read("a.jar", &bytes);
        assert_eq!(reasons(&found).first(), Some(&want), "{:?}", found.gaps);
    }
}

#[test]
fn archives_of_many_entries_and_bombs_are_bounded() {
    let bomb = archive(&[("META-INF/MANIFEST.MF", &vec![b'\n'; 50 << 20])]);
    let limits = Limits { archive_bytes: 1 << 20, ..Limits::default() };
    assert_eq!(reasons(&read_within("a.jar", &bomb, &limits)), [GapReason::TooLarge]);

    // The same bytes under many names, each within the limit, together not.
    let inner = archive(&[("x.txt", &vec![0; 1 << 20])]);
    let names: Vec<String> = (0..64).map(|n| format!("{n}.jar")).collect();
    let entries: Vec<(&str, &[u8])> =
        names.iter().map(|n| (n.as_str(), inner.as_slice())).collect();
    let limits = Limits { archive_bytes: inner.len() as u64 * 10, ..Limits::default() };
    let found = read_within("a.jar", &archive(&entries), &limits);
    assert!(found.gaps.len() <= 50 && reasons(&found).contains(&GapReason::TooLarge));

    let mut deep = library("a");
    for _ in 0..50 {
        deep = archive(&[("n.jar", &deep)]);
    }
    assert_eq!(reasons(&read("a.jar", &deep)), [GapReason::TooDeep]);

    let many: Vec<(&str, &[u8])> = vec![(POM, b""); 1];
    let limits = Limits { archive_entries: 0, ..Limits::default() };
    assert_eq!(reasons(&read_within("a.jar", &archive(&many), &limits)), [GapReason::TooLarge]);
}

#[test]
fn archives_of_more_than_65535_entries_are_read() {
    let names: Vec<String> = (0..70_000).map(|n| format!("{n}")).collect();
    let mut entries: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), &b""[..])).collect();
    let pom = pom("a");
    entries.push((POM, &pom));
    let wide = archive(&entries);
    assert!(memchr::memmem::rfind(&wide, b"PK\x06\x06").is_some(), "not zip64");
    let prepended = [b"#!/bin/sh\n".as_slice(), &wide].concat();
    for bytes in [wide, prepended] {
        let found = read("a.jar", &bytes);
        assert_eq!((self::names(&found), joined(&found)), (vec!["g:a 1".into()], String::new()));
    }
}

#[test]
fn a_repeated_entry_is_a_gap() {
    // The writer refuses two entries of one name: write another of the same length and rename it in both headers.
    let mut bytes = archive(&[("x/pom.properties", &pom("a")), ("y/pom.properties", &pom("b"))]);
    for at in memchr::memmem::find_iter(&bytes.clone(), b"y/pom.properties") {
        bytes[at] = b'x';
    }
    let found = read("a.jar", &bytes);
    assert_eq!((names(&found), joined(&found)), (vec!["g:a 1".into()], "Malformed".into()));
}

#[test]
fn eggs_are_read() {
    let egg = archive(&[("EGG-INFO/PKG-INFO", b"Name: a\nVersion: 1\n"), ("a.py", b"")]);
    assert_eq!(names(&read("x/a-1-py3.egg", &egg)), ["a 1"]);
    assert_eq!(joined(&read("x/a-1-py3.egg", &egg[..50])), "Truncated");
    assert_eq!(joined(&read("x/a-1-py3.egg", b"x")), "Malformed");
    assert_eq!(joined(&read("x/a-1-py3.egg", &archive(&[("a.py", b"")]))), "Incomplete");
}

/// Every kind of installed evidence, as the parsers like it.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let jar = archive(&[
        (
            "META-INF/MANIFEST.MF",
            b"Bundle-SymbolicName: a.b\r\n c;x\r\nImplementation-Version: 1\r\n",
        ),
        (POM, &pom("a")),
        ("BOOT-INF/lib/b.jar", &library("b")),
    ]);
    let mut seeds: Vec<(&str, Vec<u8>)> = [
        ("x/a.dist-info/METADATA", "Name: a\nVersion: 1\nLicense: é\nClassifier: License :: OSI Approved :: MIT\n\nx"),
        ("x/node_modules/a/package.json", r#"{"name":"a","version":"1","license":{"type":"é"},"author":["x"]}"#),
        ("x/specifications/a.gemspec", "# stub: a 1 ruby lib\ns.name = %q<a>\ns.version = \"é\"\ns.licenses = ['x', \"y\"]\n"),
        ("x/composer/installed.json", r#"{"packages":[{"name":"a/b","version":"1"}],"dev-package-names":["a/b"]}"#),
        ("x/a.deps.json", r#"{"libraries":{"runtimepack.a/1":{"type":"package"}}}"#),
        ("conda-meta/a.json", r#"{"name":"a","version":"1"}"#),
        ("x/Cellar/a/1/INSTALL_RECEIPT.json", r#"{"source":{"tap":"x"}}"#),
        ("opt/bitnami/.spdx-a.spdx", r#"{"packages":[{"externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:npm/%40s/a@1%é"}]}]}"#),
        ("META-INF/maven/g/a/pom.properties", "groupId=é\nversion: 1\n"),
        ("META-INF/MANIFEST.MF", "Implementation-Title: é\n x\nBundle-Version: 1\n"),
    ]
    .map(|(path, text)| (path, text.as_bytes().to_vec()))
    .into();
    seeds.push(("x/own-1.jar", jar.clone()));
    seeds.push(("x/a.egg", archive(&[("EGG-INFO/PKG-INFO", b"Name: a\n")])));
    seeds
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn edited_files_do_not_panic(
        seed in 0..12_usize,
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<proptest::sample::Index>(),
    ) {
        static SEEDS: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(seeds);
        let (path, mut bytes) = SEEDS[seed].clone();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read(path, &bytes);
        bytes.truncate(cut.index(bytes.len()));
        read(path, &bytes);
    }
}
