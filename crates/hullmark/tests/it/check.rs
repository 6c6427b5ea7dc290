//! `check`: the verdict, its reasons, its exit code.

use std::fs;

use crate::{ADVISORIES, Home, POLICY, SHOP, repository};

#[test]
fn the_readme_shows_what_the_main_command_prints() {
    let run = Home::new().run(&["check", SHOP, "--policy", POLICY, "--advisories", ADVISORIES]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let shown = readme.split("<!-- quickstart -->\n```text\n").nth(1).unwrap();
    assert_eq!(run.stdout, shown.split("```\n<!-- /quickstart -->").next().unwrap());
}

#[test]
fn every_rule_that_fails_is_reported_and_its_twin_passes() {
    let home = Home::new();
    let policy = |text: &str| {
        let path = home.path().join("policy.yaml");
        let head = "apiVersion: hullmark.io/v1alpha1\nkind: TrustPolicy\nmetadata: {name: p}\nspec:\n  match: {images: ['**']}\n  require:\n";
        fs::write(&path, format!("{head}{text}")).unwrap();
        path.display().to_string()
    };
    for (rule, code) in [
        ("    - {name: r, packages: {deny: [{name: idna, kind: python}]}}\n", 1),
        ("    - {name: r, packages: {deny: [{name: idnb, kind: python}]}}\n", 0),
        ("    - {name: r, packages: {require: [{name: bash}]}}\n", 0),
        ("    - {name: r, packages: {require: [{name: zsh}]}}\n", 1),
        ("    - {name: r, registries: {allow: [registry.example.com]}}\n", 1),
        (
            "    - {name: r, vulnerabilities: {uncovered: ignore, deny: [{severity: critical}]}}\n",
            0,
        ),
        ("    - {name: r, vulnerabilities: {uncovered: ignore, deny: [{severity: high}]}}\n", 1),
        ("    - {name: r, vulnerabilities: {deny: [{severity: critical}]}}\n", 1),
        ("    - {name: r, vulnerabilities: {uncovered: ignore, deny: [{kev: true}]}}\n", 1),
        ("    - {name: r, gaps: deny}\n", 1),
    ] {
        let run = home.run(&["check", SHOP, "--policy", &policy(rule), "--advisories", ADVISORIES]);
        assert_eq!(run.code, code, "{rule}{}{}", run.stdout, run.stderr);
        assert!(run.stdout.starts_with(if code == 0 { "ALLOW" } else { "DENY" }), "{}", run.stdout);
    }
}

#[test]
fn the_json_verdict_carries_digest_and_codes() {
    let run = Home::new().run(&[
        "check",
        SHOP,
        "--policy",
        POLICY,
        "--advisories",
        ADVISORIES,
        "--format",
        "json",
    ]);
    let verdict: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(verdict["schema"], "hullmark.verdict/v1");
    assert_eq!(verdict["decision"], "deny");
    let digest = verdict["subject"]["digest"].as_str().unwrap();
    assert!(digest.starts_with("sha256:b7f581b1ac11"), "{digest}");
    assert_eq!(run.code, 1);
}

#[test]
fn without_advisories_nothing_is_judged() {
    let run = Home::new().run(&["check", SHOP, "--policy", POLICY]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(
        run.stderr.contains("hint: fetch advisories with `hullmark db update`"),
        "{}",
        run.stderr
    );
}
