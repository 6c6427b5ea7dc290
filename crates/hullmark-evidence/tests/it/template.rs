//! Templates of one's own.

use hullmark_evidence::report::{Format, Options, Template, render};

use crate::data::{evidence, hostile};

fn run(name: &str, text: &str) -> Result<String, String> {
    let template = Template { name: name.into(), text: text.into() };
    let options = Options { template: Some(template), ..Options::default() };
    let bytes = render(&[evidence(), hostile()], Format::Template, &options);
    bytes.map(|b| String::from_utf8(b).unwrap()).map_err(|e| e.to_string())
}

#[test]
fn variables_are_those_of_the_json_document() {
    let text = "\
{%- set image = images[0] -%}
{{ schema }} {{ image.subject.name }} {{ image.totals.open.critical.total }}
{% for f in image.findings if f.status == 'open' -%}
{{ f.severity }},{{ f.id }},{{ f.package.purl }},{{ f.fix.version or f.fix.state }},{{ f.epss.score if f.epss }}
{% endfor -%}
{{ image.inventory.os.prettyName }}, {{ image.inventory.packages | length }} packages";
    insta::assert_snapshot!(run("list.csv", text).unwrap(), @r##"
    hullmark.findings/v1 registry.example.com/shop/web:1.2 3
    critical,CVE-2026-0001,pkg:deb/debian/libssl3@3.0.11-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl,3.0.11-1~deb12u2,0.97
    critical,CVE-2026-0001,pkg:deb/debian/openssl@3.0.11-1~deb12u1?arch=amd64&distro=debian-12,3.0.11-1~deb12u2,0.97
    critical,MAL-2026-17,pkg:npm/%40acme/colors@1.4.1,none,
    high,CVE-2026-0002,pkg:deb/debian/libssl3@3.0.11-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl,3.0.13-1~deb12u1,0.004
    low,CVE-2026-0004,pkg:deb/debian/openssl@3.0.11-1~deb12u1?arch=amd64&distro=debian-12,declined,
    Debian GNU/Linux 12 (bookworm), 3 packages
    "##);
}

#[test]
fn pages_are_escaped_and_texts_are_not() {
    let text = "{{ images[1].subject.name }}";
    assert!(run("a.html", text).unwrap().contains("&lt;script&gt;"));
    assert!(run("a.txt", text).unwrap().contains("<script>"));
    // What an image says is never a template.
    assert!(run("a.txt", text).unwrap().contains("{{ 7*7 }}"));
    let printable = run("a.txt", "{{ images[1].subject.name | printable }}").unwrap();
    let json = run("a.txt", "{{ images[0].findings[0].fix | tojson }}").unwrap();
    assert_eq!(json, r#"{"state": "available", "version": "3.0.11-1~deb12u2"}"#);
    assert!(printable.contains("x\\u{1b}[31m\\u{d}\\u{a}##"), "{printable}");
}

#[test]
fn mistakes_are_told_with_their_line() {
    for (text, want) in [
        ("a\n{% for %}", "line 2"),
        ("a\nb\n{{ imagse }}", "line 3"),
        ("{{ images | frobnicate }}", "unknown filter"),
        ("{% include 'other' %}", "failed to render `x.txt`"),
        (
            "{% for a in range(100000) %}{% for b in range(100000) %}{{ b }}{% endfor %}{% endfor %}",
            "fuel",
        ),
    ] {
        let error = run("x.txt", text).unwrap_err();
        assert!(error.contains(want), "{text}: {error}");
    }
    let error = render(&[evidence()], Format::Template, &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "the format `template` needs a template");
}
