//! Which credentials belong to a registry: configuration files of Docker and Podman, and the helper programs they name.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::local::store::open_regular;
use crate::options::{ClientOptions, Credential, CredentialSource, Secret};
use crate::text::printable;

const FILE_LIMIT: u64 = 8 * 1024 * 1024;
const ANSWER_LIMIT: u64 = 256 * 1024;
/// The name under which Docker keeps the credentials of its default registry.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";
/// The user name that says that the password is an identity token.
const TOKEN_USER: &str = "<token>";

/// The result of a search.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The credentials, if there are any.
    pub(crate) credential: Option<Credential>,
    /// What went wrong on the way, to be told if the registry refuses us.
    pub(crate) note: Option<String>,
}

/// Looks for the credentials of `host/repository`. A broken file or helper is noted, and the search goes on: the image may be public.
pub(crate) async fn find(options: &ClientOptions, host: &str, repository: &str) -> Found {
    let name = format!("{host}/{repository}");
    let mut found = Found::default();
    for source in &options.credentials {
        let result = match source {
            CredentialSource::Fixed { prefix, credential } => {
                Ok(matched(prefix, &name).map(|_| credential.clone()))
            }
            CredentialSource::File(path) => in_file(options, path, host, &name).await,
        };
        match result {
            Ok(Some(credential)) => return Found { credential: Some(credential), note: None },
            Ok(None) => {}
            Err(note) => {
                tracing::warn!(registry.host = %host, "credentials were not read: {note}");
                found.note.get_or_insert(note);
            }
        }
    }
    found
}

/// See: Docker's `config.json`; containers-auth.json(5).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigFile {
    #[serde(default)]
    auths: Option<BTreeMap<String, AuthEntry>>,
    #[serde(default)]
    cred_helpers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct AuthEntry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

async fn in_file(
    options: &ClientOptions,
    path: &Path,
    host: &str,
    name: &str,
) -> Result<Option<Credential>, String> {
    let Some(config) = read_file(path)? else { return Ok(None) };
    let helpers = config.cred_helpers.unwrap_or_default();
    if let Some((key, helper)) = longest(&helpers, name) {
        return ask_helper(options, helper, &helper_key(key)).await;
    }
    if let Some(store) = config.creds_store.filter(|s| !s.is_empty())
        && let Some(credential) = ask_helper(options, &store, &helper_key(host)).await?
    {
        return Ok(Some(credential));
    }
    let mut auths = config.auths.unwrap_or_default();
    // Docker leaves empty entries where a store holds the secret.
    auths.retain(|_, entry| entry.credential().ok().flatten().is_some() || !entry.auth.is_empty());
    match longest(&auths, name) {
        Some((key, entry)) => entry
            .credential()
            .map_err(|why| format!("`{}`: the entry `{}` {why}", path.display(), printable(key))),
        None => Ok(None),
    }
}

fn read_file(path: &Path) -> Result<Option<ConfigFile>, String> {
    let failed = |why: String| format!("failed to read `{}`: {why}", path.display());
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
    };
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT).read_to_end(&mut bytes).map_err(|e| failed(e.to_string()))?;
    // The parser's message could quote a secret; its place is enough.
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|e| failed(format!("not as expected at line {}, column {}", e.line(), e.column())))
}

impl AuthEntry {
    fn credential(&self) -> Result<Option<Credential>, &'static str> {
        if !self.registrytoken.is_empty() {
            return Ok(Some(Credential::Bearer(Secret::new(&self.registrytoken))));
        }
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credential::Identity(Secret::new(&self.identitytoken))));
        }
        if !self.username.is_empty() {
            return Ok(Some(password(&self.username, &self.password)));
        }
        let auth = self.auth.trim();
        if auth.is_empty() {
            return Ok(None);
        }
        let bytes = STANDARD
            .decode(auth)
            .or_else(|_| STANDARD_NO_PAD.decode(auth))
            .map_err(|_| "is not base64")?;
        let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
        let (user, secret) = text.split_once(':').ok_or("has no colon after the user")?;
        Ok(Some(password(user, secret.trim_end_matches('\0'))))
    }
}

fn password(user: &str, secret: &str) -> Credential {
    if user == TOKEN_USER {
        Credential::Identity(Secret::new(secret))
    } else {
        Credential::Password { user: user.to_owned(), password: Secret::new(secret) }
    }
}

/// Returns the entry whose key is the longest prefix of `name`, in whole components.
fn longest<'a, V>(entries: &'a BTreeMap<String, V>, name: &str) -> Option<(&'a str, &'a V)> {
    entries
        .iter()
        .filter_map(|(key, value)| Some((matched(key, name)?, key, value)))
        .max_by_key(|(length, ..)| *length)
        .map(|(_, key, value)| (key.as_str(), value))
}

/// How many bytes of `name` a key covers, if it is a prefix of it in whole components.
fn matched(key: &str, name: &str) -> Option<usize> {
    let key = normalized(key);
    if key.is_empty() {
        return None;
    }
    let rest = name.strip_prefix(&key)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(key.len())
}

/// Keys come as hosts, as URLs of the old index, and as host and path.
fn normalized(key: &str) -> String {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let bare = bare.trim_end_matches('/');
    let bare = ["/v1", "/v2"].iter().find_map(|end| bare.strip_suffix(end)).unwrap_or(bare);
    let (host, path) = match bare.split_once('/') {
        Some((host, path)) => (host, Some(path)),
        None => (bare, None),
    };
    let host = match host {
        "index.docker.io" | "registry-1.docker.io" => hullmark_oci::reference::DEFAULT_REGISTRY,
        other => other,
    };
    match path {
        Some(path) => format!("{host}/{path}"),
        None => host.to_owned(),
    }
}

fn helper_key(host: &str) -> String {
    if normalized(host) == hullmark_oci::reference::DEFAULT_REGISTRY {
        DOCKER_HUB_KEY.to_owned()
    } else {
        host.to_owned()
    }
}

/// Runs `docker-credential-NAME get`; `None` if it knows nothing of the server.
///
/// See: docker-credential-helpers, README §"Development".
async fn ask_helper(
    options: &ClientOptions,
    name: &str,
    server: &str,
) -> Result<Option<Credential>, String> {
    let failed = |why: &str| format!("the credential helper `{}` {why}", printable(name));
    if name.is_empty()
        || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        || name.starts_with('.')
    {
        return Err(failed("has no name of a program"));
    }
    let answer = tokio::time::timeout(options.timeouts.helper, run_helper(options, name, server))
        .await
        .map_err(|_| failed("did not answer in time"))?
        .map_err(|error| failed(&format!("could not be run: {error}")))?;
    let Some(bytes) = answer else { return Ok(None) };
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        #[serde(default)]
        username: String,
        secret: String,
    }
    let answer: Answer =
        serde_json::from_slice(&bytes).map_err(|_| failed("did not answer as expected"))?;
    Ok(Some(password(&answer.username, &answer.secret)))
}

async fn run_helper(
    options: &ClientOptions,
    name: &str,
    server: &str,
) -> std::io::Result<Option<Vec<u8>>> {
    let program = format!("docker-credential-{name}");
    let program = options
        .helper_folders
        .iter()
        .map(|folder| folder.join(&program))
        .find(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from(&program));
    let mut child = tokio::process::Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that ends without reading has said no in its own way: its exit code counts.
        stdin.write_all(server.as_bytes()).await.ok();
    }
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(ANSWER_LIMIT).read_to_end(&mut answer).await?;
    }
    if child.wait().await?.success() {
        return Ok(Some(answer));
    }
    let text = String::from_utf8_lossy(&answer).to_lowercase();
    if text.contains("credentials not found") || text.contains("no credentials") {
        Ok(None)
    } else {
        Err(std::io::Error::other("it failed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_key_in_whole_components_wins() {
        let keys = [
            "reg.example",
            "https://reg.example/team/",
            "reg.example/team/app",
            "reg.example:5000",
            "https://index.docker.io/v1/",
            "",
        ];
        let entries: BTreeMap<String, ()> = keys.iter().map(|k| ((*k).to_owned(), ())).collect();
        for (name, want) in [
            ("reg.example/x", Some("reg.example")),
            ("reg.example/team", Some("https://reg.example/team/")),
            ("reg.example/team/app", Some("reg.example/team/app")),
            ("reg.example/team/application", Some("https://reg.example/team/")),
            ("reg.example/teams", Some("reg.example")),
            ("reg.example:5000/team", Some("reg.example:5000")),
            ("reg.example.evil/team", None),
            ("evil.reg.example/team", None),
            ("docker.io/library/alpine", Some("https://index.docker.io/v1/")),
            ("docker.io.evil/library/alpine", None),
        ] {
            assert_eq!(longest(&entries, name).map(|(key, ())| key), want, "{name}");
        }
    }

    #[test]
    fn helpers_know_the_default_registry_by_its_old_name() {
        for host in ["docker.io", "index.docker.io", "https://index.docker.io/v1/"] {
            assert_eq!(helper_key(host), "https://index.docker.io/v1/");
        }
        assert_eq!(helper_key("reg.example:5000"), "reg.example:5000");
    }

    #[test]
    fn entries_are_read_in_every_form_and_never_shown() {
        let show = |json: &str| {
            let entry: AuthEntry = serde_json::from_str(json).unwrap();
            format!("{:?}", entry.credential())
        };
        for (json, want) in [
            (
                r#"{"auth":"dXNlcjpwYTpzcw=="}"#,
                r#"Ok(Some(Password { user: "user", password: Secret(…) }))"#,
            ),
            (
                r#"{"auth":"dXNlcjpwYTpzcw"}"#,
                r#"Ok(Some(Password { user: "user", password: Secret(…) }))"#,
            ),
            (
                r#"{"username":"u","password":"p"}"#,
                r#"Ok(Some(Password { user: "u", password: Secret(…) }))"#,
            ),
            (r#"{"auth":"PHRva2VuPjp4","identitytoken":""}"#, "Ok(Some(Identity(Secret(…))))"),
            (r#"{"auth":"dXNlcjpwYTpzcw==","identitytoken":"t"}"#, "Ok(Some(Identity(Secret(…))))"),
            (r#"{"registrytoken":"t"}"#, "Ok(Some(Bearer(Secret(…))))"),
            ("{}", "Ok(None)"),
            (r#"{"auth":"!"}"#, r#"Err("is not base64")"#),
            (r#"{"auth":"dXNlcg=="}"#, r#"Err("has no colon after the user")"#),
        ] {
            assert_eq!(show(json), want, "{json}");
        }
        let entry: AuthEntry = serde_json::from_str(r#"{"auth":"dXNlcjpwYTpzcw=="}"#).unwrap();
        let Ok(Some(Credential::Password { password, .. })) = entry.credential() else { panic!() };
        assert_eq!(password.expose(), "pa:ss");
    }
}
