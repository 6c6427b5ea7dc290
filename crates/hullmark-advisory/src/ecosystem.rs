//! Ecosystems: how their advisories are named, stored and ordered, and which of them judge which package.

use hullmark_inventory::{OsRelease, Package, PackageKind};

use crate::finding::NameUsed;
use crate::version::Scheme;

/// What is known of an ecosystem, by the part of its name before the first `:`.
#[derive(Clone, Copy, Debug)]
pub struct Ecosystem {
    /// The name: `Debian`, `PyPI`.
    pub base: &'static str,
    /// How versions are ordered.
    pub scheme: Scheme,
    /// Which of a package's names its advisories use.
    pub name: NameUsed,
    /// What `related` means.
    pub related: Related,
}

/// What an ecosystem's records list in `related`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Related {
    /// Something to read.
    Elsewhere,
    /// The vulnerabilities that the advisory fixes (AlmaLinux, Rocky Linux, SUSE), where `upstream` says nothing.
    Vulnerabilities,
}

const fn eco(base: &'static str, scheme: Scheme, name: NameUsed, related: Related) -> Ecosystem {
    Ecosystem { base, scheme, name, related }
}

/// Every ecosystem whose packages can be matched.
pub const ECOSYSTEMS: &[Ecosystem] = {
    use NameUsed::{Origin, Package, Source};
    use Related::{Elsewhere, Vulnerabilities};
    &[
        eco("Alpaquita", Scheme::Apk, Origin, Elsewhere),
        eco("AlmaLinux", Scheme::Rpm, Package, Vulnerabilities),
        eco("Alpine", Scheme::Apk, Origin, Elsewhere),
        eco("Amazon Linux", Scheme::Rpm, Package, Vulnerabilities),
        eco("Azure Linux", Scheme::Rpm, Source, Elsewhere),
        eco("BellSoft Hardened Containers", Scheme::Apk, Origin, Elsewhere),
        eco("Bitnami", Scheme::Bitnami, Package, Elsewhere),
        eco("Chainguard", Scheme::Apk, Origin, Elsewhere),
        eco("Debian", Scheme::Dpkg, Source, Elsewhere),
        eco("Echo", Scheme::Dpkg, Source, Elsewhere),
        eco("Go", Scheme::Go, Package, Elsewhere),
        eco("Mageia", Scheme::Rpm, Source, Vulnerabilities),
        eco("Maven", Scheme::Maven, Package, Elsewhere),
        eco("MinimOS", Scheme::Apk, Origin, Elsewhere),
        eco("NuGet", Scheme::NuGet, Package, Elsewhere),
        eco("Packagist", Scheme::Composer, Package, Elsewhere),
        eco("Photon OS", Scheme::Rpm, Source, Vulnerabilities),
        eco("PyPI", Scheme::Pep440, Package, Elsewhere),
        eco("Red Hat", Scheme::Rpm, Package, Vulnerabilities),
        eco("Rocky Linux", Scheme::Rpm, Source, Vulnerabilities),
        eco("RubyGems", Scheme::Gem, Package, Elsewhere),
        eco("SUSE", Scheme::Rpm, Source, Vulnerabilities),
        eco("Ubuntu", Scheme::Dpkg, Source, Elsewhere),
        eco("Wolfi", Scheme::Apk, Origin, Elsewhere),
        eco("crates.io", Scheme::Semver, Package, Elsewhere),
        eco("npm", Scheme::Npm, Package, Elsewhere),
        eco("openEuler", Scheme::Rpm, Source, Vulnerabilities),
        eco("openSUSE", Scheme::Rpm, Source, Vulnerabilities),
    ]
};

/// Returns what is known of the ecosystem that `name` (with or without a release) belongs to.
pub fn lookup(name: &str) -> Option<&'static Ecosystem> {
    let base = base(name);
    ECOSYSTEMS.iter().find(|e| e.base == base)
}

/// Returns the part before the first `:`.
pub fn base(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}

/// Returns the segment that holds advisories of `ecosystem`, and the scope that narrows them inside it.
///
/// They are the same except for Red Hat, whose ecosystems are hundreds of products: those share a segment for each major
/// release, and keep the product (`rhel_eus:8.6`) as scope.
pub fn segment_of(ecosystem: &str) -> (String, &str) {
    match ecosystem.strip_prefix("Red Hat:") {
        Some(product) => (format!("Red Hat:{}", red_hat_major(product)), product),
        None => (ecosystem.into(), ""),
    }
}

/// `enterprise_linux:8::baseos` → 8; `rhel_eus:8.6::appstream` → 8; `openshift:4.12::el9` → 9.
fn red_hat_major(product: &str) -> String {
    let digits = |text: &str| -> String { text.chars().take_while(char::is_ascii_digit).collect() };
    let from_suffix = product.rsplit(':').find_map(|part| part.strip_prefix("el")).map(digits);
    from_suffix
        .filter(|d| !d.is_empty())
        .or_else(|| product.split(':').nth(1).map(digits))
        .filter(|d| !d.is_empty())
        .unwrap_or_else(|| "other".into())
}

/// Returns the name under which a package is filed in `base`.
pub fn normalize(base: &str, name: &str) -> String {
    match base {
        "PyPI" => pep_503(name),
        "NuGet" | "Packagist" => name.to_lowercase(),
        _ => name.into(),
    }
}

/// Lower case, with every run of `-`, `_` and `.` as one `-`.
///
/// See: PEP 503 §"Normalized Names".
fn pep_503(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut separated = false;
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            separated = true;
            continue;
        }
        if separated && !out.is_empty() {
            out.push('-');
        }
        separated = false;
        out.extend(c.to_lowercase());
    }
    out
}

/// Which segments judge the packages of an operating system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsFeed {
    /// Segments by name.
    pub segments: Vec<String>,
    /// Segments of this ecosystem whose names end so, besides: SUSE spreads one release over modules.
    pub ending: Option<(&'static str, String)>,
}

impl OsFeed {
    fn exact(segments: impl IntoIterator<Item = String>) -> Self {
        Self { segments: segments.into_iter().collect(), ending: None }
    }

    /// Whether `segment` is one of them.
    pub fn holds(&self, segment: &str) -> bool {
        self.segments.iter().any(|s| s == segment)
            || self.ending.as_ref().is_some_and(|(base_name, end)| {
                base(segment) == *base_name && segment.ends_with(end.as_str())
            })
    }

    /// Returns the ecosystem that they belong to.
    pub fn ecosystem(&self) -> Option<&'static Ecosystem> {
        self.segments.first().and_then(|s| lookup(s))
    }
}

/// Returns the feed of an operating system; `None` if nobody publishes one that is known here.
///
/// `ID_LIKE` is not looked at: a derivative's packages are not its parent's.
pub fn of_os(os: &OsRelease) -> Option<OsFeed> {
    let version = os.version_id.as_str();
    let major = version.split(['.', '-']).next().unwrap_or(version);
    let some = |name: String| Some(OsFeed::exact([name]));
    match os.id.as_str() {
        "debian" => debian_release(os).and_then(|release| some(format!("Debian:{release}"))),
        "ubuntu" if !version.is_empty() => {
            let release = ubuntu_release(version);
            let streams = [
                "",
                "Pro:",
                "Pro:FIPS:",
                "Pro:FIPS-updates:",
                "Pro:FIPS-preview:",
                "Pro:Realtime:",
            ];
            Some(OsFeed::exact(streams.iter().map(|stream| format!("Ubuntu:{stream}{release}"))))
        }
        "alpine" => some(format!("Alpine:{}", alpine_release(version))),
        "almalinux" if !major.is_empty() => some(format!("AlmaLinux:{major}")),
        "rocky" if !major.is_empty() => some(format!("Rocky Linux:{major}")),
        "rhel" | "centos" if !major.is_empty() => some(format!("Red Hat:{major}")),
        "ol" if !major.is_empty() => some(format!("Oracle Linux:{major}")),
        "amzn" if !major.is_empty() => some(format!(
            "Amazon Linux:{}",
            if major == "2018" || major == "2017" { "1" } else { major }
        )),
        "sles" | "sled" | "sles_sap" | "suse-microos" | "sle-micro" | "sl-micro" | "slem" => {
            suse(os)
        }
        "opensuse-leap" | "opensuse" => some(format!("openSUSE:Leap {version}")),
        "opensuse-tumbleweed" => some("openSUSE:Tumbleweed".into()),
        "wolfi" => some("Wolfi".into()),
        "chainguard" => some("Chainguard".into()),
        "minimos" => some("MinimOS".into()),
        "echo" => some("Echo".into()),
        "azurelinux" | "mariner" if !major.is_empty() => some(format!("Azure Linux:{major}")),
        "photon" if !version.is_empty() => some(format!("Photon OS:{version}")),
        "openeuler" => open_euler(os),
        "mageia" if !major.is_empty() => some(format!("Mageia:{major}")),
        "alpaquita" => some(format!("Alpaquita:{version}")),
        _ => None,
    }
}

/// Releases that are named before they are numbered.
const DEBIAN_CODENAMES: &[(&str, &str)] = &[
    ("wheezy", "7"),
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
    ("duke", "15"),
];

/// Returns the number of a Debian release, given its name; names without a number (`sid`) stay.
pub fn debian_number(codename: &str) -> &str {
    DEBIAN_CODENAMES
        .iter()
        .find(|(name, _)| *name == codename)
        .map_or(codename, |(_, number)| number)
}

fn debian_release(os: &OsRelease) -> Option<String> {
    let version = os.version_id.as_str();
    if !version.is_empty() {
        // Releases before 7 had two-part numbers of which both parts count (3.1).
        let major = version.split('.').next().unwrap_or(version);
        let old = major.parse::<u32>().is_ok_and(|n| n < 7);
        return Some(if old { version } else { major }.into());
    }
    let codename = os.codename.as_deref().filter(|c| !c.is_empty());
    if let Some(codename) = codename {
        return Some(debian_number(codename).into());
    }
    // Testing and unstable before they have a codename field: `Debian GNU/Linux trixie/sid`.
    let pretty = os.pretty_name.as_deref()?;
    pretty
        .split(|c: char| !c.is_ascii_alphanumeric())
        .find_map(|word| DEBIAN_CODENAMES.iter().find(|(name, _)| *name == word))
        .map(|(_, number)| (*number).into())
        .or_else(|| pretty.ends_with("/sid").then(|| "sid".into()))
}

/// Every second year's April release has long-term support.
fn ubuntu_release(version: &str) -> String {
    let version: String = version.split('.').take(2).collect::<Vec<_>>().join(".");
    let lts = version
        .strip_suffix(".04")
        .and_then(|year| year.parse::<u32>().ok())
        .is_some_and(|year| year % 2 == 0);
    if lts { format!("{version}:LTS") } else { version }
}

/// `3.20.1` → `v3.20`; development snapshots (`3.21_alpha20240606`) and no version → `edge`.
fn alpine_release(version: &str) -> String {
    let mut parts = version.split('.');
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor))
            if !major.is_empty()
                && minor.chars().all(|c| c.is_ascii_digit())
                && major.chars().all(|c| c.is_ascii_digit()) =>
        {
            format!("v{major}.{minor}")
        }
        _ => "edge".into(),
    }
}

/// Products are named by their pretty name; a server's packages come from modules of the same service pack.
fn suse(os: &OsRelease) -> Option<OsFeed> {
    let pretty = os.pretty_name.as_deref()?;
    let product = pretty.strip_prefix("SUSE ").unwrap_or(pretty);
    let mut feed = OsFeed::exact([format!("SUSE:{product}")]);
    if os.id.starts_with("sle") && product.contains("Enterprise") && !product.contains("Micro") {
        let release = product.find(|c: char| c.is_ascii_digit()).map(|at| &product[at..]);
        feed.ending = release.map(|release| ("SUSE", format!(" {release}")));
    }
    Some(feed)
}

/// `openEuler 22.03 (LTS-SP3)` → `openEuler:22.03-LTS-SP3`.
fn open_euler(os: &OsRelease) -> Option<OsFeed> {
    let pretty = os.pretty_name.as_deref()?;
    let stream = pretty.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(s, _)| s);
    Some(OsFeed::exact([match stream {
        Some(stream) => format!("openEuler:{}-{stream}", os.version_id),
        None => format!("openEuler:{}", os.version_id),
    }]))
}

/// Returns the ecosystem that judges language packages of this kind; `None` where nobody publishes advisories for them.
pub fn of_kind(kind: PackageKind) -> Option<&'static str> {
    Some(match kind {
        PackageKind::Python => "PyPI",
        PackageKind::Npm => "npm",
        PackageKind::Go => "Go",
        PackageKind::Cargo => "crates.io",
        PackageKind::Maven => "Maven",
        PackageKind::Gem => "RubyGems",
        PackageKind::Composer => "Packagist",
        PackageKind::Nuget => "NuGet",
        PackageKind::Bitnami | PackageKind::Binary => "Bitnami",
        PackageKind::Deb
        | PackageKind::Rpm
        | PackageKind::Apk
        | PackageKind::Pacman
        | PackageKind::Opkg
        | PackageKind::Conda
        | PackageKind::Homebrew => return None,
    })
}

/// Programs that are recognised by content, and the Bitnami component of the same upstream versions. Curated: a name that
/// is not here is not guessed.
const BINARIES: &[(&str, &str)] = &[
    ("apache", "apache"),
    ("consul", "consul"),
    ("erlang", "erlang"),
    ("etcd", "etcd"),
    ("haproxy", "haproxy"),
    ("httpd", "apache"),
    ("java", "java"),
    ("mariadb", "mariadb"),
    ("memcached", "memcached"),
    ("mysql", "mysql"),
    ("nginx", "nginx"),
    ("node", "node"),
    ("openssl", "openssl"),
    ("perl", "perl"),
    ("php", "php"),
    ("postgres", "postgresql"),
    ("postgresql", "postgresql"),
    ("python", "python"),
    ("rabbitmq", "rabbitmq"),
    ("redis", "redis"),
    ("ruby", "ruby"),
    ("traefik", "traefik"),
    ("valkey", "valkey"),
    ("vault", "vault"),
];

/// What to ask a language ecosystem about a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanguageQuery {
    /// The segment.
    pub segment: &'static str,
    /// The normalised names; more than one for the Go toolchain, which has advisories of its own.
    pub names: Vec<String>,
    /// The version.
    pub version: String,
}

/// Returns what to ask about a language package; `None` if nothing judges it.
pub fn language_query(package: &Package) -> Option<LanguageQuery> {
    let mut segment = of_kind(package.kind)?;
    let version = package.version.clone();
    let names = match package.kind {
        PackageKind::Binary if package.name == "go" => {
            segment = "Go";
            vec!["stdlib".into(), "toolchain".into()]
        }
        PackageKind::Binary => {
            let (_, component) = BINARIES.iter().find(|(name, _)| *name == package.name)?;
            vec![(*component).into()]
        }
        _ => vec![normalize(segment, &package.name)],
    };
    Some(LanguageQuery { segment, names, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operating_systems_find_their_segments() {
        for (id, version, codename, pretty, expected) in [
            ("debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)", "Debian:12"),
            ("debian", "12.5", "", "", "Debian:12"),
            ("debian", "3.1", "", "", "Debian:3.1"),
            ("debian", "", "trixie", "Debian GNU/Linux trixie/sid", "Debian:13"),
            ("debian", "", "", "Debian GNU/Linux bookworm/sid", "Debian:12"),
            ("debian", "", "sid", "", "Debian:sid"),
            ("ubuntu", "22.04", "", "", "Ubuntu:22.04:LTS"),
            ("ubuntu", "23.04", "", "", "Ubuntu:23.04"),
            ("ubuntu", "25.10", "", "", "Ubuntu:25.10"),
            ("alpine", "3.20.1", "", "", "Alpine:v3.20"),
            ("alpine", "3.21_alpha20240606", "", "", "Alpine:edge"),
            ("almalinux", "8.9", "", "", "AlmaLinux:8"),
            ("rocky", "9.3", "", "", "Rocky Linux:9"),
            ("rhel", "8.6", "", "", "Red Hat:8"),
            ("amzn", "2018.03", "", "", "Amazon Linux:1"),
            ("amzn", "2023", "", "", "Amazon Linux:2023"),
            (
                "sles",
                "15.5",
                "",
                "SUSE Linux Enterprise Server 15 SP5",
                "SUSE:Linux Enterprise Server 15 SP5",
            ),
            ("opensuse-leap", "15.5", "", "openSUSE Leap 15.5", "openSUSE:Leap 15.5"),
            ("opensuse-tumbleweed", "20240101", "", "", "openSUSE:Tumbleweed"),
            ("mariner", "2.0", "", "", "Azure Linux:2"),
            ("azurelinux", "3.0", "", "", "Azure Linux:3"),
            ("photon", "4.0", "", "", "Photon OS:4.0"),
            ("openeuler", "22.03", "", "openEuler 22.03 (LTS-SP3)", "openEuler:22.03-LTS-SP3"),
            ("wolfi", "20230201", "", "", "Wolfi"),
        ] {
            let os = OsRelease {
                id: id.into(),
                version_id: version.into(),
                codename: Some(codename.into()),
                pretty_name: Some(pretty.into()),
                ..OsRelease::default()
            };
            let feed = of_os(&os).expect(expected);
            assert_eq!(feed.segments[0], expected);
            assert!(feed.holds(expected));
        }
    }

    #[test]
    fn unknown_systems_and_derivatives_have_no_feed() {
        for id in ["raspbian", "gentoo", "fedora", "arch", "", "kali"] {
            let os = OsRelease {
                id: id.into(),
                id_like: vec!["debian".into()],
                version_id: "12".into(),
                ..OsRelease::default()
            };
            assert_eq!(of_os(&os), None, "{id}");
        }
    }

    #[test]
    fn suse_modules_of_the_same_service_pack_count_and_others_do_not() {
        let os = OsRelease {
            id: "sles".into(),
            version_id: "15.5".into(),
            pretty_name: Some("SUSE Linux Enterprise Server 15 SP5".into()),
            ..OsRelease::default()
        };
        let feed = of_os(&os).expect("a feed");
        assert!(feed.holds("SUSE:Linux Enterprise Module for Basesystem 15 SP5"));
        assert!(!feed.holds("SUSE:Linux Enterprise Module for Basesystem 15 SP6"));
        assert!(!feed.holds("openSUSE:Leap 15 SP5"));
    }

    #[test]
    fn names_and_products_are_normalised() {
        assert_eq!(normalize("PyPI", "Ruamel.Yaml__Clib"), "ruamel-yaml-clib");
        assert_eq!(normalize("NuGet", "Newtonsoft.Json"), "newtonsoft.json");
        assert_eq!(normalize("npm", "JSONStream"), "JSONStream");
        assert_eq!(
            segment_of("Red Hat:rhel_aus:8.6::appstream"),
            ("Red Hat:8".into(), "rhel_aus:8.6::appstream")
        );
        assert_eq!(segment_of("Red Hat:openshift:4.12::el9").0, "Red Hat:9");
        assert_eq!(segment_of("Ubuntu:Pro:14.04:LTS"), ("Ubuntu:Pro:14.04:LTS".into(), ""));
    }
}
