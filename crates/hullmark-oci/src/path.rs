//! Paths inside an image: relative to the root, `/` between components, never `.` or `..`, valid UTF-8.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// A normalised path inside an image, without a leading slash; the root is empty.
///
/// Bytes that are not UTF-8 are written `\xNN`, and a backslash before `x` as `\x5c`, so two different names never become one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FilePath(String);

impl FilePath {
    /// Normalises a raw name as a tar entry carries it: absolute, `./`, doubled and trailing slashes.
    ///
    /// `..` goes up and stops at the root, as it does inside a container.
    pub fn from_raw(raw: &[u8]) -> Self {
        if let Ok(text) = std::str::from_utf8(raw) {
            let trimmed = text.strip_prefix("./").unwrap_or(text);
            let plain = !trimmed.is_empty()
                && !trimmed.ends_with('/')
                && !trimmed.contains("\\x")
                && trimmed.split('/').all(|c| !matches!(c, "" | "." | ".."));
            if plain {
                return Self(trimmed.into());
            }
        }
        let mut components: Vec<String> = Vec::new();
        for component in raw.split(|&b| b == b'/') {
            match component {
                b"" | b"." => {}
                b".." => {
                    components.pop();
                }
                name => components.push(escape(name)),
            }
        }
        Self(components.join("/"))
    }

    /// Reads a path back as this type writes it in documents: components are normalised, escapes stay as they are.
    pub fn from_written(text: &str) -> Self {
        let mut components: Vec<&str> = Vec::new();
        for component in text.split('/') {
            match component {
                "" | "." => {}
                ".." => {
                    components.pop();
                }
                name => components.push(name),
            }
        }
        Self(components.join("/"))
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last component; empty for the root.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the folder that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        Some(Self(self.0.rsplit_once('/').map(|(parent, _)| parent).unwrap_or_default().into()))
    }

    /// Returns the path of `relative` (a raw name) under this folder; an absolute `relative` starts at the root again.
    pub fn join(&self, relative: &str) -> Self {
        if relative.starts_with('/') {
            return Self::from_raw(relative.as_bytes());
        }
        Self::from_raw(format!("{}/{relative}", self.0).as_bytes())
    }

    /// Whether this path is `folder` or lies below it. The root holds everything.
    pub fn is_under(&self, folder: &str) -> bool {
        folder.is_empty()
            || self
                .0
                .strip_prefix(folder)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn escape(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(&chunk.valid().replace("\\x", "\\x5cx"));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

impl Deref for FilePath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for FilePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for FilePath {
    fn from(text: &str) -> Self {
        Self::from_raw(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        for (raw, want) in [
            (&b"usr/bin/env"[..], "usr/bin/env"),
            (b"./usr//bin/./env", "usr/bin/env"),
            (b"/etc/passwd", "etc/passwd"),
            (b"etc/", "etc"),
            (b"../../etc/shadow", "etc/shadow"),
            (b"a/b/../c", "a/c"),
            (b".", ""),
            (b"caf\xe9", "caf\\xe9"),
            (b"caf\\xe9", "caf\\x5cxe9"),
            (b"back\\slash", "back\\slash"),
        ] {
            assert_eq!(FilePath::from_raw(raw).as_str(), want);
        }
        for raw in [&b"caf\xe9/\\xe9"[..], b"usr/bin/env"] {
            let path = FilePath::from_raw(raw);
            assert_eq!(FilePath::from_written(path.as_str()), path);
        }
        assert_eq!(FilePath::from_written("/../a/./b//../c").as_str(), "a/c");
        let path = FilePath::from("usr/lib/os-release");
        assert_eq!(path.file_name(), "os-release");
        assert_eq!(path.parent().unwrap().as_str(), "usr/lib");
        assert!(path.is_under("usr/lib") && !path.is_under("usr/li") && path.is_under(""));
        assert_eq!(FilePath::from("etc").join("../usr/lib/x").as_str(), "usr/lib/x");
        assert_eq!(FilePath::from("etc").join("/usr").as_str(), "usr");
    }
}
