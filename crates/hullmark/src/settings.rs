//! Flags over environment over configuration file over defaults, resolved once, each value with where it came from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hullmark_oci::Limits;
use serde::Deserialize;

use crate::cli::GlobalArgs;
use crate::error::{CommandError, ErrorKind};

const FILE: &str = "hullmark.yaml";
/// A configuration file is written by hand; anything larger is something else.
const FILE_LIMIT: u64 = 1 << 20;

/// What is in force.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Folder for advisories and cached layers.
    pub(crate) data_dir: Setting<PathBuf>,
    /// Whether no packet may be sent.
    pub(crate) offline: Setting<bool>,
    /// Where `db update` fetches from.
    pub(crate) mirror: Setting<Option<String>>,
    /// Policies to use when none are named.
    pub(crate) policy: Setting<Vec<PathBuf>>,
    /// Registries with their own rules, by host.
    pub(crate) registries: BTreeMap<String, RegistrySettings>,
    /// Bounds on what is read.
    pub(crate) limits: Limits,
    /// The configuration file, if there is one.
    pub(crate) file: Option<PathBuf>,
    /// Where credentials are, and other facts of the user's environment.
    pub(crate) environment: Environment,
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag, or the environment variable that stands for it.
    Flag(&'static str),
    /// The configuration file.
    File,
    /// Nowhere: the default.
    Default,
}

/// What the environment says beside flags. Read here and nowhere else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) home: Option<PathBuf>,
    pub(crate) docker_config: Option<PathBuf>,
    pub(crate) registry_auth_file: Option<PathBuf>,
    pub(crate) runtime_dir: Option<PathBuf>,
    pub(crate) docker_host: Option<String>,
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct File {
    data_dir: Option<PathBuf>,
    offline: Option<bool>,
    policy: OneOrMany,
    advisories: AdvisoriesFile,
    registries: BTreeMap<String, RegistrySettings>,
    limits: LimitsFile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct AdvisoriesFile {
    mirror: Option<String>,
}

/// One path or several.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    #[default]
    None,
    One(PathBuf),
    Many(Vec<PathBuf>),
}

/// How one registry is talked to.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RegistrySettings {
    /// Hosts to ask first, in order.
    pub(crate) mirrors: Vec<String>,
    /// Without TLS.
    pub(crate) insecure_plain_http: bool,
    /// Certificate authorities, PEM.
    pub(crate) ca_file: Option<PathBuf>,
    /// Client certificate and key, PEM.
    pub(crate) client_cert: Option<PathBuf>,
}

macro_rules! limits_file {
    ($($name:ident: $type:ty),* $(,)?) => {
        /// Limits that the configuration file changes; see `hullmark_oci::Limits` for units and reasons.
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, rename_all = "camelCase", deny_unknown_fields)]
        struct LimitsFile { $($name: Option<$type>),* }

        impl LimitsFile {
            fn apply(self, limits: &mut Limits) {
                $(if let Some(value) = self.$name { limits.$name = value; })*
            }
        }

        /// Every limit's name and value.
        pub(crate) fn list_limits(limits: &Limits) -> Vec<(&'static str, u64)> {
            // Destructured, so that a new limit must be named here.
            let Limits { $($name),* } = limits;
            vec![$((stringify!($name), u64::try_from(*$name).unwrap_or(u64::MAX))),*]
        }
    };
}

limits_file! {
    manifest_bytes: u64,
    config_bytes: u64,
    index_manifests: usize,
    index_depth: usize,
    layers: usize,
    layer_bytes: u64,
    decompression_ratio: u64,
    ratio_floor_bytes: u64,
    layer_entries: u64,
    path_bytes: usize,
    tar_header_bytes: u64,
    sparse_bytes: u64,
    zstd_window_log: u32,
    symlink_bytes: usize,
    file_bytes: u64,
    executable_tail_bytes: usize,
    packages: usize,
    archive_depth: usize,
    archive_entries: usize,
    archive_bytes: u64,
    document_bytes: u64,
}

impl Settings {
    pub(crate) fn resolve(args: &GlobalArgs) -> Result<Self, CommandError> {
        let (environment, folders) = read_environment();
        let path = match &args.config {
            Some(path) => Some(path.clone()),
            None => find_file(folders.config.as_deref()),
        };
        let file = path.as_deref().map(read_file).transpose()?.unwrap_or_default();
        // Paths in the file are relative to it.
        let base = path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let mut limits = Limits::default();
        file.limits.apply(&mut limits);
        let data_dir =
            choose(args.data_dir.clone(), "--data-dir", file.data_dir.map(|p| base.join(p)));
        let Some(data_dir) = data_dir.or(folders.data) else {
            let message = "no folder for data: neither `HOME` nor `XDG_DATA_HOME` is set";
            return Err(CommandError::usage(message).hint("name one with `--data-dir`"));
        };
        let policy = match file.policy {
            OneOrMany::None => Vec::new(),
            OneOrMany::One(path) => vec![base.join(path)],
            OneOrMany::Many(paths) => paths.iter().map(|p| base.join(p)).collect(),
        };
        let from_file = |there: bool| if there { Origin::File } else { Origin::Default };
        Ok(Self {
            data_dir,
            offline: choose(args.offline, "--offline", file.offline)
                .unwrap_or(Setting { value: false, origin: Origin::Default }),
            mirror: Setting {
                origin: from_file(file.advisories.mirror.is_some()),
                value: file.advisories.mirror,
            },
            policy: Setting { origin: from_file(!policy.is_empty()), value: policy },
            registries: file.registries,
            limits,
            file: path,
            environment,
        })
    }

    /// Where the advisory database lies.
    pub(crate) fn advisories(&self) -> PathBuf {
        self.data_dir.value.join("advisories")
    }

    /// Where fragments of layers are cached.
    pub(crate) fn fragments(&self) -> PathBuf {
        self.data_dir.value.join("fragments")
    }
}

struct Folders {
    config: Option<PathBuf>,
    data: Option<Setting<PathBuf>>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment beside flags"
)]
fn read_environment() -> (Environment, Folders) {
    let path = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = path("HOME");
    let under_home = |folder: &str| home.as_ref().map(|home| home.join(folder));
    let config = path("XDG_CONFIG_HOME").or_else(|| under_home(".config"));
    let data = path("XDG_DATA_HOME").or_else(|| under_home(".local/share"));
    let folders = Folders {
        config: config.map(|c| c.join("hullmark")),
        data: data.map(|d| Setting { value: d.join("hullmark"), origin: Origin::Default }),
    };
    let environment = Environment {
        home,
        docker_config: path("DOCKER_CONFIG"),
        registry_auth_file: path("REGISTRY_AUTH_FILE"),
        runtime_dir: path("XDG_RUNTIME_DIR"),
        docker_host: std::env::var("DOCKER_HOST").ok().filter(|v| !v.is_empty()),
    };
    (environment, folders)
}

fn choose<T>(flag: Option<T>, name: &'static str, file: Option<T>) -> Option<Setting<T>> {
    flag.map(|value| Setting { value, origin: Origin::Flag(name) })
        .or(file.map(|value| Setting { value, origin: Origin::File }))
}

/// Looks in this folder and those above it, as git does, then in the user's configuration folder.
fn find_file(config_folder: Option<&Path>) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .chain(config_folder)
        .map(|folder| folder.join(FILE))
        .find(|path| path.is_file())
}

fn read_file(path: &Path) -> Result<File, CommandError> {
    let name = format!("failed to read configuration `{}`", path.display());
    let size = fs::metadata(path).map_err(|e| CommandError::step(ErrorKind::Io, &name, e))?.len();
    if size > FILE_LIMIT {
        return Err(CommandError::usage(format!("{name}: more than {FILE_LIMIT} bytes")));
    }
    let text = fs::read_to_string(path).map_err(|e| CommandError::step(ErrorKind::Io, &name, e))?;
    if text.trim().is_empty() {
        return Ok(File::default());
    }
    serde_saphyr::from_str(&text).map_err(|e| {
        CommandError::step(ErrorKind::Usage, name, e)
            .hint("`hullmark config show` prints every setting with its name")
    })
}
