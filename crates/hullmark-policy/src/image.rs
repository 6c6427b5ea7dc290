//! Which images a pattern speaks of: anchored, segment by segment, on the completed reference.
//!
//! Both sides are normalised the same way: short names are completed, host names compared without case, the default port `:443`
//! left out. A pattern that can never match is refused when it is read, since it would protect nothing.

use std::fmt;
use std::str::FromStr;

use hullmark_evidence::Subject;
use hullmark_oci::reference::DEFAULT_REGISTRY;
use hullmark_oci::{Digest, Reference};
use serde::{Deserialize, Deserializer};

use crate::glob::{Segment, matches_segments, matches_text, parse_segments};

/// Before the pattern of a target that has no reference: an archive, a folder, an SBOM.
const LOCAL: &str = "file:";
/// How the names of such targets may begin.
const TRANSPORTS: [&str; 6] =
    ["oci-archive:", "docker-archive:", "docker-daemon:", "oci:", "dir:", "sbom:"];
/// Bytes of one pattern.
const LENGTH: usize = 1024;

/// A pattern for images: `registry/repository[:tag][@digest]`, `file:path`, or `**` for everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImagePattern {
    text: String,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// `**` without tag or digest: references and local targets.
    Everything,
    /// A target that has no reference, by its path.
    Local(Vec<Segment>),
    /// A reference.
    Reference {
        registry: Registry,
        repository: Vec<Segment>,
        tag: Option<String>,
        digest: Option<Digest>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Registry {
    /// Any registry, with any port.
    Any,
    /// `.example.com`: a host name below a domain, and exactly the port given.
    Below(String),
    /// Exactly this one.
    Exact(String),
}

/// Why a text is not an image pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image pattern: {reason}")]
pub struct ParseImagePatternError {
    text: String,
    reason: String,
}

/// Whether a pattern speaks of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matched {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It would if the tag fits, but the reference names none.
    UnknownTag,
}

/// What patterns are compared with: a subject, normalised once.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    reference: Option<Reference>,
    registry: String,
    path: &'a str,
    digests: Vec<&'a Digest>,
}

impl<'a> Target<'a> {
    /// Normalises what was examined. A reference that does not parse counts as none.
    pub(crate) fn new(subject: &'a Subject) -> Self {
        let reference: Option<Reference> =
            subject.reference.as_deref().and_then(|text| text.parse().ok());
        let registry =
            reference.as_ref().map(|r| normal_registry(r.registry())).unwrap_or_default();
        let path = TRANSPORTS
            .iter()
            .find_map(|transport| subject.name.strip_prefix(transport))
            .unwrap_or(&subject.name);
        let digests = subject.digest.iter().chain(&subject.index).collect();
        Self { reference, registry, path, digests }
    }

    /// Returns the completed reference; `None` for a local target.
    pub(crate) fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }
}

impl ImagePattern {
    /// Returns the pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn matches(&self, target: &Target<'_>) -> Matched {
        let matched = match (&self.form, &target.reference) {
            (Form::Everything, _) => true,
            (Form::Local(segments), None) => {
                let path: Vec<&str> =
                    target.path.split('/').filter(|s| !matches!(*s, "" | ".")).collect();
                matches_segments(segments, &path)
            }
            (Form::Reference { registry, repository, tag, digest }, Some(reference)) => {
                let path: Vec<&str> = reference.repository().split('/').collect();
                let named = registry.matches(&target.registry)
                    && matches_segments(repository, &path)
                    && digest.as_ref().is_none_or(|d| target.digests.contains(&d));
                return match (named, tag, reference.tag()) {
                    (false, _, _) => Matched::No,
                    (true, None, _) => Matched::Yes,
                    (true, Some(_), None) => Matched::UnknownTag,
                    (true, Some(pattern), Some(tag)) if matches_text(pattern, tag) => Matched::Yes,
                    (true, Some(_), Some(_)) => Matched::No,
                };
            }
            (Form::Local(_), Some(_)) | (Form::Reference { .. }, None) => false,
        };
        if matched { Matched::Yes } else { Matched::No }
    }
}

impl Registry {
    fn matches(&self, registry: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(wanted) => wanted == registry,
            Self::Below(suffix) => {
                registry.strip_suffix(suffix.as_str()).is_some_and(|host| !host.is_empty())
            }
        }
    }
}

/// Lower case, Docker Hub under one name, no default port: the same endpoint has one spelling.
fn normal_registry(registry: &str) -> String {
    let lower = registry.to_ascii_lowercase();
    let host = lower.strip_suffix(":443").unwrap_or(&lower);
    match host {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => {
            DEFAULT_REGISTRY.to_owned()
        }
        other => other.to_owned(),
    }
}

impl FromStr for ImagePattern {
    type Err = ParseImagePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason: String| ParseImagePatternError {
            text: text.chars().take(200).collect(),
            reason,
        };
        if text.is_empty() || text.len() > LENGTH {
            return Err(fail("it is empty or longer than 1024 bytes".into()));
        }
        let form = match text.strip_prefix(LOCAL) {
            _ if text == "**" => Form::Everything,
            Some("") => return Err(fail("`file:` needs a path: `file:**`".into())),
            Some(path) => Form::Local(parse_local(path).map_err(|e| fail(e.into()))?),
            None => parse_reference(text).map_err(fail)?,
        };
        Ok(Self { text: text.to_owned(), form })
    }
}

fn parse_local(path: &str) -> Result<Vec<Segment>, &'static str> {
    let segments = parse_segments(path)?;
    let plain = |s: &Segment| !matches!(s, Segment::Text(t) if t.is_empty() || t == ".");
    Ok(segments.into_iter().filter(plain).collect())
}

fn parse_reference(text: &str) -> Result<Form, String> {
    if let Some(bad) = text.chars().find(|c| {
        !c.is_ascii_alphanumeric()
            && !matches!(c, '.' | '_' | '-' | '/' | ':' | '@' | '*' | '[' | ']')
    }) {
        return Err(format!("no reference has a {bad:?}; only `*` and `**` are special"));
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => {
            let digest = digest.parse().map_err(|_| {
                "what follows `@` must be a whole digest, `sha256:` and 64 digits".to_owned()
            })?;
            (rest, Some(digest))
        }
        None => (text, None),
    };
    let (name, tag) = split_tag(rest)?;
    let (first, repository) = match name.split_once('/') {
        Some((first, repository)) => (first, Some(repository)),
        None => (name, None),
    };
    if first == "**" {
        // A reference always has a registry, so `**/app` means any registry and any path before `app`.
        let repository = parse_segments(name)?;
        return Ok(Form::Reference { registry: Registry::Any, repository, tag, digest });
    }
    let registry = parse_registry(first, text)?;
    let Some(repository) = repository else {
        // A bare host is everything on it, and never the beginning of a longer name.
        return Ok(Form::Reference { registry, repository: vec![Segment::Any], tag, digest });
    };
    if registry == Registry::Exact(DEFAULT_REGISTRY.into())
        && !repository.contains('/')
        && repository != "**"
    {
        return Err(format!(
            "it can never match, since every name on {DEFAULT_REGISTRY} has a namespace; write `{DEFAULT_REGISTRY}/library/{repository}`"
        ));
    }
    if repository.split('/').any(str::is_empty) {
        return Err("a path segment is empty".into());
    }
    if repository.bytes().any(|b| b.is_ascii_uppercase() || matches!(b, b'[' | b']' | b':')) {
        return Err("it can never match: a repository is written in lower-case letters, digits, `.`, `_` and `-`".into());
    }
    Ok(Form::Reference { registry, repository: parse_segments(repository)?, tag, digest })
}

/// Splits off the tag: what follows the last colon of the last segment, unless that is a port.
fn split_tag(text: &str) -> Result<(&str, Option<String>), String> {
    let last = text.rfind('/').map_or(0, |at| at + 1);
    let Some(colon) = text[last..].rfind(':').map(|at| at + last) else {
        return Ok((text, None));
    };
    let tag = &text[colon + 1..];
    let is_port = last == 0 && !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_digit());
    if is_port || (last == 0 && text.ends_with(']')) {
        return Ok((text, None));
    }
    if tag.is_empty() || tag.contains(['[', ']']) {
        return Err("the tag is empty or not one".into());
    }
    if tag.contains("**") {
        return Err("a tag is one segment: use `*`".into());
    }
    Ok((&text[..colon], Some(tag.to_owned())))
}

fn parse_registry(text: &str, whole: &str) -> Result<Registry, String> {
    if text == "*" {
        return Ok(Registry::Any);
    }
    if let Some(suffix) = text.strip_prefix('*') {
        if !suffix.starts_with('.') || suffix.contains('*') || suffix.len() < 2 {
            return Err(
                "in a registry, `*` stands for whole labels at the front, as in `*.example.com`; anything else would match hosts of strangers"
                    .into(),
            );
        }
        return Ok(Registry::Below(normal_registry(suffix)));
    }
    if text.contains('*') {
        return Err("in a registry, `*` stands only at the front, as in `*.example.com`".into());
    }
    let normal = normal_registry(text);
    let host = normal.contains(['.', ':']) || normal == "localhost";
    if !host || format!("{normal}/a").parse::<Reference>().is_err() {
        return Err(format!(
            "it must begin with a registry; write `{DEFAULT_REGISTRY}/{}{whole}` for Docker Hub, or `**/{whole}` for any",
            if whole.contains('/') { "" } else { "library/" },
        ));
    }
    Ok(Registry::Exact(normal))
}

impl fmt::Display for ImagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ImagePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use hullmark_evidence::SubjectKind;

    use super::*;

    fn matched(pattern: &str, name: &str) -> Matched {
        let reference = name.parse::<Reference>().ok().filter(|_| !name.starts_with("dir:"));
        let subject = Subject {
            name: name.into(),
            digest: Some(Digest::sha256(b"image")),
            index: reference.as_ref().and_then(|r| r.digest().cloned()),
            reference: reference.filter(|_| !name.contains("archive:")).map(|r| r.to_string()),
            platform: None,
            kind: SubjectKind::Image,
        };
        let pattern: ImagePattern = pattern.parse().unwrap_or_else(|e| panic!("{e}"));
        pattern.matches(&Target::new(&subject))
    }

    #[test]
    fn patterns_cover_what_they_say_and_no_neighbor() {
        use Matched::{No, UnknownTag, Yes};
        let pinned = format!("registry.example.com/shop/pay@{}", Digest::sha256(b"index"));
        let both = format!("registry.example.com/shop/pay:1@{}", Digest::sha256(b"index"));
        for (pattern, name, want) in [
            ("**", "alpine", Yes),
            ("**", "oci-archive:app.tar", Yes),
            ("*", "alpine", Yes),
            ("docker.io/library/alpine", "alpine", Yes),
            ("index.docker.io/library/alpine", "alpine:3", Yes),
            ("docker.io", "openfaas/watchdog", Yes),
            ("docker.io/**", "openfaas/watchdog", Yes),
            ("docker.io/library/*", "alpine", Yes),
            ("docker.io/library/*", "openfaas/watchdog", No),
            ("docker.io", "docker.io.evil.example/alpine", No),
            ("registry.example.com", "registry.example.com/a/b", Yes),
            ("registry.example.com", "registry.example.com.evil.example/a", No),
            ("registry.example.com", "evil-registry.example.com/a", No),
            ("registry.example.com", "REGISTRY.example.com/a", Yes),
            ("registry.example.com", "registry.example.com:443/a", Yes),
            ("registry.example.com", "registry.example.com:8443/a", No),
            ("registry.example.com:443/a", "registry.example.com/a", Yes),
            ("localhost:5000", "localhost:5000/a", Yes),
            ("localhost:5000", "localhost:50001/a", No),
            ("[::1]:5000/**", "[::1]:5000/a", Yes),
            ("[::1]:5000", "[::1]:5000/a", Yes),
            ("*.example.com/**", "a.b.example.com/x", Yes),
            ("*.example.com/**", "example.com/x", No),
            ("*.example.com/**", "evilexample.com/x", No),
            ("*.example.com/**", "a.example.com:5000/x", No),
            ("*.example.com:5000/**", "a.example.com:5000/x", Yes),
            ("*/app", "localhost:5000/app", Yes),
            ("*/app", "localhost:5000/x/app", No),
            ("**/app", "localhost:5000/x/app", Yes),
            ("**/app", "localhost:5000/app", Yes),
            ("**/app", "localhost:5000/myapp", No),
            ("**/sandbox/**", "registry.example.com/a/sandbox/b", Yes),
            ("registry.example.com/shop/*", "registry.example.com/shop/pay", Yes),
            ("registry.example.com/shop/*", "registry.example.com/shop/a/b", No),
            ("registry.example.com/shop/*", "registry.example.com/shopping/a", No),
            ("registry.example.com/shop/**", "registry.example.com/shop", Yes),
            // Tags: kept beside a digest, and never silently dropped.
            ("**:latest", "alpine", Yes),
            ("*:latest", "alpine:3", No),
            ("registry.example.com/shop/pay:1", &both, Yes),
            ("registry.example.com/shop/pay:2", &both, No),
            ("registry.example.com/shop/pay:1.*", "registry.example.com/shop/pay:1.2", Yes),
            ("registry.example.com/shop/pay:1.*", "registry.example.com/shop/pay:12", No),
            ("registry.example.com/shop/pay:1", &pinned, UnknownTag),
            ("registry.example.com/other:1", &pinned, No),
            ("registry.example.com/shop/pay", &pinned, Yes),
            (&pinned, &both, Yes),
            (&pinned, "registry.example.com/shop/pay:1", No),
            // Local targets.
            ("file:**", "oci-archive:/tmp/app.tar", Yes),
            ("file:build/*.tar", "oci-archive:./build/app.tar", Yes),
            ("file:build/*.tar", "oci-archive:build/x/app.tar", No),
            ("file:**", "alpine", No),
            ("*/**", "oci-archive:app.tar", No),
        ] {
            assert_eq!(matched(pattern, name), want, "{pattern} on {name}");
        }
    }

    #[test]
    fn patterns_that_can_never_match_or_match_strangers_are_refused() {
        for (bad, hint) in [
            ("", "empty"),
            ("alpine", "docker.io/library/alpine"),
            ("openfaas/**", "docker.io/openfaas/**"),
            ("docker.io/alpine", "docker.io/library/alpine"),
            ("docker.io/*", "docker.io/library/*"),
            ("*example.com/**", "whole labels"),
            ("registry.*/**", "at the front"),
            ("*.exa*.com/**", "whole labels"),
            ("*./a", "whole labels"),
            ("registry.example.com/a**", "whole segments"),
            ("registry.example.com//a", "empty"),
            ("registry.example.com/", "empty"),
            ("registry.example.com/App", "lower-case"),
            ("registry.example.com/a:", "tag"),
            ("registry.example.com/a:**", "one segment"),
            ("registry.example.com/a@sha256:12", "whole digest"),
            ("registry.example.com/{a,b}", "no reference has"),
            ("registry.example.com/a b", "no reference has"),
            ("!registry.example.com/a", "no reference has"),
            ("file:", "needs a path"),
        ] {
            let error = bad.parse::<ImagePattern>().unwrap_err().to_string();
            assert!(error.contains(hint), "{bad}: {error}");
        }
    }
}
