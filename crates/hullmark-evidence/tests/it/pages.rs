//! Markdown and HTML: what they say, and that nothing an image says becomes markup.

use hullmark_advisory::Severity;
use hullmark_evidence::Evidence;
use hullmark_evidence::report::{Format, Options, render};

use crate::data::{empty, evidence, hostile};

fn page(evidence: &[Evidence], format: Format, options: &Options) -> String {
    String::from_utf8(render(evidence, format, options).unwrap()).unwrap()
}

fn shown() -> Options {
    Options { show_suppressed: true, ..Options::default() }
}

#[test]
fn markdown_fits_a_comment() {
    insta::assert_snapshot!(page(&[evidence()], Format::Markdown, &shown()), @r##"
    ## `registry.example.com/shop/web:1.2`

    `sha256:05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f` · `linux/amd64` · `Debian GNU/Linux 12 (bookworm)` · 3 packages

    | | 🟥 critical | 🟧 high | 🟦 low | all |
    |:--|--:|--:|--:|--:|
    | open | 3 | 1 | 1 | 5 |
    | fixable | 2 | 1 | 0 | 3 |

    2 **known to be exploited** · 1 **malicious** · 1 undetermined · 2 suppressed · 2 not analysed

    | severity | id | package | installed | fixed in | |
    |:--|:--|:--|:--|:--|:--|
    | 🟥 critical | [`CVE-2026-0001`](<https://example.com/CVE-2026-0001>) | `libssl3` +1 | `3.0.11-1~deb12u1` | `3.0.11-1~deb12u2` | **KEV** EPSS 97% |
    | 🟥 critical | `MAL-2026-17` | `@acme/colors` | `1.4.1` | – | **malware** |
    | 🟧 high | `CVE-2026-0002` | `libssl3` | `3.0.11-1~deb12u1` | `3.0.13-1~deb12u1` |  |
    | 🟦 low | `CVE-2026-0004` | `openssl` | `3.0.11-1~deb12u1` | `no-dsa` |  |

    <details><summary>Upgrades that fix most</summary>

    - `openssl` `3.0.11-1~deb12u1` → `3.0.13-1~deb12u1` fixes 3 (2 critical, 1 high)

    </details>

    <details><summary>Layers: the base layer carries 4 of 5 findings (3 fixable)</summary>

    - 1/2: 4 (3 fixable) `ADD file:0123456789abcdef in /`
    - 2/2: 1 (0 fixable) `RUN /bin/sh -c npm ci --omit=dev`

    </details>

    <details><summary>1 undetermined: neither found nor ruled out</summary>

    - `GHSA-dddd-eeee-ffff` `@acme/colors` `1.4.1`: \`1\.x\` is no version

    </details>

    <details><summary>2 suppressed</summary>

    - `CVE-2026-0003` `openssl`: vulnerable code not in execute path (`vex.json`)
    - `CVE-2026-0006` `openssl`: accepted, SEC\-1 (`ignore.yaml`)

    </details>

    <details><summary>2 not analysed</summary>

    - no-advisories no advisories for npm
    - encrypted `srv/old.jar` an entry is encrypted

    </details>
    "##);
    insta::assert_snapshot!(page(&[empty()], Format::Markdown, &shown()), @r##"
    ## `dir:/srv`

    0 packages

    **No open findings**
    "##);
}

#[test]
fn many_findings_are_folded_and_cut() {
    let mut many = evidence();
    let one = many.findings[3].clone();
    many.findings = (0..200)
        .map(|at| {
            let mut finding = one.clone();
            finding.id = format!("CVE-2026-{at:04}");
            finding
        })
        .collect();
    let text = page(&[many], Format::Markdown, &Options::default());
    let (open, folded) = text.split_once("<details><summary>175 more</summary>").unwrap();
    assert_eq!(open.matches("CVE-2026-").count(), 25);
    assert_eq!(folded.matches("CVE-2026-").count(), 100);
    assert!(folded.contains("and 75 more"));
}

#[test]
fn markdown_of_a_hostile_image_has_the_same_marks() {
    let text = page(&[hostile()], Format::Markdown, &shown());
    let calm = page(&[evidence()], Format::Markdown, &shown());
    // The table has as many columns in every row as in its head.
    for line in text.lines().filter(|l| l.starts_with("| 🟥") || l.starts_with("| 🟧")) {
        assert_eq!(line.replace("\\|", "").matches('|').count(), 7, "{line}");
    }
    // Outside code spans nothing is left of the markup, the links and the mentions.
    let outside =
        |text: &str| -> String { text.lines().map(|line| without_code(line) + "\n").collect() };
    let (hostile, calm) = (outside(&text), outside(&calm));
    for mark in ["<script", "![", "](http", "@all"] {
        assert_eq!(hostile.matches(mark).count(), 0, "{mark}: {hostile}");
    }
    for mark in ["<details>", "\n## ", "\n| "] {
        assert_eq!(
            format!("\n{hostile}").matches(mark).count(),
            format!("\n{calm}").matches(mark).count(),
            "{mark}"
        );
    }
}

/// Takes the code spans out of a line, as CommonMark finds them: a run of backticks to the next run of the same length.
fn without_code(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(start) = rest.find('`') {
        out += &rest[..start];
        // An escaped backtick opens nothing.
        if out.ends_with('\\') {
            rest = &rest[start + 1..];
            continue;
        }
        let run = rest[start..].bytes().take_while(|b| *b == b'`').count();
        let mut at = start + run;
        let end = loop {
            let Some(next) = rest[at..].find('`').map(|n| n + at) else {
                break None;
            };
            let length = rest[next..].bytes().take_while(|b| *b == b'`').count();
            at = next + length;
            if length == run {
                break Some(at);
            }
        };
        let end = end.unwrap_or_else(|| panic!("an open code span in {line}"));
        rest = &rest[end..];
    }
    out + rest
}

#[test]
fn html_stands_alone() {
    let text = page(&[evidence(), empty()], Format::Html, &shown());
    assert!(text.starts_with("<!doctype html>"));
    assert!(text.contains("default-src 'none'; style-src 'unsafe-inline'"));
    for outside in
        ["<script", "<img", "<link", "<iframe", "url(", "@import", " src=", "javascript:"]
    {
        assert!(!text.contains(outside), "{outside}");
    }
    for said in [
        "registry.example.com/shop/web:1.2",
        "CVE-2026-0001",
        "exploited since 2026-01-10, ransomware",
        "EPSS 97%",
        "malware",
        "`1.x` is no version",
        "vulnerable code not in execute path (vex.json, until 2026-12-31)",
        "fixes 3 (2 critical, 1 high)",
        "the base layer carries 4 of 5 findings (3 fixable)",
        "srv/old.jar",
        "dir:/srv",
    ] {
        assert!(text.contains(said), "{said}");
    }
    let limited = Options { severities: vec![Severity::Low], ..Options::default() };
    let text = page(&[evidence()], Format::Html, &limited);
    assert!(text.contains("Limited to: low") && text.contains("<b>5</b><span>not shown"));
    assert!(text.contains("<b>1</b><span>undetermined"));
}

#[test]
fn html_of_a_hostile_image_has_the_same_elements() {
    // Names of elements and of their attributes, in order; texts and values left out.
    let skeleton = |text: &str| -> Vec<String> {
        let (_, body) = text.split_once("</style>").unwrap();
        let tags = body.split('<').skip(1);
        tags.map(|tag| {
            let tag = tag.split('>').next().unwrap();
            tag.split('"').step_by(2).collect::<Vec<_>>().join("_")
        })
        .collect()
    };
    let mut calm = evidence();
    // The same number of lines in every list.
    for finding in &mut calm.findings {
        finding.aliases = vec!["x".into()];
        finding.summary = "x".into();
        finding.references.clear();
    }
    let (hostile, calm) =
        (page(&[hostile()], Format::Html, &shown()), page(&[calm], Format::Html, &shown()));
    let fixes = |tags: Vec<String>| -> Vec<String> {
        tags.into_iter().filter(|t| !t.contains("code") && !t.contains("li")).collect()
    };
    assert_eq!(fixes(skeleton(&hostile)), fixes(skeleton(&calm)));
    assert!(!hostile.contains("<script") && hostile.contains("&lt;script&gt;"));
    assert!(!hostile.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'));
}
