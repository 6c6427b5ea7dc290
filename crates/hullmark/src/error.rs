//! What a person reads when a command could not do its work: what was attempted, on what, why, and what to try.

use std::error::Error as StdError;
use std::io;

/// A failed command. The exit code is always 2: a denial is no error.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// A stable name for programs.
    pub(crate) kind: ErrorKind,
    /// The error with its chain of causes.
    pub(crate) error: Box<dyn StdError + Send + Sync>,
    /// What to try.
    pub(crate) hints: Vec<String>,
}

/// The kinds of failure, as `--log-format json` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// Flags or configuration make no sense.
    Usage,
    /// The target does not exist.
    NotFound,
    /// The registry wants other credentials.
    Unauthorized,
    /// The network or the registry failed.
    Unreachable,
    /// Content is not what its digest or format says.
    Malformed,
    /// The advisory database is missing or damaged.
    Database,
    /// A policy file is wrong.
    Policy,
    /// A local file could not be read or written.
    Io,
}

impl ErrorKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::NotFound => "not-found",
            Self::Unauthorized => "unauthorized",
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
            Self::Database => "database",
            Self::Policy => "policy",
            Self::Io => "io",
        }
    }
}

/// A sentence as an error, for what has no cause below it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Message(String);

/// A failed step with its cause.
#[derive(Debug, thiserror::Error)]
#[error("{attempted}")]
struct Step {
    attempted: String,
    #[source]
    source: Box<dyn StdError + Send + Sync>,
}

impl CommandError {
    pub(crate) fn new(kind: ErrorKind, error: impl StdError + Send + Sync + 'static) -> Self {
        Self { kind, error: Box::new(error), hints: Vec::new() }
    }

    pub(crate) fn message(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, Message(message.into()))
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::message(ErrorKind::Usage, message)
    }

    /// A failed step: `attempted` says what was tried on what.
    pub(crate) fn step(
        kind: ErrorKind,
        attempted: impl Into<String>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self::new(kind, Step { attempted: attempted.into(), source: Box::new(source) })
    }

    /// The same failure as the cause of a larger one.
    #[must_use]
    pub(crate) fn within(self, attempted: impl Into<String>) -> Self {
        let error = Box::new(Step { attempted: attempted.into(), source: self.error });
        Self { error, ..self }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The messages from the outermost to the root cause.
    pub(crate) fn chain(&self) -> Vec<String> {
        let mut chain = vec![self.error.to_string()];
        let mut cause = self.error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if chain.last() != Some(&text) {
                chain.push(text);
            }
            cause = error.source();
        }
        chain
    }

    /// Whether the reader of our output went away, which is its right.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&*self.error);
        while let Some(error) = cause {
            if error
                .downcast_ref::<io::Error>()
                .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
            {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl From<hullmark_examine::ExamineError> for CommandError {
    fn from(error: hullmark_examine::ExamineError) -> Self {
        use hullmark_examine::ExamineError as E;
        match error {
            E::Source(error) => error.into(),
            E::NoPlatform { .. } => Self::new(ErrorKind::NotFound, error).hint(
                "choose one with `--platform`, or examine every image with `--all-platforms`",
            ),
            E::NotAnImage { .. } => Self::new(ErrorKind::Usage, error),
            E::Folder { .. } => Self::new(ErrorKind::Io, error),
            E::Limit { .. } => Self::new(ErrorKind::Malformed, error)
                .hint("limits can be raised under `limits` in `hullmark.yaml`"),
            E::Advisories(error) => error.into(),
            E::Manifest { .. }
            | E::LayerCount { .. }
            | E::Layer { .. }
            | E::Tar { .. }
            | E::LayerIo { .. }
            | E::Sbom { .. }
            | E::Panicked(_) => Self::new(ErrorKind::Malformed, error),
        }
    }
}

impl From<hullmark_oci::SourceError> for CommandError {
    fn from(error: hullmark_oci::SourceError) -> Self {
        use hullmark_oci::SourceError as E;
        match &error {
            E::NotFound { .. } => Self::new(ErrorKind::NotFound, error)
                .hint("check the spelling; a local image needs its kind, as in `oci-archive:FILE` or `docker-daemon:NAME`"),
            E::Ambiguous { .. } => Self::new(ErrorKind::Usage, error),
            E::Unauthorized { .. } => Self::new(ErrorKind::Unauthorized, error)
                .hint("log in with `docker login` or `podman login`; Hullmark reads the same credential files"),
            E::Unreachable { .. } => Self::new(ErrorKind::Unreachable, error),
            E::Malformed { .. } | E::DigestMismatch { .. } | E::SizeMismatch { .. } | E::TooLarge { .. } => {
                Self::new(ErrorKind::Malformed, error)
            }
            E::Io { .. } => Self::new(ErrorKind::Io, error),
        }
    }
}

impl From<hullmark_advisory::DatabaseError> for CommandError {
    fn from(error: hullmark_advisory::DatabaseError) -> Self {
        Self::new(ErrorKind::Database, error).hint(
            "fetch advisories with `hullmark db update`, or read local files with `hullmark db import`",
        )
    }
}
