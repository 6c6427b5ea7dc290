//! Hand-made evidence: three packages in two layers, and a finding of every sort; and the same with hostile texts everywhere.

use hullmark_advisory::finding::{
    Basis, Cvss, Epss, Fix, Kev, NameUsed, SuppressedBy, Suppression,
};
use hullmark_advisory::{Finding, Severity, Status};
use hullmark_evidence::{AdvisorySource, Evidence, ImageFacts, LayerFacts, Subject, SubjectKind};
use hullmark_inventory::{
    Gap, GapReason, Inventory, OsRelease, Package, PackageKind, SourcePackage,
};
use hullmark_oci::{Digest, FilePath};

/// Text that tries to break out of every format.
pub(crate) const HOSTILE: &str = "x\u{1b}[31m\r\n## <script>alert(1)</script>|`|![a](http://h/)\"'&{0}{{ 7*7 }}@all\u{202e}$(id)";

pub(crate) fn digest(seed: &str) -> Digest {
    Digest::sha256(seed.as_bytes())
}

pub(crate) fn evidence() -> Evidence {
    let mut openssl = package(PackageKind::Deb, "libssl3", "3.0.11-1~deb12u1", "base");
    openssl.path = FilePath::from("var/lib/dpkg/status");
    openssl.source = Some(SourcePackage { name: "openssl".into(), version: None });
    openssl.arch = Some("amd64".into());
    openssl.licenses = vec!["Apache-2.0".into()];
    let mut tool = openssl.clone();
    tool.name = "openssl".into();
    let mut colors = package(PackageKind::Npm, "@acme/colors", "1.4.1", "app");
    colors.path = FilePath::from("srv/node_modules/@acme/colors/package.json");
    Evidence {
        subject: Subject {
            name: "registry.example.com/shop/web:1.2".into(),
            reference: Some("registry.example.com/shop/web:1.2".into()),
            digest: Some(digest("manifest")),
            index: Some(digest("index")),
            platform: Some("linux/amd64".parse().unwrap()),
            kind: SubjectKind::Image,
        },
        image: ImageFacts {
            created: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            user: "web".into(),
            labels: [("org.opencontainers.image.title".into(), "web".into())].into(),
            layers: vec![
                layer("base", "/bin/sh -c #(nop) ADD file:0123456789abcdef in / "),
                layer("app", "RUN /bin/sh -c npm ci --omit=dev # buildkit"),
            ],
        },
        inventory: Inventory {
            os: Some(OsRelease {
                id: "debian".into(),
                version_id: "12".into(),
                pretty_name: Some("Debian GNU/Linux 12 (bookworm)".into()),
                ..OsRelease::default()
            }),
            packages: vec![openssl, tool, colors],
            gaps: vec![
                gap("", GapReason::NoAdvisories, "no advisories for npm"),
                gap("srv/old.jar", GapReason::Encrypted, "an entry is encrypted"),
            ],
            ..Inventory::default()
        },
        findings: findings(),
        advisories: vec![
            source("Debian:12", "2026-01-30T00:00:00Z"),
            source(AdvisorySource::EPSS, "2026-01-31T00:00:00Z"),
        ],
        examined: "2026-02-01T12:00:00.5Z".parse().unwrap(),
    }
}

/// Sorted as evidence is: severity, id, package.
fn findings() -> Vec<Finding> {
    let twice = Finding {
        cvss: Some(Cvss {
            vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".into(),
            score: 9.8,
        }),
        kev: Some(Kev { added: "2026-01-10".into(), due: "2026-01-31".into(), ransomware: true }),
        epss: Some(Epss { score: 0.97, percentile: 0.999 }),
        published: Some("2026-01-05T00:00:00Z".parse().unwrap()),
        fix_published: Some("2026-01-06T00:00:00Z".parse().unwrap()),
        modified: Some("2026-01-07T00:00:00Z".parse().unwrap()),
        aliases: vec!["GHSA-aaaa-bbbb-cccc".into()],
        summary: "Overflow in the parser of certificates".into(),
        references: vec!["https://example.com/CVE-2026-0001".into(), "javascript:alert(1)".into()],
        fix: Fix::Available("3.0.11-1~deb12u2".into()),
        ..finding(0, "CVE-2026-0001", Severity::Critical)
    };
    let malware = Finding {
        malware: true,
        summary: "Malicious code in @acme/colors".into(),
        ..finding(2, "MAL-2026-17", Severity::Critical)
    };
    let later = Finding {
        fix: Fix::Available("3.0.13-1~deb12u1".into()),
        epss: Some(Epss { score: 0.004, percentile: 0.4 }),
        ..finding(0, "CVE-2026-0002", Severity::High)
    };
    let mut undetermined = Finding {
        status: Status::Undetermined,
        ..finding(2, "GHSA-dddd-eeee-ffff", Severity::High)
    };
    undetermined.basis[0].outcome = Status::Undetermined;
    undetermined.basis[0].note = Some("`1.x` is no version".into());
    let suppressed = Finding {
        suppressed: Some(Suppression {
            by: SuppressedBy::Vex,
            source: "vex.json".into(),
            reason: "vulnerable code not in execute path".into(),
            expires: Some("2026-12-31T00:00:00Z".parse().unwrap()),
        }),
        ..finding(1, "CVE-2026-0003", Severity::Medium)
    };
    let ignored = Finding {
        suppressed: Some(Suppression {
            by: SuppressedBy::Ignore,
            source: "ignore.yaml".into(),
            reason: "accepted, SEC-1".into(),
            expires: None,
        }),
        ..finding(1, "CVE-2026-0006", Severity::Medium)
    };
    let declined = Finding {
        fix: Fix::Declined("no-dsa".into()),
        ..finding(1, "CVE-2026-0004", Severity::Low)
    };
    let fixed = Finding { status: Status::Fixed, ..finding(1, "CVE-2026-0005", Severity::Unknown) };
    let again = Finding { package: 1, ..twice.clone() };
    vec![twice, again, malware, later, undetermined, suppressed, ignored, declined, fixed]
}

/// The same image, with hostile text wherever somebody else chooses the text.
pub(crate) fn hostile() -> Evidence {
    let mut evidence = evidence();
    let h = || HOSTILE.to_owned();
    evidence.subject.name = h();
    evidence.subject.reference = Some(h());
    evidence.image.user = h();
    evidence.image.labels = [(h(), h())].into();
    for layer in &mut evidence.image.layers {
        layer.created_by = Some(h());
    }
    let os = evidence.inventory.os.as_mut().unwrap();
    os.id = h();
    os.version_id = h();
    os.pretty_name = Some(h());
    for (at, package) in evidence.inventory.packages.iter_mut().enumerate() {
        package.name = format!("{at}{HOSTILE}");
        package.version = h();
        package.path = FilePath::from_written(HOSTILE);
        package.source = Some(SourcePackage { name: h(), version: Some(h()) });
        package.vendor = Some(h());
        package.licenses = vec![h()];
        package.set_property("x", HOSTILE);
    }
    for gap in &mut evidence.inventory.gaps {
        gap.path = FilePath::from_written(HOSTILE);
        gap.detail = h();
    }
    evidence.inventory.gaps.sort();
    for finding in &mut evidence.findings {
        finding.id += HOSTILE;
        finding.aliases = vec![h()];
        finding.summary = h();
        finding.references = vec![h(), format!("https://example.com/{HOSTILE}")];
        if !matches!(finding.fix, Fix::None) {
            finding.fix = Fix::Available(h());
        }
        for basis in &mut finding.basis {
            basis.record = h();
            basis.range = h();
            basis.note = Some(h());
        }
        if let Some(suppressed) = &mut finding.suppressed {
            suppressed.source = h();
            suppressed.reason = h();
        }
        if let Some(kev) = &mut finding.kev {
            kev.added = h();
            kev.due = h();
        }
        if let Some(cvss) = &mut finding.cvss {
            cvss.vector = h();
        }
    }
    evidence
}

/// An image of which nothing is known.
pub(crate) fn empty() -> Evidence {
    let evidence = evidence();
    Evidence {
        subject: Subject {
            name: "dir:/srv".into(),
            reference: None,
            digest: None,
            index: None,
            platform: None,
            kind: SubjectKind::Directory,
        },
        image: ImageFacts::default(),
        inventory: Inventory::default(),
        findings: Vec::new(),
        advisories: Vec::new(),
        ..evidence
    }
}

fn package(kind: PackageKind, name: &str, version: &str, layer: &str) -> Package {
    let mut package = Package::new(kind, name, version, &FilePath::default());
    package.layer = Some(digest(layer));
    package
}

fn layer(name: &str, created_by: &str) -> LayerFacts {
    LayerFacts {
        digest: digest(&format!("{name}.gz")),
        diff_id: digest(name),
        size: 1000,
        created_by: Some(created_by.into()),
    }
}

fn gap(path: &str, reason: GapReason, detail: &str) -> Gap {
    Gap { path: FilePath::from(path), layer: None, reason, detail: detail.into() }
}

fn source(ecosystem: &str, updated: &str) -> AdvisorySource {
    AdvisorySource {
        ecosystem: ecosystem.into(),
        digest: digest(ecosystem),
        records: 1000,
        newest: None,
        updated: Some(updated.parse().unwrap()),
    }
}

fn finding(package: usize, id: &str, severity: Severity) -> Finding {
    Finding {
        package,
        id: id.into(),
        aliases: Vec::new(),
        status: Status::Open,
        fix: Fix::None,
        severity,
        cvss: None,
        published: None,
        fix_published: None,
        modified: None,
        kev: None,
        epss: None,
        malware: false,
        summary: String::new(),
        references: Vec::new(),
        basis: vec![Basis {
            record: id.into(),
            ecosystem: "Debian:12".into(),
            name: "openssl".into(),
            by: NameUsed::Source,
            version: "3.0.11-1~deb12u1".into(),
            scheme: "dpkg".into(),
            range: ">= 0".into(),
            outcome: Status::Open,
            note: None,
        }],
        suppressed: None,
    }
}
