//! From Go's module list to packages.

use hullmark_oci::FilePath;

use crate::package::{Package, PackageKind};

use super::go::BuildInfo;

/// Settings that are kept as properties, and their names there.
const SETTINGS: [(&str, &str); 8] = [
    ("CGO_ENABLED", "go.cgo"),
    ("GOARCH", "go.arch"),
    ("GOOS", "go.os"),
    ("GOEXPERIMENT", "go.experiment"),
    ("-tags", "go.tags"),
    ("vcs.modified", "vcs.modified"),
    ("vcs.revision", "vcs.revision"),
    ("vcs.time", "vcs.time"),
];

/// Bytes of a property; what is longer is not what it should be.
const MAX_PROPERTY: usize = 4096;

/// Returns the packages of a Go program, at most `limit`, and whether there would be more.
///
/// They are `stdlib` (the toolchain's version), the main module (property `go.main`) and the modules linked with it. A main
/// module that the linker knows only as `(devel)` gets the version that the builder passed with `-ldflags -X`, or one made of
/// its commit, as Go does it (property `go.version-from`: `ldflags` or `vcs`); otherwise none.
pub fn packages(info: &BuildInfo, path: &FilePath, limit: usize) -> (Vec<Package>, bool) {
    let list = ModuleList::parse(&info.modules, limit);
    let mut packages = vec![stdlib(&info.version, path)];
    let main = list.main.as_ref().map(|main| main_module(main, &list, path));
    let settings_go_to = usize::from(main.is_some());
    packages.extend(main);
    for (property, value) in list.properties() {
        packages[settings_go_to].set_property(property, value);
    }
    let room = limit.saturating_sub(packages.len());
    packages.extend(list.modules.iter().take(room).map(|module| module.package(path)));
    (packages, list.modules.len() > room)
}

#[derive(Default)]
struct ModuleList<'a> {
    program: &'a str,
    main: Option<Module<'a>>,
    modules: Vec<Module<'a>>,
    settings: Vec<(&'a str, String)>,
}

#[derive(Clone, Copy)]
struct Module<'a> {
    path: &'a str,
    version: &'a str,
    replaced_by: Option<(&'a str, &'a str)>,
}

impl<'a> ModuleList<'a> {
    /// See: Go source, `runtime/debug/mod.go` `ParseBuildInfo`.
    fn parse(text: &'a str, limit: usize) -> Self {
        let mut list = Self::default();
        for line in text.lines() {
            let mut words = line.split('\t');
            let (kind, first) = (words.next(), words.next().unwrap_or_default());
            let second = words.next().unwrap_or_default();
            let module = Module { path: first, version: second, replaced_by: None };
            // One more than wanted says that there are more.
            if list.modules.len() > limit {
                break;
            }
            match kind {
                Some("path") => list.program = first,
                Some("mod") => list.main = Some(module),
                Some("dep") => list.modules.push(module),
                Some("=>") => {
                    // It belongs to the line before.
                    if let Some(last) = list.modules.last_mut().or(list.main.as_mut()) {
                        last.replaced_by = Some((first, second));
                    }
                }
                Some("build") => {
                    let known = |(name, _): &(&str, String)| is_kept(name);
                    list.settings.extend(setting(&line["build\t".len()..]).filter(known));
                }
                _ => {}
            }
        }
        list
    }

    /// Returns a setting; empty if it is not there.
    fn setting(&self, name: &str) -> &str {
        self.settings.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str()).unwrap_or_default()
    }

    fn properties(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let program = std::iter::once(("go.path", self.program));
        let settings = SETTINGS.iter().map(|(name, property)| (*property, self.setting(name)));
        program.chain(settings).filter(|(_, value)| value.len() <= MAX_PROPERTY)
    }
}

fn is_kept(name: &str) -> bool {
    name == "-ldflags" || SETTINGS.iter().any(|(kept, _)| *kept == name)
}

/// Splits `key=value`, either of which may be quoted as in Go.
fn setting(text: &str) -> Option<(&str, String)> {
    let (key, value) = text.split_once('=')?;
    Some((key, unquote(value)))
}

fn unquote(text: &str) -> String {
    let quoted = |mark: char| text.strip_prefix(mark)?.strip_suffix(mark);
    if let Some(raw) = quoted('`') {
        return raw.into();
    }
    let Some(inner) = quoted('"') else { return text.into() };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                // `\x`, `\u` and the like do not occur in the settings that are looked at.
                Some(other) => plain.push(other),
                None => {}
            },
            other => plain.push(other),
        }
    }
    plain
}

impl Module<'_> {
    fn package(&self, path: &FilePath) -> Package {
        let new = |name, version| Package::new(PackageKind::Go, name, version, path);
        let real = |version| if version == "(devel)" { "" } else { version };
        match self.replaced_by {
            None => new(self.path, real(self.version)),
            // A folder has no version of its own, and its name means nothing to anybody else.
            Some((folder, _)) if folder.starts_with(['.', '/']) || folder.contains('\\') => {
                let mut package = new(self.path, "");
                package.set_property("go.replaced-by", folder);
                package.set_property("go.replaced-version", self.version);
                package
            }
            Some((other, version)) => {
                let mut package = new(other, real(version));
                package.set_property("go.replaces", format!("{}@{}", self.path, self.version));
                package
            }
        }
    }
}

fn stdlib(version: &str, path: &FilePath) -> Package {
    let mut package = Package::new(
        PackageKind::Go,
        "stdlib",
        toolchain_version(version).unwrap_or_default(),
        path,
    );
    package.set_property("go.version", version);
    package
}

/// Returns the release a toolchain says it is, as a semantic version as the Go vulnerability database orders them: `1.21.3` for
/// `go1.21.3 X:boringcrypto` and `go1.21.3-vendor.2`, `1.21.0-rc.2` for `go1.21rc2`, `1.22.0-devel` for `devel go1.22-4a5b6c`.
pub fn toolchain_version(text: &str) -> Option<String> {
    let (is_devel, rest) = match text.strip_prefix("devel ") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let rest = rest.strip_prefix("go")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (numbers, suffix) = (rest[..end].trim_end_matches('.'), &rest[end..]);
    let is_plain = numbers.split('.').all(|part| !part.is_empty());
    let parts = numbers.split('.').count();
    if !is_plain || !(2..=4).contains(&parts) {
        return None;
    }
    let full = || if parts == 2 { format!("{numbers}.0") } else { numbers.to_owned() };
    if is_devel {
        return Some(format!("{}-devel", full()));
    }
    for stage in ["rc", "beta"] {
        let Some(number) = suffix.strip_prefix(stage) else { continue };
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        if end > 0 {
            return Some(format!("{}-{stage}.{}", full(), &number[..end]));
        }
    }
    Some(numbers.into())
}

fn main_module(main: &Module<'_>, list: &ModuleList<'_>, path: &FilePath) -> Package {
    let mut package = main.package(path);
    package.set_property("go.main", "true");
    if !package.version.is_empty() || main.replaced_by.is_some() {
        return package;
    }
    let passed = passed_version(list.setting("-ldflags"), main.path);
    if let Some(version) = passed {
        package.version = version;
        package.set_property("go.version-from", "ldflags");
    } else if let Some(version) = pseudo_version(list) {
        package.version = version;
        package.set_property("go.version-from", "vcs");
    } else {
        package.set_property("go.version-from", "none");
    }
    package
}

/// Returns the version that the linker was told to write into a variable (`-X path.Name=value`).
///
/// A variable of the program or of its module says more than one of a library that is made for this purpose.
fn passed_version(flags: &str, module: &str) -> Option<String> {
    let mut best: Option<(u8, String)> = None;
    let words = shell_words(flags);
    for (index, word) in words.iter().enumerate() {
        let assignment = match word.trim_start_matches('-').strip_prefix('X') {
            Some("") => words.get(index + 1).map(String::as_str),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        let Some((variable, value)) = assignment.and_then(|a| a.split_once('=')) else { continue };
        let (Some(rank), Some(version)) = (rank(variable, module), release(value)) else {
            continue;
        };
        if best.as_ref().is_none_or(|(other, _)| rank < *other) {
            best = Some((rank, version));
        }
    }
    best.map(|(_, version)| version)
}

/// How much a variable's name says about the program's version: less is better.
fn rank(variable: &str, module: &str) -> Option<u8> {
    const LIBRARIES: [&str; 3] = [
        "github.com/prometheus/common/version",
        "k8s.io/component-base/version",
        "k8s.io/client-go/pkg/version",
    ];
    const NAMES: [&str; 8] = [
        "version",
        "gitversion",
        "buildversion",
        "appversion",
        "releaseversion",
        "fullversion",
        "versionnumber",
        "tag",
    ];
    let (package, name) = variable.rsplit_once('.')?;
    let by_name = NAMES.iter().position(|known| name.eq_ignore_ascii_case(known))?;
    let inside = package.strip_prefix(module).is_some_and(|r| r.is_empty() || r.starts_with('/'));
    let by_package = match package {
        "main" => 0,
        _ if inside => 1,
        _ if LIBRARIES.contains(&package) => 2,
        _ => return None,
    };
    u8::try_from(by_package * NAMES.len() + by_name).ok()
}

/// Returns a value as a module version (`v1.2.3`), if it is one.
fn release(value: &str) -> Option<String> {
    let number = value.strip_prefix('v').unwrap_or(value);
    let plain = number.len() <= 128
        && number.starts_with(|c: char| c.is_ascii_digit())
        && number.contains('.')
        && number.chars().all(|c| c.is_ascii_alphanumeric() || ".-+_~".contains(c));
    plain.then(|| format!("v{number}"))
}

/// Returns the version that Go gives to a commit without a tag.
///
/// See: Go modules reference, "Pseudo-versions".
fn pseudo_version(list: &ModuleList<'_>) -> Option<String> {
    let (revision, time) = (list.setting("vcs.revision"), list.setting("vcs.time"));
    let time: jiff::Timestamp = time.parse().ok()?;
    let short = revision.get(..12).filter(|r| r.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let time = time.strftime("%Y%m%d%H%M%S");
    let dirty = if list.setting("vcs.modified") == "true" { "+dirty" } else { "" };
    Some(format!("v0.0.0-{time}-{short}{dirty}"))
}

/// Splits flags as the go command does: at white space, except between quotes.
fn shell_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for character in text.chars() {
        match quote {
            Some(mark) if character == mark => quote = None,
            Some(_) => word.push(character),
            None if character == '\'' || character == '"' => quote = Some(character),
            None if character.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            None => word.push(character),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toolchains_have_releases() {
        for (text, want) in [
            ("go1.21.3", Some("1.21.3")),
            ("go1.20", Some("1.20")),
            ("go1.21.3 X:boringcrypto", Some("1.21.3")),
            ("go1.19.13 (Red Hat 1.19.13-2.el9)", Some("1.19.13")),
            ("go1.22.4-fips", Some("1.22.4")),
            ("go1.21rc2", Some("1.21.0-rc.2")),
            ("go1.18beta1", Some("1.18.0-beta.1")),
            ("devel go1.22-4a5b6c7d Tue Oct 10", Some("1.22.0-devel")),
            ("devel +abcdef", None),
            ("go1", None),
            ("go1..2", None),
            ("go", None),
            ("", None),
        ] {
            assert_eq!(toolchain_version(text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn the_builder_s_word_for_the_version_is_found() {
        let module = "example.com/app";
        for (flags, want) in [
            ("-s -w -X main.version=1.2.3", Some("v1.2.3")),
            ("-X=main.Version=v2.0.0-rc1", Some("v2.0.0-rc1")),
            ("-X 'main.buildVersion=1.0.0' -X main.date=2020.01.01", Some("v1.0.0")),
            ("-X example.com/app/internal/v.Version=3.1.4", Some("v3.1.4")),
            ("-X example.com/app/v.Version=3.1.4 -X main.version=4.0.0", Some("v4.0.0")),
            ("-X github.com/prometheus/common/version.Version=2.45.0", Some("v2.45.0")),
            ("-X example.com/application.Version=9.9.9", None),
            ("-X github.com/other/lib.Version=9.9.9", None),
            ("-X main.version=dev", None),
            ("-X main.version=", None),
            ("-X main.version", None),
            ("-X", None),
            ("-X 'main.version=1.2.3", Some("v1.2.3")),
        ] {
            assert_eq!(passed_version(flags, module).as_deref(), want, "{flags}");
        }
    }

    #[test]
    fn settings_are_unquoted() {
        for (text, want) in [
            ("-ldflags=\"-s -w\"", ("-ldflags", "-s -w")),
            ("-ldflags=`-X 'a=\"b\"'`", ("-ldflags", "-X 'a=\"b\"'")),
            ("-ldflags=\"-X \\\"a=b\\\"\"", ("-ldflags", "-X \"a=b\"")),
            ("GOOS=linux", ("GOOS", "linux")),
            ("X=\"", ("X", "\"")),
        ] {
            assert_eq!(setting(text), Some((want.0, want.1.to_owned())), "{text}");
        }
        assert_eq!(setting("none"), None);
    }
}
