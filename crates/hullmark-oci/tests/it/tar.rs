//! Tar streams: as GNU tar writes them in each of its formats, and as an attacker would.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use hullmark_oci::Limits;
use hullmark_oci::tar::{Archive, EntryKind, TarError};
use proptest::prelude::*;

/// One line per entry: path, kind, size, and a checksum of the content.
fn show(bytes: &[u8]) -> String {
    show_with(bytes, &Limits::default()).unwrap_or_else(|e| format!("error: {e}\n"))
}

fn show_with(bytes: &[u8], limits: &Limits) -> Result<String, TarError> {
    let mut archive = Archive::new(bytes, limits);
    let mut text = String::new();
    while let Some(entry) = archive.next_entry()? {
        let mut content = Vec::new();
        archive.content().read_to_end(&mut content)?;
        let kind = match &entry.kind {
            EntryKind::File => "file".to_owned(),
            EntryKind::HardLink(target) => format!("hard link to {target}"),
            EntryKind::Symlink(target) => format!("link to {target}"),
            EntryKind::Directory => "folder".to_owned(),
            EntryKind::Other => "other".to_owned(),
        };
        assert_eq!(entry.size, content.len() as u64, "{}", entry.path);
        let sum: u64 = content.iter().map(|&b| u64::from(b)).sum();
        text.push_str(&format!("{} {kind} {} {sum} {:o}\n", entry.path, entry.size, entry.mode));
    }
    Ok(text)
}

fn sample(folder: &Path) {
    let long = format!("{}/{}", "d".repeat(90), "f".repeat(120));
    fs::create_dir_all(folder.join("d".repeat(90))).unwrap();
    fs::write(folder.join("plain"), b"abc").unwrap();
    fs::write(folder.join("empty"), b"").unwrap();
    fs::write(folder.join("block"), vec![1; 512]).unwrap();
    fs::write(folder.join(&long), b"long").unwrap();
    symlink("plain", folder.join("soft")).unwrap();
    symlink("x".repeat(150), folder.join("soft-long")).unwrap();
    fs::hard_link(folder.join("plain"), folder.join("zhard")).unwrap();
}

fn gnu_tar(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("tar")
        .args(["--sort=name", "--mode=a=r,u+w", "-C"])
        .arg(folder)
        .args(arguments)
        .args(["-cf", "-", "."])
        .output()
        .expect("tar is part of every system that these tests run on");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn every_format_of_gnu_tar_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let d = "d".repeat(90);
    let want = format!(
        " folder 0 0 644\nblock file 512 512 644\n{d} folder 0 0 644\n{d}/{} file 4 432 644\nempty file 0 0 644\n\
         plain file 3 294 644\nsoft link to plain 0 0 644\nsoft-long link to {} 0 0 644\nzhard hard link to plain 0 0 644\n",
        "f".repeat(120),
        "x".repeat(150)
    );
    for format in ["gnu", "pax"] {
        assert_eq!(
            show(&gnu_tar(folder.path(), &[&format!("--format={format}")])),
            want,
            "{format}"
        );
    }
    // These two have no way to name the long link.
    fs::remove_file(folder.path().join("soft-long")).unwrap();
    fs::remove_dir_all(folder.path().join(&d)).unwrap();
    for format in ["v7", "ustar"] {
        let text = show(&gnu_tar(folder.path(), &[&format!("--format={format}")]));
        assert!(text.contains("plain file 3 294 644\nsoft link to plain"), "{format}: {text}");
    }
}

#[test]
fn sparse_files_read_with_their_holes() {
    use std::os::unix::fs::FileExt;
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("holes")).unwrap();
    file.set_len(3_000_000).unwrap();
    // More pieces than the header itself can list.
    for piece in 0..40 {
        file.write_all_at(b"data", piece * 65_536).unwrap();
    }
    let sum = 40 * (100 + 97 + 116 + 97);
    for format in
        ["gnu", "pax --sparse-version=0.0", "pax --sparse-version=0.1", "pax --sparse-version=1.0"]
    {
        let mut arguments = vec!["-S".to_owned()];
        arguments.extend(format!("--format={format}").split(' ').map(str::to_owned));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let bytes = gnu_tar(folder.path(), &arguments);
        assert!(bytes.len() < 1_000_000, "{format} is not sparse");
        assert_eq!(
            show(&bytes),
            format!(" folder 0 0 644\nholes file 3000000 {sum} 644\n"),
            "{format}"
        );
        let limits = Limits { sparse_bytes: 1_000_000, ..Limits::default() };
        let error = show_with(&bytes, &limits).unwrap_err().to_string();
        assert!(error.ends_with("malformed sparse size (passes the limit)"), "{error}");
    }
}

/// A ustar header with a right checksum.
fn header(name: &str, flag: u8, size: u64, edit: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = flag;
    block[257..263].copy_from_slice(b"ustar\0");
    edit(&mut block);
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|&b| u64::from(b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn entry(name: &str, flag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(name, flag, content.len() as u64, |_| {});
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut content = String::new();
    for (key, value) in records {
        let body = key.len() + value.len() + 3;
        let length = (body + 1..).find(|&n| n == body + n.to_string().len()).unwrap();
        content.push_str(&format!("{length} {key}={value}\n"));
    }
    entry("pax", b'x', content.as_bytes())
}

#[test]
fn two_readers_of_one_stream_must_not_see_different_files() {
    let end = vec![0; 1024];
    let hidden = entry("hidden", b'0', b"x");
    let cases: &[(&str, Vec<u8>, &str)] = &[
        // The pax size wins: who believes the header's reads the content as entries.
        (
            "pax size over header size",
            [
                pax(&[("size", "512")]),
                header("outer", b'0', 0, |_| {}),
                hidden[..512].to_vec(),
                end.clone(),
            ]
            .concat(),
            "outer file 512",
        ),
        // A link's size is no content.
        (
            "a link with a size",
            [
                header("link", b'2', 512, |b| b[157..161].copy_from_slice(b"dest")),
                hidden.clone(),
                end.clone(),
            ]
            .concat(),
            "link link to dest 0 0 644\nhidden file 1",
        ),
        (
            "a global header's path does not apply",
            [entry("g", b'g', b"16 path=/renamed\n"), hidden.clone(), end.clone()].concat(),
            "hidden file 1",
        ),
        (
            "GNU's long name wins over pax",
            [
                pax(&[("path", "from-pax")]),
                entry("././@LongLink", b'L', b"from-gnu\0"),
                entry("x", b'0', b""),
                end.clone(),
            ]
            .concat(),
            "from-gnu file 0",
        ),
        (
            "one lone zero block",
            [vec![0; 512], hidden.clone(), end.clone()].concat(),
            "error: tar header at byte 0 has a malformed end marker",
        ),
        ("entries after the end are not read", [end.clone(), hidden.clone()].concat(), ""),
        ("no end marker", hidden.clone(), "hidden file 1"),
        (
            "old folders end in a slash",
            [entry("folder/", 0, b""), end.clone()].concat(),
            "folder folder 0",
        ),
        (
            "the prefix",
            [header("name", b'0', 0, |b| b[345..348].copy_from_slice(b"a/b")), end.clone()]
                .concat(),
            "a/b/name file 0",
        ),
        (
            "up and out",
            [entry("../../etc/passwd", b'0', b""), end.clone()].concat(),
            "etc/passwd file 0",
        ),
        (
            "negative size",
            [header("n", b'0', 0, |b| b[124..136].fill(0xff)), end.clone()].concat(),
            "error: tar header at byte 0 has a malformed size",
        ),
        (
            "eight-bit size",
            [
                header("n", b'0', 0, |b| {
                    b[124..136].fill(0);
                    b[124] = 0x80;
                    b[135] = 2;
                }),
                b"ab".to_vec(),
                vec![0; 510],
                end.clone(),
            ]
            .concat(),
            "n file 2 195",
        ),
        (
            "size beyond the stream",
            header("n", b'0', 1 << 32, |_| {}),
            "error: failed to read the tar stream",
        ),
        (
            "size not octal",
            [header("n", b'0', 0, |b| b[124] = b'9'), end.clone()].concat(),
            "error: tar header at byte 0 has a malformed size",
        ),
        (
            "pax size beyond everything",
            [pax(&[("size", "99999999999999999999")]), hidden.clone()].concat(),
            "error: tar header at byte 0 has a malformed pax number",
        ),
        (
            "pax length that lies",
            [entry("p", b'x', b"99 path=abc\n"), hidden.clone()].concat(),
            "error: tar header at byte 0 has a malformed pax record",
        ),
        (
            "pax path with a NUL",
            [pax(&[("path", "a\0b")]), hidden.clone()].concat(),
            "error: tar header at byte 0 has a malformed pax record",
        ),
        (
            "sparse pieces that overlap",
            [
                pax(&[("GNU.sparse.size", "10"), ("GNU.sparse.map", "0,6,5,5")]),
                entry("s", b'0', b"12345678901"),
            ]
            .concat(),
            "error: tar header at byte 1024 has a malformed sparse map",
        ),
        (
            "sparse pieces that claim other content",
            [
                pax(&[("GNU.sparse.size", "10"), ("GNU.sparse.map", "0,5")]),
                entry("s", b'0', b"123456"),
            ]
            .concat(),
            "error: tar header at byte 1024 has a malformed sparse map",
        ),
        (
            "sparse pieces beyond the size",
            [
                pax(&[("GNU.sparse.size", "4"), ("GNU.sparse.map", "0,6")]),
                entry("s", b'0', b"123456"),
            ]
            .concat(),
            "error: tar header at byte 1024 has a malformed sparse map",
        ),
    ];
    for (what, bytes, want) in cases {
        let text = show(bytes);
        assert!(text.starts_with(want) && (want.len() > 1 || text.is_empty()), "{what}: {text}");
    }
    let mut damaged = hidden;
    damaged[0] ^= 1;
    assert_eq!(show(&damaged), "error: tar header at byte 0 has a wrong checksum\n");
}

#[test]
fn limits_hold() {
    let mut bytes = Vec::new();
    for at in 0..10 {
        bytes.extend(entry(&format!("f{at}"), b'0', b""));
    }
    let limits = Limits { layer_entries: 9, ..Limits::default() };
    let error = show_with(&bytes, &limits).unwrap_err();
    assert_eq!(error.to_string(), "tar stream passes the limit of 9 entries");
    let long = entry("././@LongLink", b'L', &vec![b'a'; 5000]);
    let error = show(&[long, entry("x", b'0', b"")].concat());
    assert_eq!(error, "error: tar stream passes the limit of 4096 bytes in a path\n");
    let huge = header("pax", b'x', 1 << 30, |_| {});
    assert_eq!(
        show(&huge),
        "error: tar stream passes the limit of 1048576 bytes in an extension header\n"
    );
}

proptest! {
    #[test]
    fn no_stream_panics(
        flips in prop::collection::vec((0usize..4096, any::<u8>()), 0..8),
        cut in 0usize..6000,
    ) {
        let mut bytes = [
            pax(&[("path", "some/path"), ("size", "3")]),
            entry("x", b'0', b"abc"),
            pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "2000")]),
            entry("s", b'0', &[b"1\n5\n10\n".as_slice(), &[0; 505], b"0123456789"].concat()),
            header("old", b'S', 0, |b| b[483..495].copy_from_slice(b"00000000000\0")),
            entry("l", b'L', b"name\0"),
            entry("y", b'1', b""),
        ].concat();
        for (at, value) in flips {
            let at = at % bytes.len();
            bytes[at] = value;
            // A right checksum lets the damage through to what lies behind it.
            let start = at / 512 * 512;
            let block = &mut bytes[start..start + 512];
            if &block[257..262] == b"ustar" {
                block[148..156].fill(b' ');
                let sum: u64 = block.iter().map(|&b| u64::from(b)).sum();
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        bytes.truncate(cut);
        let limits = Limits { sparse_bytes: 1 << 20, ..Limits::default() };
        let _ = show_with(&bytes, &limits);
    }
}
