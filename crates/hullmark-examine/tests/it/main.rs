//! Whole examinations of an image that a test makes, with a frozen clock.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use hullmark_advisory::{Database, compile, matching};
use hullmark_examine::{
    AttachedVex, Examination, ExamineError, NoProgress, PlatformChoice, Ports, Request,
    Suppressions, Target, examine,
};
use hullmark_inventory::scan::ScanOptions;
use hullmark_oci::source::{BlobReader, BoxFuture, Resolved};
use hullmark_oci::{Descriptor, Digest, ImageSource, Limits, SourceError, media_type};
use hullmark_policy::{DEFAULT_POLICY, Decision, Policies, Stage};
use jiff::Timestamp;

const STATUS: &str = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.11-1\nMaintainer: Debian OpenSSL Team <pkg-openssl-devel@alioth-lists.debian.net>\n\n";
const OS_RELEASE: &str = "ID=debian\nVERSION_ID=\"12\"\n";
const ADVISORY: &str = r#"{"id":"DSA-1-1","modified":"2026-01-01T00:00:00Z","published":"2026-01-01T00:00:00Z","upstream":["CVE-2026-1"],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"affected":[{"package":{"ecosystem":"Debian:12","name":"openssl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.0.15-1"}]}]}]}"#;

/// An image in memory. Content is found by digest; nothing else is there.
#[derive(Debug, Default)]
struct Memory {
    blobs: BTreeMap<Digest, Bytes>,
    top: Option<Descriptor>,
    referrers: Vec<Descriptor>,
}

impl Memory {
    fn add(&mut self, media_type: &str, content: impl Into<Bytes>) -> Descriptor {
        let content = content.into();
        let descriptor = Descriptor::of(media_type, &content);
        self.blobs.insert(descriptor.digest.clone(), content);
        descriptor
    }

    fn add_manifest(&mut self, config: &Descriptor, layers: &[Descriptor]) -> Descriptor {
        let document = serde_json::json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": layers,
        });
        self.add(media_type::OCI_MANIFEST, document.to_string())
    }

    fn get(&self, at: &Descriptor) -> Result<Bytes, SourceError> {
        let missing = || SourceError::NotFound { what: at.digest.to_string() };
        self.blobs.get(&at.digest).cloned().ok_or_else(missing)
    }
}

impl ImageSource for Memory {
    fn name(&self) -> String {
        "memory:image".into()
    }

    fn resolve(&self) -> BoxFuture<'_, Result<Resolved, SourceError>> {
        let descriptor = self.top.clone().expect("an image");
        Box::pin(async move { Ok(Resolved { bytes: self.get(&descriptor)?, descriptor }) })
    }

    fn manifest<'a>(
        &'a self,
        at: &'a Descriptor,
        _: u64,
    ) -> BoxFuture<'a, Result<Bytes, SourceError>> {
        Box::pin(async move { self.get(at) })
    }

    fn blob<'a>(&'a self, at: &'a Descriptor) -> BoxFuture<'a, Result<BlobReader, SourceError>> {
        Box::pin(async move { Ok(Box::new(Cursor::new(self.get(at)?)) as BlobReader) })
    }

    fn referrers<'a>(
        &'a self,
        _: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<Descriptor>, SourceError>> {
        Box::pin(async move { Ok(self.referrers.clone()) })
    }
}

/// A ustar stream of these files.
fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        let mut block = vec![0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..108].copy_from_slice(b"0000644\0");
        block[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        block[156] = b'0';
        block[257..263].copy_from_slice(b"ustar\0");
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|&b| u64::from(b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend(block);
        bytes.extend(content.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn image() -> Memory {
    let mut memory = Memory::default();
    let layer = tar(&[("etc/os-release", OS_RELEASE), ("var/lib/dpkg/status", STATUS)]);
    let diff_id = Digest::sha256(&layer);
    let layer = memory.add(media_type::OCI_LAYER, layer);
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [diff_id] },
    });
    let config = memory.add(media_type::OCI_CONFIG, config.to_string());
    memory.top = Some(memory.add_manifest(&config, &[layer]));
    memory
}

/// Attaches a VEX document that speaks of `about`.
fn attach(memory: &mut Memory, about: &str, artifact_type: &str) {
    let vex = format!(
        r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"v","author":"a","timestamp":"2026-01-02T00:00:00Z","version":1,"statements":[{{"vulnerability":{{"name":"CVE-2026-1"}},"products":[{{"@id":"{about}"}}],"status":"not_affected","justification":"component_not_present"}}]}}"#
    );
    let layer = memory.add("application/json", vex);
    let empty = memory.add(media_type::OCI_EMPTY, "{}");
    let mut referrer = memory.add_manifest(&empty, &[layer]);
    referrer.artifact_type = Some(artifact_type.into());
    memory.referrers.push(referrer);
}

fn run(memory: Memory, attached: AttachedVex) -> Result<Examination, ExamineError> {
    let folder = tempfile::tempdir().unwrap();
    let now: Timestamp = "2026-01-03T00:00:00Z".parse().unwrap();
    let advisory = folder.path().join("DSA-1-1.json");
    std::fs::write(&advisory, ADVISORY).unwrap();
    let database = folder.path().join("database");
    compile::import(&database, &[advisory], now, &Limits::default()).unwrap();
    let ports = Ports {
        fragments: None,
        advisories: Some(Arc::new(Database::open(&database).unwrap())),
        progress: Arc::new(NoProgress),
    };
    let policies = Policies::parse(DEFAULT_POLICY, "default").unwrap();
    let request = Request {
        platform: PlatformChoice::Host,
        scan: ScanOptions::default(),
        matching: matching::Options::default(),
        suppressions: Suppressions { attached, ..Suppressions::default() },
        judge: Some((Arc::new(policies), Stage::Build)),
        parallel: 2,
        now,
    };
    let target = Target::Image { source: Arc::new(memory), reference: None };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(examine(&target, &ports, &request)).map(|mut all| all.remove(0))
}

#[test]
fn facts_and_decision_speak_of_one_digest() {
    let memory = image();
    let digest = memory.top.as_ref().unwrap().digest.clone();
    let examination = run(memory, AttachedVex::Ignore).unwrap();
    let evidence = &examination.evidence;
    assert_eq!(evidence.subject.digest.as_ref(), Some(&digest));
    assert_eq!(evidence.findings.len(), 1);
    assert_eq!(evidence.findings[0].id, "CVE-2026-1");
    assert_eq!(evidence.inventory.gaps, []);
    let verdict = examination.verdict.unwrap();
    assert_eq!(verdict.subject.digest.as_ref(), Some(&digest));
    // The catalogue of exploited vulnerabilities was not loaded: what is not known does not pass.
    assert_eq!(verdict.decision, Decision::Deny);
}

#[test]
fn attached_vex_counts_only_when_asked_and_only_for_this_image() {
    let digest = || image().top.unwrap().digest.to_string();
    let suppressed = |about: &str, kind: &str, attached| {
        let mut memory = image();
        attach(&mut memory, about, kind);
        run(memory, attached).unwrap().evidence.findings[0].suppressed.is_some()
    };
    let trust = AttachedVex::DangerousTrustUnsigned;
    let kind = "application/vnd.openvex+json";
    assert!(suppressed(&digest(), kind, trust));
    assert!(!suppressed(&digest(), kind, AttachedVex::Ignore));
    assert!(!suppressed(&Digest::sha256(b"another").to_string(), kind, trust));
    assert!(!suppressed(&digest(), "application/vnd.other", trust));
}

#[test]
fn content_that_is_not_what_its_digest_says_is_an_error() {
    // A letter in the content of a file, and one of the document: both still parse.
    for (damage, at) in [("layer", 520), ("vex", 60)] {
        let mut memory = image();
        let digest = memory.top.as_ref().unwrap().digest.to_string();
        attach(&mut memory, &digest, "application/openvex+json");
        let wanted = if damage == "layer" { "ustar" } else { "openvex.dev" };
        let target = memory
            .blobs
            .iter()
            .find(|(_, content)| content.windows(wanted.len()).any(|w| w == wanted.as_bytes()))
            .map(|(digest, _)| digest.clone())
            .unwrap();
        let mut content = memory.blobs[&target].to_vec();
        content[at] ^= 1;
        memory.blobs.insert(target, content.into());
        let error = run(memory, AttachedVex::DangerousTrustUnsigned).unwrap_err();
        let named = match damage {
            "layer" => matches!(error, ExamineError::Layer { .. }),
            _ => matches!(error, ExamineError::Source(SourceError::DigestMismatch { .. })),
        };
        assert!(named, "{damage}: {error:?}");
    }
}

#[test]
fn a_manifest_and_its_configuration_must_agree() {
    let mut memory = image();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] },
    });
    let layer = memory.add(media_type::OCI_LAYER, tar(&[]));
    let config = memory.add(media_type::OCI_CONFIG, config.to_string());
    memory.top = Some(memory.add_manifest(&config, &[layer]));
    let error = run(memory, AttachedVex::Ignore).unwrap_err();
    assert!(matches!(error, ExamineError::LayerCount { layers: 1, diff_ids: 0, .. }), "{error:?}");

    let mut chart = Memory::default();
    let config = chart.add("application/vnd.cncf.helm.config.v1+json", "{}");
    chart.top = Some(chart.add_manifest(&config, &[]));
    let error = run(chart, AttachedVex::Ignore).unwrap_err();
    assert!(matches!(error, ExamineError::NotAnImage { .. }), "{error:?}");
}
