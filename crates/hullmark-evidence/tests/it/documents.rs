//! Documents for other tools: valid against the official schemas, with everything where those tools look for it.

use std::path::{Path, PathBuf};

use hullmark_evidence::report::{Format, Options, ReportError, Sort, render};
use serde_json::{Value, json};

use crate::data::{empty, evidence, hostile};

pub(crate) fn assert_valid(validator: &jsonschema::Validator, document: &[u8], name: &str) {
    let value: Value = serde_json::from_slice(document).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .take(5)
        .map(|e| format!("{}: {e:.300}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}");
}

fn validator(path: &Path) -> jsonschema::Validator {
    struct Beside(PathBuf);
    impl jsonschema::Retrieve for Beside {
        fn retrieve(
            &self,
            uri: &jsonschema::Uri<String>,
        ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
            let name = uri.as_str().rsplit('/').next().unwrap_or_default();
            Ok(serde_json::from_slice(&std::fs::read(self.0.join(name))?)?)
        }
    }
    // The schema of SARIF has a bracket too many in the pattern of languages, which makes it no pattern.
    let text = std::fs::read_to_string(path).unwrap().replace("{2}]?$", "{2}$");
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::options()
        .with_retriever(Beside(path.parent().unwrap().into()))
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

fn installed_schema(name: &str) -> Option<jsonschema::Validator> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/schemas").join(name);
    if !path.exists() {
        hullmark_testkit::skip(&format!("{name} is missing: run scripts/install-schemas.sh"));
        return None;
    }
    Some(validator(&path))
}

fn shown() -> Options {
    Options { show_suppressed: true, ..Options::default() }
}

fn document(format: Format) -> Value {
    serde_json::from_slice(&render(&[evidence()], format, &shown()).unwrap()).unwrap()
}

fn check_valid(validator: &jsonschema::Validator, format: Format) {
    for (name, evidence) in [("evidence", evidence()), ("hostile", hostile()), ("empty", empty())] {
        for options in [shown(), Options::default()] {
            let bytes = render(std::slice::from_ref(&evidence), format, &options).unwrap();
            assert_valid(validator, &bytes, name);
        }
    }
}

#[test]
fn sarif_is_valid() {
    let Some(validator) = installed_schema("sarif-2.1.0.schema.json") else {
        return;
    };
    check_valid(&validator, Format::Sarif);
    let mut broken = document(Format::Sarif);
    broken["runs"][0]["results"][0]["level"] = json!("awful");
    assert!(!validator.is_valid(&broken), "the schema must be able to refuse");
}

#[test]
fn cyclonedx_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/schemas/cyclonedx");
    let validator = validator(&folder.join("bom-1.6.SNAPSHOT.schema.json"));
    check_valid(&validator, Format::CycloneDx);
    let mut broken = document(Format::CycloneDx);
    broken["vulnerabilities"][0]["ratings"][0]["severity"] = json!("awful");
    assert!(!validator.is_valid(&broken), "the schema must be able to refuse");
}

#[test]
fn spdx_is_valid() {
    let Some(validator) = installed_schema("spdx-2.3.schema.json") else {
        return;
    };
    check_valid(&validator, Format::Spdx);
    let mut broken = document(Format::Spdx);
    broken["packages"][0]["filesAnalyzed"] = json!("no");
    assert!(!validator.is_valid(&broken), "the schema must be able to refuse");
}

#[test]
fn sarif_has_a_rule_for_each_vulnerability_and_a_result_for_each_finding() {
    let value = document(Format::Sarif);
    let run = &value["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!((rules.len(), results.len()), (7, 8));
    for result in results {
        let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[at]["id"], result["ruleId"]);
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&json!([rules[0], results[0]])).unwrap(), @r##"
    [
      {
        "defaultConfiguration": {
          "level": "error"
        },
        "fullDescription": {
          "text": "Overflow in the parser of certificates"
        },
        "help": {
          "markdown": "Overflow in the parser of certificates\n\nSeverity: `critical`\n\nCVSS: `9.8 CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H`\n\nKnown to be exploited since: `2026-01-10`\n\nAliases: `GHSA-aaaa-bbbb-cccc`",
          "text": "Overflow in the parser of certificates\nSeverity: critical\nCVSS: 9.8 CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\nKnown to be exploited since: 2026-01-10\nAliases: GHSA-aaaa-bbbb-cccc"
        },
        "helpUri": "https://example.com/CVE-2026-0001",
        "id": "CVE-2026-0001",
        "name": "VulnerablePackage",
        "properties": {
          "precision": "very-high",
          "security-severity": "9.8",
          "tags": [
            "security",
            "vulnerability",
            "critical"
          ]
        },
        "shortDescription": {
          "text": "Overflow in the parser of certificates"
        }
      },
      {
        "kind": "fail",
        "level": "error",
        "locations": [
          {
            "logicalLocations": [
              {
                "fullyQualifiedName": "libssl3@3.0.11-1~deb12u1",
                "kind": "package"
              }
            ],
            "physicalLocation": {
              "artifactLocation": {
                "uri": "var/lib/dpkg/status",
                "uriBaseId": "IMAGEROOT"
              },
              "region": {
                "startLine": 1
              }
            }
          }
        ],
        "message": {
          "text": "deb libssl3 3.0.11-1~deb12u1 in registry.example.com/shop/web:1.2: fixed in 3.0.11-1~deb12u2"
        },
        "partialFingerprints": {
          "hullmarkFinding/v1": "384204f9556a66e3e0697076d554dddbb9d0cd904dd5ad288fda09f5b4713c62"
        },
        "properties": {
          "epss": 0.97,
          "fixedIn": "3.0.11-1~deb12u2",
          "knownExploited": true,
          "layer": "sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2",
          "purl": "pkg:deb/debian/libssl3@3.0.11-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl",
          "severity": "critical"
        },
        "ruleId": "CVE-2026-0001",
        "ruleIndex": 0
      }
    ]
    "##);
    let of = |id: &str| results.iter().find(|r| r["ruleId"] == json!(id)).unwrap();
    let undetermined = of("GHSA-dddd-eeee-ffff");
    assert_eq!((&undetermined["kind"], &undetermined["level"]), (&json!("review"), &json!("none")));
    let suppression = &of("CVE-2026-0003")["suppressions"][0];
    assert_eq!(
        suppression["justification"],
        json!("vulnerable code not in execute path (vex.json)")
    );
    let gaps = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    assert_eq!(gaps.len(), 2);
    // The same finding in the next version of the package is the same result.
    let mut next = evidence();
    next.inventory.packages[0].version = "3.0.11-1~deb12u1+b1".into();
    let next = render(&[next], Format::Sarif, &shown()).unwrap();
    let next: Value = serde_json::from_slice(&next).unwrap();
    let fingerprint = |v: &Value| v["runs"][0]["results"][0]["partialFingerprints"].clone();
    assert_eq!(fingerprint(&next), fingerprint(&value));
    // Two packages of one vulnerability are two results.
    assert_ne!(results[0]["partialFingerprints"], results[1]["partialFingerprints"]);
}

#[test]
fn sarif_messages_hold_no_links_and_no_placeholders() {
    let bytes = render(&[hostile()], Format::Sarif, &shown()).unwrap();
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    for result in value["runs"][0]["results"].as_array().unwrap() {
        let text = result["message"]["text"].as_str().unwrap();
        assert!(text.contains("{{0}}") && text.contains("!\\[a\\](http"), "{text}");
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

#[test]
fn cyclonedx_vulnerabilities_name_components() {
    let value = document(Format::CycloneDx);
    let vulnerabilities = value["vulnerabilities"].as_array().unwrap();
    let ids: Vec<&str> = vulnerabilities.iter().map(|v| v["id"].as_str().unwrap()).collect();
    assert_eq!(
        ids,
        [
            "CVE-2026-0001",
            "MAL-2026-17",
            "CVE-2026-0002",
            "GHSA-dddd-eeee-ffff",
            "CVE-2026-0003",
            "CVE-2026-0006",
            "CVE-2026-0004"
        ]
    );
    let components = value["components"].as_array().unwrap();
    for vulnerability in vulnerabilities {
        for affected in vulnerability["affects"].as_array().unwrap() {
            assert!(components.iter().any(|c| c["bom-ref"] == affected["ref"]), "{affected}");
        }
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&vulnerabilities[0]).unwrap(), @r##"
    {
      "advisories": [
        {
          "url": "https://example.com/CVE-2026-0001"
        }
      ],
      "affects": [
        {
          "ref": "deb-libssl3-4509ba798a31",
          "versions": [
            {
              "status": "affected",
              "version": "3.0.11-1~deb12u1"
            }
          ]
        },
        {
          "ref": "deb-openssl-d4466383a55e",
          "versions": [
            {
              "status": "affected",
              "version": "3.0.11-1~deb12u1"
            }
          ]
        }
      ],
      "bom-ref": "vulnerability-1",
      "description": "Overflow in the parser of certificates",
      "id": "CVE-2026-0001",
      "properties": [
        {
          "name": "hullmark:kev:added",
          "value": "2026-01-10"
        },
        {
          "name": "hullmark:kev:due",
          "value": "2026-01-31"
        },
        {
          "name": "hullmark:kev:ransomware",
          "value": "true"
        },
        {
          "name": "hullmark:epss:score",
          "value": "0.97"
        },
        {
          "name": "hullmark:epss:percentile",
          "value": "0.999"
        }
      ],
      "published": "2026-01-05T00:00:00Z",
      "ratings": [
        {
          "method": "CVSSv31",
          "score": 9.8,
          "severity": "critical",
          "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
        }
      ],
      "recommendation": "Upgrade libssl3 to 3.0.11-1~deb12u2; Upgrade openssl to 3.0.11-1~deb12u2",
      "references": [
        {
          "id": "GHSA-aaaa-bbbb-cccc",
          "source": {
            "name": "GHSA"
          }
        }
      ],
      "source": {
        "name": "CVE"
      },
      "updated": "2026-01-07T00:00:00Z"
    }
    "##);
    let states: Vec<&Value> = vulnerabilities.iter().map(|v| &v["analysis"]["state"]).collect();
    let none = Value::Null;
    let (triage, not_affected) = (json!("in_triage"), json!("not_affected"));
    assert_eq!(states, [&none, &none, &none, &triage, &not_affected, &triage, &none]);
}

#[test]
fn spdx_packages_refer_to_advisories() {
    let value = document(Format::Spdx);
    let packages = value["packages"].as_array().unwrap();
    let package = packages.iter().find(|p| p["name"] == json!("libssl3")).unwrap();
    let references = package["externalRefs"].as_array().unwrap();
    assert_eq!(
        references.last().unwrap(),
        &json!({
            "referenceCategory": "SECURITY",
            "referenceType": "advisory",
            "referenceLocator": "CVE-2026-0002",
            "comment": "CVE-2026-0002: high, fixed in 3.0.13-1~deb12u1",
        })
    );
    let count = |v: &Value| v["referenceCategory"] == json!("SECURITY");
    let all = packages.iter().filter_map(|p| p["externalRefs"].as_array()).flatten();
    assert_eq!(all.filter(|r| count(r)).count(), 8);
}

#[test]
fn a_predicate_says_when_and_with_which_advisories() {
    let value = document(Format::CosignVuln);
    assert_eq!(value["scanner"]["db"]["lastUpdate"], json!("2026-01-31T00:00:00Z"));
    assert_eq!(value["metadata"]["scanFinishedOn"], json!("2026-02-01T12:00:00.5Z"));
    assert_eq!(value["scanner"]["result"]["schema"], json!("hullmark.findings/v1"));
    assert_eq!(value["scanner"]["result"]["images"][0]["findings"].as_array().unwrap().len(), 8);
    // Other advisories, another version.
    let mut other = evidence();
    other.advisories.pop();
    let other = render(&[other], Format::CosignVuln, &shown()).unwrap();
    let other: Value = serde_json::from_slice(&other).unwrap();
    assert_ne!(other["scanner"]["db"]["version"], value["scanner"]["db"]["version"]);
}

#[test]
fn some_documents_are_about_one_image() {
    for format in Format::ALL.into_iter().filter(|f| *f != Format::Template) {
        for images in [vec![], vec![evidence(), evidence()]] {
            let result = render(&images, format, &Options::default());
            match result {
                Ok(_) => assert!(format.holds_many(), "{format}"),
                Err(ReportError::OneImage { .. }) => assert!(!format.holds_many(), "{format}"),
                Err(error) => panic!("{format}: {error}"),
            }
        }
    }
}

#[test]
fn names_are_read_back() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse::<Format>().unwrap(), format);
    }
    for sort in Sort::ALL {
        assert_eq!(sort.as_str().parse::<Sort>().unwrap(), sort);
    }
    let error = "pdf".parse::<Format>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected one of table, json, sarif, cyclonedx, spdx, cosign-vuln, markdown, html, template"
    );
}
