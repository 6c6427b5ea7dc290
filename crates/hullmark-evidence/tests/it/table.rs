//! The table.

use hullmark_advisory::Severity;
use hullmark_evidence::Evidence;
use hullmark_evidence::report::{Format, Options, Sort, render};

use crate::data::{empty, evidence, hostile};

fn table(evidence: &[Evidence], options: &Options) -> String {
    String::from_utf8(render(evidence, Format::Table, options).unwrap()).unwrap()
}

#[test]
fn a_page_says_what_matters() {
    insta::assert_snapshot!(table(&[evidence()], &Options::default()), @r##"
    registry.example.com/shop/web:1.2
    sha256:05b3abf2579a linux/amd64 Debian GNU/Linux 12 (bookworm)
    3 packages: 2 deb, 1 npm

    5 open findings, 3 fixable (fixable/all: critical 2/3, high 1/1, low 0/1)
    2 known to be exploited (KEV), 1 malicious (MAL), 1 undetermined, 2 suppressed,
      2 gaps

    SEVERITY ID            PACKAGE      INSTALLED        FIXED IN         MARKS
    critical CVE-2026-0001 libssl3 +1   3.0.11-1~deb12u1 3.0.11-1~deb12u2 KEV 97%
    critical MAL-2026-17   @acme/colors 1.4.1            -                MAL
    high     CVE-2026-0002 libssl3      3.0.11-1~deb12u1 3.0.13-1~deb12u1
    low      CVE-2026-0004 openssl      3.0.11-1~deb12u1 no-dsa

    UNDETERMINED: neither found nor ruled out
      GHSA-dddd-eeee-ffff @acme/colors 1.4.1: `1.x` is no version

    UPGRADES that fix most
      openssl 3.0.11-1~deb12u1 → 3.0.13-1~deb12u1 fixes 3 (2 critical, 1 high)

    LAYERS: the base layer carries 4 of 5 findings (3 fixable)
      1/2: 4 (3 fixable) ADD file:0123456789abcdef in /
      2/2: 1 (0 fixable) RUN /bin/sh -c npm ci --omit=dev

    GAPS: not analysed (1 encrypted, 1 no-advisories)
      no-advisories: no advisories for npm
      encrypted srv/old.jar: an entry is encrypted
    "##);
}

#[test]
fn suppressed_findings_are_shown_when_asked_for() {
    let options = Options { show_suppressed: true, ..Options::default() };
    let text = table(&[evidence()], &options);
    let at = text.find("SUPPRESSED").unwrap();
    insta::assert_snapshot!(text[at..].split("\n\n").next().unwrap(), @r##"
    SUPPRESSED
      medium CVE-2026-0003 openssl 3.0.11-1~deb12u1: vulnerable code not in execute
        path (vex.json) until 2026-12-31
      medium CVE-2026-0006 openssl 3.0.11-1~deb12u1: accepted, SEC-1 (ignore.yaml)
    "##);
}

#[test]
fn what_filters_hide_is_counted() {
    let options =
        Options { severities: vec![Severity::Critical], only_fixable: true, ..Options::default() };
    insta::assert_snapshot!(table(&[evidence()], &options), @r##"
    registry.example.com/shop/web:1.2
    sha256:05b3abf2579a linux/amd64 Debian GNU/Linux 12 (bookworm)
    3 packages: 2 deb, 1 npm

    5 open findings, 3 fixable (fixable/all: critical 2/3, high 1/1, low 0/1)
    2 known to be exploited (KEV), 1 malicious (MAL), 1 undetermined, 2 suppressed,
      2 gaps
    Shown: critical, fixable; not shown: 4

    SEVERITY ID            PACKAGE    INSTALLED        FIXED IN         MARKS
    critical CVE-2026-0001 libssl3 +1 3.0.11-1~deb12u1 3.0.11-1~deb12u2 KEV 97%

    UPGRADES that fix most
      openssl 3.0.11-1~deb12u1 → 3.0.11-1~deb12u2 fixes 2 (2 critical)

    LAYERS: the base layer carries 2 of 2 findings (2 fixable)
      1/2: 2 (2 fixable) ADD file:0123456789abcdef in /

    GAPS: not analysed (1 encrypted, 1 no-advisories)
      no-advisories: no advisories for npm
      encrypted srv/old.jar: an entry is encrypted
    "##);
}

#[test]
fn orders_differ() {
    let ids = |sort| {
        let text = table(&[evidence()], &Options { sort, ..Options::default() });
        let (_, list) = text.split_once("MARKS\n").unwrap();
        let (list, _) = list.split_once("\n\n").unwrap();
        let ids = list.lines().map(|l| l.split_whitespace().nth(1).unwrap().to_owned());
        ids.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids(Sort::Risk), "CVE-2026-0001 MAL-2026-17 CVE-2026-0002 CVE-2026-0004");
    assert_eq!(ids(Sort::Severity), "CVE-2026-0001 MAL-2026-17 CVE-2026-0002 CVE-2026-0004");
    assert_eq!(ids(Sort::Epss), "CVE-2026-0001 CVE-2026-0002 MAL-2026-17 CVE-2026-0004");
}

#[test]
fn nothing_is_said_where_nothing_is_known() {
    insta::assert_snapshot!(table(&[empty()], &Options::default()), @r##"
    dir:/srv
    0 packages

    No open findings
    "##);
}

#[test]
fn every_line_fits_and_nothing_steers_the_terminal() {
    for columns in [0, 60, 80, 132] {
        let options = Options { columns, show_suppressed: true, ..Options::default() };
        let width = if columns == 0 { 80 } else { columns };
        for evidence in [evidence(), hostile(), empty()] {
            for line in table(&[evidence.clone(), evidence], &options).lines() {
                assert!(line.chars().count() <= width, "{columns}: {line}");
                assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
            }
        }
    }
}

#[test]
fn color_adds_nothing_but_color() {
    let color = table(&[evidence()], &Options { color: true, ..Options::default() });
    assert!(color.contains("\u{1b}[1;31mcritical\u{1b}[0m CVE-2026-0001"), "{color}");
    let mut plain = String::new();
    for part in color.split('\u{1b}') {
        plain += part.split_once('m').filter(|_| part.starts_with('[')).map_or(part, |(_, p)| p);
    }
    assert_eq!(plain, table(&[evidence()], &Options::default()));
}
