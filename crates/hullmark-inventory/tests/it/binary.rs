//! Tests of `binary`: real programs, programs built here, and hostile twins of both.

#![expect(clippy::unwrap_used, reason = "helpers of tests; clippy knows test functions only")]

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;

use hullmark_inventory::catalog::binary::{self, Executables};
use hullmark_inventory::catalog::{File, Found};
use hullmark_inventory::fragment::Record;
use hullmark_inventory::{GapReason, Package, PackageKind};
use hullmark_oci::{Digest, FilePath, Limits};

fn limits() -> Limits {
    Limits::default()
}

/// Reads one file as the layer walker would.
fn scan(path: &str, content: &[u8], executables: Executables, limits: &Limits) -> Found {
    let path = FilePath::from(path);
    let mut found = Found::default();
    let head = &content[..content.len().min(64)];
    if binary::wants(head, 0o755, executables) {
        let mut stream = content;
        let mut file = File::new(&path, content.len() as u64, 0o755, &mut stream, limits);
        binary::read(&mut file, executables, &mut found).unwrap();
    }
    found
}

fn packages(found: &Found) -> Vec<&Package> {
    found
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Package(package) => Some(&**package),
            _ => None,
        })
        .collect()
}

fn gap_reasons(found: &Found) -> Vec<GapReason> {
    found.gaps.iter().map(|gap| gap.reason).collect()
}

fn names(found: &Found) -> BTreeSet<(String, String)> {
    packages(found).iter().map(|p| (p.name.clone(), p.version.clone())).collect()
}

/// Name and version of the packages that a fixture expects.
fn expected(fixture: &Path) -> BTreeSet<(String, String)> {
    let text = std::fs::read(fixture.join("expected.json")).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let text = |package: &serde_json::Value, key: &str| package[key].as_str().unwrap().to_owned();
    value["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            let (name, version) = (text(p, "name"), text(p, "version"));
            // The reference writes the toolchain's tag where the advisories have a release.
            let version = version.strip_prefix("go").unwrap_or(&version).to_owned();
            (name, version)
        })
        .collect()
}

#[test]
fn a_published_go_program_agrees_with_its_expectation() {
    let Some(fixture) = hullmark_testkit::shared_data("packages/gobinary/go-shfmt-elf") else {
        return;
    };
    let content = std::fs::read(fixture.join("rootfs/usr/local/bin/shfmt")).unwrap();
    let found = scan("usr/local/bin/shfmt", &content, Executables::Skip, &limits());
    assert_eq!(found.gaps, []);
    assert_eq!(names(&found), expected(&fixture));
    assert!(packages(&found).iter().all(|p| p.kind == PackageKind::Go));
    let main = packages(&found)[1].clone();
    assert_eq!(main.name, "mvdan.cc/sh/v3");
    for (property, want) in [
        ("go.main", "true"),
        ("go.path", "mvdan.cc/sh/v3/cmd/shfmt"),
        ("go.os", "linux"),
        ("go.arch", "amd64"),
        ("go.cgo", "0"),
        ("vcs.revision", "a3f0c75d21d918756fa38de8b5d3429efde7948b"),
    ] {
        assert_eq!(main.property(property), Some(want), "{property}");
    }
}

#[test]
fn a_published_rust_program_agrees_with_its_lock_file() {
    let Some(fixture) = hullmark_testkit::shared_data("packages/rustbinary/cargo-auditable-elf")
    else {
        return;
    };
    let content = std::fs::read(fixture.join("rootfs/usr/local/bin/auditable-hello")).unwrap();
    let found = scan("usr/local/bin/auditable-hello", &content, Executables::Skip, &limits());
    assert_eq!(found.gaps, []);
    assert_eq!(names(&found), expected(&fixture));
    let roots: Vec<_> =
        packages(&found).into_iter().filter(|p| p.property("cargo.root").is_some()).collect();
    assert_eq!(roots.len(), 1);
    assert_eq!(roots[0].name, "auditable-hello");

    // A tail that is too short for the list, or even for the table of sections, is a gap, not silence.
    for executable_tail_bytes in [0, 500, 2400, 2790] {
        let short = Limits { executable_tail_bytes, ..limits() };
        let found = scan("hello", &content, Executables::Skip, &short);
        let told = (found.records.len(), gap_reasons(&found));
        assert_eq!(told, (0, vec![GapReason::TooLarge]), "{executable_tail_bytes}");
    }
}

#[test]
fn an_image_of_one_go_program_agrees_with_the_reference() {
    let Some(image) = hullmark_testkit::shared_data("images/scratch-go-esbuild.oci.tar") else {
        return;
    };
    let image = std::fs::read(image).unwrap();
    let layer =
        tar_files(&image).into_iter().find(|(_, content)| content.starts_with(&[0x1f, 0x8b]));
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(&layer.unwrap().1[..]).read_to_end(&mut tar).unwrap();
    let (path, content) = tar_files(&tar).into_iter().max_by_key(|(_, c)| c.len()).unwrap();
    let found = scan(&path, &content, Executables::Skip, &limits());
    assert_eq!(found.gaps, []);
    let want = [
        ("github.com/evanw/esbuild", "v0.0.0-20230114043315-2a18b3d6ab3d"),
        ("golang.org/x/sys", "v0.0.0-20220715151400-c0bba94af5f8"),
        ("stdlib", "1.19.4"),
    ];
    assert_eq!(names(&found), want.map(|(n, v)| (n.to_owned(), v.to_owned())).into());
    // The version of the main module is made of its commit, and says so.
    assert_eq!(packages(&found)[1].property("go.version-from"), Some("vcs"));
}

/// Regular files of an uncompressed tar with short names.
fn tar_files(tar: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut at = 0;
    while let Some(header) = tar.get(at..at + 512).filter(|header| header[0] != 0) {
        let text = |range: std::ops::Range<usize>| {
            let bytes = header[range].split(|&b| b == 0).next().unwrap();
            std::str::from_utf8(bytes).unwrap().trim().to_owned()
        };
        let size = usize::from_str_radix(&text(124..136), 8).unwrap();
        if matches!(header[156], b'0' | 0) {
            files.push((text(0..100), tar[at + 512..at + 512 + size].to_vec()));
        }
        at += 512 + size.div_ceil(512) * 512;
    }
    files
}

/// Builds a program of two local modules, one of which is replaced; `None` without a Go toolchain.
fn go_build(folder: &Path, flags: &[&str], variables: &[(&str, &str)]) -> Option<Vec<u8>> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "app/go.mod",
        "module example.com/app\ngo 1.18\nrequire (\n example.com/lib v1.2.3\n example.com/old v0.1.0\n)\n\
         replace example.com/lib => ../lib\nreplace example.com/old v0.1.0 => ../old\n",
    );
    // The magic as a constant, as Go's own tools have it, must not mislead.
    write(
        "app/cmd/tool/main.go",
        "package main\nimport (\n \"example.com/lib\"\n \"example.com/old\"\n)\nvar version = \"dev\"\n\
         var magic = []byte(\"\\xff Go buildinf:\\x08\\x02----------------\")\n\
         const text = \"\\xff Go buildinf:\\x08\\x02-----------------\\x05go1.1\"\n\
         func main() { println(lib.Name, old.Name, version, string(magic), text) }\n",
    );
    write("lib/go.mod", "module example.com/lib\ngo 1.18\n");
    write("lib/lib.go", "package lib\nvar Name = \"lib\"\n");
    write("old/go.mod", "module example.com/old\ngo 1.18\n");
    write("old/old.go", "package old\nvar Name = \"old\"\n");
    let output = Command::new("go")
        .args(["build", "-buildvcs=false", "-o", "../out"])
        .args(flags)
        .arg("./cmd/tool")
        .current_dir(folder.join("app"))
        .envs([("GOFLAGS", "-mod=mod"), ("GOPROXY", "off"), ("GOTOOLCHAIN", "local")])
        .envs([("GOWORK", "off"), ("GOSUMDB", "off")])
        .envs(variables.iter().copied())
        .output()
        .ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(std::fs::read(folder.join("out")).unwrap())
}

/// Flags, environment, and the version that the main module should have.
type BuildCase = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str);

/// What `go version -m` says of the last build.
fn go_says(folder: &Path) -> String {
    let output = Command::new("go").args(["version", "-m", "out"]).current_dir(folder).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

#[test]
fn programs_built_here_say_what_go_says_of_them() {
    if Command::new("go").arg("version").output().is_err() {
        hullmark_testkit::skip("go is missing");
        return;
    }
    const PURE: (&str, &str) = ("CGO_ENABLED", "0");
    let folder = tempfile::tempdir().unwrap();
    let cases: &[BuildCase] = &[
        (&[], &[PURE], ""),
        (&["-ldflags=-s -w -X main.version=1.4.2"], &[PURE], "v1.4.2"),
        // Trimmed paths hide the flags since Go 1.19.
        (&["-trimpath", "-ldflags=-s -w -X main.version=1.4.2"], &[PURE], ""),
        (&[], &[("GOOS", "windows"), ("GOARCH", "386"), PURE], ""),
        (&[], &[("GOOS", "darwin"), ("GOARCH", "arm64"), PURE], ""),
        (&[], &[("GOARCH", "ppc64"), PURE], ""),
        (&[], &[("GOARCH", "mips"), PURE], ""),
        (&["-ldflags=-buildid= -s"], &[PURE], ""),
    ];
    for (flags, variables, main_version) in cases {
        let context = format!("{flags:?} {variables:?}");
        let content = go_build(folder.path(), flags, variables).unwrap();
        let said = go_says(folder.path());
        let toolchain = said.lines().next().unwrap().rsplit("go").next().unwrap().to_owned();
        let found = scan("tool", &content, Executables::Digest, &limits());
        assert_eq!(found.gaps, [], "{context}");
        let want = [
            ("example.com/app", *main_version),
            ("example.com/lib", ""),
            ("example.com/old", ""),
            ("stdlib", toolchain.trim()),
        ];
        assert_eq!(
            names(&found),
            want.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
            "{context}\n{said}"
        );
        for package in packages(&found) {
            let is_local = ["example.com/lib", "example.com/old"].contains(&&*package.name);
            assert_eq!(package.property("go.replaced-by").is_some(), is_local, "{package:?}");
        }
        let digest = Digest::sha256(&content);
        assert!(found.records.iter().any(|r| matches!(r, Record::Executable(e)
            if e.digest == digest && e.interpreter.is_none())));

        // The same as one of two architectures.
        if variables.contains(&("GOOS", "darwin")) {
            let found = scan("tool", &fat(&content), Executables::Skip, &limits());
            assert_eq!(found.gaps, [], "{context}");
            assert_eq!(names(&found).len(), 4, "{context}");
        }
    }
}

/// Makes a fat Mach-O file of a thin one; what should be the second architecture is the header itself.
fn fat(thin: &[u8]) -> Vec<u8> {
    let mut file = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2];
    let entry = |offset: u32, size: u32| {
        [0x0100_0007, 3, offset, size, 12]
            .into_iter()
            .flat_map(u32::to_be_bytes)
            .collect::<Vec<_>>()
    };
    file.extend(entry(16384, u32::try_from(thin.len()).unwrap()));
    file.extend(entry(0, 16384));
    file.resize(16384, 0);
    file.extend_from_slice(thin);
    file
}

#[test]
fn a_published_program_cut_anywhere_is_a_gap_or_complete() {
    let Some(fixture) = hullmark_testkit::shared_data("packages/gobinary/go-shfmt-elf") else {
        return;
    };
    let content = std::fs::read(fixture.join("rootfs/usr/local/bin/shfmt")).unwrap();
    // Build information lies from 0x349000 to 0x349380.
    let (start, end) = (0x34_9000, 0x34_9380);
    for cut in (0..64).chain((64..start).step_by(99_991)).chain((start..end + 64).step_by(7)) {
        let found = scan("shfmt", &content[..cut], Executables::Skip, &limits());
        let is_whole = names(&found).len() == 7;
        let is_gap = gap_reasons(&found) == [GapReason::Truncated];
        match cut {
            0..0x1000 => assert!(found.records.is_empty(), "cut at {cut:#x}"),
            cut if cut >= end => assert!(is_whole, "cut at {cut:#x}"),
            _ => assert!(is_gap != is_whole, "cut at {cut:#x}: {found:?}"),
        }
    }
}

/// A 64-bit ELF program as linkers before Go 1.18 wrote it: read-only text in front, two pointers in the data.
struct OldGo {
    version: &'static str,
    modules: String,
    endian: u8,
}

impl OldGo {
    const RODATA: u64 = 0x1000;
    const DATA: u64 = 0x3000;
    const BASE: u64 = 0x40_0000;

    fn build(&self) -> Vec<u8> {
        let word = |value: u64| match self.endian {
            1 => value.to_le_bytes(),
            _ => value.to_be_bytes(),
        };
        let half = |value: u32| match self.endian {
            1 => value.to_le_bytes(),
            _ => value.to_be_bytes(),
        };
        let short = |value: u16| match self.endian {
            1 => value.to_le_bytes(),
            _ => value.to_be_bytes(),
        };
        let mut file = vec![0x7f, b'E', b'L', b'F', 2, self.endian, 1, 0];
        file.resize(16, 0);
        file.extend([short(2), short(62)].concat());
        file.extend(half(1));
        // Entry, program headers, section headers (in front, as Go writes them).
        file.extend([word(Self::BASE), word(64), word(0x190)].concat());
        file.extend(half(0));
        file.extend([64, 56, 2, 64, 0, 0].map(short).concat());
        for (flags, at, size) in [(4, Self::RODATA, 0x2000), (6, Self::DATA, 0x1000)] {
            file.extend([half(1), half(flags)].concat());
            let address = Self::BASE + at;
            file.extend([at, address, address, size, size, 0x1000].map(word).concat());
        }
        file.resize(usize::try_from(Self::RODATA).unwrap() + 0x123, b'.');
        let version_at = file.len() as u64;
        file.extend(self.version.as_bytes());
        file.resize(usize::try_from(Self::RODATA).unwrap() + 0x345, b'.');
        let modules_at = file.len() as u64;
        file.extend(b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6");
        file.extend(self.modules.as_bytes());
        file.extend(b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2");
        let modules_length = file.len() as u64 - modules_at;
        file.resize(usize::try_from(Self::DATA).unwrap(), b'.');
        file.extend(b"\xff Go buildinf:\x08");
        file.push(u8::from(self.endian != 1));
        let headers = Self::BASE + Self::DATA + 0x200;
        file.extend([word(headers), word(headers + 16)].concat());
        file.resize(usize::try_from(Self::DATA).unwrap() + 0x200, 0);
        file.extend([word(Self::BASE + version_at), word(self.version.len() as u64)].concat());
        file.extend([word(Self::BASE + modules_at), word(modules_length)].concat());
        file.resize(usize::try_from(Self::DATA).unwrap() + 0x1000, 0);
        file
    }
}

#[test]
fn pointers_of_old_linkers_are_followed() {
    let modules = "path\texample.com/app\nmod\texample.com/app\t(devel)\t\n\
                   dep\texample.com/old\tv1.0.0\th1:aaa=\n=>\texample.com/new\tv1.1.0\th1:bbb=\n";
    for endian in [1, 2] {
        let old = OldGo { version: "go1.16.15", modules: modules.into(), endian };
        let content = old.build();
        let found = scan("old", &content, Executables::Skip, &limits());
        assert_eq!(found.gaps, []);
        let want = [("example.com/app", ""), ("example.com/new", "v1.1.0"), ("stdlib", "1.16.15")];
        assert_eq!(names(&found), want.map(|(n, v)| (n.to_owned(), v.to_owned())).into());
        assert_eq!(packages(&found)[2].property("go.replaces"), Some("example.com/old@v1.0.0"));

        // Pointers into nothing, and everywhere else.
        let at = usize::try_from(OldGo::DATA).unwrap();
        for position in [at + 16, at + 24, at + 0x200, at + 0x208, at + 0x210, at + 0x218] {
            for value in [0u64, 1, 0x40_0000, 0x40_3fff, u64::MAX, u64::MAX - 7, 1 << 63] {
                let mut hostile = content.clone();
                hostile[position..position + 8].copy_from_slice(&value.to_le_bytes());
                let found = scan("old", &hostile, Executables::Skip, &limits());
                let is_told = !found.gaps.is_empty() || !found.records.is_empty();
                assert!(is_told, "{position:#x} {value:#x}");
            }
        }
    }
    // A version that no toolchain has.
    let old = OldGo { version: "rust1.16", modules: modules.into(), endian: 1 };
    let found = scan("old", &old.build(), Executables::Skip, &limits());
    assert_eq!((found.records.len(), found.gaps.len()), (0, 1));
}

#[test]
fn more_modules_than_the_limit_are_cut_and_told() {
    let mut modules = String::from("path\ta\nmod\ta\tv1.0.0\t\n");
    (0..100).for_each(|i| modules.push_str(&format!("dep\tb/{i}\tv1.0.0\th1:x=\n")));
    let content = OldGo { version: "go1.17", modules, endian: 1 }.build();
    let found = scan("a", &content, Executables::Skip, &Limits { packages: 50, ..limits() });
    assert_eq!(packages(&found).len(), 50);
    assert_eq!(gap_reasons(&found), [GapReason::TooLarge]);
}

/// An ELF file with a table of sections of which one holds `list`.
fn with_dependency_list(list: &[u8]) -> Vec<u8> {
    let names = b"\0.shstrtab\0.dep-v0\0";
    let (list_at, names_at) = (64, 64 + list.len());
    let table_at = names_at + names.len();
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0];
    file.resize(16, 0);
    file.extend([3u16, 62].map(u16::to_le_bytes).concat());
    file.extend(1u32.to_le_bytes());
    file.extend([0, 64, table_at as u64].map(u64::to_le_bytes).concat());
    file.extend(0u32.to_le_bytes());
    file.extend([64u16, 56, 0, 64, 3, 1].map(u16::to_le_bytes).concat());
    file.extend_from_slice(list);
    file.extend_from_slice(names);
    file.resize(table_at + 64, 0);
    for (name, kind, at, size) in
        [(1u32, 3u32, names_at, names.len()), (11, 1, list_at, list.len())]
    {
        file.extend([name, kind].map(u32::to_le_bytes).concat());
        file.extend([0, 0, at as u64, size as u64, 0, 0, 0].map(u64::to_le_bytes).concat());
    }
    file.resize(table_at + 3 * 64, 0);
    file
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn hostile_dependency_lists_are_gaps() {
    let valid = br#"{"packages":[{"name":"a","version":"1.0.0","source":"local","root":true},
        {"name":"cc","version":"1.0.1","source":"crates.io","kind":"build"}],"format":9,"new":{}}"#;
    let found = scan("a", &with_dependency_list(&deflate(valid)), Executables::Skip, &limits());
    assert_eq!(found.gaps, []);
    assert_eq!(packages(&found)[1].property("scope"), Some("build"));
    assert_eq!(packages(&found)[0].property("scope"), None);

    let deep = format!("{{\"packages\":{}", "[".repeat(1_000_000));
    let many = format!(
        "{{\"packages\":[{}{{\"name\":\"b\",\"version\":\"1\"}}]}}",
        "{\"name\":\"a\",\"version\":\"1\"},".repeat(1000)
    );
    let table: &[(&str, Vec<u8>, Option<GapReason>)] = &[
        ("nothing", vec![], Some(GapReason::Malformed)),
        ("not compressed", valid.to_vec(), Some(GapReason::Malformed)),
        ("not json", deflate(b"hello"), Some(GapReason::Malformed)),
        ("another shape", deflate(b"{\"packages\":{}}"), Some(GapReason::Malformed)),
        ("cut", deflate(valid)[..40].to_vec(), Some(GapReason::Malformed)),
        ("deep", deflate(deep.as_bytes()), Some(GapReason::Malformed)),
        ("many", deflate(many.as_bytes()), Some(GapReason::TooLarge)),
        ("a bomb", deflate(&vec![b' '; 64 << 20]), Some(GapReason::TooLarge)),
    ];
    for (what, list, reason) in table {
        let limits = Limits { packages: 1000, ..limits() };
        let found = scan("a", &with_dependency_list(list), Executables::Skip, &limits);
        assert_eq!(gap_reasons(&found).first().copied(), *reason, "{what}");
        assert_eq!(found.records.len(), if *what == "many" { 1000 } else { 0 }, "{what}");
    }
}

#[test]
fn damaged_headers_never_panic() {
    let mut files = vec![
        with_dependency_list(&deflate(b"{\"packages\":[]}")),
        OldGo { version: "go1.16", modules: "path\ta\n".into(), endian: 1 }.build(),
        fat(&[0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1, 3, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0]),
    ];
    let mut pe = b"MZ".to_vec();
    pe.resize(0x3c, 0);
    pe.extend([0x40, 0, 0, 0]);
    pe.extend(b"PE\0\0\x64\x86\x02\0");
    pe.resize(0x40 + 20, 0);
    pe.extend([0xf0, 0, 0, 0, 0x0b, 0x02]);
    pe.resize(0x40 + 24 + 0xf0 + 80, 0);
    files.push(pe);
    for content in &files {
        // Every byte of the headers as each of the values that overflow something, alone and in fours and eights.
        for at in 0..content.len().min(700) {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                for width in [1, 4, 8] {
                    let mut hostile = content.clone();
                    let end = hostile.len().min(at + width);
                    hostile[at..end].fill(value);
                    scan("hostile", &hostile, Executables::Digest, &limits());
                }
            }
        }
        for cut in 0..content.len().min(700) {
            scan("hostile", &content[..cut], Executables::Digest, &limits());
        }
    }
}

#[test]
fn only_linked_programs_are_read_unless_digests_are_wanted() {
    let elf = |kind: u8| {
        let mut head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        head.extend([kind, 0]);
        head
    };
    for (head, mode, skip, digest) in [
        (elf(1), 0o644, false, true),
        (elf(2), 0o755, true, true),
        (elf(3), 0o644, true, true),
        (elf(4), 0o644, false, true),
        (b"MZ..".to_vec(), 0o644, true, true),
        (b"#!/bin/sh\n".to_vec(), 0o755, false, true),
        (b"#!/bin/sh\n".to_vec(), 0o644, false, false),
        (b"hello".to_vec(), 0o755, false, false),
        // A Java class file, version 52.
        (b"\xca\xfe\xba\xbe\0\0\0\x34".to_vec(), 0o644, false, false),
        (b"\xca\xfe\xba\xbe\0\0\0\x02".to_vec(), 0o644, true, true),
        (vec![], 0o755, false, false),
    ] {
        assert_eq!(binary::wants(&head, mode, Executables::Skip), skip, "{head:?}");
        assert_eq!(binary::wants(&head, mode, Executables::Digest), digest, "{head:?}");
    }
}

#[test]
fn scripts_keep_their_interpreter_and_their_digest() {
    for (content, want) in [
        ("#!/bin/sh\necho\n", "/bin/sh"),
        ("#! /usr/bin/env python3 -u\r\nprint()", "/usr/bin/env python3 -u"),
        ("#!", ""),
        ("#!/bin/sh", "/bin/sh"),
    ] {
        let found = scan("entrypoint", content.as_bytes(), Executables::Digest, &limits());
        let [Record::Executable(executable)] = &found.records[..] else { panic!("{found:?}") };
        assert_eq!(executable.interpreter.as_deref(), Some(want), "{content}");
        assert_eq!(executable.digest, Digest::sha256(content.as_bytes()));
    }
    let long = format!("#!{}", "x".repeat(1_000_000));
    let found = scan("entrypoint", long.as_bytes(), Executables::Digest, &limits());
    let [Record::Executable(executable)] = &found.records[..] else { panic!("{found:?}") };
    assert_eq!(executable.interpreter.as_ref().map(String::len), Some(256));
    assert_eq!(executable.digest, Digest::sha256(long.as_bytes()));
}

#[test]
fn a_broken_layer_is_an_error() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("broken"))
        }
    }
    let (path, limits) = (FilePath::from("a"), limits());
    let mut stream = (&b"\x7fELF\x02\x01\x01"[..]).chain(Broken);
    let mut file = File::new(&path, 1 << 40, 0o755, &mut stream, &limits);
    let read = binary::read(&mut file, Executables::Digest, &mut Found::default());
    assert_eq!(read.unwrap_err().to_string(), "broken");
}
