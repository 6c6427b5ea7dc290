//! The distribution's own registry (`docker-registry`) as a child process, filled with `skopeo`.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::{Authority, Server, TokenService};

/// User of registries that want one.
const USER: &str = "user";
/// Password of [`USER`], and its bcrypt hash.
const PASSWORD: &str = "secret";
const HASH: &str = "$2y$05$d2H0nqTnt/RU.7cgfmhWjO4S/oPPMCNNU32GJ4xJt8jvEs1aUrCxW";
const ATTEMPTS: usize = 3;

/// Who may use the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Who sends the password.
    Password,
    /// Who has a token of the token service.
    Token,
}

/// What kind of registry is started.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// Who may use it.
    pub access: Access,
    /// The authority of its certificate; plain HTTP without.
    pub authority: Option<&'a Authority>,
}

/// A running registry. It is killed when dropped.
pub struct Registry {
    child: Child,
    host: String,
    access: Access,
    folder: tempfile::TempDir,
    tokens: Option<Server>,
}

impl Registry {
    /// Starts a registry; says so and returns `None` where `docker-registry` or `skopeo` is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn start(setup: Setup) -> Option<Self> {
        for tool in ["docker-registry", "skopeo"] {
            if Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_err() {
                crate::skip(&format!("`{tool}` (run scripts/install-registry-tools.sh)"));
                return None;
            }
        }
        // Between the choice of a port and its use, somebody else may take it.
        for _ in 0..ATTEMPTS {
            if let Some(registry) = Self::try_start(setup) {
                return Some(registry);
            }
        }
        panic!("`docker-registry` does not start");
    }

    /// Returns `127.0.0.1:port`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns user and password, if the registry wants them.
    pub fn login(&self) -> Option<(&'static str, &'static str)> {
        (self.access != Access::Open).then_some((USER, PASSWORD))
    }

    /// Returns the requests that the token service got.
    pub fn token_requests(&self) -> Vec<super::Request> {
        self.tokens.as_ref().map(Server::requests).unwrap_or_default()
    }

    /// Pushes all images of an OCI archive as `name` (`repository:tag`).
    ///
    /// # Panics
    /// If `skopeo` fails.
    pub fn push(&self, archive: &Path, name: &str) {
        let mut command = Command::new("skopeo");
        command.args(["copy", "--quiet", "--insecure-policy", "--all", "--dest-tls-verify=false"]);
        match self.login() {
            Some((user, password)) => command.arg(format!("--dest-creds={user}:{password}")),
            None => command.arg("--dest-no-creds"),
        };
        let done = command
            .arg(format!("oci-archive:{}", archive.display()))
            .arg(format!("docker://{}/{name}", self.host))
            .env("HOME", self.folder.path())
            .output()
            .expect("`skopeo` can be run");
        assert!(done.status.success(), "skopeo: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Returns the file in which the registry keeps a blob, to damage it.
    pub fn blob_file(&self, digest: &hullmark_oci::Digest) -> PathBuf {
        let hex = digest.hex();
        let path = format!("data/docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]);
        self.folder.path().join(path)
    }

    #[expect(clippy::disallowed_methods, reason = "a test's server, on loopback only")]
    fn try_start(setup: Setup) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| {
            std::fs::write(at(name), text).expect("a test's folder can be written");
        };
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let host = format!("127.0.0.1:{port}");
        let tls = setup.authority.map_or_else(String::new, |authority| {
            let (certificate, key) = authority.issue();
            write("certificate.pem", &certificate);
            write("key.pem", &key);
            format!(
                ", tls: {{certificate: '{}', key: '{}'}}",
                at("certificate.pem").display(),
                at("key.pem").display()
            )
        });
        let mut tokens = None;
        let auth = match setup.access {
            Access::Open => String::new(),
            Access::Password => {
                write("htpasswd", &format!("{USER}:{HASH}\n"));
                format!(
                    "auth: {{htpasswd: {{realm: test, path: '{}'}}}}\n",
                    at("htpasswd").display()
                )
            }
            Access::Token => {
                let service = Arc::new(TokenService::new(USER, PASSWORD));
                let answering = service.clone();
                let server = Server::start(move |request| answering.answer(request));
                let section = service.configuration(server.host(), &at("bundle.pem"));
                tokens = Some(server);
                section
            }
        };
        write(
            "config.yml",
            &format!(
                "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: '{}'}}}}\nhttp: {{addr: '{host}', secret: test{tls}}}\n{auth}",
                at("data").display()
            ),
        );
        let child = Command::new("docker-registry")
            .args(["serve".into(), at("config.yml")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut registry = Self { child, host, access: setup.access, folder, tokens };
        for _ in 0..500 {
            if TcpStream::connect(&registry.host).is_ok() {
                return Some(registry);
            }
            if registry.child.try_wait().ok()?.is_some() {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
