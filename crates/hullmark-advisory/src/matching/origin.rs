//! Who built a package: the distribution, whose advisories then speak of it, or somebody else, of whose they do not.

use hullmark_inventory::{OsRelease, Package, PackageKind};

use super::{Stream, UbuntuPro};

/// What the vendor field of a distribution's own RPMs contains, lower case.
const RPM_VENDORS: &[(&str, &[&str])] = &[
    ("almalinux", &["almalinux"]),
    ("amzn", &["amazon"]),
    ("azurelinux", &["microsoft"]),
    ("centos", &["centos", "red hat"]),
    ("mageia", &["mageia"]),
    ("mariner", &["microsoft"]),
    ("openeuler", &["openeuler"]),
    ("opensuse", &["opensuse", "suse"]),
    ("opensuse-leap", &["opensuse", "suse"]),
    ("opensuse-tumbleweed", &["opensuse", "suse"]),
    ("ol", &["oracle"]),
    ("photon", &["vmware", "broadcom"]),
    ("rhel", &["red hat"]),
    ("rocky", &["rocky"]),
    ("sle-micro", &["suse"]),
    ("sled", &["suse"]),
    ("sles", &["suse"]),
    ("sles_sap", &["suse"]),
    ("sl-micro", &["suse"]),
];

/// Mail domains of those who publish debs for Debian and Ubuntu themselves. A list of strangers, not of friends: Debian's own
/// maintainers write from anywhere.
const DEB_STRANGERS: &[&str] = &[
    "@cloudfoundry.org",
    "@confluent.io",
    "@datadoghq.com",
    "@docker.com",
    "@elastic.co",
    "@github.com",
    "@gitlab.com",
    "@google.com",
    "@grafana.com",
    "@hashicorp.com",
    "@influxdata.com",
    "@mariadb.org",
    "@microsoft.com",
    "@mongodb.com",
    "@newrelic.com",
    "@nginx.com",
    "@nodesource.com",
    "@nvidia.com",
    "@oracle.com",
    "@percona.com",
    "@rabbitmq.com",
    "@redis.io",
    "@slack-corp.com",
    "@yarnpkg.com",
];

/// Marks that other archives put into the versions of packages that they rebuild under the same maintainer.
const DEB_STRANGE_VERSIONS: &[&str] =
    &[".pgdg", "~ppa", "+ppa", "nodesource", "+deb.sury.org", "~sury"];

/// Whether somebody other than the distribution built a package. A package that does not say is the distribution's.
pub(super) fn is_third_party(os: &OsRelease, package: &Package) -> bool {
    let vendor = package.vendor.as_deref().unwrap_or_default().to_lowercase();
    match package.kind {
        PackageKind::Rpm => {
            let known = RPM_VENDORS.iter().find(|(id, _)| *id == os.id).map(|(_, vendors)| vendors);
            !vendor.is_empty()
                && vendor != "(none)"
                && known.is_some_and(|vendors| !vendors.iter().any(|v| vendor.contains(v)))
        }
        PackageKind::Deb => {
            let address = vendor.rsplit('<').next().unwrap_or_default().trim_end_matches('>');
            DEB_STRANGERS.iter().any(|domain| address.ends_with(domain))
                || DEB_STRANGE_VERSIONS.iter().any(|mark| package.version.contains(mark))
        }
        _ => false,
    }
}

/// Returns how a segment concerns a package; `None` if not at all. Only Ubuntu has several streams of one release.
pub(super) fn stream(segment: &str, package: &Package, pro: UbuntuPro) -> Option<Stream> {
    let Some(rest) = segment.strip_prefix("Ubuntu:") else { return Some(Stream::Own) };
    let installed = |mark: &str| package.version.contains(mark);
    let own = if installed("fips") || installed("Fips") {
        "Pro:FIPS"
    } else if installed("realtime") {
        "Pro:Realtime:"
    } else if installed("esm") {
        "Pro:"
    } else {
        ""
    };
    let special = rest.starts_with("Pro:FIPS") || rest.starts_with("Pro:Realtime:");
    let plain = !rest.starts_with("Pro:");
    match own {
        "" if plain => Some(Stream::Own),
        "" | "Pro:" if special => None,
        // An attached system gets both the release's own fixes and those of Pro.
        "" if pro == UbuntuPro::Attached => Some(Stream::Own),
        "" => Some(Stream::Subscription),
        // What was built for Pro is compared with Pro's fixes only: the release itself never gets them.
        "Pro:" if plain => None,
        "Pro:" => Some(Stream::Own),
        own => rest.starts_with(own).then_some(Stream::Own),
    }
}
