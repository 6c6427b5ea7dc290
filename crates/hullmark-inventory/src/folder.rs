//! A root file system in a folder, as if it were one layer.

use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hullmark_oci::FilePath;

use crate::fragment::Fragment;
use crate::scan::{ScanOptions, read_file};
use crate::{Gap, GapReason};

/// Kernel interfaces: not files, and some of them never end.
const VIRTUAL: [&str; 3] = ["proc", "sys", "dev"];

/// Reads a folder. Links are noted, not followed, so nothing outside the folder is read.
///
/// # Errors
/// If the folder itself cannot be listed. Files and folders below it that cannot be read are gaps.
pub fn scan_folder(root: &Path, options: &ScanOptions) -> io::Result<Fragment> {
    let mut fragment = Fragment::default();
    let mut folders = vec![PathBuf::new()];
    let mut entries = 0;
    while let Some(folder) = folders.pop() {
        let listed = match list(&root.join(&folder)) {
            Ok(listed) => listed,
            Err(error) if folder.as_os_str().is_empty() => return Err(error),
            Err(error) => {
                fragment.gaps.push(unreadable(&inside(&folder), &error));
                continue;
            }
        };
        for name in listed {
            entries += 1;
            if entries > options.limits.layer_entries {
                let detail = format!("more than {} entries", options.limits.layer_entries);
                let path = inside(&folder);
                fragment.gaps.push(Gap { path, layer: None, reason: GapReason::TooLarge, detail });
                return Ok(fragment);
            }
            let path = folder.join(name);
            match add(root, &path, &mut fragment, options) {
                Ok(Visit::Folder) => folders.push(path),
                Ok(Visit::Done) => {}
                Err(error) => fragment.gaps.push(unreadable(&inside(&path), &error)),
            }
        }
    }
    fragment.gaps.sort();
    Ok(fragment)
}

enum Visit {
    Folder,
    Done,
}

fn list(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let mut names: Vec<_> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    names.sort();
    Ok(names)
}

fn add(
    root: &Path,
    path: &Path,
    fragment: &mut Fragment,
    options: &ScanOptions,
) -> io::Result<Visit> {
    let name = inside(path);
    let on_disk = root.join(path);
    let metadata = fs::symlink_metadata(&on_disk)?;
    if metadata.is_dir() {
        let skip = VIRTUAL.contains(&name.as_str());
        return Ok(if skip { Visit::Done } else { Visit::Folder });
    }
    if metadata.is_symlink() {
        let target = fs::read_link(&on_disk)?.to_string_lossy().into_owned();
        fragment.symlinks.insert(name, target);
    } else if metadata.is_file() {
        let mut file = fs::File::open(&on_disk)?.take(metadata.len());
        let mode = metadata.permissions().mode() & 0o7777;
        let found = read_file(&name, metadata.len(), mode, &mut file, options)?;
        fragment.gaps.extend(found.gaps);
        if !found.records.is_empty() {
            fragment.files.insert(name, found.records);
        }
    }
    Ok(Visit::Done)
}

fn inside(path: &Path) -> FilePath {
    FilePath::from_raw(path.as_os_str().as_bytes())
}

fn unreadable(path: &FilePath, error: &io::Error) -> Gap {
    let (reason, detail) = (GapReason::Unreadable, error.to_string());
    Gap { path: path.clone(), layer: None, reason, detail }
}
