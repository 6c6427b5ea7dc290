//! Ruby gems as installed: `specifications/**/*.gemspec`, which RubyGems writes itself, so their form is known.
//!
//! The `.gemspec` inside a gem's own folder is a program that builds a specification; it is not read.
//! See: RubyGems `Gem::Specification#to_ruby`, `Gem::StubSpecification`.

use hullmark_oci::FilePath;

use super::sink::Sink;
use crate::GapReason;
use crate::package::{Package, PackageKind};

/// Whether `path` is a specification that RubyGems wrote.
pub(super) fn wants(path: &FilePath) -> bool {
    path.ends_with(".gemspec")
        && (path.contains("/specifications/") || path.starts_with("specifications/"))
}

/// Reads a specification.
pub(super) fn specification(bytes: &[u8], sink: &mut Sink<'_>) {
    let text = String::from_utf8_lossy(bytes);
    let mut found = Specification::default();
    let mut stub = None;
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("# stub:") {
            stub = stub.or(Some(rest));
        } else if let Some((attribute, value)) = assignment(line) {
            found.set(attribute, value);
        }
    }
    if let Some(stub) = stub {
        found.complete(stub);
    }
    if found.name.is_empty() {
        return sink.gap(GapReason::Incomplete, "no name in the specification");
    }
    if found.version.is_empty() {
        sink.gap(GapReason::Incomplete, format!("no literal version of `{}`", found.name));
    }
    let mut package = Package::new(PackageKind::Gem, found.name, found.version, sink.path);
    package.arch = Some(found.platform).filter(|p| !p.is_empty() && p != "ruby");
    package.licenses = found.licenses;
    package.vendor = found.authors.into_iter().next();
    if sink.path.contains("/specifications/default/") {
        package.set_property("gem.default", "true");
    }
    sink.package(package);
}

#[derive(Debug, Default)]
struct Specification {
    name: String,
    version: String,
    platform: String,
    licenses: Vec<String>,
    authors: Vec<String>,
}

impl Specification {
    fn set(&mut self, attribute: &str, value: &str) {
        let field = match attribute {
            "name" => &mut self.name,
            "version" => &mut self.version,
            "platform" => &mut self.platform,
            "license" | "licenses" if self.licenses.is_empty() => {
                self.licenses = texts(value);
                return;
            }
            "author" | "authors" if self.authors.is_empty() => {
                self.authors = texts(value);
                return;
            }
            _ => return,
        };
        if field.is_empty() {
            *field = texts(value).into_iter().next().unwrap_or_default();
        }
    }

    /// Takes from `# stub: NAME VERSION PLATFORM PATHS` what no literal gave.
    fn complete(&mut self, stub: &str) {
        let mut words = stub.split_whitespace();
        for field in [&mut self.name, &mut self.version, &mut self.platform] {
            let word = words.next().unwrap_or_default();
            if field.is_empty() {
                *field = word.into();
            }
        }
    }
}

/// Splits `s.name = VALUE` into attribute and value.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (left, value) = line.split_once('=')?;
    let (variable, attribute) = left.trim_end().split_once('.')?;
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    (is_word(variable) && is_word(attribute)).then_some((attribute, value.trim_start()))
}

/// Returns the texts of a literal or a list of them: `"a".freeze`, `'a'`, `%q<a>`, `["a", "b"]`, `Gem::Version.new("1")`.
///
/// A text with an interpolation is a program's, not a literal, and is left out.
fn texts(value: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find(['"', '\'', '<', '#']) {
        let close = match rest.as_bytes()[at] {
            b'"' => '"',
            b'\'' => '\'',
            b'<' if rest[..at].ends_with("%q") => '>',
            b'<' => {
                rest = &rest[at + 1..];
                continue;
            }
            _ => break, // A comment.
        };
        let inside = &rest[at + 1..];
        let Some(end) = inside.find(close) else {
            break;
        };
        if !inside[..end].is_empty() && !inside[..end].contains("#{") {
            texts.push(inside[..end].to_owned());
        }
        rest = &inside[end + 1..];
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_and_programs_are_not() {
        for (value, want) in [
            (r#""rack".freeze"#, "rack"),
            ("'a' # 'b'", "a"),
            ("%q<a>.freeze", "a"),
            (r#"["Ruby".freeze,"BSDL".freeze]"#, "Ruby,BSDL"),
            (r#"Gem::Version.new("1.0")"#, "1.0"),
            (r#""#, ""),
            (r##""#{NAME}""##, ""),
            ("Foo::VERSION", ""),
            ("\"open", ""),
        ] {
            assert_eq!(texts(value).join(","), want, "{value}");
        }
        assert_eq!(assignment("s.name = \"a\""), Some(("name", "\"a\"")));
        assert_eq!(assignment("s.metadata[\"x\"] = 1"), None);
        assert_eq!(assignment("if s.respond_to? :a="), None);
    }
}
