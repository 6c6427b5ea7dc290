//! Package URLs: parse, build and write them canonically, and go from a package to one and back.
//!
//! [`of`] and [`to_package`] are the two directions between a [`crate::Package`] and its URL.

mod package;
mod types;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub(crate) use package::distribution_of;
pub use package::{of, os_of, to_package};

/// Bytes of one package URL. Longer than any path on Linux, so that no honest one is refused.
const MAX_BYTES: usize = 64 * 1024;

/// A package URL in its canonical form: parts decoded and normalised as its type asks for.
///
/// Ordered and compared by its parts, which is the same as by its text.
///
/// See: ECMA-427 (package-url/purl-spec).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackageUrl {
    kind: String,
    namespace: Option<String>,
    name: String,
    version: Option<String>,
    qualifiers: BTreeMap<String, String>,
    subpath: Option<String>,
}

/// Why a text or a set of parts is not a package URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurlError {
    /// It does not start with `pkg:`.
    #[error("a package URL starts with `pkg:`")]
    Scheme,
    /// The type is missing, starts with a digit, or has other characters than letters, digits, `.` and `-`.
    #[error("the type is missing or has characters that are not allowed")]
    Type,
    /// The name is missing.
    #[error("the name is missing")]
    Name,
    /// The type needs a namespace and there is none, or has none and there is one.
    #[error("the namespace is missing, or not allowed for this type")]
    Namespace,
    /// A qualifier's key is empty, starts with a digit or has characters that are not allowed.
    #[error("a qualifier's key is empty or has characters that are not allowed")]
    QualifierKey,
    /// Two qualifiers have the same key.
    #[error("a qualifier is given twice")]
    DuplicateQualifier,
    /// A qualifier that this type needs is missing.
    #[error("a qualifier that the type needs is missing")]
    MissingQualifier,
    /// A percent sign without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("the percent-encoding is broken")]
    Encoding,
    /// Longer than anything honest.
    #[error("longer than {MAX_BYTES} bytes")]
    TooLong,
}

impl PackageUrl {
    /// Builds a package URL from type and name.
    ///
    /// # Errors
    /// If type or name are not allowed. A namespace that the type needs is asked for by [`Self::checked`] only.
    pub fn new(kind: &str, name: &str) -> Result<Self, PurlError> {
        if !types::is_valid(kind) {
            return Err(PurlError::Type);
        }
        if name.is_empty() {
            return Err(PurlError::Name);
        }
        let mut url = Self {
            kind: kind.to_ascii_lowercase(),
            namespace: None,
            name: name.to_owned(),
            version: None,
            qualifiers: BTreeMap::new(),
            subpath: None,
        };
        types::normalize(&mut url);
        Ok(url)
    }

    /// Sets the namespace; its parts are separated by `/`, empty parts are left out.
    #[must_use]
    pub fn with_namespace(mut self, namespace: &str) -> Self {
        let parts: Vec<&str> = namespace.split('/').filter(|s| !s.is_empty()).collect();
        self.namespace = (!parts.is_empty()).then(|| parts.join("/"));
        types::normalize(&mut self);
        self
    }

    /// Sets the version; an empty one is left out.
    #[must_use]
    pub fn with_version(mut self, version: &str) -> Self {
        self.version = (!version.is_empty()).then(|| version.to_owned());
        types::normalize(&mut self);
        self
    }

    /// Sets a qualifier; an empty value is left out. The key must be lower case.
    #[must_use]
    pub fn with_qualifier(mut self, key: &'static str, value: &str) -> Self {
        debug_assert!(is_qualifier_key(key));
        if !value.is_empty() {
            self.qualifiers.insert(key.to_owned(), value.to_owned());
        }
        self
    }

    /// Adds a qualifier from elsewhere.
    ///
    /// # Errors
    /// If the key is not allowed or is there already.
    pub fn add_qualifier(&mut self, key: &str, value: &str) -> Result<(), PurlError> {
        if !is_qualifier_key(key) {
            return Err(PurlError::QualifierKey);
        }
        if value.is_empty() {
            return Ok(());
        }
        match self.qualifiers.insert(key.to_ascii_lowercase(), value.to_owned()) {
            None => Ok(()),
            Some(_) => Err(PurlError::DuplicateQualifier),
        }
    }

    /// Sets the path below the package; `.`, `..` and empty parts are left out.
    #[must_use]
    pub fn with_subpath(mut self, subpath: &str) -> Self {
        let parts: Vec<&str> =
            subpath.split('/').filter(|s| !matches!(*s, "" | "." | "..")).collect();
        self.subpath = (!parts.is_empty()).then(|| parts.join("/"));
        self
    }

    /// Checks what only some types ask for: a namespace, none, or certain qualifiers.
    ///
    /// # Errors
    /// If the type's definition asks for something else. Scanners write such URLs (`pkg:deb/zlib1g` without a vendor), so parsing
    /// does not refuse them where the meaning is clear.
    pub fn checked(self) -> Result<Self, PurlError> {
        types::check(&self)?;
        Ok(self)
    }

    /// Returns the type, lower case: `deb`, `npm`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the namespace, decoded: `debian`, `@scope`, `org.apache.commons`.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Returns the name, decoded.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the version, decoded.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Returns the value of a qualifier, decoded.
    pub fn qualifier(&self, key: &str) -> Option<&str> {
        self.qualifiers.get(key).map(String::as_str)
    }

    /// Returns all qualifiers, by key.
    pub fn qualifiers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.qualifiers.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// Returns the path below the package.
    pub fn subpath(&self) -> Option<&str> {
        self.subpath.as_deref()
    }

    /// Returns this URL without version, qualifiers and subpath: what names the package in every version.
    #[must_use]
    pub fn without_version(&self) -> Self {
        Self { version: None, qualifiers: BTreeMap::new(), subpath: None, ..self.clone() }
    }
}

impl FromStr for PackageUrl {
    type Err = PurlError;

    /// Parses in the order of the specification: subpath, qualifiers, scheme, type, version, name, namespace.
    fn from_str(text: &str) -> Result<Self, PurlError> {
        if text.len() > MAX_BYTES {
            return Err(PurlError::TooLong);
        }
        let (rest, subpath) = split_right(text, '#');
        let (rest, qualifiers) = split_right(rest, '?');
        let (scheme, rest) = rest.split_once(':').ok_or(PurlError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("pkg") {
            return Err(PurlError::Scheme);
        }
        let (kind, rest) = rest.trim_start_matches('/').split_once('/').ok_or(PurlError::Type)?;
        let (path, version) = split_version(rest);
        let (namespace, name) = match path.rsplit_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, path),
        };
        let mut url = Self::new(kind, &decode(name)?)?;
        if let Some(namespace) = namespace {
            url = url.with_namespace(&decode(namespace)?);
        }
        if let Some(version) = version {
            url = url.with_version(&decode(version)?);
        }
        for pair in qualifiers.into_iter().flat_map(|q| q.split('&')).filter(|p| !p.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            url.add_qualifier(key, &decode(value)?)?;
        }
        if let Some(subpath) = subpath {
            url = url.with_subpath(&decode(subpath)?);
        }
        types::check_meaning(&url)?;
        Ok(url)
    }
}

impl fmt::Display for PackageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.kind)?;
        if let Some(namespace) = &self.namespace {
            encode_path(f, namespace)?;
            f.write_str("/")?;
        }
        encode(f, &self.name)?;
        if let Some(version) = &self.version {
            f.write_str("@")?;
            encode(f, version)?;
        }
        for (at, (key, value)) in self.qualifiers.iter().enumerate() {
            f.write_str(if at == 0 { "?" } else { "&" })?;
            write!(f, "{key}=")?;
            encode(f, value)?;
        }
        if let Some(subpath) = &self.subpath {
            f.write_str("#")?;
            encode_path(f, subpath)?;
        }
        Ok(())
    }
}

fn split_right(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.rsplit_once(mark) {
        Some((rest, part)) => (rest, Some(part)),
        None => (text, None),
    }
}

/// Splits off the version at the last `@`, unless that is the mark of an npm scope that nobody encoded (`@scope/name`).
fn split_version(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once('@') {
        Some((path, version)) => {
            let is_scope = (path.is_empty() || path.ends_with('/')) && version.contains('/');
            if is_scope { (text.trim_end_matches('/'), None) } else { (path, Some(version)) }
        }
        None => (text.trim_end_matches('/'), None),
    }
}

fn is_qualifier_key(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

fn decode(text: &str) -> Result<String, PurlError> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let [high, low, tail @ ..] = tail else {
            return Err(PurlError::Encoding);
        };
        let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
            return Err(PurlError::Encoding);
        };
        bytes.push(high << 4 | low);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| PurlError::Encoding)
}

fn encode_path(f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
    for (at, part) in path.split('/').enumerate() {
        if at > 0 {
            f.write_str("/")?;
        }
        encode(f, part)?;
    }
    Ok(())
}

/// Writes everything but letters, digits and `.-_~:` as `%XX`.
fn encode(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let is_plain =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~' | b':');
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !is_plain(byte) {
            // Plain bytes are ASCII, so a run of them starts and ends at character boundaries.
            f.write_str(text.get(start..at).unwrap_or_default())?;
            write!(f, "%{byte:02X}")?;
            start = at + 1;
        }
    }
    f.write_str(text.get(start..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_canonical() {
        for (given, want) in [
            (
                "pkg:deb/Debian/Zlib1g@1:1.2.13?arch=amd64",
                "pkg:deb/debian/zlib1g@1:1.2.13?arch=amd64",
            ),
            ("PKG:PyPI/Zope_Interface@5.0", "pkg:pypi/zope-interface@5.0"),
            ("pkg://npm/@scope/name", "pkg:npm/%40scope/name"),
            ("pkg:npm/%40scope/name@1.0.0", "pkg:npm/%40scope/name@1.0.0"),
            ("pkg:npm/@scope/name@1.0.0", "pkg:npm/%40scope/name@1.0.0"),
            (
                "pkg:golang/github.com/BurntSushi/toml@v1.2.0#/cmd/./x/",
                "pkg:golang/github.com/BurntSushi/toml@v1.2.0#cmd/x",
            ),
            (
                "pkg:maven/org.example//lib@1?type=jar&classifier=",
                "pkg:maven/org.example/lib@1?type=jar",
            ),
            (
                "pkg:rpm/Fedora/NetworkManager@1-2?epoch=1&ARCH=x86_64",
                "pkg:rpm/fedora/NetworkManager@1-2?arch=x86_64&epoch=1",
            ),
            ("pkg:generic/a%20b%2Fc@1%2B2?x=a%26b", "pkg:generic/a%20b%2Fc@1%2B2?x=a%26b"),
            ("pkg:nuget/Caf%C3%A9@1", "pkg:nuget/Caf%C3%A9@1"),
            ("pkg:gem/rails/", "pkg:gem/rails"),
        ] {
            let url: PackageUrl = given.parse().unwrap();
            assert_eq!(url.to_string(), want, "{given}");
            assert_eq!(want.parse::<PackageUrl>().as_ref(), Ok(&url), "{given}");
        }
    }

    #[test]
    fn what_is_not_a_url_says_why() {
        for (given, want) in [
            ("", PurlError::Scheme),
            ("zlib@1", PurlError::Scheme),
            ("pkg%3Adeb/debian/x", PurlError::Scheme),
            ("http:deb/debian/x", PurlError::Scheme),
            ("pkg:zlib@1", PurlError::Type),
            ("pkg:/zlib", PurlError::Type),
            ("pkg:3d/zlib", PurlError::Type),
            ("pkg:a_b/zlib", PurlError::Type),
            ("pkg:deb/debian/@1", PurlError::Name),
            ("pkg:cargo/@1", PurlError::Name),
            ("pkg:cargo/", PurlError::Name),
            ("pkg:cargo/a?1x=y", PurlError::QualifierKey),
            ("pkg:cargo/a?x y=z", PurlError::QualifierKey),
            ("pkg:cargo/a?=z", PurlError::QualifierKey),
            ("pkg:cargo/a?x=y&X=z", PurlError::DuplicateQualifier),
            ("pkg:cargo/a%2", PurlError::Encoding),
            ("pkg:cargo/a%zz", PurlError::Encoding),
            ("pkg:cargo/a@%ff", PurlError::Encoding),
        ] {
            assert_eq!(given.parse::<PackageUrl>().unwrap_err(), want, "{given}");
        }
        let long = format!("pkg:cargo/{}", "a".repeat(MAX_BYTES));
        assert_eq!(long.parse::<PackageUrl>().unwrap_err(), PurlError::TooLong);
        assert_eq!(PackageUrl::new("cargo", "").unwrap_err(), PurlError::Name);
    }

    #[test]
    fn what_a_type_needs_is_checked_on_request() {
        for (given, want) in [
            ("pkg:deb/zlib1g@1", Err(PurlError::Namespace)),
            ("pkg:deb/debian/zlib1g@1", Ok(())),
            ("pkg:cargo/ns/serde@1", Err(PurlError::Namespace)),
            ("pkg:cargo/serde@1", Ok(())),
            ("pkg:golang/stdlib@1.22.0", Ok(())),
        ] {
            let url: PackageUrl = given.parse().unwrap();
            assert_eq!(url.checked().map(drop), want, "{given}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_parses_to_something_stable_or_fails(text in "(pkg:)?[a-z]{0,4}/?[ -~é]{0,40}") {
            if let Ok(url) = text.parse::<PackageUrl>() {
                let canonical = url.to_string();
                proptest::prop_assert_eq!(canonical.parse::<PackageUrl>(), Ok(url));
            }
        }
    }
}
