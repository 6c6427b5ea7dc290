//! `os-release`: which distribution, in which release; and the older files that say it where `os-release` is missing.

use std::borrow::Cow;

use hullmark_oci::FilePath;
use serde::{Deserialize, Serialize};

/// The fields of `os-release` that matter for matching and for people.
///
/// See: os-release(5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OsRelease {
    /// `ID`, lower case: `debian`, `alpine`, `rhel`, `sles`. Empty if the file names none.
    pub id: String,
    /// `ID_LIKE`, split at spaces. Never used for matching unless asked for.
    pub id_like: Vec<String>,
    /// `VERSION_ID`; empty for rolling releases.
    pub version_id: String,
    /// `VERSION_CODENAME`.
    pub codename: Option<String>,
    /// `PRETTY_NAME`.
    pub pretty_name: Option<String>,
    /// `VARIANT_ID`.
    pub variant_id: Option<String>,
    /// `CPE_NAME`.
    pub cpe: Option<String>,
}

/// Files that name the operating system, most telling first.
///
/// os-release(5) puts `etc` before `usr/lib`. The files after those two are older and coarser. Those that other distributions
/// carry as well for compatibility (`redhat-release`, `lsb-release`, `debian_version`) come after those that only one has.
const SOURCES: &[(&str, Format)] = &[
    ("etc/os-release", Format::OsRelease),
    ("usr/lib/os-release", Format::OsRelease),
    ("etc/initrd-release", Format::OsRelease),
    ("etc/alpine-release", Format::Version("alpine")),
    ("etc/oracle-release", Format::Sentence),
    ("etc/centos-release", Format::Sentence),
    ("etc/rocky-release", Format::Sentence),
    ("etc/almalinux-release", Format::Sentence),
    ("etc/fedora-release", Format::Sentence),
    ("etc/system-release", Format::Sentence),
    ("etc/SuSE-release", Format::Sentence),
    ("etc/photon-release", Format::Sentence),
    ("etc/mariner-release", Format::Sentence),
    ("etc/azurelinux-release", Format::Sentence),
    ("etc/redhat-release", Format::Sentence),
    ("etc/slackware-version", Format::Sentence),
    ("etc/gentoo-release", Format::Sentence),
    ("etc/arch-release", Format::Exists("arch")),
    ("etc/lsb-release", Format::Lsb),
    ("etc/debian_version", Format::Version("debian")),
];

/// How a file of [`SOURCES`] is written.
#[derive(Clone, Copy)]
enum Format {
    /// Shell assignments, the keys of os-release(5).
    OsRelease,
    /// Shell assignments, `DISTRIB_ID` and friends.
    Lsb,
    /// Nothing but the version of the distribution that is named here.
    Version(&'static str),
    /// `NAME release VERSION (CODENAME)`.
    Sentence,
    /// Says it by existing.
    Exists(&'static str),
}

/// Distributions by how their release sentence begins, lower case, longest first where one begins another.
const SENTENCES: &[(&str, &str)] = &[
    ("almalinux", "almalinux"),
    ("amazon linux", "amzn"),
    ("azure linux", "azurelinux"),
    ("cbl-mariner", "mariner"),
    ("centos", "centos"),
    ("fedora", "fedora"),
    ("gentoo", "gentoo"),
    ("microsoft azure linux", "azurelinux"),
    ("opensuse", "opensuse"),
    ("oracle linux", "ol"),
    ("enterprise linux enterprise linux", "ol"),
    ("red hat enterprise linux", "rhel"),
    ("rocky linux", "rocky"),
    ("scientific linux", "scientific"),
    ("slackware", "slackware"),
    ("suse linux enterprise", "sles"),
    ("vmware photon", "photon"),
];

impl OsRelease {
    /// Reads the text of an `os-release` file. `None` if it assigns none of the fields.
    ///
    /// Quoting is the shell's. A field that is set twice has its last value, as in a shell.
    pub fn parse(text: &str) -> Option<Self> {
        let mut os = Self::default();
        let mut any = false;
        for (key, value) in assignments(text) {
            any = true;
            match key {
                "ID" => os.id = value.to_ascii_lowercase(),
                "ID_LIKE" => os.id_like = words(&value),
                "VERSION_ID" => os.version_id = value.into_owned(),
                "VERSION_CODENAME" => os.codename = non_empty(value),
                "PRETTY_NAME" => os.pretty_name = non_empty(value),
                "VARIANT_ID" => os.variant_id = non_empty(value),
                "CPE_NAME" => os.cpe = non_empty(value),
                _ => {}
            }
        }
        any.then_some(os)
    }

    /// Reads any of the files that name an operating system, by its path. `None` if it is none of them or says nothing.
    pub fn parse_file(path: &str, text: &str) -> Option<Self> {
        let (_, format) = SOURCES.iter().find(|(source, _)| *source == path)?;
        match *format {
            Format::OsRelease => Self::parse(text),
            Format::Lsb => parse_lsb(text),
            Format::Version(id) => parse_version(id, text.trim()),
            Format::Sentence => parse_sentence(text),
            Format::Exists(id) => Some(Self { id: id.into(), ..Self::default() }),
        }
    }

    /// Whether a file at `path` may name the operating system.
    pub fn is_source(path: &str) -> bool {
        (path.starts_with("etc/") || path.starts_with("usr/lib/"))
            && SOURCES.iter().any(|(source, _)| *source == path)
    }
}

/// Chooses among what the files of one image say: the most telling file that names a distribution, or else the most telling.
pub fn assemble_os<'a>(
    records: impl Iterator<Item = (&'a FilePath, &'a OsRelease)>,
) -> Option<OsRelease> {
    let rank = |path: &str| SOURCES.iter().position(|(source, _)| *source == path);
    records
        .min_by_key(|(path, os)| (os.id.is_empty(), rank(path).unwrap_or(SOURCES.len()), *path))
        .map(|(_, os)| os.clone())
}

fn non_empty(value: Cow<'_, str>) -> Option<String> {
    (!value.is_empty()).then(|| value.into_owned())
}

fn words(value: &str) -> Vec<String> {
    value.split_ascii_whitespace().map(str::to_ascii_lowercase).collect()
}

fn parse_lsb(text: &str) -> Option<OsRelease> {
    let mut os = OsRelease::default();
    for (key, value) in assignments(text) {
        match key {
            "DISTRIB_ID" => os.id = value.to_ascii_lowercase(),
            "DISTRIB_RELEASE" => os.version_id = value.into_owned(),
            "DISTRIB_CODENAME" => os.codename = non_empty(value),
            "DISTRIB_DESCRIPTION" => os.pretty_name = non_empty(value),
            _ => {}
        }
    }
    (!os.id.is_empty()).then_some(os)
}

/// `12.5`, `3.19.1` or, for a Debian that is not released yet, `trixie/sid`.
fn parse_version(id: &str, text: &str) -> Option<OsRelease> {
    let text = text.lines().next().unwrap_or_default().trim();
    if text.is_empty() {
        return None;
    }
    let mut os = OsRelease { id: id.into(), ..OsRelease::default() };
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        os.codename = text.split('/').next().map(str::to_owned);
    } else if id == "debian" {
        // os-release of Debian has had the major version only since release 7.
        os.version_id = text.split('.').next().unwrap_or_default().into();
    } else {
        os.version_id = text.into();
    }
    Some(os)
}

/// `CentOS Linux release 7.9.2009 (Core)`, and the `VERSION = 11` and `PATCHLEVEL = 4` lines that SUSE puts below.
fn parse_sentence(text: &str) -> Option<OsRelease> {
    let mut lines = text.lines().map(str::trim);
    let sentence = lines.next().filter(|line| !line.is_empty())?;
    let lower = sentence.to_ascii_lowercase();
    let id = SENTENCES.iter().find(|(start, _)| lower.starts_with(start)).map(|(_, id)| *id)?;
    let version = sentence
        .split_ascii_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or_default();
    let mut os = OsRelease {
        id: id.into(),
        version_id: version.into(),
        pretty_name: Some(sentence.into()),
        ..OsRelease::default()
    };
    for line in lines {
        match line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
            Some(("VERSION", value)) => os.version_id = value.into(),
            Some(("PATCHLEVEL", value)) if !matches!(value, "" | "0") => {
                os.version_id = format!("{}.{value}", os.version_id);
            }
            _ => {}
        }
    }
    Some(os)
}

/// The `KEY=value` lines of a shell fragment. Lines that are something else are passed over, as a shell's errors would be.
fn assignments(text: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    text.strip_prefix('\u{feff}').unwrap_or(text).lines().filter_map(|line| {
        let (key, value) = line.trim_start().split_once('=')?;
        let is_name = !key.is_empty()
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !key.starts_with(|c: char| c.is_ascii_digit());
        is_name.then(|| (key, unquote(value)))
    })
}

/// The first word of `text` as a shell reads it; a quote that is never closed lasts to the end of the line.
///
/// See: POSIX.1-2017 Shell Command Language §2.2 "Quoting".
fn unquote(text: &str) -> Cow<'_, str> {
    let special = |c: char| matches!(c, '\'' | '"' | '\\') || c.is_ascii_whitespace();
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut word = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '\\') => word.extend(rest.next()),
            (Some('"'), '\\') => match rest.next() {
                Some(escaped @ ('$' | '`' | '"' | '\\')) => word.push(escaped),
                Some(other) => word.extend(['\\', other]),
                None => word.push('\\'),
            },
            (None, c) if c.is_ascii_whitespace() => break,
            (_, c) => word.push(c),
        }
    }
    Cow::Owned(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_is_the_shells() {
        for (text, want) in [
            ("plain", "plain"),
            ("", ""),
            ("\"two words\"", "two words"),
            ("'single $x \\n'", "single $x \\n"),
            ("\"a \\\"b\\\" \\$c \\`d\\` \\\\ \\n\"", "a \"b\" $c `d` \\ \\n"),
            ("a\\ b c", "a b"),
            ("de\"bi\"'an'", "debian"),
            ("\"unclosed quote", "unclosed quote"),
            ("x # comment", "x"),
            ("trailing\\", "trailing"),
        ] {
            assert_eq!(unquote(text), want, "{text}");
        }
    }

    #[test]
    fn odd_lines_are_passed_over() {
        let text = "# ID=no\n  ID=\"Debian\"\r\n\n=x\n9A=x\nA-B=x\nID_LIKE='Ubuntu  suse'\nVERSION_ID='12'\r\n";
        let os = OsRelease::parse(text).unwrap();
        assert_eq!((os.id.as_str(), os.version_id.as_str()), ("debian", "12"));
        assert_eq!(os.id_like, ["ubuntu", "suse"]);
        assert_eq!(OsRelease::parse("\u{feff}ID=a\nID=b\n").unwrap().id, "b");
        assert_eq!(OsRelease::parse("no assignment\n"), None);
        assert_eq!(OsRelease::parse(""), None);
    }

    #[test]
    fn older_files_name_the_distribution_too() {
        for (path, text, want) in [
            ("etc/alpine-release", "3.10.4\n", Some(("alpine", "3.10.4", None))),
            ("etc/debian_version", "12.5\n", Some(("debian", "12", None))),
            ("etc/debian_version", "trixie/sid\n", Some(("debian", "", Some("trixie")))),
            ("etc/debian_version", "\n", None),
            ("etc/centos-release", "CentOS release 6.10 (Final)\n", Some(("centos", "6.10", None))),
            (
                "etc/redhat-release",
                "Red Hat Enterprise Linux Server release 7.9 (Maipo)\n",
                Some(("rhel", "7.9", None)),
            ),
            ("etc/oracle-release", "Oracle Linux Server release 6.8\n", Some(("ol", "6.8", None))),
            (
                "etc/system-release",
                "Amazon Linux AMI release 2018.03\n",
                Some(("amzn", "2018.03", None)),
            ),
            (
                "etc/SuSE-release",
                "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n",
                Some(("sles", "11.4", None)),
            ),
            (
                "etc/lsb-release",
                "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=14.04\nDISTRIB_CODENAME=trusty\n",
                Some(("ubuntu", "14.04", Some("trusty"))),
            ),
            ("etc/lsb-release", "LSB_VERSION=1.4\n", None),
            ("etc/arch-release", "", Some(("arch", "", None))),
            ("etc/redhat-release", "Something else 7\n", None),
            ("etc/issue", "Debian 12\n", None),
        ] {
            let os = OsRelease::parse_file(path, text);
            let got =
                os.as_ref().map(|o| (o.id.as_str(), o.version_id.as_str(), o.codename.as_deref()));
            assert_eq!(got, want, "{path} {text:?}");
        }
    }

    #[test]
    fn the_most_telling_file_wins_whatever_the_order() {
        let os = |id: &str| OsRelease { id: id.into(), ..OsRelease::default() };
        let all = [
            (FilePath::from("etc/debian_version"), os("debian")),
            (FilePath::from("usr/lib/os-release"), os("ubuntu")),
            (FilePath::from("etc/os-release"), os("")),
        ];
        let choose = |order: &[usize]| {
            assemble_os(order.iter().map(|&i| (&all[i].0, &all[i].1))).map(|o| o.id)
        };
        assert_eq!(choose(&[0, 1, 2]).as_deref(), Some("ubuntu"));
        assert_eq!(choose(&[2, 1, 0]).as_deref(), Some("ubuntu"));
        assert_eq!(choose(&[0, 2]).as_deref(), Some("debian"));
        assert_eq!(choose(&[2]).as_deref(), Some(""));
        assert_eq!(choose(&[]), None);
    }
}
