//! Errors: exit code 2, nothing on standard output, what was attempted, and a hint.

use std::fs;

use crate::{ADVISORIES, Home, SHOP};

#[test]
fn every_failure_says_what_and_why_and_exits_with_2() {
    let home = Home::new();
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let not_an_archive =
        file("text.tar", "this is not a tar archive, and it is long enough to look at");
    let typo = file(
        "typo.yaml",
        "apiVersion: hullmark.io/v1alpha1\nkind: TrustPolicy\nmetadata: {name: p}\nspec:\n  match: {images: ['**']}\n  requires: []\n",
    );
    let ignore = file("ignore.yaml", "ignore:\n  - {id: CVE-1}\n");
    let config = file("config.yaml", "offlin: true\n");
    let empty = home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let empty = empty.display().to_string();
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["scan", "No Such Image", "--advisories", ADVISORIES],
            &["neither a file nor an image reference", "hint: "],
        ),
        (
            &["scan", "oci-archive:/no/such/file.tar", "--advisories", ADVISORIES],
            &["/no/such/file.tar"],
        ),
        (
            &["scan", &format!("oci-archive:{not_an_archive}"), "--advisories", ADVISORIES],
            &["text.tar"],
        ),
        (
            &["--offline", "scan", "registry.example.com/app:1", "--advisories", ADVISORIES],
            &["offline"],
        ),
        (&["scan", SHOP, "--advisories", "/no/such/folder"], &["/no/such/folder"]),
        (
            &["check", SHOP, "--policy", &typo, "--advisories", ADVISORIES],
            &["typo.yaml:6:3", "unknown field `requires`", "`require`"],
        ),
        (&["check", SHOP, "--policy", &empty, "--advisories", ADVISORIES], &["holds no policy"]),
        (
            &["scan", SHOP, "--ignore-file", &ignore, "--advisories", ADVISORIES],
            &["ignore rule 1 has no reason"],
        ),
        (&["--config", &config, "config", "show"], &["config.yaml", "offlin"]),
        (
            &["scan", SHOP, "--severity", "bad", "--advisories", ADVISORIES],
            &["expected one of critical, high"],
        ),
        (&["sbom", SHOP, "--platform", "linux"], &["is not a platform"]),
        (&["sbom", SHOP, "--all-platforms"], &["choose it with `--platform`"]),
        (&["db", "search", "x"], &["hint: fetch advisories"]),
    ];
    for (arguments, wanted) in cases {
        let run = home.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}\n{}", run.stderr);
        for text in *wanted {
            assert!(run.stderr.contains(text), "{arguments:?} lacks `{text}`:\n{}", run.stderr);
        }
    }
}

#[test]
fn messages_can_be_json_and_output_can_be_a_file() {
    let home = Home::new();
    let run = home.run(&["--log-format", "json", "sbom", "oci-archive:/no/such/file.tar"]);
    let line: serde_json::Value = serde_json::from_str(run.stderr.trim()).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert!(line["error.kind"].is_string(), "{line}");
    let file = home.path().join("sbom.json");
    let run = home.run(&["sbom", SHOP, "--format", "cyclonedx", "-o", file.to_str().unwrap()]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let document: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(document["specVersion"], "1.6");
}

#[test]
fn what_is_no_plain_file_is_written_to_and_not_replaced() {
    let home = Home::new();
    let (link, target) = (home.path().join("link"), home.path().join("target"));
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let run = home.run(&["sbom", SHOP, "--format", "purl", "-o", link.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "the link was replaced");
    assert!(fs::read_to_string(&target).unwrap().contains("pkg:deb/debian/bash"));
}

#[test]
fn the_configuration_in_force_is_shown_with_its_origin() {
    let home = Home::new();
    let config = home.path().join("hullmark.yaml");
    fs::write(
        &config,
        "offline: true\nlimits: {layers: 7}\nadvisories: {mirror: https://mirror.example}\n",
    )
    .unwrap();
    let run = home.run(&[
        "--config",
        config.to_str().unwrap(),
        "--data-dir",
        "/elsewhere",
        "config",
        "show",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for line in [
        "dataDir: \"/elsewhere\"  # `--data-dir` or its environment variable",
        "offline: true  # configuration file",
        "advisories: {\"mirror\":\"https://mirror.example\"}  # configuration file",
        "  layers: 7  # configuration file",
        "  manifestBytes: 4194304  # default",
    ] {
        assert!(run.stdout.contains(line), "`{line}` is missing:\n{}", run.stdout);
    }
    // Every setting that is shown can be read again.
    let again = home.path().join("again.yaml");
    fs::write(&again, &run.stdout).unwrap();
    assert_eq!(home.run(&["--config", again.to_str().unwrap(), "config", "show"]).code, 0);
}
