//! From what was typed to what is examined: targets, the client's options, the database, policies.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hullmark_advisory::Database;
use hullmark_client::options::{
    ClientCertificate, CredentialSource, Mirror, MirrorScope, Network, Secret,
};
use hullmark_client::{Client, ClientOptions, Target as ClientTarget};
use hullmark_examine::{PlatformChoice, Target};
use hullmark_policy::{DEFAULT_POLICY, DEFAULT_POLICY_ORIGIN, Policies};

use crate::cli::{ConnectionArgs, ImageArgs};
use crate::error::{CommandError, ErrorKind};
use crate::settings::{RegistrySettings, Settings};

/// A policy file is written by hand; anything larger is something else.
const POLICY_LIMIT: u64 = 4 << 20;
const PEM_LIMIT: u64 = 1 << 20;

/// Opens a target.
pub(crate) async fn target(
    text: &str,
    image: &ImageArgs,
    settings: &Settings,
) -> Result<Target, CommandError> {
    let target = ClientTarget::parse(text).map_err(|e| {
        CommandError::new(ErrorKind::Usage, e).hint(
            "a target is an image reference, an OCI layout or archive, `dir:FOLDER` or `sbom:FILE`",
        )
    })?;
    match target {
        ClientTarget::Folder(path) => Ok(Target::Folder(path)),
        ClientTarget::Sbom(path) => {
            let bytes = read_bounded(&path, settings.limits.document_bytes)?;
            Ok(Target::Sbom { name: text.to_owned(), bytes })
        }
        image_target => {
            let reference = match &image_target {
                ClientTarget::Registry(reference) => Some(reference.clone()),
                _ => None,
            };
            let host = reference.as_ref().map(hullmark_oci::Reference::registry);
            let client = Client::new(client_options(&image.connection, host, settings)?);
            let source = client.open(&image_target).await?;
            Ok(Target::Image { source: source.into(), reference })
        }
    }
}

/// Puts together what the client needs to know to talk to `host`.
pub(crate) fn client_options(
    connection: &ConnectionArgs,
    host: Option<&str>,
    settings: &Settings,
) -> Result<ClientOptions, CommandError> {
    let mut options = ClientOptions {
        limits: settings.limits.clone(),
        network: if settings.offline.value { Network::Offline } else { Network::Online },
        credentials: credential_sources(settings),
        dangerous_plain_http: connection.insecure_plain_http.clone(),
        ..ClientOptions::default()
    };
    if let Some(socket) =
        settings.environment.docker_host.as_deref().and_then(|h| h.strip_prefix("unix://"))
    {
        options.docker_socket = socket.into();
    }
    if let Some(folder) = &settings.environment.runtime_dir {
        let socket = folder.join("podman/podman.sock");
        if socket.exists() {
            options.podman_socket = socket;
        }
    }
    for path in &connection.ca_file {
        options.authorities.push(read_bounded(path, PEM_LIMIT)?);
    }
    if let (Some(path), Some(host)) = (&connection.client_cert, host) {
        options.client_certificates.insert(host.to_owned(), certificate(path)?);
    }
    for (host, registry) in &settings.registries {
        apply_registry(&mut options, host, registry)?;
    }
    Ok(options)
}

fn apply_registry(
    options: &mut ClientOptions,
    host: &str,
    registry: &RegistrySettings,
) -> Result<(), CommandError> {
    if registry.insecure_plain_http {
        options.dangerous_plain_http.push(host.to_owned());
    }
    if let Some(path) = &registry.ca_file {
        options.authorities.push(read_bounded(path, PEM_LIMIT)?);
    }
    if let Some(path) = &registry.client_cert {
        options.client_certificates.insert(host.to_owned(), certificate(path)?);
    }
    let mirrors: Vec<Mirror> = registry.mirrors.iter().map(|text| mirror(text)).collect();
    if !mirrors.is_empty() {
        options.mirrors.insert(host.to_owned(), mirrors);
    }
    Ok(())
}

/// `host[:port][/prefix]`
fn mirror(text: &str) -> Mirror {
    let (host, prefix) =
        text.split_once('/').map_or((text, None), |(h, p)| (h, Some(p.to_owned())));
    Mirror { host: host.to_owned(), prefix, scope: MirrorScope::All }
}

fn certificate(path: &Path) -> Result<ClientCertificate, CommandError> {
    let bytes = read_bounded(path, PEM_LIMIT)?;
    let pem = String::from_utf8(bytes).map_err(|e| {
        CommandError::step(ErrorKind::Usage, format!("failed to read `{}`", path.display()), e)
    })?;
    Ok(ClientCertificate { pem: Secret::new(pem) })
}

/// The files that Docker and Podman keep credentials in, in the order in which Podman looks.
fn credential_sources(settings: &Settings) -> Vec<CredentialSource> {
    let environment = &settings.environment;
    let docker = environment
        .docker_config
        .clone()
        .or_else(|| environment.home.as_ref().map(|home| home.join(".docker")))
        .map(|folder| folder.join("config.json"));
    let runtime = environment.runtime_dir.as_ref().map(|dir| dir.join("containers/auth.json"));
    let user = environment.home.as_ref().map(|home| home.join(".config/containers/auth.json"));
    [environment.registry_auth_file.clone(), runtime, user, docker]
        .into_iter()
        .flatten()
        .map(CredentialSource::File)
        .collect()
}

/// Which platform was asked for.
pub(crate) fn platform(image: &ImageArgs) -> PlatformChoice {
    match &image.platform {
        Some(platform) => PlatformChoice::Only(platform.clone()),
        None if image.all_platforms => PlatformChoice::All,
        None => PlatformChoice::Host,
    }
}

/// Opens the advisory database.
pub(crate) fn database(folder: &Path) -> Result<Arc<Database>, CommandError> {
    let database = Database::open(folder)?;
    Ok(Arc::new(database))
}

/// Reads policies from files and folders; the built-in one if none are named.
pub(crate) fn policies(paths: &[PathBuf]) -> Result<Policies, CommandError> {
    let failed =
        |e| CommandError::new(ErrorKind::Policy, e).hint("docs/policy.md lists every field");
    if paths.is_empty() {
        return Policies::parse(DEFAULT_POLICY, DEFAULT_POLICY_ORIGIN).map_err(failed);
    }
    let mut texts = Vec::new();
    for file in policy_files(paths)? {
        let name = file.display().to_string();
        let text = String::from_utf8(read_bounded(&file, POLICY_LIMIT)?).map_err(|e| {
            CommandError::step(ErrorKind::Policy, format!("failed to read `{name}`"), e)
        })?;
        texts.push((name, text));
    }
    Policies::parse_all(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))
        .map_err(failed)
}

fn policy_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |e| {
            CommandError::step(ErrorKind::Io, format!("failed to list `{}`", path.display()), e)
        };
        let before = files.len();
        for entry in fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            let extension = file.extension().and_then(|e| e.to_str());
            if file.is_file() && matches!(extension, Some("yaml" | "yml" | "json")) {
                files.push(file);
            }
        }
        if files.len() == before {
            // An empty folder would mean an empty policy, which somebody would take for a strict one.
            let message =
                format!("`{}` holds no policy (`.yaml`, `.yml` or `.json`)", path.display());
            return Err(CommandError::message(ErrorKind::Policy, message));
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// Reads a file that somebody named, up to a limit.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, CommandError> {
    let name = || format!("failed to read `{}`", path.display());
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|e| CommandError::step(ErrorKind::Io, name(), e))?;
    if bytes.len() as u64 > limit {
        let message = format!("{}: more than {limit} bytes", name());
        return Err(CommandError::message(ErrorKind::Malformed, message));
    }
    Ok(bytes)
}
