//! Image references: `registry/repository[:tag][@digest]`, with Docker's short forms.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;

/// The registry that short names mean.
pub const DEFAULT_REGISTRY: &str = "docker.io";
const DEFAULT_NAMESPACE: &str = "library";
const DEFAULT_TAG: &str = "latest";
const NAME_LIMIT: usize = 255;

/// A parsed image reference. Short names are completed (`alpine` is `docker.io/library/alpine:latest`).
///
/// See: OCI distribution-spec v1.1.1 §"Pulling manifests"; the grammar is that of the Docker reference format.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text is not an image reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {reason}")]
pub struct ParseReferenceError {
    text: String,
    reason: &'static str,
}

impl Reference {
    /// Returns host and, if given, port.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the repository's name, without the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns the tag; `None` if only a digest was given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Returns the digest, if given.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Returns `registry/repository`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Returns the same repository at `digest`, keeping the tag for people to read.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// Returns what a registry is asked for: the digest if there is one, else the tag.
    pub fn manifest_key(&self) -> &str {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.as_str(),
            (None, Some(tag)) => tag,
            (None, None) => DEFAULT_TAG,
        }
    }
}

impl FromStr for Reference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason| ParseReferenceError { text: text.chars().take(300).collect(), reason };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest =
                    digest.parse().map_err(|_| fail("what follows `@` is not a digest"))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let (registry, path) = split_registry(rest);
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (path, None),
        };
        if !is_registry(registry) {
            return Err(fail("the registry is not a host name with an optional port"));
        }
        if repository.is_empty() {
            return Err(fail("the repository is empty"));
        }
        if !repository.split('/').all(is_path_component) {
            return Err(fail(
                "a repository is lower-case letters and digits, separated by `.`, `_`, `__`, `-` or `/`",
            ));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(fail("a tag is up to 128 letters, digits, `_`, `.` and `-`"));
        }
        let official = registry == DEFAULT_REGISTRY && !repository.contains('/');
        let repository = if official {
            format!("{DEFAULT_NAMESPACE}/{repository}")
        } else {
            repository.to_owned()
        };
        if repository.len() > NAME_LIMIT {
            return Err(fail("the repository is longer than 255 characters"));
        }
        let tag = match (tag, &digest) {
            (Some(tag), _) => Some(tag.to_owned()),
            (None, None) => Some(DEFAULT_TAG.to_owned()),
            (None, Some(_)) => None,
        };
        Ok(Self { registry: registry.to_owned(), repository, tag, digest })
    }
}

/// The first component is a registry if it looks like a host: a dot, a port, `localhost` or an upper-case letter.
fn split_registry(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.bytes().any(|b| b.is_ascii_uppercase()) =>
        {
            let registry = match first {
                "index.docker.io" | "registry-1.docker.io" => DEFAULT_REGISTRY,
                other => other,
            };
            (registry, rest)
        }
        _ => (DEFAULT_REGISTRY, text),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => {
                if address.parse::<std::net::Ipv6Addr>().is_err() {
                    return false;
                }
                ("", port)
            }
            None => return false,
        },
        None => text.find(':').map_or((text, ""), |colon| text.split_at(colon)),
    };
    let label = |l: &str| {
        !l.is_empty()
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    (host.is_empty() && text.starts_with('[') || host.split('.').all(label))
        && (port.is_empty()
            || port
                .strip_prefix(':')
                .is_some_and(|p| p.parse::<u16>().is_ok() && p.bytes().all(|b| b.is_ascii_digit())))
}

fn is_path_component(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if !bytes.first().copied().is_some_and(alphanumeric)
        || !bytes.last().copied().is_some_and(alphanumeric)
    {
        return false;
    }
    bytes.split(|&b| alphanumeric(b)).all(|separator| {
        matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|&b| b == b'-')
    })
}

fn is_tag(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=128).contains(&bytes.len())
        && bytes.iter().all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        && !matches!(bytes[0], b'.' | b'-')
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_completed_and_printed_names_parse_again() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, want) in [
            ("alpine", "docker.io/library/alpine:latest"),
            ("alpine:3.20", "docker.io/library/alpine:3.20"),
            ("openfaas/of-watchdog", "docker.io/openfaas/of-watchdog:latest"),
            ("index.docker.io/library/alpine", "docker.io/library/alpine:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/a/b/c:v1", "localhost:5000/a/b/c:v1"),
            ("ghcr.io/org/app_x/y__z/a---b.c:V1.0-x", "ghcr.io/org/app_x/y__z/a---b.c:V1.0-x"),
            ("[::1]:5000/app", "[::1]:5000/app:latest"),
        ] {
            let parsed: Reference = text.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(parsed.to_string(), want);
            assert_eq!(want.parse(), Ok(parsed));
        }
        let pinned: Reference = format!("alpine:3@{digest}").parse().unwrap();
        assert_eq!(pinned.to_string(), format!("docker.io/library/alpine:3@{digest}"));
        assert_eq!(pinned.manifest_key(), digest);
        let untagged: Reference = format!("alpine@{digest}").parse().unwrap();
        assert_eq!(untagged.tag(), None);
    }

    #[test]
    fn what_is_not_a_reference_is_refused() {
        for bad in [
            "",
            ":tag",
            "Alpine",
            "a//b",
            "/a",
            "a/",
            "a_/b",
            "a..b",
            "a___b",
            "-a",
            "a:",
            "a:-t",
            "a:b:c",
            "a@sha256:xyz",
            "a@",
            "reg.io:70000/a",
            "reg.io:/a b",
            "..",
            "../a",
            "https://reg.io/a",
            "a b",
            "reg..io/a",
            "[::1/app",
            "a:t\n",
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
        assert!(format!("a:{}", "t".repeat(129)).parse::<Reference>().is_err());
        assert!("a".repeat(256).parse::<Reference>().is_err());
    }
}
