//! Platforms: `os/architecture[/variant]`, as indexes list them and people ask for them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The platform that an image is for.
///
/// See: OCI image-spec v1.1.1 image-index.md §"platform".
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// CPU architecture in Go's words: `amd64`, `arm64`.
    #[serde(default)]
    pub architecture: String,
    /// Operating system in Go's words: `linux`.
    #[serde(default)]
    pub os: String,
    /// CPU variant: `v7`, `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// Why a text is not a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a platform (expected `os/architecture` or `os/architecture/variant`, as in `linux/arm64`)"
)]
pub struct ParsePlatformError(String);

impl Platform {
    /// Returns Linux on the architecture this program was compiled for.
    pub fn host() -> Self {
        let (architecture, variant) = match std::env::consts::ARCH {
            "x86_64" => ("amd64", None),
            "aarch64" => ("arm64", Some("v8")),
            "x86" => ("386", None),
            "arm" => ("arm", Some("v7")),
            "powerpc64" => ("ppc64le", None),
            other => (other, None),
        };
        Self {
            architecture: architecture.into(),
            os: "linux".into(),
            variant: variant.map(Into::into),
        }
    }

    /// Whether an image for `self` serves someone who asks for `wanted`.
    ///
    /// A missing variant means the architecture's usual one (`arm64` is `v8`, `arm` is `v7`), on either side.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && self.usual_variant() == wanted.usual_variant()
    }

    /// Whether this is the placeholder of BuildKit's attestation manifests, which are not images.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }

    fn usual_variant(&self) -> Option<&str> {
        match (self.architecture.as_str(), self.variant.as_deref()) {
            ("arm64", None | Some("" | "v8")) => Some("v8"),
            ("arm", None | Some("")) => Some("v7"),
            ("amd64", None | Some("" | "v1")) => None,
            (_, variant) => variant.filter(|v| !v.is_empty()),
        }
    }
}

impl FromStr for Platform {
    type Err = ParsePlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParsePlatformError(text.chars().take(100).collect());
        let mut parts = text.split('/');
        let os = parts.next().filter(|p| !p.is_empty()).ok_or_else(error)?;
        let architecture = parts.next().filter(|p| !p.is_empty()).ok_or_else(error)?;
        let variant = parts.next();
        if parts.next().is_some() || variant == Some("") {
            return Err(error());
        }
        let architecture = match architecture {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Ok(Self {
            architecture: architecture.into(),
            os: os.into(),
            variant: variant.map(Into::into),
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variant_is_the_usual_one() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        for (have, want, yes) in [
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/arm64", "linux/aarch64/v8", true),
            ("linux/arm/v6", "linux/arm", false),
            ("linux/arm/v7", "linux/arm", true),
            ("linux/amd64", "linux/x86_64", true),
            ("linux/amd64/v3", "linux/amd64", false),
            ("windows/amd64", "linux/amd64", false),
        ] {
            assert_eq!(platform(have).satisfies(&platform(want)), yes, "{have} for {want}");
        }
        for bad in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/arm/"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }
}
