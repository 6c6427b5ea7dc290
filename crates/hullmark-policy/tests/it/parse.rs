//! Documents and the errors in them.

use hullmark_policy::{Policies, PolicyProblem};

use crate::support::{parse, policy};

#[track_caller]
fn error(text: &str) -> String {
    Policies::parse(text, "p.yaml").expect_err(text).to_string()
}

#[test]
fn errors_in_rules_say_where_and_what_was_meant() {
    let mut wrong = Vec::new();
    for (rule, want) in [
        (
            "vulnerabilities: {deny: [{severty: high}]}",
            ":7:44: unknown field `severty`; did you mean `severity`?",
        ),
        (
            "vulnerabilities: {deny: [{severity: hihg}]}",
            ":7:54: unknown value `hihg`; did you mean `high`?",
        ),
        ("vulnerabilities: {deny: [{count: '>1'}]}", ":7:7: a condition needs at least one of"),
        ("vulnerabilities: {deny: [{severity: high, count: 10}]}", ":7:67: `10` is not a count"),
        ("vulnerabilities: {deny: [{severity: high, grace: 7}]}", ":7:67: `7` is not a period"),
        ("vulnerabilities: {deny: [{epss: 0.5}]}", ":7:50: `0.5` is not a probability"),
        ("vulnerabilities: {deny: [{malware: false}]}", "malware always counts"),
        ("vulnerabilities: {deny: {severity: high}}", ":7:42: "),
        (
            "vulnerabilties: {}",
            ":7:18: unknown field `vulnerabilties`; did you mean `vulnerabilities`?",
        ),
        ("colour: red", "unknown field `colour`; known are"),
        ("gaps: allow", ":7:18: expected `deny` or a mapping with `allow`"),
        ("gaps: {alow: []}", ":7:25: unknown field `alow`; did you mean `allow`?"),
        ("gaps: {allow: [truncted]}", ":7:33: expected the reason of a gap"),
        ("gaps: {allow: [{}]}", "an allowed gap needs a `reason`"),
        ("gaps: {allow: [{reason: truncted}]}", "did you mean `truncated`?"),
        ("registries: {}", "`registries` needs at least one"),
        ("registries: {allow: [alpine]}", ":7:39: `alpine` is not an image pattern"),
        ("registries: {allow: alpine}", ":7:38: "),
        ("pin: {digest: optional}", "unknown value `optional`; known are `required`"),
        ("packages: {deny: [{kind: deb}]}", "the field `name` is missing"),
        ("packages: {deny: [{name: a, version: '1.0'}]}", "`1.0` is not a version range"),
        ("packages: {deny: [{name: a, version: '<1.*'}]}", "is not a version range"),
        ("packages: {deny: [{name: a, version: ''}]}", "is not a version range"),
        ("packages: {}", "`packages` needs"),
        ("licenses: {deny: [MIT OR ISC]}", "`MIT OR ISC` is not a license"),
        ("licenses: {}", "`licenses` needs"),
        ("scan: {}", "`scan` needs"),
        ("age: {}", "the field `maxAge` is missing"),
        ("user: root", "expected `nonroot`"),
        ("user: {nonroot: [root]}", "`nonroot` lists names"),
        ("user: {nonroot: ['0']}", "`nonroot` lists names"),
        ("deny: ''", "`deny` needs a message"),
        ("anyOf: []", "at least one part"),
        (
            "anyOf: [{gaps: deny, pin: {digest: required}}]",
            ":7:26: a rule needs exactly one kind; this one has `pin` and `gaps`",
        ),
        ("atLeast: {count: 2, of: [{gaps: deny}]}", "`count` lies between"),
        ("atLeast: {count: 0, of: [{gaps: deny}]}", "`count` lies between"),
        ("exceptions: []", "this one has none"),
        ("gaps: deny, age: {maxAge: 1d}", "two rules"),
        ("gaps: deny, exceptions: [{id: a, reason: r}]", "the field `expires` is missing"),
        ("gaps: deny, exceptions: [{id: a, expires: never}]", "the field `reason` is missing"),
        ("gaps: deny, exceptions: [{id: a, reason: ' ', expires: never}]", "needs a reason"),
        (
            "gaps: deny, exceptions: [{reason: r, expires: never}]",
            ":7:43: an exception names what it is for",
        ),
        (
            "gaps: deny, exceptions: [{id: a, reason: r, expires: tomorrow}]",
            "`tomorrow` is not an expiry",
        ),
        ("gaps: deny, exceptions: [{id: a, reason: r, expires: 2026-02-30}]", "is not an expiry"),
        (
            "gaps: deny, exceptions: [{id: a, reason: r, expires: '2026-10-15T12:00'}]",
            "is not an expiry",
        ),
        (
            "anyOf: [{gaps: deny}], exceptions: [{id: a, reason: r, expires: never}]",
            "belong to its parts",
        ),
        ("signatures: {atLeast: 1}", "`signatures` is not supported by this version"),
        ("content: {user: nonroot}", "`content` is not supported by this version"),
        ("gaps: deny, gaps: deny", "the key `gaps` is there twice"),
        ("gaps: deny, name: x", "the key `name` is there twice"),
        ("gaps: [", ":"),
    ] {
        let error = error(&policy(&[rule]));
        if !error.starts_with("p.yaml:") || !error.contains(want) || error.contains('\n') {
            wrong.push(format!("{rule}\n  {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn errors_in_documents_say_where() {
    let good = policy(&["gaps: deny"]);
    for (from, to, want) in [
        ("v1alpha1", "v1", "p.yaml:1:13: `hullmark.io/v1` is not understood"),
        ("ClusterTrustPolicy", "TrustRoot", "p.yaml:2:7: unknown value `TrustRoot`"),
        ("kind: ClusterTrustPolicy\n", "", "the field `kind` is missing"),
        ("name: p", "name: P", "p.yaml:3:18: `P` is not a name"),
        ("name: p", "name: built-in/x", "is not a name"),
        ("name: p", "nam: p", "did you mean `name`?"),
        ("images: ['**']", "images: ['!**']", "`images` only excludes"),
        ("images: ['**']", "images: []", "`match` needs `images`"),
        ("images: ['**']", "images: ['**'], namespaces: {}", "`namespaces` is not supported"),
        ("images: ['**']", "images: ['**'], unmatched: yes", "p.yaml:5:"),
        ("  match", "  stages: {biuld: warn}\n  match", "did you mean `build`?"),
        ("  match", "  stages: {build: wran}\n  match", "did you mean `warn`?"),
        ("  match", "  extends: [x]\n  match", "p.yaml:5:12: `extends` is not supported"),
        ("  match: {images: ['**']}\n", "", "the field `match` is missing"),
        ("{name: r0, gaps: deny}", "{gaps: deny}", "p.yaml:7:7: the field `name` is missing"),
        ("spec:", "spec: &a\n  <<: *a", "p.yaml:"),
    ] {
        assert!(good.contains(from));
        let error = error(&good.replacen(from, to, 1));
        assert!(error.contains(want), "{to}\n  {error}");
    }
    let rules = policy(&["gaps: deny", "gaps: deny"]).replace("r1", "r0");
    assert!(error(&rules).contains("p.yaml:8:7: the rule `r0` is there twice"));
    assert_eq!(error(&policy(&[])), "p.yaml:6:10: expected sequence start");
    let none = error(&policy(&[]).replace("require:", "require: []"));
    assert!(none.starts_with("p.yaml:5:3: a policy without rules"), "{none}");
    assert!(
        error(&format!("{good}---\n{good}")).contains("p.yaml:9:1: the policy `p` is there twice")
    );
    for empty in ["", "---\n", "# nothing\n"] {
        assert_eq!(error(empty), "p.yaml: there is no policy in it");
    }
}

#[test]
fn several_documents_texts_and_json_are_read() {
    let one = policy(&["gaps: deny"]);
    let two = one.replace("name: p", "name: q");
    let both = parse(&format!("{one}---\n{two}"));
    assert_eq!(both.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["p", "q"]);
    let namespaced = one
        .replace("ClusterTrustPolicy", "TrustPolicy")
        .replace("name: p", "name: p, namespace: shop, labels: {a: b}, annotations: {c: d}");
    assert_eq!(parse(&namespaced).iter().next().unwrap().id, "shop/p");
    let all = Policies::parse_all([("b", one.as_str()), ("a", two.as_str())]).unwrap();
    let turned = Policies::parse_all([("a", two.as_str()), ("b", one.as_str())]).unwrap();
    assert_eq!(all, turned);
    assert_eq!(all.hash(), turned.hash());
    assert_ne!(all.hash(), both.hash());
    let twice = Policies::parse_all([("a", one.as_str()), ("b", one.as_str())]).unwrap_err();
    assert_eq!(twice.to_string(), "b: the policy `p` is there twice");
    let json = r#"{
	"apiVersion": "hullmark.io\/v1alpha1", "kind": "ClusterTrustPolicy", "metadata": {"name": "p"},
	"spec": {"match": {"images": ["**"]}, "require": [{"name": "r0", "gaps": "deny"}]}
}"#;
    let (yaml, json) = (parse(&one), parse(json));
    assert!(yaml.iter().eq(json.iter()), "the same policy in two notations");
}

#[test]
fn hostile_texts_are_refused_in_bounded_time() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let list = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{list}]\n"));
    }
    let deep = format!("{}gaps: deny{}", "anyOf: [{".repeat(10_000), "}]".repeat(10_000));
    let exceptions = "gaps: deny, exceptions: [".to_owned()
        + &"{id: a, reason: r, expires: never}, ".repeat(200_000)
        + "]";
    for text in [
        bomb.clone(),
        format!(
            "apiVersion: x\nkind: ClusterTrustPolicy\nmetadata:\n  labels:\n    {}",
            bomb.replace('\n', "\n    ")
        ),
        policy(&[&deep]),
        policy(&[&exceptions]),
        "[".repeat(1_000_000),
        "- ".repeat(1_000_000),
        "---\n".repeat(100_000),
        "&a *a".to_owned(),
        " ".repeat(5_000_000),
        "\u{0}".to_owned(),
        "!!binary x: y".to_owned(),
    ] {
        let start: String = text.chars().take(40).collect();
        Policies::parse(&text, "p.yaml").expect_err(&start);
    }
    let large = Policies::parse(&" ".repeat(5_000_000), "p").unwrap_err();
    assert!(matches!(large.problem, PolicyProblem::TooLarge(_)));
}
