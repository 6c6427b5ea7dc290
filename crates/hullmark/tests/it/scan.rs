//! `scan`, `sbom`, `explain`, `convert`: findings, thresholds, suppressions, documents.

use std::fs;

use crate::{ADVISORIES, Home, SHOP};

fn scan(home: &Home, more: &[&str]) -> (i32, serde_json::Value) {
    let mut arguments = vec!["scan", SHOP, "--advisories", ADVISORIES, "--format", "json"];
    arguments.extend(more);
    let run = home.run(&arguments);
    let document = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}{}", run.stdout, run.stderr));
    (run.code, document)
}

#[test]
fn thresholds_decide_the_exit_code() {
    let home = Home::new();
    assert_eq!(scan(&home, &[]).0, 0);
    assert_eq!(scan(&home, &["--fail-on", "critical"]).0, 0);
    assert_eq!(scan(&home, &["--fail-on", "high"]).0, 1);
    assert_eq!(scan(&home, &["--fail-on-gaps"]).0, 1);
}

#[test]
fn ignore_rules_and_vex_suppress_and_their_twins_do_not() {
    let home = Home::new();
    let file = |name: &str, text: String| {
        let path = home.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    // Every finding of high severity, so that the threshold shows what counts.
    let high = ["CVE-2023-46136", "CVE-2024-3651", "NSWG-ECO-100"];
    let rules = |ids: &[&str], expires: &str| {
        let rule = |id: &&str| format!("  - {{id: {id}, reason: tested, expires: {expires}}}\n");
        format!("ignore:\n{}", ids.iter().map(rule).collect::<String>())
    };
    let ignored = file("all.yaml", rules(&high, "2099-01-01"));
    assert_eq!(scan(&home, &["--fail-on", "high", "--ignore-file", &ignored]).0, 0);
    let ignored = file("two.yaml", rules(&high[..2], "2099-01-01"));
    assert_eq!(scan(&home, &["--fail-on", "high", "--ignore-file", &ignored]).0, 1);
    let ended = file("ended.yaml", rules(&high, "2020-01-01"));
    let run = home.run(&[
        "scan",
        SHOP,
        "--advisories",
        ADVISORIES,
        "--fail-on",
        "high",
        "--ignore-file",
        &ended,
    ]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("suppresses nothing"), "{}", run.stderr);

    let vex = |status: &str, product: &str| {
        let statement = |id: &&str| {
            format!(
                r#"{{"vulnerability":{{"name":"{id}"}},"products":[{{"@id":"{product}"}}],"status":"{status}","justification":"vulnerable_code_not_in_execute_path"}}"#
            )
        };
        let statements: Vec<String> = high.iter().map(statement).collect();
        format!(
            r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"test","author":"a","timestamp":"2026-01-01T00:00:00Z","version":1,"statements":[{}]}}"#,
            statements.join(",")
        )
    };
    let image = "sha256:b7f581b1ac110cae83b4b0b274f106eaf02300ca66c685d65850b30aa7810902";
    let document = file("vex.json", vex("not_affected", image));
    assert_eq!(scan(&home, &["--fail-on", "high", "--vex", &document]).0, 0);
    let document = file("affected.json", vex("affected", image));
    assert_eq!(scan(&home, &["--fail-on", "high", "--vex", &document]).0, 1);
    let document = file("other.json", vex("not_affected", &image.replace("b7f5", "b7f6")));
    assert_eq!(scan(&home, &["--fail-on", "high", "--vex", &document]).0, 1);
}

#[test]
fn a_question_about_the_past_knows_only_the_past() {
    let home = Home::new();
    assert_eq!(scan(&home, &["--fail-on", "high", "--at", "2010-01-01"]).0, 0);
    assert_eq!(scan(&home, &["--fail-on", "high", "--at", "2025-01-01"]).0, 1);
}

#[test]
fn a_stored_report_converts_to_what_a_scan_writes() {
    let home = Home::new();
    let file = home.path().join("report.json");
    let path = file.to_str().unwrap();
    let at = ["--at", "2026-01-01"];
    let run = |arguments: &[&str]| home.run(&[arguments, &at].concat());
    assert_eq!(
        run(&["scan", SHOP, "--advisories", ADVISORIES, "--format", "json", "-o", path]).code,
        0
    );
    let direct = run(&["scan", SHOP, "--advisories", ADVISORIES]);
    let converted = home.run(&["convert", path]);
    assert_eq!(converted.stdout, direct.stdout, "{}", converted.stderr);
    assert!(direct.stdout.contains("CVE-2023-46136"), "{}", direct.stdout);
}

#[test]
fn a_finding_and_a_non_finding_are_explained() {
    let home = Home::new();
    let explain = |question: &str| {
        let run = home.run(&["explain", SHOP, question, "--advisories", ADVISORIES]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    let found = explain("CVE-2023-46136");
    assert!(found.contains("CVE-2023-46136 OPEN  python Werkzeug 0.15.2"), "{found}");
    assert!(found.contains("in pep440 order: inside the range"), "{found}");
    let fixed = explain("urllib3");
    assert!(fixed.contains("fixed  python urllib3 2.2.1"), "{fixed}");
    assert!(
        explain("CVE-1999-0001")
            .contains("no record of `CVE-1999-0001` names a package of this image")
    );
}

#[test]
fn an_sbom_is_judged_like_the_image_it_describes() {
    let home = Home::new();
    let ids = |target: &str| {
        let run = home.run(&["scan", target, "--advisories", ADVISORIES, "--format", "json"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let mut ids: Vec<String> = run
            .stdout
            .lines()
            .filter_map(|l| l.trim().strip_prefix("\"id\": \"CVE-"))
            .map(str::to_owned)
            .collect();
        ids.sort();
        ids
    };
    let direct = ids(SHOP);
    assert!(direct.len() > 10);
    for format in ["cyclonedx", "spdx", "json"] {
        let file = home.path().join(format!("{format}.json"));
        let path = file.to_str().unwrap();
        assert_eq!(home.run(&["sbom", SHOP, "--format", format, "-o", path]).code, 0);
        assert_eq!(ids(&format!("sbom:{path}")), direct, "{format}");
    }
}
