//! `hullmark.findings/v1`: valid, read again without loss, and the source of every other format.

use std::path::{Path, PathBuf};

use hullmark_advisory::Severity;
use hullmark_evidence::Evidence;
use hullmark_evidence::report::json::{ReadError, Stored, read};
use hullmark_evidence::report::{Format, Options, Sort, Template, render};
use hullmark_oci::Limits;
use serde_json::{Value, json};

use crate::data::{empty, evidence, hostile};

fn write(evidence: &[Evidence], options: &Options) -> Vec<u8> {
    render(evidence, Format::Json, options).unwrap()
}

fn again(bytes: &[u8]) -> Stored {
    read(bytes, &Limits::default()).unwrap()
}

/// Everything that a document can hold, and a little of each.
fn all() -> [(&'static str, Evidence); 3] {
    [("evidence", evidence()), ("hostile", hostile()), ("empty", empty())]
}

fn validator() -> jsonschema::Validator {
    struct Beside(PathBuf);
    impl jsonschema::Retrieve for Beside {
        fn retrieve(
            &self,
            uri: &jsonschema::Uri<String>,
        ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
            assert_eq!(uri.as_str(), "urn:hullmark:schema:inventory:v1");
            Ok(serde_json::from_slice(&std::fs::read(self.0.join("inventory.v1.json"))?)?)
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let schema = std::fs::read(folder.join("findings.v1.json")).unwrap();
    jsonschema::options()
        .with_retriever(Beside(folder))
        .should_validate_formats(true)
        .build(&serde_json::from_slice::<Value>(&schema).unwrap())
        .unwrap()
}

#[test]
fn the_document_is_valid() {
    let validator = validator();
    let filtered = Options { severities: vec![Severity::High], ..Options::default() };
    for (name, evidence) in all() {
        for options in [&Options::default(), &filtered] {
            let bytes = write(&[evidence.clone(), evidence.clone()], options);
            crate::documents::assert_valid(&validator, &bytes, name);
        }
    }
    let mut broken: Value = serde_json::from_slice(&write(&[evidence()], &filtered)).unwrap();
    for (pointer, value) in [
        ("/images/0/findings/0/fix/state", json!("perhaps")),
        ("/images/0/inventory/packages/0/kind", json!("wheel")),
        ("/filter/severities/0", json!("bad")),
    ] {
        let before = broken.pointer_mut(pointer).unwrap().clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&broken), "{pointer}: the schema must be able to refuse");
        *broken.pointer_mut(pointer).unwrap() = before;
    }
}

#[test]
fn nothing_is_lost_on_the_way() {
    for (name, evidence) in all() {
        for sort in Sort::ALL {
            let options = Options { sort, ..Options::default() };
            let stored = again(&write(&[evidence.clone(), empty()], &options));
            assert_eq!(stored.images, [evidence.clone(), empty()], "{name}");
            assert!(stored.severities.is_empty() && !stored.only_fixable);
        }
    }
}

#[test]
fn every_format_can_be_made_of_it() {
    let text = "{% for i in images %}{{ i.subject.name }}{% for f in i.findings %}{{ f.id }}{% endfor %}{% endfor %}";
    let template = Template { name: "list.txt".into(), text: text.into() };
    let plain = Options { template: Some(template), ..Options::default() };
    let suppressed = Options { show_suppressed: true, sort: Sort::Epss, ..plain.clone() };
    let limited = Options { only_fixable: true, ..plain.clone() };
    for (name, evidence) in all() {
        let stored = again(&write(std::slice::from_ref(&evidence), &Options::default()));
        for format in Format::ALL {
            for options in [&plain, &suppressed, &limited] {
                let direct = render(std::slice::from_ref(&evidence), format, options).unwrap();
                let converted = render(&stored.images, format, options).unwrap();
                assert!(direct == converted, "{name} as {format}");
                let again = render(std::slice::from_ref(&evidence), format, options).unwrap();
                assert!(direct == again, "{name} as {format}: another time, other bytes");
            }
        }
    }
}

#[test]
fn filters_apply_and_are_told() {
    let options = Options {
        severities: vec![Severity::Critical, Severity::Medium],
        only_fixable: true,
        ..Options::default()
    };
    let bytes = write(&[evidence()], &options);
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(value["filter"], json!({"severities": ["critical", "medium"], "onlyFixable": true}));
    let ids: Vec<&str> = value["images"][0]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["CVE-2026-0001", "CVE-2026-0001"]);
    let totals = &value["images"][0]["totals"];
    assert_eq!(totals["undetermined"], 1, "a filter hides it and says so");
    assert_eq!(totals["hidden"], 4);
    assert_eq!(totals["open"]["critical"], json!({"total": 3, "fixable": 2}));
    let stored = again(&bytes);
    assert_eq!(stored.severities, [Severity::Critical, Severity::Medium]);
    assert!(stored.only_fixable);
    let whole: Value = serde_json::from_slice(&write(&[evidence()], &Options::default())).unwrap();
    assert_eq!(whole["filter"], Value::Null);
    assert_eq!(whole["images"][0]["findings"].as_array().unwrap().len(), 9);
}

#[test]
fn numbers_are_short() {
    let text = String::from_utf8(write(&[evidence()], &Options::default())).unwrap();
    assert!(text.contains("\"score\": 0.97,"), "{text}");
    assert!(text.contains("\"score\": 9.8\n"), "{text}");
}

#[test]
fn what_is_no_report_is_refused() {
    let whole = write(&[evidence()], &Options::default());
    let value: Value = serde_json::from_slice(&whole).unwrap();
    let with = |pointer: &str, new: Value| {
        let mut value = value.clone();
        *value.pointer_mut(pointer).unwrap() = new;
        serde_json::to_vec(&value).unwrap()
    };
    for (what, bytes, want) in [
        ("nothing", Vec::new(), "Malformed"),
        ("a list", b"[]".to_vec(), "Malformed"),
        ("later", with("/schema", json!("hullmark.findings/v2")), "OtherSchema"),
        ("inventory", with("/schema", json!("hullmark.inventory/v1")), "OtherSchema"),
        ("package", with("/images/0/findings/0/package/id", json!("deb-none")), "UnknownPackage"),
        ("status", with("/images/0/findings/0/status", json!("maybe")), "Malformed"),
        ("digest", with("/images/0/subject/digest", json!("sha256:0")), "Malformed"),
        ("contents", with("/images/0/inventory/schema", json!("x")), "Inventory"),
        ("deep", [b"[".repeat(100_000), b"]".repeat(100_000)].concat(), "Malformed"),
    ] {
        let error: ReadError = read(&bytes, &Limits::default()).unwrap_err();
        assert!(format!("{error:?}").starts_with(want), "{what}: {error:?}");
    }
    for cut in (0..whole.len() - 2).step_by(997) {
        assert!(read(&whole[..cut], &Limits::default()).is_err(), "cut at {cut}");
    }
    // A member of a later version of v1.
    let mut newer = value.clone();
    newer["images"][0]["findings"][0]["mood"] = json!("bad");
    assert_eq!(again(&serde_json::to_vec(&newer).unwrap()).images, [evidence()]);
}
