//! The command line. One place: flags become plain values here and in `settings`, and nothing below knows of them.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use hullmark_advisory::Severity;
use hullmark_oci::Platform;

/// Decides whether a container image may be built on, pushed, deployed and kept running, and proves why.
///
/// Exit codes: 0 allow or done, 1 deny or findings over the threshold asked for, 2 could not examine or wrong use.
#[derive(Debug, Parser)]
#[command(name = "hullmark", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Configuration file; by default `hullmark.yaml` in this folder or one above it, then in the user's configuration folder
    #[arg(long, global = true, env = "HULLMARK_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for advisories and cached layers; by default the user's data folder
    #[arg(long, global = true, env = "HULLMARK_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Send no packet
    #[arg(long, global = true, env = "HULLMARK_OFFLINE", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) offline: Option<bool>,
    /// Print data and errors only
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more; twice for even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Do not color; `NO_COLOR` does the same
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// How messages are written to standard error
    #[arg(
        long,
        global = true,
        env = "HULLMARK_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub(crate) log_format: LogFormat,
    /// Log filter, as in `hullmark_client=debug`
    #[arg(long, global = true, env = "HULLMARK_LOG", hide = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge targets by a policy: allow or deny, with every reason at once
    Check(CheckArgs),
    /// List what is known against what is in an image
    Scan(ScanArgs),
    /// List what is in an image
    Sbom(SbomArgs),
    /// Say why a vulnerability was found, or was not
    Explain(ExplainArgs),
    /// Turn a stored JSON report into another format
    Convert(ConvertArgs),
    /// Keep the advisory database
    #[command(subcommand)]
    Db(DbCommand),
    /// Show the configuration in force
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a shell's completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write man pages
    #[command(hide = true)]
    Man {
        /// Folder to write to
        folder: PathBuf,
    },
}

/// How images are found and read.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Image options")]
pub(crate) struct ImageArgs {
    /// The platform to choose from a multi-platform image; the host's by default
    #[arg(
        long,
        env = "HULLMARK_PLATFORM",
        value_name = "OS/ARCH[/VARIANT]",
        conflicts_with = "all_platforms"
    )]
    pub(crate) platform: Option<Platform>,
    /// Examine every platform's image
    #[arg(long)]
    pub(crate) all_platforms: bool,
    /// Read every layer again instead of using cached results
    #[arg(long)]
    pub(crate) no_cache: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// How servers are talked to.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection options")]
pub(crate) struct ConnectionArgs {
    /// Talk to this registry (`host[:port]`) without TLS; loopback addresses never need this
    #[arg(long, value_name = "HOST")]
    pub(crate) insecure_plain_http: Vec<String>,
    /// More certificate authorities to trust, as PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Vec<PathBuf>,
    /// Client certificate and key in one PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) client_cert: Option<PathBuf>,
}

/// How packages are matched with advisories.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Matching options")]
pub(crate) struct MatchArgs {
    /// VEX document (OpenVEX or CSAF) whose statements suppress findings
    #[arg(long, value_name = "FILE")]
    pub(crate) vex: Vec<PathBuf>,
    /// Count VEX documents attached to the image, whoever attached them
    #[arg(long)]
    pub(crate) insecure_attached_vex: bool,
    /// Rules that suppress findings, with reason and expiry
    #[arg(long, value_name = "FILE")]
    pub(crate) ignore_file: Vec<PathBuf>,
    /// Use only what had been published by then (RFC 3339 time, or a date)
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    pub(crate) at: Option<jiff::Timestamp>,
    /// Advisory files or folders (OSV) to use instead of the database in the data folder
    #[arg(long, value_name = "PATH")]
    pub(crate) advisories: Vec<PathBuf>,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Images (reference, `oci:`, `oci-archive:`, `docker-archive:`, `docker-daemon:`), `dir:` or `sbom:`
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Policy file, or a folder of them; a built-in baseline by default
    #[arg(long, env = "HULLMARK_POLICY", value_name = "PATH")]
    pub(crate) policy: Vec<PathBuf>,
    /// The gate to judge for
    #[arg(long, default_value = "build")]
    pub(crate) stage: Stage,
    /// Output format
    #[arg(long, default_value = "text")]
    pub(crate) format: CheckFormat,
    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) image: ImageArgs,
    #[command(flatten)]
    pub(crate) matching: MatchArgs,
}

/// The gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// Before something is built on the image.
    Build,
    /// Before a registry accepts the image.
    Push,
    /// Before a cluster starts the image.
    Admission,
    /// While it runs.
    Runtime,
}

/// Formats of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people.
    Text,
    /// `hullmark.verdict/v1`.
    Json,
}

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// Images (reference, `oci:`, `oci-archive:`, `docker-archive:`, `docker-daemon:`), `dir:` or `sbom:`
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    /// Exit with 1 if an open finding is of this severity or worse
    #[arg(long, value_name = "SEVERITY", value_parser = parse_severity)]
    pub(crate) fail_on: Option<Severity>,
    /// Exit with 1 if anything could not be analysed
    #[arg(long)]
    pub(crate) fail_on_gaps: bool,
    #[command(flatten)]
    pub(crate) image: ImageArgs,
    #[command(flatten)]
    pub(crate) matching: MatchArgs,
}

/// What a report shows, and how.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReportArgs {
    /// Output format: table, json, sarif, cyclonedx, spdx, cosign-vuln, markdown, html, template
    #[arg(long, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: hullmark_evidence::report::Format,
    /// Template file (Jinja) for `--format template`; values are escaped if its name ends with `.html`
    #[arg(long, value_name = "FILE", required_if_eq("format", "template"))]
    pub(crate) template: Option<PathBuf>,
    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Show only these severities (comma-separated)
    #[arg(short, long, value_delimiter = ',', value_name = "SEVERITY", value_parser = parse_severity)]
    pub(crate) severity: Vec<Severity>,
    /// Show only findings that an upgrade fixes
    #[arg(long, visible_alias = "only-fixed")]
    pub(crate) ignore_unfixed: bool,
    /// Order of findings: risk, severity or epss
    #[arg(long, default_value = "risk", value_name = "KEY")]
    pub(crate) sort: hullmark_evidence::report::Sort,
    /// Show suppressed findings too, with what suppressed them
    #[arg(long)]
    pub(crate) show_suppressed: bool,
}

/// Arguments of `sbom`.
#[derive(Debug, Args)]
pub(crate) struct SbomArgs {
    /// Image, `dir:` or `sbom:`
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,
    /// Output format
    #[arg(long, default_value = "table")]
    pub(crate) format: SbomFormat,
    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// List every executable with its digest
    #[arg(long)]
    pub(crate) executables: bool,
    /// List the files that packages own
    #[arg(long)]
    pub(crate) owned_files: bool,
    /// Exit with 1 if anything could not be analysed
    #[arg(long)]
    pub(crate) fail_on_gaps: bool,
    #[command(flatten)]
    pub(crate) image: ImageArgs,
}

/// Formats of an inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SbomFormat {
    /// For people.
    Table,
    /// `hullmark.inventory/v1`.
    Json,
    /// CycloneDX 1.6 JSON.
    Cyclonedx,
    /// SPDX 2.3 JSON.
    Spdx,
    /// One package URL a line.
    Purl,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Image, `dir:` or `sbom:`
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,
    /// A vulnerability's id, or a package's name
    #[arg(value_name = "ID|PACKAGE")]
    pub(crate) question: String,
    /// Output format
    #[arg(long, default_value = "text")]
    pub(crate) format: CheckFormat,
    #[command(flatten)]
    pub(crate) image: ImageArgs,
    #[command(flatten)]
    pub(crate) matching: MatchArgs,
}

/// Arguments of `convert`.
#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// A report written by `scan --format json`
    #[arg(value_name = "REPORT")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

/// The advisory database.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Fetch what changed since the last update
    Update {
        /// Base address of a mirror of the export, or a folder that is one
        #[arg(long, value_name = "URL")]
        mirror: Option<String>,
        /// Where CISA's catalogue of exploited vulnerabilities (`KEV`) is, if not at its publisher's
        #[arg(long, value_name = "URL")]
        kev: Option<String>,
        /// Where FIRST's exploit predictions (`EPSS`) are, if not at their publisher's
        #[arg(long, value_name = "URL")]
        epss: Option<String>,
        /// Ecosystems to fetch, such as `Debian` or `npm`, and `KEV` and `EPSS`; those already there by default
        #[arg(value_name = "ECOSYSTEM")]
        ecosystems: Vec<String>,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Read advisories from files and folders (OSV, trackers, KEV, EPSS); needs no network
    Import {
        /// Files (`all.zip`, JSON, CSV) or folders
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Show what there is, from where, and how old it is
    Status {
        /// Output format
        #[arg(long, default_value = "text")]
        format: CheckFormat,
    },
    /// Look up a vulnerability's id or a package's name
    Search {
        /// Id or name
        query: String,
        /// Output format
        #[arg(long, default_value = "text")]
        format: CheckFormat,
    },
    /// Write the database as one OCI archive
    Export {
        /// File to write
        file: PathBuf,
    },
    /// Push the database to a registry, one layer per segment
    Push {
        /// Where to
        reference: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Pull the database from a registry (or an `oci-archive:`); only segments that changed are moved
    Pull {
        /// Where from
        reference: String,
        /// Accept a database that is older than the one that is there
        #[arg(long)]
        allow_older: bool,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
}

/// The configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting, its value, and where it comes from
    Show,
}

fn parse_severity(text: &str) -> Result<Severity, String> {
    let known = || Severity::ALL.map(Severity::as_str).join(", ");
    Severity::ALL
        .into_iter()
        .find(|s| s.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| format!("expected one of {}", known()))
}

fn parse_date(text: &str) -> Result<jiff::Timestamp, String> {
    let date =
        |text: &str| text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    // A day counts to its end: what was published on it is known.
    let end = |zoned: jiff::Zoned| zoned.timestamp() + jiff::SignedDuration::from_secs(86_399);
    text.parse()
        .ok()
        .or_else(|| date(text).map(end))
        .ok_or_else(|| "expected a date (2026-10-01) or an RFC 3339 time".into())
}
