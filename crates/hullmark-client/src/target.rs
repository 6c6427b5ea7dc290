//! What a command is told to look at: its kind is recognised, or forced by a prefix.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use hullmark_oci::Reference;
use hullmark_oci::layout::{self, Selection};
use hullmark_oci::reference::ParseReferenceError;

use crate::local;
use crate::local::store::{Compression, open_regular};
use crate::local::tar_index::looks_like_tar;
use crate::text::printable;

/// An image, a root file system or an SBOM, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An image in a registry: `registry:alpine:3.20`, or the reference alone.
    Registry(Reference),
    /// An OCI layout folder: `oci:PATH[:TAG][@DIGEST]`.
    Layout(Local),
    /// A tar archive, compressed or not: `oci-archive:` or `docker-archive:` and `PATH[:TAG][@DIGEST]`.
    Archive(Local, ArchiveForm),
    /// A folder that `skopeo copy … dir:` wrote; always recognised.
    SkopeoDir(PathBuf),
    /// An image in a daemon: `docker-daemon:NAME` or `podman:NAME`.
    Daemon(Daemon, String),
    /// An unpacked root file system: `dir:PATH`. Not an image source.
    Folder(PathBuf),
    /// A CycloneDX or SPDX document: `sbom:PATH`. Not an image source.
    Sbom(PathBuf),
}

/// A file or folder that may hold several images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Where it is.
    pub path: PathBuf,
    /// Which image of it.
    pub selection: Selection,
}

/// How an archive is laid out inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveForm {
    /// Recognised when opened.
    Any,
    /// An OCI layout.
    Oci,
    /// As `docker save` writes it.
    Docker,
    /// As `skopeo copy … dir:` writes it, in a tar.
    Skopeo,
}

/// Which daemon to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// Docker.
    Docker,
    /// Podman, through its Docker-compatible interface.
    Podman,
}

/// Why a text is no target.
#[derive(Debug, thiserror::Error)]
pub enum ParseTargetError {
    /// Neither a file nor a reference.
    #[error("`{text}` is neither a file nor an image reference")]
    Neither {
        /// What was given.
        text: String,
        /// Why it is not a reference.
        #[source]
        reason: ParseReferenceError,
    },
    /// The kind was forced to a registry, and the text is not a reference.
    #[error("failed to parse `{text}`")]
    Reference {
        /// What was given.
        text: String,
        /// Why it is not a reference.
        #[source]
        reason: ParseReferenceError,
    },
    /// The file or folder does not exist.
    #[error("there is no file or folder `{0}`")]
    Missing(String),
    /// A file that holds nothing we know.
    #[error(
        "`{0}` is neither a tar archive (plain, gzip or zstd) nor a JSON document; force its kind with `oci-archive:`, `docker-archive:`, `sbom:` or `registry:`"
    )]
    Unknown(String),
    /// A folder whose name is a reference too. Guessing could judge the wrong thing.
    #[error(
        "`{0}` is a folder here and an image reference too: write `dir:{0}` or `./{0}` for the folder, `registry:{0}` for the image"
    )]
    FolderOrReference(String),
    /// A name that daemons do not take.
    #[error("`{0}` is not the name or id of an image")]
    DaemonName(String),
    /// The file could not be read.
    #[error("failed to read `{path}`")]
    Io {
        /// The file.
        path: String,
        /// The failure.
        #[source]
        source: std::io::Error,
    },
}

impl Target {
    /// Parses a target as people write it. Looks at the file system to recognise its kind.
    ///
    /// An existing path wins over a reference, except for a plain folder whose name is a reference as it stands.
    ///
    /// # Errors
    /// If it is neither a file that is understood nor a reference, or could be both.
    pub fn parse(text: &str) -> Result<Self, ParseTargetError> {
        match text.split_once(':') {
            Some(("registry", rest)) if !is_named_registry(rest) => match rest.parse() {
                Ok(reference) => Ok(Self::Registry(reference)),
                Err(reason) => Err(ParseTargetError::Reference { text: printable(rest), reason }),
            },
            Some(("oci", rest)) => Ok(Self::Layout(Local::parse(rest)?)),
            Some(("oci-archive", rest)) => Ok(Self::Archive(Local::parse(rest)?, ArchiveForm::Oci)),
            Some(("docker-archive", rest)) => {
                Ok(Self::Archive(Local::parse(rest)?, ArchiveForm::Docker))
            }
            Some(("docker-daemon", rest)) => daemon(Daemon::Docker, rest),
            Some(("podman", rest)) => daemon(Daemon::Podman, rest),
            Some(("dir", rest)) => existing(rest).map(Self::Folder),
            Some(("sbom", rest)) => existing(rest).map(Self::Sbom),
            _ => Self::recognise(text),
        }
    }

    fn recognise(text: &str) -> Result<Self, ParseTargetError> {
        let Ok(local) = Local::parse(text) else {
            return match text.parse() {
                Ok(_) if looks_like_path(text) => Err(ParseTargetError::Missing(printable(text))),
                Ok(reference) => Ok(Self::Registry(reference)),
                Err(_) if looks_like_path(text) => Err(ParseTargetError::Missing(printable(text))),
                Err(reason) => Err(ParseTargetError::Neither { text: printable(text), reason }),
            };
        };
        if local.path.is_dir() {
            return Self::recognise_folder(text, local);
        }
        let io = |source| ParseTargetError::Io { path: printable(text), source };
        let mut start = Vec::new();
        let file = open_regular(&local.path).map_err(io)?;
        file.take(4096).read_to_end(&mut start).map_err(io)?;
        if looks_like_tar(&start) || Compression::of(&start) != Compression::None {
            return Ok(Self::Archive(local, ArchiveForm::Any));
        }
        let json = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
        if json.trim_ascii_start().first() == Some(&b'{') && local.selection == Selection::Only {
            return Ok(Self::Sbom(local.path));
        }
        // `redis:7` beside a program called `redis`.
        match (local.selection, text.parse()) {
            (Selection::Name(_) | Selection::Digest(_), Ok(reference)) => {
                Ok(Self::Registry(reference))
            }
            _ => Err(ParseTargetError::Unknown(printable(text))),
        }
    }

    fn recognise_folder(text: &str, local: Local) -> Result<Self, ParseTargetError> {
        if local.path.join(layout::MARKER).is_file() || local.path.join(layout::INDEX).is_file() {
            return Ok(Self::Layout(local));
        }
        let reference = text.parse::<Reference>();
        match (local.selection, reference) {
            (Selection::Only, _) if local::is_skopeo_folder(&local.path) => {
                Ok(Self::SkopeoDir(local.path))
            }
            (Selection::Only, Err(_)) => Ok(Self::Folder(local.path)),
            (Selection::Only, Ok(_)) => Err(ParseTargetError::FolderOrReference(printable(text))),
            (_, Ok(reference)) => Ok(Self::Registry(reference)),
            (_, Err(_)) => Err(ParseTargetError::Missing(printable(text))),
        }
    }
}

impl Local {
    /// Splits `PATH[:TAG]` or `PATH@DIGEST`: the longest part that exists is the path.
    fn parse(text: &str) -> Result<Self, ParseTargetError> {
        if Path::new(text).exists() {
            return Ok(Self { path: text.into(), selection: Selection::Only });
        }
        for (at, separator) in text.rmatch_indices([':', '@']) {
            let (path, rest) = (&text[..at], &text[at + 1..]);
            if path.is_empty() || rest.is_empty() || !Path::new(path).exists() {
                continue;
            }
            let selection = match (separator, rest.parse()) {
                ("@", Ok(digest)) => Selection::Digest(digest),
                ("@", Err(_)) => continue,
                _ => Selection::Name(rest.to_owned()),
            };
            return Ok(Self { path: path.into(), selection });
        }
        Err(ParseTargetError::Missing(printable(text)))
    }
}

fn daemon(daemon: Daemon, name: &str) -> Result<Target, ParseTargetError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b);
    let dotted = || name.split('/').any(|part| matches!(part, "" | "." | ".."));
    if name.is_empty() || name.len() > 512 || !name.bytes().all(allowed) || dotted() {
        return Err(ParseTargetError::DaemonName(printable(name)));
    }
    Ok(Target::Daemon(daemon, name.to_owned()))
}

fn existing(path: &str) -> Result<PathBuf, ParseTargetError> {
    if Path::new(path).exists() {
        Ok(path.into())
    } else {
        Err(ParseTargetError::Missing(printable(path)))
    }
}

/// Whether what follows `registry:` makes it a host (`registry:5000/app`) or an image (`registry:2`), not a forced kind.
fn is_named_registry(rest: &str) -> bool {
    let first = rest.split('/').next().unwrap_or_default();
    let port = rest.contains('/') && !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit());
    let tag = !rest.contains(['/', ':'])
        && (rest.starts_with(|c: char| c.is_ascii_digit()) || rest == "latest");
    port || tag
}

/// Whether somebody who wrote this meant a file: to look for it in a registry would hide a typing error.
fn looks_like_path(text: &str) -> bool {
    text.starts_with(['.', '/', '~'])
        || [".tar", ".tar.gz", ".tgz", ".tar.zst", ".json"].iter().any(|end| text.ends_with(end))
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.selection {
            Selection::Only => write!(f, "{}", self.path.display()),
            Selection::Name(name) => write!(f, "{}:{name}", self.path.display()),
            Selection::Digest(digest) => write!(f, "{}@{digest}", self.path.display()),
        }
    }
}

impl fmt::Display for Target {
    /// Writes the target so that it can be parsed again, with its kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => write!(f, "{reference}"),
            Self::Layout(local) => write!(f, "oci:{local}"),
            Self::Archive(local, ArchiveForm::Oci) => write!(f, "oci-archive:{local}"),
            Self::Archive(local, ArchiveForm::Docker) => write!(f, "docker-archive:{local}"),
            Self::Archive(local, ArchiveForm::Any | ArchiveForm::Skopeo) => write!(f, "{local}"),
            Self::SkopeoDir(path) => write!(f, "{}", path.display()),
            Self::Daemon(Daemon::Docker, name) => write!(f, "docker-daemon:{name}"),
            Self::Daemon(Daemon::Podman, name) => write!(f, "podman:{name}"),
            Self::Folder(path) => write!(f, "dir:{}", path.display()),
            Self::Sbom(path) => write!(f, "sbom:{}", path.display()),
        }
    }
}
