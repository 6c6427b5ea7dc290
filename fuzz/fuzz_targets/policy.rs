//! Policies: parsed, and applied at every stage to an image about which little is known.
#![no_main]

use hullmark_evidence::{Evidence, ImageFacts, Subject, SubjectKind};
use hullmark_inventory::{Inventory, Package, PackageKind};
use hullmark_oci::{Digest, FilePath};
use hullmark_policy::verdict::{self, NoStyle, TextOptions};
use hullmark_policy::{Decision, Policies, Stage, evaluate};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(policies) = Policies::parse(text, "fuzz") else { return };
    assert_eq!(policies.hash(), Policies::parse(text, "other").expect("as before").hash());
    for kind in [SubjectKind::Image, SubjectKind::Directory, SubjectKind::Sbom] {
        let evidence = evidence(kind);
        for stage in [Stage::Build, Stage::Push, Stage::Admission, Stage::Runtime] {
            for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
                let verdict = evaluate(&policies, &evidence, stage, now);
                assert!(!verdict.policies.is_empty(), "somebody always decides");
                let worst = verdict.policies.iter().map(|p| p.decision).max();
                assert_eq!(worst, Some(verdict.decision), "the worst policy decides");
                assert_eq!(verdict, evaluate(&policies, &evidence, stage, now));
                let text = verdict::text(&verdict, TextOptions::default(), &NoStyle);
                assert!(text.ends_with('\n'));
                serde_json::to_vec(&verdict::document(&verdict)).expect("verdicts serialize");
            }
        }
    }
    let nobody = evaluate(
        &Policies::default(),
        &evidence(SubjectKind::Image),
        Stage::Build,
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(nobody.decision, Decision::Deny);
});

fn evidence(kind: SubjectKind) -> Evidence {
    let path = FilePath::from_raw(b"var/lib/dpkg/status");
    Evidence {
        subject: Subject {
            name: "registry.example.com/shop/pay:1.2".into(),
            reference: Some("registry.example.com/shop/pay:1.2".into()),
            digest: Some(Digest::sha256(b"manifest")),
            index: None,
            platform: None,
            kind,
        },
        image: ImageFacts::default(),
        inventory: Inventory {
            packages: vec![Package::new(PackageKind::Deb, "libssl3", "3.0.11-1", &path)],
            ..Inventory::default()
        },
        findings: Vec::new(),
        advisories: Vec::new(),
        examined: Timestamp::UNIX_EPOCH,
    }
}
