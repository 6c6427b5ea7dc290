//! Owned files of databases that write a folder once and then the names in it: bounded, since one long folder and many short names
//! would make a list much longer than the database.

use hullmark_oci::{FilePath, Limits};

use crate::package::OwnedFiles;

/// Puts the paths of one database together.
#[derive(Debug)]
pub(super) struct Owned {
    /// Bytes that all lists together may still grow by.
    budget: u64,
    path_limit: usize,
    /// The path being put together, kept for its memory.
    path: Vec<u8>,
    over: bool,
}

impl Owned {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            budget: limits.file_bytes,
            path_limit: limits.path_bytes,
            path: Vec::new(),
            over: false,
        }
    }

    /// Adds `folder/name`; `folder` may end with a slash. Nothing if that passes a limit.
    pub(super) fn push(&mut self, files: &mut OwnedFiles, folder: &[u8], name: &[u8]) {
        let length = folder.len() + 1 + name.len();
        if length > self.path_limit || length as u64 > self.budget {
            self.over = true;
            return;
        }
        self.budget -= length as u64;
        self.path.clear();
        self.path.extend_from_slice(folder);
        if !matches!(folder.last(), None | Some(b'/')) {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        push_path(files, &self.path);
    }

    /// Whether anything was left out.
    pub(super) fn over(&self) -> bool {
        self.over
    }
}

/// Adds a path as a package database writes it: mostly normal already, and then without an allocation of its own.
pub(super) fn push_path(files: &mut OwnedFiles, raw: &[u8]) {
    let relative = raw.strip_prefix(b"/").unwrap_or(raw);
    match std::str::from_utf8(relative) {
        Ok(path) if is_normal(path) => files.push(path),
        _ => files.push(&FilePath::from_raw(relative)),
    }
}

/// Whether [`FilePath::from_raw`] would leave `path` as it is; `false` when in doubt.
fn is_normal(path: &str) -> bool {
    let bytes = path.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    // Without an early end: the compiler then looks at many bytes at once, and odd names are rare.
    let odd = bytes.iter().zip(&bytes[1..]).fold(false, |odd, (&a, &b)| {
        odd | ((a == b'/') & ((b == b'/') | (b == b'.'))) | ((a == b'\\') & (b == b'x'))
    });
    !odd && !matches!(first, b'.' | b'/') && *last != b'/'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_bounded() {
        let mut owned = Owned::new(&Limits { file_bytes: 20, path_bytes: 12, ..Limits::default() });
        let mut files = OwnedFiles::default();
        owned.push(&mut files, b"/usr/", b"a");
        owned.push(&mut files, b"", b"b");
        assert!(!owned.over());
        owned.push(&mut files, b"a/long/folder", b"c");
        assert!(owned.over());
        owned.push(&mut files, b"etc", b"d");
        owned.push(&mut files, b"etc", b"e");
        owned.push(&mut files, b"etc", b"f");
        assert_eq!(files.iter().collect::<Vec<_>>(), ["usr/a", "b", "etc/d", "etc/e"]);
    }
}
