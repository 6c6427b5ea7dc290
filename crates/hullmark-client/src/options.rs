//! How sources are opened: every setting is a value, nothing is read from the environment but proxy variables (by the HTTP library).

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hullmark_oci::Limits;

pub use crate::local::store::Spool;
use crate::progress::ProgressSink;

/// Settings of a [`crate::Client`].
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Bounds on what is read.
    pub limits: Limits,
    /// What registries are told that we are.
    pub user_agent: String,
    /// Whether packets may be sent.
    pub network: Network,
    /// Where credentials come from, most important first.
    pub credentials: Vec<CredentialSource>,
    /// Folders in which `docker-credential-…` programs are looked for; empty for the system's search path.
    pub helper_folders: Vec<PathBuf>,
    /// Certificates of authorities trusted beside the system's, as PEM.
    pub authorities: Vec<Vec<u8>>,
    /// Certificates to show to a registry, by `host[:port]`. They are shown to nobody else.
    pub client_certificates: BTreeMap<String, ClientCertificate>,
    /// Registries (`host[:port]`) that are spoken to without encryption. Loopback addresses are always.
    pub dangerous_plain_http: Vec<String>,
    /// Mirrors by registry, in the order in which they are asked before it.
    pub mirrors: BTreeMap<String, Vec<Mirror>>,
    /// How failures are retried.
    pub retry: Retry,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// Which proxy is used.
    pub proxy: Proxy,
    /// Where temporary files go.
    pub spool: Spool,
    /// Docker's socket.
    pub docker_socket: PathBuf,
    /// Podman's socket.
    pub podman_socket: PathBuf,
    /// Is told how far blobs are.
    pub progress: ProgressSink,
}

/// Whether packets may be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// They may.
    #[default]
    Online,
    /// They may not; what needs them fails. A daemon's socket on this machine may still be used.
    Offline,
}

/// Where credentials come from.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// These, for registries whose name begins with `prefix` (`host[:port][/path]`, whole components).
    Fixed {
        /// The registry, or a part of it.
        prefix: String,
        /// The credentials.
        credential: Credential,
    },
    /// A `config.json` of Docker or an `auth.json` of Podman; skipped if it does not exist.
    File(PathBuf),
}

/// Proof of who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// User and password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token that the registry's token service changes for access tokens.
    Identity(Secret),
    /// An access token, sent to the registry as it is.
    Bearer(Secret),
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the secret, to send it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A client's certificate chain and private key.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// Certificates and the key (PKCS#8, PKCS#1 or SEC1), as PEM in one text.
    pub pem: Secret,
}

/// A place that holds copies of a registry's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// `host[:port]`.
    pub host: String,
    /// What is put before the repository's name there, if anything.
    pub prefix: Option<String>,
    /// What it is asked for. It is never trusted with the content of a digest; a tag's meaning it could change.
    pub scope: MirrorScope,
}

/// What a mirror is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MirrorScope {
    /// Everything.
    #[default]
    All,
    /// Content by digest only; tags are asked of the registry itself.
    Digests,
}

/// How failures are retried: connections that break, 429 and 5xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, at least one.
    pub attempts: u32,
    /// The first wait; each further one is twice as long.
    pub first: Duration,
    /// The longest wait. A server that asks for a longer one is not asked again.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 4, first: Duration::from_millis(300), longest: Duration::from_secs(30) }
    }
}

/// How long things may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the next bytes come, and the next 64 KiB of a blob.
    pub read: Duration,
    /// Until a document (manifest, token, list) is complete.
    pub document: Duration,
    /// Until a daemon sends the next bytes. It prepares the whole archive before the first.
    pub daemon: Duration,
    /// Until a credential helper answers.
    pub helper: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            read: Duration::from_secs(60),
            document: Duration::from_secs(120),
            daemon: Duration::from_secs(600),
            helper: Duration::from_secs(30),
        }
    }
}

/// Which proxy is used for outbound connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// What the proxy variables say.
    #[default]
    System,
    /// None.
    Direct,
    /// This one for everything but loopback.
    Url(String),
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            user_agent: concat!("hullmark/", env!("CARGO_PKG_VERSION")).into(),
            network: Network::Online,
            credentials: Vec::new(),
            helper_folders: Vec::new(),
            authorities: Vec::new(),
            client_certificates: BTreeMap::new(),
            dangerous_plain_http: Vec::new(),
            mirrors: BTreeMap::new(),
            retry: Retry::default(),
            timeouts: Timeouts::default(),
            proxy: Proxy::System,
            spool: Spool::default(),
            docker_socket: "/var/run/docker.sock".into(),
            podman_socket: "/run/podman/podman.sock".into(),
            progress: ProgressSink::default(),
        }
    }
}
