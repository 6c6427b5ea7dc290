//! Documents and the errors in them.

use hullmark_policy::Policies;

use crate::support::policy;

#[track_caller]
fn error(text: &str) -> String {
    Policies::parse(text, "p.yaml").expect_err(text).to_string()
}

#[test]
fn errors_say_where_and_what_was_meant() {
    let start = policy(&[]);
    let lines = start.lines().count();
    for (rule, want) in [
        ("vulnerabilities: {deny: [{severty: high}]}", "p.yaml:7:44: unknown field `severty`; did you mean `severity`?"),
    ] {
        assert_eq!(error(&policy(&[rule])), want, "{lines}");
    }
}
