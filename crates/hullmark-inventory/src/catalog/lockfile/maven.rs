//! `pom.xml`: literal versions, and those that a property or the managed dependencies of the same file give.
//!
//! What comes from a parent or an imported list of versions is not in the file: such dependencies are named in a gap.
//! See: Maven "POM Reference".

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::declared::{Declared, Scope};
use crate::GapReason;
use crate::catalog::language::sink::Sink;
use crate::package::PackageKind;

/// How deep elements may be nested; the model itself needs ten.
const DEPTH: usize = 64;

/// How often properties may refer to each other.
const HOPS: usize = 8;

/// Bytes of one element's text that are kept, and of a text with its properties put in. Coordinates are far shorter.
const TEXT_BYTES: usize = 512;

/// Properties that are kept.
const PROPERTIES: usize = 10_000;

/// Reads `pom.xml`.
pub(super) fn pom(bytes: &[u8], sink: &mut Sink<'_>) {
    let limit = sink.limits.packages;
    let mut declared = Declared::new(PackageKind::Maven, sink);
    let mut project = Project::default();
    if let Err((reason, detail)) = project.read(bytes, limit) {
        declared.gap(reason, detail);
    }
    project.finish(&mut declared);
    declared.finish();
}

#[derive(Clone, Debug, Default)]
struct Dependency {
    group: String,
    artifact: String,
    version: String,
    scope: String,
}

#[derive(Debug, Default)]
struct Project {
    own: Dependency,
    parent: Dependency,
    properties: BTreeMap<String, String>,
    dependencies: Vec<Dependency>,
    managed: Vec<Dependency>,
    /// The dependency that is being read.
    current: Dependency,
}

impl Project {
    fn read(&mut self, bytes: &[u8], limit: usize) -> Result<(), (GapReason, String)> {
        let document = String::from_utf8_lossy(bytes);
        let mut reader = Reader::from_str(&document);
        reader.config_mut().trim_text(true);
        let mut path: Vec<String> = Vec::new();
        let mut text = String::new();
        loop {
            let malformed = |detail: String| (GapReason::Malformed, detail);
            match reader.read_event().map_err(|error| malformed(error.to_string()))? {
                Event::Start(start) => {
                    if path.len() >= DEPTH {
                        let detail = format!("elements nested deeper than {DEPTH}");
                        return Err((GapReason::TooDeep, detail));
                    }
                    path.push(start.local_name().as_ref().to_owned());
                    text.clear();
                }
                Event::Text(part) if text.len() + part.len() <= TEXT_BYTES => {
                    text.push_str(&part);
                }
                Event::CData(part) if text.len() + part.len() <= TEXT_BYTES => {
                    text.push_str(&part);
                }
                Event::End(_) => {
                    self.end(&path, text.trim());
                    path.pop();
                    text.clear();
                    if self.dependencies.len() + self.managed.len() > limit {
                        return Err((
                            GapReason::TooLarge,
                            format!("more than {limit} dependencies"),
                        ));
                    }
                }
                Event::Eof if path.is_empty() => return Ok(()),
                Event::Eof => return Err((GapReason::Truncated, "the document breaks off".into())),
                _ => {}
            }
        }
    }

    /// Takes what the element that ends at `path` says.
    fn end(&mut self, path: &[String], text: &str) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let ["project", inside @ ..] = path.as_slice() else {
            return;
        };
        match inside {
            ["parent", field] => self.parent.set(field, text),
            ["properties", name] if self.properties.len() < PROPERTIES => {
                self.properties.insert((*name).to_owned(), text.to_owned());
            }
            ["dependencies", "dependency", field]
            | ["dependencyManagement", "dependencies", "dependency", field] => {
                self.current.set(field, text);
            }
            ["dependencies", "dependency"] => {
                self.dependencies.push(std::mem::take(&mut self.current));
            }
            ["dependencyManagement", "dependencies", "dependency"] => {
                self.managed.push(std::mem::take(&mut self.current));
            }
            [field] => self.own.set(field, text),
            _ => {}
        }
    }

    fn finish(&self, declared: &mut Declared<'_, '_>) {
        let group = self.resolve(or(&self.own.group, &self.parent.group)).unwrap_or_default();
        let version = self.resolve(or(&self.own.version, &self.parent.version)).unwrap_or_default();
        if !group.is_empty() && !self.own.artifact.is_empty() {
            declared.add_local(&format!("{group}:{}", self.own.artifact), &version);
        }
        let managed: BTreeMap<(Option<String>, Option<String>), &Dependency> = self
            .managed
            .iter()
            .map(|d| ((self.resolve(&d.group), self.resolve(&d.artifact)), d))
            .collect();
        for dependency in &self.dependencies {
            let (group, artifact) =
                (self.resolve(&dependency.group), self.resolve(&dependency.artifact));
            let rule = managed.get(&(group.clone(), artifact.clone()));
            let name = format!(
                "{}:{}",
                group.as_deref().unwrap_or(&dependency.group),
                artifact.as_deref().unwrap_or(&dependency.artifact)
            );
            let version = or(&dependency.version, rule.map_or("", |rule| &rule.version));
            let scope = or(&dependency.scope, rule.map_or("", |rule| &rule.scope));
            // A range is a request, not a version.
            let version =
                self.resolve(version).filter(|v| !v.is_empty() && !v.contains(['[', '(', ',']));
            match version.filter(|_| group.is_some() && artifact.is_some()) {
                Some(version) => {
                    declared.add(&name, &version, Scope::of(scope == "test"));
                }
                None => declared.incomplete(&name),
            }
        }
    }

    /// Puts properties in; `None` if one is not known here.
    fn resolve(&self, text: &str) -> Option<String> {
        let mut text = text.to_owned();
        for _ in 0..HOPS {
            let Some(start) = text.find("${") else {
                return Some(text);
            };
            let end = start + text[start..].find('}')?;
            let value = self.property(&text[start + 2..end])?;
            if text.len() + value.len() > TEXT_BYTES {
                return None;
            }
            text = format!("{}{value}{}", &text[..start], &text[end + 1..]);
        }
        None
    }

    fn property(&self, name: &str) -> Option<&str> {
        if let Some(value) = self.properties.get(name) {
            return Some(value);
        }
        let name = name.strip_prefix("project.").or(name.strip_prefix("pom.")).unwrap_or(name);
        let value = match name {
            "groupId" => or(&self.own.group, &self.parent.group),
            "artifactId" => &self.own.artifact,
            "version" => or(&self.own.version, &self.parent.version),
            "parent.groupId" => &self.parent.group,
            "parent.version" => &self.parent.version,
            _ => return None,
        };
        Some(value).filter(|value| !value.is_empty())
    }
}

fn or<'a>(first: &'a str, second: &'a str) -> &'a str {
    if first.is_empty() { second } else { first }
}

impl Dependency {
    fn set(&mut self, field: &str, text: &str) {
        let place = match field {
            "groupId" => &mut self.group,
            "artifactId" => &mut self.artifact,
            "version" => &mut self.version,
            "scope" => &mut self.scope,
            _ => return,
        };
        *place = text.into();
    }
}
