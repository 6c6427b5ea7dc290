//! SBOM documents: valid against the official schemas, the same bytes every time, and back without loss.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};
use std::process::Command;

use hullmark_inventory::os_release::OsRelease;
use hullmark_inventory::package::{Owner, Package, PackageKind, Presence, SourcePackage};
use hullmark_inventory::sbom::{
    Document, Format, Sbom, SbomError, Subject, cyclonedx, json, list, package_ids, read, spdx,
};
use hullmark_inventory::{Executable, Gap, GapReason, Inventory};
use hullmark_oci::{Digest, FilePath, Limits};
use hullmark_testkit::images::OciArchive;
use serde_json::{Value, json};

const REASONS: [GapReason; 13] = [
    GapReason::Malformed,
    GapReason::Truncated,
    GapReason::TooLarge,
    GapReason::TooDeep,
    GapReason::Unsupported,
    GapReason::Encrypted,
    GapReason::Unreadable,
    GapReason::ForeignLayer,
    GapReason::UnreadLink,
    GapReason::Incomplete,
    GapReason::UnknownOs,
    GapReason::NoAdvisories,
    GapReason::StaleAdvisories,
];

type Writer = fn(&Document<'_>) -> Vec<u8>;
const WRITERS: [(Format, Writer); 3] = [
    (Format::CycloneDx, cyclonedx::write),
    (Format::Spdx, spdx::write),
    (Format::Hullmark, json::write),
];

#[test]
fn documents_come_back_as_they_went() {
    for (name, inventory) in inventories() {
        for (format, write) in WRITERS {
            let bytes = write(&document(&inventory));
            let sbom = read(&bytes, &Limits::default()).unwrap();
            assert_eq!(sbom.format, format);
            assert_eq!(sbom.subjects, [subject()], "{name} {format:?}");
            let mut want = inventory.clone();
            match format {
                Format::Hullmark => {}
                Format::Spdx => want.executables.clear(),
                _ => {}
            }
            let mut got = sbom.inventory;
            if format != Format::Hullmark {
                // These two carry licences normalised, and vendors on one line.
                for package in want.packages.iter_mut().chain(&mut got.packages) {
                    package.licenses.clear();
                    package.vendor = package.vendor.take().map(|v| v.replace('\n', " "));
                }
            }
            assert_eq!(got.os, want.os, "{name} {format:?}");
            for (got, want) in got.packages.iter().zip(&want.packages) {
                assert_eq!(got, want, "{name} {format:?}");
            }
            assert_eq!(got.packages.len(), want.packages.len(), "{name} {format:?}");
            assert_eq!(got.gaps, want.gaps, "{name} {format:?}");
            assert_eq!(got.system, want.system, "{name} {format:?}");
            assert_eq!(got.executables, want.executables, "{name} {format:?}");
        }
    }
}

#[test]
fn real_images_come_back_as_they_went() {
    let Some(images) = hullmark_testkit::shared_data("images") else {
        return;
    };
    for name in
        ["debian12-app", "alpine310", "mariner2-rpm", "distroless12-polyglot", "scratch-go-esbuild"]
    {
        let archive = OciArchive::read(&images.join(format!("{name}.oci.tar")));
        let inventory = super::overlay::inventory(&archive.images()[0]);
        assert!(!inventory.packages.is_empty(), "{name}");
        for (format, write) in WRITERS {
            let sbom = read(&write(&document(&inventory)), &Limits::default()).unwrap();
            assert_eq!(sbom.inventory.os, inventory.os, "{name} {format:?}");
            assert_eq!(sbom.inventory.gaps, inventory.gaps, "{name} {format:?}");
            assert_eq!(
                sbom.inventory.packages.len(),
                inventory.packages.len(),
                "{name} {format:?}"
            );
            for (got, want) in sbom.inventory.packages.iter().zip(&inventory.packages) {
                let same = |p: &Package| Package { licenses: Vec::new(), ..p.clone() };
                assert_eq!(same(got), same(want), "{name} {format:?}");
            }
        }
    }
}

#[test]
fn documents_are_the_same_every_time() {
    for (name, inventory) in inventories() {
        for (format, write) in WRITERS {
            let first = write(&document(&inventory));
            assert_eq!(first, write(&document(&inventory.clone())), "{name} {format:?}");
            let sbom = read(&first, &Limits::default()).unwrap();
            let again = Document { inventory: &sbom.inventory, ..document(&inventory) };
            if format == Format::Hullmark {
                assert_eq!(first, write(&again), "{name} {format:?}");
            }
        }
    }
}

#[test]
fn cyclonedx_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/schemas/cyclonedx");
    let validator = validator(&folder.join("bom-1.6.SNAPSHOT.schema.json"));
    for (name, inventory) in inventories() {
        let document = document(&inventory);
        assert_valid(&validator, &cyclonedx::write(&document), name);
        let with_files = Document { owned_files: true, ..document };
        assert_valid(&validator, &cyclonedx::write(&with_files), name);
    }
    let mut broken: Value =
        serde_json::from_slice(&cyclonedx::write(&document(&everything()))).unwrap();
    broken["components"][1]["type"] = json!("wheel");
    assert!(!validator.is_valid(&broken), "the schema must be able to refuse");
}

#[test]
fn spdx_is_valid() {
    let Some(validator) = installed_schema("spdx-2.3.schema.json") else {
        return;
    };
    for (name, inventory) in inventories() {
        assert_valid(&validator, &spdx::write(&document(&inventory)), name);
        let bytes = spdx::write(&document(&inventory));
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        let known: Vec<&str> = value["hasExtractedLicensingInfos"]
            .as_array()
            .map(|infos| infos.iter().filter_map(|i| i["licenseId"].as_str()).collect())
            .unwrap_or_default();
        for package in value["packages"].as_array().unwrap() {
            let declared = package["licenseDeclared"].as_str().unwrap();
            if declared == "NOASSERTION" {
                continue;
            }
            ::spdx::Expression::parse(&declared.replace("GPL-2.0+", "GPL-2.0-or-later"))
                .unwrap_or_else(|e| panic!("{name}: {declared}: {e}"));
            for word in declared.split([' ', '(', ')']).filter(|w| w.starts_with("LicenseRef-")) {
                assert!(known.contains(&word), "{name}: {word} has no text");
            }
        }
    }
    let mut broken: Value = serde_json::from_slice(&spdx::write(&document(&everything()))).unwrap();
    broken["packages"][0]["filesAnalyzed"] = json!("no");
    assert!(!validator.is_valid(&broken), "the schema must be able to refuse");
}

#[test]
fn own_json_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/inventory.v1.json");
    let validator = validator(&root);
    for (name, inventory) in inventories() {
        assert_valid(&validator, &json::write(&document(&inventory)), name);
    }
    let mut broken: Value = serde_json::from_slice(&json::write(&document(&everything()))).unwrap();
    broken["packages"][0]["kind"] = json!("wheel");
    assert!(!validator.is_valid(&broken), "the schema must be able to refuse");
    // Every name that the program can write is in the schema.
    let schema: Value = serde_json::from_slice(&std::fs::read(root).unwrap()).unwrap();
    let kinds: Vec<&str> = PackageKind::ALL.iter().map(|k| k.as_str()).collect();
    assert_eq!(schema["$defs"]["kind"]["enum"], json!(kinds));
    let reasons: Vec<&str> = REASONS.iter().map(|r| r.as_str()).collect();
    assert_eq!(
        schema["properties"]["gaps"]["items"]["properties"]["reason"]["enum"],
        json!(reasons)
    );
}

#[test]
fn every_license_is_written_in_a_way_that_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/schemas/cyclonedx");
    let validator = validator(&folder.join("bom-1.6.SNAPSHOT.schema.json"));
    let package = |license: &str| {
        let path = FilePath::from(license);
        let mut package = Package::new(PackageKind::Npm, "x", "1", &path);
        package.licenses.push(license.into());
        package
    };
    let licenses = ::spdx::identifiers::LICENSES.iter().map(|l| package(l.name));
    let inventory = Inventory { packages: licenses.collect(), ..Inventory::default() };
    assert!(inventory.packages.len() > 700);
    assert_valid(&validator, &cyclonedx::write(&document(&inventory)), "licences");
}

#[test]
fn parts_of_a_cyclonedx_document_are_where_tools_look_for_them() {
    let inventory = everything();
    let bom: Value = serde_json::from_slice(&cyclonedx::write(&document(&inventory))).unwrap();
    assert_eq!(bom["metadata"]["component"]["version"], json!(subject().digest.unwrap().as_str()));
    assert_eq!(bom["metadata"]["timestamp"], json!("2026-01-02T03:04:05Z"));
    assert_eq!(bom["compositions"][0]["aggregate"], json!("incomplete"));
    assert_eq!(bom["components"][0]["type"], json!("operating-system"));
    let components = bom["components"].as_array().unwrap();
    let ids = package_ids(&inventory);
    for (package, id) in inventory.packages.iter().zip(&ids) {
        let found: Vec<_> = components.iter().filter(|c| c["bom-ref"] == json!(id)).collect();
        assert_eq!(found.len(), 1, "{id}");
        if !package.path.is_empty() {
            let location = &found[0]["evidence"]["occurrences"][0]["location"];
            assert_eq!(*location, json!(format!("/{}", package.path)));
        }
    }
    let whole = Inventory { gaps: Vec::new(), ..inventory };
    let bom = cyclonedx::bom(&document(&whole));
    assert!(bom.compositions.is_empty());
    assert!(bom.metadata.properties.iter().all(|p| p.name != "hullmark:gap"));
}

#[test]
fn owned_files_are_written_when_asked_for() {
    let inventory = everything();
    for (format, write) in WRITERS {
        let mut document = document(&inventory);
        document.owned_files = false;
        let without = read(&write(&document), &Limits::default()).unwrap();
        assert!(without.inventory.packages.iter().all(|p| p.files.is_empty()), "{format:?}");
        document.owned_files = true;
        let with = read(&write(&document), &Limits::default()).unwrap();
        let files = |i: &Inventory| i.packages.iter().map(|p| p.files.clone()).collect::<Vec<_>>();
        assert_eq!(files(&with.inventory), files(&inventory), "{format:?}");
    }
}

#[test]
fn the_table_fits_and_cannot_steer_a_terminal() {
    let mut inventory = everything();
    let evil = Package::new(
        PackageKind::Npm,
        "evil\u{1b}]0;owned\u{7}",
        "1\n2",
        &FilePath::from("usr/lib/node_modules/evil/package.json"),
    );
    inventory.packages.push(evil);
    let table = list::table(&inventory);
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    insta::assert_snapshot!(list::table(&everything()));
    insta::assert_snapshot!(list::purls(&everything()));
}

#[test]
fn other_tools_documents_are_understood() {
    let trivy = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5",
        "metadata": {"component": {"type": "container", "name": "app:1", "properties": [
            {"name": "aquasecurity:trivy:RepoDigest", "value": format!("app@{}", Digest::sha256(b"m"))}]}},
        "components": [
            {"type": "operating-system", "name": "redhat", "version": "8.4"},
            {"type": "application", "name": "package-lock.json", "properties": [{"name": "aquasecurity:trivy:Class", "value": "lang-pkgs"}]},
            {"type": "library", "name": "npm", "version": "1:8-1", "purl": "pkg:rpm/redhat/npm@8-1?arch=x86_64&distro=redhat-8.4&epoch=1",
             "properties": [
                {"name": "aquasecurity:trivy:LayerDiffID", "value": Digest::sha256(b"l").as_str()},
                {"name": "aquasecurity:trivy:Modularitylabel", "value": "nodejs:14:1:a"},
                {"name": "aquasecurity:trivy:SrcEpoch", "value": "1"},
                {"name": "aquasecurity:trivy:SrcName", "value": "nodejs"},
                {"name": "aquasecurity:trivy:SrcRelease", "value": "3"},
                {"name": "aquasecurity:trivy:SrcVersion", "value": "14.2"}]},
            {"type": "library", "group": "a", "name": "b", "version": "1", "supplier": {"name": "Acme"},
             "purl": "pkg:maven/a/b@1", "licenses": [{"license": {"name": "ASL"}}, {"expression": "MIT OR ISC"}]},
        ]
    });
    let sbom = read_value(&trivy).unwrap();
    assert_eq!(sbom.inventory.gaps, []);
    assert_eq!(sbom.inventory.os.as_ref().unwrap().id, "rhel");
    assert_eq!(sbom.subjects[0].digest, Some(Digest::sha256(b"m")));
    let [rpm, jar] = &sbom.inventory.packages[..] else { panic!("{:?}", sbom.inventory.packages) };
    assert_eq!(rpm.module.as_deref(), Some("nodejs:14:1:a"));
    assert_eq!((rpm.source_name(), rpm.source_version()), ("nodejs", "1:14.2-3"));
    assert_eq!((&*rpm.version, &rpm.layer), ("1:8-1", &Some(Digest::sha256(b"l"))));
    assert_eq!((&*jar.name, jar.vendor.as_deref()), ("a:b", Some("Acme")));
    assert_eq!(jar.licenses, ["ASL", "MIT OR ISC"]);
}

#[test]
fn what_is_not_understood_is_a_gap() {
    let deep = json!({"type": "library", "name": "outer", "components": [
        {"type": "library", "name": "inner", "components": [{"type": "library", "purl": "pkg:npm/x@1", "name": "x"}]}]});
    let sbom = read_value(&bom(&[
        json!({"type": "library", "name": "nameless"}),
        json!({"type": "library", "name": "bad", "purl": "pkg:nonsense"}),
        json!({"type": "library", "name": "swift", "purl": "pkg:swift/github.com/a/b@1"}),
        json!({"type": "machine-learning-model", "name": "model"}),
        json!({"type": "library", "name": "v", "purl": "pkg:npm/v"}),
        json!({"type": "library", "name": "a", "bom-ref": "a", "purl": "pkg:npm/a@1"}),
        json!({"type": "library", "name": "a", "bom-ref": "a", "purl": "pkg:npm/a@1"}),
        json!({"type": "operating-system", "name": "debian", "version": "12"}),
        json!({"type": "operating-system", "name": "alpine", "version": "3"}),
        json!({"type": "library", "name": "f", "purl": "pkg:deb/ubuntu/f@1?distro=ubuntu-22.04"}),
        json!({"type": "file", "name": "/etc/passwd"}),
        json!({"type": "file", "name": "/bin/x", "properties": [{"name": "hullmark:executable", "value": "true"}]}),
        deep,
    ]))
    .unwrap();
    let gaps: Vec<String> = sbom
        .inventory
        .gaps
        .iter()
        .map(|g| format!("{}: {}", g.reason.as_str(), g.detail))
        .collect();
    insta::assert_snapshot!(gaps.join("\n"));
    let names: Vec<&str> = sbom.inventory.packages.iter().map(|p| &*p.name).collect();
    assert_eq!(names, ["f", "a", "a", "v", "x"]);
}

#[test]
fn attestations_are_opened() {
    let inventory = everything();
    let cdx = cyclonedx::write(&document(&inventory));
    let spdx = spdx::write(&document(&inventory));
    let statement = |kind: &str, predicate: Value| {
        json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": kind, "predicate": predicate,
            "subject": [{"name": "app", "digest": {"sha256": Digest::sha256(b"image").hex()}}]})
    };
    let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let text = |bytes: &[u8]| json!(String::from_utf8(bytes.to_vec()).unwrap());
    let envelope = |statement: &Value| {
        use base64::Engine as _;
        let payload = base64::engine::general_purpose::STANDARD.encode(statement.to_string());
        json!({"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []})
    };
    let plain = statement("https://cyclonedx.org/bom", value(&cdx));
    for (what, wrapped) in [
        ("statement", plain.clone()),
        ("text", statement("https://spdx.dev/Document", text(&spdx))),
        (
            "data",
            statement("https://spdx.dev/Document", json!({"Data": text(&spdx), "Timestamp": ""})),
        ),
        ("envelope", envelope(&plain)),
        (
            "bundle",
            json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope(&plain)}),
        ),
    ] {
        let sbom = read_value(&wrapped).unwrap();
        assert_eq!(sbom.inventory.packages.len(), inventory.packages.len(), "{what}");
        assert_eq!(sbom.subjects[0].digest, Some(Digest::sha256(b"image")), "{what}");
        assert_eq!(sbom.subjects[1], subject(), "{what}");
    }
    let mut nested = plain;
    for _ in 0..5 {
        nested = statement("https://cyclonedx.org/bom", nested);
    }
    assert!(matches!(read_value(&nested), Err(SbomError::TooManyWrappers)));
    let broken = json!({"payloadType": "x", "payload": "***", "signatures": []});
    assert!(matches!(read_value(&broken), Err(SbomError::Envelope(_))));
}

#[test]
fn hostile_documents_are_refused_by_name() {
    let nested = |depth: usize| {
        let open = r#"{"type":"library","name":"x","components":["#.repeat(depth);
        format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{open}{}]}}"#,
            "]}".repeat(depth)
        )
    };
    let many = bom(&vec![json!({"type": "file", "name": "x"}); 101]);
    let limits = Limits { packages: 100, document_bytes: 1_000_000, ..Limits::default() };
    for (what, bytes, want) in [
        ("nothing", Vec::new(), "Malformed"),
        ("text", b"hello".to_vec(), "Malformed"),
        ("list", b"[]".to_vec(), "Malformed"),
        ("empty", b"{}".to_vec(), "UnknownFormat"),
        ("too deep", nested(10_000).into_bytes(), "TooDeep"),
        ("too large", vec![b' '; 1_000_001], "TooLarge"),
        ("too many", many.to_string().into_bytes(), "TooManyPackages"),
        ("cut", br#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"#.to_vec(), "Malformed"),
        ("format twice", br#"{"bomFormat":"CycloneDX","specVersion":"1.6","bomFormat":"X"}"#.to_vec(), "Malformed"),
        ("components twice", br#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[],"components":[]}"#.to_vec(), "Malformed"),
        ("wrong type", br#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":1}]}"#.to_vec(), "Malformed"),
        ("other format", br#"{"bomFormat":"SPDX","specVersion":"1.6"}"#.to_vec(), "UnknownFormat"),
        ("old", br#"{"bomFormat":"CycloneDX","specVersion":"1.2"}"#.to_vec(), "UnsupportedVersion"),
        ("old spdx", br#"{"spdxVersion":"SPDX-2.1"}"#.to_vec(), "UnsupportedVersion"),
        ("new spdx", br#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}"#.to_vec(), "UnsupportedVersion"),
        ("later own", br#"{"schema":"hullmark.inventory/v2"}"#.to_vec(), "UnsupportedVersion"),
        ("other schema", br#"{"schema":"something"}"#.to_vec(), "UnknownFormat"),
        ("own kind", br#"{"schema":"hullmark.inventory/v1","tool":{"name":"","version":""},"created":"","subject":{"name":""},"gaps":[],"packages":[{"kind":"wheel","name":"","version":"","path":"","presence":"installed"}]}"#.to_vec(), "Malformed"),
        ("not utf-8", b"{\"bomFormat\":\"\xff\"}".to_vec(), "Malformed"),
    ] {
        let error = read(&bytes, &limits).map(|s| s.format).unwrap_err();
        assert!(format!("{error:?}").starts_with(want), "{what}: {error:?}");
    }
    assert!(read(nested(15).as_bytes(), &limits).is_ok());
    // A path in a document cannot leave the image.
    let sbom = read_value(&bom(&[json!({"type": "library", "name": "x", "purl": "pkg:npm/x@1",
        "properties": [{"name": "hullmark:path", "value": "/../../etc/./passwd"}]})]));
    assert_eq!(sbom.unwrap().inventory.packages[0].path.as_str(), "etc/passwd");
}

#[test]
fn damaged_documents_are_refused_or_understood_but_never_panic() {
    let inventory = everything();
    for (_, write) in WRITERS {
        let whole = write(&document(&inventory));
        let limits = Limits::default();
        for cut in (0..whole.len() - 2).step_by(997) {
            assert!(read(&whole[..cut], &limits).is_err(), "{cut}");
        }
        let mut understood = 0;
        for at in (0..whole.len()).step_by(211) {
            for byte in [b'"', b'0', b'%', b']', 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                understood += usize::from(read(&damaged, &limits).is_ok());
            }
        }
        assert!(understood > 20, "{understood}");
    }
}

#[test]
fn long_lists_cost_no_more_than_they_are_long() {
    let limits = Limits { packages: 1000, ..Limits::default() };
    let empty = "{},".repeat(2_000_000) + "{}";
    let document =
        format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{empty}]}}"#);
    assert!(matches!(
        read(document.as_bytes(), &limits),
        Err(SbomError::TooManyPackages { limit: 1000 })
    ));
    let document = format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{{"properties":[{empty}]}}]}}"#
    );
    assert!(matches!(read(document.as_bytes(), &limits), Err(SbomError::Malformed { .. })));
    // Properties in falling order: each would be inserted at the front of a sorted list.
    let properties: Vec<Value> = (0..200_000)
        .rev()
        .map(|n| json!({"name": format!("hullmark:property:{n:09}"), "value": "x"}))
        .collect();
    let package =
        json!({"type": "library", "name": "x", "purl": "pkg:npm/x@1", "properties": properties});
    let sbom = read_value(&bom(&[package])).unwrap();
    assert_eq!(sbom.inventory.packages[0].properties.len(), 200_000);
}

#[test]
fn documents_of_the_real_syft_are_read_whole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let syft = root.join(".tools/syft/bin/syft");
    if !syft.exists() {
        hullmark_testkit::skip("syft is missing: run scripts/install-syft.sh");
        return;
    }
    let Some(images) = hullmark_testkit::shared_data("images") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (image, os) in [
        ("debian12-app", "debian 12"),
        ("alpine310", "alpine 3.10.4"),
        ("alpine34-synthetic", "alpine 3.4.6"),
        ("mariner2-rpm", "mariner 2.0"),
        ("distroless12-polyglot", "debian 12"),
        ("scratch-go-esbuild", ""),
    ] {
        let expected = std::fs::read(images.join(format!("{image}.syft.json"))).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let mut run = Command::new(&syft);
        run.arg("--quiet")
            .arg(format!("oci-archive:{}", images.join(image).display()) + ".oci.tar");
        run.args(["--select-catalogers", "+dotnet-deps-cataloger"]);
        let formats = [
            "cyclonedx-json@1.4",
            "cyclonedx-json@1.5",
            "cyclonedx-json@1.6",
            "spdx-json@2.3",
            "syft-json",
        ];
        let path = |format: &str| folder.path().join(format);
        for format in formats {
            run.arg("-o").arg(format!("{format}={}", path(format).display()));
        }
        let home = folder.path();
        run.env("SYFT_CHECK_FOR_APP_UPDATE", "false").env("XDG_CACHE_HOME", home).env("HOME", home);
        assert!(run.status().unwrap().success(), "{image}");
        let mut first: Option<Vec<String>> = None;
        for format in formats {
            let sbom = read(&std::fs::read(path(format)).unwrap(), &Limits::default())
                .unwrap_or_else(|e| panic!("{image} {format}: {e:?}"));
            let inventory = &sbom.inventory;
            let count = expected["count"].as_u64().unwrap();
            assert_eq!(
                inventory.packages.len() as u64,
                count,
                "{image} {format}: {:?}",
                inventory.gaps
            );
            assert_eq!(inventory.gaps, [], "{image} {format}");
            let named = inventory.os.as_ref().map(|os| format!("{} {}", os.id, os.version_id));
            assert_eq!(named.unwrap_or_default(), os, "{image} {format}");
            // What matching needs is the same in all of them.
            let needed = |p: &Package| {
                let own = format!("{} {} {} {:?}", p.kind.as_str(), p.name, p.version, p.arch);
                format!("{own} {} {} {:?}", p.source_name(), p.source_version(), p.module)
            };
            let needed: Vec<String> = inventory.packages.iter().map(needed).collect();
            match &first {
                None => first = Some(needed),
                Some(first) => assert_eq!(*first, needed, "{image} {format}"),
            }
        }
    }
}

fn subject() -> Subject {
    Subject {
        name: "registry.example/app:1".into(),
        digest: Some(Digest::sha256(b"manifest")),
        platform: Some("linux/arm64/v8".parse().unwrap()),
    }
}

fn document(inventory: &Inventory) -> Document<'_> {
    Document {
        inventory,
        subject: subject(),
        created: "2026-01-02T03:04:05.678Z".parse().unwrap(),
        tool_version: "0.1.0",
        owned_files: true,
    }
}

fn inventories() -> [(&'static str, Inventory); 3] {
    [("nothing", Inventory::default()), ("everything", everything()), ("hostile", hostile())]
}

/// One package of each kind, and every optional part at least once.
fn everything() -> Inventory {
    let names = [
        (PackageKind::Deb, "libc6", "2.36-9+deb12u4"),
        (PackageKind::Rpm, "perl-Errno", "1:1.30-9"),
        (PackageKind::Apk, "libcrypto3", "3.1.4-r0"),
        (PackageKind::Pacman, "pacman", "1:6.0-1"),
        (PackageKind::Opkg, "busybox", "1.36.1-1"),
        (PackageKind::Python, "Zope_Interface", "5.4.0"),
        (PackageKind::Npm, "@babel/core", "7.0.0"),
        (PackageKind::Go, "github.com/BurntSushi/toml", "v1.2.0"),
        (PackageKind::Cargo, "serde", "1.0.1"),
        (PackageKind::Maven, "org.yaml:snakeyaml", "1.33"),
        (PackageKind::Gem, "rack", "2.2.6"),
        (PackageKind::Composer, "Monolog/monolog", "2.0.0"),
        (PackageKind::Nuget, "Newtonsoft.Json", "13.0.1"),
        (PackageKind::Conda, "numpy", "1.26.0"),
        (PackageKind::Homebrew, "xz", "5.4.4"),
        (PackageKind::Bitnami, "redis", "7.0.11-1"),
        (PackageKind::Binary, "busybox", "1.36.1"),
    ];
    let mut packages: Vec<Package> = names
        .into_iter()
        .map(|(kind, name, version)| {
            let path = FilePath::from(&*format!("usr/share/{}/{name}", kind.as_str()));
            Package {
                layer: Some(Digest::sha256(b"layer")),
                ..Package::new(kind, name, version, &path)
            }
        })
        .collect();
    let source = |name: &str, version: Option<&str>| {
        Some(SourcePackage { name: name.into(), version: version.map(Into::into) })
    };
    packages[0].arch = Some("arm64".into());
    packages[0].source = source("glibc", None);
    packages[0].vendor = Some("GNU Libc Maintainers <x@example.org>".into());
    packages[0].licenses = ["LGPL-2.1+", "GPL-2"].map(Into::into).to_vec();
    packages[0].files.push("lib/libc.so.6");
    packages[0].files.push("usr/share/doc/libc6/copyright");
    packages[1].arch = Some("x86_64".into());
    packages[1].source = source("perl", Some("4:5.32-4"));
    packages[1].module = Some("perl:5.32:8040020200923213406:466ea64f".into());
    packages[1].licenses =
        ["GPL+ or Artistic", "(LGPLv3+ or GPLv2+) and MIT"].map(Into::into).to_vec();
    packages[2].source = source("openssl", None);
    packages[2].licenses = vec!["Apache-2.0".into()];
    packages[4].source = source("busybox", None);
    packages[5].owned_by = Some(Owner {
        kind: PackageKind::Deb,
        name: "python3-zope".into(),
        version: "1:5.4@x-1".into(),
    });
    packages[6].presence = Presence::Declared;
    packages[6].licenses = vec!["MIT OR Apache-2.0".into(), "ISC".into()];
    packages[7].set_property("go.main", "true");
    packages[9].set_property("java.sha1", "0123");
    packages[13].set_property("conda.channel", "conda-forge");
    packages[13].set_property("conda.build", "py311h64a7726_0");
    packages.sort();
    let digest = Digest::sha256(b"executable");
    Inventory {
        os: Some(OsRelease {
            id: "debian".into(),
            id_like: vec!["a".into(), "b".into()],
            version_id: "12".into(),
            codename: Some("bookworm".into()),
            pretty_name: Some("Debian GNU/Linux 12 (bookworm)".into()),
            variant_id: Some("server".into()),
            cpe: Some("cpe:/o:debian:debian_linux:12".into()),
        }),
        packages,
        gaps: vec![
            Gap {
                path: FilePath::default(),
                layer: None,
                reason: GapReason::ForeignLayer,
                detail: "kept elsewhere".into(),
            },
            Gap {
                path: FilePath::from_raw(b"opt/caf\xe9.jar"),
                layer: Some(Digest::sha256(b"layer")),
                reason: GapReason::TooDeep,
                detail: "a \"jar\" in a jar".into(),
            },
        ],
        system: vec![("rhel.content-set".into(), "a\"b".into()), ("ubuntu.pro".into(), "1".into())],
        executables: vec![
            Executable { path: "bin/sh".into(), digest: digest.clone(), interpreter: None },
            Executable { path: "bin/x".into(), digest, interpreter: Some("/bin/sh -e".into()) },
        ],
    }
}

/// Texts that an image can put anywhere.
fn hostile() -> Inventory {
    let texts = [
        "",
        " ",
        "..",
        "a\0b",
        "\u{1b}[31m",
        "\u{202e}txt",
        "</script>",
        "a@b?c#d&e=f",
        "%41",
        "é/ü:ö",
        "\n\n",
        "LicenseRef-x",
        "MIT AND",
        "((((",
        "cpe:2.3:o:a",
        "a//b",
        "@/x",
        "x:y:z",
        "0:1",
        "-1-2.src.rpm",
    ];
    let long = "x".repeat(3000);
    let mut packages = Vec::new();
    for kind in PackageKind::ALL {
        for (at, text) in texts.iter().copied().chain([&*long]).enumerate() {
            let other = texts[(at * 7 + 3) % texts.len()];
            // A version must not be empty here: that would be one more gap when read back.
            let version = if text.is_empty() { "1" } else { text };
            let mut package = Package::new(kind, text, version, &FilePath::from(other));
            package.arch = Some(other.into());
            package.source = Some(SourcePackage { name: other.into(), version: Some(text.into()) });
            package.source = package.source.filter(|s| s.version.as_deref() != Some(""));
            package.module = Some(text.into());
            package.vendor =
                Some(format!("v{other}")).filter(|v| !v.contains('\0') && !v.contains('\u{1b}'));
            package.licenses = vec![text.into(), other.into()];
            package.set_property(text, other);
            packages.push(package.clone());
            // The very same package twice.
            packages.push(package);
        }
    }
    packages.sort();
    let os = OsRelease {
        id: "we \"are\" an/os".into(),
        version_id: "1-2 %".into(),
        cpe: Some("cpe:/o:\n".into()),
        ..OsRelease::default()
    };
    Inventory { os: Some(os), packages, ..Inventory::default() }
}

fn bom(components: &[Value]) -> Value {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.4", "components": components})
}

fn read_value(value: &Value) -> Result<Sbom, SbomError> {
    read(value.to_string().as_bytes(), &Limits::default())
}

fn assert_valid(validator: &jsonschema::Validator, document: &[u8], name: &str) {
    let value: Value = serde_json::from_slice(document).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .take(5)
        .map(|e| format!("{}: {e:.300}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}");
}

fn installed_schema(name: &str) -> Option<jsonschema::Validator> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/schemas").join(name);
    if !path.exists() {
        hullmark_testkit::skip(&format!("{name} is missing: run scripts/install-schemas.sh"));
        return None;
    }
    Some(validator(&path))
}

/// Builds a validator that finds other schemas beside the first, and nowhere else.
fn validator(path: &Path) -> jsonschema::Validator {
    struct Beside(PathBuf);
    impl jsonschema::Retrieve for Beside {
        fn retrieve(
            &self,
            uri: &jsonschema::Uri<String>,
        ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
            let name = uri.as_str().rsplit('/').next().unwrap_or_default();
            Ok(serde_json::from_slice(&std::fs::read(self.0.join(name))?)?)
        }
    }
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    jsonschema::options()
        .with_retriever(Beside(path.parent().unwrap().into()))
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}
