//! Cached fragments: the same answer, any number of processes, and no harm from a damaged cache.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Home, Run, SHOP};

const SBOM: &[&str] = &["sbom", SHOP, "--format", "json"];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn eight_processes_share_one_cache() {
    let home = Home::new();
    let expected = home.run(&[SBOM, &["--no-cache"]].concat()).stdout;
    let children: Vec<_> = (0..8)
        .map(|_| {
            let mut command = home.command(SBOM);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for child in children {
        let run = Run::from(child.wait_with_output().unwrap());
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert!(run.stdout == expected, "a process saw something else");
    }
    let cached = files(&home.path().join(".local/share/hullmark/fragments"));
    assert_eq!(cached.len(), 5, "one file a layer, and no temporary one: {cached:?}");
}

#[test]
fn a_damaged_cache_is_read_around() {
    let home = Home::new();
    let expected = home.run(SBOM).stdout;
    for file in files(&home.path().join(".local/share/hullmark/fragments")) {
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    }
    let run = home.run(SBOM);
    assert_eq!((run.code, run.stdout == expected), (0, true), "{}", run.stderr);
}
