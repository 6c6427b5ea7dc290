//! The examples of `docs/reports.md` are what the program writes of the tests' data.

use std::path::Path;

use hullmark_evidence::report::{Format, Options, Template, render};

use crate::data::evidence;

#[test]
fn examples_are_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reports.md");
    let page = std::fs::read_to_string(path).unwrap();
    let block = |after: &str, fence: &str| -> String {
        let (_, rest) = page.split_once(after).unwrap_or_else(|| panic!("{after} is missing"));
        let (_, rest) = rest.split_once(&format!("{fence}\n")).unwrap();
        rest.split_once("\n```").unwrap().0.to_owned()
    };
    let show = |format, options: &Options| {
        String::from_utf8(render(&[evidence()], format, options).unwrap()).unwrap()
    };
    let table = show(Format::Table, &Options::default());
    assert_eq!(block("## table", "```text").trim(), table.trim());
    let markdown = show(Format::Markdown, &Options::default());
    let example = block("## markdown", "```markdown");
    assert!(markdown.starts_with(example.trim()), "{markdown}");
    for (title, format) in [
        ("## json", Format::Json),
        ("## sarif", Format::Sarif),
        ("## cyclonedx", Format::CycloneDx),
        ("## spdx", Format::Spdx),
        ("## cosign-vuln", Format::CosignVuln),
    ] {
        // Examples are cut; every line of them that holds a value is a line of the document.
        let document = show(format, &Options::default());
        let lines: Vec<&str> = document.lines().map(|l| l.trim().trim_end_matches(',')).collect();
        for line in block(title, "```json").lines() {
            let line = line.trim().trim_end_matches(',');
            let is_value = line.contains(": ") && !line.contains('…');
            assert!(!is_value || lines.contains(&line), "{title}: {line}");
        }
    }
    let text = block("## template", "```jinja");
    let template = Some(Template { name: "findings.csv".into(), text });
    let csv = show(Format::Template, &Options { template, ..Options::default() });
    assert_eq!(block("This gives:", "```text").trim(), csv.trim());
}
